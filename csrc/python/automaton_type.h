/* Automaton: the texts that a line may be (page/automaton.h). It never changes. */
#ifndef OD_PYTHON_AUTOMATON_TYPE_H
#define OD_PYTHON_AUTOMATON_TYPE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "page/automaton.h"

typedef struct automaton_object {
  PyObject_HEAD
  od_automaton *automaton;
} automaton_object;

extern PyType_Spec automaton_type_spec;

#endif
