/* Erosion, dilation, opening and closing. */
#include <limits.h>
#include <string.h>

#include "arguments.h"
#include "convert.h"
#include "image/limits.h"
#include "image_arguments.h"
#include "image_operations.h"

typedef od_status filter(od_image_workspace *workspace, const od_view *image,
                         const od_structuring_element *element, od_border border,
                         uint8_t border_value, const od_target *result, od_error *error);

/* One or two steps, each repeated `iterations` times. */
typedef struct morphology {
  int steps, iterations;
  filter *filters[2];
  uint8_t border_values[2];
  od_border border;
  od_structuring_element element;
} morphology;

static bool is_same(const od_view *a, const od_target *b) {
  for (int y = 0; y < a->h; y++)
    for (int x = 0; x < a->w; x++)
      if (a->pixels[y * a->row + x * a->column] != b->pixels[y * b->row + x * b->column])
        return false;
  return true;
}

/* The passes write alternately to the result and a second image, the last one to the result. If a
 * pass changes nothing, those that are left of its step would not either, and an even number of
 * them is skipped. */
static od_status run_passes(od_image_workspace *workspace, const od_view *image,
                            const od_target *result, const morphology *m, uint8_t *other,
                            od_error *error) {
  const int passes = m->steps * m->iterations;
  const od_target second = od_target_of(image->h, image->w, other);
  od_view from = *image;
  for (int pass = 0; pass < passes; pass++) {
    const int step = pass / m->iterations, left = (step + 1) * m->iterations - pass - 1;
    const od_target *to = (passes - pass) % 2 ? result : &second;
    const od_status status = m->filters[step](workspace, &from, &m->element, m->border,
                                              m->border_values[step], to, error);
    if (status) return status;
    if (left > 1 && is_same(&from, to)) pass += left / 2 * 2;
    from = od_view_of_target(to);
  }
  return OD_OK;
}

static od_status run_morphology(od_image_workspace *workspace, const od_view *image,
                                const od_target *result, const void *parameters, od_error *error) {
  const morphology *m = parameters;
  if (m->steps * m->iterations == 1) return run_passes(workspace, image, result, m, NULL, error);
  uint8_t *other = PyMem_RawMalloc((size_t)image->h * (size_t)image->w);
  if (!other) return od_fail_memory(error, "a second image");
  const od_status status = run_passes(workspace, image, result, m, other, error);
  PyMem_RawFree(other);
  return status;
}

static bool read_operation(PyObject *value, morphology *m) {
  static const char *const names[] = {"erode", "dilate", "open", "close", NULL};
  int choice;
  if (!read_choice(value, "operation", names, &choice)) return false;
  m->steps = choice < 2 ? 1 : 2;
  m->filters[0] = choice % 2 ? od_dilate : od_erode;
  m->filters[1] = choice % 2 ? od_erode : od_dilate;
  return true;
}

/* Read the level of a constant border; None for levels without effect. */
static bool read_border_value(PyObject *value, morphology *m) {
  for (int step = 0; step < 2; step++)
    m->border_values[step] = m->filters[step] == od_dilate ? 0 : 255;
  if (Py_IsNone(value)) return true;
  if (!read_level(value, "border_value", &m->border_values[0])) return false;
  m->border_values[1] = m->border_values[0];
  return true;
}

/* Set the anchor (x, y); NULL for the middle. */
static bool set_anchor(const int *given, od_structuring_element *e) {
  const int anchor[2] = {given ? given[0] : e->w / 2, given ? given[1] : e->h / 2};
  e->anchor_x = anchor[0];
  e->anchor_y = anchor[1];
  if (anchor[0] >= 0 && anchor[0] < e->w && anchor[1] >= 0 && anchor[1] < e->h) return true;
  PyErr_Format(PyExc_ValueError, "anchor: got (%d, %d), expected a place (x, y) in %d x %d",
               anchor[0], anchor[1], e->w, e->h);
  return false;
}

/* Replace several iterations with a full kernel by one with a larger kernel. */
static bool enlarge(morphology *m, cells_view *cells) {
  od_structuring_element *e = &m->element;
  if (m->iterations == 1 || memchr(e->mask, 0, (size_t)e->h * (size_t)e->w)) return true;
  const long long more = m->iterations - 1;
  const long long h = e->h + more * (e->h - 1), w = e->w + more * (e->w - 1);
  if (h > OD_MAX_ELEMENT || w > OD_MAX_ELEMENT) {
    PyErr_Format(PyExc_ValueError,
                 "kernel and iterations: got %lld x %lld, expected sides up to %d", h, w,
                 OD_MAX_ELEMENT);
    return false;
  }
  uint8_t *all;
  PyObject *array = new_picture((int)h, (int)w, 0, &all);
  if (!array) return false;
  memset(all, 1, (size_t)(h * w));
  cells_view_release(cells);
  *cells = (cells_view){(int)h, (int)w, all, array};
  *e = (od_structuring_element){cells->h, cells->w, e->anchor_y * m->iterations,
                                e->anchor_x * m->iterations, all};
  m->iterations = 1;
  return true;
}

PyObject *image_morphology(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
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
  long long iterations;
  int anchor[2];
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !read_operation(values[1], &m) ||
      !convert_int(values[4], "iterations", 1, INT_MAX / 2, &iterations) ||
      !read_border(values[5], &m.border) || !read_border_value(values[6], &m) ||
      (!Py_IsNone(values[3]) && !read_pair(values[3], "anchor", INT_MIN, INT_MAX, anchor)) ||
      (!Py_IsNone(values[2]) && !convert_cells(values[2], "kernel", OD_MAX_ELEMENT, &cells)))
    return NULL;
  m.iterations = (int)iterations;
  m.element = (od_structuring_element){cells.h, cells.w, 0, 0, cells.cells};
  if (set_anchor(Py_IsNone(values[3]) ? NULL : anchor, &m.element) && enlarge(&m, &cells) &&
      read_picture(values[0], "image", &picture))
    result =
        apply_operation(module, &picture, picture.first.h, picture.first.w, run_morphology, &m);
  cells_view_release(&cells);
  return result;
}

PyObject *image_structuring_element(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                                    Py_ssize_t count, PyObject *keywords) {
  static const char *const names[] = {"rect", "cross", "ellipse", NULL};
  static const signature accepted = {"image_structuring_element", 3, 3, 3, {"shape", "h", "w"}};
  PyObject *values[3];
  long long h, w;
  int shape;
  uint8_t *mask;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !read_choice(values[0], "shape", names, &shape) ||
      !convert_int(values[1], "h", 1, OD_MAX_ELEMENT, &h) ||
      !convert_int(values[2], "w", 1, OD_MAX_ELEMENT, &w))
    return NULL;
  PyObject *array = new_picture((int)h, (int)w, 0, &mask);
  if (array) od_get_structuring_element((od_morph_shape)shape, (int)h, (int)w, mask);
  return array;
}
