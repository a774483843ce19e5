/* The loss of a network for images with their labels, and its gradient. */
#include "arguments.h"
#include "convert.h"
#include "core_call.h"
#include "errors.h"
#include "network_methods.h"
#include "nn/gradient.h"
#include "nn/ctc.h"
#include "runtime.h"

typedef struct gradient_call {
  image_view view;
  uint8_t *labels;
  size_t length; /* of a line's labels */
  double label_smoothing;
  uint64_t seed;
  const od_kernels *kernels;
  od_real *values; /* (total size): the gradient, then the unchanged statistics */
  od_loss loss;
} gradient_call;

static bool read_gradient_call(network_object *self, PyObject *const *arguments, Py_ssize_t count,
                               PyObject *keywords, gradient_call *call) {
  static const signature accepted = {
      "gradient", 5, 3, 3, {"images", "labels", "scale", "label_smoothing", "seed"}};
  PyObject *values[5];
  double scale;
  const od_network *network = self->network;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !convert_real(values[2], "scale", &scale) ||
      (values[3] && !convert_real(values[3], "label_smoothing", &call->label_smoothing)) ||
      (values[4] && !convert_seed(values[4], "seed", &call->seed)))
    return false;
  if (call->label_smoothing < 0 || call->label_smoothing >= 1) {
    PyErr_Format(PyExc_ValueError, "label_smoothing: got %R, expected 0 <= label_smoothing < 1",
                 values[3]);
    return false;
  }
  return convert_images(values[0], "images", od_shape_size(od_network_input(network)), scale,
                        &call->view) &&
         network_labels(network, values[1], "labels", call->view.images.count, &call->labels,
                        &call->length);
}

bool network_labels(const od_network *network, PyObject *value, const char *name, size_t count,
                    uint8_t **labels, size_t *length) {
  const int steps = od_network_sequence_length(network), classes = od_network_classes(network);
  const od_shape output = od_network_output(network);
  *length = 1;
  if (output.h > 1) return convert_map_labels(value, name, count, output, labels);
  if (steps == 1) return convert_labels(value, name, count, classes, labels);
  if (!convert_line_labels(value, name, count, steps, classes, labels, length)) return false;
  for (size_t i = 0; i < count; i++) {
    const size_t wanted = od_ctc_min_steps(*labels + i * *length, *length, classes - 1);
    if (wanted <= (size_t)steps) continue;
    PyErr_Format(PyExc_ValueError,
                 "%s: those at index %zu need %zu time steps, the network gives %d", name, i,
                 wanted, steps);
    PyMem_Free(*labels);
    *labels = NULL;
    return false;
  }
  return true;
}

static void load_image(void *context, int index, int Py_UNUSED(worker), od_real *pixels) {
  const gradient_call *call = context;
  od_images_load(&call->view.images, call->kernels, (size_t)index, pixels);
}

/* The loss and its gradient. */
static od_status run_gradient(od_network *network, od_thread_pool *pool, gradient_call *call,
                              od_error *error) {
  int count = (int)call->view.images.count;
  od_gradient *gradient;
  od_status status = od_gradient_create(network, call->kernels, OD_FLOAT32, count,
                                        od_thread_pool_threads(pool), &gradient, error);
  if (status != OD_OK) return status;
  od_batch batch = {.source = load_image,
                    .context = call,
                    .labels = call->labels,
                    .length = call->length,
                    .count = count,
                    .seed = call->seed};
  status =
      od_gradient_run(gradient, pool, &batch, call->label_smoothing, call->values, &call->loss);
  od_gradient_destroy(gradient);
  return status;
}

static bool run_gradient_call(network_object *self, gradient_call *call) {
  module_state *state = state_of((PyObject *)self);
  call->kernels = state->kernels;
  call->values = od_allocate(od_network_trainable_size(self->network), sizeof *call->values);
  if (!call->values) {
    PyErr_NoMemory();
    return false;
  }
  od_error error;
  od_network *twin;
  od_status status = network_twin(self, &twin, &error);
  if (status == OD_OK) {
    shared_thread_pool *pool = runtime_pool(state);
    core_call running;
    core_call_begin(&running, pool->pool, false);
    status = run_gradient(twin, &running.pool, call, &error);
    status = core_call_end(&running, status);
    shared_thread_pool_release(pool);
    od_network_destroy(twin);
  }
  if (status != OD_OK) raise_status(status, &error);
  return status == OD_OK;
}

static PyObject *gradient_result(network_object *self, const gradient_call *call) {
  PyObject *tensors = network_tensors(self->network, call->values, true, NULL);
  if (!tensors) return NULL;
  return Py_BuildValue("(dnN)", call->loss.loss, (Py_ssize_t)call->loss.correct, tensors);
}

PyObject *network_gradient(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                           PyObject *keywords) {
  network_object *self = (network_object *)object;
  gradient_call call = {0};
  bool done =
      read_gradient_call(self, arguments, count, keywords, &call) && run_gradient_call(self, &call);
  PyObject *result = done ? gradient_result(self, &call) : NULL;
  od_release(call.values);
  PyMem_Free(call.labels);
  image_view_release(&call.view);
  return result;
}
