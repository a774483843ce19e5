/* The background is estimated twice. First by a closing of the image, which removes strokes that
 * are narrower than the window. Pixels that are clearly darker than that are foreground; the
 * windowed mean of all others is the second estimate, which includes texture. Both vary slowly, so
 * they are computed on a coarse grid and interpolated. The difference to the second estimate is
 * then scaled by the local contrast.
 *
 * Each step processes all pixels once, in row partitions of the grid. */
#include "digit/foreground.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "image/row_partition.h"
#include "digit/coarse_grid.h"
#include "digit/polarity.h"
#include "image/limits.h"

enum { LEVELS = 256, LANES = 16 };

/* Minimum contrast of full foreground, in levels. */
static const double min_contrast = 14;
/* Minimum local contrast as a fraction of the contrast of the whole image. */
static const double min_contrast_ratio = 0.3;
/* Contrast normalization maps the ratio of a difference to full contrast, from onset to
 * 1 - (stretch - 1) * onset, to 0..255. The onset is `onset_noise` standard deviations of the
 * background, at most `max_onset`. So OD_FOREGROUND_WEAK is 0.38 of full contrast on an even
 * background and at most 0.45. */
static const double max_onset = 0.18, onset_noise = 2, stretch = 1.56;
/* Minimum contrast of OD_FOREGROUND_WEAK in standard deviations of the background. */
static const double noise_margin = 2.2;

/* A crop is dense if at most this proportion of it is in the lower of Otsu's classes, which are so
 * well separated: the ratio of the variance between them to that of all pixels, which is 0.64 for
 * noise of a normal distribution. */
static const double max_lower = 0.7, min_separability = 0.73;
/* Maximum texture of a dense crop as a proportion of Otsu's threshold. */
static const double max_texture = 0.25;

/* Thresholds on the difference to the background, in levels. */
typedef struct thresholds {
  int background; /* up to this, certainly background */
  int foreground; /* from here on, foreground */
  double texture; /* standard deviation of the background without lines and shades */
  bool is_dense;  /* a crop without a margin, about half of which may be strokes */
} thresholds;

/* The state of one call. Arrays of `nodes` are (rows, columns) of the grid. */
typedef struct work {
  od_image_workspace *workspace;
  od_coarse_grid grid;
  const uint8_t *image;    /* (h, w), foreground dark */
  uint8_t *inverted;       /* (h, w): storage of `image` if the foreground was light, else NULL */
  uint8_t *foreground;     /* (h, w); until normalized, the difference to the background */
  uint8_t *background_map; /* (h, w); may be NULL */
  float *background;       /* (nodes) */
  float *contrast;         /* (nodes): of full foreground */
  float *sum, *weight;     /* (nodes) */
  int32_t *powers;         /* (nodes, 3) */
  double *squares;         /* (rows) */
  float *row;              /* od_coarse_grid_row_size */
  void *scratch;           /* od_coarse_grid_scratch */
  bool has_steps;          /* see od_foreground_maps */
  od_polarity polarity;
  thresholds thresholds;
  float scale, shift;           /* from the ratio to full contrast to foreground levels */
  atomic_size_t counts[LEVELS]; /* a histogram that all threads add to */
} work;

static od_status work_create(work *w, od_error *error) {
  const size_t nodes = od_coarse_grid_count(&w->grid);
  const size_t numbers = (4 + 3) * nodes * sizeof(float);
  const size_t rows = (size_t)w->grid.rows * sizeof(double);
  const size_t row = od_coarse_grid_row_size(&w->grid) * sizeof(float);
  const size_t bytes =
      od_aligned(numbers) + rows + od_aligned(row) + od_coarse_grid_scratch(&w->grid);
  /* The nodes take 32 bytes each; in 32 bits, those of a large image would not fit. */
  uint8_t *block = nodes > SIZE_MAX / 64 ? NULL : od_allocate(bytes, 1);
  if (!block) return od_fail_memory(error, "finding the foreground of an image");
  w->background = (float *)(void *)block;
  w->contrast = w->background + nodes;
  w->sum = w->contrast + nodes;
  w->weight = w->sum + nodes;
  w->powers = (int32_t *)(void *)(w->weight + nodes);
  w->squares = (double *)(void *)(block + od_aligned(numbers));
  w->row = (float *)(void *)(w->squares + w->grid.rows);
  w->scratch = (uint8_t *)(void *)w->row + od_aligned(row);
  return OD_OK;
}

static void work_release(work *w) {
  od_release(w->background);
  od_release(w->inverted);
}

/* ---- passes over the pixels ---- */

static size_t line_size(const work *w) {
  return od_aligned(od_coarse_grid_row_size(&w->grid) * sizeof(float));
}

/* Run `task` on the rows of the grid, with scratch memory of `lines` rows of floats. */
static od_status run_pass(work *w, od_row_task *task, size_t lines, od_error *error) {
  return od_run_row_partitions(w->workspace, w->grid.rows, (size_t)w->grid.size * (size_t)w->grid.w,
                               lines * line_size(w), task, w, error);
}

static float *line_of(const work *w, void *scratch, size_t i) {
  return (float *)(void *)((uint8_t *)scratch + i * line_size(w));
}

/* The index of the first pixel of row y. */
static size_t row_start(const work *w, int y) { return (size_t)y * (size_t)w->grid.w; }

/* Sum columns (w) over cell j of a row. */
static int32_t sum_cell(const work *w, const int32_t *columns, int j) {
  const int first = j * w->grid.size, end = od_min(first + w->grid.size, w->grid.w);
  int32_t sum = 0;
  for (int x = first; x < end; x++) sum += columns[x];
  return sum;
}

/* powers = the sums of the first three powers of level - 128 over each cell. */
static void sum_powers(void *context, int first, int last, void *scratch, od_interrupt *interrupt) {
  work *w = context;
  const size_t n = (size_t)w->grid.w;
  int32_t *sums[3];
  for (size_t k = 0; k < 3; k++) sums[k] = (int32_t *)(void *)line_of(w, scratch, k);
  for (int i = first; i < last && !od_interrupted(interrupt); i++) {
    for (int k = 0; k < 3; k++) memset(sums[k], 0, n * sizeof(int32_t));
    for (int y = i * w->grid.size; y < od_coarse_grid_row_end(&w->grid, i); y++)
      w->workspace->kernels->image.add_powers(n, w->image + row_start(w, y), sums[0], sums[1],
                                              sums[2]);
    int32_t *powers = w->powers + 3 * (size_t)i * (size_t)w->grid.columns;
    for (int j = 0; j < w->grid.columns; j++)
      for (int k = 0; k < 3; k++) *powers++ = sum_cell(w, sums[k], j);
  }
}

static void add_counts(work *w, const uint32_t *counts) {
  for (int level = 0; level < LEVELS; level++)
    if (counts[level])
      atomic_fetch_add_explicit(&w->counts[level], counts[level], memory_order_relaxed);
}

/* Move w->counts to a histogram and clear them. */
static void take_counts(work *w, uint64_t *histogram) {
  for (int level = 0; level < LEVELS; level++) {
    histogram[level] = atomic_load_explicit(&w->counts[level], memory_order_relaxed);
    atomic_store_explicit(&w->counts[level], 0, memory_order_relaxed);
  }
}

/* foreground = background - image, at least 0; count its levels. */
static void subtract_from_background(void *context, int first, int last, void *scratch,
                                     od_interrupt *interrupt) {
  work *w = context;
  const od_kernels *kernels = w->workspace->kernels;
  const int n = w->grid.w;
  float *background = line_of(w, scratch, 0);
  uint32_t counts[4][LEVELS] = {{0}}; /* equal neighbours need not wait for each other */
  for (int y = first * w->grid.size, end = od_coarse_grid_row_end(&w->grid, last - 1);
       y < end && !od_interrupted(interrupt); y++) {
    uint8_t *difference = w->foreground + row_start(w, y);
    od_coarse_grid_interpolate(kernels, &w->grid, w->background, y, background);
    kernels->image.subtract_from((size_t)n, w->image + row_start(w, y), background, difference);
    for (int x = 0; x < n; x++) counts[x & 3][difference[x]]++;
  }
  for (int k = 0; k < 4; k++) add_counts(w, counts[k]);
}

/* Add the pixels of row (n) with a difference up to `limit` to column sums, and count them. */
static void add_background_row(int n, const uint8_t *restrict row,
                               const uint8_t *restrict difference, uint8_t limit,
                               uint16_t *restrict sums, uint16_t *restrict counts) {
  for (int x = 0; x < n; x++) {
    const uint8_t mask = difference[x] <= limit ? 255 : 0;
    sums[x] = (uint16_t)(sums[x] + (row[x] & mask));
    counts[x] = (uint16_t)(counts[x] + (mask & 1));
  }
}

/* sum, weight = the sum and the number of the pixels of each cell that are certainly background. */
static void sum_background(void *context, int first, int last, void *scratch,
                           od_interrupt *interrupt) {
  work *w = context;
  const int n = w->grid.w, size = w->grid.size;
  uint16_t *sums = (uint16_t *)(void *)line_of(w, scratch, 0), *counts = sums + n;
  for (int i = first; i < last && !od_interrupted(interrupt); i++) {
    memset(sums, 0, 2 * (size_t)n * sizeof *sums);
    for (int y = i * size; y < od_coarse_grid_row_end(&w->grid, i); y++)
      add_background_row(n, w->image + row_start(w, y), w->foreground + row_start(w, y),
                         (uint8_t)w->thresholds.background, sums, counts);
    for (int j = 0; j < w->grid.columns; j++) {
      const size_t node = (size_t)i * (size_t)w->grid.columns + (size_t)j;
      int sum = 0, count = 0;
      for (int x = j * size; x < od_min((j + 1) * size, n); x++) {
        sum += sums[x];
        count += counts[x];
      }
      w->sum[node] = (float)sum;
      w->weight[node] = (float)count;
    }
  }
}

static void max_rows(int n, const uint8_t *restrict row, uint8_t *restrict max) {
  for (int x = 0; x < n; x++) max[x] = row[x] > max[x] ? row[x] : max[x];
}

/* Count the levels of row (n), skipping blocks of zeros, which are most of it. */
static void count_levels(int n, const uint8_t *row, uint32_t *counts) {
  int x = 0;
  for (; x + 8 <= n; x += 8) {
    uint64_t eight;
    memcpy(&eight, row + x, sizeof eight);
    if (!eight) continue;
    for (int k = 0; k < 8; k++) counts[row[x + k]]++;
  }
  for (; x < n; x++) counts[row[x]]++;
}

/* foreground = the difference to the second background. contrast = its maximum over each cell;
 * squares = its squares summed over the pixels that the first difference made background; the
 * non-zero levels of all others are counted. */
static void measure_foreground(void *context, int first, int last, void *scratch,
                               od_interrupt *interrupt) {
  work *w = context;
  const od_kernels *kernels = w->workspace->kernels;
  const int n = w->grid.w, size = w->grid.size;
  float *background = line_of(w, scratch, 0);
  uint8_t *max = (uint8_t *)line_of(w, scratch, 1), *core = max + n;
  uint32_t counts[LEVELS] = {0};
  for (int i = first; i < last && !od_interrupted(interrupt); i++) {
    memset(max, 0, (size_t)n);
    w->squares[i] = 0;
    for (int y = i * size; y < od_coarse_grid_row_end(&w->grid, i); y++) {
      float squares[LANES] = {0};
      uint8_t *difference = w->foreground + row_start(w, y);
      od_coarse_grid_interpolate(kernels, &w->grid, w->background, y, background);
      kernels->image.subtract_again((size_t)n, w->image + row_start(w, y), background,
                                    (uint8_t)w->thresholds.foreground, difference, core, squares);
      count_levels(n, core, counts);
      max_rows(n, difference, max);
      for (int k = 0; k < LANES; k++) w->squares[i] += (double)squares[k];
    }
    for (int j = 0; j < w->grid.columns; j++) {
      uint8_t peak = 0;
      for (int x = j * size; x < od_min((j + 1) * size, n); x++)
        peak = max[x] > peak ? max[x] : peak;
      w->contrast[(size_t)i * (size_t)w->grid.columns + (size_t)j] = (float)peak;
    }
  }
  counts[0] = 0;
  add_counts(w, counts);
}

static void write_background_row(int n, uint8_t invert, const float *restrict level,
                                 uint8_t *restrict row) {
  for (int x = 0; x < n; x++) row[x] = (uint8_t)((uint8_t)(int)(level[x] + 0.5f) ^ invert);
}

/* foreground = the difference, normalized by the local contrast, in place. */
static void normalize_contrast(void *context, int first, int last, void *scratch,
                               od_interrupt *interrupt) {
  work *w = context;
  const od_kernels *kernels = w->workspace->kernels;
  float *line = line_of(w, scratch, 0);
  for (int y = first * w->grid.size, end = od_coarse_grid_row_end(&w->grid, last - 1);
       y < end && !od_interrupted(interrupt); y++) {
    od_coarse_grid_interpolate(kernels, &w->grid, w->contrast, y, line);
    kernels->image.normalize_contrast((size_t)w->grid.w, line, w->scale, w->shift,
                                      w->foreground + row_start(w, y));
    if (!w->background_map) continue;
    od_coarse_grid_interpolate(kernels, &w->grid, w->background, y, line);
    write_background_row(w->grid.w, w->inverted ? 255 : 0, line,
                         w->background_map + row_start(w, y));
  }
}

/* ---- on the grid ---- */

/* Invert the image and the cells' means. */
static od_status invert(work *w, od_error *error) {
  const size_t n = (size_t)w->grid.h * (size_t)w->grid.w;
  w->inverted = od_allocate(n, 1);
  if (!w->inverted) return od_fail_memory(error, "finding the foreground of an image");
  for (size_t i = 0; i < n; i++) w->inverted[i] = (uint8_t)(255 - w->image[i]);
  for (size_t i = 0; i < od_coarse_grid_count(&w->grid); i++)
    w->background[i] = 255 - w->background[i];
  w->image = w->inverted;
  return OD_OK;
}

/* First estimate of the background: a closing of the cells' means in w->background, smoothed unless
 * the background has steps. */
static void background_by_closing(work *w) {
  od_coarse_grid_max(&w->grid, w->grid.radius, w->background, w->scratch);
  od_coarse_grid_min(&w->grid, w->grid.radius, w->background, w->scratch);
  if (!w->has_steps)
    od_coarse_grid_mean(&w->grid, od_max(1, w->grid.radius / 2), w->background, w->scratch);
}

/* Return the lowest level that at least a fraction `p` of the pixels do not exceed. */
static int quantile(const uint64_t *histogram, double p) {
  uint64_t all = 0, so_far = 0;
  for (int level = 0; level < LEVELS; level++) all += histogram[level];
  for (int level = 0; level < LEVELS; level++) {
    so_far += histogram[level];
    if (so_far > 0 && (double)so_far >= p * (double)all) return level;
  }
  return LEVELS - 1;
}

/* The pixels of a histogram up to a threshold, and all of them. */
typedef struct classes {
  double below, all;         /* numbers of pixels */
  double sum_below, sum_all; /* of their levels */
  double squares;            /* of the levels of all */
} classes;

static classes split(const uint64_t *histogram, int threshold) {
  classes c = {0, 0, 0, 0, 0};
  for (int level = 0; level < LEVELS; level++) {
    const double count = (double)histogram[level], sum = count * level;
    c.all += count;
    c.sum_all += sum;
    c.squares += sum * level;
    if (level > threshold) continue;
    c.below += count;
    c.sum_below += sum;
  }
  return c;
}

static bool is_dense(const classes *c) {
  const double above = c->all - c->below;
  if (c->below > max_lower * c->all) return false;
  const double distance = (c->sum_all - c->sum_below) / above - c->sum_below / c->below;
  const double variance = c->all * c->squares - c->sum_all * c->sum_all;
  return c->below * above * distance * distance >= min_separability * variance;
}

/* Find the thresholds from a histogram of the difference: Otsu's threshold, but above the spread of
 * the background itself. In a dense crop that spread is of the blurred edges of strokes. */
static thresholds find_thresholds(const uint64_t *histogram) {
  const int otsu = od_otsu(histogram);
  const classes c = split(histogram, otsu);
  const bool dense = is_dense(&c);
  /* Both quantiles are background even if half of the image is foreground; if more is, they are of
   * the lower class. In a normal distribution they are 0.76 standard deviations apart. */
  const double part = fmin(1, 2 * c.below / c.all);
  const int middle = quantile(histogram, 0.3 * part), lower = quantile(histogram, 0.1 * part);
  const int spread = middle + 4 * od_max(1, middle - lower);
  const int foreground = od_min(254, dense ? otsu : od_max(otsu, spread));
  const double texture = (middle - lower) / 0.76;
  return (thresholds){od_min(foreground / 2, spread), foreground,
                      dense ? fmin(texture, max_texture * otsu) : texture, dense};
}

/* Second estimate of the background: the windowed mean of the background pixels, from w->sum and
 * w->weight; the mean of all of them in windows without any. */
static void background_by_mean(work *w) {
  double all = 0, count = 0;
  for (size_t i = 0; i < od_coarse_grid_count(&w->grid); i++) {
    all += (double)w->sum[i];
    count += (double)w->weight[i];
  }
  const double mean = count > 0 ? all / count : 255;
  od_coarse_grid_sum(&w->grid, w->grid.radius, w->sum, w->scratch);
  od_coarse_grid_sum(&w->grid, w->grid.radius, w->weight, w->scratch);
  for (size_t i = 0; i < od_coarse_grid_count(&w->grid); i++)
    w->background[i] = (float)(((double)w->sum[i] + mean) / ((double)w->weight[i] + 1));
}

/* Compute the image's contrast and noise. `first` is the histogram of the first difference;
 * w->counts is that of the second one over the pixels that the first one made foreground, without
 * level 0. */
static void compute_stats(work *w, const uint64_t *first, od_foreground_stats *stats) {
  uint64_t core[LEVELS], background = 0, foreground = 0, counted = 0;
  double squares = 0;
  take_counts(w, core);
  for (int level = 0; level < LEVELS; level++) {
    *(level <= w->thresholds.foreground ? &background : &foreground) += first[level];
    counted += core[level];
  }
  core[0] = foreground - counted;
  for (int i = 0; i < w->grid.rows; i++) squares += w->squares[i];
  stats->noise = background > 0 ? sqrt(squares / (double)background) : 0;
  const int typical = quantile(core, 0.75);
  stats->contrast = foreground == 0 || typical < min_contrast ? 0 : typical;
}

/* From the cells' peaks in w->contrast to the contrast of full foreground around each: the largest
 * peak nearby, with lower bounds that keep noise and texture out of the foreground. Also computes
 * the scale and shift of the normalization. */
static void find_local_contrast(work *w, const od_foreground_stats *stats) {
  const double noise = noise_margin * stats->noise / 0.45;
  const double min = fmax(fmax(min_contrast, min_contrast_ratio * stats->contrast),
                          w->thresholds.is_dense ? fmin(noise, stats->contrast) : noise);
  const double texture = w->thresholds.texture;
  od_coarse_grid_max(&w->grid, w->grid.radius, w->contrast, w->scratch);
  od_coarse_grid_mean(&w->grid, w->grid.radius, w->contrast, w->scratch);
  for (size_t i = 0; i < od_coarse_grid_count(&w->grid); i++) {
    /* A peak exceeds the typical level of a stroke by the texture and a little more. */
    const double peak = (double)w->contrast[i], typical = fmax(0.85 * peak, peak - 2.5 * texture);
    const double local = fmin(1.06 * typical, stats->contrast); /* the mean lowered the peak */
    w->contrast[i] = (float)fmax(local, min);
  }
  const double onset = fmin(onset_noise * texture / fmax(stats->contrast, 1), max_onset);
  w->scale = (float)(255 / (1 - stretch * onset));
  w->shift = (float)onset * w->scale;
}

static od_status find_foreground(work *w, od_foreground_stats *stats, od_error *error) {
  const size_t n = (size_t)w->grid.h * (size_t)w->grid.w;
  uint64_t difference[LEVELS];
  od_status status = run_pass(w, sum_powers, 3, error);
  if (status) return status;
  float *const buffers[] = {w->contrast, w->sum, w->row};
  stats->dark = od_foreground_is_dark(w->workspace->kernels, &w->grid, w->image, w->powers,
                                      w->background, buffers, w->scratch);
  if (w->polarity) stats->dark = w->polarity == OD_DARK_FOREGROUND;
  if (!stats->dark) status = invert(w, error);
  if (status) return status;
  background_by_closing(w);
  status = run_pass(w, subtract_from_background, 1, error);
  if (status) return status;
  take_counts(w, difference);
  w->thresholds = find_thresholds(difference);
  if (!w->has_steps) {
    status = run_pass(w, sum_background, 1, error);
    if (status) return status;
    background_by_mean(w);
  }
  status = run_pass(w, measure_foreground, 2, error);
  if (status) return status;
  compute_stats(w, difference, stats);
  find_local_contrast(w, stats);
  status = run_pass(w, normalize_contrast, 1, error);
  if (!status && stats->contrast <= 0) memset(w->foreground, 0, n);
  return status;
}

od_status od_find_foreground(od_image_workspace *workspace, int h, int w, const uint8_t *image,
                             int window, const od_foreground_maps *maps, od_foreground_stats *stats,
                             od_error *error) {
  od_status status = od_check_sides("image", h, w, error);
  if (status) return status;
  if (window < 1)
    return od_fail(error, OD_ERROR_ARGUMENT, "window: got %d, expected at least 1", window);
  work finding = {.workspace = workspace,
                  .grid = od_coarse_grid_for(h, w, window),
                  .image = image,
                  .foreground = maps->foreground,
                  .background_map = maps->background,
                  .has_steps = maps->has_steps,
                  .polarity = maps->polarity};
  status = work_create(&finding, error);
  if (!status) status = find_foreground(&finding, stats, error);
  work_release(&finding);
  return status;
}
