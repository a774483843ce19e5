#include "shared_model.h"

#include "base/memory.h"

od_status shared_model_create(const od_network *network, const od_kernels *kernels,
                              od_precision precision, shared_model **result, od_error *error) {
  *result = NULL;
  shared_model *shared = od_allocate(1, sizeof *shared);
  if (!shared) return od_fail_memory(error, "a model");
  const od_status status = od_model_create(network, kernels, precision, &shared->model, error);
  if (status != OD_OK) {
    od_release(shared);
    return status;
  }
  atomic_init(&shared->users, 1);
  for (int i = 0; i < IDLE_WORKSPACES; i++) atomic_init(&shared->idle[i], NULL);
  *result = shared;
  return OD_OK;
}

void shared_model_retain(shared_model *shared) { atomic_fetch_add(&shared->users, 1); }

void shared_model_release(shared_model *shared) {
  if (!shared || atomic_fetch_sub(&shared->users, 1) != 1) return;
  for (int i = 0; i < IDLE_WORKSPACES; i++) od_workspace_destroy(atomic_load(&shared->idle[i]));
  od_model_destroy(shared->model);
  od_release(shared);
}

od_status shared_model_take_workspace(shared_model *shared, int threads, od_workspace **workspace,
                                      od_error *error) {
  for (int i = 0; i < IDLE_WORKSPACES; i++) {
    od_workspace *idle = atomic_exchange(&shared->idle[i], NULL);
    if (idle && od_workspace_threads(idle) == threads) {
      *workspace = idle;
      return OD_OK;
    }
    if (idle) shared_model_give_workspace(shared, idle);
  }
  return od_workspace_create(shared->model, threads, workspace, error);
}

/* Puts the workspace into an empty slot. */
static bool keep_idle(shared_model *shared, od_workspace *workspace) {
  for (int i = 0; i < IDLE_WORKSPACES; i++) {
    od_workspace *expected = NULL;
    if (atomic_compare_exchange_strong(&shared->idle[i], &expected, workspace)) return true;
  }
  return false;
}

void shared_model_give_workspace(shared_model *shared, od_workspace *workspace) {
  if (keep_idle(shared, workspace)) return;
  /* All slots are taken, perhaps by workspaces for other numbers of threads: replace one. */
  od_workspace_destroy(atomic_exchange(&shared->idle[0], workspace));
}
