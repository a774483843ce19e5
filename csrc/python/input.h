/* Pictures of single digits to a classifier's input (digit/input.h). */
#ifndef OD_PYTHON_INPUT_H
#define OD_PYTHON_INPUT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* preprocess_images(pictures, scales) */
PyObject *input_preprocess_images(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                  PyObject *keywords);

/* picture_to_gray(picture, scale) */
PyObject *input_picture_to_gray(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                PyObject *keywords);

#endif
