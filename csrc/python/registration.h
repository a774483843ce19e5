/* The functions of ocrdigit._core that forms are aligned and read with. */
#ifndef OD_PYTHON_REGISTRATION_H
#define OD_PYTHON_REGISTRATION_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyObject *registration_register_page(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                     PyObject *keywords);
PyObject *registration_warp(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                            PyObject *keywords);
PyObject *registration_erase_print(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                   PyObject *keywords);

#endif
