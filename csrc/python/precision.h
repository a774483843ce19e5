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

/* {layer name: (low, high)} of the layers that have a range; a new dict, or NULL. */
PyObject *ranges_write(const od_network *network);

/* Replaces all ranges by those of such a dict; on failure none, and returns false with an exception
 * set. */
bool ranges_read(PyObject *value, od_network *network);

#endif
