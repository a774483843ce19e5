/* Lists of layers: conversion between the dicts of Python and the structs of the core. */
#ifndef OD_PYTHON_LAYERS_H
#define OD_PYTHON_LAYERS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

#include "nn/layer.h"

/* layers (OD_MAX_LAYERS) and their count, from a sequence of mappings. False with an
 * exception that names the layer and the key. */
bool layers_read(PyObject *list, od_layer *layers, int *count);

/* A new dict with every key of the layer's type. */
PyObject *layer_write(const od_layer *layer);

#endif
