#include "image_arguments.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "core_call.h"
#include "errors.h"
#include "image/limits.h"
#include "module.h"
#include "runtime.h"

bool read_picture(PyObject *value, const char *name, picture_view *picture) {
  if (!convert_picture_view(value, name, picture)) return false;
  if (sides_are_allowed(name, picture->first.h, picture->first.w)) return true;
  picture_view_release(picture);
  return false;
}

bool read_gray(PyObject *value, const char *name, picture_view *picture) {
  if (!read_picture(value, name, picture)) return false;
  if (picture->channels == 0) return true;
  PyErr_Format(PyExc_ValueError, "%s: got %d channels, expected an array (h, w)", name,
               picture->channels);
  picture_view_release(picture);
  return false;
}

bool read_byte(PyObject *value, const char *name, uint8_t *byte) {
  long long number;
  if (!convert_int(value, name, 0, 255, &number)) return false;
  *byte = (uint8_t)number;
  return true;
}

bool read_int(PyObject *value, const char *name, int *result) {
  long long number;
  if (!convert_int(value, name, INT_MIN, INT_MAX, &number)) return false;
  *result = (int)number;
  return true;
}

bool read_choice(PyObject *value, const char *name, const char *const *choices, int *choice) {
  char all[96] = "";
  for (*choice = 0; PyUnicode_Check(value) && choices[*choice]; ++*choice)
    if (PyUnicode_CompareWithASCIIString(value, choices[*choice]) == 0) return true;
  for (size_t i = 0, end = 0; choices[i] && end < sizeof all; i++)
    end += (size_t)snprintf(all + end, sizeof all - end, "%s'%s'", i ? ", " : "", choices[i]);
  PyErr_Format(PyUnicode_Check(value) ? PyExc_ValueError : PyExc_TypeError,
               "%s: got %.100R, expected one of %s", name, value, all);
  return false;
}

bool read_level(PyObject *value, const char *name, uint8_t *level) {
  double number;
  if (!convert_real(value, name, &number)) return false;
  *level = (uint8_t)lrint(fmin(fmax(number, 0), 255));
  return true;
}

bool read_pair(PyObject *value, const char *name, long long low, long long high, int pair[2]) {
  const bool sequence = PyTuple_Check(value) || PyList_Check(value);
  PyObject *items = sequence ? PySequence_Tuple(value) : NULL; /* not shared, unlike a list */
  if (sequence && !items) return false;
  bool read = items && PyTuple_GET_SIZE(items) == 2;
  if (!read) PyErr_Format(PyExc_TypeError, "%s: got %.100R, expected two integers", name, value);
  for (int k = 0; read && k < 2; k++) {
    long long number = 0;
    read = convert_int(PyTuple_GET_ITEM(items, k), name, low, high, &number);
    pair[k] = (int)number;
  }
  Py_XDECREF(items);
  return read;
}

bool read_size(PyObject *value, const char *name, int *h, int *w) {
  int sides[2];
  if (!read_pair(value, name, 1, OD_MAX_IMAGE_SIDE, sides)) return false;
  *w = sides[0];
  *h = sides[1];
  return true;
}

bool read_border(PyObject *value, od_border *border) {
  static const char *const names[] = {"constant", "replicate", "reflect", "reflect_101", NULL};
  int choice;
  if (!read_choice(value, "border", names, &choice)) return false;
  *border = (od_border)choice;
  return true;
}

PyObject *apply_operation(PyObject *module, picture_view *picture, int h, int w, operation *work,
                          const void *parameters) {
  const module_state *state = state_of_module(module);
  const int channels = picture->channels ? picture->channels : 1;
  od_error error;
  od_status status = OD_OK;
  uint8_t *pixels;
  PyObject *array = new_picture(h, w, picture->channels, &pixels);
  if (array) {
    shared_thread_pool *pool = runtime_pool(state_of_module(module));
    core_call call;
    od_image_workspace workspace = {.kernels = state->kernels, .pool = &call.pool};
    core_call_begin(&call, pool->pool, false);
    for (int k = 0; k < channels && status == OD_OK; k++) {
      od_view image = picture->first;
      image.pixels += k * picture->channel;
      const od_target result = {pixels + k, h, w, (ptrdiff_t)w * channels, channels};
      status = work(&workspace, &image, &result, parameters, &error);
    }
    od_image_workspace_release(&workspace);
    status = core_call_end(&call, status);
    shared_thread_pool_release(pool);
  }
  picture_view_release(picture);
  if (status == OD_OK) return array;
  Py_DECREF(array);
  return raise_status(status, &error);
}
