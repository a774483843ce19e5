#include <float.h>
#include <math.h>

#include "image/bands.h"
#include "image/image.h"
#include "image/limits.h"

typedef struct scale_job {
  const od_image_kernels *kernels;
  const od_view *image;
  const od_target *result;
  float scale, shift;
} scale_job;

static void scale_rows(void *context, int first, int last, void *scratch) {
  const scale_job *job = context;
  const size_t w = (size_t)job->image->w;
  const bool same = job->scale == 1 && job->shift == 0;
  uint8_t *copy = scratch, *other = copy + w;
  for (int y = first; y < last; y++) {
    const uint8_t *row = od_view_row(job->image, y, copy);
    uint8_t *result = od_target_row(job->result, y, other);
    if (same)
      memcpy(result, row, w);
    else
      job->kernels->scale(w, row, job->scale, job->shift, result);
    od_target_finish(job->result, y, result);
  }
}

/* The lowest and the highest level. */
static od_status find_range(od_imaging *imaging, const od_view *image, double *low, double *high,
                            od_error *error) {
  const size_t w = (size_t)image->w, line = od_aligned(w);
  uint8_t *copy = od_imaging_scratch(imaging, 3 * line);
  if (!copy) return od_fail_memory(error, "an image's row");
  uint8_t *lowest = copy + line, *highest = lowest + line;
  memcpy(lowest, od_view_row(image, 0, copy), w);
  memcpy(highest, lowest, w);
  for (int y = 1; y < image->h; y++) {
    const uint8_t *row = od_view_row(image, y, copy);
    imaging->kernels->image.widen_range(w, row, lowest, highest);
  }
  uint8_t least = lowest[0], most = highest[0];
  for (size_t x = 1; x < w; x++) {
    least = lowest[x] < least ? lowest[x] : least;
    most = highest[x] > most ? highest[x] : most;
  }
  *low = least;
  *high = most;
  return OD_OK;
}

od_status od_normalize(od_imaging *imaging, const od_view *image, double alpha, double beta,
                       const od_target *result, od_error *error) {
  double low = 0, high = 0;
  od_status status = od_check_same(image, result, error);
  if (!status) status = find_range(imaging, image, &low, &high, error);
  if (status) return status;
  const double range = fmax(alpha, beta) - fmin(alpha, beta);
  const double scale = range * (high - low > DBL_EPSILON ? 1 / (high - low) : 0);
  scale_job job = {&imaging->kernels->image, image, result, (float)scale,
                   (float)(fmin(alpha, beta) - low * scale)};
  const size_t w = (size_t)image->w;
  return od_run_bands(imaging, image->h, (w + 3) / 4, 2 * w, scale_rows, &job, error);
}
