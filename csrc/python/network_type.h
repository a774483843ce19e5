/* Network: an od_network as a Python object that threads may share.
 *
 * Its layers never change after creation and are read freely. Its numbers, its
 * inference and its flags are used with its lock held. While a trainer runs on it, its
 * weights cannot be set; everything else waits until the trainer lets go of the lock,
 * which it does between steps. */
#ifndef OD_PYTHON_NETWORK_TYPE_H
#define OD_PYTHON_NETWORK_TYPE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

#include "lock.h"
#include "nn/gradcam.h"
#include "nn/images.h"
#include "nn/inference.h"
#include "nn/network.h"

typedef struct network_object {
  PyObject_HEAD
  object_lock lock;
  od_network *network;
  od_inference *inference; /* made at the first prediction */
  int inference_threads;   /* workers it has room for */
  bool inference_stale;    /* the numbers have changed since it, or gradcam, took them */
  od_gradcam *gradcam;     /* made at the first explanation, … */
  int gradcam_layer;       /* … for this layer */
  od_precision precision;  /* of predictions */
  double sure;             /* the least probability of an answer to images that are ready */
  bool training;           /* a trainer runs */
  bool small;              /* one image is too little work to release the GIL for */
  unsigned gil_turn;       /* single images so far, for when the GIL is released for one */
} network_object;

extern PyType_Spec network_type_spec;

/* Releases all that was made from numbers that have changed since. With the lock held. */
void network_forget(network_object *self);

/* Calls `use` with a Network's inference, up to date, and the pool, with the network's lock held
 * and without the GIL. False with an exception set. */
typedef od_status network_user(void *context, od_inference *const *inferences,
                               od_thread_pool *pool, od_error *error);
bool network_use(int count, PyObject *const *networks, network_user *use, void *context);

/* Labels as the network wants them: see od_batch. A copy; free it with PyMem_Free. */
bool network_labels(const od_network *network, PyObject *value, const char *name, size_t count,
                    uint8_t **labels, size_t *length);

#endif
