/* Functions of the module that read the numbers in an image (page/). */
#ifndef OD_PYTHON_READING_H
#define OD_PYTHON_READING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyObject *reading_normalize_line_image(PyObject *module, PyObject *value);
PyObject *reading_page_foreground(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                  PyObject *keywords);
PyObject *reading_read_symbols(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                               PyObject *keywords);
PyObject *reading_read_alternatives(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                    PyObject *keywords);
PyObject *reading_crop_digits(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords);
PyObject *reading_fusion_features(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                  PyObject *keywords);

#endif
