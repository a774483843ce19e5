/* Trainer: an od_trainer as a Python object. Its network is locked during each step and unlocked
 * while Python runs between steps: in callbacks and in checks for signals, which also happen every
 * few steps without callbacks. */
#ifndef OD_PYTHON_TRAINER_TYPE_H
#define OD_PYTHON_TRAINER_TYPE_H

#include "network_type.h"
#include "shared_thread_pool.h"
#include "train/trainer.h"

typedef struct trainer_object {
  PyObject_HEAD
  network_object *network;
  od_trainer *trainer;      /* must not be used while the network's flag `training` is set, except
                               to save its state with the network's lock */
  shared_thread_pool *pool; /* kept, as the trainer has buffers for so many threads */
} trainer_object;

extern PyType_Spec trainer_type_spec;

/* ---- trainer_checkpoint.c ---- */

PyObject *trainer_state(PyObject *trainer, PyObject *unused);
PyObject *trainer_restore(PyObject *trainer, PyObject *state);

#endif
