/* Erosion, dilation and what they make together. */
#include <limits.h>
#include <string.h>

#include "arguments.h"
#include "convert.h"
#include "image/limits.h"
#include "image_arguments.h"
#include "image_operations.h"

/* One or two steps, each done `times` times. */
typedef struct morphology {
  int steps, times;
  od_extreme extreme[2];
  uint8_t outside[2];
  od_border border;
  od_footprint footprint;
} morphology;

/* The passes write the result and a second picture in turn, the last one the result. */
static od_status run_passes(od_image_workspace *imaging, const od_view *image, const od_target *result,
                            const morphology *m, uint8_t *other, od_error *error) {
  const int passes = m->steps * m->times;
  const od_target second = od_target_of(image->h, image->w, other);
  od_view from = *image;
  for (int pass = 0; pass < passes; pass++) {
    const int step = pass / m->times;
    const od_target *to = (passes - pass) % 2 ? result : &second;
    const od_status status = od_extreme_filter(imaging, &from, m->extreme[step], &m->footprint,
                                               m->border, m->outside[step], to, error);
    if (status) return status;
    from = (od_view){to->pixels, to->h, to->w, to->row, to->column};
  }
  return OD_OK;
}

static od_status run_morphology(od_image_workspace *imaging, const od_view *image, const od_target *result,
                                const void *parameters, od_error *error) {
  const morphology *m = parameters;
  if (m->steps * m->times == 1) return run_passes(imaging, image, result, m, NULL, error);
  uint8_t *other = PyMem_RawMalloc((size_t)image->h * (size_t)image->w);
  if (!other) return od_fail_memory(error, "a second picture");
  const od_status status = run_passes(imaging, image, result, m, other, error);
  PyMem_RawFree(other);
  return status;
}

static bool read_operation(PyObject *value, morphology *m) {
  static const char *const names[] = {"erode", "dilate", "open", "close", NULL};
  int choice;
  if (!read_choice(value, "operation", names, &choice)) return false;
  m->steps = choice < 2 ? 1 : 2;
  m->extreme[0] = choice % 2 ? OD_HIGHEST : OD_LOWEST;
  m->extreme[1] = choice % 2 ? OD_LOWEST : OD_HIGHEST;
  return true;
}

/* What lies beyond a constant border; where that is None, what has no effect. */
static bool read_outside(PyObject *value, morphology *m) {
  for (int step = 0; step < 2; step++)
    m->outside[step] = m->extreme[step] == OD_HIGHEST ? 0 : 255;
  if (Py_IsNone(value)) return true;
  if (!read_level(value, "border_value", &m->outside[0])) return false;
  m->outside[1] = m->outside[0];
  return true;
}

/* The middle, or the cell (x, y) that `value` is. */
static bool read_anchor(PyObject *value, od_footprint *f) {
  int place[2] = {f->w / 2, f->h / 2};
  if (!Py_IsNone(value) && !read_pair(value, "anchor", INT_MIN, INT_MAX, place)) return false;
  f->anchor_x = place[0];
  f->anchor_y = place[1];
  if (place[0] >= 0 && place[0] < f->w && place[1] >= 0 && place[1] < f->h) return true;
  PyErr_Format(PyExc_ValueError, "anchor: got (%d, %d), expected a cell (x, y) of %d x %d",
               place[0], place[1], f->w, f->h);
  return false;
}

/* A full kernel used several times is a larger one used once. */
static bool enlarge(morphology *m, cells_view *cells) {
  od_footprint *f = &m->footprint;
  if (m->times == 1 || memchr(f->cells, 0, (size_t)f->h * (size_t)f->w)) return true;
  const long long more = m->times - 1, h = f->h + more * (f->h - 1), w = f->w + more * (f->w - 1);
  if (h > OD_MAX_FOOTPRINT || w > OD_MAX_FOOTPRINT) {
    PyErr_Format(PyExc_ValueError,
                 "kernel and iterations: got %lld x %lld cells, expected sides up to %d", h, w,
                 OD_MAX_FOOTPRINT);
    return false;
  }
  uint8_t *all;
  PyObject *array = new_picture((int)h, (int)w, 0, &all);
  if (!array) return false;
  memset(all, 1, (size_t)(h * w));
  cells_view_release(cells);
  *cells = (cells_view){(int)h, (int)w, all, array};
  *f = (od_footprint){cells->h, cells->w, f->anchor_y * m->times, f->anchor_x * m->times, all};
  m->times = 1;
  return true;
}

PyObject *operation_morphology(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                               PyObject *keywords) {
  static const signature accepted = {
      "image_morphology",
      7,
      7,
      7,
      {"image", "operation", "kernel", "anchor", "iterations", "border", "border_value"}};
  static const uint8_t square[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  PyObject *values[7], *result = NULL;
  picture_view picture;
  cells_view cells = {3, 3, square, NULL};
  morphology m;
  long long times;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !read_operation(values[1], &m) ||
      !convert_int(values[4], "iterations", 1, INT_MAX / 2, &times) ||
      !read_border(values[5], &m.border) || !read_outside(values[6], &m) ||
      (!Py_IsNone(values[2]) && !convert_cells(values[2], "kernel", OD_MAX_FOOTPRINT, &cells)))
    return NULL;
  m.times = (int)times;
  m.footprint = (od_footprint){cells.h, cells.w, 0, 0, cells.cells};
  if (read_anchor(values[3], &m.footprint) && enlarge(&m, &cells) &&
      read_picture(values[0], "image", &picture))
    result =
        apply_operation(module, &picture, picture.first.h, picture.first.w, run_morphology, &m);
  cells_view_release(&cells);
  return result;
}

PyObject *operation_shape(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count,
                          PyObject *keywords) {
  static const char *const names[] = {"rect", "cross", "ellipse", NULL};
  static const signature accepted = {"image_shape", 3, 3, 3, {"shape", "h", "w"}};
  PyObject *values[3];
  long long h, w;
  int shape;
  uint8_t *cells;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !read_choice(values[0], "shape", names, &shape) ||
      !convert_int(values[1], "h", 1, OD_MAX_FOOTPRINT, &h) ||
      !convert_int(values[2], "w", 1, OD_MAX_FOOTPRINT, &w))
    return NULL;
  PyObject *array = new_picture((int)h, (int)w, 0, &cells);
  if (array) od_fill_shape((od_footprint_shape)shape, (int)h, (int)w, cells);
  return array;
}
