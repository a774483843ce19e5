#include "preprocessing.h"

#include <string.h>

#include "arguments.h"
#include "core_call.h"
#include "convert.h"
#include "digit/canonical.h"
#include "digit/preprocess.h"
#include "errors.h"
#include "runtime.h"

/* A gray image (h, w), kept alive while the GIL is released. */
typedef struct gray_image {
  int h, w;
  const uint8_t *pixels;
  PyObject *array;
} gray_image;

/* Read the only argument of a function. */
static bool read_image(const signature *accepted, PyObject *const *arguments, Py_ssize_t count,
                       PyObject *keywords, gray_image *image) {
  PyObject *value;
  if (!arguments_read(accepted, arguments, count, keywords, &value) ||
      !convert_picture(value, "image", 0, &image->h, &image->w, &image->pixels))
    return false;
  if (!sides_are_allowed("image", image->h, image->w)) return false;
  image->array = Py_NewRef(value);
  return true;
}

PyObject *preprocessing_is_canonical(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                                     Py_ssize_t count, PyObject *keywords) {
  static const signature accepted = {"is_canonical", 1, 1, 1, {"image"}};
  gray_image image;
  bool canonical;
  if (!read_image(&accepted, arguments, count, keywords, &image)) return NULL;
  Py_BEGIN_ALLOW_THREADS
  canonical = od_is_canonical(image.h, image.w, image.pixels);
  Py_END_ALLOW_THREADS
  Py_DECREF(image.array);
  return PyBool_FromLong(canonical);
}

/* Return the result (28, 28); steps may be NULL. */
static PyObject *preprocess(PyObject *module, const gray_image *image, od_preprocess_steps *steps) {
  core_call call;
  od_image_workspace workspace = {.kernels = state_of_module(module)->kernels, .pool = &call.pool};
  float *pixels;
  od_error error;
  PyObject *result = new_floats(2, (int[]){OD_DIGIT_SIDE, OD_DIGIT_SIDE}, &pixels);
  if (!result) return NULL;
  core_call_begin(&call, NULL, true);
  od_status status = od_preprocess_digit(&workspace, image->h, image->w, image->w, image->pixels,
                                         steps, pixels, &error);
  od_image_workspace_release(&workspace);
  status = core_call_end(&call, status);
  if (status == OD_OK) return result;
  Py_DECREF(result);
  return raise_status(status, &error);
}

PyObject *preprocessing_digit(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords) {
  static const signature accepted = {"preprocess_digit", 1, 1, 1, {"image"}};
  gray_image image;
  if (!read_image(&accepted, arguments, count, keywords, &image)) return NULL;
  PyObject *result = preprocess(module, &image, NULL);
  Py_DECREF(image.array);
  return result;
}

static PyObject *copy_image(int h, int w, const uint8_t *from) {
  uint8_t *pixels;
  PyObject *array = new_bytes(h, w, &pixels);
  if (array) memcpy(pixels, from, (size_t)h * (size_t)w);
  return array;
}

PyObject *preprocessing_steps(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords) {
  static const signature accepted = {"preprocess_steps", 1, 1, 1, {"image"}};
  enum { STEPS = 4 };
  PyObject *result = NULL;
  od_preprocess_steps steps = {0};
  gray_image image;
  if (!read_image(&accepted, arguments, count, keywords, &image)) return NULL;
  PyObject *digit = preprocess(module, &image, &steps);
  if (digit) {
    PyObject *arrays[STEPS];
    const uint8_t *images[STEPS] = {steps.gray, steps.background, steps.foreground, steps.digit};
    for (int i = 0; i < STEPS; i++) arrays[i] = copy_image(steps.h, steps.w, images[i]);
    /* "N" steals references and fails if one is NULL. */
    result = Py_BuildValue("(NNNNN(ddd))", arrays[0], arrays[1], arrays[2], arrays[3], digit,
                           steps.left, steps.top, steps.side);
  }
  od_preprocess_steps_release(&steps);
  Py_DECREF(image.array);
  return result;
}
