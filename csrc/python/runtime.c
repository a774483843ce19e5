#include "runtime.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/system.h"
#include "kernels/cpu.h"
#include "arguments.h"
#include "convert.h"
#include "errors.h"

static PyObject *count_fork(PyObject *module, PyObject *Py_UNUSED(unused)) {
  atomic_fetch_add(&state_of_module(module)->forks, 1);
  Py_RETURN_NONE;
}

/* os.register_at_fork(after_in_child=count_fork); systems without forks do not have it. */
static int watch_forks(PyObject *module) {
  static PyMethodDef method = {"count_fork", count_fork, METH_NOARGS, NULL};
  PyObject *os = PyImport_ImportModule("os");
  if (os && !PyObject_HasAttrString(os, "register_at_fork")) {
    Py_DECREF(os);
    return 0;
  }
  PyObject *register_at_fork = os ? PyObject_GetAttrString(os, "register_at_fork") : NULL;
  PyObject *hook = register_at_fork ? PyCFunction_New(&method, module) : NULL;
  PyObject *none = hook ? PyTuple_New(0) : NULL;
  PyObject *keywords = none ? Py_BuildValue("{s:O}", "after_in_child", hook) : NULL;
  PyObject *done = keywords ? PyObject_Call(register_at_fork, none, keywords) : NULL;
  Py_XDECREF(keywords);
  Py_XDECREF(none);
  Py_XDECREF(hook);
  Py_XDECREF(register_at_fork);
  Py_XDECREF(os);
  Py_XDECREF(done);
  return done ? 0 : -1;
}

static int choose_kernels(module_state *state) {
  od_error error;
  if (od_kernels_select(getenv("OCRDIGIT_ISA"), &state->kernels, &error) == OD_OK) return 0;
  raise_environment("OCRDIGIT_ISA", error.message);
  return -1;
}

static int make_pool(module_state *state) {
  const char *text = getenv("OCRDIGIT_NUM_THREADS");
  long threads = od_available_processors();
  if (threads > OD_MAX_THREADS) threads = OD_MAX_THREADS;
  od_error error;
  if (text && *text) {
    char *end;
    errno = 0;
    threads = strtol(text, &end, 10);
    if (*end || errno || threads < INT_MIN || threads > INT_MAX) {
      od_fail(&error, OD_ERROR_ARGUMENT, "got '%.40s', expected a number of threads", text);
      raise_environment("OCRDIGIT_NUM_THREADS", error.message);
      return -1;
    }
  }
  od_status status = shared_thread_pool_create((int)threads, &state->pool, &error);
  if (status == OD_OK) return 0;
  if (status == OD_ERROR_ARGUMENT)
    raise_environment("OCRDIGIT_NUM_THREADS", error.message);
  else
    raise_status(status, &error);
  return -1;
}

int runtime_setup(PyObject *module) {
  module_state *state = state_of_module(module);
  atomic_init(&state->forks, 0);
  if (!object_lock_create(&state->pool_lock, &state->forks)) return -1;
  if (choose_kernels(state) || make_pool(state)) return -1;
  return watch_forks(module);
}

void runtime_free(module_state *state) {
  shared_thread_pool_release(state->pool);
  state->pool = NULL;
  object_lock_destroy(&state->pool_lock);
}

shared_thread_pool *runtime_pool(module_state *state) {
  object_lock_acquire(&state->pool_lock);
  shared_thread_pool *pool = state->pool;
  shared_thread_pool_retain(pool);
  object_lock_release(&state->pool_lock);
  return pool;
}

PyObject *runtime_instruction_set(PyObject *module, PyObject *Py_UNUSED(unused)) {
  return PyUnicode_FromString(state_of_module(module)->kernels->name);
}

PyObject *runtime_cpu_features(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused)) {
  static const struct {
    unsigned feature;
    const char *name;
  } names[] = {{OD_CPU_AVX2, "avx2"},
               {OD_CPU_AVX512, "avx512"},
               {OD_CPU_NEON, "neon"},
               {OD_CPU_SIMD128, "simd128"}};
  PyObject *list = PyList_New(0);
  if (!list) return NULL;
  unsigned features = od_cpu_features();
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (!(features & names[i].feature)) continue;
    PyObject *name = PyUnicode_FromString(names[i].name);
    bool added = name && PyList_Append(list, name) == 0;
    Py_XDECREF(name);
    if (!added) {
      Py_DECREF(list);
      return NULL;
    }
  }
  PyObject *tuple = PyList_AsTuple(list);
  Py_DECREF(list);
  return tuple;
}

PyObject *runtime_get_num_threads(PyObject *module, PyObject *Py_UNUSED(unused)) {
  shared_thread_pool *pool = runtime_pool(state_of_module(module));
  int threads = od_thread_pool_threads(pool->pool);
  shared_thread_pool_release(pool);
  return PyLong_FromLong(threads);
}

PyObject *runtime_set_num_threads(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                  PyObject *keywords) {
  static const signature accepted = {"set_num_threads", 1, 1, 1, {"threads"}};
  PyObject *argument;
  long long threads;
  if (!arguments_read(&accepted, arguments, count, keywords, &argument) ||
      !convert_int(argument, "threads", INT_MIN, INT_MAX, &threads))
    return NULL;
  module_state *state = state_of_module(module);
  shared_thread_pool *fresh;
  od_error error;
  od_status status = shared_thread_pool_create((int)threads, &fresh, &error);
  if (status != OD_OK) return raise_status(status, &error);
  object_lock_acquire(&state->pool_lock);
  shared_thread_pool *old = state->pool;
  state->pool = fresh;
  object_lock_release(&state->pool_lock);
  shared_thread_pool_release(old);
  Py_RETURN_NONE;
}
