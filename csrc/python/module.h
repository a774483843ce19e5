/* The state of the module, which its objects share; there are no C globals. */
#ifndef OD_PYTHON_MODULE_H
#define OD_PYTHON_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdatomic.h>

#include "kernels/kernels.h"
#include "lock.h"
#include "shared_thread_pool.h"

typedef struct module_state {
  PyTypeObject *network_type, *trainer_type, *classifier_type, *automaton_type;
  const od_kernels *kernels; /* selected at import, then constant */
  atomic_uint forks;         /* the number of forks that led to this process */
  object_lock pool_lock;     /* guards the pointer below */
  shared_thread_pool *pool;
} module_state;

/* Two members of a PyMethodDef, for a function that uses arguments_read. */
#define FAST(function) (PyCFunction)(void (*)(void))(function), METH_FASTCALL | METH_KEYWORDS

/* A function as a slot's value: a conversion of POSIX, not of ISO C. */
#define SLOT(function) __extension__(void *)(function)

/* The state, from the module or from an object of one of its types. */
static inline module_state *state_of_module(PyObject *module) { return PyModule_GetState(module); }
static inline module_state *state_of(PyObject *object) {
  return PyType_GetModuleState(Py_TYPE(object));
}

#endif
