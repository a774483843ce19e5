#include "shortcut_type.h"

#include <stddef.h>
#include <stdbool.h>
#include <structmember.h>

#include "module.h"

#if PY_VERSION_HEX < 0x030d0000 /* there the GIL keeps other threads out */
#define Py_BEGIN_CRITICAL_SECTION(object) {
#define Py_END_CRITICAL_SECTION() }
#endif

typedef struct shortcut_object {
  PyObject_HEAD
  vectorcallfunc call;
  PyObject *function;
  PyObject *first; /* or NULL; read and replaced in a critical section */
  PyObject *attributes, *references;
} shortcut_object;

/* ---- calls ---- */

static PyObject *new_reference_to_first(shortcut_object *self) {
  PyObject *first;
  Py_BEGIN_CRITICAL_SECTION((PyObject *)self);
  first = Py_XNewRef(self->first);
  Py_END_CRITICAL_SECTION();
  return first;
}

static PyObject *call(PyObject *object, PyObject *const *arguments, size_t count,
                      PyObject *keywords) {
  shortcut_object *self = (shortcut_object *)object;
  bool simple = PyVectorcall_NARGS(count) == 1 && !keywords;
  PyObject *first = simple ? new_reference_to_first(self) : NULL;
  if (first) {
    PyObject *answer = PyObject_Vectorcall(first, arguments, count, NULL);
    Py_DECREF(first);
    if (answer != Py_None) return answer;
    Py_DECREF(answer);
  }
  return PyObject_Vectorcall(self->function, arguments, count, keywords);
}

/* ---- life ---- */

static PyObject *shortcut_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
  static char *names[] = {"function", NULL};
  PyObject *function;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O:Shortcut", names, &function))
    return NULL;
  if (!PyCallable_Check(function))
    return PyErr_Format(PyExc_TypeError, "function: got %.100s, expected a callable",
                        Py_TYPE(function)->tp_name);
  shortcut_object *self = (shortcut_object *)type->tp_alloc(type, 0);
  if (!self) return NULL;
  self->call = call;
  self->function = Py_NewRef(function);
  return (PyObject *)self;
}

static int shortcut_traverse(PyObject *object, visitproc visit, void *arg) {
  shortcut_object *self = (shortcut_object *)object;
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->function);
  Py_VISIT(self->first);
  Py_VISIT(self->attributes);
  return 0;
}

/* The function stays: a call may still come from another part of a cycle. */
static int shortcut_clear(PyObject *object) {
  shortcut_object *self = (shortcut_object *)object;
  Py_CLEAR(self->first);
  Py_CLEAR(self->attributes);
  return 0;
}

static void shortcut_dealloc(PyObject *object) {
  shortcut_object *self = (shortcut_object *)object;
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  if (self->references) PyObject_ClearWeakRefs(object);
  shortcut_clear(object);
  Py_XDECREF(self->function);
  type->tp_free(object);
  Py_DECREF(type);
}

/* ---- attributes ---- */

static PyObject *get_first(PyObject *object, void *Py_UNUSED(closure)) {
  PyObject *first = new_reference_to_first((shortcut_object *)object);
  return first ? first : Py_NewRef(Py_None);
}

static int set_first(PyObject *object, PyObject *value, void *Py_UNUSED(closure)) {
  shortcut_object *self = (shortcut_object *)object;
  if (value && value != Py_None && !PyCallable_Check(value)) {
    PyErr_Format(PyExc_TypeError, "first: got %.100s, expected a callable or None",
                 Py_TYPE(value)->tp_name);
    return -1;
  }
  PyObject *before, *after = value == Py_None ? NULL : Py_XNewRef(value);
  Py_BEGIN_CRITICAL_SECTION(object);
  before = self->first;
  self->first = after;
  Py_END_CRITICAL_SECTION();
  Py_XDECREF(before);
  return 0;
}

static PyObject *bind(PyObject *object, PyObject *instance, PyObject *Py_UNUSED(owner)) {
  if (!instance || instance == Py_None) return Py_NewRef(object);
  return PyMethod_New(object, instance);
}

/* What pickle takes for the name of something to import. */
static PyObject *reduce(PyObject *object, PyObject *Py_UNUSED(unused)) {
  return PyObject_GetAttrString(object, "__qualname__");
}

static PyObject *shortcut_repr(PyObject *object) {
  return PyUnicode_FromFormat("<shortcut to %R>", ((shortcut_object *)object)->function);
}

/* ---- the type ---- */

static PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(shortcut_object, call), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(shortcut_object, attributes), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(shortcut_object, references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyGetSetDef getters[] = {
    {"first", get_first, set_first,
     PyDoc_STR("Asked before the function: a callable that returns None where it has no answer; "
               "or None."),
     NULL},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMethodDef methods[] = {{"__reduce__", reduce, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("Shortcut(function)\n--\n\n"
                                  "A function with a quicker way in front.")},
    {Py_tp_new, SLOT(shortcut_new)},
    {Py_tp_dealloc, SLOT(shortcut_dealloc)},
    {Py_tp_traverse, SLOT(shortcut_traverse)},
    {Py_tp_clear, SLOT(shortcut_clear)},
    {Py_tp_call, SLOT(PyVectorcall_Call)},
    {Py_tp_descr_get, SLOT(bind)},
    {Py_tp_repr, SLOT(shortcut_repr)},
    {Py_tp_members, members},
    {Py_tp_getset, getters},
    {Py_tp_methods, methods},
    {0, NULL}};

PyType_Spec shortcut_type_spec = {
    "ocrdigit._core.Shortcut", sizeof(shortcut_object), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_GC |
        Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    slots};
