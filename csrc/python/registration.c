#include "registration.h"

#include <string.h>

#include "arguments.h"
#include "convert.h"
#include "core_call.h"
#include "errors.h"
#include "image/limits.h"
#include "module.h"
#include "page/print_removal.h"
#include "page/registration.h"
#include "runtime.h"

/* ---- registration ---- */

static PyObject *registration_tuple(const od_registration *r) {
  double *numbers;
  PyObject *matrix = new_doubles((int[]){3, 3}, &numbers);
  if (!matrix) return NULL;
  memcpy(numbers, r->matrix, sizeof r->matrix);
  return Py_BuildValue("Ndd", matrix, r->found, r->residual);
}

PyObject *registration_register_page(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                     PyObject *keywords) {
  static const signature accepted = {"register_page", 2, 2, 2, {"form", "page"}};
  PyObject *values[2];
  od_view views[2];
  od_registration result;
  od_error error;
  if (!arguments_read(&accepted, arguments, count, keywords, values)) return NULL;
  for (int k = 0; k < 2; k++) {
    int h, w;
    const uint8_t *pixels;
    if (!convert_picture(values[k], accepted.names[k], 0, &h, &w, &pixels) ||
        !sides_are_allowed(accepted.names[k], h, w))
      return NULL;
    views[k] = od_view_of(h, w, pixels);
  }
  shared_thread_pool *pool = runtime_pool(state_of_module(module));
  core_call call;
  od_image_workspace workspace = {.kernels = state_of_module(module)->kernels, .pool = &call.pool};
  for (int k = 0; k < 2; k++) Py_INCREF(values[k]);
  core_call_begin(&call, pool->pool, false);
  od_status status = od_register_page(&workspace, &views[0], &views[1], &result, &error);
  od_image_workspace_release(&workspace);
  status = core_call_end(&call, status);
  for (int k = 0; k < 2; k++) Py_DECREF(values[k]);
  shared_thread_pool_release(pool);
  return status ? raise_status(status, &error) : registration_tuple(&result);
}

/* ---- warp ---- */

static bool read_homography(PyObject *value, double matrix[9]) {
  PyObject *numbers = PySequence_Tuple(value); /* not shared, unlike a list */
  if (!numbers) return false;
  bool right = PyTuple_GET_SIZE(numbers) == 9;
  if (!right) PyErr_SetString(PyExc_ValueError, "matrix: expected 9 numbers");
  for (int k = 0; k < 9 && right; k++)
    right = convert_real(PyTuple_GET_ITEM(numbers, k), "matrix", &matrix[k]);
  Py_DECREF(numbers);
  return right;
}

PyObject *registration_warp(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                            PyObject *keywords) {
  static const signature accepted = {"warp_perspective", 4, 4, 4, {"image", "matrix", "h", "w"}};
  PyObject *values[4];
  int h, w;
  long long sides[2];
  const uint8_t *image;
  uint8_t *pixels;
  double matrix[9];
  od_error error;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !read_homography(values[1], matrix) ||
      !convert_int(values[2], "h", 1, OD_MAX_IMAGE_SIDE, &sides[0]) ||
      !convert_int(values[3], "w", 1, OD_MAX_IMAGE_SIDE, &sides[1]) ||
      !convert_picture(values[0], "image", 0, &h, &w, &image) || !sides_are_allowed("image", h, w))
    return NULL;
  PyObject *result = new_picture((int)sides[0], (int)sides[1], 0, &pixels);
  if (!result) return NULL;
  const od_view view = od_view_of(h, w, image);
  const od_target target = od_target_of((int)sides[0], (int)sides[1], pixels);
  shared_thread_pool *pool = runtime_pool(state_of_module(module));
  core_call call;
  od_image_workspace workspace = {.kernels = state_of_module(module)->kernels, .pool = &call.pool};
  Py_INCREF(values[0]);
  core_call_begin(&call, pool->pool, false);
  od_status status =
      od_warp_perspective(&workspace, &view, matrix, OD_BORDER_REPLICATE, 0, &target, &error);
  od_image_workspace_release(&workspace);
  status = core_call_end(&call, status);
  Py_DECREF(values[0]);
  shared_thread_pool_release(pool);
  if (!status) return result;
  Py_DECREF(result);
  return raise_status(status, &error);
}

/* ---- print ---- */

PyObject *registration_erase_print(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                   PyObject *keywords) {
  static const signature accepted = {
      "erase_print", 4, 4, 4, {"image", "foreground", "print", "slack"}};
  PyObject *values[4];
  const uint8_t *pictures[3];
  uint8_t *erased, *writing;
  int h[3], w[3];
  long long slack;
  od_error error;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !convert_int(values[3], "slack", 0, OD_MAX_PRINT_SLACK, &slack))
    return NULL;
  for (int k = 0; k < 3; k++) {
    if (!convert_picture(values[k], accepted.names[k], 0, &h[k], &w[k], &pictures[k]) ||
        !sides_are_allowed(accepted.names[k], h[k], w[k]))
      return NULL;
    if (h[k] != h[0] || w[k] != w[0])
      return PyErr_Format(PyExc_ValueError, "%s has shape (%d, %d), expected (%d, %d)",
                          accepted.names[k], h[k], w[k], h[0], w[0]);
  }
  PyObject *first = new_picture(h[0], w[0], 0, &erased);
  PyObject *second = first ? new_picture(h[0], w[0], 0, &writing) : NULL;
  if (!second) {
    Py_XDECREF(first);
    return NULL;
  }
  const od_filled_form form = {h[0], w[0], pictures[0], pictures[1], pictures[2], (int)slack};
  core_call call;
  od_image_workspace workspace = {.kernels = state_of_module(module)->kernels, .pool = &call.pool};
  for (int k = 0; k < 3; k++) Py_INCREF(values[k]);
  core_call_begin(&call, NULL, true);
  od_status status = od_erase_print(&workspace, &form, erased, writing, &error);
  od_image_workspace_release(&workspace);
  status = core_call_end(&call, status);
  for (int k = 0; k < 3; k++) Py_DECREF(values[k]);
  if (!status) return Py_BuildValue("NN", first, second);
  Py_DECREF(first);
  Py_DECREF(second);
  return raise_status(status, &error);
}
