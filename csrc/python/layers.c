#include "layers.h"

#include <stdio.h>

#include "convert.h"
#include "fields.h"

static const field_choices paddings = {2, {"valid", "same"}};
static const field_choices activations = {2, {NULL, "relu"}};
static const field_choices functions = {OD_ACTIVATIONS,
                                        {
                                            [OD_LEAKY_RELU] = "leaky_relu",
                                            [OD_RELU6] = "relu6",
                                            [OD_ELU] = "elu",
                                            [OD_SELU] = "selu",
                                            [OD_SIGMOID] = "sigmoid",
                                            [OD_TANH] = "tanh",
                                            [OD_SWISH] = "swish",
                                        }};

static const field conv2d_fields[] = {
    {"filters", REQUIRED, FIELD_INT, offsetof(od_layer, units), NULL},
    {"kernel_size", OPTIONAL, FIELD_PAIR, offsetof(od_layer, kernel), NULL},
    {"strides", OPTIONAL, FIELD_INT, offsetof(od_layer, stride), NULL},
    {"dilation_rate", OPTIONAL, FIELD_SQUARE, offsetof(od_layer, dilation), NULL},
    {"padding", OPTIONAL, FIELD_SWITCH, offsetof(od_layer, same), &paddings},
    {"groups", OPTIONAL, FIELD_INT, offsetof(od_layer, groups), NULL},
    {"use_bias", OPTIONAL, FIELD_BOOL, offsetof(od_layer, bias), NULL},
    {"activation", OPTIONAL, FIELD_SWITCH, offsetof(od_layer, relu), &activations},
    FIELDS_END};
static const field pool2d_fields[] = {
    {"pool_size", OPTIONAL, FIELD_PAIR, offsetof(od_layer, pool), NULL},
    {"strides", OPTIONAL, FIELD_PAIR, offsetof(od_layer, step), NULL},
    {"padding", OPTIONAL, FIELD_SWITCH, offsetof(od_layer, same), &paddings},
    FIELDS_END};
static const field zero_padding2d_fields[] = {
    {"padding", OPTIONAL, FIELD_SIDES, offsetof(od_layer, padding), NULL}, FIELDS_END};
static const field activation_fields[] = {
    {"function", REQUIRED, FIELD_CHOICE, offsetof(od_layer, function), &functions},
    {"alpha", OPTIONAL, FIELD_REAL, offsetof(od_layer, alpha), NULL},
    FIELDS_END};
static const field dense_fields[] = {
    {"units", REQUIRED, FIELD_INT, offsetof(od_layer, units), NULL},
    {"use_bias", OPTIONAL, FIELD_BOOL, offsetof(od_layer, bias), NULL},
    {"activation", OPTIONAL, FIELD_SWITCH, offsetof(od_layer, relu), &activations},
    FIELDS_END};
static const field batch_norm_fields[] = {
    {"momentum", OPTIONAL, FIELD_REAL, offsetof(od_layer, momentum), NULL},
    {"epsilon", OPTIONAL, FIELD_REAL, offsetof(od_layer, epsilon), NULL},
    FIELDS_END};
static const field layer_norm_fields[] = {
    {"epsilon", OPTIONAL, FIELD_REAL, offsetof(od_layer, epsilon), NULL}, FIELDS_END};
static const field dropout_fields[] = {
    {"rate", REQUIRED, FIELD_REAL, offsetof(od_layer, rate), NULL}, FIELDS_END};
static const field no_fields[] = {FIELDS_END};

/* The keys of a layer type, and the layer with their default values. */
static const struct {
  const field *fields;
  od_layer defaults;
} forms[OD_LAYER_KINDS] = {
    [OD_CONV2D] = {conv2d_fields,
                   {.kind = OD_CONV2D,
                    .kernel = {3, 3},
                    .stride = 1,
                    .dilation = 1,
                    .groups = 1,
                    .same = true,
                    .bias = true}},
    [OD_DENSE] = {dense_fields, {.kind = OD_DENSE, .bias = true}},
    [OD_RELU] = {no_fields, {.kind = OD_RELU}},
    [OD_MAX_POOL2D] = {pool2d_fields, {.kind = OD_MAX_POOL2D, .pool = {2, 2}}},
    [OD_AVERAGE_POOL2D] = {pool2d_fields, {.kind = OD_AVERAGE_POOL2D, .pool = {2, 2}}},
    [OD_GLOBAL_MAX_POOL2D] = {no_fields, {.kind = OD_GLOBAL_MAX_POOL2D}},
    [OD_LAYER_NORM] = {layer_norm_fields, {.kind = OD_LAYER_NORM, .epsilon = 0.001}},
    [OD_ACTIVATION] = {activation_fields, {.kind = OD_ACTIVATION, .alpha = 1}},
    [OD_ZERO_PADDING2D] = {zero_padding2d_fields,
                           {.kind = OD_ZERO_PADDING2D, .padding = {1, 1, 1, 1}}},
    [OD_GLOBAL_AVERAGE_POOL2D] = {no_fields, {.kind = OD_GLOBAL_AVERAGE_POOL2D}},
    [OD_BATCH_NORM] = {batch_norm_fields,
                       {.kind = OD_BATCH_NORM, .momentum = 0.99, .epsilon = 0.001}},
    [OD_DROPOUT] = {dropout_fields, {.kind = OD_DROPOUT}},
    [OD_FLATTEN] = {no_fields, {.kind = OD_FLATTEN}},
    [OD_MAP_TO_SEQUENCE] = {no_fields, {.kind = OD_MAP_TO_SEQUENCE}},
};

static bool read_kind(PyObject *values, int index, od_layer_kind *kind) {
  char name[32];
  snprintf(name, sizeof name, "layer %d: type", index);
  PyObject *type = dict_take(values, "type");
  if (!type) {
    if (!PyErr_Occurred()) PyErr_Format(PyExc_ValueError, "%s: missing", name);
    return false;
  }
  field_choices kinds = {.count = OD_LAYER_KINDS};
  for (int i = 0; i < OD_LAYER_KINDS; i++) kinds.names[i] = od_layer_kind_name((od_layer_kind)i);
  int choice = choice_read(&kinds, type, name);
  Py_DECREF(type);
  *kind = (od_layer_kind)choice;
  return choice >= 0;
}

/* The last layer may have the activation softmax: inference and loss apply it. */
static bool drop_softmax(PyObject *values) {
  PyObject *activation = dict_take(values, "activation");
  if (!activation) return !PyErr_Occurred();
  bool softmax =
      PyUnicode_Check(activation) && PyUnicode_CompareWithASCIIString(activation, "softmax") == 0;
  bool done = softmax || PyDict_SetItemString(values, "activation", activation) == 0;
  Py_DECREF(activation);
  return done;
}

static bool read_layer(PyObject *item, int index, bool last, od_layer *layer) {
  char where[64];
  snprintf(where, sizeof where, "layer %d", index);
  PyObject *values = convert_dict(item, where);
  if (!values) return false;
  od_layer_kind kind;
  bool read = read_kind(values, index, &kind);
  if (read && kind == OD_DENSE && last) read = drop_softmax(values);
  if (read) {
    snprintf(where, sizeof where, "layer %d (%s): ", index, od_layer_kind_name(kind));
    *layer = forms[kind].defaults;
    const bool steps = PyMapping_HasKeyString(values, "strides");
    read = fields_read(forms[kind].fields, values, where, PyExc_ValueError, layer);
    for (int i = 0; i < 2 && !steps; i++) layer->step[i] = layer->pool[i];
  }
  Py_DECREF(values);
  return read;
}

bool layers_read(PyObject *list, od_layer *layers, int *count) {
  if (!PyTuple_Check(list) && !PyList_Check(list)) {
    PyErr_Format(PyExc_TypeError, "layers: got %.100R, expected a list of dicts", list);
    return false;
  }
  PyObject *items = PySequence_Tuple(list); /* which other code cannot change */
  if (!items) return false;
  Py_ssize_t length = PyTuple_GET_SIZE(items);
  bool read = length >= 1 && length <= OD_MAX_LAYERS;
  if (!read)
    PyErr_Format(PyExc_ValueError, "layers: got %zd of them, expected 1 to %d", length,
                 OD_MAX_LAYERS);
  for (int i = 0; read && i < length; i++)
    read = read_layer(PyTuple_GET_ITEM(items, i), i, i == length - 1, &layers[i]);
  *count = (int)length;
  Py_DECREF(items);
  return read;
}

PyObject *layer_write(const od_layer *layer) {
  PyObject *dict = Py_BuildValue("{s:s}", "type", od_layer_kind_name(layer->kind));
  if (dict && !fields_write(forms[layer->kind].fields, layer, dict)) Py_CLEAR(dict);
  return dict;
}
