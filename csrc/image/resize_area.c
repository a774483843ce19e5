/* cv2.resize with INTER_AREA for reduction. */
#include <math.h>

#include "base/memory.h"
#include "image/row_partition.h"
#include "image/image.h"
#include "image/limits.h"
#include "image/resize.h"

/* ---- integer factors ---- */

typedef struct integer_job {
  const od_image_kernels *kernels;
  const od_view *image;
  const od_target *result;
  int factor_y, factor_x;
} integer_job;

static void halve_rows(void *context, int first, int last, void *scratch, od_interrupt *interrupt) {
  const integer_job *job = context;
  const size_t w = od_aligned((size_t)job->image->w);
  uint8_t *top_copy = scratch, *bottom_copy = top_copy + w, *copy = bottom_copy + w;
  for (int y = first; y < last && !od_interrupted(interrupt); y++) {
    const uint8_t *top = od_view_row(job->image, 2 * y, top_copy);
    const uint8_t *bottom = od_view_row(job->image, 2 * y + 1, bottom_copy);
    uint8_t *result = od_target_row(job->result, y, copy);
    job->kernels->halve((size_t)job->result->w, top, bottom, result);
    od_target_finish(job->result, y, result);
  }
}

static void integer_rows(void *context, int first, int last, void *scratch,
                         od_interrupt *interrupt) {
  const integer_job *job = context;
  const size_t w = (size_t)job->image->w, line = od_aligned(w);
  const int factor = job->factor_x;
  const float scale = 1.0f / (float)(job->factor_y * factor);
  uint8_t *copy = scratch, *none = copy + line, *result_copy = none + line;
  uint32_t *sums = (uint32_t *)(void *)(result_copy + line);
  memset(none, 0, w);
  for (int y = first; y < last && !od_interrupted(interrupt); y++) {
    uint8_t *result = od_target_row(job->result, y, result_copy);
    memset(sums, 0, w * sizeof *sums);
    for (int k = 0; k < job->factor_y; k++)
      job->kernels->move_sums32(w, od_view_row(job->image, y * job->factor_y + k, copy), none,
                                sums);
    const uint32_t *next = sums;
    for (int x = 0; x < job->result->w; x++) {
      uint32_t sum = 0;
      for (int k = 0; k < factor; k++) sum += *next++;
      result[x] = (uint8_t)lrintf((float)sum * scale);
    }
    od_target_finish(job->result, y, result);
  }
}

od_status od_resize_integer_area(od_image_workspace *workspace, const od_view *image, int factor_y,
                                 int factor_x, const od_target *result, od_error *error) {
  integer_job job = {&workspace->kernels->image, image, result, factor_y, factor_x};
  const size_t w = (size_t)image->w, line = od_aligned(w);
  const bool halve = factor_y == 2 && factor_x == 2;
  return od_run_row_partitions(workspace, result->h, w * (size_t)factor_y / (halve ? 16 : 4) + 1,
                               3 * line + od_aligned(w * sizeof(uint32_t)),
                               halve ? halve_rows : integer_rows, &job, error);
}

/* ---- any factors ---- */

/* The source pixels of each result pixel along one axis: those from first[i] on, with
 * weights[begin[i]] to weights[begin[i + 1] - 1]. */
typedef struct coverage {
  int *begin, *first;
  float *weights;
} coverage;

/* Smaller parts of a pixel are ignored. */
static const double min_part = 1e-3;

static bool coverage_create(int n, int out, coverage *c) {
  const double scale = 1 / ((double)out / n);
  c->begin = od_allocate((size_t)out + 1, sizeof *c->begin);
  c->first = od_allocate((size_t)out, sizeof *c->first);
  c->weights = od_allocate(2 * (size_t)n + 2 * (size_t)out, sizeof *c->weights);
  if (!c->begin || !c->first || !c->weights) return false;
  int count = 0;
  for (int i = 0; i < out; i++) {
    const double low = i * scale, high = low + scale, width = fmin(scale, n - low);
    const int last = (int)fmin(floor(high), n - 1), whole = (int)fmin(ceil(low), last);
    const bool part_before = whole - low > min_part;
    c->first[i] = part_before ? whole - 1 : whole;
    if (part_before) c->weights[count++] = (float)((whole - low) / width);
    for (int k = whole; k < last; k++) c->weights[count++] = (float)(1 / width);
    if (high - last > min_part)
      c->weights[count++] = (float)(fmin(fmin(high - last, 1), width) / width);
    c->begin[i + 1] = count;
  }
  return true;
}

static void coverage_destroy(coverage *c) {
  od_release(c->begin);
  od_release(c->first);
  od_release(c->weights);
}

typedef struct area_job {
  const od_image_kernels *kernels;
  const od_view *image;
  const od_target *result;
  coverage horizontal, vertical;
} area_job;

static void reduce_row(const area_job *job, const uint8_t *row, float *result) {
  const coverage *c = &job->horizontal;
  if (job->image->w == job->result->w) {
    for (int x = 0; x < job->result->w; x++) result[x] = row[x];
    return;
  }
  for (int x = 0; x < job->result->w; x++) {
    const uint8_t *pixel = row + c->first[x];
    float sum = 0;
    for (int k = c->begin[x]; k < c->begin[x + 1]; k++) sum += (float)*pixel++ * c->weights[k];
    result[x] = sum;
  }
}

static void area_rows(void *context, int first, int last, void *scratch, od_interrupt *interrupt) {
  const area_job *job = context;
  const size_t out = (size_t)job->result->w, line = od_aligned(out * sizeof(float));
  float *row = scratch, *sum = row + line / sizeof(float);
  uint8_t *copy = (uint8_t *)scratch + 2 * line,
          *result_copy = copy + od_aligned((size_t)job->image->w);
  int current = -1; /* the source row in `row` */
  for (int y = first; y < last && !od_interrupted(interrupt); y++) {
    const int begin = job->vertical.begin[y], end = job->vertical.begin[y + 1];
    memset(sum, 0, line);
    for (int k = begin; k < end; k++) {
      const int from = job->vertical.first[y] + k - begin;
      const float weight = job->vertical.weights[k];
      if (current != from) reduce_row(job, od_view_row(job->image, from, copy), row);
      current = from;
      for (size_t x = 0; x < out; x++) sum[x] += row[x] * weight;
    }
    uint8_t *result = od_target_row(job->result, y, result_copy);
    for (size_t x = 0; x < out; x++) result[x] = (uint8_t)lrintf(sum[x]);
    od_target_finish(job->result, y, result);
  }
}

od_status od_resize_area(od_image_workspace *workspace, const od_view *image,
                         const od_target *result, od_error *error) {
  area_job job = {.kernels = &workspace->kernels->image, .image = image, .result = result};
  od_status status;
  const size_t out = (size_t)result->w, w = (size_t)image->w;
  const size_t cost = w * (size_t)image->h / (size_t)result->h;
  if (coverage_create(image->w, result->w, &job.horizontal) &&
      coverage_create(image->h, result->h, &job.vertical))
    status =
        od_run_row_partitions(workspace, result->h, cost,
                              2 * od_aligned(out * sizeof(float)) + od_aligned(w) + od_aligned(out),
                              area_rows, &job, error);
  else
    status = od_fail_memory(error, "resizing an image");
  coverage_destroy(&job.horizontal);
  coverage_destroy(&job.vertical);
  return status;
}
