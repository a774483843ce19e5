/* Instruction set and threads: set at import from the environment, read and changed by the
 * functions here. */
#ifndef OD_PYTHON_RUNTIME_H
#define OD_PYTHON_RUNTIME_H

#include "module.h"

/* Selects the kernels (OCRDIGIT_ISA), creates the pool (OCRDIGIT_NUM_THREADS) and registers a fork
 * handler. Returns 0, or -1 with an exception set. */
int runtime_setup(PyObject *module);
void runtime_free(module_state *state);

/* The present pool, to be released by the caller. */
shared_thread_pool *runtime_pool(module_state *state);

PyObject *runtime_instruction_set(PyObject *module, PyObject *unused);
PyObject *runtime_cpu_features(PyObject *module, PyObject *unused);
PyObject *runtime_get_num_threads(PyObject *module, PyObject *unused);
PyObject *runtime_set_num_threads(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                  PyObject *keywords);

#endif
