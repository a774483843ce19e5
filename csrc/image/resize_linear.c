/* cv2.resize with INTER_LINEAR, and with INTER_AREA for enlarging. */
#include <math.h>

#include "base/memory.h"
#include "image/row_partition.h"
#include "image/image.h"
#include "image/limits.h"
#include "image/resize.h"

enum { ONE = 2048 }; /* weights have 11 bits */

/* The source pixels first and first + 1 of a result pixel along one axis. */
typedef struct source_pair {
  int32_t first;
  int16_t weights[2];
} source_pair;

/* Return the source of result pixel i of `out` on a side of n pixels, which may lie outside. Pixels
 * are aligned at their centres, or at their edges with area_mode. */
static source_pair source_of(int i, int n, int out, bool area_mode) {
  const double inverse = (double)out / n, scale = 1 / inverse;
  float part;
  int first;
  if (area_mode) {
    first = (int)floor(i * scale);
    part = (float)((i + 1) - (first + 1) * inverse);
    part = part <= 0 ? 0 : part - floorf(part);
  } else {
    part = (float)((i + 0.5) * scale - 0.5);
    first = (int)floorf(part);
    part -= (float)first;
  }
  return (source_pair){first, {(int16_t)lrintf((1 - part) * ONE), (int16_t)lrintf(part * ONE)}};
}

/* The same with both pixels moved inside; n is at least 2. */
static source_pair inside_source_of(int i, int n, int out, bool area_mode) {
  const source_pair source = source_of(i, n, out, area_mode);
  if (source.first < 0) return (source_pair){0, {ONE, 0}};
  if (source.first >= n - 1) return (source_pair){n - 2, {0, ONE}};
  return source;
}

typedef struct linear_job {
  const od_image_kernels *kernels;
  const od_view *image;
  const od_target *result;
  const uint16_t *first;  /* (result w) */
  const int16_t *weights; /* (result w, 2): of pixels first and first + 1 */
  bool area_mode;
} linear_job;

/* Two horizontally resized source rows, and their indices. */
typedef struct linear_memory {
  uint8_t *copy, *result;
  uint16_t *rows[2];
  int index[2];
} linear_memory;

static size_t linear_scratch(const linear_job *job) {
  const size_t w = (size_t)job->image->w, out = (size_t)job->result->w;
  return od_aligned(w + 1) + od_aligned(out) + 2 * od_aligned(out * sizeof(uint16_t));
}

/* Return source row y, which may lie outside, resized horizontally. */
static const uint16_t *resized_row(const linear_job *job, linear_memory *m, int y) {
  const od_view *image = job->image;
  y = y < 0 ? 0 : y < image->h ? y : image->h - 1;
  const int slot = y % 2;
  if (m->index[slot] != y) {
    const uint8_t *row = od_view_row(image, y, m->copy);
    if (image->w == 1) { /* the kernel reads two pixels */
      m->copy[1] = m->copy[0] = row[0];
      row = m->copy;
    }
    job->kernels->resize_horizontal((size_t)job->result->w, (size_t)image->w, row, job->first,
                                    job->weights, m->rows[slot]);
    m->index[slot] = y;
  }
  return m->rows[slot];
}

static void linear_rows(void *context, int first, int last, void *scratch,
                        od_interrupt *interrupt) {
  const linear_job *job = context;
  const int h = job->image->h, out_h = job->result->h;
  const size_t out = (size_t)job->result->w;
  linear_memory m = {.copy = scratch, .index = {-1, -1}};
  m.result = m.copy + od_aligned((size_t)job->image->w + 1);
  m.rows[0] = (uint16_t *)(void *)(m.result + od_aligned(out));
  m.rows[1] = m.rows[0] + od_aligned(out * sizeof(uint16_t)) / sizeof(uint16_t);
  for (int y = first; y < last && !od_interrupted(interrupt); y++) {
    const source_pair source = source_of(y, h, out_h, job->area_mode);
    const uint16_t *top = resized_row(job, &m, source.first);
    const uint16_t *bottom = resized_row(job, &m, source.first + 1);
    uint8_t *result = od_target_row(job->result, y, m.result);
    job->kernels->resize_vertical(out, top, bottom, (uint16_t)source.weights[0],
                                  (uint16_t)source.weights[1], result);
    od_target_finish(job->result, y, result);
  }
}

od_status od_resize_linear(od_image_workspace *workspace, const od_view *image, bool area_mode,
                           const od_target *result, od_error *error) {
  const size_t out = (size_t)result->w;
  uint16_t *first = od_allocate(out, sizeof *first);
  int16_t *weights = od_allocate(2 * out, sizeof *weights);
  od_status status;
  if (first && weights) {
    for (int i = 0; i < result->w; i++) {
      const source_pair source = image->w > 1 ? inside_source_of(i, image->w, result->w, area_mode)
                                              : (source_pair){0, {ONE, 0}};
      first[i] = (uint16_t)source.first;
      weights[2 * i] = source.weights[0];
      weights[2 * i + 1] = source.weights[1];
    }
    linear_job job = {&workspace->kernels->image, image, result, first, weights, area_mode};
    status = od_run_row_partitions(workspace, result->h, out, linear_scratch(&job), linear_rows,
                                   &job, error);
  } else {
    status = od_fail_memory(error, "resizing an image");
  }
  od_release(first);
  od_release(weights);
  return status;
}
