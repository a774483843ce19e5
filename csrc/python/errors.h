/* The one place where a status of the core becomes a Python exception. */
#ifndef OD_PYTHON_ERRORS_H
#define OD_PYTHON_ERRORS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "base/status.h"

/* Sets the exception that `status`, which is not OD_OK, stands for: ValueError, MemoryError or
 * RuntimeError, with the sentence of `error`; that of OD_STOPPED is set already. Call it with the
 * GIL and without any lock. Returns NULL, to be returned on. */
PyObject *raise_status(od_status status, const od_error *error);

/* Sets the ImportError of a bad environment variable. Returns NULL. */
PyObject *raise_environment(const char *variable, const char *sentence);

#endif
