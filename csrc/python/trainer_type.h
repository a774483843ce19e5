/* Trainer: an od_trainer as a Python object. Its network is locked during each step and unlocked
 * while Python runs between steps: in callbacks and in checks for signals, which also happen every
 * few steps without callbacks. */
#ifndef OD_PYTHON_TRAINER_TYPE_H
#define OD_PYTHON_TRAINER_TYPE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

extern PyType_Spec trainer_type_spec;

#endif
