/* From a gray image to connected components of its foreground. Bit rows, the coarse grid,
 * components and stroke width are compared with their definitions; foreground and ruling lines are
 * tested on drawn images. Every table and any number of threads give the same result. */
#include "base/memory.h"
#include "base/rng.h"
#include "check.h"
#include "guard.h"
#include "image/bit_rows.h"
#include "digit/coarse_grid.h"
#include "digit/foreground.h"
#include "digit/ruling_lines.h"
#include "digit/components.h"
#include "digit/stroke_width.h"
#include "digit/box_sides.h"
#include "tables.h"

enum { MAX_SIDE = 150, MAX_PIXELS = MAX_SIDE * MAX_SIDE };

static od_rng rng;
static od_thread_pool *pool;
static guard guard_in, guard_out;

static int draw(int low, int high) { /* both included */
  return low + (int)od_rng_below(&rng, (uint64_t)(high - low + 1));
}
static guard_side side(void) { return draw(0, 1) ? GUARD_BELOW : GUARD_ABOVE; }

static od_image_workspace workspace_with(int t) {
  return (od_image_workspace){.kernels = table(t), .pool = draw(0, 1) ? pool : NULL};
}

/* ---- bit rows ---- */

/* Foreground levels of noise, squares or stripes. */
static uint8_t *random_foreground(int h, int w) {
  uint8_t *image = guard_block(&guard_in, (size_t)h * (size_t)w, side());
  const int style = draw(0, 3), often = draw(1, 9), size = draw(1, 8);
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      const bool on = style == 0   ? draw(0, 9) < often
                      : style == 1 ? (y / size + x / size) % 2
                      : style == 2 ? y / size % 2
                                   : x / size % 2 && draw(0, 9) < 9;
      image[y * w + x] =
          (uint8_t)(on ? draw(OD_FOREGROUND_WEAK, 255) : draw(0, OD_FOREGROUND_WEAK - 1));
    }
  return image;
}

static bool is_foreground(int h, int w, const uint8_t *image, int y, int x) {
  return 0 <= y && y < h && 0 <= x && x < w && image[y * w + x] >= OD_FOREGROUND_WEAK;
}

static bool bit_of(const od_bit_rows *rows, int y, int x) {
  return od_bit_row(rows, y)[x / 64] >> x % 64 & 1;
}

static void test_bits(void) {
  static uint64_t words[MAX_SIDE * 3], transposed[MAX_SIDE * 3];
  for (int i = 0; i < 300; i++) {
    const int h = draw(1, MAX_SIDE), w = i < 150 ? i + 1 : draw(1, MAX_SIDE);
    CHECK_CASE("image %d, (%d, %d)", i, h, w);
    const uint8_t *image = random_foreground(h, w);
    const od_bit_rows rows = {h, w, od_bit_words(w), words};
    const od_bit_rows columns = {w, h, od_bit_words(h), transposed};
    od_bits_fill(last_table(), image, OD_FOREGROUND_WEAK, &rows);
    od_bits_transpose(&rows, &columns);
    size_t pixels = 0, runs = 0, found = 0;
    bool correct = true;
    for (int y = 0; y < h; y++) {
      int32_t ends[MAX_SIDE + 2];
      const int count = od_bits_find_runs(&rows, y, ends);
      int so_far = 0;
      for (int x = 0; x < w; x++) {
        const bool set = is_foreground(h, w, image, y, x);
        correct = correct && bit_of(&rows, y, x) == set && bit_of(&columns, x, y) == set;
        if (set && !is_foreground(h, w, image, y, x - 1))
          correct = correct && ends[2 * so_far] == x;
        if (set && !is_foreground(h, w, image, y, x + 1))
          correct = correct && ends[2 * so_far++ + 1] == x + 1;
        pixels += set;
      }
      correct = correct && so_far == count;
      found += (size_t)count;
      runs += (size_t)so_far;
    }
    CHECK(correct);
    CHECK_INT((long long)od_bits_count((size_t)h * rows.words, words), (long long)pixels);
    CHECK_INT((long long)od_bits_count((size_t)w * columns.words, transposed), (long long)pixels);
    CHECK_INT((long long)od_bits_count_runs(&rows), (long long)runs);
    CHECK_INT((long long)found, (long long)runs);
  }
}

static void test_opening_of_bits(void) {
  static uint64_t words[MAX_SIDE * 3];
  for (int i = 0; i < 300; i++) {
    const int h = draw(1, 9), w = i < 150 ? i + 1 : draw(1, MAX_SIDE), n = 1 << draw(0, 5);
    CHECK_CASE("image %d, (%d, %d), runs of %d", i, h, w, n);
    const uint8_t *image = random_foreground(h, w);
    const od_bit_rows rows = {h, w, od_bit_words(w), words};
    od_bits_fill(last_table(), image, OD_FOREGROUND_WEAK, &rows);
    od_bits_open_rows(&rows, n);
    bool correct = true;
    for (int y = 0; y < h; y++)
      for (int x = 0; x < w; x++) {
        int first = x, last = x;
        while (is_foreground(h, w, image, y, first - 1)) first--;
        while (is_foreground(h, w, image, y, last + 1)) last++;
        const bool kept = is_foreground(h, w, image, y, x) && last - first + 1 >= n;
        correct = correct && bit_of(&rows, y, x) == kept;
      }
    CHECK(correct);
    for (int y = 0; y < h; y++) /* no bits beyond the width */
      for (int x = w; x < 64 * (int)rows.words; x++) CHECK(!bit_of(&rows, y, x));
  }
}

/* ---- the coarse grid ---- */

/* Maximum, minimum, sum and number of the nodes within `radius` of node (i, j). */
typedef struct around {
  double max, min, sum;
  int count;
} around;

static around nodes_around(const od_coarse_grid *grid, const float *nodes, int radius, int i,
                           int j) {
  around found = {-INFINITY, INFINITY, 0, 0};
  for (int y = i - radius; y <= i + radius; y++)
    for (int x = j - radius; x <= j + radius; x++) {
      if (y < 0 || y >= grid->rows || x < 0 || x >= grid->columns) continue;
      const double node = (double)nodes[y * grid->columns + x];
      found.max = fmax(found.max, node);
      found.min = fmin(found.min, node);
      found.sum += node;
      found.count++;
    }
  return found;
}

static void test_coarse_grid(void) {
  static float nodes[MAX_PIXELS], max[MAX_PIXELS], min[MAX_PIXELS], sum[MAX_PIXELS],
      mean[MAX_PIXELS];
  for (int i = 0; i < 150; i++) {
    const int h = draw(1, MAX_SIDE), w = draw(1, MAX_SIDE), window = draw(1, draw(0, 1) ? 20 : 400);
    const od_coarse_grid grid = od_coarse_grid_for(h, w, window);
    const size_t n = od_coarse_grid_count(&grid);
    const int radius = draw(1, 2) == 1 ? grid.radius : draw(1, 4);
    void *scratch = guard_block(&guard_out, od_coarse_grid_scratch(&grid), GUARD_BELOW);
    CHECK_CASE("(%d, %d), cells of %d, radius %d", h, w, grid.size, radius);
    CHECK(grid.size == 8 || window <= 12 * grid.size);
    for (size_t k = 0; k < n; k++)
      nodes[k] = max[k] = min[k] = sum[k] = mean[k] = (float)od_rng_range(&rng, 0, 255);
    od_coarse_grid_max(&grid, radius, max, scratch);
    od_coarse_grid_min(&grid, radius, min, scratch);
    od_coarse_grid_sum(&grid, radius, sum, scratch);
    od_coarse_grid_mean(&grid, radius, mean, scratch);
    bool extremes = true;
    double worst = 0;
    int area = 0;
    for (int y = 0; y < grid.rows; y++)
      for (int x = 0; x < grid.columns; x++) {
        const around expected = nodes_around(&grid, nodes, radius, y, x);
        const int node = y * grid.columns + x;
        const double expected_mean = expected.sum / expected.count;
        extremes = extremes && (double)max[node] == expected.max;
        extremes = extremes && (double)min[node] == expected.min;
        worst = fmax(worst, fabs((double)sum[node] - expected.sum) / (expected.sum + 1));
        worst = fmax(worst, fabs((double)mean[node] - expected_mean) / (expected_mean + 1));
        area += od_coarse_grid_area(&grid, y, x);
      }
    CHECK(extremes);
    CHECK_NEAR(worst, 0, 1e-5);
    CHECK_INT(area, h * w);
    CHECK_INT(od_coarse_grid_row_end(&grid, grid.rows - 1), h);
    CHECK(guard_intact(&guard_out));
  }
}

/* A linear function at the cells' centres is reproduced between them, and constant beyond the outer
 * centres. */
static void test_coarse_grid_interpolation(void) {
  static float nodes[MAX_PIXELS];
  for (int i = 0; i < 200; i++) {
    const int h = draw(1, MAX_SIDE), w = draw(1, MAX_SIDE);
    const od_coarse_grid grid = od_coarse_grid_for(h, w, draw(1, 150));
    const double half = 0.5 * (grid.size - 1);
    for (int r = 0; r < grid.rows; r++)
      for (int c = 0; c < grid.columns; c++)
        nodes[r * grid.columns + c] =
            (float)(3 + 0.5 * (r * grid.size + half) + 0.25 * (c * grid.size + half));
    double worst = 0;
    for (int y = 0; y < h; y++) {
      float *row =
          guard_block(&guard_out, od_coarse_grid_row_size(&grid) * sizeof *row, GUARD_ABOVE);
      od_coarse_grid_interpolate(table(i % 2 && table(1) ? 1 : 0), &grid, nodes, y, row);
      const double inside_y = fmin(fmax(y, half), (grid.rows - 1) * grid.size + half);
      for (int x = 0; x < w; x++) {
        const double inside_x = fmin(fmax(x, half), (grid.columns - 1) * grid.size + half);
        worst = fmax(worst, fabs((double)row[x] - (3 + 0.5 * inside_y + 0.25 * inside_x)));
      }
    }
    CHECK_CASE("(%d, %d), cells of %d", h, w, grid.size);
    CHECK_NEAR(worst, 0, 1e-3);
  }
}

/* ---- foreground ---- */

/* An image of slanted strokes on an unevenly lit background; strokes (h, w) marks them. */
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

static void test_foreground(void) {
  static bool strokes[MAX_PIXELS];
  static uint8_t foreground[MAX_PIXELS], first[MAX_PIXELS];
  for (int i = 0; i < 40; i++) {
    const int h = draw(100, MAX_SIDE), w = draw(100, MAX_SIDE), window = draw(50, 90);
    const bool dark = draw(0, 1);
    CHECK_CASE("page %d, (%d, %d), %s foreground", i, h, w, dark ? "dark" : "light");
    const uint8_t *image = lit_page(h, w, dark, strokes);
    for (int t = 0; table(t); t++) {
      od_image_workspace workspace = workspace_with(t);
      od_foreground_stats stats;
      const od_foreground_maps maps = {
          .foreground = foreground,
          .background = guard_block(&guard_out, (size_t)h * (size_t)w, side())};
      CHECK_INT(od_find_foreground(&workspace, h, w, image, window, &maps, &stats, NULL), OD_OK);
      CHECK_INT(stats.dark, dark);
      CHECK_NEAR(stats.contrast, 110, 10);
      CHECK_NEAR(stats.noise, 2, 1.5);
      int wrong = 0, off = 0;
      for (int k = 0; k < h * w; k++) {
        wrong += strokes[k] ? foreground[k] < OD_FOREGROUND_STRONG
                            : foreground[k] >= OD_FOREGROUND_WEAK / 2;
        if (!strokes[k]) off += abs(maps.background[k] - image[k]) > 12;
      }
      CHECK_INT(wrong, 0);
      CHECK_INT(off, 0);
      if (t == 0) memcpy(first, foreground, (size_t)(h * w));
      CHECK(memcmp(first, foreground, (size_t)(h * w)) == 0);
      CHECK(guard_intact(&guard_out));
      od_image_workspace_release(&workspace);
    }
  }
}

static void test_constant_image(void) {
  static uint8_t foreground[MAX_PIXELS];
  od_image_workspace workspace = workspace_with(0);
  for (int i = 0; i < 60; i++) {
    const int h = draw(1, 60), w = draw(1, 60), level = draw(0, 255);
    uint8_t *image = guard_block(&guard_in, (size_t)(h * w), side());
    memset(image, level, (size_t)(h * w));
    memset(foreground, 7, sizeof foreground);
    const od_foreground_maps maps = {.foreground = foreground};
    od_foreground_stats stats;
    CHECK_CASE("(%d, %d) of %d", h, w, level);
    CHECK_INT(od_find_foreground(&workspace, h, w, image, draw(1, 90), &maps, &stats, NULL), OD_OK);
    CHECK_NEAR(stats.contrast, 0, 0);
    bool none = true;
    for (int k = 0; k < h * w; k++) none = none && foreground[k] == 0;
    CHECK(none && foreground[h * w] == 7);
  }
  od_image_workspace_release(&workspace);
}

/* One thread and three give the same result for a large image, with every table. */
static void test_foreground_of_threads(void) {
  enum { H = 900, W = 1001 };
  guard large = guard_create(H * W);
  uint8_t *image = guard_block(&large, H * W, GUARD_ABOVE);
  uint8_t *one = malloc(H * W), *many = malloc(H * W);
  const od_foreground_maps one_map = {.foreground = one}, many_map = {.foreground = many};
  for (int style = 0; style < 2; style++) {
    for (int k = 0; k < H * W; k++)
      image[k] = (uint8_t)(style ? draw(0, 255) : (k / 7 + k / W / 9) % 11 ? draw(200, 240) : 60);
    for (int t = 0; table(t); t++) {
      od_image_workspace alone = {.kernels = table(0)};
      od_image_workspace together = {.kernels = table(t), .pool = pool};
      od_foreground_stats first, second;
      CHECK_INT(od_find_foreground(&alone, H, W, image, 96, &one_map, &first, NULL), OD_OK);
      CHECK_INT(od_find_foreground(&together, H, W, image, 96, &many_map, &second, NULL), OD_OK);
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

static void test_invalid_arguments(void) {
  od_image_workspace workspace = workspace_with(0);
  od_foreground_stats stats;
  od_error error;
  uint8_t pixel = 0, foreground;
  const od_foreground_maps maps = {.foreground = &foreground};
  const int bad[][3] = {{0, 1, 5}, {1, 0, 5}, {16385, 1, 5}, {1, -1, 5}, {1, 1, 0}, {1, 1, -9}};
  for (int i = 0; i < 6; i++) {
    const od_status status = od_find_foreground(&workspace, bad[i][0], bad[i][1], &pixel, bad[i][2],
                                                &maps, &stats, &error);
    CHECK_INT(status, OD_ERROR_ARGUMENT);
    CHECK_CONTAINS(error.message, i < 4 ? "image" : "window");
  }
  od_image_workspace_release(&workspace);
}

/* ---- connected components ---- */

/* Label the component of pixel (y, x) by flood fill. */
static void flood(int h, int w, const uint8_t *image, int y, int x, int label, int32_t *labels,
                  od_foreground_component *component) {
  static int stack[MAX_PIXELS];
  int count = 0;
  stack[count++] = y * w + x;
  labels[y * w + x] = label;
  *component = (od_foreground_component){w, h, 0, 0, 0, 0, 0, 0};
  while (count) {
    const int pixel = stack[--count], row = pixel / w, column = pixel % w;
    component->left = column < component->left ? column : component->left;
    component->right = column >= component->right ? column + 1 : component->right;
    component->top = row < component->top ? row : component->top;
    component->bottom = row >= component->bottom ? row + 1 : component->bottom;
    component->area++;
    component->mass += image[pixel];
    component->peak = image[pixel] > component->peak ? image[pixel] : component->peak;
    component->column_sum += column;
    for (int r = row - 1; r <= row + 1; r++)
      for (int c = column - 1; c <= column + 1; c++)
        if (is_foreground(h, w, image, r, c) && !labels[r * w + c]) {
          labels[r * w + c] = label;
          stack[count++] = r * w + c;
        }
  }
}

/* Count the components that are kept before component i: heavier ones, and of equals earlier ones.
 */
static int heavier(int count, const od_foreground_component *all, const bool *passes, int i) {
  int more = 0;
  for (int k = 0; k < count; k++)
    more += passes[k] && (all[k].mass > all[i].mass || (all[k].mass == all[i].mass && k < i));
  return more;
}

static void test_components(void) {
  static int32_t labels[MAX_PIXELS], want[MAX_PIXELS];
  static od_foreground_component all[MAX_PIXELS];
  static bool passes[MAX_PIXELS];
  for (int i = 0; i < 200; i++) {
    const int h = draw(1, MAX_SIDE), w = draw(1, MAX_SIDE), min_area = draw(1, 6);
    const int limit = draw(0, 1) ? draw(1, 20) : MAX_PIXELS;
    const uint8_t *image = random_foreground(h, w);
    int count = 0, kept = 0;
    memset(labels, 0, sizeof labels);
    for (int k = 0; k < h * w; k++)
      if (image[k] >= OD_FOREGROUND_WEAK && !labels[k]) {
        flood(h, w, image, k / w, k % w, count + 1, labels, &all[count]);
        passes[count] = all[count].peak >= OD_FOREGROUND_STRONG && all[count].area >= min_area;
        count++;
      }
    od_image_workspace workspace = workspace_with(i % 2 && table(1) ? 1 : 0);
    od_foreground_components found;
    CHECK_CASE("image %d, (%d, %d), from %d pixels, up to %d", i, h, w, min_area, limit);
    const od_status status =
        od_find_foreground_components(&workspace, h, w, image, min_area, limit, &found, NULL);
    if (!CHECK_INT(status, OD_OK)) continue;
    memset(want, 0, sizeof want);
    bool correct = true;
    for (int k = 0; k < count; k++) {
      if (!passes[k] || heavier(count, all, passes, k) >= limit) continue;
      if (kept < found.count)
        correct = correct && memcmp(&found.items[kept], &all[k], sizeof all[k]) == 0;
      kept++;
      for (int p = 0; p < h * w; p++)
        if (labels[p] == k + 1) want[p] = kept;
    }
    CHECK_INT(found.count, kept);
    CHECK(correct);
    CHECK(memcmp(found.labels, want, (size_t)(h * w) * sizeof *want) == 0);
    CHECK(guard_intact(&guard_in));
    od_foreground_components_release(&found);
    od_image_workspace_release(&workspace);
  }
}

/* Sums over the pixels of a large component exceed 32 bits. */
static void test_large_component(void) {
  enum { H = 2900, W = 3000 };
  od_image_workspace workspace = workspace_with(0);
  od_foreground_components found;
  uint8_t *image = od_allocate(H, W);
  memset(image, 255, (size_t)H * W);
  if (!CHECK_INT(od_find_foreground_components(&workspace, H, W, image, 1, 1, &found, NULL), OD_OK))
    return;
  CHECK_INT(found.count, 1);
  CHECK(found.items[0].mass == 255LL * H * W);
  CHECK(found.items[0].column_sum == (long long)H * W * (W - 1) / 2);
  od_foreground_components_release(&found);
  od_image_workspace_release(&workspace);
  od_release(image);
}

static void test_stroke_width(void) {
  for (int t = 0; table(t); t++)
    for (int i = 0; i < 150; i++) {
      const int h = draw(1, MAX_SIDE), w = draw(1, MAX_SIDE);
      const uint8_t *image = random_foreground(h, w);
      int area = 0, edges = 0;
      for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
          if (!is_foreground(h, w, image, y, x)) continue;
          area++;
          edges += !is_foreground(h, w, image, y, x - 1) + !is_foreground(h, w, image, y, x + 1);
          edges += !is_foreground(h, w, image, y - 1, x) + !is_foreground(h, w, image, y + 1, x);
        }
      CHECK_CASE("%s (%d, %d)", table(t)->name, h, w);
      CHECK_NEAR(od_stroke_width(table(t), h, w, image), edges ? 2.0 * area / edges : 0, 1e-12);
    }
}

/* ---- ruling lines ---- */

static void draw_box(int w, uint8_t *image, int top, int left, int bottom, int right) {
  for (int y = top; y < bottom; y++)
    for (int x = left; x < right; x++) image[y * w + x] = 255;
}

enum { SIDE = 100 };

/* Transpose image (SIDE, SIDE). */
static void transpose(uint8_t *image) {
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < y; x++) {
      const uint8_t saved = image[y * SIDE + x];
      image[y * SIDE + x] = image[x * SIDE + y];
      image[x * SIDE + y] = saved;
    }
}

/* A wavy ruling line with a gap, and two thick strokes, one of which crosses it: the line is
 * removed, also next to the stroke, and the strokes stay. */
static void test_ruling_lines(void) {
  for (int vertical = 0; vertical < 2; vertical++)
    for (int t = 0; table(t); t++) {
      od_image_workspace workspace = workspace_with(t);
      uint8_t *image = guard_block(&guard_in, SIDE * SIDE, side());
      uint8_t want[SIDE * SIDE] = {0};
      const od_ruling_line_limits own = {3, vertical ? 0 : 60, vertical ? 60 : 0};
      const od_ruling_line_limits other = {3, vertical ? 60 : 0, vertical ? 0 : 60};
      bool found = true;
      draw_box(SIDE, want, 30, 40, 70, 46);
      draw_box(SIDE, want, 10, 70, 40, 74);
      memcpy(image, want, sizeof want);
      for (int x = 0; x < SIDE; x++)
        if (x < 20 || x > 24) draw_box(SIDE, image, 50 + x / 25, x, 52 + x / 25, x + 1);
      if (vertical) transpose(image);
      CHECK_CASE("%s, %s", table(t)->name, vertical ? "vertical" : "horizontal");
      CHECK_INT(od_remove_ruling_lines(&workspace, SIDE, SIDE, image, other, &found, NULL), OD_OK);
      CHECK(!found);
      CHECK_INT(od_remove_ruling_lines(&workspace, SIDE, SIDE, image, own, &found, NULL), OD_OK);
      CHECK(found);
      if (vertical) transpose(image);
      CHECK(memcmp(image, want, sizeof want) == 0);
      CHECK_INT(od_remove_ruling_lines(&workspace, SIDE, SIDE, image, own, &found, NULL), OD_OK);
      CHECK(guard_intact(&guard_in));
      od_image_workspace_release(&workspace);
    }
}

/* In any image, pixels either stay or become 0. */
static void test_ruling_lines_of_noise(void) {
  static uint8_t before[MAX_PIXELS];
  for (int i = 0; i < 200; i++) {
    const int h = draw(1, MAX_SIDE), w = draw(1, MAX_SIDE);
    uint8_t *image = random_foreground(h, w);
    memcpy(before, image, (size_t)(h * w));
    od_image_workspace workspace = workspace_with(0);
    bool found, changed = false, correct = true;
    CHECK_CASE("image %d, (%d, %d)", i, h, w);
    const od_ruling_line_limits limits = {draw(1, 8), draw(0, 40), draw(0, 40)};
    CHECK_INT(od_remove_ruling_lines(&workspace, h, w, image, limits, &found, NULL), OD_OK);
    for (int k = 0; k < h * w; k++) {
      changed = changed || image[k] != before[k];
      correct = correct && (image[k] == before[k] || image[k] == 0);
    }
    CHECK(correct);
    CHECK(found || !changed);
    CHECK(guard_intact(&guard_in));
    od_image_workspace_release(&workspace);
  }
}

/* ---- box sides ---- */

/* A dot above a vertical stroke of few columns is not a box side. */
static void test_box_sides_of_narrow_images(void) {
  enum { H = 40 };
  for (int width = 1; width < 8; width++) {
    const int w = width + 2;
    uint8_t *image = guard_block(&guard_in, (size_t)(H * w), side());
    uint8_t before[H * 9];
    memset(image, 0, (size_t)(H * w));
    draw_box(w, image, 1, 1, 4, 1 + width);
    draw_box(w, image, 8, 1, H - 1, 1 + width);
    memcpy(before, image, (size_t)(H * w));
    CHECK_CASE("%d columns", width);
    bool has_stroke;
    CHECK(!od_remove_box_sides(H, w, image, &has_stroke));
    CHECK(memcmp(before, image, (size_t)(H * w)) == 0);
  }
}

int main(void) {
  od_rng_seed(&rng, 53, 0);
  guard_in = guard_create(MAX_PIXELS);
  guard_out = guard_create(4 * MAX_PIXELS + 16 * (MAX_SIDE + 1) * sizeof(double));
  od_thread_pool_create(3, &pool, NULL);
  RUN(test_bits);
  RUN(test_opening_of_bits);
  RUN(test_coarse_grid);
  RUN(test_coarse_grid_interpolation);
  RUN(test_foreground);
  RUN(test_constant_image);
  RUN(test_foreground_of_threads);
  RUN(test_invalid_arguments);
  RUN(test_components);
  RUN(test_large_component);
  RUN(test_stroke_width);
  RUN(test_ruling_lines);
  RUN(test_ruling_lines_of_noise);
  RUN(test_box_sides_of_narrow_images);
  od_thread_pool_destroy(pool);
  guard_destroy(&guard_in);
  guard_destroy(&guard_out);
  return check_end();
}
