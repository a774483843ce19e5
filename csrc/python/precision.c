#include "precision.h"

#include <string.h>

#include "convert.h"
#include "nn/precision.h"

const field_choices precision_choices = {
    3, {[OD_FLOAT32] = "float32", [OD_BFLOAT16] = "bfloat16", [OD_INT8] = "int8"}};

PyObject *ranges_write(const od_network *network, const layer_range *ranges) {
  PyObject *dict = PyDict_New();
  for (int i = 0; dict && i < od_network_layer_count(network); i++) {
    if (!ranges[i].given) continue;
    PyObject *pair = Py_BuildValue("(dd)", ranges[i].low, ranges[i].high);
    if (!pair || PyDict_SetItemString(dict, od_network_layer_name(network, i), pair) < 0)
      Py_CLEAR(dict);
    Py_XDECREF(pair);
  }
  return dict;
}

static int find_layer(const od_network *network, PyObject *name) {
  for (int i = 0; PyUnicode_Check(name) && i < od_network_layer_count(network); i++)
    if (PyUnicode_CompareWithASCIIString(name, od_network_layer_name(network, i)) == 0) return i;
  PyErr_Format(PyExc_ValueError, "ranges: got a range for %.100R, expected names of layers", name);
  return -1;
}

static bool read_range(PyObject *value, PyObject *name, double *low, double *high) {
  bool pair = (PyTuple_Check(value) || PyList_Check(value)) && PySequence_Size(value) == 2;
  double *ends[2] = {low, high};
  for (int i = 0; pair && i < 2; i++) {
    PyObject *end = PySequence_GetItem(value, i);
    bool read = end && convert_real(end, "ranges", ends[i]);
    Py_XDECREF(end);
    if (!read) return false;
  }
  if (pair && *low <= 0 && *high >= 0) return true;
  PyErr_Format(PyExc_ValueError,
               "ranges: got %.100R for %.100R, expected (low, high), low <= 0 <= high", value,
               name);
  return false;
}

bool ranges_read(PyObject *value, const od_network *network, layer_range *ranges) {
  PyObject *dict = convert_dict(value, "ranges"), *name, *pair;
  Py_ssize_t at = 0;
  bool read = dict;
  memset(ranges, 0, OD_MAX_LAYERS * sizeof *ranges);
  while (read && PyDict_Next(dict, &at, &name, &pair)) {
    const int layer = find_layer(network, name);
    read = layer >= 0 && read_range(pair, name, &ranges[layer].low, &ranges[layer].high);
    if (read) ranges[layer].given = true;
  }
  Py_XDECREF(dict);
  return read;
}

void ranges_get(const od_network *network, layer_range *ranges) {
  for (int i = 0; i < od_network_layer_count(network); i++)
    ranges[i].given = od_network_range(network, i, &ranges[i].low, &ranges[i].high);
}

void ranges_set(const layer_range *ranges, od_network *network) {
  od_network_clear_ranges(network);
  for (int i = 0; i < od_network_layer_count(network); i++)
    if (ranges[i].given) od_network_set_range(network, i, ranges[i].low, ranges[i].high);
}
