/* The OpenCV-style functions on pictures, for ocrdigit/image.py. Thresholds, resizing and
 * normalizing, which take a few microseconds, take their arguments as they came and check
 * all of them; of the others, names and what OpenCV rounds are checked there, sizes and
 * ranges here and in the core. */
#ifndef OD_PYTHON_IMAGE_OPERATIONS_H
#define OD_PYTHON_IMAGE_OPERATIONS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyObject *operation_gray(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                         PyObject *keywords);
PyObject *operation_threshold(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords);
PyObject *operation_adaptive_threshold(PyObject *module, PyObject *const *arguments,
                                       Py_ssize_t count, PyObject *keywords);
PyObject *operation_components(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                               PyObject *keywords);
PyObject *operation_morphology(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                               PyObject *keywords);
PyObject *operation_shape(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                          PyObject *keywords);
PyObject *operation_gaussian_blur(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                  PyObject *keywords);
PyObject *operation_resize(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                           PyObject *keywords);
PyObject *operation_moments(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                            PyObject *keywords);
PyObject *operation_warp_affine(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                PyObject *keywords);
PyObject *operation_deskew(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                           PyObject *keywords);
PyObject *operation_normalize(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords);

#endif
