/* Detection and rectification of tables, for ocrdigit/table.py. */
#ifndef OD_PYTHON_TABLE_H
#define OD_PYTHON_TABLE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyObject *table_find(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                     PyObject *keywords);

#endif
