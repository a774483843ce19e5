/* The weights of a network: initialization, reading and setting. */
#include <string.h>

#include "arguments.h"
#include "convert.h"
#include "network_methods.h"

/* Acquires the lock to change the values; false, without the lock, while a trainer runs. */
static bool acquire_to_change(network_object *self) {
  object_lock_acquire(&self->lock);
  if (!self->training) return true;
  object_lock_release(&self->lock);
  PyErr_SetString(PyExc_RuntimeError,
                  "the network is being trained: its weights can be changed when the run is over");
  return false;
}

PyObject *network_initialize(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                             PyObject *keywords) {
  static const signature accepted = {"initialize", 1, 1, 1, {"seed"}};
  network_object *self = (network_object *)object;
  PyObject *value;
  uint64_t seed;
  if (!arguments_read(&accepted, arguments, count, keywords, &value) ||
      !convert_seed(value, "seed", &seed) || !acquire_to_change(self))
    return NULL;
  od_network_initialize(self->network, seed);
  network_values_changed(self);
  object_lock_release(&self->lock);
  Py_RETURN_NONE;
}

/* A dict of new arrays for all tensors, or the trainable ones, by name; and their data by tensor
 * index (NULL without an array). */
static PyObject *new_tensors(const od_network *network, bool only_trainable, float **numbers) {
  PyObject *dict = PyDict_New();
  for (int t = 0; dict && t < od_network_tensor_count(network); t++) {
    const od_tensor *tensor = od_network_tensor(network, t);
    numbers[t] = NULL;
    if (only_trainable && !tensor->trainable) continue;
    PyObject *array = new_floats(tensor->rank, tensor->shape, &numbers[t]);
    if (!array || PyDict_SetItemString(dict, tensor->name, array) < 0) Py_CLEAR(dict);
    Py_XDECREF(array);
  }
  return dict;
}

/* Copies the tensors that have an array; `values` is laid out as the network's block. */
static void copy_tensors(const od_network *network, const od_real *values, float *const *numbers) {
  const od_real *block = od_network_values_const(network);
  for (int t = 0; t < od_network_tensor_count(network); t++) {
    const od_tensor *tensor = od_network_tensor(network, t);
    if (numbers[t])
      memcpy(numbers[t], values + (tensor->data - block), tensor->size * sizeof *values);
  }
}

static void *new_pointers(const od_network *network) {
  void *pointers = PyMem_Calloc((size_t)od_network_tensor_count(network), sizeof(void *));
  if (!pointers) PyErr_NoMemory();
  return pointers;
}

PyObject *network_tensors(const od_network *network, const od_real *values, bool only_trainable,
                          object_lock *lock) {
  float **numbers = new_pointers(network);
  PyObject *dict = numbers ? new_tensors(network, only_trainable, numbers) : NULL;
  if (dict) {
    if (lock) object_lock_acquire(lock);
    copy_tensors(network, values, numbers);
    if (lock) object_lock_release(lock);
  }
  PyMem_Free(numbers);
  return dict;
}

PyObject *network_weights(PyObject *object, PyObject *Py_UNUSED(unused)) {
  network_object *self = (network_object *)object;
  return network_tensors(self->network, od_network_values(self->network), false, &self->lock);
}

static const od_tensor *find_tensor(const od_network *network, PyObject *name) {
  for (int t = 0; PyUnicode_Check(name) && t < od_network_tensor_count(network); t++) {
    const od_tensor *tensor = od_network_tensor(network, t);
    if (PyUnicode_CompareWithASCIIString(name, tensor->name) == 0) return tensor;
  }
  return NULL;
}

/* The data of every tensor, from a dict of exactly these tensors. */
static bool read_weights(const od_network *network, PyObject *dict, const float **numbers) {
  PyObject *name;
  Py_ssize_t position = 0;
  while (PyDict_Next(dict, &position, &name, NULL)) {
    if (find_tensor(network, name)) continue;
    PyErr_Format(PyExc_ValueError, "weights: got %.100R, which this network does not have", name);
    return false;
  }
  for (int t = 0; t < od_network_tensor_count(network); t++) {
    const od_tensor *tensor = od_network_tensor(network, t);
    PyObject *key = PyUnicode_FromString(tensor->name);
    PyObject *array = key ? PyDict_GetItemWithError(dict, key) : NULL;
    Py_XDECREF(key);
    if (!array) {
      if (!PyErr_Occurred())
        PyErr_Format(PyExc_ValueError, "weights: '%s' is missing", tensor->name);
      return false;
    }
    if (!convert_tensor(array, tensor->name, tensor->rank, tensor->shape, &numbers[t]))
      return false;
  }
  return true;
}

static bool take_weights(network_object *self, const float *const *numbers) {
  if (!acquire_to_change(self)) return false;
  for (int t = 0; t < od_network_tensor_count(self->network); t++) {
    const od_tensor *tensor = od_network_tensor(self->network, t);
    memcpy(tensor->data, numbers[t], tensor->size * sizeof *tensor->data);
  }
  od_network_clear_ranges(self->network); /* observed with other weights */
  network_values_changed(self);
  object_lock_release(&self->lock);
  return true;
}

PyObject *network_set_weights(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords) {
  static const signature accepted = {"set_weights", 1, 1, 1, {"weights"}};
  network_object *self = (network_object *)object;
  PyObject *value;
  if (!arguments_read(&accepted, arguments, count, keywords, &value)) return NULL;
  PyObject *dict = convert_dict(value, "weights"); /* holds the arrays */
  const float **numbers = dict ? new_pointers(self->network) : NULL;
  bool taken = numbers && read_weights(self->network, dict, numbers) && take_weights(self, numbers);
  PyMem_Free(numbers);
  Py_XDECREF(dict);
  if (!taken) return NULL;
  Py_RETURN_NONE;
}
