/* The state of a trainer as a dict, and back. */
#include <string.h>

#include "convert.h"
#include "errors.h"
#include "fields.h"
#include "train/checkpoint.h"
#include "trainer_type.h"

#define IN_CHECKPOINT(member) offsetof(od_checkpoint, member)
static const field numbers[] = {
    {"epochs_begun", REQUIRED, FIELD_SEED, IN_CHECKPOINT(epochs_begun), NULL},
    {"epoch", REQUIRED, FIELD_INT, IN_CHECKPOINT(epoch), NULL},
    {"step", REQUIRED, FIELD_SEED, IN_CHECKPOINT(step), NULL},
    {"steps", REQUIRED, FIELD_SEED, IN_CHECKPOINT(steps), NULL},
    {"loss_sum", REQUIRED, FIELD_REAL, IN_CHECKPOINT(loss_sum), NULL},
    {"correct", REQUIRED, FIELD_REAL, IN_CHECKPOINT(correct), NULL},
    {"count", REQUIRED, FIELD_REAL, IN_CHECKPOINT(count), NULL},
    {"seconds", REQUIRED, FIELD_REAL, IN_CHECKPOINT(seconds), NULL},
    {"best_loss", REQUIRED, FIELD_REAL, IN_CHECKPOINT(best_loss), NULL},
    {"best_accuracy", REQUIRED, FIELD_REAL, IN_CHECKPOINT(best_accuracy), NULL},
    {"since_best", REQUIRED, FIELD_INT, IN_CHECKPOINT(since_best), NULL},
    {"optimizer_steps", REQUIRED, FIELD_SEED, IN_CHECKPOINT(optimizer.steps), NULL},
    FIELDS_END};

/* The arrays of a checkpoint; those that may be NULL are optional. */
enum { ARRAYS = 5 };
static const struct {
  const char *name;
  bool required, all; /* all values, or the trainable ones */
  size_t offset;      /* of the pointer */
} arrays[ARRAYS] = {{"weights", REQUIRED, true, IN_CHECKPOINT(weights)},
                    {"best_weights", OPTIONAL, true, IN_CHECKPOINT(best_weights)},
                    {"optimizer_mean", REQUIRED, false, IN_CHECKPOINT(optimizer.mean)},
                    {"optimizer_square", OPTIONAL, false, IN_CHECKPOINT(optimizer.square)},
                    {"average", OPTIONAL, true, IN_CHECKPOINT(optimizer.average)}};

static const od_real **array_of(od_checkpoint *checkpoint, int index) {
  return (const od_real **)((char *)checkpoint + arrays[index].offset);
}

static int array_size(const od_network *network, int index) {
  return (int)(arrays[index].all ? od_network_total_size(network)
                                 : od_network_trainable_size(network));
}

/* Save the state and copy those of its arrays that are there; the others become None. The objects
 * are allocated before, as nothing may call Python with the lock held. */
static void save(trainer_object *self, od_checkpoint *checkpoint, PyObject **objects,
                 float *const *copies) {
  const od_network *network = self->network->network;
  object_lock_acquire(&self->network->lock);
  od_trainer_save(self->trainer, checkpoint);
  for (int i = 0; i < ARRAYS; i++) {
    const od_real *values = *array_of(checkpoint, i);
    if (values)
      memcpy(copies[i], values, (size_t)array_size(network, i) * sizeof *values);
    else
      Py_CLEAR(objects[i]);
  }
  object_lock_release(&self->network->lock);
}

PyObject *trainer_state(PyObject *object, PyObject *Py_UNUSED(unused)) {
  trainer_object *self = (trainer_object *)object;
  PyObject *objects[ARRAYS] = {NULL}, *dict = PyDict_New();
  float *copies[ARRAYS];
  od_checkpoint checkpoint;
  bool made = dict != NULL;
  for (int i = 0; made && i < ARRAYS; i++) {
    const int size = array_size(self->network->network, i);
    made = (objects[i] = new_floats(1, &size, &copies[i])) != NULL;
  }
  if (made) {
    save(self, &checkpoint, objects, copies);
    made = fields_write(numbers, &checkpoint, dict);
  }
  for (int i = 0; i < ARRAYS; i++) {
    if (made && objects[i]) made = PyDict_SetItemString(dict, arrays[i].name, objects[i]) == 0;
    Py_XDECREF(objects[i]);
  }
  if (!made) Py_CLEAR(dict);
  return dict;
}

/* Read the arrays of a state and remove them from it; `objects` holds them. */
static bool read_arrays(const od_network *network, PyObject *state, od_checkpoint *checkpoint,
                        PyObject **objects) {
  for (int i = 0; i < ARRAYS; i++) {
    const char *name = arrays[i].name;
    const int size = array_size(network, i);
    objects[i] = dict_take(state, name);
    if (!objects[i] && arrays[i].required && !PyErr_Occurred())
      PyErr_Format(PyExc_ValueError, "%s: missing", name);
    if (!objects[i] && PyErr_Occurred()) return false;
    if (objects[i] && !convert_tensor(objects[i], name, 1, &size, array_of(checkpoint, i)))
      return false;
  }
  return true;
}

static bool restore(trainer_object *self, const od_checkpoint *checkpoint) {
  network_object *network = self->network;
  od_error error;
  od_status status = OD_OK;
  object_lock_acquire(&network->lock);
  const bool training = network->training;
  if (!training) {
    status = od_trainer_restore(self->trainer, checkpoint, &error);
    if (status == OD_OK) network_values_changed(network);
  }
  object_lock_release(&network->lock);
  if (training)
    PyErr_SetString(PyExc_RuntimeError,
                    "the network is being trained: a state can be restored when the run is over");
  else if (status)
    raise_status(status, &error);
  return !training && !status;
}

PyObject *trainer_restore(PyObject *object, PyObject *state) {
  trainer_object *self = (trainer_object *)object;
  od_checkpoint checkpoint = {0};
  PyObject *objects[ARRAYS] = {NULL}, *dict = convert_dict(state, "state");
  const bool restored = dict && read_arrays(self->network->network, dict, &checkpoint, objects) &&
                        fields_read(numbers, dict, "", PyExc_ValueError, &checkpoint) &&
                        restore(self, &checkpoint);
  for (int i = 0; i < ARRAYS; i++) Py_XDECREF(objects[i]);
  Py_XDECREF(dict);
  if (!restored) return NULL;
  Py_RETURN_NONE;
}
