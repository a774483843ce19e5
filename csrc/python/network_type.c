#include "network_type.h"

#include <limits.h>
#include <string.h>

#include "arguments.h"
#include "convert.h"
#include "errors.h"
#include "gradcam.h"
#include "layers.h"
#include "network_methods.h"
#include "precision.h"
#include "runtime.h"

_Static_assert(sizeof(od_real) == sizeof(float), "arrays of od_real are float32 arrays");

enum { SMALL_WORK = 8 * 1000 * 1000 }; /* of one image that keeps the GIL: additions */

/* ---- life ---- */

/* Pixels of the window of a layer: 1 but of a pool. */
static uint64_t window_size(const od_layer *layer) {
  const bool pools = layer->kind == OD_MAX_POOL2D || layer->kind == OD_AVERAGE_POOL2D;
  return pools ? (uint64_t)layer->pool[0] * (uint64_t)layer->pool[1] : 1;
}

/* Whether an image is so little work: multiply-adds of all kernels, pixels under all windows, and
 * numbers of other layers. */
static bool is_small(const od_network *network) {
  uint64_t work = od_shape_size(od_network_input(network));
  for (int t = 0; t < od_network_tensor_count(network); t++) {
    const od_tensor *tensor = od_network_tensor(network, t);
    const od_shape out = od_network_shape_after(network, tensor->layer);
    work += (uint64_t)tensor->size * (uint64_t)out.h * (uint64_t)out.w;
  }
  for (int i = 0; i < od_network_layer_count(network); i++)
    work += od_shape_size(od_network_shape_after(network, i)) *
            window_size(od_network_layer(network, i));
  return work < SMALL_WORK;
}

/* A new object that owns `network`, which is destroyed on failure. */
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

/* Fails if the layers have more weights than the number in `value`, before they are allocated. */
static bool check_weights(PyObject *value, od_shape input, const od_layer *layers, int count) {
  long long max;
  size_t weights;
  od_error error;
  if (!convert_int(value, "max_weights", 0, LLONG_MAX, &max)) return false;
  const od_status status = od_network_count_weights(input, layers, count, &weights, &error);
  if (status != OD_OK) return raise_status(status, &error) != NULL;
  if (weights <= (unsigned long long)max) return true;
  PyErr_Format(PyExc_ValueError, "layers: they have %zu weights, expected at most %R", weights,
               value);
  return false;
}

static PyObject *network_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
  static char *names[] = {"layers", "input_shape", "seed", "max_weights", NULL};
  PyObject *list, *input_shape = NULL, *seed_value = NULL, *max_weights = NULL;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|O$OO:Network", names, &list,
                                   &input_shape, &seed_value, &max_weights))
    return NULL;
  od_layer layers[OD_MAX_LAYERS];
  int count;
  od_shape input = {28, 28, 1};
  uint64_t seed = 0;
  if (!layers_read(list, layers, &count) ||
      (input_shape && !read_input_shape(input_shape, &input)) ||
      (seed_value && !convert_seed(seed_value, "seed", &seed)) ||
      (max_weights && max_weights != Py_None && !check_weights(max_weights, input, layers, count)))
    return NULL;
  od_network *network;
  od_error error;
  od_status status = od_network_create(input, layers, count, &network, &error);
  if (status != OD_OK) return raise_status(status, &error);
  od_network_initialize(network, seed);
  return wrap(type, network);
}

void network_values_changed(network_object *self) {
  shared_model_release(self->model);
  od_gradcam_destroy(self->gradcam);
  self->model = NULL;
  self->gradcam = NULL;
}

static void network_dealloc(PyObject *object) {
  network_object *self = (network_object *)object;
  PyTypeObject *type = Py_TYPE(object);
  network_values_changed(self);
  od_network_destroy(self->network);
  object_lock_destroy(&self->lock);
  type->tp_free(object);
  Py_DECREF(type);
}

void copy_ranges(const od_network *from, od_network *to) {
  const int count = od_network_layer_count(from);
  for (int i = 0; i < count; i++) {
    double low, high;
    if (od_network_range(from, i, &low, &high)) od_network_set_range(to, i, low, high);
  }
}

od_status network_twin(network_object *self, od_network **twin, od_error *error) {
  od_layer layers[OD_MAX_LAYERS];
  const int count = od_network_layer_count(self->network);
  for (int i = 0; i < count; i++) layers[i] = *od_network_layer(self->network, i);
  const od_status status =
      od_network_create(od_network_input(self->network), layers, count, twin, error);
  if (status) return status;
  object_lock_acquire(&self->lock);
  memcpy(od_network_values(*twin), od_network_values(self->network),
         od_network_total_size(*twin) * sizeof(od_real));
  copy_ranges(self->network, *twin);
  object_lock_release(&self->lock);
  return OD_OK;
}

static PyObject *network_copy(PyObject *object, PyObject *Py_UNUSED(unused)) {
  network_object *self = (network_object *)object;
  od_network *twin;
  od_error error;
  const od_status status = network_twin(self, &twin, &error);
  if (status != OD_OK) return raise_status(status, &error);
  object_lock_acquire(&self->lock);
  const od_precision precision = self->precision;
  object_lock_release(&self->lock);
  PyObject *copy = wrap(Py_TYPE(object), twin);
  if (copy) ((network_object *)copy)->precision = precision;
  return copy;
}

/* ---- description ---- */

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

static PyObject *get_output_shape(PyObject *object, void *Py_UNUSED(closure)) {
  const od_shape shape = od_network_output(((network_object *)object)->network);
  return Py_BuildValue("(iii)", shape.h, shape.w, shape.c);
}

static PyObject *get_classes(PyObject *object, void *Py_UNUSED(closure)) {
  return PyLong_FromLong(od_network_classes(((network_object *)object)->network));
}

static PyObject *get_sequence_length(PyObject *object, void *Py_UNUSED(closure)) {
  return PyLong_FromLong(od_network_sequence_length(((network_object *)object)->network));
}

static PyObject *get_parameter_count(PyObject *object, void *Py_UNUSED(closure)) {
  return PyLong_FromSize_t(od_network_trainable_size(((network_object *)object)->network));
}

/* Whether the output of a layer is a plain vector, given whether its input is. */
static bool gives_vector(od_layer_kind kind, bool takes_vector) {
  switch (kind) {
    case OD_CONV2D:
    case OD_MAX_POOL2D:
    case OD_AVERAGE_POOL2D:
    case OD_ZERO_PADDING2D:
    case OD_MAP_TO_SEQUENCE:
      return false;
    case OD_DENSE:
    case OD_FLATTEN:
    case OD_GLOBAL_AVERAGE_POOL2D:
    case OD_GLOBAL_MAX_POOL2D:
      return true;
    default:
      return takes_vector;
  }
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

/* ---- precision ---- */

static PyObject *get_precision(PyObject *object, void *Py_UNUSED(closure)) {
  network_object *self = (network_object *)object;
  object_lock_acquire(&self->lock);
  const od_precision precision = self->precision;
  object_lock_release(&self->lock);
  return PyUnicode_FromString(precision_choices.names[precision]);
}

static int set_precision(PyObject *object, PyObject *value, void *Py_UNUSED(closure)) {
  network_object *self = (network_object *)object;
  int precision = choice_read(&precision_choices, value ? value : Py_None, "precision");
  if (precision < 0) return -1;
  object_lock_acquire(&self->lock);
  if ((od_precision)precision != self->precision) {
    self->precision = (od_precision)precision;
    shared_model_release(self->model);
    self->model = NULL;
  }
  object_lock_release(&self->lock);
  return 0;
}

static PyObject *get_ranges(PyObject *object, void *Py_UNUSED(closure)) {
  network_object *self = (network_object *)object;
  layer_range ranges[OD_MAX_LAYERS];
  object_lock_acquire(&self->lock);
  ranges_get(self->network, ranges);
  object_lock_release(&self->lock);
  return ranges_write(self->network, ranges);
}

static int set_ranges(PyObject *object, PyObject *value, void *Py_UNUSED(closure)) {
  network_object *self = (network_object *)object;
  layer_range ranges[OD_MAX_LAYERS];
  if (!ranges_read(value ? value : Py_None, self->network, ranges)) return -1;
  object_lock_acquire(&self->lock);
  ranges_set(ranges, self->network);
  network_values_changed(self);
  object_lock_release(&self->lock);
  return 0;
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
     PyDoc_STR("copy($self, /)\n--\n\nAn independent copy of the layers and weights.")},
    {"initialize", FAST(network_initialize),
     PyDoc_STR("initialize($self, /, seed)\n--\n\nReinitialize the weights at random.")},
    {"weights", network_weights, METH_NOARGS,
     PyDoc_STR("weights($self, /)\n--\n\nCopies of all tensors by name.")},
    {"set_weights", FAST(network_set_weights),
     PyDoc_STR("set_weights($self, /, weights)\n--\n\nSet all tensors; with an error, none.")},
    {"calibrate", FAST(network_calibrate),
     PyDoc_STR("calibrate($self, /, images, scale)\n--\n\n"
               "Observe the ranges of all layers' inputs for these images, for int8.")},
    {"predict", FAST(network_predict),
     PyDoc_STR("predict($self, /, images, scale)\n--\n\n"
               "The class of every image, int64 (n,), or of every time step, (n, steps).")},
    {"predict_proba", FAST(network_predict_proba),
     PyDoc_STR(
         "predict_proba($self, /, images, scale)\n--\n\n"
         "Class probabilities, float32 (n, classes), or of each time step (n, steps, classes).")},
    {"scores", FAST(network_scores),
     PyDoc_STR("scores($self, /, images, scale)\n--\n\n"
               "Class scores before softmax, float32 (n, classes) or (n, steps, classes).")},
    {"predict_map", FAST(network_predict_map),
     PyDoc_STR("predict_map($self, /, picture, scale, *, output='probabilities')\n--\n\n"
               "The map of a uint8 picture (h, w), or (h, w, channels) of several, by a network "
               "with a map as output: 'scores' or 'probabilities', float32 (h', w', classes), "
               "'bytes', these times 255 as uint8, or 'labels', uint8 (h', w').")},
    {"explain", FAST(network_explain),
     PyDoc_STR("explain($self, /, images, scale, *, digit=None, layer=None, classes=None)\n--\n\n"
               "Grad-CAM of every image: classes int64 (n,), class scores float32 (n, classes), "
               "activation maps (n, h, w), these upsampled to the input, 0..1, and the layer.")},
    {"layer_output", FAST(network_layer_output),
     PyDoc_STR("layer_output($self, /, images, scale, layer)\n--\n\n"
               "The output of the layer of this index for every image, float32 (n, h, w, c).")},
    {"gradient", FAST(network_gradient),
     PyDoc_STR("gradient($self, /, images, labels, scale, *, label_smoothing=0.0, seed=0)\n--\n\n"
               "The mean loss, the number of correct images, and the gradient of each trainable "
               "tensor.")},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef attributes[] = {
    {"layers", get_layers, NULL, PyDoc_STR("The layers, with all keys."), NULL},
    {"input_shape", get_input_shape, NULL, PyDoc_STR("(height, width, channels)"), NULL},
    {"output_shape", get_output_shape, NULL,
     PyDoc_STR("(1, 1, classes), (1, steps, classes) or (height, width, classes) of the scores."),
     NULL},
    {"classes", get_classes, NULL, PyDoc_STR("Number of classes."), NULL},
    {"sequence_length", get_sequence_length, NULL,
     PyDoc_STR("Time steps of the scores; 1 if the image has one set of scores."), NULL},
    {"precision", get_precision, set_precision,
     PyDoc_STR("The number type of products: \"float32\", \"bfloat16\" or \"int8\"."), NULL},
    {"ranges", get_ranges, set_ranges,
     PyDoc_STR("The range of each layer's input, (low, high) by name, where known."), NULL},
    {"parameter_count", get_parameter_count, NULL, PyDoc_STR("Trainable numbers."), NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("Network(layers, input_shape=(28, 28, 1), *, seed=0, "
                                  "max_weights=None)\n--\n\n"
                                  "A sequential network and its weights.")},
    {Py_tp_new, SLOT(network_new)},
    {Py_tp_dealloc, SLOT(network_dealloc)},
    {Py_tp_repr, SLOT(network_repr)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL}};

/* Without garbage collection: it refers to no other Python object. */
PyType_Spec network_type_spec = {"ocrdigit._core.Network", sizeof(network_object), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};
