#include <math.h>

#include "image/row_partition.h"
#include "image/gaussian_kernel.h"
#include "image/image.h"
#include "image/limits.h"

/* The widest block with sums of bytes in 16 bits. */
enum { MAX_BLOCK_16 = 15 };

typedef struct threshold_job {
  const od_image_kernels *kernels;
  const od_view *image;
  const od_target *result;
  int block, bound;
  uint8_t above, below;
} threshold_job;

static int clamp_row(int y, int h) { return y < 0 ? 0 : y < h ? y : h - 1; }

/* ---- means ---- */

/* Scratch memory of one row partition. `columns` holds the sums of the columns of the block, which
 * are updated from row to row, over the image's width and block / 2 columns of border on both
 * sides; `sums` those of `block` adjacent columns. */
typedef struct mean_memory {
  size_t w, block;
  uint8_t *row, *leaving, *means;
  void *columns, *sums; /* (w + block - 1) of 16 or 32 bits */
} mean_memory;

static size_t mean_scratch(size_t w, size_t block) {
  return 3 * od_aligned(w) + 2 * od_aligned((w + block) * sizeof(uint32_t));
}

static mean_memory mean_memory_of(const threshold_job *job, uint8_t *scratch) {
  mean_memory m = {.w = (size_t)job->image->w, .block = (size_t)job->block};
  const size_t line = od_aligned(m.w), sums = od_aligned((m.w + m.block) * sizeof(uint32_t));
  m.row = scratch;
  m.leaving = m.row + line;
  m.means = m.leaving + line;
  m.columns = m.means + line;
  m.sums = (uint8_t *)m.columns + sums;
  return m;
}

/* columns += entering - leaving, two rows of the image. */
static void update_columns(const threshold_job *job, const mean_memory *m, const uint8_t *entering,
                           const uint8_t *leaving) {
  const size_t radius = m->block / 2;
  if (job->block <= MAX_BLOCK_16)
    job->kernels->move_sums16(m->w, entering, leaving, (uint16_t *)m->columns + radius);
  else
    job->kernels->move_sums32(m->w, entering, leaving, (uint32_t *)m->columns + radius);
}

/* Move the block one row down, so that row y is its last one. */
static void move_down(const threshold_job *job, const mean_memory *m, int y) {
  const od_view *image = job->image;
  const uint8_t *entering = od_view_row(image, clamp_row(y, image->h), m->row);
  const uint8_t *leaving = od_view_row(image, clamp_row(y - job->block, image->h), m->leaving);
  update_columns(job, m, entering, leaving);
}

/* Compute the column sums of the block of row first - 1: its first row times `block`, then each
 * other row in place of one copy of it. */
static void start_columns(const threshold_job *job, const mean_memory *m, int first) {
  const od_view *image = job->image;
  const size_t radius = m->block / 2;
  const int begin = first - 1 - job->block / 2;
  const uint8_t *top = od_view_row(image, clamp_row(begin, image->h), m->row);
  for (size_t x = 0; x < m->w; x++) {
    if (job->block <= MAX_BLOCK_16)
      ((uint16_t *)m->columns)[radius + x] = (uint16_t)(m->block * top[x]);
    else
      ((uint32_t *)m->columns)[radius + x] = (uint32_t)(m->block * top[x]);
  }
  for (int k = 1; k < job->block; k++)
    update_columns(job, m, od_view_row(image, clamp_row(begin + k, image->h), m->leaving), top);
}

/* Repeat the image's first and last column in the border. */
#define PAD_COLUMNS(TYPE)                                      \
  do {                                                         \
    TYPE *columns = m->columns;                                \
    const size_t radius = m->block / 2;                        \
    for (size_t i = 0; i < radius; i++) {                      \
      columns[i] = columns[radius];                            \
      columns[radius + m->w + i] = columns[radius + m->w - 1]; \
    }                                                          \
  } while (0)

static void compute_means(const threshold_job *job, const mean_memory *m, uint8_t *means) {
  const float scale = (float)(1.0 / ((double)job->block * job->block));
  if (job->block <= MAX_BLOCK_16) {
    PAD_COLUMNS(uint16_t);
    job->kernels->window_sums16(m->w, m->block, m->columns, m->sums);
    job->kernels->means16(m->w, m->sums, scale, means);
  } else {
    PAD_COLUMNS(uint32_t);
    job->kernels->window_sums32(m->w, m->block, m->columns, m->sums);
    job->kernels->means32(m->w, m->sums, scale, means);
  }
}

static void mean_rows(void *context, int first, int last, void *scratch, od_interrupt *interrupt) {
  const threshold_job *job = context;
  const mean_memory m = mean_memory_of(job, scratch);
  start_columns(job, &m, first);
  for (int y = first; y < last && !od_interrupted(interrupt); y++) {
    move_down(job, &m, y + job->block / 2);
    uint8_t *result = od_target_row(job->result, y, m.means);
    compute_means(job, &m, result);
    job->kernels->adaptive_threshold(m.w, od_view_row(job->image, y, m.row), result, job->bound,
                                     job->above, job->below, result);
    od_target_finish(job->result, y, result);
  }
}

/* ---- Gaussian-weighted means ---- */

/* OpenCV computes these in floats, so the order of operations matters, and its order depends on the
 * column: its registers hold 4 numbers horizontally and 8 vertically; the columns after the last
 * full register are summed without fused operations, except for the last (block - 1) % 4 taps
 * horizontally. About one mean in ten thousand differs otherwise. */
enum { LANES_X = 4, LANES_Y = 8 };

typedef struct gaussian_job {
  threshold_job threshold;
  float weights[OD_MAX_BLOCK], half[OD_MAX_BLOCK / 2 + 1];
  int taps_x, taps_y; /* 1 if the image is one column, one row */
} gaussian_job;

static void smooth_rest_x(const gaussian_job *job, size_t begin, size_t w, const float *x,
                          float *y) {
  const int taps = job->taps_x, fused = taps - (taps - 1) % LANES_X;
  for (size_t i = begin; i < w; i++) {
    float sum = x[i] * job->weights[0];
    for (int k = 1; k < fused; k++) sum += x[i + (size_t)k] * job->weights[k];
    for (int k = fused; k < taps; k++) sum = fmaf(x[i + (size_t)k], job->weights[k], sum);
    y[i] = sum;
  }
}

static void smooth_rest_y(const gaussian_job *job, size_t begin, size_t w, const float *const *rows,
                          uint8_t *y) {
  const int radius = job->taps_y / 2;
  for (size_t i = begin; i < w; i++) {
    float sum = rows[radius][i] * job->half[0];
    for (int k = 1; k <= radius; k++)
      sum += (rows[radius + k][i] + rows[radius - k][i]) * job->half[k];
    y[i] = (uint8_t)lrintf(sum);
  }
}

/* Smooth image row y horizontally; pixels beyond the border repeat the first and the last. */
static void smooth_row(const gaussian_job *job, int y, uint8_t *copy, float *padded,
                       float *result) {
  const od_view *image = job->threshold.image;
  const size_t w = (size_t)image->w, radius = (size_t)job->taps_x / 2;
  const uint8_t *row = od_view_row(image, y, copy);
  for (size_t i = 0; i < radius; i++) padded[i] = row[0];
  for (size_t i = 0; i < w; i++) padded[radius + i] = row[i];
  for (size_t i = 0; i < radius; i++) padded[radius + w + i] = row[w - 1];
  if (job->taps_x == 1) {
    memcpy(result, padded, w * sizeof *result);
    return;
  }
  const size_t whole = w / LANES_X * LANES_X;
  job->threshold.kernels->blur_float_horizontal(whole, (size_t)job->taps_x, padded, job->weights,
                                                result);
  smooth_rest_x(job, whole, w, padded, result);
}

static size_t gaussian_scratch(size_t w, size_t block) {
  return 2 * od_aligned(w) + od_aligned(2 * block * sizeof(float *)) +
         od_aligned((w + block) * sizeof(float)) + block * od_aligned(w * sizeof(float));
}

/* The smoothed rows are kept in a ring: row y in slot y % taps_y. */
static void gaussian_rows(void *context, int first, int last, void *scratch,
                          od_interrupt *interrupt) {
  const gaussian_job *job = context;
  const threshold_job *t = &job->threshold;
  const od_view *image = t->image;
  const size_t w = (size_t)image->w, line = od_aligned(w), block = (size_t)t->block;
  const size_t pitch = od_aligned(w * sizeof(float)) / sizeof(float);
  const int taps_y = job->taps_y, radius = taps_y / 2;
  uint8_t *copy = scratch, *means = copy + line;
  const float **rows = (const float **)(void *)(means + line);
  float *padded = (float *)(void *)((uint8_t *)rows + od_aligned(2 * block * sizeof *rows));
  float *ring = padded + od_aligned((w + block) * sizeof(float)) / sizeof(float);
  int next = first - radius < 0 ? 0 : first - radius; /* the first row not in the ring */
  for (int y = first; y < last && !od_interrupted(interrupt); y++) {
    for (; next <= clamp_row(y + radius, image->h) && !od_interrupted(interrupt); next++)
      smooth_row(job, next, copy, padded, ring + (size_t)(next % taps_y) * pitch);
    for (int k = 0; k < taps_y; k++)
      rows[k] = ring + (size_t)(clamp_row(y + k - radius, image->h) % taps_y) * pitch;
    uint8_t *result = od_target_row(t->result, y, means);
    const size_t whole = w / LANES_Y * LANES_Y;
    t->kernels->blur_float_vertical(whole, (size_t)taps_y, rows, job->half, result);
    smooth_rest_y(job, whole, w, rows, result);
    t->kernels->adaptive_threshold(w, od_view_row(image, y, copy), result, t->bound, t->above,
                                   t->below, result);
    od_target_finish(t->result, y, result);
  }
}

static od_status run_gaussian(od_image_workspace *workspace, const threshold_job *threshold,
                              od_error *error) {
  const int block = threshold->block, h = threshold->image->h;
  const size_t w = (size_t)threshold->image->w;
  double taps[OD_MAX_BLOCK];
  gaussian_job job = {.threshold = *threshold};
  job.taps_x = w == 1 ? 1 : block;
  job.taps_y = h == 1 ? 1 : block;
  od_gaussian_kernel(block, 0, taps);
  for (int k = 0; k < block; k++) job.weights[k] = (float)taps[k];
  for (int k = 0; k <= block / 2; k++) job.half[k] = job.weights[block / 2 + k];
  if (job.taps_y == 1) job.half[0] = 1;
  return od_run_row_partitions(workspace, h, w * (size_t)(job.taps_x + job.taps_y) / 8,
                               gaussian_scratch(w, (size_t)block), gaussian_rows, &job, error);
}

od_status od_adaptive_threshold(od_image_workspace *workspace, const od_view *image,
                                const od_adaptive *adaptive, const od_target *result,
                                od_error *error) {
  const od_status status = od_check_same(image, result, error);
  const int block = adaptive->block_size, bound = adaptive->bound;
  if (status) return status;
  if (block < 3 || block > OD_MAX_BLOCK || block % 2 == 0)
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "block_size: got %d, expected an odd number from 3 to %d", block, OD_MAX_BLOCK);
  threshold_job job = {.kernels = &workspace->kernels->image,
                       .image = image,
                       .result = result,
                       .block = block,
                       .bound = bound < -256  ? -256
                                : bound > 255 ? 255
                                              : bound,
                       .above = adaptive->above,
                       .below = adaptive->below};
  if (adaptive->method == OD_ADAPTIVE_GAUSSIAN) return run_gaussian(workspace, &job, error);
  const size_t w = (size_t)image->w;
  return od_run_row_partitions(workspace, image->h, (w + (size_t)block) / 2,
                               mean_scratch(w, (size_t)block), mean_rows, &job, error);
}
