/* image/: the operations against plain definitions, on images of any size and strides in guarded
 * memory, with every table and with threads. That the bytes are OpenCV's is tested by
 * tests/test_parity_opencv.py. */
#include <limits.h>

#include "base/memory.h"
#include "base/rng.h"
#include "check.h"
#include "interrupts.h"
#include "guard.h"
#include "image/border.h"
#include "image/image.h"
#include "image/limits.h"
#include "tables.h"

enum { MAX_SIDE = 90, MAX_BYTES = 4 * MAX_SIDE * MAX_SIDE }; /* colours, or int32_t */

static od_rng rng;
static guard guard_in, guard_out;
static od_thread_pool *pool;
static uint8_t want[MAX_BYTES];

static int draw(int low, int high) { /* both included */
  return low + (int)od_rng_below(&rng, (uint64_t)(high - low + 1));
}
static guard_side side(void) { return draw(0, 1) ? GUARD_BELOW : GUARD_ABOVE; }

/* A side that is often 1 or small. */
static int draw_side(void) {
  const int kind = draw(0, 9);
  return kind == 0 ? 1 : kind < 5 ? draw(1, 20) : draw(1, MAX_SIDE);
}

/* An image with strides of any kind; `channels` bytes per pixel. */
static od_view random_view(int h, int w, int channels) {
  const size_t n = (size_t)h * (size_t)w * (size_t)channels;
  uint8_t *pixels = guard_block(&guard_in, n, side());
  const int style = draw(0, 3), a = draw(0, 255), b = draw(0, 255);
  for (size_t i = 0; i < n; i++)
    pixels[i] = (uint8_t)(style == 0   ? a
                          : style == 1 ? (draw(0, 1) ? a : b)
                          : style == 2 ? draw(0, 255)
                                       : draw(120, 135));
  od_view view = {pixels, h, w, (ptrdiff_t)w * channels, channels};
  if (draw(0, 3) == 0) { /* upside down */
    view.pixels += (h - 1) * view.row;
    view.row = -view.row;
  }
  if (draw(0, 3) == 0) { /* mirrored */
    view.pixels += (w - 1) * view.column;
    view.column = -view.column;
  }
  if (channels == 1 && draw(0, 3) == 0) /* transposed */
    view = (od_view){view.pixels, w, h, view.column, view.row};
  return view;
}

static od_view random_gray(void) { return random_view(draw_side(), draw_side(), 1); }

static int at(const od_view *view, int y, int x) {
  y = y < 0 ? 0 : y < view->h ? y : view->h - 1;
  x = x < 0 ? 0 : x < view->w ? x : view->w - 1;
  return view->pixels[y * view->row + x * view->column];
}

/* A result of the given size, sometimes with gaps between its pixels. */
static od_target new_target(int h, int w) {
  const int gap = draw(0, 3) == 0 ? draw(2, 3) : 1;
  const size_t n = (size_t)h * (size_t)w * (size_t)gap;
  uint8_t *pixels = guard_block(&guard_out, n, side());
  return (od_target){pixels, h, w, (ptrdiff_t)w * gap, gap};
}

static void check_result(const od_target *result) {
  bool correct = true;
  for (int y = 0; y < result->h; y++)
    for (int x = 0; x < result->w; x++)
      correct = correct &&
                result->pixels[y * result->row + x * result->column] == want[y * result->w + x];
  CHECK(correct);
  CHECK(guard_intact(&guard_out));
}

/* Returns table t, and begins its random cases, the same as those of all others. */
static const od_kernels *cases_of(int t) {
  od_rng_seed(&rng, 51, 0);
  return table(t);
}

/* With table t and any number of threads. */
static od_image_workspace workspace_with(int t) {
  return (od_image_workspace){.kernels = table(t), .pool = draw(0, 1) ? pool : NULL};
}

static void test_gray(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 300; i++) {
      const od_channels order = (od_channels)draw(OD_RGB, OD_BGRA);
      const int channels = order == OD_RGB || order == OD_BGR ? 3 : 4;
      const od_view view = random_view(draw_side(), draw_side(), channels);
      const uint8_t background = (uint8_t)draw(0, 255);
      const bool bgr = order == OD_BGR || order == OD_BGRA;
      for (int y = 0; y < view.h; y++)
        for (int x = 0; x < view.w; x++) {
          const uint8_t *p = view.pixels + y * view.row + x * view.column;
          int c[3], alpha = channels == 4 ? p[3] : 255;
          for (int k = 0; k < 3; k++)
            c[k] = (alpha * p[k] + (255 - alpha) * background + 127) / 255;
          want[y * view.w + x] =
              (uint8_t)((9798 * c[bgr ? 2 : 0] + 19235 * c[1] + 3735 * c[bgr ? 0 : 2] + 16384) >>
                        15);
        }
      od_image_workspace workspace = workspace_with(t);
      const od_target gray = new_target(view.h, view.w);
      CHECK_CASE("%s (%d, %d, %d)", table(t)->name, view.h, view.w, channels);
      CHECK_INT(od_gray(&workspace, &view, 1, order, background, &gray, NULL), OD_OK);
      check_result(&gray);
      od_image_workspace_release(&workspace);
    }
}

static void test_gray_of_planes(void) { /* planar channels */
  od_image_workspace workspace = workspace_with(0);
  const uint8_t planes[3][4] = {{255, 0, 0, 9}, {0, 255, 0, 9}, {0, 0, 255, 9}};
  const uint8_t expected[4] = {76, 150, 29, 9};
  const od_view red = od_view_of(2, 2, planes[0]);
  const od_target gray = new_target(2, 2);
  CHECK_INT(od_gray(&workspace, &red, 4, OD_RGB, 0, &gray, NULL), OD_OK);
  memcpy(want, expected, 4);
  check_result(&gray);
  od_image_workspace_release(&workspace);
}

static void test_threshold(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 300; i++) {
      const od_view view = random_gray();
      const int threshold = draw(-3, 260), above = draw(0, 255), below = draw(0, 255);
      for (int y = 0; y < view.h; y++)
        for (int x = 0; x < view.w; x++)
          want[y * view.w + x] = (uint8_t)(at(&view, y, x) > threshold ? above : below);
      od_image_workspace workspace = workspace_with(t);
      const od_target result = new_target(view.h, view.w);
      CHECK_CASE("%s (%d, %d) > %d", table(t)->name, view.h, view.w, threshold);
      CHECK_INT(
          od_threshold(&workspace, &view, threshold, (uint8_t)above, (uint8_t)below, &result, NULL),
          OD_OK);
      check_result(&result);
      od_image_workspace_release(&workspace);
    }
}

/* The threshold of largest variance between the classes. Where several are equally good, as on both
 * sides of an empty level, rounding in OpenCV's order decides; parity tests compare that. */
static void test_otsu(void) {
  for (int i = 0; i < 700; i++) {
    const od_view view = random_gray();
    double best = 0, got = 0, count = (double)view.h * view.w, sum = 0;
    uint64_t histogram[256] = {0};
    od_histogram(&view, histogram);
    for (int level = 0; level < 256; level++) sum += level * (double)histogram[level];
    const int threshold = od_otsu(histogram);
    double below = 0, sum_below = 0;
    int best_level = 0;
    bool tie = false;
    for (int level = 0; level < 256; level++) {
      below += (double)histogram[level];
      sum_below += level * (double)histogram[level];
      if (below == 0 || below == count) continue;
      const double difference = sum_below / below - (sum - sum_below) / (count - below);
      const double variance = below * (count - below) * difference * difference;
      if (variance > best * (1 + 1e-12)) {
        best_level = level;
        tie = false;
      } else if (variance >= best * (1 - 1e-12)) {
        tie = true;
      }
      best = fmax(best, variance);
      if (level == threshold) got = variance;
    }
    CHECK_CASE("image %d, (%d, %d)", i, view.h, view.w);
    CHECK_NEAR(below, count, 0);
    CHECK_NEAR(got, best, 1e-9 * best);
    if (!tie) CHECK_INT(threshold, best_level);
  }
  const uint8_t constant[] = {200, 200, 200, 200}, two[] = {10, 10, 200, 10, 200};
  const od_view one_level = od_view_of(2, 2, constant), two_levels = od_view_of(1, 5, two);
  uint64_t histogram[256];
  od_histogram(&one_level, histogram);
  CHECK_INT(od_otsu(histogram), 0);
  od_histogram(&two_levels, histogram);
  CHECK_INT(od_otsu(histogram), 10);
}

/* Whether `mean` is the mean of a block, rounded; either way near a half. */
static bool mean_is(const od_view *view, int y, int x, int block, const double *taps, int mean) {
  double sum = 0;
  for (int v = 0; v < block; v++)
    for (int u = 0; u < block; u++)
      sum += (taps ? taps[v] * taps[u] : 1.0 / (block * block)) *
             at(view, y + v - block / 2, x + u - block / 2);
  return fabs(sum - mean) <= 0.5 + 1e-4;
}

static void gaussian_weights(int n, double *taps) {
  double sum = 0, sigma = 0.15 * n + 0.35;
  for (int k = 0; k < n; k++) sum += taps[k] = exp(-0.5 * pow((k - n / 2) / sigma, 2));
  for (int k = 0; k < n; k++) taps[k] /= sum;
}

/* means (h, w) from the thresholds: a pixel is above as many of the 512 bounds from -256 on as its
 * difference to the mean plus 256. */
static void find_means(od_image_workspace *workspace, const od_view *view, od_adaptive adaptive,
                       int *means) {
  const int n = view->h * view->w;
  static int above[MAX_SIDE * MAX_SIDE];
  memset(above, 0, (size_t)n * sizeof *above);
  adaptive.above = 1;
  adaptive.below = 0;
  for (adaptive.bound = -256; adaptive.bound < 256; adaptive.bound++) {
    const od_target result = new_target(view->h, view->w);
    CHECK_INT(od_adaptive_threshold(workspace, view, &adaptive, &result, NULL), OD_OK);
    for (int k = 0; k < n; k++)
      above[k] += result.pixels[k / view->w * result.row + k % view->w * result.column];
  }
  for (int k = 0; k < n; k++) means[k] = at(view, k / view->w, k % view->w) + 256 - above[k];
}

static void test_adaptive_means(void) {
  static int means[MAX_SIDE * MAX_SIDE];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 40; i++) {
      const bool gaussian = i % 2;
      const od_view view = random_view(draw(1, 20), draw(1, 30), 1);
      const int block = gaussian ? 2 * draw(5, 20) + 1 : 2 * draw(1, 20) + 1;
      double taps[64];
      gaussian_weights(block, taps);
      od_image_workspace workspace = {.kernels = table(t)};
      CHECK_CASE("%s (%d, %d) of %d, gaussian %d", table(t)->name, view.h, view.w, block, gaussian);
      find_means(&workspace, &view,
                 (od_adaptive){.method = gaussian ? OD_ADAPTIVE_GAUSSIAN : OD_ADAPTIVE_MEAN,
                               .block_size = block},
                 means);
      bool correct = true;
      for (int y = 0; y < view.h; y++)
        for (int x = 0; x < view.w; x++)
          correct =
              correct && mean_is(&view, y, x, block, gaussian ? taps : NULL, means[y * view.w + x]);
      CHECK(correct);
      CHECK(guard_intact(&guard_out));
      od_image_workspace_release(&workspace);
    }
}

/* All tables and threads agree; bounds beyond the range of differences make all pixels equal. */
static void test_adaptive_threshold(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 200; i++) {
      const od_view view = random_gray();
      const od_adaptive adaptive = {
          .method = (od_adaptive_method)draw(OD_ADAPTIVE_MEAN, OD_ADAPTIVE_GAUSSIAN),
          .block_size = 2 * draw(1, i % 10 ? 20 : 300) + 1,
          .bound = draw(-300, 300),
          .above = 255,
          .below = 3};
      const int bound = adaptive.bound, n = view.h * view.w;
      od_image_workspace scalar = {.kernels = table(0)}, fast = workspace_with(t);
      const od_target expected = od_target_of(view.h, view.w, want);
      CHECK_INT(od_adaptive_threshold(&scalar, &view, &adaptive, &expected, NULL), OD_OK);
      bool correct = true;
      for (int k = 0; k < n; k++)
        correct = correct && (want[k] == 255 ? bound < 255 : want[k] == 3 && bound >= -255);
      CHECK(correct);
      const od_target result = new_target(view.h, view.w);
      CHECK_CASE("%s (%d, %d) of %d > %d", table(t)->name, view.h, view.w, adaptive.block_size,
                 bound);
      CHECK_INT(od_adaptive_threshold(&fast, &view, &adaptive, &result, NULL), OD_OK);
      check_result(&result);
      od_image_workspace_release(&scalar);
      od_image_workspace_release(&fast);
    }
}

/* Which pixel stands for pixel i, which may lie outside; -1 for a constant border. */
static int border_index(int i, int n, od_border border) {
  if (border == OD_BORDER_CONSTANT && (i < 0 || i >= n)) return -1;
  if (border == OD_BORDER_REPLICATE) return i < 0 ? 0 : i >= n ? n - 1 : i;
  while (i < 0 || i >= n) {
    if (n == 1) return 0;
    const int repeated = border == OD_BORDER_REFLECT;
    i = i < 0 ? -i - repeated : 2 * (n - 1) - i + repeated;
  }
  return i;
}

static int beyond(const od_view *view, int y, int x, od_border border, int border_value) {
  const int row = border_index(y, view->h, border), column = border_index(x, view->w, border);
  return row < 0 || column < 0 ? border_value : at(view, row, column);
}

static void test_border_index(void) {
  for (int n = 1; n <= 40; n++)
    for (int border = OD_BORDER_CONSTANT; border <= OD_BORDER_REFLECT_101; border++) {
      CHECK_CASE("border %d, side %d", border, n);
      for (int i = -5 * n; i < 6 * n; i++)
        CHECK_INT(od_border_index(i, n, (od_border)border), border_index(i, n, (od_border)border));
    }
  CHECK_CASE("far beyond the border");
  CHECK_INT(od_border_index(INT_MIN, 2, OD_BORDER_REFLECT), 0);
  CHECK_INT(od_border_index(INT_MAX, 2, OD_BORDER_REFLECT), 0);
  CHECK_INT(od_border_index(INT_MIN, 3, OD_BORDER_REFLECT_101), 0);
  CHECK_INT(od_border_index(INT_MAX, 3, OD_BORDER_REFLECT_101), 1);
}

/* Near the exact sum: taps are rounded to 256ths. */
static void test_gaussian_blur(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 40; i++) {
      const od_view view = random_view(draw(1, 30), draw(1, 90), 1);
      const int ksize_x = 2 * draw(0, 9) + 1, ksize_y = 2 * draw(0, 9) + 1;
      const od_border border = (od_border)draw(OD_BORDER_CONSTANT, OD_BORDER_REFLECT_101);
      const double sigma_x = od_rng_range(&rng, 0.3, 4), sigma_y = od_rng_range(&rng, 0.3, 4);
      double taps_x[20], taps_y[20], sum_x = 0, sum_y = 0;
      for (int k = 0; k < ksize_x; k++)
        sum_x += taps_x[k] = exp(-0.5 * pow((k - ksize_x / 2) / sigma_x, 2));
      for (int k = 0; k < ksize_y; k++)
        sum_y += taps_y[k] = exp(-0.5 * pow((k - ksize_y / 2) / sigma_y, 2));
      od_image_workspace workspace = workspace_with(t);
      const od_target result = new_target(view.h, view.w);
      CHECK_CASE("%s (%d, %d) by (%d, %d), border %d", table(t)->name, view.h, view.w, ksize_y,
                 ksize_x, border);
      const od_gaussian gaussian = {ksize_y, ksize_x, sigma_y, sigma_x};
      CHECK_INT(od_gaussian_blur(&workspace, &view, &gaussian, border, &result, NULL), OD_OK);
      double worst = 0;
      for (int y = 0; y < view.h; y++)
        for (int x = 0; x < view.w; x++) {
          double sum = 0;
          for (int v = 0; v < ksize_y; v++)
            for (int u = 0; u < ksize_x; u++)
              sum += taps_y[v] / sum_y * taps_x[u] / sum_x *
                     beyond(&view, y + v - ksize_y / 2, x + u - ksize_x / 2, border, 0);
          worst = fmax(worst, fabs(sum - result.pixels[y * result.row + x * result.column]));
        }
      CHECK_NEAR(worst, 0, 3);
      CHECK(guard_intact(&guard_out));
      od_image_workspace_release(&workspace);
    }
}

/* The weight of pixel i in result pixel o: covered fraction, or linear between centres. */
static double resize_weight(int in, int out, int o, int i, od_interpolation interpolation) {
  const double scale = (double)in / out;
  if (interpolation == OD_INTERPOLATION_AREA)
    return fmax(0, fmin((o + 1) * scale, i + 1) - fmax(o * scale, i)) / scale;
  const double position = fmin(fmax((o + 0.5) * scale - 0.5, 0), in - 1);
  return fmax(0, 1 - fabs(position - i));
}

static void test_resize(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 100; i++) {
      const od_interpolation interpolation = (od_interpolation)draw(0, 1);
      const int h = draw(1, 40), w = draw(1, 60), factor = draw(1, 4);
      const od_view view = random_view(factor * h, w, 1);
      const bool shrink = interpolation == OD_INTERPOLATION_AREA;
      const int out_h = shrink ? (draw(0, 1) ? view.h / factor : draw(1, view.h)) : draw(1, 70);
      const int out_w = shrink ? draw(1, view.w) : draw(1, 90);
      od_image_workspace workspace = workspace_with(t);
      const od_target result = new_target(out_h > 0 ? out_h : 1, out_w);
      CHECK_CASE("%s (%d, %d) to (%d, %d), %d", table(t)->name, view.h, view.w, result.h, result.w,
                 interpolation);
      CHECK_INT(od_resize(&workspace, &view, interpolation, &result, NULL), OD_OK);
      double worst = 0;
      for (int y = 0; y < result.h; y++)
        for (int x = 0; x < result.w; x++) {
          double sum = 0;
          for (int v = 0; v < view.h; v++) {
            const double row = resize_weight(view.h, result.h, y, v, interpolation);
            for (int u = 0; row > 0 && u < view.w; u++)
              sum += row * resize_weight(view.w, result.w, x, u, interpolation) * at(&view, v, u);
          }
          worst = fmax(worst, fabs(sum - result.pixels[y * result.row + x * result.column]));
        }
      CHECK_NEAR(worst, 0, 1.5);
      CHECK(guard_intact(&guard_out));
      od_image_workspace_release(&workspace);
    }
}

static void test_resize_of_long_sides(void) {
  od_image_workspace workspace = workspace_with(0);
  guard long_row = guard_create(OD_MAX_IMAGE_SIDE);
  uint8_t *row = guard_block(&long_row, OD_MAX_IMAGE_SIDE, GUARD_ABOVE), one = 0;
  memset(row, 77, OD_MAX_IMAGE_SIDE);
  const od_view wide = od_view_of(1, OD_MAX_IMAGE_SIDE, row),
                high = {row, OD_MAX_IMAGE_SIDE, 1, 1, 1};
  const od_target pixel = od_target_of(1, 1, &one);
  for (int i = 0; i < 2; i++) {
    CHECK_INT(od_resize(&workspace, &wide, (od_interpolation)i, &pixel, NULL), OD_OK);
    CHECK_INT(one, 77);
    one = 0;
    CHECK_INT(od_resize(&workspace, &high, (od_interpolation)i, &pixel, NULL), OD_OK);
    CHECK_INT(one, 77);
  }
  const od_view small = od_view_of(1, 1, &one);
  const od_target large = od_target_of(1, OD_MAX_IMAGE_SIDE, row);
  one = 9;
  CHECK_INT(od_resize(&workspace, &small, OD_INTERPOLATION_LINEAR, &large, NULL), OD_OK);
  CHECK(row[0] == 9 && row[OD_MAX_IMAGE_SIDE - 1] == 9);
  guard_destroy(&long_row);
  od_image_workspace_release(&workspace);
}

static void test_morphology(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 300; i++) {
      const bool is_small = i % 10 == 0; /* much smaller than the element */
      const od_view view = random_view(draw(1, is_small ? 9 : 40), draw(1, is_small ? 9 : 90), 1);
      uint8_t mask[40 * 40];
      od_structuring_element e = {draw(1, i % 5 ? 7 : 40), draw(1, i % 5 ? 7 : 40), 0, 0, mask};
      const bool full = draw(0, 1), erode = draw(0, 1);
      for (int k = 0; k < e.h * e.w; k++)
        mask[k] = (uint8_t)(full || draw(0, 2) ? draw(1, 255) : 0);
      mask[draw(0, e.h * e.w - 1)] = 1;
      e.anchor_y = draw(0, e.h - 1);
      e.anchor_x = draw(0, e.w - 1);
      const od_border border = (od_border)draw(OD_BORDER_CONSTANT, OD_BORDER_REFLECT_101);
      const uint8_t border_value = (uint8_t)draw(0, 255);
      for (int y = 0; y < view.h; y++)
        for (int x = 0; x < view.w; x++) {
          int best = erode ? 255 : 0;
          for (int v = 0; v < e.h; v++)
            for (int u = 0; u < e.w; u++) {
              if (!mask[v * e.w + u]) continue;
              const int level =
                  beyond(&view, y + v - e.anchor_y, x + u - e.anchor_x, border, border_value);
              if (erode ? level < best : level > best) best = level;
            }
          want[y * view.w + x] = (uint8_t)best;
        }
      od_image_workspace workspace = workspace_with(t);
      const od_target result = new_target(view.h, view.w);
      CHECK_CASE("%s (%d, %d) under (%d, %d), border %d", table(t)->name, view.h, view.w, e.h, e.w,
                 border);
      CHECK_INT((erode ? od_erode : od_dilate)(&workspace, &view, &e, border, border_value, &result,
                                               NULL),
                OD_OK);
      check_result(&result);
      od_image_workspace_release(&workspace);
    }
}

static void test_structuring_elements(void) {
  static const char *const ellipse =
      "0001000"
      "0111110"
      "1111111"
      "1111111"
      "1111111"
      "0111110"
      "0001000";
  uint8_t mask[49];
  od_get_structuring_element(OD_MORPH_ELLIPSE, 7, 7, mask);
  for (int k = 0; k < 49; k++) CHECK_INT(mask[k], ellipse[k] - '0');
  od_get_structuring_element(OD_MORPH_CROSS, 3, 4, mask);
  for (int k = 0; k < 12; k++) CHECK_INT(mask[k], k / 4 == 1 || k % 4 == 2);
  od_get_structuring_element(OD_MORPH_RECT, 2, 5, mask);
  for (int k = 0; k < 10; k++) CHECK_INT(mask[k], 1);
  od_get_structuring_element(OD_MORPH_ELLIPSE, 1, 1, mask);
  CHECK_INT(mask[0], 1);
}

/* Labels by flood fill, in the order of first pixels; return their number, the background included.
 */
static int flood(const od_view *view, int connectivity, int32_t *labels) {
  static int stack[MAX_SIDE * MAX_SIDE];
  int count = 0;
  memset(labels, 0, (size_t)view->h * (size_t)view->w * sizeof *labels);
  for (int i = 0; i < view->h * view->w; i++) {
    if (labels[i] || !at(view, i / view->w, i % view->w)) continue;
    int waiting = 1;
    stack[0] = i;
    labels[i] = ++count;
    while (waiting) {
      const int pixel = stack[--waiting], y = pixel / view->w, x = pixel % view->w;
      for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++) {
          const int ny = y + dy, nx = x + dx, next = ny * view->w + nx;
          if ((connectivity == 4 && dx && dy) || ny < 0 || ny >= view->h || nx < 0 ||
              nx >= view->w || labels[next] || !at(view, ny, nx))
            continue;
          labels[next] = count;
          stack[waiting++] = next;
        }
    }
  }
  return count + 1;
}

static void test_components(void) {
  static int32_t wanted[MAX_SIDE * MAX_SIDE];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 300; i++) {
      od_view view = random_gray();
      const int connectivity = draw(0, 1) ? 8 : 4, n = view.h * view.w;
      const int density = draw(0, 10);
      uint8_t *pixels = guard_in.block;
      for (int k = 0; k < n; k++)
        if (draw(0, 10) > density) pixels[k] = 0;
      const int expected = flood(&view, connectivity, wanted);
      int32_t *labels = guard_block(&guard_out, (size_t)n * sizeof *labels, side()), count;
      od_component *found;
      od_image_workspace workspace = workspace_with(t);
      CHECK_CASE("%s (%d, %d) by %d", table(t)->name, view.h, view.w, connectivity);
      CHECK_INT(
          od_connected_components(&workspace, &view, connectivity, labels, &found, &count, NULL),
          OD_OK);
      CHECK(memcmp(labels, wanted, (size_t)n * sizeof *labels) == 0);
      CHECK(guard_intact(&guard_out));
      if (CHECK_INT(count, expected))
        for (int c = 0; c < count; c++) {
          int64_t area = 0;
          double x = 0, y = 0;
          int left = view.w, top = view.h, right = -1, bottom = -1;
          for (int k = 0; k < n; k++) {
            if (wanted[k] != c) continue;
            const int row = k / view.w, column = k % view.w;
            area++;
            x += column;
            y += row;
            left = column < left ? column : left;
            right = column > right ? column : right;
            top = row < top ? row : top;
            bottom = row;
          }
          CHECK_INT(found[c].area, area);
          if (!area) continue;
          CHECK(found[c].left == left && found[c].top == top &&
                found[c].width == right - left + 1 && found[c].height == bottom - top + 1);
          CHECK(found[c].x == x / (double)area && found[c].y == y / (double)area);
        }
      od_release(found);
      CHECK_INT(
          od_connected_components(&workspace, &view, connectivity, NULL, &found, &count, NULL),
          OD_OK);
      CHECK_INT(count, expected);
      od_release(found);
      od_image_workspace_release(&workspace);
    }
}

static void test_moments(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 150; i++) {
      const od_view view = random_gray();
      const bool binary = draw(0, 1);
      double m[4][4] = {{0}}, mu[4][4] = {{0}};
      for (int y = 0; y < view.h; y++)
        for (int x = 0; x < view.w; x++)
          for (int p = 0; p < 4; p++)
            for (int q = 0; p + q < 4; q++)
              m[p][q] += pow(x, p) * pow(y, q) * (binary ? at(&view, y, x) != 0 : at(&view, y, x));
      od_image_workspace workspace = workspace_with(t);
      od_moments got;
      CHECK_CASE("%s (%d, %d)", table(t)->name, view.h, view.w);
      CHECK_INT(od_image_moments(&workspace, &view, binary, &got, NULL), OD_OK);
      CHECK(got.m00 == m[0][0] && got.m10 == m[1][0] && got.m01 == m[0][1] && got.m20 == m[2][0] &&
            got.m11 == m[1][1] && got.m02 == m[0][2] && got.m30 == m[3][0] && got.m21 == m[2][1] &&
            got.m12 == m[1][2] && got.m03 == m[0][3]);
      const double cx = m[0][0] > 0 ? m[1][0] / m[0][0] : 0,
                   cy = m[0][0] > 0 ? m[0][1] / m[0][0] : 0;
      for (int y = 0; y < view.h; y++)
        for (int x = 0; x < view.w; x++)
          for (int p = 0; p < 4; p++)
            for (int q = 0; p + q < 4; q++)
              mu[p][q] += pow(x - cx, p) * pow(y - cy, q) *
                          (binary ? at(&view, y, x) != 0 : at(&view, y, x));
      const double little = 1e-9 * (m[3][0] + m[0][3] + m[0][0] + 1);
      CHECK_NEAR(got.mu20, mu[2][0], little);
      CHECK_NEAR(got.mu11, mu[1][1], little);
      CHECK_NEAR(got.mu02, mu[0][2], little);
      CHECK_NEAR(got.mu30, mu[3][0], little);
      CHECK_NEAR(got.mu21, mu[2][1], little);
      CHECK_NEAR(got.mu12, mu[1][2], little);
      CHECK_NEAR(got.mu03, mu[0][3], little);
      if (m[0][0] > 0) {
        CHECK_NEAR(got.nu11 * m[0][0] * m[0][0], got.mu11, 1e-9 * fabs(got.mu11));
        CHECK_NEAR(got.nu30 * pow(m[0][0], 2.5), got.mu30, 1e-9 * fabs(got.mu30));
      }
      od_image_workspace_release(&workspace);
    }
}

static void test_warp_affine(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 200; i++) {
      const od_view view = random_gray();
      const od_border border = (od_border)draw(OD_BORDER_CONSTANT, OD_BORDER_REFLECT_101);
      const uint8_t border_value = (uint8_t)draw(0, 255);
      double m[6] = {1, 0, 0, 0, 1, 0};
      for (int k = 0; k < 6; k++) m[k] += od_rng_range(&rng, -0.5, 0.5) * (k % 3 == 2 ? 40 : 1);
      od_image_workspace workspace = workspace_with(t);
      const od_target result = new_target(draw_side(), draw_side());
      CHECK_CASE("%s (%d, %d) to (%d, %d), border %d", table(t)->name, view.h, view.w, result.h,
                 result.w, border);
      CHECK_INT(od_warp_affine(&workspace, &view, m, border, border_value, &result, NULL), OD_OK);
      double worst = 0;
      for (int y = 0; y < result.h; y++)
        for (int x = 0; x < result.w; x++) {
          const double px = m[0] * x + m[1] * y + m[2], py = m[3] * x + m[4] * y + m[5];
          const int left = (int)floor(px), top = (int)floor(py);
          double sum = 0;
          for (int v = 0; v < 2; v++)
            for (int u = 0; u < 2; u++)
              sum += (v ? py - top : 1 - py + top) * (u ? px - left : 1 - px + left) *
                     beyond(&view, top + v, left + u, border, border_value);
          worst = fmax(worst, fabs(sum - result.pixels[y * result.row + x * result.column]));
        }
      CHECK_NEAR(worst, 0, 0.6);
      CHECK(guard_intact(&guard_out));
      od_image_workspace_release(&workspace);
    }
}

/* Maps far outside the image, and singular ones. */
static void test_warp_far_away(void) {
  const double maps[][6] = {{0, 0, 1e300, 0, 0, -1e300},
                            {1e30, 0, 0, 0, -1e30, 0},
                            {1e308, 1e308, 0, 1e308, -1e308, 0},
                            {0, 0, 0, 0, 0, 0},
                            {-1e9, 5, 3, 7, 1e9, 2}};
  uint8_t pixels[6] = {1, 2, 3, 4, 5, 6}, bytes[9 * 40];
  const od_view view = od_view_of(2, 3, pixels);
  const od_target result = od_target_of(9, 40, bytes);
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 5; i++)
      for (int border = OD_BORDER_CONSTANT; border <= OD_BORDER_REPLICATE; border++) {
        od_image_workspace workspace = workspace_with(t);
        CHECK_INT(od_warp_affine(&workspace, &view, maps[i], (od_border)border, 9, &result, NULL),
                  OD_OK);
        bool correct = true;
        for (int k = 0; k < 9 * 40; k++) correct = correct && bytes[k] >= 1 && bytes[k] <= 9;
        CHECK(correct);
        od_image_workspace_release(&workspace);
      }
}

static void test_invert_affine(void) {
  for (int i = 0; i < 100; i++) {
    double m[6], back[6];
    for (int k = 0; k < 6; k++) m[k] = od_rng_range(&rng, -3, 3) + (k % 4 == 0 ? 5 : 0);
    od_invert_affine(m, back);
    CHECK_NEAR(back[0] * m[0] + back[1] * m[3], 1, 1e-9);
    CHECK_NEAR(back[0] * m[1] + back[1] * m[4], 0, 1e-9);
    CHECK_NEAR(back[3] * m[2] + back[4] * m[5] + back[5], 0, 1e-9);
  }
  const double flat[6] = {1, 2, 3, 2, 4, 5};
  double back[6];
  od_invert_affine(flat, back);
  CHECK(back[0] == 0 && back[1] == 0 && back[3] == 0 && back[4] == 0);
}

static void test_deskew(void) {
  enum { SIDE = 40 };
  uint8_t slanted[SIDE * SIDE] = {0}, upright[SIDE * SIDE];
  for (int y = 5; y < 35; y++)
    for (int x = 0; x < 3; x++) slanted[y * SIDE + 8 + y / 2 + x] = 250;
  const od_view view = od_view_of(SIDE, SIDE, slanted);
  const od_target result = od_target_of(SIDE, SIDE, upright);
  for (int t = 0; cases_of(t); t++) {
    od_image_workspace workspace = workspace_with(t);
    double skew;
    CHECK_INT(od_deskew(&workspace, &view, &result, &skew, NULL), OD_OK);
    CHECK_NEAR(skew, 0.5, 0.01);
    const od_view after = od_view_of(SIDE, SIDE, upright);
    od_moments m;
    CHECK_INT(od_image_moments(&workspace, &after, false, &m, NULL), OD_OK);
    CHECK_NEAR(m.mu11 / m.mu02, 0, 0.01);
    memset(upright, 1, sizeof upright);
    const uint8_t black[SIDE] = {0};
    const od_view blank = {black, SIDE, SIDE, 0, 1};
    CHECK_INT(od_deskew(&workspace, &blank, &result, &skew, NULL), OD_OK);
    CHECK_NEAR(skew, 0, 0);
    CHECK(upright[0] == 0 && upright[SIDE * SIDE - 1] == 0);
    od_image_workspace_release(&workspace);
  }
}

static void test_normalize(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 200; i++) {
      const od_view view = random_gray();
      const double alpha = od_rng_range(&rng, -50, 300), beta = od_rng_range(&rng, -50, 300);
      int low = 255, high = 0;
      for (int y = 0; y < view.h; y++)
        for (int x = 0; x < view.w; x++) {
          low = at(&view, y, x) < low ? at(&view, y, x) : low;
          high = at(&view, y, x) > high ? at(&view, y, x) : high;
        }
      od_image_workspace workspace = workspace_with(t);
      const od_target result = new_target(view.h, view.w);
      CHECK_CASE("%s (%d, %d) to %g..%g", table(t)->name, view.h, view.w, alpha, beta);
      CHECK_INT(od_normalize(&workspace, &view, alpha, beta, &result, NULL), OD_OK);
      const double bottom = fmin(alpha, beta), range = fabs(beta - alpha);
      double worst = 0;
      for (int y = 0; y < view.h; y++)
        for (int x = 0; x < view.w; x++) {
          double level = bottom + (high > low ? range * (at(&view, y, x) - low) / (high - low) : 0);
          level = fmin(fmax(level, 0), 255);
          worst = fmax(worst, fabs(level - result.pixels[y * result.row + x * result.column]));
        }
      CHECK_NEAR(worst, 0, 0.501);
      CHECK(guard_intact(&guard_out));
      od_image_workspace_release(&workspace);
    }
}

/* Ends of the range that are too large or no numbers are refused, and the result is left alone. */
static void test_normalize_to_invalid_ranges(void) {
  const double invalid[] = {1.1e6, -1.1e6, 1e308, INFINITY, -INFINITY, NAN};
  uint8_t pixels[4] = {0, 9, 200, 255}, copy[4] = {7, 7, 7, 7};
  const od_view view = {pixels, 1, 4, 4, 1};
  const od_target result = {copy, 1, 4, 4, 1};
  od_image_workspace workspace = workspace_with(0);
  for (int i = 0; i < 6; i++)
    for (int beta = 0; beta < 2; beta++) {
      od_error error = {{0}};
      CHECK_CASE("%g as %s", invalid[i], beta ? "beta" : "alpha");
      CHECK_INT(od_normalize(&workspace, &view, beta ? 0 : invalid[i], beta ? invalid[i] : 0,
                             &result, &error),
                OD_ERROR_ARGUMENT);
      CHECK_CONTAINS(error.message, beta ? "beta: got" : "alpha: got");
      CHECK(copy[0] == 7 && copy[3] == 7);
    }
  CHECK_INT(od_normalize(&workspace, &view, 1e6, -1e6, &result, NULL), OD_OK);
  CHECK(copy[0] == 0 && copy[3] == 255);
  od_image_workspace_release(&workspace);
}

/* To the range that the levels have already: a copy, with and without gaps. */
static void test_normalize_to_the_same_range(void) {
  enum { SIDE = 40 };
  static uint8_t pixels[SIDE * SIDE], copy[SIDE * SIDE];
  for (int i = 0; i < SIDE * SIDE; i++) pixels[i] = (uint8_t)draw(0, 128);
  pixels[0] = 0;
  pixels[1] = 128;
  od_image_workspace workspace = workspace_with(0);
  for (int gaps = 0; gaps < 2; gaps++) {
    const int w = gaps ? SIDE / 2 : SIDE;
    const od_view view = {pixels, SIDE, w, SIDE, 1};
    const od_target result = {copy, SIDE, w, gaps ? 1 : SIDE, gaps ? SIDE : 1}; /* transposed */
    CHECK_CASE("gaps %d", gaps);
    memset(copy, 255, sizeof copy);
    CHECK_INT(od_normalize(&workspace, &view, 128, 0, &result, NULL), OD_OK);
    bool same = true;
    for (int y = 0; y < SIDE; y++)
      for (int x = 0; x < w; x++)
        same = same && copy[gaps ? x * SIDE + y : y * SIDE + x] == pixels[y * SIDE + x];
    CHECK(same);
    if (gaps) CHECK_INT(copy[w * SIDE], 255);
  }
  od_image_workspace_release(&workspace);
}

/* One thread and several give the same result for a large image. */
static void test_threads(void) {
  enum { H = 700, W = 900 };
  guard large = guard_create(3 * H * W);
  uint8_t *pixels = guard_block(&large, 3 * H * W, GUARD_ABOVE), *one = malloc(H * W),
          *many = malloc(H * W);
  for (int i = 0; i < 3 * H * W; i++) pixels[i] = (uint8_t)draw(0, 255);
  const od_view view = od_view_of(H, W, pixels);
  const od_view colour = {pixels, H, W, 3 * W, 3};
  const od_target first = od_target_of(H, W, one), second = od_target_of(H, W, many);
  od_image_workspace alone = {.kernels = last_table()},
                     together = {.kernels = last_table(), .pool = pool};
#define SAME(CALL, ...)                                            \
  do {                                                             \
    CHECK_CASE("%s", #CALL);                                       \
    CHECK_INT(CALL(&alone, __VA_ARGS__, &first, NULL), OD_OK);     \
    CHECK_INT(CALL(&together, __VA_ARGS__, &second, NULL), OD_OK); \
    CHECK(memcmp(one, many, (size_t)H *W) == 0);                   \
  } while (0)
  SAME(od_gray, &colour, 1, OD_RGB, 255);
  SAME(od_threshold, &view, 77, 255, 0);
  const od_adaptive means[] = {{OD_ADAPTIVE_MEAN, 11, -2, 255, 0},
                               {OD_ADAPTIVE_MEAN, 151, -2, 255, 0},
                               {OD_ADAPTIVE_GAUSSIAN, 11, -2, 255, 0}};
  for (int i = 0; i < 3; i++) SAME(od_adaptive_threshold, &view, &means[i]);
  const od_gaussian gaussian = {7, 21, 1.0, 0.0};
  SAME(od_gaussian_blur, &view, &gaussian, OD_BORDER_REFLECT_101);
  SAME(od_resize, &colour, OD_INTERPOLATION_LINEAR);
  const od_view larger = od_view_of(3 * H - 1, W, pixels), half = {pixels, 2 * H, W, W, 1};
  SAME(od_resize, &larger, OD_INTERPOLATION_AREA);
  SAME(od_resize, &half, OD_INTERPOLATION_AREA);
  SAME(od_resize, &larger, OD_INTERPOLATION_LINEAR);
  const double rotation[6] = {0.9, 0.3, -50.5, -0.3, 0.9, 20.25};
  SAME(od_warp_affine, &view, rotation, OD_BORDER_REPLICATE, 0);
  SAME(od_normalize, &view, 20.0, 90.0);
  static uint8_t mask[51 * 51];
  od_get_structuring_element(OD_MORPH_RECT, 51, 51, mask);
  const od_structuring_element square = {51, 51, 25, 25, mask},
                               cross = {5, 5, 2, 2, mask + 51 * 50};
  SAME(od_erode, &view, &square, OD_BORDER_REFLECT, 0);
  od_get_structuring_element(OD_MORPH_CROSS, 5, 5, mask + 51 * 50);
  SAME(od_dilate, &view, &cross, OD_BORDER_CONSTANT, 0);
#undef SAME
  od_image_workspace_release(&alone);
  od_image_workspace_release(&together);
  free(one);
  free(many);
  guard_destroy(&large);
}

/* ---- interrupts ---- */

enum { INTERRUPTED_H = 500, INTERRUPTED_W = 700 };

typedef od_status interrupted_call(od_image_workspace *workspace, const od_view *view,
                                   const od_target *result);

static od_status call_components(od_image_workspace *workspace, const od_view *view,
                                 const od_target *result) {
  od_component *components;
  int32_t count;
  (void)result;
  const od_status status =
      od_connected_components(workspace, view, 8, NULL, &components, &count, NULL);
  CHECK(status == OD_OK || !components);
  od_release(components);
  return status;
}

static od_status call_moments(od_image_workspace *workspace, const od_view *view,
                              const od_target *result) {
  od_moments moments;
  (void)result;
  return od_image_moments(workspace, view, false, &moments, NULL);
}

static od_status call_threshold(od_image_workspace *workspace, const od_view *view,
                                const od_target *result) {
  return od_threshold(workspace, view, 100, 255, 0, result, NULL);
}

static od_status call_mean(od_image_workspace *workspace, const od_view *view,
                           const od_target *result) {
  const od_adaptive mean = {OD_ADAPTIVE_MEAN, 9, 3, 255, 0};
  return od_adaptive_threshold(workspace, view, &mean, result, NULL);
}

static od_status call_gaussian_mean(od_image_workspace *workspace, const od_view *view,
                                    const od_target *result) {
  const od_adaptive mean = {OD_ADAPTIVE_GAUSSIAN, 9, 3, 255, 0};
  return od_adaptive_threshold(workspace, view, &mean, result, NULL);
}

static od_status call_blur(od_image_workspace *workspace, const od_view *view,
                           const od_target *result) {
  const od_gaussian gaussian = {5, 9, 0, 0};
  return od_gaussian_blur(workspace, view, &gaussian, OD_BORDER_REFLECT, result, NULL);
}

static od_status call_linear(od_image_workspace *workspace, const od_view *view,
                             const od_target *result) {
  const od_view part = od_view_of(view->h - 7, view->w, view->pixels);
  return od_resize(workspace, &part, OD_INTERPOLATION_LINEAR, result, NULL);
}

static od_status call_area(od_image_workspace *workspace, const od_view *view,
                           const od_target *result) {
  const od_target part = od_target_of(view->h - 7, view->w, result->pixels);
  return od_resize(workspace, view, OD_INTERPOLATION_AREA, &part, NULL);
}

static od_status call_halve(od_image_workspace *workspace, const od_view *view,
                            const od_target *result) {
  const od_target part = od_target_of(view->h / 2, view->w / 2, result->pixels);
  return od_resize(workspace, view, OD_INTERPOLATION_AREA, &part, NULL);
}

static od_status call_warp(od_image_workspace *workspace, const od_view *view,
                           const od_target *result) {
  const double matrix[6] = {0.9, 0.3, -50.5, -0.3, 0.9, 20.25};
  return od_warp_affine(workspace, view, matrix, OD_BORDER_REPLICATE, 0, result, NULL);
}

static od_status call_perspective(od_image_workspace *workspace, const od_view *view,
                                  const od_target *result) {
  const double matrix[9] = {0.9, 0.3, -50.5, -0.3, 0.9, 20.25, 1e-5, 1e-5, 1};
  return od_warp_perspective(workspace, view, matrix, OD_BORDER_REPLICATE, 0, result, NULL);
}

static od_status call_square(od_image_workspace *workspace, const od_view *view,
                             const od_target *result) {
  static uint8_t mask[15 * 15];
  memset(mask, 1, sizeof mask);
  const od_structuring_element element = {15, 15, 7, 7, mask};
  return od_erode(workspace, view, &element, OD_BORDER_REFLECT, 0, result, NULL);
}

/* An element of more segments than are taken at a time. */
static od_status call_holes(od_image_workspace *workspace, const od_view *view,
                            const od_target *result) {
  static uint8_t mask[101 * 101];
  for (int i = 0; i < 101 * 101; i++) mask[i] = i % 2 == 0;
  const od_structuring_element element = {101, 101, 7, 7, mask};
  const od_view part = od_view_of(8, view->w, view->pixels);
  const od_target of_part = od_target_of(8, view->w, result->pixels);
  return od_dilate(workspace, &part, &element, OD_BORDER_REFLECT, 0, &of_part, NULL);
}

/* A call that is interrupted at any poll ends with OD_STOPPED after it, and one that is not polled
 * so often gives the result of one that cannot be interrupted. */
static void check_interrupts(const char *name, interrupted_call *call, const od_view *view,
                             const od_thread_pool *threads) {
  static uint8_t expected[INTERRUPTED_H * INTERRUPTED_W], found[INTERRUPTED_H * INTERRUPTED_W];
  const od_target first = od_target_of(view->h, view->w, expected);
  const od_target second = od_target_of(view->h, view->w, found);
  od_image_workspace workspace = workspace_with(0);
  memset(expected, 0, sizeof expected);
  memset(found, 0, sizeof found);
  CHECK_CASE("%s", name);
  CHECK_INT(call(&workspace, view, &first), OD_OK);
  int stopped = 0, step = 1;
  for (int polls = 0;; polls += step, step += polls > 20) {
    countdown left = {polls};
    od_interrupt interrupt = interrupt_after(&left);
    od_thread_pool attached = od_thread_pool_attach(threads, false, &interrupt);
    workspace.pool = &attached;
    const od_status status = call(&workspace, view, &second);
    if (status == OD_OK) break;
    if (!CHECK_INT(status, OD_STOPPED)) break;
    CHECK_INT(left.polls_left, -1); /* not polled again */
    stopped++;
  }
  CHECK(stopped > !threads); /* helpers may leave the caller only the last poll */
  CHECK(memcmp(expected, found, sizeof found) == 0);
  od_image_workspace_release(&workspace);
}

static void test_interrupts(void) {
  static uint8_t pixels[INTERRUPTED_H * INTERRUPTED_W];
  for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)draw(0, 255);
  const od_view view = od_view_of(INTERRUPTED_H, INTERRUPTED_W, pixels);
  for (int k = 0; k < 2; k++) {
    const od_thread_pool *threads = k ? pool : NULL;
    check_interrupts("components", call_components, &view, threads);
    check_interrupts("moments", call_moments, &view, threads);
    check_interrupts("mean", call_mean, &view, threads);
    check_interrupts("gaussian mean", call_gaussian_mean, &view, threads);
    check_interrupts("blur", call_blur, &view, threads);
    check_interrupts("linear", call_linear, &view, threads);
    check_interrupts("area", call_area, &view, threads);
    check_interrupts("warp", call_warp, &view, threads);
    check_interrupts("perspective", call_perspective, &view, threads);
    check_interrupts("square", call_square, &view, threads);
    check_interrupts("holes", call_holes, &view, threads);
    check_interrupts("threshold", call_threshold, &view, threads);
    check_interrupts("halve", call_halve, &view, threads);
  }
}

static void test_invalid_arguments(void) {
  od_image_workspace workspace = workspace_with(0);
  uint8_t pixels[16] = {0}, bytes[16];
  const od_view view = od_view_of(4, 4, pixels);
  const od_target good = od_target_of(4, 4, bytes), small = od_target_of(3, 4, bytes);
  const int bad[][2] = {{0, 4}, {4, 0}, {-1, 4}, {16385, 4}, {4, 16385}};
  od_error error;
#define INVALID(CALL, PART)               \
  do {                                    \
    CHECK_INT((CALL), OD_ERROR_ARGUMENT); \
    CHECK_CONTAINS(error.message, PART);  \
  } while (0)
  for (int i = 0; i < 5; i++) {
    const od_view wrong = {pixels, bad[i][0], bad[i][1], 4, 1};
    const od_target same = {bytes, bad[i][0], bad[i][1], 4, 1};
    INVALID(od_threshold(&workspace, &wrong, 1, 1, 0, &same, &error), "image");
    INVALID(od_gray(&workspace, &wrong, 1, OD_RGB, 0, &same, &error), "image");
    const od_adaptive mean = {OD_ADAPTIVE_MEAN, 3, 0, 255, 0};
    INVALID(od_adaptive_threshold(&workspace, &wrong, &mean, &same, &error), "image");
  }
  INVALID(od_threshold(&workspace, &view, 1, 1, 0, &small, &error), "result");
  INVALID(od_gray(&workspace, &view, 0, OD_RGB, 0, &small, &error), "result");
  const int blocks[] = {-3, 0, 1, 2, 4, OD_MAX_BLOCK + 1, OD_MAX_BLOCK + 2};
  for (int i = 0; i < 7; i++) {
    const od_adaptive mean = {OD_ADAPTIVE_GAUSSIAN, blocks[i], 0, 255, 0};
    INVALID(od_adaptive_threshold(&workspace, &view, &mean, &good, &error), "block_size");
  }
  const int sizes[] = {-1, 0, 2, 4, OD_MAX_TAPS + 1, OD_MAX_TAPS + 2};
  for (int i = 0; i < 6; i++) {
    const od_gaussian high = {sizes[i], 3, 1, 1}, wide = {3, sizes[i], 1, 1};
    INVALID(od_gaussian_blur(&workspace, &view, &high, OD_BORDER_CONSTANT, &good, &error),
            "height");
    INVALID(od_gaussian_blur(&workspace, &view, &wide, OD_BORDER_CONSTANT, &good, &error), "width");
  }
  for (int i = 0; i < 5; i++) {
    const od_target wrong = {bytes, bad[i][0], bad[i][1], 4, 1};
    INVALID(od_resize(&workspace, &view, OD_INTERPOLATION_AREA, &wrong, &error), "result");
  }
  uint8_t mask[4] = {1, 0, 0, 0};
  const od_structuring_element wrong[] = {{0, 1, 0, 0, mask},     {1, 0, 0, 0, mask},
                                          {2, 2, 2, 0, mask},     {2, 2, 0, -1, mask},
                                          {2, 1, 0, 0, mask + 2}, {4096, 1, 0, 0, mask}};
  for (int i = 0; i < 6; i++)
    INVALID(od_erode(&workspace, &view, &wrong[i], OD_BORDER_CONSTANT, 0, &good, &error),
            i == 2 || i == 3 ? "anchor" : "kernel");
  od_component *components;
  int32_t count;
  for (int connectivity = -1; connectivity < 10; connectivity++)
    if (connectivity != 4 && connectivity != 8)
      INVALID(od_connected_components(&workspace, &view, connectivity, NULL, &components, &count,
                                      &error),
              "connectivity");
#undef INVALID
  od_image_workspace_release(&workspace);
}

int main(void) {
  od_rng_seed(&rng, 51, 0);
  guard_in = guard_create(MAX_BYTES);
  guard_out = guard_create(MAX_BYTES);
  od_thread_pool_create(3, &pool, NULL);
  RUN(test_gray);
  RUN(test_gray_of_planes);
  RUN(test_threshold);
  RUN(test_otsu);
  RUN(test_adaptive_means);
  RUN(test_adaptive_threshold);
  RUN(test_border_index);
  RUN(test_gaussian_blur);
  RUN(test_resize);
  RUN(test_resize_of_long_sides);
  RUN(test_morphology);
  RUN(test_structuring_elements);
  RUN(test_components);
  RUN(test_moments);
  RUN(test_warp_affine);
  RUN(test_warp_far_away);
  RUN(test_invert_affine);
  RUN(test_deskew);
  RUN(test_normalize);
  RUN(test_normalize_to_the_same_range);
  RUN(test_normalize_to_invalid_ranges);
  RUN(test_threads);
  RUN(test_interrupts);
  RUN(test_invalid_arguments);
  od_thread_pool_destroy(pool);
  guard_destroy(&guard_in);
  guard_destroy(&guard_out);
  return check_end();
}
