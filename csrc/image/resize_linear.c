/* od_resize, and its linear half; the other is resize_area.c. */
#include <float.h>
#include <math.h>

#include "base/memory.h"
#include "image/row_partition.h"
#include "image/image.h"
#include "image/limits.h"
#include "image/resize.h"

enum { ONE = 2048 }; /* weights are in 11 bits */

/* Between which two pixels a result lies, and how near to each. */
typedef struct between {
  int32_t first;
  int16_t weights[2];
} between;

/* Result pixel i of `out` over a side of n. Pixels are aligned at their centres, or in area
 * mode, which is for enlarging, at their edges. */
static between place_between(int i, int n, int out, bool area) {
  const double inverse = (double)out / n, scale = 1 / inverse;
  float part;
  int first;
  if (area) {
    first = (int)floor(i * scale);
    part = (float)((i + 1) - (first + 1) * inverse);
    part = part <= 0 ? 0 : part - floorf(part);
  } else {
    part = (float)((i + 0.5) * scale - 0.5);
    first = (int)floorf(part);
    part -= (float)first;
  }
  return (between){first, {(int16_t)lrintf((1 - part) * ONE), (int16_t)lrintf(part * ONE)}};
}

/* The same where both pixels are inside; n is at least 2. */
static between place_inside(int i, int n, int out, bool area) {
  between place = place_between(i, n, out, area);
  if (place.first < 0) return (between){0, {ONE, 0}};
  if (place.first >= n - 1) return (between){n - 2, {0, ONE}};
  return place;
}

typedef struct linear_job {
  const od_image_kernels *kernels;
  const od_view *image;
  const od_target *result;
  const uint16_t *first; /* (out w), and the weights of it and the next, (out w, 2) */
  const int16_t *weights;
  bool area;
} linear_job;

/* Two source rows, resized across, and which ones they are. */
typedef struct linear_memory {
  uint8_t *copy, *result;
  uint16_t *rows[2];
  int which[2];
} linear_memory;

static size_t linear_scratch(const linear_job *job) {
  const size_t w = (size_t)job->image->w, out = (size_t)job->result->w;
  return od_aligned(w + 1) + od_aligned(out) + 2 * od_aligned(out * sizeof(uint16_t));
}

static const uint16_t *across(const linear_job *job, linear_memory *m, int y) {
  const od_view *image = job->image;
  y = y < 0 ? 0 : y < image->h ? y : image->h - 1;
  const int slot = y % 2;
  if (m->which[slot] != y) {
    const uint8_t *row = od_view_row(image, y, m->copy);
    if (image->w == 1) { /* a second pixel to look at */
      m->copy[1] = m->copy[0] = row[0];
      row = m->copy;
    }
    job->kernels->resize_horizontal((size_t)job->result->w, (size_t)image->w, row, job->first,
                                job->weights, m->rows[slot]);
    m->which[slot] = y;
  }
  return m->rows[slot];
}

static void linear_rows(void *context, int first, int last, void *scratch) {
  const linear_job *job = context;
  const int h = job->image->h, out_h = job->result->h;
  const size_t out = (size_t)job->result->w;
  linear_memory m = {.copy = scratch, .which = {-1, -1}};
  m.result = m.copy + od_aligned((size_t)job->image->w + 1);
  m.rows[0] = (uint16_t *)(void *)(m.result + od_aligned(out));
  m.rows[1] = m.rows[0] + od_aligned(out * sizeof(uint16_t)) / sizeof(uint16_t);
  for (int y = first; y < last; y++) {
    const between place = place_between(y, h, out_h, job->area);
    const uint16_t *top = across(job, &m, place.first), *bottom = across(job, &m, place.first + 1);
    uint8_t *result = od_target_row(job->result, y, m.result);
    job->kernels->resize_vertical(out, top, bottom, (uint16_t)place.weights[0],
                              (uint16_t)place.weights[1], result);
    od_target_finish(job->result, y, result);
  }
}

static od_status resize_linear(od_image_workspace *imaging, const od_view *image, bool area,
                               const od_target *result, od_error *error) {
  const size_t out = (size_t)result->w;
  uint16_t *first = od_allocate(out, sizeof *first);
  int16_t *weights = od_allocate(2 * out, sizeof *weights);
  od_status status;
  if (first && weights) {
    for (int i = 0; i < result->w; i++) {
      const between place = image->w > 1 ? place_inside(i, image->w, result->w, area)
                                         : (between){0, {ONE, 0}};
      first[i] = (uint16_t)place.first;
      weights[2 * i] = place.weights[0];
      weights[2 * i + 1] = place.weights[1];
    }
    linear_job job = {&imaging->kernels->image, image, result, first, weights, area};
    status = od_run_row_partitions(imaging, result->h, out, linear_scratch(&job), linear_rows, &job, error);
  } else {
    status = od_fail_memory(error, "resizing an image");
  }
  od_release(first);
  od_release(weights);
  return status;
}

/* The whole factor by which a side shrinks, or 0. */
static int whole_factor(int n, int out) {
  const double scale = 1 / ((double)out / n), whole = rint(scale);
  return fabs(scale - whole) < DBL_EPSILON ? (int)whole : 0;
}

static od_status copy(od_image_workspace *imaging, const od_view *image, const od_target *result,
                      od_error *error) {
  uint8_t *row = od_image_workspace_scratch(imaging, (size_t)image->w);
  if (!row) return od_fail_memory(error, "an image's row");
  for (int y = 0; y < image->h; y++) {
    const uint8_t *from = od_view_row(image, y, row);
    uint8_t *to = od_target_row(result, y, row);
    if (to != from) memcpy(to, from, (size_t)image->w);
    od_target_finish(result, y, to);
  }
  return OD_OK;
}

od_status od_resize(od_image_workspace *imaging, const od_view *image, od_interpolation interpolation,
                    const od_target *result, od_error *error) {
  od_status status = od_check_sides("image", image->h, image->w, error);
  if (!status) status = od_check_sides("result", result->h, result->w, error);
  if (status) return status;
  if (image->h == result->h && image->w == result->w) return copy(imaging, image, result, error);
  const int factor_y = whole_factor(image->h, result->h), factor_x = whole_factor(image->w, result->w);
  const bool shrinks = result->h <= image->h && result->w <= image->w;
  if (interpolation == OD_INTERPOLATION_AREA && shrinks) {
    if (factor_y && factor_x)
      return od_resize_integer_area(imaging, image, factor_y, factor_x, result, error);
    return od_resize_area(imaging, image, result, error);
  }
  if (factor_y == 2 && factor_x == 2) return od_resize_integer_area(imaging, image, 2, 2, result, error);
  return resize_linear(imaging, image, interpolation == OD_INTERPOLATION_AREA, result, error);
}
