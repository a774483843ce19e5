/* Tables in drawn foregrounds, and layouts that fit or do not. */
#include "base/memory.h"
#include "check.h"
#include "page/table.h"
#include "page/table_walls.h"
#include "tables.h"

static od_table find(int h, int w, const uint8_t *foreground, int rows, int columns) {
  od_image_workspace workspace = {.kernels = last_table()};
  od_table table;
  od_error error;
  CHECK_INT(od_find_table(&workspace, h, w, foreground, &(od_table_options){rows, columns}, &table,
                          &error),
            OD_OK);
  od_image_workspace_release(&workspace);
  return table;
}

static void draw_line(int h, int w, uint8_t *foreground, double x, double slope) {
  for (int y = 0; y < h; y++, x += slope)
    for (int k = 0; k < 2; k++)
      if (x + k >= 0 && x + k < w) foreground[y * w + (int)(x + k)] = 255;
}

/* Lines at about 45 degrees, which are tracked as horizontal and vertical ones: their slopes differ
 * by up to `spread`. */
static void draw_hatch(int h, int w, uint8_t *foreground, int step, double spread, unsigned seed) {
  memset(foreground, 0, (size_t)h * (size_t)w);
  for (int x = -2 * h; x < w; x += step) {
    seed = seed * 1103515245u + 12345u;
    draw_line(h, w, foreground, x, 1 + spread * ((seed >> 16 & 1023) / 511.5 - 1));
  }
}

/* A hatch is no table, whether numbers of rows and columns are given or not. */
static void test_hatch(void) {
  enum { MAX_SIDE = 400 };
  static const int sizes[][2] = {{120, 120}, {211, 189}, {400, 90}, {64, 400}};
  static const int shapes[][2] = {{0, 0}, {10, 10}, {2, 2}, {3, 0}};
  static uint8_t foreground[MAX_SIDE * MAX_SIDE];
  for (int n = 0; n < 4 * 4 * 24; n++) {
    const int *size = sizes[n % 4], *shape = shapes[n / 4 % 4];
    const int step = 12 + n / 16, h = size[0], w = size[1];
    CHECK_CASE("%d x %d, step %d, rows %d, columns %d", h, w, step, shape[0], shape[1]);
    draw_hatch(h, w, foreground, step, 0.08 * (n / 16 % 3), (unsigned)n);
    od_table table = find(h, w, foreground, shape[0], shape[1]);
    CHECK_INT(table.rows, 0);
    od_table_release(&table);
  }
}

static void draw_box(int w, uint8_t *foreground, int left, int top, int right, int bottom) {
  for (int y = top; y < bottom; y++)
    memset(foreground + (size_t)y * (size_t)w + left, 255, (size_t)(right - left));
}

/* A table of lines of 2 pixels. */
static void draw_table(int w, uint8_t *foreground, const int size[2], const int origin[2],
                       int side) {
  const int left = origin[0], top = origin[1];
  const int right = left + size[1] * side + 2, bottom = top + size[0] * side + 2;
  for (int i = 0; i <= size[0]; i++)
    draw_box(w, foreground, left, top + i * side, right, top + i * side + 2);
  for (int j = 0; j <= size[1]; j++)
    draw_box(w, foreground, left + j * side, top, left + j * side + 2, bottom);
}

/* More dashes left of a table than lines are kept. */
static void test_dashes(void) {
  enum { H = 2000, W = 1300 };
  uint8_t *foreground = od_allocate(H, W);
  for (int y = 4; y < H; y += 6)
    for (int x = 0; x < 700; x += 70) draw_box(W, foreground, x, y, x + 45, y + 1);
  draw_table(W, foreground, (int[]){5, 4}, (int[]){820, 500}, 100);
  od_table table = find(H, W, foreground, 0, 0);
  CHECK_INT(table.rows, 5);
  CHECK_INT(table.columns, 4);
  od_table_release(&table);
  od_release(foreground);
}

/* The walls between the cells of one row are dotted, and one of them may be missing: cells are
 * merged only there. */
static void test_dotted_walls(void) {
  enum { H = 60, SIDE = 40, COLUMNS = 6, W = SIDE * COLUMNS + 20 };
  static const int32_t whole[COLUMNS] = {1, 1, 1, 1, 1, 1}, merged[COLUMNS] = {1, 1, 2, 0, 1, 1};
  for (int missing = 0; missing < 2; missing++) {
    double nodes[2 * 2 * (COLUMNS + 1)];
    int32_t spans[2 * COLUMNS], thickness[COLUMNS + 3];
    uint8_t foreground[H * W] = {0};
    CHECK_CASE("missing %d", missing);
    for (int j = 0; j <= COLUMNS; j++) {
      const double x = 10 + SIDE * j;
      memcpy(nodes + 2 * j, (double[]){x, 10}, 2 * sizeof(double));
      memcpy(nodes + 2 * (COLUMNS + 1 + j), (double[]){x, 50}, 2 * sizeof(double));
      for (int y = 10; y < 50; y++)
        if (y % 12 < 5 && !(missing && j == 3)) foreground[y * W + (int)x] = 255;
    }
    for (int i = 0; i < COLUMNS + 3; i++) thickness[i] = 1;
    od_table table = {1, COLUMNS, nodes, spans, thickness};
    od_error error;
    CHECK_INT(od_find_table_spans(H, W, foreground, 0.45, &table, &error), OD_OK);
    for (int j = 0; j < COLUMNS; j++) CHECK_INT(spans[2 * j + 1], (missing ? merged : whole)[j]);
  }
}

/* A table whose nodes, row by row, are `height` apart and swing by `swing`. */
static od_table make_table(int rows, int columns, double height, double swing) {
  od_table table = {.rows = rows, .columns = columns};
  table.nodes = od_allocate((size_t)(rows + 1) * (size_t)(columns + 1) * 2, sizeof *table.nodes);
  double *node = table.nodes;
  for (int i = 0; i <= rows; i++) {
    for (int j = 0; j <= columns; j++, node += 2) {
      node[0] = 40 * j;
      node[1] = height * i + (i % 2 ? swing : 0);
    }
  }
  return table;
}

static void test_layout(void) {
  static const struct {
    int rows, columns;
    double height, swing;
    bool fits;
  } cases[] = {
      {10, 10, 40, 0, true},        {1000, 40, 16, 0, true},     {1, 1, 16000, 0, true},
      {1000, 40, 10, 16000, false}, {1000, 40, 10, 1e16, false}, {10, 10, 40, INFINITY, false},
      {1000, 40, 10, 2.2e9, false}, {200, 200, 80, 0, true},
  };
  for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
    const int rows = cases[n].rows, columns = cases[n].columns;
    CHECK_CASE("case %zu", n);
    od_table table = make_table(rows, columns, cases[n].height, cases[n].swing);
    od_table_layout layout = {.tops = od_allocate((size_t)rows + 1, sizeof(int32_t)),
                              .lefts = od_allocate((size_t)columns + 1, sizeof(int32_t))};
    CHECK_INT(od_lay_out_table(&table, &layout), cases[n].fits);
    if (cases[n].fits) {
      CHECK((int64_t)layout.tops[rows] * layout.lefts[columns] <= OD_TABLE_MAX_PIXELS);
      for (int i = 0; i < rows; i++) CHECK(layout.tops[i] + layout.gap < layout.tops[i + 1]);
      for (int j = 0; j < columns; j++) CHECK(layout.lefts[j] + layout.gap < layout.lefts[j + 1]);
    }
    od_release(layout.tops);
    od_release(layout.lefts);
    od_table_release(&table);
  }
}

/* ---- numbers of rows and columns that are given ---- */

enum { GRID_H = 330, GRID_W = 300, GRID_LEFT = 25, GRID_TOP = 20, GRID_SIDE = 50 };

/* A table of 5 rows and 4 columns. */
static void draw_grid(uint8_t *foreground) {
  memset(foreground, 0, GRID_H * GRID_W);
  draw_table(GRID_W, foreground, (int[]){5, 4}, (int[]){GRID_LEFT, GRID_TOP}, GRID_SIDE);
}

/* Erases the line of rows above row i, or draws one a part of a cell below it. */
static void erase_row_line(uint8_t *foreground, int i) {
  for (int y = GRID_TOP + i * GRID_SIDE - 2; y < GRID_TOP + i * GRID_SIDE + 4; y++)
    for (int x = GRID_LEFT; x < GRID_LEFT + 4 * GRID_SIDE; x++)
      if ((x - GRID_LEFT) % GRID_SIDE > 3) foreground[y * GRID_W + x] = 0;
}

/* Checks that the nodes lie on the lines of rows at `tops` (table->rows + 1), up to 2 pixels. */
static void check_rows(const od_table *table, const double *tops) {
  double worst = 0;
  for (int i = 0; i <= table->rows; i++) {
    for (int j = 0; j <= table->columns; j++) {
      const double *node = table->nodes + 2 * (i * (table->columns + 1) + j);
      worst = fmax(worst, fabs(node[0] - (GRID_LEFT + j * GRID_SIDE)));
      worst = fmax(worst, fabs(node[1] - tops[i]));
    }
  }
  CHECK_NEAR(worst, 0, 2.5);
}

/* Lines that are missing are interpolated if numbers are given, and no cells are merged. */
static void test_missing_lines(void) {
  static uint8_t foreground[GRID_H * GRID_W];
  static const double tops[] = {20, 70, 120, 170, 220, 270};
  for (int missing = 1; missing <= 4; missing++) {
    CHECK_CASE("line %d", missing);
    draw_grid(foreground);
    erase_row_line(foreground, missing);
    od_table table = find(GRID_H, GRID_W, foreground, 5, 4);
    if (CHECK_INT(table.rows, 5) && CHECK_INT(table.columns, 4)) {
      check_rows(&table, tops);
      for (int i = 0; i < 2 * 5 * 4; i++) CHECK_INT(table.spans[i], 1);
    }
    od_table_release(&table);
    table = find(GRID_H, GRID_W, foreground, 0, 0);
    CHECK_INT(table.rows, 4);
    od_table_release(&table);
  }
}

/* A line that is none of the given number of rows at equal distances is left out. */
static void test_extra_line(void) {
  static uint8_t foreground[GRID_H * GRID_W];
  static const double tops[] = {20, 70, 120, 170, 220, 270};
  draw_grid(foreground);
  draw_box(GRID_W, foreground, GRID_LEFT, 95, GRID_LEFT + 4 * GRID_SIDE, 97);
  od_table table = find(GRID_H, GRID_W, foreground, 5, 4);
  if (CHECK_INT(table.rows, 5) && CHECK_INT(table.columns, 4)) check_rows(&table, tops);
  od_table_release(&table);
  table = find(GRID_H, GRID_W, foreground, 0, 0);
  CHECK_INT(table.rows, 6);
  od_table_release(&table);
}

/* Rows of very different heights: without lines at equal distances, the widest gap is divided,
 * or the shortest line left out. */
static void test_uneven_rows(void) {
  static const int lines[] = {20, 29, 46, 156, 175, 240};
  static const double divided[] = {20, 29, 46, 101, 156, 175, 240};
  static uint8_t foreground[GRID_H * GRID_W];
  memset(foreground, 0, sizeof foreground);
  for (int i = 0; i < 6; i++) /* the third one is short */
    draw_box(GRID_W, foreground, GRID_LEFT, lines[i], GRID_LEFT + (i == 2 ? 3 : 4) * GRID_SIDE + 2,
             lines[i] + 2);
  for (int j = 0; j <= 4; j++) {
    const int x = GRID_LEFT + j * GRID_SIDE;
    draw_box(GRID_W, foreground, x, 20, x + 2, 242);
  }
  od_table table = find(GRID_H, GRID_W, foreground, 6, 4);
  if (CHECK_INT(table.rows, 6) && CHECK_INT(table.columns, 4)) check_rows(&table, divided);
  od_table_release(&table);
  table = find(GRID_H, GRID_W, foreground, 4, 4);
  if (CHECK_INT(table.rows, 4) && CHECK_INT(table.columns, 4))
    check_rows(&table, (const double[]){20, 29, 156, 175, 240});
  od_table_release(&table);
}

/* More rows than can be told apart. */
static void test_too_many_rows(void) {
  static uint8_t foreground[GRID_H * GRID_W];
  draw_grid(foreground);
  od_table table = find(GRID_H, GRID_W, foreground, 100, 4);
  CHECK_INT(table.rows, 0);
  od_table_release(&table);
}

static void check_invalid(int h, int w, int rows, int columns, const char *message) {
  static const uint8_t foreground[16 * 16];
  od_image_workspace workspace = {.kernels = last_table()};
  od_table table = {0};
  od_error error = {{0}};
  CHECK_INT(od_find_table(&workspace, h, w, foreground, &(od_table_options){rows, columns}, &table,
                          &error),
            OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, message);
  od_image_workspace_release(&workspace);
}

static void test_invalid_arguments(void) {
  check_invalid(0, 16, 0, 0, "image height: got 0, expected 1 to 16384");
  check_invalid(16, 16385, 0, 0, "image width: got 16385, expected 1 to 16384");
  check_invalid(16, 16, -1, 0, "rows: got -1, expected 0 to 1000");
  check_invalid(16, 16, 1001, 0, "rows: got 1001, expected 0 to 1000");
  check_invalid(16, 16, 0, -1, "columns: got -1, expected 0 to 1000");
  check_invalid(16, 16, 0, 1001, "columns: got 1001, expected 0 to 1000");
  check_invalid(16, 16, 201, 200, "rows x columns: got 201 x 200, expected up to 40000 cells");
}

/* ---- rectification ---- */

/* Cells of one level each, between lines of 2 pixels, come out at their places, upright; then their
 * lines are erased, and what is inside them stays. */
static void test_rectify(void) {
  enum { ROWS = 5, COLUMNS = 4 };
  static uint8_t foreground[GRID_H * GRID_W];
  od_image_workspace workspace = {.kernels = last_table()};
  int32_t tops[ROWS + 1], lefts[COLUMNS + 1];
  od_table_layout layout = {.tops = tops, .lefts = lefts};
  draw_grid(foreground);
  od_table table = find(GRID_H, GRID_W, foreground, 0, 0);
  if (!CHECK_INT(table.rows, ROWS) || !CHECK_INT(table.columns, COLUMNS)) return;
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < COLUMNS; j++)
      for (int y = 15; y < 38; y++)
        memset(
            foreground + (GRID_TOP + i * GRID_SIDE + y) * GRID_W + GRID_LEFT + j * GRID_SIDE + 15,
            100 + 7 * (COLUMNS * i + j), 23);
  CHECK(od_lay_out_table(&table, &layout));
  const int w = lefts[COLUMNS], h = tops[ROWS];
  uint8_t *rectified = od_allocate((size_t)h, (size_t)w);
  CHECK_INT(od_rectify_table(&workspace, od_view_of(GRID_H, GRID_W, foreground), &table, &layout,
                             rectified, NULL),
            OD_OK);
  for (int erased = 0; erased < 2; erased++) {
    for (int i = 0; i < ROWS; i++) {
      for (int j = 0; j < COLUMNS; j++) {
        const int cell_h = tops[i + 1] - tops[i] - layout.gap;
        const int cell_w = lefts[j + 1] - lefts[j] - layout.gap;
        const uint8_t *cell = rectified + tops[i] * w + lefts[j];
        CHECK_CASE("cell (%d, %d), erased %d", i, j, erased);
        CHECK_INT(cell[cell_h / 2 * w + cell_w / 2], 100 + 7 * (COLUMNS * i + j));
        CHECK_INT(cell[cell_h / 2 * w + cell_w / 6], 0);
        int side = 0; /* the highest level near the left side */
        for (int x = 0; x < 3; x++) {
          const int level = cell[cell_h / 2 * w + x];
          side = level > side ? level : side;
        }
        CHECK(erased ? side == 0 : side > 100);
      }
    }
    od_erase_table_lines(&table, &layout, rectified);
  }
  od_release(rectified);
  od_table_release(&table);
  od_image_workspace_release(&workspace);
}

int main(void) {
  RUN(test_hatch);
  RUN(test_dashes);
  RUN(test_dotted_walls);
  RUN(test_layout);
  RUN(test_missing_lines);
  RUN(test_extra_line);
  RUN(test_uneven_rows);
  RUN(test_too_many_rows);
  RUN(test_invalid_arguments);
  RUN(test_rectify);
  return check_end();
}
