#include "errors.h"

PyObject *raise_status(od_status status, const od_error *error) {
  PyObject *exception = PyExc_RuntimeError; /* OD_ERROR_UNAVAILABLE */
  if (status == OD_STOPPED) return NULL;
  if (status == OD_ERROR_ARGUMENT) exception = PyExc_ValueError;
  if (status == OD_ERROR_MEMORY) exception = PyExc_MemoryError;
  PyErr_SetString(exception, error->message);
  return NULL;
}

PyObject *raise_environment(const char *variable, const char *sentence) {
  return PyErr_Format(PyExc_ImportError, "environment variable %s: %s", variable, sentence);
}
