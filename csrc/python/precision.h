/* The precision of a network's products and the ranges for int8, as Python objects. */
#ifndef OD_PYTHON_PRECISION_H
#define OD_PYTHON_PRECISION_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

#include "fields.h"
#include "nn/network.h"

/* "float32", "bfloat16" and "int8", in the order of od_precision. */
extern const field_choices precision_choices;

/* The range of a layer's input, if it has been observed. */
typedef struct layer_range {
  bool given;
  double low, high;
} layer_range;

/* Ranges (OD_MAX_LAYERS), from a dict {layer name: (low, high)} of some layers, and a new dict of
 * them. Both run Python code: call them without a lock. */
bool ranges_read(PyObject *value, const od_network *network, layer_range *ranges);
PyObject *ranges_write(const od_network *network, const layer_range *ranges);

/* Copies the ranges from or to a network; call them with its lock held. */
void ranges_get(const od_network *network, layer_range *ranges);
void ranges_set(const layer_range *ranges, od_network *network);

#endif
