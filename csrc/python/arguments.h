/* Arguments of functions that take them the quick way (METH_FASTCALL). */
#ifndef OD_PYTHON_ARGUMENTS_H
#define OD_PYTHON_ARGUMENTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

enum { MAX_PARAMETERS = 9 };

typedef struct signature {
  const char *function;
  int count;      /* all of them */
  int required;   /* the first so many must be given */
  int positional; /* the rest by name only */
  const char *names[MAX_PARAMETERS];
} signature;

/* values (count): borrowed references, NULL where nothing was given. False with a
 * TypeError set. */
bool arguments_read(const signature *accepted, PyObject *const *arguments, Py_ssize_t positional,
                    PyObject *keywords, PyObject **values);

#endif
