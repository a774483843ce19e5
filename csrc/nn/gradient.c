/* A run: each stage forward, the loss after the last one, each stage backward, and between them
 * the steps over all slices. */
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

/* Packs the kernel of operation i for its passes. */
static void pack_task(void *context, int i, int worker) {
  const od_gradient *g = ((const od_pass *)context)->g;
  (void)worker;
  const od_op *op = &g->plan.ops[i];
  const od_op_state *state = &g->states[i];
  const od_real *values = od_network_values_const(g->network), *kernel = values + op->kernel_at;
  const od_real *bias = op->bias ? values + op->bias_at : NULL;
  if (op->kind == OD_CONV2D) {
    od_conv_pack(op, g->kernels, kernel, bias, state->packed);
    if (i) od_conv_pack_backward(op, g->kernels, kernel, state->packed_backward);
  }
  if (op->kind != OD_DENSE) return;
  if (state->packed) od_dense_pack(op, g->kernels, kernel, bias, state->packed);
  if (i) od_dense_transpose(op, kernel, state->packed_backward);
}

/* The arguments of both passes of convolution i that do not depend on the image. */
static od_conv_args conv_args(const od_gradient *g, int i, int worker) {
  const od_op *op = &g->plan.ops[i];
  return (od_conv_args){.op = op,
                        .kernels = g->kernels,
                        .packed = g->states[i].packed,
                        .bias = op->bias ? od_network_values_const(g->network) + op->bias_at : NULL,
                        .scratch = worker_scratch(g, worker)};
}

/* The output for an all-zero image of the convolution that skips zero tiles, with the weights of
 * this step. */
static void compute_zero_output(const od_gradient *g) {
  if (!g->plan.count || !g->plan.ops[0].finds_zero_tiles) return;
  od_conv_args pair[2] = {conv_args(g, 0, 0), conv_args(g, 1, 0)};
  pair[0].y = g->states[0].y;
  pair[1].y = g->states[1].zero_y;
  pair[1].argmax = g->states[1].zero_argmax;
  od_conv_zero_output(pair, g->input);
}

/* -- forward -- */

static void forward_convolution(const od_pass *pass, int i, int slice, int worker) {
  const od_gradient *g = pass->g;
  const od_op *op = &g->plan.ops[i];
  const od_op_state *state = &g->states[i];
  od_span images = slice_images(pass, slice);
  size_t out = od_shape_size(op->out);
  od_zero_tiles zero = {.y = state->zero_y, .argmax = state->zero_argmax};
  od_conv_args args = conv_args(g, i, worker);
  if (op->finds_zero_tiles || op->skips_zero_tiles) args.zero_tiles = &zero;
  for (size_t k = images.begin; k < images.begin + images.count; k++) {
    if (od_thread_pool_check(&pass->pool)) return;
    if (args.zero_tiles) zero.map = g->states[0].zero_maps + k * zero_map_size(g);
    args.x = input_of(g, i, k);
    args.y = state->y + k * out;
    args.argmax = state->argmax ? state->argmax + k * out : NULL;
    od_conv_forward(&args);
  }
}

static void forward_dense(const od_pass *pass, int i, int slice, int worker) {
  const od_gradient *g = pass->g;
  const od_op *op = &g->plan.ops[i];
  const od_op_state *state = &g->states[i];
  const od_real *values = od_network_values_const(g->network);
  od_span images = slice_images(pass, slice);
  od_dense_forward(
      &(od_dense_args){.op = op,
                       .kernels = g->kernels,
                       .n = images.count,
                       .packed = state->packed ? state->packed : values + op->kernel_at,
                       .bias = op->bias ? values + op->bias_at : NULL,
                       .x = input_of(g, i, images.begin),
                       .y = state->y + images.begin * od_shape_size(op->out),
                       .scratch = worker_scratch(g, worker)});
}

/* The arguments of both passes of operation i, an image op, on image k. */
static od_image_op_args image_op_args(const od_gradient *g, int i, size_t k) {
  const od_op *op = &g->plan.ops[i];
  const od_op_state *state = &g->states[i];
  const od_real *values = od_network_values_const(g->network);
  const size_t at = k * od_shape_size(op->out);
  return (od_image_op_args){.op = op,
                            .kernels = g->kernels,
                            .scale = values + op->kernel_at,
                            .shift = values + op->bias_at,
                            .x = input_of(g, i, k),
                            .y = state->y + at,
                            .argmax = state->argmax ? state->argmax + at : NULL,
                            .dy = state->dy + at,
                            .dx = input_gradient_of(g, i, k)};
}

static void op_forward(const od_pass *pass, int i, int slice, int worker) {
  const od_gradient *g = pass->g;
  const od_op *op = &g->plan.ops[i];
  const od_span images = slice_images(pass, slice);
  const size_t end = images.begin + images.count, out = od_shape_size(op->out);
  switch (op->kind) {
    case OD_CONV2D:
      forward_convolution(pass, i, slice, worker);
      break;
    case OD_DENSE:
      forward_dense(pass, i, slice, worker);
      break;
    case OD_DROPOUT:
      for (size_t k = images.begin; k < end; k++)
        drop(pass, i, k, input_of(g, i, k), g->states[i].y + k * out);
      break;
    case OD_BATCH_NORM:
      od_norm_forward(pass, i, slice, worker_scratch(g, worker));
      break;
    default:
      for (size_t k = images.begin; k < end; k++) {
        const od_image_op_args args = image_op_args(g, i, k);
        od_image_op_forward(&args);
      }
      break;
  }
}

/* Loss of image k and the gradient of its scores. */
static void image_loss(const od_pass *pass, size_t k, const od_real *scores, od_real *gradient) {
  const od_gradient *g = pass->g;
  size_t label = pass->batch->labels[k];
  const od_real *targets = pass->batch->targets;
  double weight = 1.0 / pass->weight;
  g->losses[k] =
      targets ? od_soft_cross_entropy(g->classes, scores, targets + k * g->classes, pass->smoothing,
                                      weight, gradient)
              : od_cross_entropy(g->classes, scores, label, pass->smoothing, weight, gradient);
  g->correct[k] = od_argmax(g->classes, scores) == label;
}

static void sequence_loss(const od_pass *pass, size_t k, const od_real *scores, od_real *gradient,
                          void *scratch) {
  const od_gradient *g = pass->g;
  const size_t length = pass->batch->length;
  const od_ctc_args args = {.steps = g->positions,
                            .classes = g->classes,
                            .scores = scores,
                            .labels = pass->batch->labels + k * length,
                            .length = length,
                            .weight = 1.0 / pass->weight,
                            .gradient = gradient,
                            .scratch = scratch};
  bool correct;
  g->losses[k] = od_ctc_loss(&args, &correct);
  g->correct[k] = correct;
}

static double class_weight(const od_batch *batch, uint8_t label) {
  return batch->class_weights ? batch->class_weights[label] : 1;
}

/* The weighted sum of the losses of a map's labelled pixels. */
static void map_loss(const od_pass *pass, size_t k, const od_real *scores, od_real *gradient) {
  const od_gradient *g = pass->g;
  const uint8_t *labels = pass->batch->labels + k * g->positions;
  double loss = 0;
  size_t correct = 0;
  for (size_t i = 0; i < g->positions; i++, scores += g->classes, gradient += g->classes) {
    if (labels[i] == OD_IGNORE_LABEL) {
      memset(gradient, 0, g->classes * sizeof *gradient);
      continue;
    }
    const double weight = class_weight(pass->batch, labels[i]);
    loss += weight * od_cross_entropy(g->classes, scores, labels[i], pass->smoothing,
                                      weight / pass->weight, gradient);
    correct += od_argmax(g->classes, scores) == labels[i];
  }
  g->losses[k] = loss;
  g->correct[k] = correct;
}

static void slice_loss(const od_pass *pass, int slice, int worker) {
  const od_gradient *g = pass->g;
  od_span images = slice_images(pass, slice);
  size_t size = g->positions * g->classes;
  od_real unused[256]; /* a network without operations keeps no gradient */
  int last = g->plan.count - 1;
  for (size_t k = images.begin; k < images.begin + images.count; k++) {
    const od_real *scores = (last < 0 ? g->input : g->states[last].y) + k * size;
    od_real *gradient = last < 0 ? unused : g->states[last].dy + k * size;
    if (g->is_map)
      map_loss(pass, k, scores, gradient);
    else if (g->positions > 1)
      sequence_loss(pass, k, scores, gradient, worker_scratch(g, worker));
    else
      image_loss(pass, k, scores, gradient);
  }
}

static void load(const od_pass *pass, int slice, int worker) {
  const od_gradient *g = pass->g;
  od_span images = slice_images(pass, slice);
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

/* Sets the partial sums of a slice for operation i to 0 and returns them: of the kernel, then of
 * the bias. */
static od_real *partial_sums(const od_gradient *g, int i, int slice) {
  const od_op *op = &g->plan.ops[i];
  od_real *sums = g->partials + (size_t)slice * g->partial_size + g->states[i].partial_at;
  return memset(sums, 0, (op->kernel_size + op->bias_size) * sizeof *sums);
}

static void backward_convolution(const od_pass *pass, int i, int slice, int worker) {
  const od_gradient *g = pass->g;
  const od_op *op = &g->plan.ops[i];
  const od_op_state *state = &g->states[i];
  od_span images = slice_images(pass, slice);
  size_t out = od_shape_size(op->out);
  od_conv_args args = conv_args(g, i, worker);
  args.packed = state->packed_backward;
  args.dkernel = partial_sums(g, i, slice);
  args.dbias = op->bias ? args.dkernel + op->kernel_size : NULL;
  for (size_t k = images.begin; k < images.begin + images.count; k++) {
    if (od_thread_pool_check(&pass->pool)) return;
    args.x = input_of(g, i, k);
    args.y = state->y + k * out;
    args.argmax = state->argmax ? state->argmax + k * out : NULL;
    args.dy = state->dy + k * out;
    args.dx = input_gradient_of(g, i, k);
    od_conv_backward(&args);
  }
}

/* dx alone: the gradient of the kernel is that of the whole batch (gradient_sums.c). */
static void backward_dense(const od_pass *pass, int i, int slice) {
  const od_gradient *g = pass->g;
  const od_op *op = &g->plan.ops[i];
  const od_op_state *state = &g->states[i];
  const od_span images = slice_images(pass, slice);
  const size_t at = images.begin * od_shape_size(op->out);
  const od_dense_args args = {.op = op,
                              .kernels = g->kernels,
                              .n = images.count,
                              .packed = state->packed_backward,
                              .dy = state->dy + at,
                              .dx = input_gradient_of(g, i, images.begin)};
  if (op->relu)
    g->kernels->relu_backward(images.count * od_shape_size(op->out), state->y + at, state->dy + at);
  if (args.dx) od_dense_backward(&args);
}

static void backward_image_op(const od_pass *pass, int i, int slice) {
  const od_gradient *g = pass->g;
  const od_op *op = &g->plan.ops[i];
  const od_span images = slice_images(pass, slice);
  od_real *sums = op->kind == OD_LAYER_NORM ? partial_sums(g, i, slice) : NULL;
  for (size_t k = images.begin; k < images.begin + images.count; k++) {
    od_image_op_args args = image_op_args(g, i, k);
    args.dscale = sums;
    args.dshift = sums ? sums + op->kernel_size : NULL;
    od_image_op_backward(&args);
  }
}

static void op_backward(const od_pass *pass, int i, int slice, int worker) {
  const od_gradient *g = pass->g;
  const od_op *op = &g->plan.ops[i];
  const od_span images = slice_images(pass, slice);
  const size_t out = od_shape_size(op->out);
  switch (op->kind) {
    case OD_CONV2D:
      backward_convolution(pass, i, slice, worker);
      break;
    case OD_DENSE:
      backward_dense(pass, i, slice);
      break;
    case OD_DROPOUT:
      for (size_t k = images.begin; i && k < images.begin + images.count; k++)
        drop(pass, i, k, g->states[i].dy + k * out, input_gradient_of(g, i, k));
      break;
    case OD_BATCH_NORM: /* left to od_norm_* */
      break;
    default:
      backward_image_op(pass, i, slice);
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

/* Counts the images, or the labelled pixels, and adds up their weights. */
static void count_labels(od_pass *pass) {
  const od_gradient *g = pass->g;
  const od_batch *batch = pass->batch;
  const size_t images = (size_t)batch->count;
  if (!g->is_map) {
    pass->counted = images;
    pass->weight = (double)images;
    return;
  }
  for (size_t i = 0; i < images * g->positions; i++)
    if (batch->labels[i] != OD_IGNORE_LABEL) {
      pass->counted++;
      pass->weight += class_weight(batch, batch->labels[i]);
    }
  if (!(pass->weight > 0)) pass->weight = 1; /* all losses are 0 */
}

static od_loss total_loss(const od_pass *pass) {
  od_loss total = {.counted = pass->counted};
  for (int k = 0; k < pass->batch->count; k++) {
    total.loss += pass->g->losses[k] / pass->weight;
    total.correct += pass->g->correct[k];
  }
  return total;
}

od_status od_gradient_run(od_gradient *g, const od_thread_pool *pool, const od_batch *batch,
                          double label_smoothing, od_real *values, od_loss *loss) {
  const bool serial = od_thread_pool_threads(pool) > g->threads;
  od_pass pass = {.g = g,
                  .pool = od_thread_pool_attach(pool, serial, pool ? pool->interrupt : NULL),
                  .batch = batch,
                  .smoothing = label_smoothing,
                  .values = values};
  const int slices = slices_of(g, batch->count);
  count_labels(&pass);
  od_status status = od_thread_pool_run(&pass.pool, pack_task, &pass, g->plan.count);
  if (status) return status;
  compute_zero_output(g);
  for (int s = 0; s < g->stage_count; s++) {
    pass.stage = &g->stages[s];
    if (s) od_norm_statistics(&pass, pass.stage->begin);
    status = od_thread_pool_run(&pass.pool, forward_task, &pass, slices);
    if (status) return status;
  }
  for (int s = g->stage_count - 1; s >= 0; s--) {
    pass.stage = &g->stages[s];
    status = od_thread_pool_run(&pass.pool, backward_task, &pass, slices);
    if (status) return status;
    if (s) od_norm_gradient(&pass, pass.stage->begin);
  }
  status = od_gradient_reduce(&pass);
  if (!status) *loss = total_loss(&pass);
  return status;
}
