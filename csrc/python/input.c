#include "input.h"

#include "arguments.h"
#include "convert.h"
#include "core_call.h"
#include "digit/digit.h"
#include "digit/input.h"
#include "errors.h"
#include "runtime.h"

static bool read_picture(PyObject *value, PyObject *scale, od_picture *picture) {
  if (!convert_real(scale, "scale", &picture->scale) ||
      !convert_any_picture(value, "image", &picture->h, &picture->w, &picture->channels,
                           &picture->bytes, &picture->floats))
    return false;
  return sides_are_allowed("image", picture->h, picture->w);
}

/* The pictures and their scales, tuples of one length from 1 on; free with PyMem_Free. */
static od_picture *read_pictures(PyObject *values, PyObject *scales) {
  if (!PyTuple_Check(values) || !PyTuple_Check(scales) || PyTuple_GET_SIZE(values) < 1 ||
      PyTuple_GET_SIZE(values) != PyTuple_GET_SIZE(scales) || PyTuple_GET_SIZE(values) > INT_MAX) {
    PyErr_SetString(PyExc_ValueError, "pictures, scales: expected tuples of one length from 1 on");
    return NULL;
  }
  const Py_ssize_t count = PyTuple_GET_SIZE(values);
  od_picture *pictures = PyMem_Calloc((size_t)count, sizeof *pictures);
  if (!pictures) PyErr_NoMemory();
  for (Py_ssize_t i = 0; pictures && i < count; i++) {
    if (read_picture(PyTuple_GET_ITEM(values, i), PyTuple_GET_ITEM(scales, i), &pictures[i]))
      continue;
    PyMem_Free(pictures);
    pictures = NULL;
  }
  return pictures;
}

static bool convert(PyObject *module, int count, const od_picture *pictures, float *inputs) {
  module_state *state = state_of_module(module);
  shared_thread_pool *pool = runtime_pool(state);
  od_error error;
  core_call call;
  core_call_begin(&call, pool->pool, false);
  od_status status =
      od_pictures_to_inputs(state->kernels, &call.pool, count, pictures, inputs, &error);
  status = core_call_end(&call, status);
  shared_thread_pool_release(pool);
  if (status != OD_OK) raise_status(status, &error);
  return status == OD_OK;
}

PyObject *input_preprocess_images(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                  PyObject *keywords) {
  static const signature accepted = {"preprocess_images", 2, 2, 2, {"pictures", "scales"}};
  PyObject *values[2];
  if (!arguments_read(&accepted, arguments, count, keywords, values)) return NULL;
  od_picture *pictures = read_pictures(values[0], values[1]);
  if (!pictures) return NULL;
  const int n = (int)PyTuple_GET_SIZE(values[0]);
  float *inputs;
  PyObject *held = Py_NewRef(values[0]); /* while the GIL is released */
  PyObject *result = new_floats(3, (int[]){n, OD_DIGIT_SIDE, OD_DIGIT_SIDE}, &inputs);
  if (result && !convert(module, n, pictures, inputs)) Py_CLEAR(result);
  Py_DECREF(held);
  PyMem_Free(pictures);
  return result;
}

/* Converts a picture of any size, without the GIL. */
static od_status to_gray(module_state *state, const od_picture *picture, uint8_t *gray,
                         od_error *error) {
  shared_thread_pool *pool = runtime_pool(state);
  core_call call;
  od_image_workspace workspace = {.kernels = state->kernels, .pool = &call.pool};
  core_call_begin(&call, pool->pool, false);
  od_status status = od_picture_to_gray(&workspace, picture, gray, error);
  od_image_workspace_release(&workspace);
  status = core_call_end(&call, status);
  shared_thread_pool_release(pool);
  return status;
}

/* Converts a small picture and keeps the GIL, as to wait for it would take longer. */
static od_status small_to_gray(module_state *state, const od_picture *picture, uint8_t *gray,
                               od_error *error) {
  od_image_workspace workspace = {.kernels = state->kernels};
  const od_status status = od_picture_to_gray(&workspace, picture, gray, error);
  od_image_workspace_release(&workspace);
  return status;
}

PyObject *input_picture_to_gray(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                PyObject *keywords) {
  enum { SMALL = 1 << 14 /* values, which mostly take a few microseconds */ };
  static const signature accepted = {"picture_to_gray", 2, 2, 2, {"picture", "scale"}};
  PyObject *values[2];
  od_picture picture;
  uint8_t *gray;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !read_picture(values[0], values[1], &picture))
    return NULL;
  PyObject *result = new_bytes(picture.h, picture.w, &gray);
  if (!result) return NULL;
  PyObject *held = Py_NewRef(values[0]); /* while the GIL is released */
  module_state *state = state_of_module(module);
  const size_t values_count = (size_t)picture.h * (size_t)picture.w * (size_t)picture.channels;
  od_error error;
  const od_status status = values_count <= SMALL ? small_to_gray(state, &picture, gray, &error)
                                                 : to_gray(state, &picture, gray, &error);
  Py_DECREF(held);
  if (status == OD_OK) return result;
  Py_DECREF(result);
  return raise_status(status, &error);
}
