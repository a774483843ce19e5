/* The functions of digit/ on one image: canonical input and preprocessing. */
#ifndef OD_PYTHON_PREPROCESSING_H
#define OD_PYTHON_PREPROCESSING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* is_canonical(image) */
PyObject *preprocessing_is_canonical(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                     PyObject *keywords);
/* preprocess_digit(image) */
PyObject *preprocessing_digit(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords);
/* preprocess_steps(image) */
PyObject *preprocessing_steps(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords);

#endif
