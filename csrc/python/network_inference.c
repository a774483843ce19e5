/* What a network says of images: classes, probabilities, scores, and what a layer gives. */
#include <string.h>

#include "arguments.h"
#include "convert.h"
#include "errors.h"
#include "network_methods.h"
#include "ready.h"
#include "runtime.h"

/* So many single images in a row keep the GIL; and class scores that fit on the stack. */
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

/* Makes the inference fit the pool and the numbers of now. With the lock held. */
static od_status prepare_inference(network_object *self, const od_kernels *kernels, int threads,
                                   od_error *error) {
  if (self->inference_stale) {
    od_gradcam_destroy(self->gradcam);
    self->gradcam = NULL;
  }
  if (self->inference && self->inference_threads >= threads) {
    od_status refreshed = OD_OK;
    if (self->inference_stale)
      refreshed = od_inference_refresh(self->inference, self->network, error);
    self->inference_stale = refreshed != OD_OK;
    return refreshed;
  }
  od_inference *fresh;
  od_status status =
      od_inference_create(self->network, kernels, self->precision, threads, &fresh, error);
  if (status != OD_OK) return status;
  od_inference_destroy(self->inference);
  self->inference = fresh;
  self->inference_threads = threads;
  self->inference_stale = false;
  return OD_OK;
}

/* Whether a run keeps the GIL. One small image does: who lets go of it while another thread
 * computes waits for it a hundred times longer than the work takes. But Python's own switching
 * and its signals need Python code between two calls, which map() does not run, so now and
 * then they have their chance here. With the lock held. */
static bool keeps_gil(network_object *self, const od_images *images) {
  return images->count == 1 && self->small && ++self->gil_turn % GIL_TURN != 0;
}

/* scores (images->count, columns, classes); false with an exception set. */
static bool run_inference(network_object *self, const od_images *images, bool softmax,
                          float *scores) {
  module_state *state = state_of((PyObject *)self);
  shared_thread_pool *pool = images->count > 1 ? runtime_pool(state) : NULL;
  od_thread_pool *workers = pool ? pool->pool : NULL;
  od_error error;
  object_lock_acquire(&self->lock);
  od_status status = prepare_inference(self, state->kernels, od_thread_pool_threads(workers), &error);
  bool keep = status == OD_OK && keeps_gil(self, images);
  if (keep) {
    od_inference_run(self->inference, workers, images, softmax, scores);
  } else if (status == OD_OK) {
    Py_BEGIN_ALLOW_THREADS
    od_inference_run(self->inference, workers, images, softmax, scores);
    Py_END_ALLOW_THREADS
  }
  object_lock_release(&self->lock);
  shared_thread_pool_release(pool);
  if (status != OD_OK) raise_status(status, &error);
  return status == OD_OK && (keep || PyErr_CheckSignals() == 0);
}

PyObject *network_calibrate(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                            PyObject *keywords) {
  network_object *self = (network_object *)object;
  module_state *state = state_of(object);
  image_view view;
  if (!read_batch(self, "calibrate", arguments, count, keywords, &view)) return NULL;
  shared_thread_pool *pool = runtime_pool(state);
  od_error error;
  od_status status;
  object_lock_acquire(&self->lock);
  Py_BEGIN_ALLOW_THREADS
  status = od_inference_calibrate(self->network, state->kernels, pool->pool, &view.images, &error);
  Py_END_ALLOW_THREADS
  self->inference_stale = true;
  object_lock_release(&self->lock);
  shared_thread_pool_release(pool);
  image_view_release(&view);
  if (status != OD_OK) return raise_status(status, &error);
  Py_RETURN_NONE;
}

bool network_use(int count, PyObject *const *networks, network_user *use, void *context) {
  module_state *state = state_of(networks[0]);
  shared_thread_pool *pool = runtime_pool(state);
  od_inference *inferences[2];
  od_error error;
  od_status status = OD_OK;
  for (int i = 0; i < count; i++) object_lock_acquire(&((network_object *)networks[i])->lock);
  for (int i = 0; i < count && status == OD_OK; i++) {
    network_object *self = (network_object *)networks[i];
    status = prepare_inference(self, state->kernels, od_thread_pool_threads(pool->pool), &error);
    inferences[i] = self->inference;
  }
  if (status == OD_OK) {
    Py_BEGIN_ALLOW_THREADS
    status = use(context, inferences, pool->pool, &error);
    Py_END_ALLOW_THREADS
  }
  for (int i = 0; i < count; i++) object_lock_release(&((network_object *)networks[i])->lock);
  shared_thread_pool_release(pool);
  if (status != OD_OK) raise_status(status, &error);
  return status == OD_OK;
}

/* (n, classes), or (classes) for a single image that is no batch; of lines (n, columns,
 * classes). */
static PyObject *new_scores(network_object *self, const image_view *view, bool single,
                            bool softmax) {
  float *scores;
  int classes = od_network_classes(self->network);
  const int columns = od_network_columns(self->network);
  PyObject *result;
  if (columns > 1)
    result = new_float_blocks(view->images.count, columns, classes, &scores);
  else if (single)
    result = new_floats(1, &classes, &scores);
  else
    result = new_float_rows(view->images.count, classes, &scores);
  if (result && !run_inference(self, &view->images, softmax, scores)) Py_CLEAR(result);
  return result;
}

/* The scores, or probabilities, of the method `function`. */
static PyObject *answer_batch(PyObject *object, const char *function, PyObject *const *arguments,
                              Py_ssize_t count, PyObject *keywords, bool softmax) {
  network_object *self = (network_object *)object;
  image_view view;
  if (!read_batch(self, function, arguments, count, keywords, &view)) return NULL;
  PyObject *result = new_scores(self, &view, false, softmax);
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

/* The output of a layer for every image, values (count, size): from a network that ends with
 * it. With the lock held, and without the GIL. */
static od_status run_until(const network_object *self, const od_kernels *kernels, int layer,
                           od_thread_pool *pool, const od_images *images, float *values, od_error *error) {
  od_network *part;
  od_inference *inference = NULL;
  od_status status = od_network_create_until(self->network, layer, &part, error);
  if (!status)
    status =
        od_inference_create(part, kernels, OD_FLOAT32, od_thread_pool_threads(pool), &inference, error);
  if (!status) od_inference_run(inference, pool, images, false, values);
  od_inference_destroy(inference);
  od_network_destroy(part);
  return status;
}

PyObject *network_layer_output(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                               PyObject *keywords) {
  static const signature accepted = {"layer_output", 3, 3, 3, {"images", "scale", "layer"}};
  network_object *self = (network_object *)object;
  module_state *state = state_of(object);
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
    shared_thread_pool *pool = runtime_pool(state);
    od_error error;
    od_status status;
    object_lock_acquire(&self->lock);
    Py_BEGIN_ALLOW_THREADS
    status = run_until(self, state->kernels, (int)layer, pool->pool, &view.images, values, &error);
    Py_END_ALLOW_THREADS
    object_lock_release(&self->lock);
    shared_thread_pool_release(pool);
    if (status != OD_OK) {
      Py_CLEAR(result);
      raise_status(status, &error);
    }
  }
  image_view_release(&view);
  return result;
}

/* The index of the first largest of every row of scores (rows, columns). */
static void find_largest(size_t rows, size_t columns, const float *scores, int64_t *largest) {
  for (size_t i = 0; i < rows; i++, scores += columns) {
    size_t best = 0;
    for (size_t j = 1; j < columns; j++)
      if (scores[j] > scores[best]) best = j;
    largest[i] = (int64_t)best;
  }
}

/* digits (images->count, columns); false with an exception set. */
static bool find_digits(network_object *self, const od_images *images, int64_t *digits) {
  const size_t columns = (size_t)od_network_classes(self->network);
  const size_t rows = images->count * (size_t)od_network_columns(self->network);
  float few[STACK_SCORES], *many = NULL, *scores = few;
  if (rows * columns > STACK_SCORES) {
    scores = many = od_allocate(rows * columns, sizeof *many);
    if (!many) {
      PyErr_NoMemory();
      return false;
    }
  }
  bool run = run_inference(self, images, false, scores);
  if (run) find_largest(rows, columns, scores, digits);
  od_release(many);
  return run;
}

static PyObject *new_digits(network_object *self, const image_view *view) {
  int64_t *digits;
  const int columns = od_network_columns(self->network);
  PyObject *result = columns > 1 ? new_integer_rows(view->images.count, columns, &digits)
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

/* ---- images that are ready ---- */

static bool read_ready(network_object *self, PyObject *value, image_view *view, bool *single) {
  if (!ready_images(value, view, single)) return false;
  if (view->images.size == od_shape_size(od_network_input(self->network)) &&
      od_network_columns(self->network) == 1)
    return true;
  image_view_release(view);
  return false;
}

/* The digit of one image, or its probabilities, if the largest is at least self->sure; else None,
 * as of a batch: what is not sure is for someone else. */
static PyObject *sure_answer(network_object *self, const image_view *view, bool single,
                             bool probabilities) {
  const int classes = od_network_classes(self->network);
  float found[STACK_SCORES], *copy;
  int64_t digit;
  if (!single || classes > STACK_SCORES) Py_RETURN_NONE;
  if (!run_inference(self, &view->images, true, found)) return NULL;
  find_largest(1, (size_t)classes, found, &digit);
  if ((double)found[digit] < self->sure) Py_RETURN_NONE;
  if (!probabilities) return PyLong_FromLongLong(digit);
  PyObject *result = new_floats(1, &classes, &copy);
  if (result) memcpy(copy, found, (size_t)classes * sizeof *copy);
  return result;
}

static PyObject *ready_digits(network_object *self, const image_view *view, bool single) {
  int64_t digit;
  if (!single) return new_digits(self, view);
  return find_digits(self, &view->images, &digit) ? PyLong_FromLongLong(digit) : NULL;
}

static PyObject *answer_ready(PyObject *object, PyObject *value, bool probabilities) {
  network_object *self = (network_object *)object;
  image_view view;
  bool single;
  PyObject *result;
  if (!read_ready(self, value, &view, &single)) Py_RETURN_NONE;
  if (self->sure > 0)
    result = sure_answer(self, &view, single, probabilities);
  else if (probabilities)
    result = new_scores(self, &view, single, true);
  else
    result = ready_digits(self, &view, single);
  image_view_release(&view);
  return result;
}

PyObject *network_predict_ready(PyObject *object, PyObject *value) {
  return answer_ready(object, value, false);
}

PyObject *network_predict_proba_ready(PyObject *object, PyObject *value) {
  return answer_ready(object, value, true);
}
