#include "automaton_type.h"

#include <limits.h>
#include <string.h>

#include "convert.h"
#include "errors.h"
#include "module.h"

enum { MAX_TRANSITIONS = 1 << 24, MAX_WORDS = 1 << 20, MAX_WORD_LENGTH = 1000 };

/* ---- arguments ---- */

static bool check_tuple(PyObject *value, const char *name, Py_ssize_t max_size) {
  if (PyTuple_Check(value) && PyTuple_GET_SIZE(value) <= max_size) return true;
  PyErr_Format(PyExc_TypeError, "%s: got %.100R, expected a tuple of up to %zd", name, value,
               max_size);
  return false;
}

/* Reads a tuple of bool into flags (its size). */
static bool read_accepting(PyObject *value, bool *flags) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); i++)
    if (!convert_bool(PyTuple_GET_ITEM(value, i), "accepting", &flags[i])) return false;
  return true;
}

/* Reads a tuple of (state, symbol, target) into transitions (its size). */
static bool read_transitions(PyObject *value, od_transition *transitions) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); i++) {
    PyObject *item = PyTuple_GET_ITEM(value, i);
    long long numbers[3];
    if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 3) {
      PyErr_Format(PyExc_TypeError, "transitions: got %.100R, expected (state, symbol, target)",
                   item);
      return false;
    }
    for (int k = 0; k < 3; k++)
      if (!convert_int(PyTuple_GET_ITEM(item, k), "transitions", 0, INT_MAX, &numbers[k]))
        return false;
    transitions[i] = (od_transition){(int32_t)numbers[0], (int32_t)numbers[1], (int32_t)numbers[2]};
  }
  return true;
}

/* Reads a tuple of str into words (its size), which are valid as long as the tuple. */
static bool read_words(PyObject *value, const char **words) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); i++) {
    PyObject *item = PyTuple_GET_ITEM(value, i);
    Py_ssize_t length;
    if (!PyUnicode_Check(item)) {
      PyErr_Format(PyExc_TypeError, "words: got %.100R, expected str", item);
      return false;
    }
    words[i] = PyUnicode_AsUTF8AndSize(item, &length);
    if (!words[i]) return false;
    if (length == 0 || length > MAX_WORD_LENGTH || strlen(words[i]) != (size_t)length) {
      PyErr_Format(PyExc_ValueError, "words: got %.100R, expected 1 to %d digits", item,
                   MAX_WORD_LENGTH);
      return false;
    }
  }
  return true;
}

/* ---- life ---- */

/* An object that owns the automaton, or NULL with the exception of the status. */
static PyObject *wrap(PyObject *type, od_status status, od_automaton *automaton,
                      const od_error *error) {
  if (status) return raise_status(status, error);
  automaton_object *self = PyObject_New(automaton_object, (PyTypeObject *)type);
  if (self)
    self->automaton = automaton;
  else
    od_automaton_destroy(automaton);
  return (PyObject *)self;
}

static PyObject *automaton_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
  static char *names[] = {"accepting", "transitions", NULL};
  PyObject *accepting, *transitions, *result = NULL;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OO:Automaton", names, &accepting,
                                   &transitions) ||
      !check_tuple(accepting, "accepting", OD_MAX_STATES) ||
      !check_tuple(transitions, "transitions", MAX_TRANSITIONS))
    return NULL;
  const Py_ssize_t states = PyTuple_GET_SIZE(accepting), count = PyTuple_GET_SIZE(transitions);
  bool *flags = PyMem_Calloc((size_t)states + 1, sizeof *flags);
  od_transition *read = PyMem_Calloc((size_t)count + 1, sizeof *read);
  if (!flags || !read) {
    PyErr_NoMemory();
  } else if (read_accepting(accepting, flags) && read_transitions(transitions, read)) {
    od_automaton *automaton;
    od_error error;
    const od_status status =
        od_automaton_create((int)states, flags, (int)count, read, &automaton, &error);
    result = wrap((PyObject *)type, status, automaton, &error);
  }
  PyMem_Free(flags);
  PyMem_Free(read);
  return result;
}

static PyObject *automaton_from_words(PyObject *type, PyObject *value) {
  PyObject *result = NULL;
  if (!check_tuple(value, "words", MAX_WORDS)) return NULL;
  const Py_ssize_t count = PyTuple_GET_SIZE(value);
  const char **words = PyMem_Calloc((size_t)count + 1, sizeof *words);
  if (!words) return PyErr_NoMemory();
  if (read_words(value, words)) {
    od_automaton *automaton;
    od_error error;
    const od_status status = od_automaton_create_lexicon((int)count, words, &automaton, &error);
    result = wrap(type, status, automaton, &error);
  }
  PyMem_Free(words);
  return result;
}

static void automaton_dealloc(PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  od_automaton_destroy(((automaton_object *)object)->automaton);
  type->tp_free(object);
  Py_DECREF(type);
}

static PyObject *get_states(PyObject *object, void *Py_UNUSED(closure)) {
  return PyLong_FromLong(((automaton_object *)object)->automaton->states);
}

/* ---- the type ---- */

static PyMethodDef methods[] = {
    {"from_words", automaton_from_words, METH_O | METH_CLASS,
     PyDoc_STR("from_words($type, words, /)\n--\n\n"
               "The automaton of a tuple of str, digits in ascending order without equals.")},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef attributes[] = {
    {"states", get_states, NULL, PyDoc_STR("The number of states."), NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc,
     (void *)PyDoc_STR("Automaton(accepting, transitions)\n--\n\n"
                       "A deterministic finite automaton: the texts that a line may be.")},
    {Py_tp_new, SLOT(automaton_new)},
    {Py_tp_dealloc, SLOT(automaton_dealloc)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL}};

/* No part in garbage collection: it refers to no objects. */
PyType_Spec automaton_type_spec = {"ocrdigit._core.Automaton", sizeof(automaton_object), 0,
                                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};
