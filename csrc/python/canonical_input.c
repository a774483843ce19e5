#include "canonical_input.h"

#include "digit/canonical.h"
#include "digit/digit.h"

/* Sets the scale to 0..1 where images are canonical. Those in 0..255 have values above 1. */
static bool find_scale(od_images *images) {
  const size_t n = images->count;
  if (images->bytes) {
    images->scale = 1.0 / 255;
    return od_are_canonical(n, OD_DIGIT_SIDE, OD_DIGIT_SIDE, images->bytes);
  }
  images->scale = 1;
  if (od_are_canonical_floats(n, OD_DIGIT_SIDE, OD_DIGIT_SIDE, 1, images->floats)) return true;
  images->scale = 1.0 / 255;
  return od_are_canonical_floats(n, OD_DIGIT_SIDE, OD_DIGIT_SIDE, 255, images->floats);
}

bool canonical_images(PyObject *value, image_view *view, bool *single) {
  if (!convert_plain_images(value, OD_DIGIT_SIDE, view, single)) return false;
  bool canonical;
  if (*single) {
    canonical = find_scale(&view->images);
  } else {
    Py_BEGIN_ALLOW_THREADS
    canonical = find_scale(&view->images);
    Py_END_ALLOW_THREADS
  }
  if (!canonical) image_view_release(view);
  return canonical;
}

PyObject *canonical_scale(PyObject *Py_UNUSED(module), PyObject *value) {
  image_view view;
  bool single;
  if (!canonical_images(value, &view, &single)) Py_RETURN_NONE;
  double scale = view.images.scale;
  image_view_release(&view);
  return PyFloat_FromDouble(scale);
}

PyObject *are_canonical(PyObject *Py_UNUSED(module), PyObject *value) {
  image_view view;
  if (!convert_images(value, "images", (size_t)OD_DIGIT_SIDE * OD_DIGIT_SIDE, 1, &view))
    return NULL;
  const bool answer = view.images.bytes && od_are_canonical(view.images.count, OD_DIGIT_SIDE,
                                                            OD_DIGIT_SIDE, view.images.bytes);
  image_view_release(&view);
  return PyBool_FromLong(answer);
}
