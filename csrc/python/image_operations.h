/* The image functions behind ocrdigit/image.py. Those that take a few microseconds,
 * image_threshold, image_resize and image_normalize, receive the user's arguments and check all of
 * them; of the others, image.py checks names and rounds numbers, and sizes and ranges are checked
 * here and in the core. */
#ifndef OD_PYTHON_IMAGE_OPERATIONS_H
#define OD_PYTHON_IMAGE_OPERATIONS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyObject *image_gray(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                     PyObject *keywords);
PyObject *image_threshold(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                          PyObject *keywords);
PyObject *image_adaptive_threshold(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                   PyObject *keywords);
PyObject *image_connected_components(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                     PyObject *keywords);
PyObject *image_morphology(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                           PyObject *keywords);
PyObject *image_structuring_element(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                    PyObject *keywords);
PyObject *image_gaussian_blur(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords);
PyObject *image_resize(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                       PyObject *keywords);
PyObject *image_moments(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                        PyObject *keywords);
PyObject *image_warp_affine(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                            PyObject *keywords);
PyObject *image_deskew(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                       PyObject *keywords);
PyObject *image_normalize(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                          PyObject *keywords);

#endif
