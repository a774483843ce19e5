/* Running a network: classes, probabilities, scores, and the output of a layer. */
#include "arguments.h"
#include "convert.h"
#include "core_call.h"
#include "errors.h"
#include "base/math.h"
#include "network_methods.h"
#include "nn/calibration.h"
#include "runtime.h"

/* The GIL is released for one of so many single images; and scores that fit on the stack. */
enum { GIL_TURN = 100, STACK_SCORES = 1024 };

static bool read_batch(network_object *self, const char *function, PyObject *const *arguments,
                       Py_ssize_t count, PyObject *keywords, image_view *view) {
  const signature accepted = {function, 2, 2, 2, {"images", "scale"}};
  PyObject *values[2];
  double scale;
  size_t size = od_shape_size(od_network_input(self->network));
  return arguments_read(&accepted, arguments, count, keywords, values) &&
         convert_real(values[1], "scale", &scale) &&
         convert_images(values[0], "images", size, scale, view);
}

/* One small image keeps the GIL: a thread that releases it while another computes waits for it a
 * hundred times longer than the work takes. But Python's own switching and its signals need
 * Python code between two calls, which map() does not run, so every GIL_TURN images the GIL is
 * released here. With the lock held. */
static bool keeps_gil(network_object *self, size_t images) {
  return images == 1 && self->small && ++self->single_images % GIL_TURN != 0;
}

bool network_lease_take(PyObject *network, size_t images, network_lease *lease) {
  network_object *self = (network_object *)network;
  module_state *state = state_of(network);
  od_error error;
  od_status status = OD_OK;
  *lease = (network_lease){0};
  if (images > 1) {
    lease->shared_pool = runtime_pool(state);
    lease->pool = lease->shared_pool->pool;
  }
  object_lock_acquire(&self->lock);
  if (!self->model) {
    Py_BEGIN_ALLOW_THREADS
    status =
        shared_model_create(self->network, state->kernels, self->precision, &self->model, &error);
    Py_END_ALLOW_THREADS
  }
  if (status == OD_OK) {
    lease->shared = self->model;
    shared_model_retain(lease->shared);
    lease->keeps_gil = keeps_gil(self, images);
  }
  object_lock_release(&self->lock);
  if (status == OD_OK)
    status = shared_model_take_workspace(lease->shared, od_thread_pool_threads(lease->pool),
                                         &lease->workspace, &error);
  if (status == OD_OK) return true;
  network_lease_release(lease);
  raise_status(status, &error);
  return false;
}

void network_lease_release(network_lease *lease) {
  if (lease->workspace) shared_model_give_workspace(lease->shared, lease->workspace);
  shared_model_release(lease->shared);
  shared_thread_pool_release(lease->shared_pool);
  *lease = (network_lease){0};
}

/* scores (images->count, steps, classes); false with an exception set. */
static bool run_model(network_object *self, const od_images *images, bool softmax, float *scores) {
  network_lease lease;
  if (!network_lease_take((PyObject *)self, images->count, &lease)) return false;
  const od_model *model = lease.shared->model;
  od_status status;
  if (lease.keeps_gil) {
    status = od_model_run(model, lease.workspace, lease.pool, images, softmax, scores);
  } else {
    core_call call;
    core_call_begin(&call, lease.pool, false);
    status = od_model_run(model, lease.workspace, &call.pool, images, softmax, scores);
    status = core_call_end(&call, status);
  }
  network_lease_release(&lease);
  return status == OD_OK;
}

/* Sets the ranges of layers to those of a twin. */
static void take_ranges(network_object *self, const od_network *twin) {
  object_lock_acquire(&self->lock);
  copy_ranges(twin, self->network);
  network_values_changed(self);
  object_lock_release(&self->lock);
}

PyObject *network_calibrate(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                            PyObject *keywords) {
  network_object *self = (network_object *)object;
  module_state *state = state_of(object);
  image_view view;
  if (!read_batch(self, "calibrate", arguments, count, keywords, &view)) return NULL;
  od_error error;
  od_network *twin;
  od_status status = network_twin(self, &twin, &error);
  if (status == OD_OK) {
    shared_thread_pool *pool = runtime_pool(state);
    core_call call;
    core_call_begin(&call, pool->pool, false);
    status = od_network_calibrate(twin, state->kernels, &call.pool, &view.images, &error);
    status = core_call_end(&call, status);
    shared_thread_pool_release(pool);
  }
  if (status == OD_OK) take_ranges(self, twin);
  od_network_destroy(twin);
  image_view_release(&view);
  if (status != OD_OK) return raise_status(status, &error);
  Py_RETURN_NONE;
}

/* (n, classes); of sequences (n, steps, classes), of maps (n, h', w', classes). */
static PyObject *new_scores(network_object *self, const image_view *view, bool softmax) {
  float *scores;
  int classes = od_network_classes(self->network);
  const int steps = od_network_sequence_length(self->network);
  const od_shape out = od_network_output(self->network);
  PyObject *result;
  if (out.h > 1)
    result = new_float_maps(view->images.count, out.h, out.w, out.c, &scores);
  else if (steps > 1)
    result = new_float_blocks(view->images.count, steps, classes, &scores);
  else
    result = new_float_rows(view->images.count, classes, &scores);
  if (result && !run_model(self, &view->images, softmax, scores)) Py_CLEAR(result);
  return result;
}

/* The scores, or probabilities, of the method `function`. */
static PyObject *answer_batch(PyObject *object, const char *function, PyObject *const *arguments,
                              Py_ssize_t count, PyObject *keywords, bool softmax) {
  network_object *self = (network_object *)object;
  image_view view;
  if (!read_batch(self, function, arguments, count, keywords, &view)) return NULL;
  PyObject *result = new_scores(self, &view, softmax);
  image_view_release(&view);
  return result;
}

PyObject *network_predict_proba(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                                PyObject *keywords) {
  return answer_batch(object, "predict_proba", arguments, count, keywords, true);
}

PyObject *network_scores(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                         PyObject *keywords) {
  return answer_batch(object, "scores", arguments, count, keywords, false);
}

/* The output of the last layer of a network for every image, values (count, size). */
static od_status run_part(const od_network *part, const od_kernels *kernels, od_thread_pool *pool,
                          const od_images *images, float *values, od_error *error) {
  od_model *model;
  od_workspace *workspace = NULL;
  od_status status = od_model_create(part, kernels, OD_FLOAT32, &model, error);
  if (!status) status = od_workspace_create(model, od_thread_pool_threads(pool), &workspace, error);
  if (!status) status = od_model_run(model, workspace, pool, images, false, values);
  od_workspace_destroy(workspace);
  od_model_destroy(model);
  return status;
}

/* The output of a layer for every image, values (count, size): from a network that ends with
 * it. */
static od_status run_until(network_object *self, int layer, const od_images *images, float *values,
                           od_error *error) {
  module_state *state = state_of((PyObject *)self);
  od_network *part;
  object_lock_acquire(&self->lock);
  od_status status = od_network_create_until(self->network, layer, &part, error);
  object_lock_release(&self->lock);
  if (status) return status;
  shared_thread_pool *pool = runtime_pool(state);
  core_call call;
  core_call_begin(&call, pool->pool, false);
  status = run_part(part, state->kernels, &call.pool, images, values, error);
  status = core_call_end(&call, status);
  shared_thread_pool_release(pool);
  od_network_destroy(part);
  return status;
}

PyObject *network_layer_output(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                               PyObject *keywords) {
  static const signature accepted = {"layer_output", 3, 3, 3, {"images", "scale", "layer"}};
  network_object *self = (network_object *)object;
  PyObject *given[3];
  double scale;
  long long layer;
  image_view view;
  size_t size = od_shape_size(od_network_input(self->network));
  if (!arguments_read(&accepted, arguments, count, keywords, given) ||
      !convert_real(given[1], "scale", &scale) ||
      !convert_int(given[2], "layer", 0, od_network_layer_count(self->network) - 1, &layer) ||
      !convert_images(given[0], "images", size, scale, &view))
    return NULL;
  od_shape out = od_network_shape_after(self->network, (int)layer);
  int shape[4] = {(int)view.images.count, out.h, out.w, out.c};
  float *values;
  PyObject *result = new_floats(4, shape, &values);
  if (result) {
    od_error error;
    const od_status status = run_until(self, (int)layer, &view.images, values, &error);
    if (status != OD_OK) {
      Py_CLEAR(result);
      raise_status(status, &error);
    }
  }
  image_view_release(&view);
  return result;
}

/* digits (images->count, positions of the scores); false with an exception set. */
static bool find_digits(network_object *self, const od_images *images, int64_t *digits) {
  const od_shape out = od_network_output(self->network);
  const size_t classes = (size_t)out.c, rows = images->count * (size_t)out.h * (size_t)out.w;
  float few[STACK_SCORES], *many = NULL, *scores = few;
  if (rows > STACK_SCORES / classes) {
    scores = many = od_allocate(rows, classes * sizeof *many);
    if (!many) {
      PyErr_NoMemory();
      return false;
    }
  }
  bool run = run_model(self, images, false, scores);
  for (size_t i = 0; run && i < rows; i++)
    digits[i] = (int64_t)od_argmax(classes, scores + i * classes);
  od_release(many);
  return run;
}

static PyObject *new_digits(network_object *self, const image_view *view) {
  int64_t *digits;
  const int steps = od_network_sequence_length(self->network);
  const od_shape out = od_network_output(self->network);
  PyObject *result = out.h > 1   ? new_integer_maps(view->images.count, out.h, out.w, &digits)
                     : steps > 1 ? new_integer_rows(view->images.count, steps, &digits)
                                 : new_integers(view->images.count, &digits);
  if (result && !find_digits(self, &view->images, digits)) Py_CLEAR(result);
  return result;
}

PyObject *network_predict(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                          PyObject *keywords) {
  network_object *self = (network_object *)object;
  image_view view;
  if (!read_batch(self, "predict", arguments, count, keywords, &view)) return NULL;
  PyObject *result = new_digits(self, &view);
  image_view_release(&view);
  return result;
}
