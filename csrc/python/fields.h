/* C structs from dicts or keyword arguments and back: a table maps each key to a member. Only types
 * are checked here; the core checks ranges. */
#ifndef OD_PYTHON_FIELDS_H
#define OD_PYTHON_FIELDS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum field_type {
  FIELD_INT,    /* int */
  FIELD_PAIR,   /* int[2]: one int for both, or two */
  FIELD_SIDES,  /* int[4]: one int for all, or four */
  FIELD_SQUARE, /* int: one, or two that are equal */
  FIELD_REAL,   /* double, finite */
  FIELD_RANGE,  /* double[2], finite: a pair (low, high) */
  FIELD_BOOL,   /* bool */
  FIELD_SEED,   /* uint64_t */
  FIELD_CHOICE, /* int: the index in `choices` */
  FIELD_SWITCH  /* bool: the second of two `choices` */
} field_type;

enum { MAX_CHOICES = 16 };

typedef struct field_choices {
  int count;
  const char *names[MAX_CHOICES]; /* NULL stands for None */
} field_choices;

typedef struct field {
  const char *name;
  bool required;
  field_type type;
  size_t offset;
  const field_choices *choices;
} field;

/* For tables of fields, which end with FIELDS_END. */
#define OPTIONAL false
#define REQUIRED true
#define FIELDS_END \
  { NULL, OPTIONAL, FIELD_INT, 0, NULL }

/* Fill `record` from `values`, a dict that nothing else refers to; members without a key keep their
 * value. An unknown key, or a missing one that is required, raises `exception`; messages begin with
 * `where`, for example "layer 2 (dense): ". */
bool fields_read(const field *fields, PyObject *values, const char *where, PyObject *exception,
                 void *record);

/* Remove a key from a dict and return its value as a new reference; NULL without an exception if
 * there is no such key. */
PyObject *dict_take(PyObject *dict, const char *key);

/* Add all fields to `dict`. */
bool fields_write(const field *fields, const void *record, PyObject *dict);

/* Return the index of `value` in the choices, or -1 with an exception. */
int choice_read(const field_choices *choices, PyObject *value, const char *name);

#endif
