/* Trainer: an od_trainer as a Python object. Its network is locked during a step and
 * free between steps whenever Python runs: in callbacks and in the checks for signals,
 * which come every few steps even without callbacks. */
#ifndef OD_PYTHON_TRAINER_TYPE_H
#define OD_PYTHON_TRAINER_TYPE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

extern PyType_Spec trainer_type_spec;

#endif
