/* Reading pictures of numbers (read/). */
#ifndef OD_PYTHON_READING_H
#define OD_PYTHON_READING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyObject *reading_level_strip(PyObject *module, PyObject *value);
PyObject *reading_read_digits(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords);
PyObject *reading_cut_digits(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                             PyObject *keywords);

#endif
