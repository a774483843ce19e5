/* C structs that people write as dicts or keywords: a table says which key goes to
 * which member. Ranges are the core's business; here only types are checked. */
#ifndef OD_PYTHON_FIELDS_H
#define OD_PYTHON_FIELDS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum field_type {
  FIELD_INT,    /* int */
  FIELD_PAIR,   /* int[2]: one int for both, or two */
  FIELD_REAL,   /* double, finite */
  FIELD_BOOL,   /* bool */
  FIELD_SEED,   /* uint64_t */
  FIELD_CHOICE, /* int: which of `choices` */
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

/* For tables of fields, which end in FIELDS_END. */
#define OPTIONAL false
#define REQUIRED true
#define FIELDS_END \
  { NULL, OPTIONAL, FIELD_INT, 0, NULL }

/* Fills `record` from `values`, a dict that is the caller's own; members whose keys
 * are not there stay. An unknown or a missing key raises `exception`; `where` stands
 * before each key in messages, such as "layer 2 (dense): ". */
bool fields_read(const field *fields, PyObject *values, const char *where, PyObject *exception,
                 void *record);

/* Takes a key out of the dict: its value as a new reference, or NULL; an exception is
 * set only where something failed. */
PyObject *dict_take(PyObject *dict, const char *key);

/* Adds all fields to `dict`. */
bool fields_write(const field *fields, const void *record, PyObject *dict);

/* Which of the choices `value` is; -1 with an exception set. */
int choice_read(const field_choices *choices, PyObject *value, const char *name);

#endif
