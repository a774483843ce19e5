#include "core_call.h"

#include "base/system.h"

/* The attribute of an object, which may be NULL. The name is interned, as the interpreter caches
 * what it looks up by the name's address. */
static PyObject *attribute(PyObject *object, const char *name) {
  PyObject *interned = object ? PyUnicode_InternFromString(name) : NULL;
  PyObject *value = interned ? PyObject_GetAttr(object, interned) : NULL;
  Py_XDECREF(interned);
  return value;
}

bool core_call_on_main_thread(void) {
  PyObject *threading = PyImport_ImportModule("threading");
  PyObject *function = attribute(threading, "main_thread");
  PyObject *main = function ? PyObject_CallNoArgs(function) : NULL;
  PyObject *number = attribute(main, "ident");
  const bool is_main = number && PyLong_AsUnsignedLong(number) == PyThread_get_thread_ident();
  Py_XDECREF(number);
  Py_XDECREF(main);
  Py_XDECREF(function);
  Py_XDECREF(threading);
  return is_main;
}

bool core_call_handler_raises(void) {
  const int process = od_process_id();
  if (PyErr_CheckSignals() < 0) return true;
  if (od_process_id() == process) return false;
  PyErr_SetString(PyExc_RuntimeError,
                  "a signal handler forked the process during a call of ocrdigit, which has lost "
                  "its threads in the child");
  return true;
}

static bool poll(void *context) {
  core_call *call = context;
  PyEval_RestoreThread(call->thread);
  const bool raises = core_call_handler_raises();
  call->thread = PyEval_SaveThread();
  return raises;
}

void core_call_begin(core_call *call, const od_thread_pool *pool, bool serial) {
  const bool is_main = core_call_on_main_thread();
  call->interrupt = od_interrupt_begin(poll, call);
  const bool ends = PyErr_Occurred() != NULL;
  if (ends) od_interrupt_request(&call->interrupt);
  call->pool = od_thread_pool_attach(pool, serial, is_main || ends ? &call->interrupt : NULL);
  call->thread = PyEval_SaveThread();
}

od_status core_call_end(core_call *call, od_status status) {
  PyEval_RestoreThread(call->thread);
  if (call->interrupt.requested || PyErr_CheckSignals() < 0) return OD_STOPPED;
  return status;
}
