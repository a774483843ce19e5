/* The evidence is the skewness of the levels, which tells it wherever writing covers a small part
 * of the image. In small images, such as crops without a margin, it may cover more than half: there
 * the proportions of dark pixels of the border, and of the corners, in which few digits have
 * strokes, are weighed with the skewness; but if the border is the sides of a box, the proportion
 * inside of it decides. */
#include "digit/polarity.h"

#include <math.h>
#include <string.h>

#include "base/math.h"

/* Images with more pixels, or of a larger skewness, are decided by the skewness alone. */
enum { MAX_PIXELS = 1 << 16 };
static const double max_skewness = 2.4;
/* Rings are 0 to RINGS - 1 times a part of the shorter side from the border; corners are triangles
 * with legs of a part of the shorter side. */
enum { RINGS = 4, RING_DISTANCE = 16, CORNER = 4 };
static const double min_uniform = 0.9, min_border = 0.45;
/* Weights, rounded, in logistic regression on 39,200 crops of MNIST's and optdigits' training
 * images: tight, cut, thickened, with margins on some or all sides, in cells with walls of 1 to 12
 * pixels, with ruling lines, on squared paper and in uneven light. */
static const double skewness_weight = 0.9, border_weight = 2.7, corner_weight = 1.1;

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

/* Pixels that are counted: how many, and the number of dark less light ones. A pixel in the middle,
 * as where the level is uniform, is neither. */
typedef struct balance {
  int count, dark;
} balance;

/* The pixels of rectangular rings at several distances from the border, and of the corners. */
typedef struct balances {
  balance rings[RINGS], corners;
} balances;

static int inset_of(const od_coarse_grid *grid, int k) {
  return k * od_min(grid->h, grid->w) / RING_DISTANCE;
}

static double proportion(balance sum) { return (double)sum.dark / sum.count; }

/* Add columns left..right - 1 of a row; `middle` (w) are the levels between dark and light. */
static void add_columns(const uint8_t *row, const float *middle, int left, int right,
                        balance *sum) {
  for (int x = left; x < right; x++) {
    const float level = (float)row[x];
    sum->dark += (level < middle[x]) - (level > middle[x]);
  }
  sum->count += right - left;
}

/* Add row y of the image. */
static void add_row(const od_coarse_grid *grid, int y, const uint8_t *row, const float *middle,
                    balances *sums) {
  const int h = grid->h, w = grid->w, from_end = od_min(y, h - 1 - y);
  for (int k = 0; k < RINGS; k++) {
    const int inset = inset_of(grid, k), right = w - inset;
    if (from_end < inset) continue;
    const int side = from_end == inset ? right - inset : 1;
    add_columns(row, middle, inset, inset + side, &sums->rings[k]);
    if (right - inset > side) add_columns(row, middle, right - 1, right, &sums->rings[k]);
  }
  const int leg = od_max(1, od_min(h, w) / CORNER) - from_end;
  if (leg <= 0) return;
  add_columns(row, middle, 0, leg, &sums->corners);
  add_columns(row, middle, w - leg, w, &sums->corners);
}

/* The first ring inside the sides of a box, or 0: the border is mostly of one level, and that ring
 * nearly all of the opposite one. */
static int find_box(const balances *sums) {
  const double border = proportion(sums->rings[0]);
  for (int k = 1; k < RINGS && fabs(border) > min_border; k++) {
    const double ring = proportion(sums->rings[k]);
    if (fabs(ring) > min_uniform && ring * border < 0) return k;
  }
  return 0;
}

/* Count the pixels below and above the middle between the darkest and
 * the lightest cell around. low, high (nodes) and row (od_coarse_grid_row_size) are scratch. */
static balances find_balances(const od_kernels *kernels, const od_coarse_grid *grid,
                              const uint8_t *image, const float *means, float *const buffers[3],
                              void *scratch) {
  float *low = buffers[0], *high = buffers[1], *row = buffers[2];
  const size_t count = od_coarse_grid_count(grid);
  balances sums = {0};
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

/* Count the pixels inside of the first `inset` rows and columns, whose middle find_balances has
 * left in buffers. */
static balance count_inside(const od_kernels *kernels, const od_coarse_grid *grid,
                            const uint8_t *image, int inset, float *const buffers[3]) {
  float *middle = buffers[0], *row = buffers[2];
  balance sum = {0, 0};
  for (int y = inset; y < grid->h - inset; y++) {
    od_coarse_grid_interpolate(kernels, grid, middle, y, row);
    add_columns(image + (size_t)y * (size_t)grid->w, row, inset, grid->w - inset, &sum);
  }
  return sum;
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
  const balances sums = find_balances(kernels, grid, image, means, buffers, scratch);
  const int box = find_box(&sums);
  if (box) return count_inside(kernels, grid, image, inset_of(grid, box), buffers).dark <= 0;
  return skewness_weight * skewed + border_weight * proportion(sums.rings[0]) +
             corner_weight * proportion(sums.corners) <=
         0;
}
