/* Network: an od_network as a Python object that threads may share.
 *
 * Its layers never change after creation and are read freely. Its values and flags are used with
 * its lock held. Predictions run on a model, packed from the values when first needed, without
 * the lock: each takes a lease of the model and of a workspace. While a trainer runs on a network,
 * its weights cannot be set; other calls wait until the trainer releases the lock, which it
 * does between steps. */
#ifndef OD_PYTHON_NETWORK_TYPE_H
#define OD_PYTHON_NETWORK_TYPE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

#include "lock.h"
#include "nn/gradcam.h"
#include "nn/images.h"
#include "nn/network.h"
#include "shared_model.h"
#include "shared_thread_pool.h"

typedef struct network_object {
  PyObject_HEAD
  object_lock lock;
  od_network *network;
  shared_model *model;    /* of the present values; NULL until the next prediction */
  od_gradcam *gradcam;    /* of the present values; NULL until the next explanation, … */
  int gradcam_layer;      /* … of this layer */
  od_precision precision; /* of predictions */
  bool training;          /* a trainer runs */
  bool small;             /* one image is not enough work to release the GIL */
  unsigned single_images; /* so far: now and then the GIL is released for one */
} network_object;

extern PyType_Spec network_type_spec;

/* Releases what was made from the values. Call it with the lock held after they have changed. */
void network_values_changed(network_object *self);

/* Creates a network of the same layers, values and ranges. */
od_status network_twin(network_object *self, od_network **twin, od_error *error);
/* Sets those ranges of layers that `from` has; both networks have the same layers. */
void copy_ranges(const od_network *from, od_network *to);

/* A model of a network's present values, a workspace for it, and perhaps the thread pool, for one
 * call. All of it stays as it is, whatever other threads do with the network. */
typedef struct network_lease {
  shared_model *shared;
  od_workspace *workspace;
  shared_thread_pool *shared_pool;
  od_thread_pool *pool; /* NULL without one */
  bool keeps_gil;       /* the call is too short to release the GIL */
} network_lease;

/* Takes a lease for work on `images` images, in parallel if there are several. False with an
 * exception set. */
bool network_lease_take(PyObject *network, size_t images, network_lease *lease);
void network_lease_release(network_lease *lease);

/* Labels in the form of the network's od_batch. A copy; free it with PyMem_Free. */
bool network_labels(const od_network *network, PyObject *value, const char *name, size_t count,
                    uint8_t **labels, size_t *length);

#endif
