#include "arguments.h"

static int index_of(const signature *accepted, PyObject *name) {
  for (int i = 0; i < accepted->count; i++)
    if (PyUnicode_CompareWithASCIIString(name, accepted->names[i]) == 0) return i;
  return -1;
}

static bool read_keyword(const signature *accepted, PyObject *name, PyObject *value,
                         PyObject **values) {
  int i = index_of(accepted, name);
  if (i < 0) {
    PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument %R", accepted->function,
                 name);
    return false;
  }
  if (values[i]) {
    PyErr_Format(PyExc_TypeError, "%s() got %R twice", accepted->function, name);
    return false;
  }
  values[i] = value;
  return true;
}

bool arguments_read(const signature *accepted, PyObject *const *arguments, Py_ssize_t positional,
                    PyObject *keywords, PyObject **values) {
  if (positional > accepted->positional) {
    PyErr_Format(PyExc_TypeError, "%s() takes at most %d positional arguments, got %zd",
                 accepted->function, accepted->positional, positional);
    return false;
  }
  for (int i = 0; i < accepted->count; i++) values[i] = i < positional ? arguments[i] : NULL;
  Py_ssize_t named = keywords ? PyTuple_GET_SIZE(keywords) : 0;
  for (Py_ssize_t i = 0; i < named; i++)
    if (!read_keyword(accepted, PyTuple_GET_ITEM(keywords, i), arguments[positional + i], values))
      return false;
  for (int i = 0; i < accepted->required; i++) {
    if (values[i]) continue;
    PyErr_Format(PyExc_TypeError, "%s() missing argument '%s'", accepted->function,
                 accepted->names[i]);
    return false;
  }
  return true;
}
