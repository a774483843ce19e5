#include "gradcam.h"

#include <limits.h>

#include "base/math.h"
#include "arguments.h"
#include "convert.h"
#include "errors.h"
#include "module.h"
#include "network_type.h"

/* The arguments of a call and the buffers of its results. */
typedef struct explain_call {
  image_view view;
  int digit; /* a class, or -1: that with the largest score of the first `classes` */
  int classes;
  int layer;       /* an index, or -1: the default layer */
  od_shape map;    /* (h, w, 1) */
  int64_t *digits; /* (n) */
  float *scores;   /* (n, classes) */
  float *maps;     /* (n, h, w) */
  float *cams;     /* (n, H, W) */
} explain_call;

/* An integer of 0 to high, or None for -1. */
static bool read_choice(PyObject *value, const char *name, int high, int *choice) {
  long long read = -1;
  bool none = !value || value == Py_None;
  if (!none && !convert_int(value, name, 0, high, &read)) return false;
  *choice = (int)read;
  return true;
}

/* A number of classes, or all of them. */
static bool read_classes(PyObject *value, int all, int *classes) {
  long long read = all;
  if (value && !convert_int(value, "classes", 1, all, &read)) return false;
  *classes = (int)read;
  return true;
}

static bool read_call(const network_object *self, PyObject *const *arguments, Py_ssize_t count,
                      PyObject *keywords, explain_call *call) {
  static const signature accepted = {
      "explain", 5, 2, 2, {"images", "scale", "digit", "layer", "classes"}};
  PyObject *values[5];
  double scale;
  const od_network *network = self->network;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !convert_real(values[1], "scale", &scale) ||
      !read_choice(values[2], "digit", od_network_classes(network) - 1, &call->digit) ||
      !read_choice(values[3], "layer", od_network_layer_count(network) - 1, &call->layer) ||
      !read_classes(values[4], od_network_classes(network), &call->classes) ||
      !convert_images(values[0], "images", od_shape_size(od_network_input(network)), scale,
                      &call->view))
    return false;
  if (call->layer < 0) call->layer = od_gradcam_default_layer(network);
  if (call->layer < 0) PyErr_SetString(PyExc_ValueError, "layer: the network has no convolution");
  return call->layer >= 0;
}

/* Creates the Grad-CAM of a layer for the present values. With the lock held. */
static od_status prepare(network_object *self, const od_kernels *kernels, int layer,
                         od_error *error) {
  if (self->gradcam && self->gradcam_layer == layer) return OD_OK;
  od_gradcam *fresh;
  od_status status = od_gradcam_create(self->network, kernels, layer, &fresh, error);
  if (status != OD_OK) return status;
  od_gradcam_destroy(self->gradcam);
  self->gradcam = fresh;
  self->gradcam_layer = layer;
  return OD_OK;
}

/* Explain the images first .. end - 1. */
static void run(od_gradcam *gradcam, const od_network *network, const explain_call *call,
                size_t first, size_t end) {
  const od_images *images = &call->view.images;
  size_t classes = (size_t)od_network_classes(network), map = od_shape_size(call->map);
  size_t cam = (size_t)od_network_input(network).h * (size_t)od_network_input(network).w;
  for (size_t i = first; i < end; i++) {
    float *scores = call->scores + i * classes;
    od_gradcam_forward(gradcam, images, i, scores);
    call->digits[i] =
        call->digit >= 0 ? call->digit : (int64_t)od_argmax((size_t)call->classes, scores);
    od_gradcam_map(gradcam, (int)call->digits[i], call->maps + i * map);
    od_gradcam_upsample(gradcam, call->maps + i * map, call->cams + i * cam);
  }
}

/* New arrays for all results, as a tuple. */
static PyObject *new_answers(const od_network *network, explain_call *call) {
  od_shape input = od_network_input(network), map = od_network_shape_after(network, call->layer);
  size_t count = call->view.images.count;
  if (count > INT_MAX) {
    PyErr_Format(PyExc_ValueError, "images: got %zu, expected at most %d", count, INT_MAX);
    return NULL;
  }
  call->map = (od_shape){map.h, map.w, 1};
  int map_shape[] = {(int)count, map.h, map.w}, cam_shape[] = {(int)count, input.h, input.w};
  PyObject *digits = new_integers(count, &call->digits);
  PyObject *scores = new_float_rows(count, od_network_classes(network), &call->scores);
  PyObject *maps = new_floats(3, map_shape, &call->maps);
  PyObject *cams = new_floats(3, cam_shape, &call->cams);
  /* "N" takes the references over, and fails if an array is NULL. */
  return Py_BuildValue("(NNNNi)", digits, scores, maps, cams, call->layer);
}

/* Explain a few images, with the lock. */
static bool fill_part(network_object *self, const explain_call *call, size_t first, size_t end) {
  const od_kernels *kernels = state_of((PyObject *)self)->kernels;
  od_error error;
  od_status status;
  object_lock_acquire(&self->lock);
  Py_BEGIN_ALLOW_THREADS
  status = prepare(self, kernels, call->layer, &error);
  if (status == OD_OK) run(self->gradcam, self->network, call, first, end);
  Py_END_ALLOW_THREADS
  object_lock_release(&self->lock);
  if (status != OD_OK) raise_status(status, &error);
  return status == OD_OK;
}

/* Between two parts signal handlers run, which may use the network. */
static bool fill_answers(network_object *self, const explain_call *call) {
  enum { PART = 32 };
  const size_t count = call->view.images.count;
  for (size_t first = 0; first < count; first += PART)
    if (!fill_part(self, call, first, od_min_size(first + PART, count)) || PyErr_CheckSignals() < 0)
      return false;
  return true;
}

PyObject *network_explain(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                          PyObject *keywords) {
  network_object *self = (network_object *)object;
  explain_call call = {0};
  bool read = read_call(self, arguments, count, keywords, &call);
  PyObject *answers = read ? new_answers(self->network, &call) : NULL;
  if (answers && !fill_answers(self, &call)) Py_CLEAR(answers);
  image_view_release(&call.view);
  return answers;
}
