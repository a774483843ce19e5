#include "nn/workspace.h"

#include <string.h>

#include "base/math.h"
#include "nn/model_state.h"
#include "nn/ops.h"

/* Allocates what map.c needs. */
static bool allocate_map(od_workspace *workspace) {
  const od_model *model = workspace->model;
  const size_t threads = (size_t)workspace->threads, count = (size_t)model->plan.count;
  if (!model->map_at) return true;
  workspace->whole = od_allocate(count, sizeof *workspace->whole);
  workspace->rows = od_allocate(threads * (count + 1), sizeof *workspace->rows);
  workspace->streams =
      od_allocate(od_map_buffers_size(model), threads * sizeof *workspace->streams);
  return workspace->whole && workspace->rows && workspace->streams;
}

od_status od_workspace_create(const od_model *model, int threads, od_workspace **result,
                              od_error *error) {
  *result = NULL;
  od_workspace *workspace = od_allocate(1, sizeof *workspace);
  if (!workspace) return od_fail_memory(error, "a workspace");
  workspace->model = model;
  workspace->threads = threads;
  workspace->worker_size = od_round_to_alignment(
      model->slice * (2 * model->widest + model->map_size) + model->scratch_size);
  workspace->buffers =
      od_allocate(workspace->worker_size, (size_t)threads * sizeof *workspace->buffers);
  workspace->fitted =
      od_allocate((size_t)threads * (size_t)model->plan.count, sizeof *workspace->fitted);
  if (!workspace->buffers || !workspace->fitted || !allocate_map(workspace)) {
    od_workspace_destroy(workspace);
    return od_fail_memory(error, "a workspace");
  }
  *result = workspace;
  return OD_OK;
}

void od_workspace_destroy(od_workspace *workspace) {
  if (!workspace) return;
  od_release(workspace->buffers);
  od_release(workspace->fitted);
  od_release(workspace->whole);
  od_release(workspace->rows);
  od_release(workspace->streams);
  od_release(workspace->observed);
  od_release(workspace);
}

int od_workspace_threads(const od_workspace *workspace) { return workspace->threads; }

/* A worker's two buffers of activations, of which each operation reads one and writes the
 * other, and its scratch memory. */
typedef struct ping_pong {
  od_real *x, *y, *scratch;
  uint8_t *maps; /* of zero tiles */
} ping_pong;

static ping_pong buffers_of(const od_workspace *workspace, int worker) {
  const od_model *model = workspace->model;
  od_real *x = workspace->buffers + (size_t)worker * workspace->worker_size;
  od_real *y = x + model->slice * model->widest, *scratch = y + model->slice * model->widest;
  return (ping_pong){x, y, scratch, (uint8_t *)(scratch + model->scratch_size)};
}

void od_op_forward(const od_workspace *workspace, const od_op *op, size_t n, const od_real *x,
                   od_real *y, int worker) {
  const od_model *model = workspace->model;
  const od_kernels *kernels = model->kernels;
  const ping_pong buffers = buffers_of(workspace, worker);
  const size_t in = od_shape_size(op->in), out = od_shape_size(op->out);
  const od_real *kernel = model->values + op->kernel_at;
  const od_real *bias = op->bias ? model->values + op->bias_at : NULL;
  switch (op->kind) {
    case OD_CONV2D:
      for (size_t i = 0; i < n; i++) {
        const od_zero_tiles tiles = {buffers.maps + i * model->map_size, model->zero_output, NULL};
        od_conv_forward(&(od_conv_args){.op = op,
                                        .kernels = kernels,
                                        .packed = kernel,
                                        .bias = bias,
                                        .x = x + i * in,
                                        .y = y + i * out,
                                        .zero_tiles = &tiles,
                                        .scratch = buffers.scratch});
      }
      break;
    case OD_DENSE:
      od_dense_forward(&(od_dense_args){.op = op,
                                        .kernels = kernels,
                                        .n = n,
                                        .packed = kernel,
                                        .bias = bias,
                                        .x = x,
                                        .y = y,
                                        .scratch = buffers.scratch});
      break;
    default:
      for (size_t i = 0; i < n; i++)
        od_image_op_forward(&(od_image_op_args){.op = op,
                                                .kernels = kernels,
                                                .scale = kernel,
                                                .shift = bias,
                                                .x = x + i * in,
                                                .y = y + i * out});
      break;
  }
}

static void observe(const od_workspace *workspace, int worker, int i, size_t n, const od_real *x) {
  double *range = workspace->observed + 2 * (worker * workspace->model->plan.count + i);
  for (size_t k = 0; k < n; k++) { /* GCC 12 for AArch64 crashes on fmin */
    const double value = (double)x[k];
    if (value < range[0]) range[0] = value;
    if (value > range[1]) range[1] = value;
  }
}

/* n inputs in the worker's first buffer through operations ops, to scores (n, steps, classes). */
static void run_ops(const od_workspace *workspace, const od_op *ops, size_t n, size_t steps,
                    int worker, od_real *scores) {
  const od_model *model = workspace->model;
  ping_pong buffers = buffers_of(workspace, worker);
  for (int i = 0; i < model->plan.count; i++) {
    if (workspace->observed) observe(workspace, worker, i, n * od_shape_size(ops[i].in), buffers.x);
    od_op_forward(workspace, &ops[i], n, buffers.x, buffers.y, worker);
    od_real *swapped = buffers.x;
    buffers.x = buffers.y;
    buffers.y = swapped;
  }
  memcpy(scores, buffers.x, n * steps * model->classes * sizeof *scores);
}

static void softmax_rows(size_t rows, size_t classes, od_real *scores) {
  for (size_t i = 0; i < rows; i++, scores += classes) od_softmax(classes, scores, scores);
}

od_real *od_workspace_input(const od_workspace *workspace, int worker) {
  return buffers_of(workspace, worker).x;
}

void od_model_run_slice(const od_model *model, od_workspace *workspace, int worker, size_t n,
                        od_real *scores) {
  run_ops(workspace, model->plan.ops, n, model->positions, worker, scores);
}

typedef struct images_run {
  const od_model *model;
  od_workspace *workspace;
  const od_images *images;
  bool softmax;
  od_real *scores;
} images_run;

static void run_slice(void *context, int slice, int worker) {
  const images_run *run = context;
  const od_model *model = run->model;
  const size_t begin = (size_t)slice * model->slice, row = model->positions * model->classes;
  const size_t n = od_min_size(run->images->count - begin, model->slice);
  od_real *input = od_workspace_input(run->workspace, worker), *scores = run->scores + begin * row;
  for (size_t i = 0; i < n; i++)
    od_images_load(run->images, model->kernels, begin + i, input + i * model->input_size);
  od_model_run_slice(model, run->workspace, worker, n, scores);
  if (run->softmax) softmax_rows(n * model->positions, model->classes, scores);
}

od_thread_pool *od_workspace_pool(const od_workspace *workspace, od_thread_pool *pool) {
  return od_thread_pool_threads(pool) > workspace->threads ? NULL : pool;
}

od_status od_model_run(const od_model *model, od_workspace *workspace, od_thread_pool *pool,
                       const od_images *images, bool softmax, od_real *scores) {
  images_run run = {model, workspace, images, softmax, scores};
  const size_t slices = (images->count + model->slice - 1) / model->slice;
  return od_thread_pool_run(od_workspace_pool(workspace, pool), run_slice, &run, (int)slices);
}

typedef struct lines_run {
  const od_model *model;
  od_workspace *workspace;
  const od_line_image *lines;
  double scale;
  bool softmax;
} lines_run;

static void run_line(void *context, int index, int worker) {
  const lines_run *run = context;
  const od_model *model = run->model;
  const od_line_image *line = &run->lines[index];
  const size_t count = (size_t)model->plan.count;
  od_op *ops = run->workspace->fitted + (size_t)worker * count;
  od_plan_fit(&model->plan, model->plan.ops[0].in.h, line->width, ops);
  const size_t steps = (size_t)ops[count - 1].out.w;
  model->kernels->bytes_to_real(od_shape_size(ops[0].in), line->pixels, (od_real)run->scale,
                                od_workspace_input(run->workspace, worker));
  run_ops(run->workspace, ops, 1, steps, worker, line->scores);
  if (run->softmax) softmax_rows(steps, model->classes, line->scores);
}

od_status od_model_run_lines(const od_model *model, od_workspace *workspace, od_thread_pool *pool,
                             size_t count, const od_line_image *lines, double scale, bool softmax) {
  lines_run run = {model, workspace, lines, scale, softmax};
  return od_thread_pool_run(od_workspace_pool(workspace, pool), run_line, &run, (int)count);
}
