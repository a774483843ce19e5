#include <float.h>
#include <math.h>

#include "image/row_partition.h"
#include "image/image.h"
#include "image/limits.h"

typedef struct scale_job {
  const od_image_kernels *kernels;
  const od_view *image;
  const od_target *result;
  float scale, shift;
} scale_job;

static void scale_rows(void *context, int first, int last, void *scratch, od_interrupt *interrupt) {
  const scale_job *job = context;
  const size_t w = (size_t)job->image->w;
  uint8_t *copy = scratch, *other = copy + w;
  for (int y = first; y < last && !od_interrupted(interrupt); y++) {
    const uint8_t *row = od_view_row(job->image, y, copy);
    uint8_t *result = od_target_row(job->result, y, other);
    job->kernels->scale(w, row, job->scale, job->shift, result);
    od_target_finish(job->result, y, result);
  }
}

/* For scale 1 and shift 0. */
static void copy_rows(void *context, int first, int last, void *scratch, od_interrupt *interrupt) {
  const scale_job *job = context;
  (void)interrupt;
  const size_t w = (size_t)job->image->w;
  if (od_is_contiguous(job->image, job->result)) {
    const size_t begin = (size_t)first * w;
    memcpy(job->result->pixels + begin, job->image->pixels + begin, (size_t)(last - first) * w);
    return;
  }
  for (int y = first; y < last; y++) {
    uint8_t *result = od_target_row(job->result, y, scratch);
    const uint8_t *row = od_view_row(job->image, y, result);
    if (row != result) memcpy(result, row, w);
    od_target_finish(job->result, y, result);
  }
}

/* Find the lowest and the highest level; stop as soon as the range is 0..255. */
static od_status find_range(od_image_workspace *workspace, const od_view *image, double *low,
                            double *high, od_error *error) {
  uint8_t *copy = od_image_workspace_scratch(workspace, (size_t)image->w);
  if (!copy) return od_fail_memory(error, "an image's row");
  uint8_t range[2] = {255, 0};
  for (int y = 0; y < image->h && (range[0] > 0 || range[1] < 255); y++)
    workspace->kernels->image.min_max((size_t)image->w, od_view_row(image, y, copy), range);
  *low = range[0];
  *high = range[1];
  return OD_OK;
}

/* Larger ends overflow a float. */
static od_status check_end(const char *name, double end, od_error *error) {
  if (fabs(end) <= OD_MAX_END) return OD_OK;
  return od_fail(error, OD_ERROR_ARGUMENT, "%s: got %g, expected %g to %g", name, end, -OD_MAX_END,
                 OD_MAX_END);
}

od_status od_normalize(od_image_workspace *workspace, const od_view *image, double alpha,
                       double beta, const od_target *result, od_error *error) {
  double low = 0, high = 0;
  od_status status = od_check_same(image, result, error);
  if (!status) status = check_end("alpha", alpha, error);
  if (!status) status = check_end("beta", beta, error);
  if (!status) status = find_range(workspace, image, &low, &high, error);
  if (status) return status;
  const double range = fmax(alpha, beta) - fmin(alpha, beta);
  const double scale = range * (high - low > DBL_EPSILON ? 1 / (high - low) : 0);
  scale_job job = {&workspace->kernels->image, image, result, (float)scale,
                   (float)(fmin(alpha, beta) - low * scale)};
  const size_t w = (size_t)image->w;
  const bool identity = job.scale == 1 && job.shift == 0;
  return od_run_row_partitions(workspace, image->h, (w + 3) / 4, 2 * w,
                               identity ? copy_rows : scale_rows, &job, error);
}
