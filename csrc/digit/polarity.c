/* The evidence is the skewness of the levels, which tells it wherever writing covers a small part
 * of the image. In small images, such as crops without a margin, it may cover more than half: there
 * the proportions of dark pixels of the image and of its border are weighed with the skewness. */
#include "digit/polarity.h"

#include <math.h>
#include <string.h>

#include "base/math.h"

/* Images with more pixels, or of a larger skewness, are decided by the skewness alone. */
enum { MAX_PIXELS = 1 << 16 };
/* Rings are 0 to RINGS - 1 times a part of the shorter side from the border. */
enum { RINGS = 4, RING_DISTANCE = 16 };
static const double min_uniform = 0.8, min_border = 0.45;
static const double max_skewness = 2.4;

/* Weights of both skewnesses and of the proportions, from logistic regression on 5,400 crops of
 * MNIST's and optdigits' training images: tight, with margins, thick strokes, box sides and
 * ruling lines, on squared paper and in uneven light. */
static const double skewness_weight = -3.82, area_weight = 7.52, border_weight = -12.64;

/* Sums of powers of differences, for their skewness. */
typedef struct moments {
  double squares, cubes;
} moments;

/* Add the powers of a cell's differences to `level`; powers (3) and level are less 128. */
static void add_moments(double n, const int32_t *powers, double level, moments *sums) {
  const double p = powers[0], pp = powers[1], ppp = powers[2];
  sums->squares += pp - level * (2 * p - n * level);
  sums->cubes += ppp - level * (3 * pp - level * (3 * p - n * level));
}

static double skewness(moments sums, double n) {
  return sums.squares > 0 ? sums.cubes * sqrt(n) / (sums.squares * sqrt(sums.squares)) : 0;
}

/* The skewness about the local mean is robust to uneven light, that about the global mean to wide
 * strokes; return their sum. means (nodes) are the cells' means; local (nodes) is scratch. */
static double find_skewness(const od_coarse_grid *grid, const int32_t *powers, const float *means,
                            float *local, void *scratch) {
  const double n = (double)grid->h * (double)grid->w;
  double all = 0;
  moments about_local = {0, 0}, about_global = {0, 0};
  memcpy(local, means, od_coarse_grid_count(grid) * sizeof *local);
  od_coarse_grid_mean(grid, od_max(1, grid->radius / 2), local, scratch);
  for (size_t i = 0; i < od_coarse_grid_count(grid); i++) all += powers[3 * i];
  for (int i = 0, node = 0; i < grid->rows; i++)
    for (int j = 0; j < grid->columns; j++, node++) {
      const int area = od_coarse_grid_area(grid, i, j);
      add_moments(area, powers + 3 * node, (double)local[node] - 128, &about_local);
      add_moments(area, powers + 3 * node, all / n, &about_global);
    }
  return skewness(about_local, n) + skewness(about_global, n);
}

/* Numbers of pixels, dark less light ones: of the image, and of rectangular rings of pixels at
 * several distances from the border. */
typedef struct balance {
  int area, rings[RINGS];
} balance;

static int inset_of(const od_coarse_grid *grid, int k) {
  return k * od_min(grid->h, grid->w) / RING_DISTANCE;
}

static int sign_at(const uint8_t *row, const float *middle, int x) {
  return (float)row[x] < middle[x] ? 1 : -1;
}

/* Add row y of the image, whose dark pixels are below `middle` (w). */
static void add_row(const od_coarse_grid *grid, int y, const uint8_t *row, const float *middle,
                    balance *sums) {
  const int h = grid->h, w = grid->w;
  int dark = 0;
  for (int x = 0; x < w; x++) dark += (float)row[x] < middle[x] ? 1 : -1;
  sums->area += dark;
  for (int k = 0; k < RINGS; k++) {
    const int inset = inset_of(grid, k), last = w - 1 - inset;
    if (y < inset || y > h - 1 - inset) continue;
    const bool at_end = y == inset || y == h - 1 - inset;
    for (int x = inset; x <= last; x += at_end || x == last ? 1 : last - inset)
      sums->rings[k] += sign_at(row, middle, x);
  }
}

/* The proportion of dark pixels less that of light ones on the border. A ring inside it replaces it
 * if it is nearly all of the opposite level: then the border is the sides of a box. */
static double border_balance(const od_coarse_grid *grid, const balance *sums) {
  double border = 0;
  for (int k = 0; k < RINGS; k++) {
    const int h = grid->h - 2 * inset_of(grid, k), w = grid->w - 2 * inset_of(grid, k);
    const double count = h > 1 && w > 1 ? 2.0 * (h + w) - 4 : (double)h * w;
    const double ring = sums->rings[k] / count;
    if (k == 0 || (fabs(ring) > min_uniform && ring * border < 0 && fabs(border) > min_border))
      border = ring;
  }
  return border;
}

/* Count the pixels below and above the middle between the darkest and the lightest cell around.
 * low, high (nodes) and row (od_coarse_grid_row_size) are scratch. */
static balance find_balance(const od_kernels *kernels, const od_coarse_grid *grid,
                            const uint8_t *image, const float *means, float *const buffers[3],
                            void *scratch) {
  float *low = buffers[0], *high = buffers[1], *row = buffers[2];
  const size_t count = od_coarse_grid_count(grid);
  balance sums = {0, {0}};
  memcpy(low, means, count * sizeof *low);
  memcpy(high, means, count * sizeof *high);
  od_coarse_grid_min(grid, grid->radius, low, scratch);
  od_coarse_grid_max(grid, grid->radius, high, scratch);
  for (size_t i = 0; i < count; i++) low[i] = (low[i] + high[i]) / 2;
  for (int y = 0; y < grid->h; y++) {
    od_coarse_grid_interpolate(kernels, grid, low, y, row);
    add_row(grid, y, image + (size_t)y * (size_t)grid->w, row, &sums);
  }
  return sums;
}

bool od_foreground_is_dark(const od_kernels *kernels, const od_coarse_grid *grid,
                           const uint8_t *image, const int32_t *powers, float *means,
                           float *const buffers[3], void *scratch) {
  const int h = grid->h, w = grid->w;
  for (int i = 0, node = 0; i < grid->rows; i++)
    for (int j = 0; j < grid->columns; j++, node++) {
      const int area = od_coarse_grid_area(grid, i, j);
      means[node] = (float)(powers[3 * node] + 128 * area) / (float)area;
    }
  const double skewed = find_skewness(grid, powers, means, buffers[0], scratch);
  if ((double)h * w > MAX_PIXELS || fabs(skewed) > max_skewness) return skewed <= 0;
  const balance dark = find_balance(kernels, grid, image, means, buffers, scratch);
  const double evidence = skewness_weight * skewed + area_weight * dark.area / ((double)h * w) +
                          border_weight * border_balance(grid, &dark);
  return evidence >= 0;
}
