/* image/: from a gray picture to strokes of ink. Bits, cells, strokes and pens are held against
 * their definitions; what ink and rules are, against pictures drawn for it. Every table and any
 * number of threads give the same. */
#include "base/memory.h"
#include "base/rng.h"
#include "check.h"
#include "guard.h"
#include "image/bit_rows.h"
#include "digit/coarse_grid.h"
#include "digit/foreground.h"
#include "digit/ruling_lines.h"
#include "digit/components.h"
#include "tables.h"

enum { LONGEST = 150, MOST = LONGEST * LONGEST };

static od_rng rng;
static od_thread_pool *pool;
static guard guard_in, guard_out;

static int draw(int low, int high) { /* both included */
  return low + (int)od_rng_below(&rng, (uint64_t)(high - low + 1));
}
static guard_side side(void) { return draw(0, 1) ? GUARD_BELOW : GUARD_ABOVE; }

static od_image_workspace imaging_with(int t) {
  return (od_image_workspace){.kernels = table(t), .pool = draw(0, 1) ? pool : NULL};
}

/* ---- bits ---- */

/* Noise, blobs or stripes, of ink that is faint, full and in between. */
static uint8_t *random_ink(int h, int w) {
  uint8_t *ink = guard_block(&guard_in, (size_t)h * (size_t)w, side());
  const int style = draw(0, 3), often = draw(1, 9), size = draw(1, 8);
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      const bool on = style == 0   ? draw(0, 9) < often
                      : style == 1 ? (y / size + x / size) % 2
                      : style == 2 ? y / size % 2
                                   : x / size % 2 && draw(0, 9) < 9;
      ink[y * w + x] = (uint8_t)(on ? draw(OD_FOREGROUND_WEAK, 255) : draw(0, OD_FOREGROUND_WEAK - 1));
    }
  return ink;
}

static bool is_ink(int h, int w, const uint8_t *ink, int y, int x) {
  return 0 <= y && y < h && 0 <= x && x < w && ink[y * w + x] >= OD_FOREGROUND_WEAK;
}

static bool bit_of(const od_bit_rows *rows, int y, int x) {
  return od_bit_row(rows, y)[x / 64] >> x % 64 & 1;
}

static void test_bits(void) {
  static uint64_t words[LONGEST * 3], turned[LONGEST * 3];
  for (int i = 0; i < 300; i++) {
    const int h = draw(1, LONGEST), w = i < 150 ? i + 1 : draw(1, LONGEST);
    CHECK_CASE("picture %d, (%d, %d)", i, h, w);
    const uint8_t *ink = random_ink(h, w);
    const od_bit_rows rows = {h, w, od_bit_words(w), words};
    const od_bit_rows columns = {w, h, od_bit_words(h), turned};
    od_bits_fill(last_table(), ink, OD_FOREGROUND_WEAK, &rows);
    od_bits_transpose(&rows, &columns);
    size_t pixels = 0, runs = 0, found = 0;
    bool right = true;
    for (int y = 0; y < h; y++) {
      int32_t ends[LONGEST + 2];
      const int count = od_bits_find_runs(&rows, y, ends);
      int so_far = 0;
      for (int x = 0; x < w; x++) {
        const bool here = is_ink(h, w, ink, y, x);
        right = right && bit_of(&rows, y, x) == here && bit_of(&columns, x, y) == here;
        if (here && !is_ink(h, w, ink, y, x - 1)) right = right && ends[2 * so_far] == x;
        if (here && !is_ink(h, w, ink, y, x + 1)) right = right && ends[2 * so_far++ + 1] == x + 1;
        pixels += here;
      }
      right = right && so_far == count;
      found += (size_t)count;
      runs += (size_t)so_far;
    }
    CHECK(right);
    CHECK_INT((long long)od_bits_count((size_t)h * rows.words, words), (long long)pixels);
    CHECK_INT((long long)od_bits_count((size_t)w * columns.words, turned), (long long)pixels);
    CHECK_INT((long long)od_bits_count_runs(&rows), (long long)runs);
    CHECK_INT((long long)found, (long long)runs);
  }
}

/* ---- cells ---- */

/* The greatest, the least and the sum of the nodes within `reach` of node (i, j), and how many. */
typedef struct around {
  double greatest, least, sum;
  int count;
} around;

static around look_around(const od_coarse_grid *cells, const float *nodes, int reach, int i, int j) {
  around found = {-INFINITY, INFINITY, 0, 0};
  for (int y = i - reach; y <= i + reach; y++)
    for (int x = j - reach; x <= j + reach; x++) {
      if (y < 0 || y >= cells->rows || x < 0 || x >= cells->columns) continue;
      const double node = (double)nodes[y * cells->columns + x];
      found.greatest = fmax(found.greatest, node);
      found.least = fmin(found.least, node);
      found.sum += node;
      found.count++;
    }
  return found;
}

static void test_cells(void) {
  static float nodes[MOST], greatest[MOST], lowest[MOST], sum[MOST], mean[MOST];
  for (int i = 0; i < 150; i++) {
    const int h = draw(1, LONGEST), w = draw(1, LONGEST), window = draw(1, draw(0, 1) ? 20 : 400);
    const od_coarse_grid cells = od_coarse_grid_for(h, w, window);
    const size_t n = od_coarse_grid_count(&cells);
    const int reach = draw(1, 2) == 1 ? cells.reach : draw(1, 4);
    void *scratch = guard_block(&guard_out, od_coarse_grid_scratch(&cells), GUARD_BELOW);
    CHECK_CASE("(%d, %d), cells of %d, reach %d", h, w, cells.size, reach);
    CHECK(cells.size == 8 || window <= 12 * cells.size);
    for (size_t k = 0; k < n; k++)
      nodes[k] = greatest[k] = lowest[k] = sum[k] = mean[k] = (float)od_rng_range(&rng, 0, 255);
    od_coarse_grid_max(&cells, reach, greatest, scratch);
    od_coarse_grid_min(&cells, reach, lowest, scratch);
    od_coarse_grid_sum(&cells, reach, sum, scratch);
    od_coarse_grid_mean(&cells, reach, mean, scratch);
    bool extremes = true;
    double worst = 0;
    int area = 0;
    for (int y = 0; y < cells.rows; y++)
      for (int x = 0; x < cells.columns; x++) {
        const around want = look_around(&cells, nodes, reach, y, x);
        const int at = y * cells.columns + x;
        const double usual = want.sum / want.count;
        extremes = extremes && (double)greatest[at] == want.greatest;
        extremes = extremes && (double)lowest[at] == want.least;
        worst = fmax(worst, fabs((double)sum[at] - want.sum) / (want.sum + 1));
        worst = fmax(worst, fabs((double)mean[at] - usual) / (usual + 1));
        area += od_coarse_grid_area(&cells, y, x);
      }
    CHECK(extremes);
    CHECK_NEAR(worst, 0, 1e-5);
    CHECK_INT(area, h * w);
    CHECK_INT(od_coarse_grid_end(&cells, cells.rows - 1), h);
    CHECK(guard_intact(&guard_out));
  }
}

/* A plane through the cells' middles is read back, up to the middles of the outer ones. */
static void test_cells_read(void) {
  static float nodes[MOST];
  for (int i = 0; i < 200; i++) {
    const int h = draw(1, LONGEST), w = draw(1, LONGEST);
    const od_coarse_grid cells = od_coarse_grid_for(h, w, draw(1, 150));
    const double half = 0.5 * (cells.size - 1);
    for (int r = 0; r < cells.rows; r++)
      for (int c = 0; c < cells.columns; c++)
        nodes[r * cells.columns + c] =
            (float)(3 + 0.5 * (r * cells.size + half) + 0.25 * (c * cells.size + half));
    double worst = 0;
    for (int y = 0; y < h; y++) {
      float *row = guard_block(&guard_out, od_coarse_grid_row_room(&cells) * sizeof *row, GUARD_ABOVE);
      od_coarse_grid_read(table(i % 2 && table(1) ? 1 : 0), &cells, nodes, y, row);
      const double down = fmin(fmax(y, half), (cells.rows - 1) * cells.size + half);
      for (int x = 0; x < w; x++) {
        const double right = fmin(fmax(x, half), (cells.columns - 1) * cells.size + half);
        worst = fmax(worst, fabs((double)row[x] - (3 + 0.5 * down + 0.25 * right)));
      }
    }
    CHECK_CASE("(%d, %d), cells of %d", h, w, cells.size);
    CHECK_NEAR(worst, 0, 1e-3);
  }
}

/* ---- ink ---- */

/* A picture of slanted strokes on paper of uneven light; strokes (h, w) says where. */
static uint8_t *lit_page(int h, int w, bool dark, bool *strokes) {
  uint8_t *image = guard_block(&guard_in, (size_t)h * (size_t)w, side());
  const double slope_y = od_rng_range(&rng, -0.08, 0.08), slope_x = od_rng_range(&rng, -0.08, 0.08);
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      strokes[y * w + x] = (x + y / 3) % 40 < 4 && y % 30 < 22;
      double level = 180 + slope_y * y + slope_x * x + draw(-3, 3) - 110 * strokes[y * w + x];
      image[y * w + x] = (uint8_t)(dark ? level : 255 - level);
    }
  return image;
}

static void test_ink(void) {
  static bool strokes[MOST];
  static uint8_t ink[MOST], first[MOST];
  for (int i = 0; i < 40; i++) {
    const int h = draw(100, LONGEST), w = draw(100, LONGEST), window = draw(50, 90);
    const bool dark = draw(0, 1);
    CHECK_CASE("page %d, (%d, %d), %s ink", i, h, w, dark ? "dark" : "light");
    const uint8_t *image = lit_page(h, w, dark, strokes);
    for (int t = 0; table(t); t++) {
      od_image_workspace imaging = imaging_with(t);
      od_foreground_stats facts;
      uint8_t *paper = guard_block(&guard_out, (size_t)h * (size_t)w, side());
      CHECK_INT(od_find_foreground(&imaging, h, w, image, window, ink, paper, &facts, NULL), OD_OK);
      CHECK_INT(facts.dark, dark);
      CHECK_NEAR(facts.contrast, 110, 10);
      CHECK_NEAR(facts.noise, 2, 1.5);
      int wrong = 0, off = 0;
      for (int k = 0; k < h * w; k++) {
        wrong += strokes[k] ? ink[k] < OD_FOREGROUND_STRONG : ink[k] >= OD_FOREGROUND_WEAK / 2;
        if (!strokes[k]) off += abs(paper[k] - image[k]) > 12;
      }
      CHECK_INT(wrong, 0);
      CHECK_INT(off, 0);
      if (t == 0) memcpy(first, ink, (size_t)(h * w));
      CHECK(memcmp(first, ink, (size_t)(h * w)) == 0);
      CHECK(guard_intact(&guard_out));
      od_image_workspace_release(&imaging);
    }
  }
}

static void test_ink_of_nothing(void) {
  static uint8_t ink[MOST];
  od_image_workspace imaging = imaging_with(0);
  for (int i = 0; i < 60; i++) {
    const int h = draw(1, 60), w = draw(1, 60), level = draw(0, 255);
    uint8_t *image = guard_block(&guard_in, (size_t)(h * w), side());
    memset(image, level, (size_t)(h * w));
    memset(ink, 7, sizeof ink);
    od_foreground_stats facts;
    CHECK_CASE("(%d, %d) of %d", h, w, level);
    CHECK_INT(od_find_foreground(&imaging, h, w, image, draw(1, 90), ink, NULL, &facts, NULL), OD_OK);
    CHECK_NEAR(facts.contrast, 0, 0);
    bool none = true;
    for (int k = 0; k < h * w; k++) none = none && ink[k] == 0;
    CHECK(none && ink[h * w] == 7);
  }
  od_image_workspace_release(&imaging);
}

/* Many bands of a large picture: what one thread finds, three find, on every table. */
static void test_ink_of_threads(void) {
  enum { H = 900, W = 1001 };
  guard large = guard_create(H * W);
  uint8_t *image = guard_block(&large, H * W, GUARD_ABOVE);
  uint8_t *one = malloc(H * W), *many = malloc(H * W);
  for (int style = 0; style < 2; style++) {
    for (int k = 0; k < H * W; k++)
      image[k] = (uint8_t)(style ? draw(0, 255) : (k / 7 + k / W / 9) % 11 ? draw(200, 240) : 60);
    for (int t = 0; table(t); t++) {
      od_image_workspace alone = {.kernels = table(0)}, together = {.kernels = table(t), .pool = pool};
      od_foreground_stats first, second;
      CHECK_INT(od_find_foreground(&alone, H, W, image, 96, one, NULL, &first, NULL), OD_OK);
      CHECK_INT(od_find_foreground(&together, H, W, image, 96, many, NULL, &second, NULL), OD_OK);
      CHECK_CASE("%s", table(t)->name);
      CHECK(memcmp(one, many, (size_t)H * W) == 0);
      CHECK_NEAR(first.noise, second.noise, 0);
      CHECK_NEAR(first.contrast, second.contrast, 0);
      od_image_workspace_release(&alone);
      od_image_workspace_release(&together);
    }
  }
  free(one);
  free(many);
  guard_destroy(&large);
}

static void test_ink_refuses(void) {
  od_image_workspace imaging = imaging_with(0);
  od_foreground_stats facts;
  od_error error;
  uint8_t pixel = 0, ink;
  const int bad[][3] = {{0, 1, 5}, {1, 0, 5}, {16385, 1, 5}, {1, -1, 5}, {1, 1, 0}, {1, 1, -9}};
  for (int i = 0; i < 6; i++) {
    const od_status status = od_find_foreground(&imaging, bad[i][0], bad[i][1], &pixel, bad[i][2], &ink,
                                         NULL, &facts, &error);
    CHECK_INT(status, OD_ERROR_ARGUMENT);
    CHECK_CONTAINS(error.message, i < 4 ? "image" : "window");
  }
  od_image_workspace_release(&imaging);
}

/* ---- strokes ---- */

/* Labels every pixel of the stroke that (y, x) belongs to. */
static void flood(int h, int w, const uint8_t *ink, int y, int x, int label, int32_t *labels,
                  od_foreground_component *stroke) {
  static int stack[MOST];
  int count = 0;
  stack[count++] = y * w + x;
  labels[y * w + x] = label;
  *stroke = (od_foreground_component){w, h, 0, 0, 0, 0, 0, 0};
  while (count) {
    const int at = stack[--count], row = at / w, column = at % w;
    stroke->left = column < stroke->left ? column : stroke->left;
    stroke->right = column >= stroke->right ? column + 1 : stroke->right;
    stroke->top = row < stroke->top ? row : stroke->top;
    stroke->bottom = row >= stroke->bottom ? row + 1 : stroke->bottom;
    stroke->area++;
    stroke->mass += ink[at];
    stroke->peak = ink[at] > stroke->peak ? ink[at] : stroke->peak;
    stroke->across += column;
    for (int r = row - 1; r <= row + 1; r++)
      for (int c = column - 1; c <= column + 1; c++)
        if (is_ink(h, w, ink, r, c) && !labels[r * w + c]) {
          labels[r * w + c] = label;
          stack[count++] = r * w + c;
        }
  }
}

/* By how many of `count` strokes that pass stroke i is outweighed; of equals, earlier ones stay. */
static int heavier(int count, const od_foreground_component *all, const bool *passes, int i) {
  int more = 0;
  for (int k = 0; k < count; k++)
    more += passes[k] && (all[k].mass > all[i].mass || (all[k].mass == all[i].mass && k < i));
  return more;
}

static void test_strokes(void) {
  static int32_t labels[MOST], want[MOST];
  static od_foreground_component all[MOST];
  static bool passes[MOST];
  for (int i = 0; i < 200; i++) {
    const int h = draw(1, LONGEST), w = draw(1, LONGEST), least_area = draw(1, 6);
    const int limit = draw(0, 1) ? draw(1, 20) : MOST;
    const uint8_t *ink = random_ink(h, w);
    int count = 0, kept = 0;
    memset(labels, 0, sizeof labels);
    for (int k = 0; k < h * w; k++)
      if (ink[k] >= OD_FOREGROUND_WEAK && !labels[k]) {
        flood(h, w, ink, k / w, k % w, count + 1, labels, &all[count]);
        passes[count] = all[count].peak >= OD_FOREGROUND_STRONG && all[count].area >= least_area;
        count++;
      }
    od_image_workspace imaging = imaging_with(i % 2 && table(1) ? 1 : 0);
    od_foreground_components strokes;
    CHECK_CASE("picture %d, (%d, %d), from %d pixels, up to %d", i, h, w, least_area, limit);
    const od_status status =
        od_find_foreground_components(&imaging, h, w, ink, least_area, limit, &strokes, NULL);
    if (!CHECK_INT(status, OD_OK)) continue;
    memset(want, 0, sizeof want);
    bool right = true;
    for (int k = 0; k < count; k++) {
      if (!passes[k] || heavier(count, all, passes, k) >= limit) continue;
      if (kept < strokes.count)
        right = right && memcmp(&strokes.of[kept], &all[k], sizeof all[k]) == 0;
      kept++;
      for (int p = 0; p < h * w; p++)
        if (labels[p] == k + 1) want[p] = kept;
    }
    CHECK_INT(strokes.count, kept);
    CHECK(right);
    CHECK(memcmp(strokes.label, want, (size_t)(h * w) * sizeof *want) == 0);
    CHECK(guard_intact(&guard_in));
    od_foreground_components_release(&strokes);
    od_image_workspace_release(&imaging);
  }
}

static void test_pen_width(void) {
  for (int t = 0; table(t); t++)
    for (int i = 0; i < 150; i++) {
      const int h = draw(1, LONGEST), w = draw(1, LONGEST);
      const uint8_t *ink = random_ink(h, w);
      int area = 0, edges = 0;
      for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
          if (!is_ink(h, w, ink, y, x)) continue;
          area++;
          edges += !is_ink(h, w, ink, y, x - 1) + !is_ink(h, w, ink, y, x + 1);
          edges += !is_ink(h, w, ink, y - 1, x) + !is_ink(h, w, ink, y + 1, x);
        }
      CHECK_CASE("%s (%d, %d)", table(t)->name, h, w);
      CHECK_NEAR(od_stroke_width(table(t), h, w, ink), edges ? 2.0 * area / edges : 0, 1e-12);
    }
}

/* ---- rules ---- */

static void draw_box(int w, uint8_t *ink, int top, int left, int bottom, int right) {
  for (int y = top; y < bottom; y++)
    for (int x = left; x < right; x++) ink[y * w + x] = 255;
}

/* Turns rows and columns of ink (SIDE, SIDE) round. */
enum { SIDE = 100 };
static void turn(uint8_t *ink) {
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < y; x++) {
      const uint8_t kept = ink[y * SIDE + x];
      ink[y * SIDE + x] = ink[x * SIDE + y];
      ink[x * SIDE + y] = kept;
    }
}

/* A rule that sways and has a gap, and two thick strokes, of which one crosses it: the rule goes,
 * also where it meets the stroke's sides; the strokes stay. */
static void test_rules(void) {
  for (int upright = 0; upright < 2; upright++)
    for (int t = 0; table(t); t++) {
      od_image_workspace imaging = imaging_with(t);
      uint8_t *ink = guard_block(&guard_in, SIDE * SIDE, side());
      uint8_t want[SIDE * SIDE] = {0};
      const od_ruling_line_limits level = {3, upright ? 0 : 60, upright ? 60 : 0};
      const od_ruling_line_limits other = {3, upright ? 60 : 0, upright ? 0 : 60};
      bool found = true;
      draw_box(SIDE, want, 30, 40, 70, 46);
      draw_box(SIDE, want, 10, 70, 40, 74);
      memcpy(ink, want, sizeof want);
      for (int x = 0; x < SIDE; x++)
        if (x < 20 || x > 24) draw_box(SIDE, ink, 50 + x / 25, x, 52 + x / 25, x + 1);
      if (upright) turn(ink);
      CHECK_CASE("%s, %s", table(t)->name, upright ? "upright" : "level");
      CHECK_INT(od_remove_ruling_lines(&imaging, SIDE, SIDE, ink, other, &found, NULL), OD_OK);
      CHECK(!found);
      CHECK_INT(od_remove_ruling_lines(&imaging, SIDE, SIDE, ink, level, &found, NULL), OD_OK);
      CHECK(found);
      if (upright) turn(ink);
      CHECK(memcmp(ink, want, sizeof want) == 0);
      CHECK_INT(od_remove_ruling_lines(&imaging, SIDE, SIDE, ink, level, &found, NULL), OD_OK);
      CHECK(guard_intact(&guard_in));
      od_image_workspace_release(&imaging);
    }
}

/* Whatever the picture: only ink goes, and the soft edges beside it. */
static void test_rules_of_noise(void) {
  static uint8_t before[MOST];
  for (int i = 0; i < 200; i++) {
    const int h = draw(1, LONGEST), w = draw(1, LONGEST);
    uint8_t *ink = random_ink(h, w);
    memcpy(before, ink, (size_t)(h * w));
    od_image_workspace imaging = imaging_with(0);
    bool found, changed = false, right = true;
    CHECK_CASE("picture %d, (%d, %d)", i, h, w);
    const od_ruling_line_limits limits = {draw(1, 8), draw(0, 40), draw(0, 40)};
    CHECK_INT(od_remove_ruling_lines(&imaging, h, w, ink, limits, &found, NULL), OD_OK);
    for (int k = 0; k < h * w; k++) {
      changed = changed || ink[k] != before[k];
      right = right && (ink[k] == before[k] || ink[k] == 0);
    }
    CHECK(right);
    CHECK(found || !changed);
    CHECK(guard_intact(&guard_in));
    od_image_workspace_release(&imaging);
  }
}

int main(void) {
  od_rng_seed(&rng, 53, 0);
  guard_in = guard_create(MOST);
  guard_out = guard_create(4 * MOST + 16 * (LONGEST + 1) * sizeof(double));
  od_thread_pool_create(3, &pool, NULL);
  RUN(test_bits);
  RUN(test_cells);
  RUN(test_cells_read);
  RUN(test_ink);
  RUN(test_ink_of_nothing);
  RUN(test_ink_of_threads);
  RUN(test_ink_refuses);
  RUN(test_strokes);
  RUN(test_pen_width);
  RUN(test_rules);
  RUN(test_rules_of_noise);
  od_thread_pool_destroy(pool);
  guard_destroy(&guard_in);
  guard_destroy(&guard_out);
  return check_end();
}
