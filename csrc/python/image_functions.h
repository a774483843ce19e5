/* Functions on pictures (image/image.h). */
#ifndef OD_PYTHON_IMAGE_FUNCTIONS_H
#define OD_PYTHON_IMAGE_FUNCTIONS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyObject *image_rgb_to_gray(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                            PyObject *keywords);
PyObject *image_rgba_to_gray(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                             PyObject *keywords);
PyObject *image_otsu_threshold(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                               PyObject *keywords);
PyObject *image_resize_gray(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                            PyObject *keywords);
PyObject *image_is_mnist_like(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords);
PyObject *image_prepare_digit(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords);
PyObject *image_prepare_steps(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords);

#endif
