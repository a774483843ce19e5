/* The batch norms of a run. Their statistics, and the gradients of gamma and beta, are
 * sums over the whole batch: each slice leaves its sums, which are then added in order. */
#include <math.h>
#include <string.h>

#include "nn/gradient_state.h"

static size_t rows_of(const od_op *op, size_t images) {
  return images * (size_t)op->in.h * (size_t)op->in.w;
}

static double *slice_sums(const od_gradient *g, int i, int slice) {
  return g->states[i].slice_sums + (size_t)slice * 2 * (size_t)g->plan.ops[i].in.c;
}

static void add_slice_sums(const od_pass *pass, int i) {
  size_t size = 2 * (size_t)pass->g->plan.ops[i].in.c;
  double *sums = pass->g->states[i].sums;
  memset(sums, 0, size * sizeof *sums);
  for (int slice = 0; slice < slices_of(pass->g, pass->batch->count); slice++) {
    const double *part = slice_sums(pass->g, i, slice);
    for (size_t k = 0; k < size; k++) sums[k] += part[k];
  }
}

void od_norm_slice_sums(const od_pass *pass, int i, int slice) {
  const od_gradient *g = pass->g;
  const od_op *op = &g->plan.ops[i];
  od_span images = slice_images(pass, slice);
  const od_batch_norm_args args = {.kernels = g->kernels,
                                   .rows = rows_of(op, images.count),
                                   .c = (size_t)op->in.c,
                                   .x = input_of(g, i, images.begin)};
  od_batch_norm_sums(&args, slice_sums(g, i, slice));
}

/* Mean, variance and 1 / deviation of the batch. */
void od_norm_statistics(const od_pass *pass, int i) {
  const od_op *op = &pass->g->plan.ops[i];
  const od_layer *layer = od_network_layer(pass->g->network, op->layer);
  const od_op_state *state = &pass->g->states[i];
  size_t c = (size_t)op->in.c;
  double rows = (double)rows_of(op, (size_t)pass->batch->count);
  add_slice_sums(pass, i);
  for (size_t k = 0; k < c; k++) {
    double mean = state->sums[k] / rows, square = state->sums[c + k] / rows;
    state->mean[k] = mean;
    state->variance[k] = square - mean * mean < 0 ? 0 : square - mean * mean; /* NaN stays */
    state->inverse[k] = 1 / sqrt(state->variance[k] + layer->epsilon);
  }
}

/* The arguments of batch norm i for a slice. */
static od_batch_norm_args slice_args(const od_pass *pass, int i, int slice, od_real *scratch) {
  const od_gradient *g = pass->g;
  const od_op *op = &g->plan.ops[i];
  const od_real *values = od_network_values_const(g->network);
  od_span images = slice_images(pass, slice);
  return (od_batch_norm_args){.kernels = g->kernels,
                              .rows = rows_of(op, images.count),
                              .c = (size_t)op->in.c,
                              .mean = g->states[i].mean,
                              .inverse = g->states[i].inverse,
                              .gamma = values + op->kernel_at,
                              .beta = values + op->bias_at,
                              .x = input_of(g, i, images.begin),
                              .dy = g->states[i].dy + images.begin * od_shape_size(op->out),
                              .scratch = scratch};
}

void od_norm_forward(const od_pass *pass, int i, int slice, od_real *scratch) {
  const od_gradient *g = pass->g;
  const od_batch_norm_args args = slice_args(pass, i, slice, scratch);
  size_t begin = slice_images(pass, slice).begin;
  od_batch_norm_forward(&args, g->states[i].y + begin * od_shape_size(g->plan.ops[i].out));
}

void od_norm_slice_gradients(const od_pass *pass, int i, int slice) {
  const od_batch_norm_args args = slice_args(pass, i, slice, NULL);
  od_batch_norm_backward_sums(&args, slice_sums(pass->g, i, slice));
}

/* The gradients of gamma and beta are the sums themselves. */
void od_norm_gradient(const od_pass *pass, int i) {
  const od_op *op = &pass->g->plan.ops[i];
  const double *sums = pass->g->states[i].sums;
  size_t c = (size_t)op->in.c;
  add_slice_sums(pass, i);
  for (size_t k = 0; k < c; k++) {
    pass->values[op->bias_at + k] = (od_real)sums[k];
    pass->values[op->kernel_at + k] = (od_real)sums[c + k];
  }
}

void od_norm_backward(const od_pass *pass, int i, int slice, od_real *scratch) {
  const od_gradient *g = pass->g;
  const od_batch_norm_args args = slice_args(pass, i, slice, scratch);
  double count = (double)rows_of(&g->plan.ops[i], (size_t)pass->batch->count);
  od_real *dx = input_gradient_of(g, i, slice_images(pass, slice).begin);
  if (dx) od_batch_norm_backward(&args, g->states[i].sums, count, dx);
}

/* Moves the statistics of one batch norm towards the last batch's; a number that would
 * overflow is left as it is. */
static void move_statistics(od_gradient *g, int i) {
  const od_op_state *state = &g->states[i];
  const od_op *op = &g->plan.ops[i];
  od_real *means = od_network_find(g->network, op->layer, OD_MOVING_MEAN)->data;
  od_real *variances = od_network_find(g->network, op->layer, OD_MOVING_VARIANCE)->data;
  size_t c = (size_t)op->in.c;
  double keep = od_network_layer(g->network, op->layer)->momentum;
  for (size_t k = 0; k < c; k++) {
    od_real mean = (od_real)(keep * (double)means[k] + (1 - keep) * state->mean[k]);
    od_real variance = (od_real)(keep * (double)variances[k] + (1 - keep) * state->variance[k]);
    if (!isfinite(mean) || !isfinite(variance)) continue;
    means[k] = mean;
    variances[k] = variance;
  }
}

void od_gradient_update_statistics(od_gradient *g) {
  for (int s = 1; s < g->stage_count; s++) move_statistics(g, g->stages[s].begin);
}
