/* A run: each stage forward, the loss with the last one, each stage back, and what joins
 * the slices between them. */
#include "nn/gradient.h"

#include <string.h>

#include "base/math.h"
#include "base/rng.h"
#include "nn/gradient_state.h"
#include "nn/ctc.h"

static od_real *worker_scratch(const od_gradient *g, int worker) {
  return g->scratch + (size_t)worker * g->scratch_size;
}

/* Dropout of one image, the same numbers forward and backward. */
static void drop(const od_pass *pass, int i, size_t image, const od_real *x, od_real *y) {
  const od_op *op = &pass->g->plan.ops[i];
  uint64_t seed = od_rng_mix(od_rng_mix(pass->batch->seed, (uint64_t)i), (uint64_t)image);
  double rate = od_network_layer(pass->g->network, op->layer)->rate;
  od_dropout(od_shape_size(op->out), rate, seed, x, y);
}

/* -- before the slices -- */

/* Brings the kernel of operation i into the forms that its passes want. */
static void prepare_task(void *context, int i, int worker) {
  const od_gradient *g = ((const od_pass *)context)->g;
  (void)worker;
  const od_op *op = &g->plan.ops[i];
  const od_op_state *state = &g->states[i];
  const od_real *values = od_network_values_const(g->network), *kernel = values + op->kernel_at;
  const od_real *bias = op->bias ? values + op->bias_at : NULL;
  if (op->kind == OD_CONV2D) {
    od_conv_pack(op, g->kernels, kernel, bias, state->prepared);
    if (i) od_conv_pack_backward(op, g->kernels, kernel, state->turned);
  }
  if (op->kind != OD_DENSE) return;
  if (state->prepared) od_dense_pack(op, g->kernels, kernel, bias, state->prepared);
  if (i) od_dense_transpose(op, kernel, state->turned);
}

/* What the second of a pair gives for a blank image; with the weights of this step. */
static void compute_blank(const od_gradient *g) {
  if (!g->plan.count || !g->plan.ops[0].finds_zero_tiles) return;
  const od_real *values = od_network_values_const(g->network), *kernels[2], *biases[2];
  const od_op *pair = g->plan.ops;
  const od_op_state *states = g->states;
  for (int i = 0; i < 2; i++) {
    kernels[i] = states[i].prepared;
    biases[i] = pair[i].bias ? values + pair[i].bias_at : NULL;
  }
  od_conv_zero_output(pair, g->kernels, kernels, biases, states[1].blank, states[1].blank_choice,
                g->input, states[0].y, worker_scratch(g, 0));
}

/* -- forward -- */

static void forward_convolution(const od_gradient *g, int i, const od_real *x, od_real *y,
                                uint8_t *choice, size_t image, int worker) {
  const od_op *op = &g->plan.ops[i];
  const od_op_state *state = &g->states[i];
  const od_real *bias = op->bias ? od_network_values_const(g->network) + op->bias_at : NULL;
  od_zero_tiles blank = {.y = state->blank, .choice = state->blank_choice};
  bool pair = op->finds_zero_tiles || op->skips_zero_tiles;
  if (pair) blank.map = g->states[0].maps + image * map_size(g);
  od_conv_forward(op, g->kernels, x, state->prepared, bias, y, choice, pair ? &blank : NULL,
                  worker_scratch(g, worker));
}

static void op_forward(const od_pass *pass, int i, int slice, int worker) {
  const od_gradient *g = pass->g;
  const od_kernels *kernels = g->kernels;
  const od_op *op = &g->plan.ops[i];
  const od_op_state *state = &g->states[i];
  const od_real *values = od_network_values_const(g->network);
  od_span images = slice_images(pass->batch, slice);
  size_t begin = images.begin, n = images.count;
  size_t in = od_shape_size(op->in), out = od_shape_size(op->out);
  const od_real *x = input_of(g, i, begin);
  od_real *y = state->y + begin * out;
  uint8_t *choice = state->choice ? state->choice + begin * out : NULL;
  switch (op->kind) {
    case OD_CONV2D:
      for (size_t k = 0; k < n; k++)
        forward_convolution(g, i, x + k * in, y + k * out, choice ? choice + k * out : NULL,
                            begin + k, worker);
      break;
    case OD_DENSE:
      od_dense_forward(op, kernels, n, x, state->prepared ? state->prepared : values + op->kernel_at,
                       op->bias ? values + op->bias_at : NULL, y, worker_scratch(g, worker));
      break;
    case OD_RELU:
      kernels->relu(n * out, x, y);
      break;
    case OD_MAX_POOL2D:
      for (size_t k = 0; k < n; k++)
        od_max_pool_forward(op, kernels, x + k * in, y + k * out, choice + k * out);
      break;
    case OD_GLOBAL_AVERAGE_POOL2D:
      for (size_t k = 0; k < n; k++) od_global_average_pool_forward(op, kernels, x + k * in, y + k * out);
      break;
    case OD_DROPOUT:
      for (size_t k = 0; k < n; k++) drop(pass, i, begin + k, x + k * in, y + k * out);
      break;
    case OD_MAP_TO_SEQUENCE:
      for (size_t k = 0; k < n; k++) od_map_to_sequence_forward(op, x + k * in, y + k * out);
      break;
    case OD_BATCH_NORM:
      od_norm_forward(pass, i, slice, worker_scratch(g, worker));
      break;
    default: /* a plan has no other */
      break;
  }
}

/* Loss of image k and the gradient of its scores. */
static void image_loss(const od_pass *pass, size_t k, const od_real *scores, od_real *gradient) {
  const od_gradient *g = pass->g;
  size_t label = pass->batch->labels[k];
  const od_real *targets = pass->batch->targets;
  double weight = 1.0 / pass->batch->count;
  g->losses[k] = targets ? od_soft_cross_entropy(g->classes, scores, targets + k * g->classes,
                                                 pass->smoothing, weight, gradient)
                         : od_cross_entropy(g->classes, scores, label, pass->smoothing, weight,
                                            gradient);
  g->hits[k] = od_argmax(g->classes, scores) == label;
}

static void line_loss(const od_pass *pass, size_t k, const od_real *scores, od_real *gradient,
                      void *scratch) {
  const od_gradient *g = pass->g;
  bool right;
  g->losses[k] = od_ctc_loss(g->columns, g->classes, scores,
                              pass->batch->labels + k * pass->batch->length, pass->batch->length,
                              1.0 / pass->batch->count, gradient, scratch, &right);
  g->hits[k] = right;
}

static void slice_loss(const od_pass *pass, int slice, int worker) {
  const od_gradient *g = pass->g;
  od_span images = slice_images(pass->batch, slice);
  size_t size = g->columns * g->classes;
  od_real unused[256]; /* a network without operations has no gradient to keep */
  int last = g->plan.count - 1;
  for (size_t k = images.begin; k < images.begin + images.count; k++) {
    const od_real *scores = (last < 0 ? g->input : g->states[last].y) + k * size;
    od_real *gradient = last < 0 ? unused : g->states[last].dy + k * size;
    if (g->columns > 1)
      line_loss(pass, k, scores, gradient, worker_scratch(g, worker));
    else
      image_loss(pass, k, scores, gradient);
  }
}

static void load(const od_pass *pass, int slice, int worker) {
  const od_gradient *g = pass->g;
  od_span images = slice_images(pass->batch, slice);
  for (size_t k = images.begin; k < images.begin + images.count; k++)
    pass->batch->source(pass->batch->context, (int)k, worker, g->input + k * g->input_size);
}

static void forward_task(void *context, int slice, int worker) {
  const od_pass *pass = context;
  const od_gradient *g = pass->g;
  const od_stage *stage = pass->stage;
  if (stage == g->stages) load(pass, slice, worker);
  for (int i = stage->begin; i < stage->end; i++) op_forward(pass, i, slice, worker);
  if (stage->end == g->plan.count)
    slice_loss(pass, slice, worker);
  else
    od_norm_slice_sums(pass, stage->end, slice);
}

/* -- backward -- */

static void backward_convolution(const od_pass *pass, int i, int slice, int worker) {
  const od_gradient *g = pass->g;
  const od_op *op = &g->plan.ops[i];
  const od_op_state *state = &g->states[i];
  od_span images = slice_images(pass->batch, slice);
  size_t out = od_shape_size(op->out);
  od_real *dkernel = g->partials + (size_t)slice * g->partial_size + state->partial_at;
  od_real *dbias = op->bias ? dkernel + op->kernel_size : NULL;
  memset(dkernel, 0, (op->kernel_size + op->bias_size) * sizeof *dkernel);
  for (size_t k = images.begin; k < images.begin + images.count; k++)
    od_conv_backward(op, g->kernels, input_of(g, i, k), state->turned, state->y + k * out,
                     state->choice ? state->choice + k * out : NULL, state->dy + k * out,
                     input_gradient_of(g, i, k), dkernel, dbias, worker_scratch(g, worker));
}

static void op_backward(const od_pass *pass, int i, int slice, int worker) {
  const od_gradient *g = pass->g;
  const od_kernels *kernels = g->kernels;
  const od_op *op = &g->plan.ops[i];
  const od_op_state *state = &g->states[i];
  od_span images = slice_images(pass->batch, slice);
  size_t begin = images.begin, n = images.count;
  size_t in = od_shape_size(op->in), out = od_shape_size(op->out);
  const od_real *y = state->y + begin * out;
  od_real *dy = state->dy + begin * out, *dx = input_gradient_of(g, i, begin);
  if (op->kind == OD_CONV2D) backward_convolution(pass, i, slice, worker);
  if (op->kind == OD_DENSE && op->relu) kernels->relu_backward(n * out, y, dy);
  if (!dx) return; /* what follows makes nothing else */
  switch (op->kind) {
    case OD_DENSE:
      od_dense_backward(op, kernels, n, state->turned, dy, dx);
      break;
    case OD_RELU:
      memcpy(dx, dy, n * out * sizeof *dx);
      kernels->relu_backward(n * out, y, dx);
      break;
    case OD_MAX_POOL2D:
      for (size_t k = 0; k < n; k++)
        od_max_pool_backward(op, kernels, dy + k * out, state->choice + (begin + k) * out,
                             dx + k * in);
      break;
    case OD_GLOBAL_AVERAGE_POOL2D:
      for (size_t k = 0; k < n; k++) od_global_average_pool_backward(op, dy + k * out, dx + k * in);
      break;
    case OD_DROPOUT:
      for (size_t k = 0; k < n; k++) drop(pass, i, begin + k, dy + k * out, dx + k * in);
      break;
    case OD_MAP_TO_SEQUENCE:
      for (size_t k = 0; k < n; k++) od_map_to_sequence_backward(op, dy + k * out, dx + k * in);
      break;
    default: /* a convolution has gone, a batch norm goes by od_norm_* */
      break;
  }
}

static void backward_task(void *context, int slice, int worker) {
  const od_pass *pass = context;
  const od_gradient *g = pass->g;
  const od_stage *stage = pass->stage;
  bool norm = stage > g->stages;
  if (stage->end < g->plan.count)
    od_norm_backward(pass, stage->end, slice, worker_scratch(g, worker));
  for (int i = stage->end - 1; i >= stage->begin + norm; i--) op_backward(pass, i, slice, worker);
  if (norm) od_norm_slice_gradients(pass, stage->begin, slice);
}

/* -- a run -- */

static od_loss total_loss(const od_pass *pass) {
  od_loss total = {0, 0};
  for (int k = 0; k < pass->batch->count; k++) {
    total.loss += pass->g->losses[k] / pass->batch->count;
    total.correct += pass->g->hits[k];
  }
  return total;
}

od_loss od_gradient_run(od_gradient *g, od_thread_pool *pool, const od_batch *batch,
                        double label_smoothing, od_real *values) {
  od_pass pass = {g, batch, label_smoothing, values, NULL};
  int slices = slices_of(batch->count);
  if (od_thread_pool_threads(pool) > g->threads) pool = NULL;
  od_thread_pool_run(pool, prepare_task, &pass, g->plan.count);
  compute_blank(g);
  for (int s = 0; s < g->stage_count; s++) {
    pass.stage = &g->stages[s];
    if (s) od_norm_statistics(&pass, pass.stage->begin);
    od_thread_pool_run(pool, forward_task, &pass, slices);
  }
  for (int s = g->stage_count - 1; s >= 0; s--) {
    pass.stage = &g->stages[s];
    od_thread_pool_run(pool, backward_task, &pass, slices);
    if (s) od_norm_gradient(&pass, pass.stage->begin);
  }
  od_gradient_reduce(&pass, pool);
  return total_loss(&pass);
}
