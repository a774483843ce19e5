/* Shortcut: a Python function with a quicker way in front, for the calls that are all
 * overhead. A call with one positional argument asks `first`, a callable that answers or
 * returns None; all other calls, and all until `first` is set, go to the function.
 *
 * functools.update_wrapper gives it the function's name, docstring and signature; like a
 * function it binds to the instances of a class and is pickled by its name. */
#ifndef OD_PYTHON_SHORTCUT_TYPE_H
#define OD_PYTHON_SHORTCUT_TYPE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

extern PyType_Spec shortcut_type_spec;

#endif
