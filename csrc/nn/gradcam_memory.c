/* Creation and destruction of an od_gradcam: the target layer, the plan, and all memory of a
 * run. */
#include <string.h>

#include "base/math.h"
#include "nn/gradcam_state.h"

/* -- the target layer -- */

static bool is_normal_or_activation(od_layer_kind kind) {
  return kind == OD_BATCH_NORM || kind == OD_LAYER_NORM || kind == OD_RELU || kind == OD_ACTIVATION;
}

static bool gives_maps(od_layer_kind kind) {
  return kind == OD_CONV2D || is_normal_or_activation(kind) || kind == OD_MAX_POOL2D ||
         kind == OD_AVERAGE_POOL2D || kind == OD_ZERO_PADDING2D;
}

/* Whether `layer` is a convolution, or all layers from one up to it keep its maps. */
static bool has_maps(const od_network *network, int layer) {
  while (layer >= 0 && gives_maps(od_network_layer(network, layer)->kind) &&
         od_network_layer(network, layer)->kind != OD_CONV2D)
    layer--;
  return layer >= 0 && od_network_layer(network, layer)->kind == OD_CONV2D;
}

int od_gradcam_default_layer(const od_network *network) {
  int count = od_network_layer_count(network), best = count - 1;
  while (best >= 0 && od_network_layer(network, best)->kind != OD_CONV2D) best--;
  for (int next = best + 1; best >= 0 && next < count; next++) {
    od_layer_kind kind = od_network_layer(network, next)->kind;
    if (!is_normal_or_activation(kind)) break;
    best = next;
  }
  return best;
}

static od_status check_layer(const od_network *network, int layer, od_error *error) {
  int count = od_network_layer_count(network), steps = od_network_sequence_length(network);
  if (od_network_output(network).h > 1)
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "network: gives a map of class scores, expected those of one digit");
  if (steps > 1)
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "network: gives scores for each of %d time steps, expected those of one digit",
                   steps);
  if (layer < 0 || layer >= count)
    return od_fail(error, OD_ERROR_ARGUMENT, "layer: got %d, expected 0 to %d", layer, count - 1);
  if (has_maps(network, layer)) return OD_OK;
  return od_fail(error, OD_ERROR_ARGUMENT,
                 "layer: %s has no maps, expected a convolution, or a norm, activation, pool or "
                 "padding after one",
                 od_network_layer_name(network, layer));
}

/* -- the plan -- */

/* Finds the operation that ends with `layer`, and the places of its maps in the image. */
static od_status find_target(od_gradcam *cam, int layer, od_error *error) {
  const od_op *ops = cam->plan.ops;
  while (cam->target + 1 < cam->plan.count && ops[cam->target + 1].layer <= layer) cam->target++;
  cam->target_op = ops[cam->target];
  return od_cam_upsampling_create(ops, cam->target + 1, &cam->upsampling, error);
}

/* Fuses the max-pool after a first convolution of one channel, the target, into it. The weighted
 * sum of such a convolution's maps is computed without the maps, and a fused convolution finds
 * zero tiles. */
static od_status fuse_pool(od_gradcam *cam, const od_network *network, od_error *error) {
  od_plan fused;
  if (cam->target > 0 || cam->plan.count < 2 || cam->plan.ops[0].pool ||
      cam->plan.ops[1].kind != OD_MAX_POOL2D)
    return OD_OK;
  od_status status = od_plan_make(network, true, OD_FLOAT32, -1, &fused, error);
  if (status) return status;
  cam->unpooled = fused.ops[0].pool && fused.ops[0].in.c == 1;
  od_plan_release(cam->unpooled ? &cam->plan : &fused);
  if (cam->unpooled) cam->plan = fused;
  return OD_OK;
}

static bool distributes(const od_op *op) {
  return op->kind == OD_MAX_POOL2D || op->kind == OD_AVERAGE_POOL2D ||
         op->kind == OD_GLOBAL_AVERAGE_POOL2D;
}

static bool sums_places(const od_op *op) {
  return op->kind == OD_DENSE || (op->kind == OD_CONV2D && op->groups == 1);
}

/* Finds the end of the backward pass. A pool distributes its output's gradient, whose sum is
 * therefore that of its input's; and the sum of the gradient of a convolution's or dense layer's
 * input is computed faster than the gradient. */
static void find_stop(od_gradcam *cam) {
  const od_op *ops = cam->plan.ops;
  int last = cam->plan.count - 1;
  cam->stop = cam->target;
  if (cam->stop < last && distributes(&ops[cam->stop + 1])) cam->stop++;
  cam->summed = cam->stop;
  if (cam->stop < last && sums_places(&ops[cam->stop + 1])) cam->summed++;
}

static od_status make_plan(od_gradcam *cam, const od_network *network, int layer, od_error *error) {
  od_status status = od_plan_make(network, true, OD_FLOAT32, layer, &cam->plan, error);
  if (!status) status = find_target(cam, layer, error);
  if (!status) status = fuse_pool(cam, network, error);
  if (!status) find_stop(cam);
  return status;
}

/* -- the numbers of the operations -- */

static bool allocate_state(const od_op *op, bool backward, od_cam_state *state) {
  size_t out = od_shape_size(op->out), packed = od_folded_sizes(op).kernel;
  size_t packed_backward = packed;
  bool conv = op->kind == OD_CONV2D;
  if (conv) {
    packed = od_conv_packed_size(op);
    packed_backward = od_conv_packed_backward_size(op);
  }
  state->packed = od_allocate(packed, sizeof *state->packed);
  state->bias = od_allocate(od_folded_sizes(op).bias, sizeof *state->bias);
  state->y = od_allocate(out, sizeof *state->y);
  if (!state->packed || !state->bias || !state->y) return false;
  if (backward && (op->pool || op->kind == OD_MAX_POOL2D) && !(state->argmax = od_allocate(out, 1)))
    return false;
  if (!backward || (!conv && op->kind != OD_DENSE)) return true;
  state->packed_backward = od_allocate(packed_backward, sizeof *state->packed_backward);
  return state->packed_backward;
}

static void release_state(const od_cam_state *state) {
  od_release(state->packed);
  od_release(state->packed_backward);
  od_release(state->bias);
  od_release(state->y);
  od_release(state->argmax);
}

/* A transposed dense kernel, (C, places, c), becomes its sums over the places, (C, c). */
static void sum_places(const od_gradcam *cam, const od_op *op, od_real *transposed) {
  size_t c = (size_t)cam->plan.ops[cam->stop].out.c, in = (size_t)op->in.c;
  for (size_t i = 0; i < (size_t)op->out.c; i++) {
    const od_real *row = transposed + i * in;
    od_real *sum = transposed + i * c;
    memmove(sum, row, c * sizeof *sum);
    cam->kernels->add_rows(in / c - 1, c, row + c, sum);
  }
}

/* Packs the numbers of operation i. */
static void pack_state(const od_gradcam *cam, const od_network *network, int i, od_real *folded) {
  const od_op *op = &cam->plan.ops[i];
  const od_cam_state *state = &cam->states[i];
  bool conv = op->kind == OD_CONV2D, summed = i == cam->summed;
  od_fold_batch_norm(op, network, conv ? folded : state->packed, state->bias);
  if (conv) od_conv_pack(op, cam->kernels, folded, state->bias, state->packed);
  if (!state->packed_backward) return;
  if (conv && summed) {
    od_conv_gradient_sum_pack(op, cam->kernels, folded, state->packed_backward);
  } else if (conv) {
    od_conv_pack_backward(op, cam->kernels, folded, state->packed_backward);
  } else {
    od_dense_transpose(op, state->packed, state->packed_backward);
    if (summed) sum_places(cam, op, state->packed_backward);
  }
}

/* -- creation -- */

static bool allocate_zero_tiles(od_gradcam *cam) {
  const od_op *ops = cam->plan.ops;
  if (!ops[0].finds_zero_tiles) return true;
  size_t out = od_shape_size(ops[1].out);
  cam->zero_map = od_allocate((size_t)ops[0].out.h * (size_t)ops[0].out.w, 1);
  cam->zero.y = od_allocate(out, sizeof *cam->zero.y);
  cam->zero.argmax = od_allocate(out, 1);
  return cam->zero_map && cam->zero.y && cam->zero.argmax;
}

static void compute_zero_output(const od_gradcam *cam) {
  if (!cam->zero_map) return;
  od_conv_args pair[2] = {od_cam_conv_args(cam, 0), od_cam_conv_args(cam, 1)};
  pair[0].argmax = NULL;
  pair[1].y = cam->zero.y;
  pair[1].argmax = cam->zero.argmax;
  od_conv_zero_output(pair, cam->pixels);
}

static size_t scratch_size(const od_gradcam *cam) {
  size_t size = cam->unpooled ? od_conv_weighted_maps_scratch(&cam->target_op) : 0;
  for (int i = 0; i < cam->plan.count; i++) {
    const od_op *op = &cam->plan.ops[i];
    if (op->kind != OD_CONV2D) continue;
    size = od_max_size(size, od_conv_forward_scratch(op));
    size = od_max_size(size, od_conv_backward_scratch(op));
    size = od_max_size(size, od_conv_gradient_sum_scratch(op));
  }
  return size;
}

static bool allocate_buffers(od_gradcam *cam) {
  size_t input = od_shape_size(cam->upsampling.input), widest = input;
  for (int i = 0; i < cam->plan.count; i++)
    widest = od_max_size(widest, od_shape_size(cam->plan.ops[i].out));
  cam->pixels = od_allocate(input, sizeof *cam->pixels);
  cam->gradient[0] = od_allocate(widest, sizeof *cam->gradient[0]);
  cam->gradient[1] = od_allocate(widest, sizeof *cam->gradient[1]);
  cam->rows = od_allocate(widest, sizeof *cam->rows);
  cam->values = od_allocate(widest, sizeof *cam->values);
  cam->weights = od_allocate((size_t)cam->plan.ops[cam->target].out.c, sizeof *cam->weights);
  cam->scratch = od_allocate(scratch_size(cam), sizeof *cam->scratch);
  return cam->pixels && cam->gradient[0] && cam->gradient[1] && cam->rows && cam->values &&
         cam->weights && cam->scratch;
}

/* Allocates all memory and packs the network's numbers. */
static od_status fill(od_gradcam *cam, const od_network *network, od_error *error) {
  int count = cam->plan.count;
  size_t kernel = 0;
  cam->states = od_allocate((size_t)count, sizeof *cam->states);
  if (!cam->states) return od_fail_memory(error, "an explanation's plan");
  bool allocated = allocate_zero_tiles(cam) && allocate_buffers(cam);
  for (int i = 0; allocated && i < count; i++) {
    allocated = allocate_state(&cam->plan.ops[i], i > cam->stop, &cam->states[i]);
    if (cam->plan.ops[i].kind == OD_CONV2D)
      kernel = od_max_size(kernel, cam->plan.ops[i].kernel_size);
  }
  od_real *folded = allocated ? od_allocate(kernel, sizeof *folded) : NULL;
  if (!folded) return od_fail_memory(error, "an explanation's buffers");
  for (int i = 0; i < count; i++) pack_state(cam, network, i, folded);
  compute_zero_output(cam);
  od_release(folded);
  return OD_OK;
}

od_status od_gradcam_create(const od_network *network, const od_kernels *kernels, int layer,
                            od_gradcam **gradcam, od_error *error) {
  *gradcam = NULL;
  od_status status = check_layer(network, layer, error);
  if (status) return status;
  od_gradcam *cam = od_allocate(1, sizeof *cam);
  if (!cam) return od_fail_memory(error, "an explanation");
  cam->kernels = kernels;
  cam->classes = (size_t)od_network_classes(network);
  status = make_plan(cam, network, layer, error);
  if (!status) status = fill(cam, network, error);
  if (status) {
    od_gradcam_destroy(cam);
    return status;
  }
  *gradcam = cam;
  return OD_OK;
}

void od_gradcam_destroy(od_gradcam *cam) {
  if (!cam) return;
  for (int i = 0; cam->states && i < cam->plan.count; i++) release_state(&cam->states[i]);
  od_release(cam->states);
  od_plan_release(&cam->plan);
  od_release(cam->zero_map);
  od_release(cam->zero.y);
  od_release(cam->zero.argmax);
  od_cam_upsampling_release(&cam->upsampling);
  od_release(cam->pixels);
  od_release(cam->gradient[0]);
  od_release(cam->gradient[1]);
  od_release(cam->rows);
  od_release(cam->values);
  od_release(cam->weights);
  od_release(cam->scratch);
  od_release(cam);
}
