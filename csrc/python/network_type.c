#include "network_type.h"

#include <string.h>

#include "arguments.h"
#include "convert.h"
#include "errors.h"
#include "explaining.h"
#include "layers.h"
#include "nn/gradient.h"
#include "nn/line.h"
#include "precision.h"
#include "ready.h"
#include "runtime.h"

_Static_assert(sizeof(od_real) == sizeof(float), "arrays of od_real are float32 arrays");

/* Multiply-adds below which one image keeps the GIL, so many times in a row; and class
 * scores that fit on the stack. */
enum { SMALL_WORK = 8 * 1000 * 1000, GIL_TURN = 100, STACK_SCORES = 1024 };

/* ---- life ---- */

static bool is_small(const od_network *network) {
  size_t work = 0;
  for (int t = 0; t < od_network_tensor_count(network); t++) {
    const od_tensor *tensor = od_network_tensor(network, t);
    od_shape out = od_network_shape_after(network, tensor->layer);
    work += tensor->size * (size_t)out.h * (size_t)out.w;
  }
  return work + od_shape_size(od_network_input(network)) < SMALL_WORK;
}

/* A new object that owns `network`, in any case. */
static PyObject *wrap(PyTypeObject *type, od_network *network) {
  network_object *self = (network_object *)type->tp_alloc(type, 0);
  if (!self) {
    od_network_destroy(network);
    return NULL;
  }
  self->network = network;
  self->small = is_small(network);
  module_state *state = PyType_GetModuleState(type);
  if (!object_lock_create(&self->lock, &state->forks)) Py_CLEAR(self);
  return (PyObject *)self;
}

static bool read_input_shape(PyObject *value, od_shape *shape) {
  int *sides[] = {&shape->h, &shape->w, &shape->c};
  bool sequence = PyTuple_Check(value) || PyList_Check(value);
  PyObject *tuple = sequence ? PySequence_Tuple(value) : NULL;
  if (sequence && !tuple) return false;
  bool read = tuple && PyTuple_GET_SIZE(tuple) == 3;
  if (!read)
    PyErr_Format(sequence ? PyExc_ValueError : PyExc_TypeError,
                 "input_shape: got %.100R, expected a tuple (height, width, channels)", value);
  for (int i = 0; read && i < 3; i++) {
    long long side;
    read = convert_int(PyTuple_GET_ITEM(tuple, i), "input_shape", 1, OD_MAX_DIMENSION, &side);
    if (read) *sides[i] = (int)side;
  }
  Py_XDECREF(tuple);
  return read;
}

static PyObject *network_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
  static char *names[] = {"layers", "input_shape", "seed", NULL};
  PyObject *list, *input_shape = NULL, *seed_value = NULL;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|O$O:Network", names, &list, &input_shape,
                                   &seed_value))
    return NULL;
  od_layer layers[OD_MAX_LAYERS];
  int count;
  od_shape input = {28, 28, 1};
  uint64_t seed = 0;
  if (!layers_read(list, layers, &count) ||
      (input_shape && !read_input_shape(input_shape, &input)) ||
      (seed_value && !convert_seed(seed_value, "seed", &seed)))
    return NULL;
  od_network *network;
  od_error error;
  od_status status = od_network_create(input, layers, count, &network, &error);
  if (status != OD_OK) return raise_status(status, &error);
  od_network_initialize(network, seed);
  return wrap(type, network);
}

void network_forget(network_object *self) {
  od_inference_destroy(self->inference);
  od_gradcam_destroy(self->gradcam);
  self->inference = NULL;
  self->gradcam = NULL;
  self->inference_stale = false;
}

static void network_dealloc(PyObject *object) {
  network_object *self = (network_object *)object;
  PyTypeObject *type = Py_TYPE(object);
  network_forget(self);
  od_network_destroy(self->network);
  object_lock_destroy(&self->lock);
  type->tp_free(object);
  Py_DECREF(type);
}

static PyObject *network_copy(PyObject *object, PyObject *Py_UNUSED(unused)) {
  network_object *self = (network_object *)object;
  od_layer layers[OD_MAX_LAYERS];
  int count = od_network_layer_count(self->network);
  for (int i = 0; i < count; i++) layers[i] = *od_network_layer(self->network, i);
  od_network *twin;
  od_error error;
  od_status status =
      od_network_create(od_network_input(self->network), layers, count, &twin, &error);
  if (status != OD_OK) return raise_status(status, &error);
  object_lock_acquire(&self->lock);
  memcpy(od_network_values(twin), od_network_values(self->network),
         od_network_total_size(twin) * sizeof(od_real));
  for (int i = 0; i < count; i++) {
    double low, high;
    if (od_network_range(self->network, i, &low, &high)) od_network_set_range(twin, i, low, high);
  }
  od_precision precision = self->precision;
  object_lock_release(&self->lock);
  PyObject *copy = wrap(Py_TYPE(object), twin);
  if (copy) {
    ((network_object *)copy)->precision = precision;
    ((network_object *)copy)->sure = self->sure;
  }
  return copy;
}

/* ---- what it is ---- */

static PyObject *get_layers(PyObject *object, void *Py_UNUSED(closure)) {
  const od_network *network = ((network_object *)object)->network;
  int count = od_network_layer_count(network);
  PyObject *list = PyList_New(count);
  for (int i = 0; list && i < count; i++) {
    PyObject *layer = layer_write(od_network_layer(network, i));
    if (layer)
      PyList_SET_ITEM(list, i, layer);
    else
      Py_CLEAR(list);
  }
  return list;
}

static PyObject *get_input_shape(PyObject *object, void *Py_UNUSED(closure)) {
  od_shape shape = od_network_input(((network_object *)object)->network);
  return Py_BuildValue("(iii)", shape.h, shape.w, shape.c);
}

static PyObject *get_classes(PyObject *object, void *Py_UNUSED(closure)) {
  return PyLong_FromLong(od_network_classes(((network_object *)object)->network));
}

static PyObject *get_columns(PyObject *object, void *Py_UNUSED(closure)) {
  return PyLong_FromLong(od_network_columns(((network_object *)object)->network));
}

static PyObject *get_parameter_count(PyObject *object, void *Py_UNUSED(closure)) {
  return PyLong_FromSize_t(od_network_trainable_size(((network_object *)object)->network));
}

/* Whether the output of a layer is a plain vector, given whether its input is. */
static bool gives_vector(od_layer_kind kind, bool takes_vector) {
  if (kind == OD_CONV2D || kind == OD_MAX_POOL2D || kind == OD_COLUMNS) return false;
  if (kind == OD_DENSE || kind == OD_FLATTEN || kind == OD_GLOBAL_AVERAGE_POOL2D) return true;
  return takes_vector;
}

static PyObject *describe_layer(const od_network *network, int index, bool vector) {
  size_t parameters = 0;
  for (int t = 0; t < od_network_tensor_count(network); t++) {
    const od_tensor *tensor = od_network_tensor(network, t);
    if (tensor->layer == index) parameters += tensor->size;
  }
  od_shape out = od_network_shape_after(network, index);
  PyObject *shape =
      vector ? Py_BuildValue("(i)", out.c) : Py_BuildValue("(iii)", out.h, out.w, out.c);
  return Py_BuildValue("{s:s,s:s,s:N,s:n}", "name", od_network_layer_name(network, index), "type",
                       od_layer_kind_name(od_network_layer(network, index)->kind), "output_shape",
                       shape, "parameters", (Py_ssize_t)parameters);
}

static PyObject *network_describe(PyObject *object, PyObject *Py_UNUSED(unused)) {
  const od_network *network = ((network_object *)object)->network;
  int count = od_network_layer_count(network);
  PyObject *list = PyList_New(count);
  bool vector = false;
  for (int i = 0; list && i < count; i++) {
    vector = gives_vector(od_network_layer(network, i)->kind, vector);
    PyObject *layer = describe_layer(network, i, vector);
    if (layer)
      PyList_SET_ITEM(list, i, layer);
    else
      Py_CLEAR(list);
  }
  return list;
}

/* ---- its numbers ---- */

/* Takes the lock to change the numbers; false, without the lock, while a trainer runs. */
static bool acquire_to_change(network_object *self) {
  object_lock_acquire(&self->lock);
  if (!self->training) return true;
  object_lock_release(&self->lock);
  PyErr_SetString(PyExc_RuntimeError,
                  "the network is being trained: its weights can be changed when the run is over");
  return false;
}

static PyObject *network_initialize(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                                    PyObject *keywords) {
  static const signature accepted = {"initialize", 1, 1, 1, {"seed"}};
  network_object *self = (network_object *)object;
  PyObject *value;
  uint64_t seed;
  if (!arguments_read(&accepted, arguments, count, keywords, &value) ||
      !convert_seed(value, "seed", &seed) || !acquire_to_change(self))
    return NULL;
  od_network_initialize(self->network, seed);
  self->inference_stale = true;
  object_lock_release(&self->lock);
  Py_RETURN_NONE;
}

/* A dict of new arrays for all tensors, or the trainable ones, by name; and where
 * their numbers are, by tensor number (NULL where there is no array). */
static PyObject *new_tensors(const od_network *network, bool only_trainable, float **numbers) {
  PyObject *dict = PyDict_New();
  for (int t = 0; dict && t < od_network_tensor_count(network); t++) {
    const od_tensor *tensor = od_network_tensor(network, t);
    numbers[t] = NULL;
    if (only_trainable && !tensor->trainable) continue;
    PyObject *array = new_floats(tensor->rank, tensor->shape, &numbers[t]);
    if (!array || PyDict_SetItemString(dict, tensor->name, array) < 0) Py_CLEAR(dict);
    Py_XDECREF(array);
  }
  return dict;
}

/* Copies the tensors that have an array; `values` is laid out as the network's block. */
static void copy_tensors(const od_network *network, const od_real *values, float *const *numbers) {
  const od_real *block = od_network_values_const(network);
  for (int t = 0; t < od_network_tensor_count(network); t++) {
    const od_tensor *tensor = od_network_tensor(network, t);
    if (numbers[t])
      memcpy(numbers[t], values + (tensor->data - block), tensor->size * sizeof *values);
  }
}

static void *new_pointers(const od_network *network) {
  void *pointers = PyMem_Calloc((size_t)od_network_tensor_count(network), sizeof(void *));
  if (!pointers) PyErr_NoMemory();
  return pointers;
}

static PyObject *network_weights(PyObject *object, PyObject *Py_UNUSED(unused)) {
  network_object *self = (network_object *)object;
  float **numbers = new_pointers(self->network);
  PyObject *dict = numbers ? new_tensors(self->network, false, numbers) : NULL;
  if (dict) {
    object_lock_acquire(&self->lock);
    copy_tensors(self->network, od_network_values(self->network), numbers);
    object_lock_release(&self->lock);
  }
  PyMem_Free(numbers);
  return dict;
}

static const od_tensor *find_tensor(const od_network *network, PyObject *name) {
  for (int t = 0; PyUnicode_Check(name) && t < od_network_tensor_count(network); t++) {
    const od_tensor *tensor = od_network_tensor(network, t);
    if (PyUnicode_CompareWithASCIIString(name, tensor->name) == 0) return tensor;
  }
  return NULL;
}

/* The numbers of every tensor, from a dict that has just these tensors. */
static bool read_weights(const od_network *network, PyObject *dict, const float **numbers) {
  PyObject *name;
  Py_ssize_t position = 0;
  while (PyDict_Next(dict, &position, &name, NULL)) {
    if (find_tensor(network, name)) continue;
    PyErr_Format(PyExc_ValueError, "weights: got %.100R, which this network does not have", name);
    return false;
  }
  for (int t = 0; t < od_network_tensor_count(network); t++) {
    const od_tensor *tensor = od_network_tensor(network, t);
    PyObject *array = PyDict_GetItemString(dict, tensor->name);
    if (!array) {
      PyErr_Format(PyExc_ValueError, "weights: '%s' is missing", tensor->name);
      return false;
    }
    if (!convert_tensor(array, tensor->name, tensor->rank, tensor->shape, &numbers[t]))
      return false;
  }
  return true;
}

static bool take_weights(network_object *self, const float *const *numbers) {
  if (!acquire_to_change(self)) return false;
  for (int t = 0; t < od_network_tensor_count(self->network); t++) {
    const od_tensor *tensor = od_network_tensor(self->network, t);
    memcpy(tensor->data, numbers[t], tensor->size * sizeof *tensor->data);
  }
  od_network_clear_ranges(self->network); /* those were of other weights */
  self->inference_stale = true;
  object_lock_release(&self->lock);
  return true;
}

static PyObject *network_set_weights(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                                     PyObject *keywords) {
  static const signature accepted = {"set_weights", 1, 1, 1, {"weights"}};
  network_object *self = (network_object *)object;
  PyObject *value;
  if (!arguments_read(&accepted, arguments, count, keywords, &value)) return NULL;
  PyObject *dict = convert_dict(value, "weights"); /* holds the arrays */
  const float **numbers = dict ? new_pointers(self->network) : NULL;
  bool taken = numbers && read_weights(self->network, dict, numbers) && take_weights(self, numbers);
  PyMem_Free(numbers);
  Py_XDECREF(dict);
  if (!taken) return NULL;
  Py_RETURN_NONE;
}

/* ---- precision ---- */

static PyObject *get_precision(PyObject *object, void *Py_UNUSED(closure)) {
  return PyUnicode_FromString(precision_choices.names[((network_object *)object)->precision]);
}

static int set_precision(PyObject *object, PyObject *value, void *Py_UNUSED(closure)) {
  network_object *self = (network_object *)object;
  int precision = choice_read(&precision_choices, value ? value : Py_None, "precision");
  if (precision < 0) return -1;
  object_lock_acquire(&self->lock);
  if ((od_precision)precision != self->precision) {
    self->precision = (od_precision)precision;
    od_inference_destroy(self->inference); /* the next prediction makes another */
    self->inference = NULL;
  }
  object_lock_release(&self->lock);
  return 0;
}

static PyObject *get_ranges(PyObject *object, void *Py_UNUSED(closure)) {
  network_object *self = (network_object *)object;
  object_lock_acquire(&self->lock);
  PyObject *ranges = ranges_write(self->network);
  object_lock_release(&self->lock);
  return ranges;
}

static int set_ranges(PyObject *object, PyObject *value, void *Py_UNUSED(closure)) {
  network_object *self = (network_object *)object;
  object_lock_acquire(&self->lock);
  bool taken = ranges_read(value ? value : Py_None, self->network);
  self->inference_stale = true;
  object_lock_release(&self->lock);
  return taken ? 0 : -1;
}

/* ---- inference ---- */

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
  od_status status = od_inference_create(self->network, kernels, self->precision, threads, &fresh,
                                         error);
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
  shared_pool *pool = images->count > 1 ? runtime_pool(state) : NULL;
  od_pool *workers = pool ? pool->pool : NULL;
  od_error error;
  object_lock_acquire(&self->lock);
  od_status status = prepare_inference(self, state->kernels, od_pool_threads(workers), &error);
  bool keep = status == OD_OK && keeps_gil(self, images);
  if (keep) {
    od_inference_run(self->inference, workers, images, softmax, scores);
  } else if (status == OD_OK) {
    Py_BEGIN_ALLOW_THREADS
    od_inference_run(self->inference, workers, images, softmax, scores);
    Py_END_ALLOW_THREADS
  }
  object_lock_release(&self->lock);
  shared_pool_release(pool);
  if (status != OD_OK) raise_status(status, &error);
  return status == OD_OK && (keep || PyErr_CheckSignals() == 0);
}

static PyObject *network_calibrate(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                                   PyObject *keywords) {
  network_object *self = (network_object *)object;
  module_state *state = state_of(object);
  image_view view;
  if (!read_batch(self, "calibrate", arguments, count, keywords, &view)) return NULL;
  shared_pool *pool = runtime_pool(state);
  od_error error;
  od_status status;
  object_lock_acquire(&self->lock);
  Py_BEGIN_ALLOW_THREADS
  status = od_inference_calibrate(self->network, state->kernels, pool->pool, &view.images, &error);
  Py_END_ALLOW_THREADS
  self->inference_stale = true;
  object_lock_release(&self->lock);
  shared_pool_release(pool);
  image_view_release(&view);
  if (status != OD_OK) return raise_status(status, &error);
  Py_RETURN_NONE;
}

bool network_use(PyObject *network, network_user *use, void *context) {
  network_object *self = (network_object *)network;
  module_state *state = state_of(network);
  shared_pool *pool = runtime_pool(state);
  od_error error;
  object_lock_acquire(&self->lock);
  od_status status = prepare_inference(self, state->kernels, od_pool_threads(pool->pool), &error);
  if (status == OD_OK) {
    Py_BEGIN_ALLOW_THREADS
    status = use(context, self->inference, pool->pool, &error);
    Py_END_ALLOW_THREADS
  }
  object_lock_release(&self->lock);
  shared_pool_release(pool);
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

static PyObject *network_predict_proba(PyObject *object, PyObject *const *arguments,
                                       Py_ssize_t count, PyObject *keywords) {
  network_object *self = (network_object *)object;
  image_view view;
  if (!read_batch(self, "predict_proba", arguments, count, keywords, &view)) return NULL;
  PyObject *result = new_scores(self, &view, false, true);
  image_view_release(&view);
  return result;
}

static PyObject *network_scores(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                                PyObject *keywords) {
  network_object *self = (network_object *)object;
  image_view view;
  if (!read_batch(self, "scores", arguments, count, keywords, &view)) return NULL;
  PyObject *result = new_scores(self, &view, false, false);
  image_view_release(&view);
  return result;
}

/* The output of a layer for every image, values (count, size): from a network that ends with
 * it. With the lock held, and without the GIL. */
static od_status run_until(const network_object *self, const od_kernels *kernels, int layer,
                           od_pool *pool, const od_images *images, float *values,
                           od_error *error) {
  od_network *part;
  od_inference *inference = NULL;
  od_status status = od_network_create_until(self->network, layer, &part, error);
  if (!status)
    status = od_inference_create(part, kernels, OD_FLOAT32, od_pool_threads(pool), &inference,
                                 error);
  if (!status) od_inference_run(inference, pool, images, false, values);
  od_inference_destroy(inference);
  od_network_destroy(part);
  return status;
}

static PyObject *network_layer_output(PyObject *object, PyObject *const *arguments,
                                      Py_ssize_t count, PyObject *keywords) {
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
    shared_pool *pool = runtime_pool(state);
    od_error error;
    od_status status;
    object_lock_acquire(&self->lock);
    Py_BEGIN_ALLOW_THREADS
    status = run_until(self, state->kernels, (int)layer, pool->pool, &view.images, values, &error);
    Py_END_ALLOW_THREADS
    object_lock_release(&self->lock);
    shared_pool_release(pool);
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

static PyObject *network_predict(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
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

static PyObject *network_predict_ready(PyObject *object, PyObject *value) {
  return answer_ready(object, value, false);
}

static PyObject *network_predict_proba_ready(PyObject *object, PyObject *value) {
  return answer_ready(object, value, true);
}

static PyObject *get_sure(PyObject *object, void *Py_UNUSED(closure)) {
  return PyFloat_FromDouble(((network_object *)object)->sure);
}

static int set_sure(PyObject *object, PyObject *value, void *Py_UNUSED(closure)) {
  double sure;
  if (!convert_real(value ? value : Py_None, "sure", &sure)) return -1;
  if (!(sure >= 0 && sure <= 1)) {
    PyErr_Format(PyExc_ValueError, "sure: got %R, expected 0 to 1", value);
    return -1;
  }
  ((network_object *)object)->sure = sure;
  return 0;
}

/* ---- gradient ---- */

typedef struct gradient_call {
  image_view view;
  uint8_t *labels;
  size_t length; /* of a line's labels */
  double label_smoothing;
  uint64_t seed;
  const od_kernels *kernels;
  od_real *values; /* (total size): the gradient, then the statistics as they were */
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
  const int columns = od_network_columns(network), classes = od_network_classes(network);
  *length = 1;
  if (columns == 1) return convert_labels(value, name, count, classes, labels);
  if (!convert_line_labels(value, name, count, columns, classes, labels, length)) return false;
  for (size_t i = 0; i < count; i++) {
    const size_t wanted = od_line_columns(*labels + i * *length, *length, classes - 1);
    if (wanted <= (size_t)columns) continue;
    PyErr_Format(PyExc_ValueError, "%s: those at index %zu want %zu columns, the network gives %d",
                 name, i, wanted, columns);
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
static od_status run_gradient(od_network *network, od_pool *pool, gradient_call *call,
                              od_error *error) {
  int count = (int)call->view.images.count;
  od_gradient *gradient;
  od_status status =
      od_gradient_create(network, call->kernels, OD_FLOAT32, count,
                                        od_pool_threads(pool), &gradient, error);
  if (status != OD_OK) return status;
  od_batch batch = {.source = load_image,
                    .context = call,
                    .labels = call->labels,
                    .length = call->length,
                    .count = count,
                    .seed = call->seed};
  call->loss = od_gradient_run(gradient, pool, &batch, call->label_smoothing, call->values);
  od_gradient_destroy(gradient);
  return OD_OK;
}

static bool run_gradient_call(network_object *self, gradient_call *call) {
  module_state *state = state_of((PyObject *)self);
  call->kernels = state->kernels;
  call->values = od_allocate(od_network_trainable_size(self->network), sizeof *call->values);
  if (!call->values) {
    PyErr_NoMemory();
    return false;
  }
  shared_pool *pool = runtime_pool(state);
  od_error error;
  od_status status;
  object_lock_acquire(&self->lock);
  Py_BEGIN_ALLOW_THREADS
  status = run_gradient(self->network, pool->pool, call, &error);
  Py_END_ALLOW_THREADS
  object_lock_release(&self->lock);
  shared_pool_release(pool);
  if (status != OD_OK) raise_status(status, &error);
  return status == OD_OK;
}

static PyObject *gradient_result(network_object *self, const gradient_call *call) {
  float **numbers = new_pointers(self->network);
  PyObject *tensors = numbers ? new_tensors(self->network, true, numbers) : NULL;
  if (tensors) copy_tensors(self->network, call->values, numbers);
  PyMem_Free(numbers);
  if (!tensors) return NULL;
  return Py_BuildValue("(diN)", call->loss.loss, call->loss.correct, tensors);
}

static PyObject *network_gradient(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
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

/* ---- the type ---- */

static PyObject *network_repr(PyObject *object) {
  const od_network *network = ((network_object *)object)->network;
  od_shape input = od_network_input(network);
  return PyUnicode_FromFormat("<ocrdigit Network: (%d, %d, %d) -> %d classes, %zu parameters>",
                              input.h, input.w, input.c, od_network_classes(network),
                              od_network_trainable_size(network));
}

static PyMethodDef methods[] = {
    {"describe", network_describe, METH_NOARGS,
     PyDoc_STR("describe($self, /)\n--\n\nName, type, output shape and number of parameters "
               "(moving statistics included) of every layer.")},
    {"copy", network_copy, METH_NOARGS,
     PyDoc_STR("copy($self, /)\n--\n\nA network of its own with the same layers and weights.")},
    {"initialize", FAST(network_initialize),
     PyDoc_STR("initialize($self, /, seed)\n--\n\nStart again from random kernels.")},
    {"weights", network_weights, METH_NOARGS,
     PyDoc_STR("weights($self, /)\n--\n\nCopies of all tensors by name.")},
    {"set_weights", FAST(network_set_weights),
     PyDoc_STR("set_weights($self, /, weights)\n--\n\nTake all tensors or, with an error, none.")},
    {"calibrate", FAST(network_calibrate),
     PyDoc_STR("calibrate($self, /, images, scale)\n--\n\n"
               "Note the ranges of all layers' inputs for these images, which int8 wants.")},
    {"predict", FAST(network_predict),
     PyDoc_STR("predict($self, /, images, scale)\n--\n\n"
               "The class of every image, int64 (n,), or of every column, (n, columns).")},
    {"predict_proba", FAST(network_predict_proba),
     PyDoc_STR("predict_proba($self, /, images, scale)\n--\n\n"
               "Class probabilities, float32 (n, classes), or of each column (n, columns, classes).")},
    {"predict_ready", network_predict_ready, METH_O,
     PyDoc_STR("predict_ready($self, images, /)\n--\n\n"
               "The class of one image, an int, or of every image of a batch, int64 (n,), where "
               "they are ready as they are; else None.")},
    {"predict_proba_ready", network_predict_proba_ready, METH_O,
     PyDoc_STR("predict_proba_ready($self, images, /)\n--\n\n"
               "The same for class probabilities, float32 (classes,) or (n, classes).")},
    {"scores", FAST(network_scores),
     PyDoc_STR("scores($self, /, images, scale)\n--\n\n"
               "Class scores before softmax, float32 (n, classes) or (n, columns, classes).")},
    {"explain", FAST(network_explain),
     PyDoc_STR("explain($self, /, images, scale, *, digit=None, layer=None)\n--\n\n"
               "Grad-CAM of every image: classes int64 (n,), class scores float32 (n, classes), "
               "activation maps (n, h, w), these spread over the input, 0..1, and the layer.")},
    {"layer_output", FAST(network_layer_output),
     PyDoc_STR("layer_output($self, /, images, scale, layer)\n--\n\n"
               "What a layer, counted from 0, gives for every image, float32 (n, h, w, c).")},
    {"gradient", FAST(network_gradient),
     PyDoc_STR("gradient($self, /, images, labels, scale, *, label_smoothing=0.0, seed=0)\n--\n\n"
               "Mean loss, images right, and the gradient of every trainable tensor.")},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef attributes[] = {
    {"layers", get_layers, NULL, PyDoc_STR("The layers, with every key filled in."), NULL},
    {"input_shape", get_input_shape, NULL, PyDoc_STR("(height, width, channels)"), NULL},
    {"classes", get_classes, NULL, PyDoc_STR("Number of classes."), NULL},
    {"columns", get_columns, NULL,
     PyDoc_STR("Columns that have scores each; 1 where the image has, as a whole."), NULL},
    {"precision", get_precision, set_precision,
     PyDoc_STR("What predictions multiply: \"float32\", \"bfloat16\" or \"int8\"."), NULL},
    {"sure", get_sure, set_sure,
     PyDoc_STR("The least probability of an answer of predict_ready and predict_proba_ready; to "
               "what is less sure, and to batches, they say None. 0: to nothing."),
     NULL},
    {"ranges", get_ranges, set_ranges,
     PyDoc_STR("The range of each layer's input, (low, high) by name, where known."), NULL},
    {"parameter_count", get_parameter_count, NULL, PyDoc_STR("Trainable numbers."), NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("Network(layers, input_shape=(28, 28, 1), *, seed=0)\n--\n\n"
                                  "A sequential network and its weights.")},
    {Py_tp_new, SLOT(network_new)},
    {Py_tp_dealloc, SLOT(network_dealloc)},
    {Py_tp_repr, SLOT(network_repr)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL}};

/* No part in garbage collection: it refers to no other Python object. */
PyType_Spec network_type_spec = {"ocrdigit._core.Network", sizeof(network_object), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};
