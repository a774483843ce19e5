#include <float.h>
#include <math.h>

#include "image/row_partition.h"
#include "image/image.h"
#include "image/limits.h"

uint8_t od_otsu_threshold(size_t n, const uint8_t *image) {
  size_t histogram[256] = {0};
  for (size_t i = 0; i < n; i++) histogram[image[i]]++;
  return od_otsu_of_histogram(n, histogram);
}

uint8_t od_otsu_of_histogram(size_t n, const size_t histogram[256]) {
  uint64_t total = 0, below = 0; /* sums of levels */
  size_t pixels = 0;             /* at or below the threshold */
  double best = 0;
  uint8_t threshold = 0;
  for (size_t level = 0; level < 256; level++) total += level * histogram[level];
  for (size_t level = 0; level < 255; level++) {
    pixels += histogram[level];
    below += level * histogram[level];
    if (pixels == 0 || pixels == n) continue;
    /* The variance between the classes, p q (m1 - m0)^2, times n^2. */
    const double ink = (double)(n - pixels), paper = (double)pixels;
    const double difference = (double)total * paper - (double)below * (double)n;
    const double variance = difference * difference / (ink * paper);
    if (variance > best) {
      best = variance;
      threshold = (uint8_t)level;
    }
  }
  return threshold;
}

typedef struct threshold_job {
  const od_image_kernels *kernels;
  const od_view *image;
  const od_target *result;
  uint8_t threshold, above, below;
} threshold_job;

static void threshold_rows(void *context, int first, int last, void *scratch) {
  const threshold_job *job = context;
  const size_t w = (size_t)job->image->w;
  uint8_t *copy = scratch, *other = copy + w;
  if (od_is_contiguous(job->image, job->result)) {
    const size_t begin = (size_t)first * w;
    job->kernels->threshold((size_t)(last - first) * w, job->image->pixels + begin, job->threshold,
                            job->above, job->below, job->result->pixels + begin);
    return;
  }
  for (int y = first; y < last; y++) {
    const uint8_t *row = od_view_row(job->image, y, copy);
    uint8_t *result = od_target_row(job->result, y, other);
    job->kernels->threshold(w, row, job->threshold, job->above, job->below, result);
    od_target_finish(job->result, y, result);
  }
}

od_status od_threshold(od_image_workspace *imaging, const od_view *image, int threshold, uint8_t above,
                       uint8_t below, const od_target *result, od_error *error) {
  const od_status status = od_check_same(image, result, error);
  if (status) return status;
  const size_t w = (size_t)image->w;
  threshold_job job = {&imaging->kernels->image, image, result,
                       (uint8_t)(threshold < 0 ? 0 : threshold > 255 ? 255 : threshold), above,
                       threshold < 0 ? above : below};
  return od_run_row_partitions(imaging, image->h, (w + 15) / 16, 2 * w, threshold_rows, &job, error);
}

/* Four histograms side by side, as equal neighbours would wait for each other's count. */
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
    histogram[level] = (uint64_t)counts[0][level] + counts[1][level] + counts[2][level] +
                       counts[3][level];
}

uint8_t od_otsu(const od_view *image) {
  uint64_t histogram[256];
  uint8_t threshold = 0;
  double mean = 0, largest = 0;
  od_histogram(image, histogram);
  /* Everything is a share of the pixels; the mean below the threshold moves with it. */
  const double share = 1 / ((double)image->h * image->w);
  for (int level = 0; level < 256; level++) mean += level * (double)histogram[level];
  mean *= share;
  double below = 0, mean_below = 0;
  for (int level = 0; level < 256; level++) {
    const double here = (double)histogram[level] * share, sum_below = mean_below * below;
    below += here;
    mean_below = sum_below;
    const double above = 1 - below;
    if (fmin(below, above) < (double)FLT_EPSILON || fmax(below, above) > 1 - (double)FLT_EPSILON)
      continue;
    mean_below = (sum_below + level * here) / below;
    const double apart = mean_below - (mean - below * mean_below) / above;
    const double variance = below * above * apart * apart;
    if (variance > largest) {
      largest = variance;
      threshold = (uint8_t)level;
    }
  }
  return threshold;
}
