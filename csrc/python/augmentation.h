/* Augmentation steps, dicts as AugmentStep in _core.pyi, to the core's structs. */
#ifndef OD_PYTHON_AUGMENTATION_H
#define OD_PYTHON_AUGMENTATION_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

#include "train/augment.h"

/* Read and check a list of steps. Return false with an exception that names the step. */
bool augmentation_read(PyObject *list, const char *name, od_augment *augment);

/* augment(images, steps, seed) */
PyObject *augmentation_apply(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                             PyObject *keywords);

#endif
