#include <math.h>

#include "image/row_partition.h"
#include "image/border.h"
#include "image/gaussian.h"
#include "image/image.h"
#include "image/limits.h"

/* Taps in 256ths from the centre on. What rounding leaves over goes to the next tap, from the
 * outside in, and in the end to the centre. */
static void fixed_taps(int n, double sigma, uint16_t *half) {
  double taps[OD_MAX_TAPS], rest = 0;
  int sum = 0;
  od_gaussian_taps(n, sigma, taps);
  for (int k = n / 2; k > 0; k--) {
    const double wanted = taps[n / 2 - k] * 256 + rest, tap = rint(wanted);
    rest = wanted - tap;
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
  int across, down; /* taps */
  uint16_t half_across[OD_MAX_TAPS / 2 + 1], half_down[OD_MAX_TAPS / 2 + 1];
} blur_job;

/* Memory of one band. The rings hold rows blurred across, row r in place r % down. */
typedef struct blur_memory {
  uint8_t *padded, *result;
  const uint16_t **high_rows, **low_rows; /* (down) */
  uint16_t *high, *low;                   /* (down, pitch) */
  size_t pitch;
} blur_memory;

static size_t blur_scratch(const blur_job *job) {
  const size_t w = (size_t)job->image->w, down = (size_t)job->down;
  return od_aligned(w + (size_t)job->across) + od_aligned(w) +
         2 * od_aligned(down * sizeof(uint16_t *)) + 2 * down * od_aligned(w * sizeof(uint16_t));
}

static blur_memory blur_memory_of(const blur_job *job, uint8_t *scratch) {
  const size_t w = (size_t)job->image->w, down = (size_t)job->down;
  blur_memory m = {.padded = scratch, .pitch = od_aligned(w * sizeof(uint16_t)) / sizeof(uint16_t)};
  m.result = m.padded + od_aligned(w + (size_t)job->across);
  m.high_rows = (const uint16_t **)(void *)(m.result + od_aligned(w));
  m.low_rows = m.high_rows + od_aligned(down * sizeof(uint16_t *)) / sizeof(uint16_t *);
  m.high = (uint16_t *)(void *)(m.low_rows + od_aligned(down * sizeof(uint16_t *)) / sizeof(uint16_t *));
  m.low = m.high + down * m.pitch;
  return m;
}

/* Picture row y, which may lie outside, blurred across into place `at` of the rings. */
static void blur_row(const blur_job *job, const blur_memory *m, int y, int at) {
  const int w = job->image->w, reach = job->across / 2;
  const int from = od_border_place(y, job->image->h, job->border);
  uint16_t *high = m->high + (size_t)at * m->pitch, *low = m->low + (size_t)at * m->pitch;
  if (from < 0) {
    memset(high, 0, (size_t)w * sizeof *high);
    memset(low, 0, (size_t)w * sizeof *low);
    return;
  }
  const uint8_t *row = od_view_row(job->image, from, m->padded + reach);
  if (row != m->padded + reach) memcpy(m->padded + reach, row, (size_t)w);
  od_extend_row(m->padded, reach, w, reach, job->border, 0);
  job->kernels->blur_fixed_horizontal((size_t)w, (size_t)job->across, m->padded, job->half_across, high, low);
}

static void blur_rows(void *context, int first, int last, void *scratch) {
  const blur_job *job = context;
  const blur_memory m = blur_memory_of(job, scratch);
  const int down = job->down, top = first - down / 2;
  int place = 0; /* of the row that comes next */
  for (int r = 0; r < last - first + down - 1; r++) {
    blur_row(job, &m, top + r, place);
    place = place + 1 < down ? place + 1 : 0;
    const int y = first + r - (down - 1);
    if (y < first) continue;
    for (int k = 0, oldest = place; k < down; k++) {
      m.high_rows[k] = m.high + (size_t)oldest * m.pitch;
      m.low_rows[k] = m.low + (size_t)oldest * m.pitch;
      oldest = oldest + 1 < down ? oldest + 1 : 0;
    }
    uint8_t *result = od_target_row(job->result, y, m.result);
    job->kernels->blur_fixed_vertical((size_t)job->image->w, (size_t)down, m.high_rows, m.low_rows,
                            job->half_down, result);
    od_target_finish(job->result, y, result);
  }
}

static od_status check_taps(const char *name, int taps, od_error *error) {
  if (taps >= 1 && taps <= OD_MAX_TAPS && taps % 2) return OD_OK;
  return od_fail(error, OD_ERROR_ARGUMENT, "ksize: got %s %d, expected an odd number from 1 to %d",
                 name, taps, OD_MAX_TAPS);
}

od_status od_gaussian_blur(od_image_workspace *imaging, const od_view *image, int ksize_y, int ksize_x,
                           double sigma_y, double sigma_x, od_border border,
                           const od_target *result, od_error *error) {
  od_status status = od_check_same(image, result, error);
  if (!status) status = check_taps("height", ksize_y, error);
  if (!status) status = check_taps("width", ksize_x, error);
  if (status) return status;
  blur_job job = {.kernels = &imaging->kernels->image, .image = image, .result = result,
                  .border = border, .across = ksize_x, .down = ksize_y};
  fixed_taps(ksize_x, sigma_x, job.half_across);
  fixed_taps(ksize_y, sigma_y, job.half_down);
  const size_t cost = (size_t)image->w * (size_t)(ksize_x + 2 * ksize_y) / 16;
  return od_run_row_partitions(imaging, image->h, cost + 1, blur_scratch(&job), blur_rows, &job, error);
}
