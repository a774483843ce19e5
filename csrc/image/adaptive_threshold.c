/* Thresholds that follow the light: each pixel against the mean around it. */
#include <math.h>

#include "image/row_partition.h"
#include "image/gaussian.h"
#include "image/image.h"
#include "image/limits.h"

/* Widest block whose sum of bytes fits 16 bits. */
enum { NARROW_BLOCK = 15 };

typedef struct mean_job {
  const od_image_kernels *kernels;
  const od_view *image;
  const od_target *result;
  int block;
  bool compare; /* else the means are the result */
  int bound;
  uint8_t above, below;
} mean_job;

static int inside(int y, int h) { return y < 0 ? 0 : y < h ? y : h - 1; }

/* The rows of one band. Sums down the columns move from row to row; sums of `block` of
 * them side by side, over the picture's width with `block` / 2 columns of border either
 * way, are those of the squares. */
typedef struct mean_rows {
  size_t w, block, padded; /* padded: w + block - 1 */
  uint8_t *row, *leaving, *means;
  void *columns, *sums; /* (padded) of 16 or 32 bits */
} mean_rows;

static size_t mean_scratch(size_t w, size_t block) {
  return 3 * od_aligned(w) + 2 * od_aligned((w + block) * sizeof(uint32_t));
}

static mean_rows mean_rows_of(const mean_job *job, uint8_t *scratch) {
  mean_rows r = {.w = (size_t)job->image->w, .block = (size_t)job->block};
  const size_t line = od_aligned(r.w), sums = od_aligned((r.w + r.block) * sizeof(uint32_t));
  r.padded = r.w + r.block - 1;
  r.row = scratch;
  r.leaving = r.row + line;
  r.means = r.leaving + line;
  r.columns = r.means + line;
  r.sums = (uint8_t *)r.columns + sums;
  return r;
}

/* One row down: `y` comes in at the bottom, `y - block` goes out at the top. */
static void move_down(const mean_job *job, const mean_rows *r, int y) {
  const od_view *image = job->image;
  const size_t reach = r->block / 2;
  const uint8_t *enters = od_view_row(image, inside(y, image->h), r->row);
  const uint8_t *leaves = od_view_row(image, inside(y - job->block, image->h), r->leaving);
  if (job->block <= NARROW_BLOCK)
    job->kernels->move_sums16(r->w, enters, leaves, (uint16_t *)r->columns + reach);
  else
    job->kernels->move_sums32(r->w, enters, leaves, (uint32_t *)r->columns + reach);
}

/* Column sums as of the row before `first`: the first picture row `block` times, moved. */
static void start_sums(const mean_job *job, const mean_rows *r, int first) {
  const size_t reach = r->block / 2;
  const int begin = first - 1 - job->block / 2; /* the topmost row in the sums */
  const uint8_t *top = od_view_row(job->image, inside(begin, job->image->h), r->row);
  for (size_t x = 0; x < r->w; x++) {
    if (job->block <= NARROW_BLOCK)
      ((uint16_t *)r->columns)[reach + x] = (uint16_t)(r->block * top[x]);
    else
      ((uint32_t *)r->columns)[reach + x] = (uint32_t)(r->block * top[x]);
  }
  /* Row `begin` itself stays; each of the others takes a copy's place. */
  for (int k = 1; k < job->block; k++) {
    const uint8_t *enters = od_view_row(job->image, inside(begin + k, job->image->h), r->leaving);
    const uint8_t *copy = od_view_row(job->image, inside(begin, job->image->h), r->row);
    if (job->block <= NARROW_BLOCK)
      job->kernels->move_sums16(r->w, enters, copy, (uint16_t *)r->columns + reach);
    else
      job->kernels->move_sums32(r->w, enters, copy, (uint32_t *)r->columns + reach);
  }
}

/* The border's columns as the picture's first and last. */
#define PAD_COLUMNS(TYPE)                                         \
  do {                                                            \
    TYPE *columns = r->columns;                                   \
    const size_t reach = r->block / 2;                            \
    for (size_t i = 0; i < reach; i++) {                          \
      columns[i] = columns[reach];                                \
      columns[reach + r->w + i] = columns[reach + r->w - 1];      \
    }                                                             \
  } while (0)

static void means_of_row(const mean_job *job, const mean_rows *r, uint8_t *means) {
  const float scale = (float)(1.0 / ((double)job->block * job->block));
  if (job->block <= NARROW_BLOCK) {
    PAD_COLUMNS(uint16_t);
    job->kernels->window_sums16(r->w, r->block, r->columns, r->sums);
    job->kernels->means16(r->w, r->sums, scale, means);
  } else {
    PAD_COLUMNS(uint32_t);
    job->kernels->window_sums32(r->w, r->block, r->columns, r->sums);
    job->kernels->means32(r->w, r->sums, scale, means);
  }
}

static void box_rows(void *context, int first, int last, void *scratch) {
  const mean_job *job = context;
  const mean_rows r = mean_rows_of(job, scratch);
  start_sums(job, &r, first);
  for (int y = first; y < last; y++) {
    move_down(job, &r, y + job->block / 2);
    uint8_t *result = od_target_row(job->result, y, r.means);
    means_of_row(job, &r, result);
    if (job->compare)
      job->kernels->adaptive_threshold(r.w, od_view_row(job->image, y, r.row), result, job->bound,
                                 job->above, job->below, result);
    od_target_finish(job->result, y, result);
  }
}

/* ---- Gaussian means ---- */

/* OpenCV smooths in floats, whose rounding depends on the order of the operations, and its
 * order depends on the column: its registers hold 4 numbers across and 8 down; what does not
 * fill one is summed without fused operations, but for the last (block - 1) % 4 taps
 * across. One mean in some ten thousand tells the difference; the threshold shows it. */
enum { ACROSS_LANES = 4, DOWN_LANES = 8 };

typedef struct gaussian_job {
  mean_job mean;
  float weights[OD_MAX_BLOCK], half[OD_MAX_BLOCK / 2 + 1];
  int across, down; /* taps; 1 where the picture is one column or one row */
} gaussian_job;

static void across_rest(const gaussian_job *job, size_t begin, size_t w, const float *x, float *y) {
  const int taps = job->across, fused = taps - (taps - 1) % ACROSS_LANES;
  for (size_t i = begin; i < w; i++) {
    float sum = x[i] * job->weights[0];
    for (int k = 1; k < fused; k++) sum += x[i + (size_t)k] * job->weights[k];
    for (int k = fused; k < taps; k++) sum = fmaf(x[i + (size_t)k], job->weights[k], sum);
    y[i] = sum;
  }
}

static void down_rest(const gaussian_job *job, size_t begin, size_t w, const float *const *rows,
                      uint8_t *y) {
  const int reach = job->down / 2;
  for (size_t i = begin; i < w; i++) {
    float sum = rows[reach][i] * job->half[0];
    for (int k = 1; k <= reach; k++)
      sum += (rows[reach + k][i] + rows[reach - k][i]) * job->half[k];
    y[i] = (uint8_t)lrintf(sum);
  }
}

/* Picture row y smoothed across, with the border's pixels like the row's first and last. */
static void smooth_row(const gaussian_job *job, int y, uint8_t *copy, float *padded, float *result) {
  const od_view *image = job->mean.image;
  const size_t w = (size_t)image->w, reach = (size_t)job->across / 2;
  const uint8_t *row = od_view_row(image, y, copy);
  for (size_t i = 0; i < reach; i++) padded[i] = row[0];
  for (size_t i = 0; i < w; i++) padded[reach + i] = row[i];
  for (size_t i = 0; i < reach; i++) padded[reach + w + i] = row[w - 1];
  if (job->across == 1) {
    memcpy(result, padded, w * sizeof *result);
    return;
  }
  const size_t whole = w / ACROSS_LANES * ACROSS_LANES;
  job->mean.kernels->blur_float_horizontal(whole, (size_t)job->across, padded, job->weights, result);
  across_rest(job, whole, w, padded, result);
}

static size_t gaussian_scratch(size_t w, size_t block) {
  return 2 * od_aligned(w) + od_aligned(2 * block * sizeof(float *)) +
         od_aligned((w + block) * sizeof(float)) + block * od_aligned(w * sizeof(float));
}

/* The smoothed rows that a row's mean needs lie in a ring, row y in place y % down. */
static void gaussian_rows(void *context, int first, int last, void *scratch) {
  const gaussian_job *job = context;
  const od_view *image = job->mean.image;
  const size_t w = (size_t)image->w, line = od_aligned(w), block = (size_t)job->mean.block;
  const size_t pitch = od_aligned(w * sizeof(float)) / sizeof(float);
  const int down = job->down, reach = down / 2;
  uint8_t *copy = scratch, *means = copy + line;
  const float **rows = (const float **)(void *)(means + line);
  float *padded = (float *)(void *)((uint8_t *)rows + od_aligned(2 * block * sizeof *rows));
  float *ring = padded + od_aligned((w + block) * sizeof(float)) / sizeof(float);
  int ready = first - reach < 0 ? 0 : first - reach; /* rows before it are in the ring */
  for (int y = first; y < last; y++) {
    for (; ready <= inside(y + reach, image->h); ready++)
      smooth_row(job, ready, copy, padded, ring + (size_t)(ready % down) * pitch);
    for (int k = 0; k < down; k++)
      rows[k] = ring + (size_t)(inside(y + k - reach, image->h) % down) * pitch;
    uint8_t *result = od_target_row(job->mean.result, y, means);
    const size_t whole = w / DOWN_LANES * DOWN_LANES;
    job->mean.kernels->blur_float_vertical(whole, (size_t)down, rows, job->half, result);
    down_rest(job, whole, w, rows, result);
    if (job->mean.compare)
      job->mean.kernels->adaptive_threshold(w, od_view_row(image, y, copy), result, job->mean.bound,
                                      job->mean.above, job->mean.below, result);
    od_target_finish(job->mean.result, y, result);
  }
}

static od_status run_gaussian(od_image_workspace *imaging, const mean_job *mean, od_error *error) {
  const size_t w = (size_t)mean->image->w, block = (size_t)mean->block;
  double taps[OD_MAX_BLOCK];
  gaussian_job job = {.mean = *mean};
  job.across = w == 1 ? 1 : mean->block;
  job.down = mean->image->h == 1 ? 1 : mean->block;
  od_gaussian_taps(mean->block, 0, taps);
  for (int k = 0; k < mean->block; k++) job.weights[k] = (float)taps[k];
  for (int k = 0; k <= mean->block / 2; k++) job.half[k] = job.weights[mean->block / 2 + k];
  if (job.down == 1) job.half[0] = 1;
  return od_run_row_partitions(imaging, mean->image->h, w * (size_t)(job.across + job.down) / 8,
                      gaussian_scratch(w, block), gaussian_rows, &job, error);
}

static od_status run(od_image_workspace *imaging, const od_view *image, od_mean mean, int block_size,
                     mean_job *job, const od_target *result, od_error *error) {
  const od_status status = od_check_same(image, result, error);
  if (status) return status;
  if (block_size < 3 || block_size > OD_MAX_BLOCK || block_size % 2 == 0)
    return od_fail(error, OD_ERROR_ARGUMENT, "block_size: got %d, expected an odd number from 3 to %d",
                   block_size, OD_MAX_BLOCK);
  const size_t w = (size_t)image->w, block = (size_t)block_size;
  job->kernels = &imaging->kernels->image;
  job->image = image;
  job->result = result;
  job->block = block_size;
  if (mean == OD_MEAN_GAUSSIAN) return run_gaussian(imaging, job, error);
  return od_run_row_partitions(imaging, image->h, (w + block) / 2, mean_scratch(w, block), box_rows, job,
                      error);
}

od_status od_local_mean(od_image_workspace *imaging, const od_view *image, od_mean mean, int block_size,
                        const od_target *result, od_error *error) {
  mean_job job = {.compare = false};
  return run(imaging, image, mean, block_size, &job, result, error);
}

od_status od_adaptive_threshold(od_image_workspace *imaging, const od_view *image, od_mean mean,
                                int block_size, int bound, uint8_t above, uint8_t below,
                                const od_target *result, od_error *error) {
  mean_job job = {.compare = true,
                  .bound = bound < -256 ? -256 : bound > 255 ? 255 : bound,
                  .above = above,
                  .below = below};
  return run(imaging, image, mean, block_size, &job, result, error);
}
