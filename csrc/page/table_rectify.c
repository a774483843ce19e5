/* Cells are sampled one by one, with bilinear coordinates in the quadrilateral of their corners and
 * bilinear interpolation between pixels. Lines are then removed along the sides of each cell:
 * foreground that crosses the side in a short run; longer runs are strokes that cross it. */
#include "page/table.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/math.h"
#include "image/row_partition.h"

enum { LINE_LEVEL = 32, MAX_SIDE = 16000 };
static const double min_scale = 0.01; /* pixels of the rectified image for one of the source */

typedef struct source {
  int h, w;
  const uint8_t *image; /* (h, w) */
} source;

static int pixel_at(const source *s, int x, int y) {
  if (x < 0 || y < 0 || x >= s->w || y >= s->h) return 0;
  return s->image[(size_t)y * (size_t)s->w + (size_t)x];
}

/* The level at (x, y), in 1/65536 of a pixel; 0 beyond the image. The result is in 1/256. */
static int sample(const source *s, int64_t x, int64_t y) {
  const int left = (int)(x >> 16), top = (int)(y >> 16);
  const int a = (int)(x >> 8 & 255), b = (int)(y >> 8 & 255);
  int p, q, r, t;
  if (left >= 0 && top >= 0 && left + 1 < s->w && top + 1 < s->h) {
    const uint8_t *pixel = s->image + (size_t)top * (size_t)s->w + (size_t)left;
    p = pixel[0], q = pixel[1], r = pixel[s->w], t = pixel[s->w + 1];
  } else {
    p = pixel_at(s, left, top), q = pixel_at(s, left + 1, top);
    r = pixel_at(s, left, top + 1), t = pixel_at(s, left + 1, top + 1);
  }
  const int above = 256 * p + a * (q - p), below = 256 * r + a * (t - r);
  return above + (b * (below - above) >> 8);
}

/* A cell's place in the rectified image. */
typedef struct cell_target {
  uint8_t *pixels;
  int h, w;
  size_t stride;
} cell_target;

/* Add the samples of a row at height v of a cell (0 to 1) to sums, `taps` samples a pixel. corners:
 * the nodes top left, top right, bottom left, bottom right. */
static void sample_row(const source *s, const double *const corners[4], double v, int taps, int n,
                       int32_t *sums) {
  int64_t point[2], step[2];
  for (int d = 0; d < 2; d++) {
    const double first = (1 - v) * corners[0][d] + v * corners[2][d];
    const double last = (1 - v) * corners[1][d] + v * corners[3][d];
    const double change = (last - first) / ((double)n * taps);
    point[d] = (int64_t)((first + change / 2) * 65536);
    step[d] = (int64_t)(change * 65536);
  }
  for (int j = 0; j < n; j++) {
    for (int k = 0; k < taps; k++) {
      sums[j] += sample(s, point[0], point[1]);
      point[0] += step[0];
      point[1] += step[1];
    }
  }
}

/* Each pixel is the mean of taps x taps samples. sums (target->w) is scratch. */
static void sample_cell(const source *s, const double *const corners[4], int taps,
                        const cell_target *target, int32_t *sums) {
  const int count = taps * taps;
  for (int i = 0; i < target->h; i++) {
    memset(sums, 0, (size_t)target->w * sizeof *sums);
    for (int k = 0; k < taps; k++)
      sample_row(s, corners, (i + (k + 0.5) / taps) / target->h, taps, target->w, sums);
    uint8_t *row = target->pixels + (size_t)i * target->stride;
    for (int j = 0; j < target->w; j++) row[j] = (uint8_t)((sums[j] / count + 128) / 256);
  }
}

/* Erase lines of up to `reach` pixels from one side of a cell: step goes from pixel to pixel along
 * the side, inward from the side into the cell. A run that begins within `slack` pixels of the side
 * and ends within reach is a line; from a longer one only `slack` pixels are erased. */
static void erase_side(uint8_t *first, int length, ptrdiff_t step, ptrdiff_t inward, int slack,
                       int reach) {
  for (int i = 0; i < length; i++) {
    uint8_t *pixel = first + i * step;
    int begin = 0, end;
    while (begin <= slack && pixel[begin * inward] < LINE_LEVEL) begin++;
    if (begin > slack) continue;
    end = begin;
    while (end <= reach && pixel[end * inward] >= LINE_LEVEL) end++;
    const int erased = end <= reach ? end + 1 : slack;
    for (int k = 0; k < erased; k++) pixel[k * inward] = 0;
  }
}

static void erase_walls(const cell_target *t, const double slack[4]) {
  const ptrdiff_t row = (ptrdiff_t)t->stride;
  const int high = (t->h - 1) / 3, wide = (t->w - 1) / 3;
  int near[4], far[4];
  for (int k = 0; k < 4; k++) {
    const int limit = k < 2 ? high : wide;
    near[k] = od_min(limit, (int)ceil(slack[k] / 2 + 1));
    far[k] = od_min(limit, (int)ceil(slack[k] + 3));
  }
  erase_side(t->pixels, t->w, 1, row, near[0], far[0]);
  erase_side(t->pixels + (t->h - 1) * row, t->w, 1, -row, near[1], far[1]);
  erase_side(t->pixels, t->h, row, 1, near[2], far[2]);
  erase_side(t->pixels + t->w - 1, t->h, row, -1, near[3], far[3]);
}

static double distance(const double *a, const double *b) { return hypot(b[0] - a[0], b[1] - a[1]); }

/* A cell: its corners (top left, top right, bottom left, bottom right), and pixels of the rectified
 * image for a pixel of the source. */
typedef struct cell_source {
  const double *corners[4];
  double vertical, horizontal;
} cell_source;

static cell_source source_of(const od_table *table, int i, int j, const int32_t *span,
                             const cell_target *target) {
  const size_t row = 2 * ((size_t)table->columns + 1);
  const double *top = table->nodes + (size_t)i * row + 2 * (size_t)j;
  const double *bottom = top + (size_t)span[0] * row;
  cell_source cell = {{top, top + 2 * span[1], bottom, bottom + 2 * span[1]}, 0, 0};
  const double *const *c = cell.corners;
  cell.vertical = target->h / fmax((distance(c[0], c[2]) + distance(c[1], c[3])) / 2, 1);
  cell.horizontal = target->w / fmax((distance(c[0], c[1]) + distance(c[2], c[3])) / 2, 1);
  return cell;
}

/* Samples a pixel along either side: about one for each pixel of the source, at most 4. */
static int taps_of(const cell_source *cell) {
  return od_max(1, od_min(4, (int)(1 / fmin(cell->vertical, cell->horizontal) + 0.7)));
}

/* The mean length of side i of the cells along an axis: heights of row i, or widths of column i. */
static double mean_side(const od_table *table, bool row, int i) {
  const int n = row ? table->columns : table->rows;
  const size_t stride = 2 * ((size_t)table->columns + 1);
  const double *first = table->nodes + (row ? (size_t)i * stride : 2 * (size_t)i);
  const size_t step = row ? 2 : stride, next = row ? stride : 2;
  double sum = 0;
  for (int k = 0; k <= n; k++)
    sum += distance(first + (size_t)k * step, first + (size_t)k * step + next);
  return sum / (n + 1);
}

/* Set n + 1 edges of rows or columns; return the last, or 0 if it is beyond MAX_SIDE. */
static int set_edges(const od_table *table, bool row, double scale, int gap, int32_t *edges) {
  const int n = row ? table->rows : table->columns;
  edges[0] = 0;
  for (int i = 0; i < n; i++) {
    const double side = fmin(scale * mean_side(table, row, i) + 0.5, MAX_SIDE);
    edges[i + 1] = edges[i] + gap + od_max(1, (int)side);
    if (edges[i + 1] > MAX_SIDE) return 0;
  }
  return edges[n];
}

bool od_lay_out_table(const od_table *table, od_table_layout *layout) {
  double height = 0;
  for (int i = 0; i < table->rows; i++) height += mean_side(table, true, i) / table->rows;
  double scale = fmin(fmax(OD_TABLE_ROW_HEIGHT / fmax(height, 1), 1), 4);
  for (; scale >= min_scale; scale *= 0.8) {
    layout->gap = (int)fmin(scale * height / 8, MAX_SIDE);
    const int h = set_edges(table, true, scale, layout->gap, layout->tops);
    const int w = set_edges(table, false, scale, layout->gap, layout->lefts);
    if (h > 0 && w > 0 && (int64_t)h * w <= OD_TABLE_MAX_PIXELS) return true;
  }
  return false;
}

/* Return whether a cell starts at place (i, j), and where its pixels are. */
static bool target_of(const od_table *table, const od_table_layout *layout, int i, int j,
                      uint8_t *rectified, cell_target *target) {
  const int32_t *span = table->spans + 2 * ((size_t)i * (size_t)table->columns + (size_t)j);
  const size_t stride = (size_t)layout->lefts[table->columns];
  if (span[0] == 0) return false;
  *target = (cell_target){rectified + (size_t)layout->tops[i] * stride + (size_t)layout->lefts[j],
                          layout->tops[i + span[0]] - layout->tops[i] - layout->gap,
                          layout->lefts[j + span[1]] - layout->lefts[j] - layout->gap, stride};
  return true;
}

typedef struct rectification {
  source source;
  const od_table *table;
  const od_table_layout *layout;
  uint8_t *rectified;
} rectification;

static void rectify_rows(void *job, int first, int last, void *scratch, od_interrupt *interrupt) {
  const rectification *r = job;
  const od_table *table = r->table;
  cell_target target;
  for (int i = first; i < last && !od_interrupted(interrupt); i++) {
    for (int j = 0; j < table->columns; j++) {
      if (!target_of(table, r->layout, i, j, r->rectified, &target)) continue;
      const int32_t *span = table->spans + 2 * ((size_t)i * (size_t)table->columns + (size_t)j);
      const cell_source cell = source_of(table, i, j, span, &target);
      sample_cell(&r->source, cell.corners, taps_of(&cell), &target, scratch);
    }
  }
}

od_status od_rectify_table(od_image_workspace *workspace, od_view image, const od_table *table,
                           const od_table_layout *layout, uint8_t *rectified, od_error *error) {
  rectification r = {{image.h, image.w, image.pixels}, table, layout, rectified};
  const size_t w = (size_t)layout->lefts[table->columns];
  const size_t row = w * (size_t)layout->tops[table->rows] / (size_t)table->rows;
  return od_run_row_partitions(workspace, table->rows, 4 * row, w * sizeof(int32_t), rectify_rows,
                               &r, error);
}

void od_erase_table_lines(const od_table *table, const od_table_layout *layout,
                          uint8_t *rectified) {
  const int32_t *lines = table->thickness + table->rows + 1;
  cell_target target;
  for (int i = 0; i < table->rows; i++) {
    for (int j = 0; j < table->columns; j++) {
      if (!target_of(table, layout, i, j, rectified, &target)) continue;
      const int32_t *span = table->spans + 2 * ((size_t)i * (size_t)table->columns + (size_t)j);
      const cell_source cell = source_of(table, i, j, span, &target);
      erase_walls(&target,
                  (double[]){cell.vertical * table->thickness[i],
                             cell.vertical * table->thickness[i + span[0]],
                             cell.horizontal * lines[j], cell.horizontal * lines[j + span[1]]});
    }
  }
}
