#include <float.h>
#include <math.h>

#include "image/row_partition.h"
#include "image/image.h"
#include "image/limits.h"

typedef struct threshold_job {
  const od_image_kernels *kernels;
  const od_view *image;
  const od_target *result;
  uint8_t threshold, above, below;
} threshold_job;

enum { BLOCK = 1 << 20 }; /* pixels between two checks for interrupts */

static void threshold_rows(void *context, int first, int last, void *scratch,
                           od_interrupt *interrupt) {
  const threshold_job *job = context;
  const size_t w = (size_t)job->image->w;
  uint8_t *copy = scratch, *other = copy + w;
  if (od_is_contiguous(job->image, job->result)) {
    const size_t end = (size_t)last * w;
    for (size_t i = (size_t)first * w; i < end && !od_interrupted(interrupt); i += BLOCK)
      job->kernels->threshold(end - i < BLOCK ? end - i : BLOCK, job->image->pixels + i,
                              job->threshold, job->above, job->below, job->result->pixels + i);
    return;
  }
  for (int y = first; y < last && !od_interrupted(interrupt); y++) {
    const uint8_t *row = od_view_row(job->image, y, copy);
    uint8_t *result = od_target_row(job->result, y, other);
    job->kernels->threshold(w, row, job->threshold, job->above, job->below, result);
    od_target_finish(job->result, y, result);
  }
}

od_status od_threshold(od_image_workspace *workspace, const od_view *image, int threshold,
                       uint8_t above, uint8_t below, const od_target *result, od_error *error) {
  const od_status status = od_check_same(image, result, error);
  if (status) return status;
  const size_t w = (size_t)image->w;
  threshold_job job = {&workspace->kernels->image,
                       image,
                       result,
                       (uint8_t)(threshold < 0     ? 0
                                 : threshold > 255 ? 255
                                                   : threshold),
                       above,
                       threshold < 0 ? above : below};
  return od_run_row_partitions(workspace, image->h, (w + 15) / 16, 2 * w, threshold_rows, &job,
                               error);
}

/* Counted in four histograms, so that equal neighbours do not wait for each other's increment. */
void od_histogram(const od_view *image, uint64_t histogram[256]) {
  uint32_t counts[4][256] = {{0}}; /* at most 2^28 pixels */
  for (int y = 0; y < image->h; y++) {
    const uint8_t *row = image->pixels + y * image->row;
    const ptrdiff_t step = image->column;
    int x = 0;
    for (; x + 4 <= image->w; x += 4, row += 4 * step) {
      counts[0][row[0]]++;
      counts[1][row[step]]++;
      counts[2][row[2 * step]]++;
      counts[3][row[3 * step]]++;
    }
    for (; x < image->w; x++, row += step) counts[0][*row]++;
  }
  for (int level = 0; level < 256; level++)
    histogram[level] =
        (uint64_t)counts[0][level] + counts[1][level] + counts[2][level] + counts[3][level];
}

/* OpenCV's getThreshVal_Otsu_8u: class probabilities q1, q2 and means mu1, mu2, updated level by
 * level. */
uint8_t od_otsu(const uint64_t histogram[256]) {
  uint64_t pixels = 0;
  uint8_t threshold = 0;
  double mu = 0, max_variance = 0;
  for (int level = 0; level < 256; level++) pixels += histogram[level];
  const double scale = 1 / (double)pixels;
  for (int level = 0; level < 256; level++) mu += level * (double)histogram[level];
  mu *= scale;
  double q1 = 0, mu1 = 0;
  for (int level = 0; level < 256; level++) {
    const double p = (double)histogram[level] * scale, sum = mu1 * q1;
    q1 += p;
    mu1 = sum;
    const double q2 = 1 - q1;
    if (fmin(q1, q2) < (double)FLT_EPSILON || fmax(q1, q2) > 1 - (double)FLT_EPSILON) continue;
    mu1 = (sum + level * p) / q1;
    const double difference = mu1 - (mu - q1 * mu1) / q2;
    const double variance = q1 * q2 * difference * difference;
    if (variance > max_variance) {
      max_variance = variance;
      threshold = (uint8_t)level;
    }
  }
  return threshold;
}
