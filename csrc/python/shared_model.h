/* A reference-counted model with a few idle workspaces: threads run it concurrently, each in a
 * workspace of its own, and it can be replaced while it is used. The last user destroys it. */
#ifndef OD_PYTHON_SHARED_MODEL_H
#define OD_PYTHON_SHARED_MODEL_H

#include <stdatomic.h>

#include "nn/workspace.h"

enum { IDLE_WORKSPACES = 8 };

typedef struct shared_model {
  od_model *model;
  atomic_int users;
  _Atomic(od_workspace *) idle[IDLE_WORKSPACES];
} shared_model;

/* Creates the model of a network with the caller as its user. */
od_status shared_model_create(const od_network *network, const od_kernels *kernels,
                              od_precision precision, shared_model **shared, od_error *error);
/* Adds a user, who must release it. */
void shared_model_retain(shared_model *shared);
void shared_model_release(shared_model *shared); /* NULL is fine */

/* An idle workspace for `threads` workers, or a new one. Give it back afterwards. */
od_status shared_model_take_workspace(shared_model *shared, int threads, od_workspace **workspace,
                                      od_error *error);
void shared_model_give_workspace(shared_model *shared, od_workspace *workspace);

#endif
