#include "nn/calibration.h"

#include <math.h>

#include "nn/model_state.h"

/* Runs the images through a model with a range observer, and sets the network's ranges. */
static od_status observe(od_network *network, const od_model *model, od_workspace *workspace,
                         od_thread_pool *pool, const od_images *images, od_error *error) {
  const size_t ops = (size_t)model->plan.count, threads = (size_t)workspace->threads;
  const size_t row = model->positions * model->classes;
  od_real *scores = od_allocate(images->count, row * sizeof *scores);
  workspace->observed = od_allocate(threads * ops, 2 * sizeof *workspace->observed);
  if (!scores || !workspace->observed) {
    od_release(scores);
    return od_fail_memory(error, "a calibration");
  }
  const od_status status = od_model_run(model, workspace, pool, images, false, scores);
  od_release(scores);
  if (status) return status;
  for (size_t i = 0; i < ops; i++) {
    double low = 0, high = 0;
    for (size_t worker = 0; worker < threads; worker++) {
      const double *range = workspace->observed + 2 * (worker * ops + i);
      low = fmin(low, range[0]);
      high = fmax(high, range[1]);
    }
    od_network_set_range(network, model->plan.ops[i].layer, low, high);
  }
  return OD_OK;
}

od_status od_network_calibrate(od_network *network, const od_kernels *kernels, od_thread_pool *pool,
                               const od_images *images, od_error *error) {
  od_model *model;
  od_workspace *workspace = NULL;
  od_status status = od_model_create(network, kernels, OD_FLOAT32, &model, error);
  if (!status) status = od_workspace_create(model, od_thread_pool_threads(pool), &workspace, error);
  if (!status) status = observe(network, model, workspace, pool, images, error);
  od_workspace_destroy(workspace);
  od_model_destroy(model);
  return status;
}
