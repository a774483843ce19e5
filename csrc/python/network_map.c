/* The map of a picture of any size. */
#include "arguments.h"
#include "convert.h"
#include "core_call.h"
#include "errors.h"
#include "fields.h"
#include "network_methods.h"
#include "nn/map.h"

typedef enum map_output { SCORES, PROBABILITIES, BYTES, LABELS } map_output;

static const field_choices outputs = {4,
                                      {[SCORES] = "scores",
                                       [PROBABILITIES] = "probabilities",
                                       [BYTES] = "bytes",
                                       [LABELS] = "labels"}};

static bool read_picture(const od_network *network, PyObject *value, od_map_picture *picture) {
  const od_shape in = od_network_input(network);
  if (od_network_output(network).h == 1) {
    PyErr_SetString(PyExc_ValueError,
                    "predict_map: the network has no map as output, expected a fully convolutional "
                    "one");
    return false;
  }
  if (!convert_picture(value, "picture", in.c > 1 ? in.c : 0, &picture->h, &picture->w,
                       &picture->pixels) ||
      !sides_are_allowed("picture", picture->h, picture->w))
    return false;
  picture->pitch = (size_t)picture->w * (size_t)in.c;
  return true;
}

/* A new array (h', w', classes) or (h', w'), and its place in the picture. */
static PyObject *new_map(od_shape map, map_output output, od_map_picture *picture) {
  const int shape[3] = {map.h, map.w, map.c};
  switch (output) {
    case SCORES:
      return new_floats(3, shape, &picture->scores);
    case PROBABILITIES:
      return new_floats(3, shape, &picture->probabilities);
    case BYTES:
      return new_picture(map.h, map.w, map.c, &picture->bytes);
    case LABELS:
      return new_bytes(map.h, map.w, &picture->labels);
  }
  Py_UNREACHABLE();
}

static PyObject *run(PyObject *network, od_map_picture *picture, map_output output) {
  network_lease lease;
  if (!network_lease_take(network, 2, &lease)) return NULL;
  const od_model *model = lease.shared->model;
  const od_shape map = od_model_map_shape(model, picture->h, picture->w);
  PyObject *result = NULL;
  if (map.h && map.w)
    result = new_map(map, output, picture);
  else
    PyErr_Format(PyExc_ValueError, "picture: got (%d, %d), too small for the network", picture->h,
                 picture->w);
  if (result) {
    core_call call;
    core_call_begin(&call, lease.pool, false);
    const od_status status = od_model_run_map(model, lease.workspace, &call.pool, picture);
    if (core_call_end(&call, status) != OD_OK) Py_CLEAR(result);
  }
  network_lease_release(&lease);
  return result;
}

PyObject *network_predict_map(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords) {
  static const signature accepted = {"predict_map", 3, 2, 2, {"picture", "scale", "output"}};
  const network_object *self = (const network_object *)object;
  PyObject *values[3];
  od_map_picture picture = {0};
  int output = PROBABILITIES;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !convert_real(values[1], "scale", &picture.scale) ||
      (values[2] && (output = choice_read(&outputs, values[2], "output")) < 0) ||
      !read_picture(self->network, values[0], &picture))
    return NULL;
  PyObject *kept = Py_NewRef(values[0]);
  PyObject *result = run(object, &picture, (map_output)output);
  Py_DECREF(kept);
  return result;
}
