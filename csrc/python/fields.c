#include "fields.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>

#include "convert.h"

enum { MAX_NAME = 96, MAX_LIST = 512 };

/* Append to text, a buffer of MAX_LIST characters, as much as fits; return the new end. */
static int append(char *text, int end, const char *before, const char *name) {
  int length = snprintf(text + end, (size_t)(MAX_LIST - end), "%s%s", before, name);
  return end + length < MAX_LIST ? end + length : MAX_LIST - 1;
}

static const char *choice_text(const char *name) { return name ? name : "None"; }

int choice_read(const field_choices *choices, PyObject *value, const char *name) {
  for (int i = 0; i < choices->count; i++) {
    const char *choice = choices->names[i];
    if (!choice ? value == Py_None
                : PyUnicode_Check(value) && PyUnicode_CompareWithASCIIString(value, choice) == 0)
      return i;
  }
  char expected[MAX_LIST];
  int end = append(expected, 0, "", choice_text(choices->names[0]));
  for (int i = 1; i < choices->count; i++)
    end = append(expected, end, i + 1 < choices->count ? ", " : " or ",
                 choice_text(choices->names[i]));
  bool fits = PyUnicode_Check(value) || value == Py_None;
  PyErr_Format(fits ? PyExc_ValueError : PyExc_TypeError, "%s: got %.100R, expected %s", name,
               value, expected);
  return -1;
}

/* Read `count` ints, 2 or 4: one for all, or so many. */
static bool read_ints(PyObject *value, const char *name, int count, int *numbers) {
  const bool many = PyTuple_Check(value) || PyList_Check(value);
  /* not shared, unlike a list */
  PyObject *items = many ? PySequence_Tuple(value) : PyTuple_Pack(1, value);
  if (!items) return false;
  bool read = !many || PyTuple_GET_SIZE(items) == count;
  if (!read)
    PyErr_Format(PyExc_ValueError, "%s: got %.100R, expected an int or %s", name, value,
                 count == 2 ? "two" : "four");
  for (int i = 0; read && i < count; i++) {
    long long number = 0;
    PyObject *one = PyTuple_GET_ITEM(items, many ? i : 0);
    read = convert_int(one, name, INT_MIN, INT_MAX, &number);
    numbers[i] = (int)number;
  }
  Py_DECREF(items);
  return read;
}

static bool read_square(PyObject *value, const char *name, int *side) {
  int pair[2];
  if (!read_ints(value, name, 2, pair)) return false;
  if (pair[0] != pair[1]) {
    PyErr_Format(PyExc_ValueError, "%s: got %.100R, expected two equal ints", name, value);
    return false;
  }
  *side = pair[0];
  return true;
}

static bool read_range(PyObject *value, const char *name, double *range) {
  const bool sequence = PyTuple_Check(value) || PyList_Check(value);
  PyObject *items = sequence ? PySequence_Tuple(value) : NULL; /* not shared, unlike a list */
  if (sequence && !items) return false;
  bool read = items && PyTuple_GET_SIZE(items) == 2;
  if (!read)
    PyErr_Format(sequence ? PyExc_ValueError : PyExc_TypeError,
                 "%s: got %.100R, expected a pair (low, high)", name, value);
  for (int i = 0; read && i < 2; i++)
    read = convert_real(PyTuple_GET_ITEM(items, i), name, &range[i]);
  Py_XDECREF(items);
  return read;
}

static bool read_one(const field *f, PyObject *value, const char *name, void *member) {
  long long integer;
  int choice;
  switch (f->type) {
    case FIELD_INT:
      if (!convert_int(value, name, INT_MIN, INT_MAX, &integer)) return false;
      *(int *)member = (int)integer;
      return true;
    case FIELD_PAIR:
      return read_ints(value, name, 2, member);
    case FIELD_SIDES:
      return read_ints(value, name, 4, member);
    case FIELD_SQUARE:
      return read_square(value, name, member);
    case FIELD_REAL:
      return convert_real(value, name, member);
    case FIELD_RANGE:
      return read_range(value, name, member);
    case FIELD_BOOL:
      return convert_bool(value, name, member);
    case FIELD_SEED:
      return convert_seed(value, name, member);
    case FIELD_CHOICE:
    case FIELD_SWITCH:
      choice = choice_read(f->choices, value, name);
      if (choice < 0) return false;
      if (f->type == FIELD_CHOICE)
        *(int *)member = choice;
      else
        *(bool *)member = choice == 1;
      return true;
  }
  Py_UNREACHABLE();
}

static const field *find(const field *fields, PyObject *key) {
  if (PyUnicode_Check(key))
    for (; fields->name; fields++)
      if (PyUnicode_CompareWithASCIIString(key, fields->name) == 0) return fields;
  return NULL;
}

static bool refuse_unknown(const field *fields, PyObject *values, const char *where,
                           PyObject *exception) {
  PyObject *key;
  Py_ssize_t position = 0;
  while (PyDict_Next(values, &position, &key, NULL)) {
    if (find(fields, key)) continue;
    char known[MAX_LIST] = "none";
    for (int i = 0, end = 0; fields[i].name; i++)
      end = append(known, end, i ? ", " : "", fields[i].name);
    PyErr_Format(exception, "%sunknown %.100R, expected only: %s", where, key, known);
    return false;
  }
  return true;
}

PyObject *dict_take(PyObject *dict, const char *key) {
  PyObject *name = PyUnicode_FromString(key);
  PyObject *value = name ? PyDict_GetItemWithError(dict, name) : NULL;
  Py_XINCREF(value);
  if (value && PyDict_DelItem(dict, name) < 0) Py_CLEAR(value);
  Py_XDECREF(name);
  return value;
}

bool fields_read(const field *fields, PyObject *values, const char *where, PyObject *exception,
                 void *record) {
  if (!refuse_unknown(fields, values, where, exception)) return false;
  for (const field *f = fields; f->name; f++) {
    PyObject *key = PyUnicode_FromString(f->name);
    PyObject *value = key ? PyDict_GetItemWithError(values, key) : NULL;
    Py_XDECREF(key);
    if (PyErr_Occurred()) return false;
    char name[MAX_NAME];
    snprintf(name, sizeof name, "%s%s", where, f->name);
    if (!value && f->required) {
      PyErr_Format(exception, "%s: missing", name);
      return false;
    }
    if (value && !read_one(f, value, name, (char *)record + f->offset)) return false;
  }
  return true;
}

static PyObject *choice_write(const field_choices *choices, int choice) {
  const char *name = choices->names[choice];
  return name ? PyUnicode_FromString(name) : Py_NewRef(Py_None);
}

static PyObject *write_pair(const int *pair) {
  if (pair[0] == pair[1]) return PyLong_FromLong(pair[0]);
  return Py_BuildValue("[ii]", pair[0], pair[1]);
}

static PyObject *write_sides(const int *sides) {
  if (sides[0] == sides[1] && sides[0] == sides[2] && sides[0] == sides[3])
    return PyLong_FromLong(sides[0]);
  return Py_BuildValue("[iiii]", sides[0], sides[1], sides[2], sides[3]);
}

static PyObject *write_one(const field *f, const void *member) {
  switch (f->type) {
    case FIELD_INT:
    case FIELD_SQUARE:
      return PyLong_FromLong(*(const int *)member);
    case FIELD_PAIR:
      return write_pair(member);
    case FIELD_SIDES:
      return write_sides(member);
    case FIELD_REAL:
      return PyFloat_FromDouble(*(const double *)member);
    case FIELD_RANGE:
      return Py_BuildValue("(dd)", ((const double *)member)[0], ((const double *)member)[1]);
    case FIELD_BOOL:
      return PyBool_FromLong(*(const bool *)member);
    case FIELD_SEED:
      return PyLong_FromUnsignedLongLong(*(const uint64_t *)member);
    case FIELD_CHOICE:
      return choice_write(f->choices, *(const int *)member);
    case FIELD_SWITCH:
      return choice_write(f->choices, *(const bool *)member);
  }
  Py_UNREACHABLE();
}

bool fields_write(const field *fields, const void *record, PyObject *dict) {
  for (const field *f = fields; f->name; f++) {
    PyObject *value = write_one(f, (const char *)record + f->offset);
    bool written = value && PyDict_SetItemString(dict, f->name, value) == 0;
    Py_XDECREF(value);
    if (!written) return false;
  }
  return true;
}
