/* What the module keeps: everything that its objects share, and no C globals. */
#ifndef OD_PYTHON_MODULE_H
#define OD_PYTHON_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdatomic.h>

#include "kernels/kernels.h"
#include "lock.h"
#include "shared_thread_pool.h"

typedef struct module_state {
  PyTypeObject *network_type, *trainer_type, *classifier_type;
  const od_kernels *kernels; /* chosen at import, then constant */
  atomic_uint forks;         /* how often this process is a child of a fork */
  object_lock pool_lock;     /* guards the pointer below */
  shared_thread_pool *pool;
} module_state;

/* Two members of a PyMethodDef, for a function that arguments_read serves. */
#define FAST(function) (PyCFunction)(void (*)(void))(function), METH_FASTCALL | METH_KEYWORDS

/* A function as a slot's value; ISO C has no such conversion, POSIX does. */
#define SLOT(function) __extension__(void *)(function)

/* The state from the module itself, or from an object of one of its types. */
static inline module_state *state_of_module(PyObject *module) { return PyModule_GetState(module); }
static inline module_state *state_of(PyObject *object) {
  return PyType_GetModuleState(Py_TYPE(object));
}

#endif
