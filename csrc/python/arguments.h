/* Parsing of the arguments of METH_FASTCALL functions. */
#ifndef OD_PYTHON_ARGUMENTS_H
#define OD_PYTHON_ARGUMENTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

enum { MAX_PARAMETERS = 10 };

typedef struct signature {
  const char *function;
  int count;      /* of all parameters */
  int required;   /* the number of required ones, which come first */
  int positional; /* the number that may be positional, which come first */
  const char *names[MAX_PARAMETERS];
} signature;

/* values (count): borrowed references, NULL for omitted parameters. Returns false with a TypeError
 * set. */
bool arguments_read(const signature *accepted, PyObject *const *arguments, Py_ssize_t positional,
                    PyObject *keywords, PyObject **values);

#endif
