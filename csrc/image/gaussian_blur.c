/* cv2.GaussianBlur: first along the rows, then along the columns, in fixed point. */
#include <math.h>

#include "image/row_partition.h"
#include "image/border.h"
#include "image/gaussian_kernel.h"
#include "image/image.h"
#include "image/limits.h"

/* Taps in 256ths from the centre outward. The rounding error of each tap is carried to the next one
 * inward; the centre makes the sum 256. */
static void fixed_taps(int n, double sigma, uint16_t *half) {
  double taps[OD_MAX_TAPS], error = 0;
  int sum = 0;
  od_gaussian_kernel(n, sigma, taps);
  for (int k = n / 2; k > 0; k--) {
    const double exact = taps[n / 2 - k] * 256 + error, tap = rint(exact);
    error = exact - tap;
    half[k] = (uint16_t)tap;
    sum += (int)tap;
  }
  half[0] = (uint16_t)(256 - 2 * sum);
}

typedef struct blur_job {
  const od_image_kernels *kernels;
  const od_view *image;
  const od_target *result;
  od_border border;
  int taps_x, taps_y;
  uint16_t half_x[OD_MAX_TAPS / 2 + 1], half_y[OD_MAX_TAPS / 2 + 1];
} blur_job;

/* Scratch memory of one row partition. The rings hold the last taps_y horizontally blurred rows. */
typedef struct blur_memory {
  uint8_t *padded, *result;
  const uint16_t **high_rows, **low_rows; /* (taps_y) */
  uint16_t *high, *low;                   /* (taps_y, pitch) */
  size_t pitch;
} blur_memory;

static size_t blur_scratch(const blur_job *job) {
  const size_t w = (size_t)job->image->w, taps_y = (size_t)job->taps_y;
  return od_aligned(w + (size_t)job->taps_x) + od_aligned(w) +
         2 * od_aligned(taps_y * sizeof(uint16_t *)) +
         2 * taps_y * od_aligned(w * sizeof(uint16_t));
}

static blur_memory blur_memory_of(const blur_job *job, uint8_t *scratch) {
  const size_t w = (size_t)job->image->w, taps_y = (size_t)job->taps_y;
  const size_t pointers = od_aligned(taps_y * sizeof(uint16_t *)) / sizeof(uint16_t *);
  blur_memory m = {.padded = scratch, .pitch = od_aligned(w * sizeof(uint16_t)) / sizeof(uint16_t)};
  m.result = m.padded + od_aligned(w + (size_t)job->taps_x);
  m.high_rows = (const uint16_t **)(void *)(m.result + od_aligned(w));
  m.low_rows = m.high_rows + pointers;
  m.high = (uint16_t *)(void *)(m.low_rows + pointers);
  m.low = m.high + taps_y * m.pitch;
  return m;
}

/* Blur image row y, which may lie outside, horizontally into slot `slot` of the rings. */
static void blur_row(const blur_job *job, const blur_memory *m, int y, int slot) {
  const int w = job->image->w, radius = job->taps_x / 2;
  const int from = od_border_index(y, job->image->h, job->border);
  uint16_t *high = m->high + (size_t)slot * m->pitch, *low = m->low + (size_t)slot * m->pitch;
  if (from < 0) {
    memset(high, 0, (size_t)w * sizeof *high);
    memset(low, 0, (size_t)w * sizeof *low);
    return;
  }
  const uint8_t *row = od_view_row(job->image, from, m->padded + radius);
  if (row != m->padded + radius) memcpy(m->padded + radius, row, (size_t)w);
  od_extend_row(m->padded, radius, w, radius, job->border, 0);
  job->kernels->blur_fixed_horizontal((size_t)w, (size_t)job->taps_x, m->padded, job->half_x, high,
                                      low);
}

static void blur_rows(void *context, int first, int last, void *scratch, od_interrupt *interrupt) {
  const blur_job *job = context;
  const blur_memory m = blur_memory_of(job, scratch);
  const int taps_y = job->taps_y, top = first - taps_y / 2;
  int slot = 0; /* of the next row */
  for (int r = 0; r < last - first + taps_y - 1 && !od_interrupted(interrupt); r++) {
    blur_row(job, &m, top + r, slot);
    slot = slot + 1 < taps_y ? slot + 1 : 0;
    const int y = first + r - (taps_y - 1);
    if (y < first) continue;
    for (int k = 0, oldest = slot; k < taps_y; k++) {
      m.high_rows[k] = m.high + (size_t)oldest * m.pitch;
      m.low_rows[k] = m.low + (size_t)oldest * m.pitch;
      oldest = oldest + 1 < taps_y ? oldest + 1 : 0;
    }
    uint8_t *result = od_target_row(job->result, y, m.result);
    job->kernels->blur_fixed_vertical((size_t)job->image->w, (size_t)taps_y, m.high_rows,
                                      m.low_rows, job->half_y, result);
    od_target_finish(job->result, y, result);
  }
}

static od_status check_taps(const char *name, int taps, od_error *error) {
  if (taps >= 1 && taps <= OD_MAX_TAPS && taps % 2) return OD_OK;
  return od_fail(error, OD_ERROR_ARGUMENT, "ksize: got %s %d, expected an odd number from 1 to %d",
                 name, taps, OD_MAX_TAPS);
}

od_status od_gaussian_blur(od_image_workspace *workspace, const od_view *image,
                           const od_gaussian *gaussian, od_border border, const od_target *result,
                           od_error *error) {
  const int ksize_y = gaussian->ksize_y, ksize_x = gaussian->ksize_x;
  od_status status = od_check_same(image, result, error);
  if (!status) status = check_taps("height", ksize_y, error);
  if (!status) status = check_taps("width", ksize_x, error);
  if (status) return status;
  blur_job job = {.kernels = &workspace->kernels->image,
                  .image = image,
                  .result = result,
                  .border = border,
                  .taps_x = ksize_x,
                  .taps_y = ksize_y};
  fixed_taps(ksize_x, gaussian->sigma_x, job.half_x);
  fixed_taps(ksize_y, gaussian->sigma_y, job.half_y);
  const size_t cost = (size_t)image->w * (size_t)(ksize_x + 2 * ksize_y) / 16;
  return od_run_row_partitions(workspace, image->h, cost + 1, blur_scratch(&job), blur_rows, &job,
                               error);
}
