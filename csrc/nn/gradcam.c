/* Forward through a plan for inference that keeps all outputs, from the class's score back to
 * the layer looked at, and the weighted sum of that layer's maps. */
#include "nn/gradcam.h"

#include <string.h>

#include "base/math.h"
#include "nn/fold_batch_norm.h"
#include "nn/cam_upsampling.h"
#include "nn/ops.h"

/* What an operation has of its own. */
typedef struct cam_state {
  od_real *prepared; /* its kernel as the forward pass wants it, … */
  od_real *turned;   /* … and as the backward pass does, after the layer looked at */
  od_real *bias;     /* (C), or none */
  od_real *y;        /* (out) */
  uint8_t *choice;   /* (out): of a max-pool, after the layer looked at */
} cam_state;

struct od_gradcam {
  const od_kernels *kernels;
  od_plan plan;
  cam_state *states;         /* (plan.count) */
  int seen;                  /* the operation whose output is looked at */
  int end;                   /* the one that deals out the gradient that is summed, and … */
  int summed;                /* … that whose input has it, which is summed and not made; or end */
  od_op looked;              /* the operation that gives the maps: `seen`, or if `apart` … */
  bool apart;                /* … the same without its max-pool */
  uint8_t *blank_map;        /* of an operation that finds blank places for one that skips them, … */
  cam_state blank;           /* … and what that gives for a blank image: y and choice */
  od_cam_upsampling heat;
  size_t classes;
  od_real *pixels;           /* (input) */
  od_real *gradient, *other; /* (widest): of an output and of an input, in turns */
  uint32_t *rows;            /* (widest): of a dense kernel, those that count, … */
  od_real *values;           /* … and their gradients */
  od_real *weights;          /* (c): of the maps */
  od_real *scratch;
};

/* ---- which layer ---- */

static bool gives_maps(od_layer_kind kind) {
  return kind == OD_CONV2D || kind == OD_BATCH_NORM || kind == OD_RELU || kind == OD_MAX_POOL2D;
}

/* Maps are what a convolution and all layers between it and `layer` give. */
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
    if (kind != OD_BATCH_NORM && kind != OD_RELU) break;
    best = next;
  }
  return best;
}

static od_status check_layer(const od_network *network, int layer, od_error *error) {
  int count = od_network_layer_count(network);
  if (layer < 0 || layer >= count)
    return od_fail(error, OD_ERROR_ARGUMENT, "layer: got %d, expected 0 to %d", layer, count - 1);
  if (has_maps(network, layer)) return OD_OK;
  return od_fail(error, OD_ERROR_ARGUMENT,
                 "layer: %s has no maps to look at, expected a convolution, or a batch norm, ReLU "
                 "or max-pool after one",
                 od_network_layer_name(network, layer));
}

/* ---- life ---- */

/* The bias (C) of operation i, or NULL. */
static const od_real *bias_of(const od_gradcam *cam, int i) {
  return od_folded_sizes(&cam->plan.ops[i]).bias ? cam->states[i].bias : NULL;
}

static od_status allocate_state(const od_op *op, bool goes_back, cam_state *state,
                                od_error *error) {
  size_t out = od_shape_size(op->out), kernel = od_folded_sizes(op).kernel;
  size_t prepared = kernel, turned = kernel;
  bool chooses = goes_back && (op->pool || op->kind == OD_MAX_POOL2D);
  bool turns = goes_back && (op->kind == OD_CONV2D || op->kind == OD_DENSE);
  if (op->kind == OD_CONV2D) {
    prepared = od_conv_packed_size(op);
    turned = od_conv_packed_backward_size(op);
  }
  state->prepared = od_allocate(prepared, sizeof *state->prepared);
  state->bias = od_allocate(od_folded_sizes(op).bias, sizeof *state->bias);
  state->y = od_allocate(out, sizeof *state->y);
  bool there = state->prepared && state->bias && state->y;
  if (there && chooses) there = (state->choice = od_allocate(out, 1));
  if (there && turns) there = (state->turned = od_allocate(turned, sizeof *state->turned));
  return there ? OD_OK : od_fail_memory(error, "an explanation's buffers");
}

/* A dense kernel turned, (C, places, c), becomes its sums over the places, (C, c). */
static void sum_places(const od_gradcam *cam, const od_op *op, od_real *turned) {
  size_t c = (size_t)cam->plan.ops[cam->end].out.c, in = (size_t)op->in.c;
  for (size_t i = 0; i < (size_t)op->out.c; i++) {
    const od_real *row = turned + i * in;
    od_real *sum = turned + i * c;
    memmove(sum, row, c * sizeof *sum);
    cam->kernels->add_rows(in / c - 1, c, row + c, sum);
  }
}

static void take_numbers(const od_gradcam *cam, const od_network *network, int i,
                         od_real *folded) {
  const od_op *op = &cam->plan.ops[i];
  cam_state *state = &cam->states[i];
  bool convolves = op->kind == OD_CONV2D, sums = i == cam->summed;
  od_fold_batch_norm(op, network, convolves ? folded : state->prepared, state->bias);
  if (convolves) od_conv_pack(op, cam->kernels, folded, state->bias, state->prepared);
  if (convolves && state->turned) {
    if (sums)
      od_conv_gradient_sum_pack(op, folded, state->turned);
    else
      od_conv_pack_backward(op, cam->kernels, folded, state->turned);
  }
  if (op->kind == OD_DENSE && state->turned) {
    od_dense_transpose(op, state->prepared, state->turned);
    if (sums) sum_places(cam, op, state->turned);
  }
}

/* Finds how far the gradient goes back. A pool deals out its gradient without adding or taking,
 * so that its output's has the same sum; and what a convolution or dense layer gives its input
 * is summed faster than made. */
static void find_end(od_gradcam *cam) {
  const od_op *ops = cam->plan.ops;
  int last = cam->plan.count - 1;
  cam->end = cam->seen;
  if (cam->end < last && (ops[cam->end + 1].kind == OD_MAX_POOL2D ||
                          ops[cam->end + 1].kind == OD_GLOBAL_AVERAGE_POOL2D))
    cam->end++;
  cam->summed = cam->end;
  if (cam->end < last &&
      (ops[cam->end + 1].kind == OD_CONV2D || ops[cam->end + 1].kind == OD_DENSE))
    cam->summed++;
}

/* Finds the operation that ends with `layer`, and where its places lie in the image. */
static od_status find_seen(od_gradcam *cam, int layer, od_error *error) {
  const od_op *ops = cam->plan.ops;
  while (cam->seen + 1 < cam->plan.count && ops[cam->seen + 1].layer <= layer) cam->seen++;
  cam->looked = ops[cam->seen];
  return od_cam_upsampling_create(ops, cam->seen + 1, &cam->heat, error);
}

/* Before the max-pool of a convolution of one channel, the sum of the maps does not want the
 * maps: the max-pool may join the convolution, which then finds where the image is blank. */
static od_status join_pool(od_gradcam *cam, const od_network *network, od_error *error) {
  od_plan joined;
  if (cam->seen > 0 || cam->plan.count < 2 || cam->plan.ops[0].pool ||
      cam->plan.ops[1].kind != OD_MAX_POOL2D)
    return OD_OK;
  od_status status = od_plan_make(network, true, OD_FLOAT32, -1, &joined, error);
  if (status) return status;
  cam->apart = joined.ops[0].pool && joined.ops[0].in.c == 1;
  od_plan_release(cam->apart ? &cam->plan : &joined);
  if (cam->apart) cam->plan = joined;
  return OD_OK;
}

static od_status find_plan(od_gradcam *cam, const od_network *network, int layer,
                           od_error *error) {
  od_status status = od_plan_make(network, true, OD_FLOAT32, layer, &cam->plan, error);
  if (!status) status = find_seen(cam, layer, error);
  if (!status) status = join_pool(cam, network, error);
  if (!status) find_end(cam);
  return status;
}

static od_status allocate_blank(od_gradcam *cam, od_error *error) {
  const od_op *ops = cam->plan.ops;
  if (!ops[0].finds_zero_tiles) return OD_OK;
  size_t out = od_shape_size(ops[1].out);
  cam->blank_map = od_allocate((size_t)ops[0].out.h * (size_t)ops[0].out.w, 1);
  cam->blank.y = od_allocate(out, sizeof *cam->blank.y);
  cam->blank.choice = od_allocate(out, 1);
  bool there = cam->blank_map && cam->blank.y && cam->blank.choice;
  return there ? OD_OK : od_fail_memory(error, "an explanation's buffers");
}

static void compute_blank(const od_gradcam *cam) {
  const cam_state *states = cam->states;
  const od_real *kernels[2], *biases[2];
  if (!cam->blank_map) return;
  for (int i = 0; i < 2; i++) {
    kernels[i] = states[i].prepared;
    biases[i] = bias_of(cam, i);
  }
  od_conv_zero_output(cam->plan.ops, cam->kernels, kernels, biases, cam->blank.y, cam->blank.choice,
                cam->pixels, states[0].y, cam->scratch);
}

static od_status fill(od_gradcam *cam, const od_network *network, od_error *error) {
  int count = cam->plan.count;
  size_t widest = od_shape_size(cam->heat.input), kernel = 0, scratch = 0;
  cam->states = od_allocate((size_t)count, sizeof *cam->states);
  if (!cam->states) return od_fail_memory(error, "an explanation's plan");
  for (int i = 0; i < count; i++) {
    const od_op *op = &cam->plan.ops[i];
    od_status status = allocate_state(op, i > cam->end, &cam->states[i], error);
    if (status) return status;
    widest = od_max_size(widest, od_shape_size(op->out));
    if (op->kind != OD_CONV2D) continue;
    kernel = od_max_size(kernel, op->kernel_size);
    scratch = od_max_size(scratch, od_max_size(od_conv_forward_scratch(op), od_conv_backward_scratch(op)));
    scratch = od_max_size(scratch, od_conv_gradient_sum_scratch(op));
  }
  if (cam->apart) scratch = od_max_size(scratch, od_conv_weighted_maps_scratch(&cam->looked));
  od_status status = allocate_blank(cam, error);
  if (status) return status;
  cam->pixels = od_allocate(od_shape_size(cam->heat.input), sizeof *cam->pixels);
  cam->gradient = od_allocate(widest, sizeof *cam->gradient);
  cam->other = od_allocate(widest, sizeof *cam->other);
  cam->rows = od_allocate(widest, sizeof *cam->rows);
  cam->values = od_allocate(widest, sizeof *cam->values);
  cam->weights = od_allocate((size_t)cam->plan.ops[cam->seen].out.c, sizeof *cam->weights);
  cam->scratch = od_allocate(scratch, sizeof *cam->scratch);
  od_real *folded = od_allocate(kernel, sizeof *folded);
  bool there = cam->pixels && cam->gradient && cam->other && cam->rows && cam->values &&
               cam->weights && cam->scratch && folded;
  for (int i = 0; there && i < count; i++) take_numbers(cam, network, i, folded);
  if (there) compute_blank(cam);
  od_release(folded);
  return there ? OD_OK : od_fail_memory(error, "an explanation's buffers");
}

od_status od_gradcam_create(const od_network *network, const od_kernels *kernels, int layer,
                            od_gradcam **gradcam, od_error *error) {
  *gradcam = NULL;
  if (od_network_columns(network) > 1)
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "network: gives scores for each of %d columns, expected those of one digit",
                   od_network_columns(network));
  od_status status = check_layer(network, layer, error);
  if (status) return status;
  od_gradcam *cam = od_allocate(1, sizeof *cam);
  if (!cam) return od_fail_memory(error, "an explanation");
  cam->kernels = kernels;
  cam->classes = (size_t)od_network_classes(network);
  status = find_plan(cam, network, layer, error);
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
  for (int i = 0; cam->states && i < cam->plan.count; i++) {
    od_release(cam->states[i].prepared);
    od_release(cam->states[i].turned);
    od_release(cam->states[i].bias);
    od_release(cam->states[i].y);
    od_release(cam->states[i].choice);
  }
  od_release(cam->states);
  od_plan_release(&cam->plan);
  od_release(cam->blank_map);
  od_release(cam->blank.y);
  od_release(cam->blank.choice);
  od_cam_upsampling_release(&cam->heat);
  od_release(cam->pixels);
  od_release(cam->gradient);
  od_release(cam->other);
  od_release(cam->rows);
  od_release(cam->values);
  od_release(cam->weights);
  od_release(cam->scratch);
  od_release(cam);
}

od_shape od_gradcam_shape(const od_gradcam *cam) {
  return (od_shape){cam->looked.out.h, cam->looked.out.w, 1};
}

/* ---- forward and back, one image ---- */

static void forward(const od_gradcam *cam, int i, const od_real *x) {
  const od_kernels *kernels = cam->kernels;
  const od_op *op = &cam->plan.ops[i];
  const cam_state *state = &cam->states[i];
  const od_real *bias = bias_of(cam, i);
  const od_zero_tiles blank = {cam->blank_map, cam->blank.y, cam->blank.choice};
  bool pair = op->finds_zero_tiles || op->skips_zero_tiles;
  size_t c = (size_t)op->out.c, out = od_shape_size(op->out);
  switch (op->kind) {
    case OD_CONV2D:
      od_conv_forward(op, kernels, x, state->prepared, bias, state->y, state->choice,
                      pair ? &blank : NULL, cam->scratch);
      break;
    case OD_DENSE:
      od_dense_forward(op, kernels, 1, x, state->prepared, bias, state->y, cam->scratch);
      break;
    case OD_RELU:
      kernels->relu(out, x, state->y);
      break;
    case OD_MAX_POOL2D:
      od_max_pool_forward(op, kernels, x, state->y, state->choice);
      break;
    case OD_MAP_TO_SEQUENCE:
      od_map_to_sequence_forward(op, x, state->y);
      break;
    case OD_GLOBAL_AVERAGE_POOL2D:
      od_global_average_pool_forward(op, kernels, x, state->y);
      break;
    case OD_BATCH_NORM:
      kernels->scale_shift(out / c, c, x, state->prepared, bias, state->y, false);
      break;
    default: /* a plan for inference has no other */
      break;
  }
}

/* Half of a ReLU's outputs have no gradient, and of the scores all but one: only the rows of
 * `transposed` (out, in) that have one are added. */
static void backward_dense(const od_gradcam *cam, size_t in, size_t out,
                           const od_real *transposed, const od_real *dy, od_real *dx) {
  size_t count = 0;
  uint32_t *rows = cam->rows; /* kernels have fewer numbers than this counts: nn/network.c */
  od_real *values = cam->values;
  for (size_t i = 0; i < out; i++) {
    rows[count] = (uint32_t)(i * in);
    values[count] = dy[i];
    count += dy[i] != 0;
  }
  memset(dx, 0, in * sizeof *dx);
  cam->kernels->add_weighted(count, rows, values, transposed, in, dx);
}

/* dy (out), which may be overwritten, to dx (in), for operation i after the one looked at. */
static void backward(const od_gradcam *cam, int i, od_real *dy, od_real *dx) {
  const od_kernels *kernels = cam->kernels;
  const od_op *op = &cam->plan.ops[i];
  const cam_state *state = &cam->states[i];
  size_t c = (size_t)op->out.c, out = od_shape_size(op->out);
  if (op->kind == OD_RELU || (op->kind == OD_DENSE && op->relu))
    kernels->relu_backward(out, state->y, dy);
  switch (op->kind) {
    case OD_CONV2D:
      od_conv_backward(op, kernels, NULL, state->turned, state->y, state->choice, dy, dx, NULL,
                       NULL, cam->scratch);
      break;
    case OD_DENSE:
      backward_dense(cam, (size_t)op->in.c, c, state->turned, dy, dx);
      break;
    case OD_RELU:
      memcpy(dx, dy, out * sizeof *dx);
      break;
    case OD_MAX_POOL2D:
      od_max_pool_backward(op, kernels, dy, state->choice, dx);
      break;
    case OD_MAP_TO_SEQUENCE:
      od_map_to_sequence_backward(op, dy, dx);
      break;
    case OD_GLOBAL_AVERAGE_POOL2D:
      od_global_average_pool_backward(op, dy, dx);
      break;
    case OD_BATCH_NORM:
      for (size_t at = 0; at < out; at += c)
        for (size_t k = 0; k < c; k++) dx[at + k] = dy[at + k] * state->prepared[k];
      break;
    default:
      break;
  }
}

/* The sum over all places of the gradient at the output looked at, to cam->weights (c), from
 * dy, that of operation cam->summed. */
static void sum_gradient(const od_gradcam *cam, od_real *dy) {
  const od_op *end = &cam->plan.ops[cam->end], *op = &cam->plan.ops[cam->summed];
  const cam_state *state = &cam->states[cam->summed];
  size_t c = (size_t)end->out.c, out = (size_t)op->out.c;
  if (cam->summed == cam->end) {
    memset(cam->weights, 0, c * sizeof *cam->weights);
    cam->kernels->add_rows((size_t)end->out.h * (size_t)end->out.w, c, dy, cam->weights);
  } else if (op->kind == OD_CONV2D) {
    od_conv_gradient_sum(op, cam->kernels, state->turned, state->y, state->choice, dy,
                         cam->weights, cam->scratch);
  } else {
    if (op->relu) cam->kernels->relu_backward(out, state->y, dy);
    backward_dense(cam, c, out, state->turned, dy, cam->weights);
  }
}

static void go_back(const od_gradcam *cam, int digit) {
  od_real *dy = cam->gradient, *dx = cam->other;
  memset(dy, 0, cam->classes * sizeof *dy);
  dy[digit] = 1;
  for (int i = cam->plan.count - 1; i > cam->summed; i--) {
    backward(cam, i, dy, dx);
    od_real *swapped = dy;
    dy = dx;
    dx = swapped;
  }
  sum_gradient(cam, dy);
}

/* ---- the map ---- */

/* The map (h, w) of a class from the mean gradients of the maps looked at. */
static void add_maps(const od_gradcam *cam, od_real *map) {
  const cam_state *state = &cam->states[cam->seen];
  od_shape shape = cam->looked.out;
  size_t places = (size_t)shape.h * (size_t)shape.w, c = (size_t)shape.c;
  for (size_t i = 0; i < c; i++) cam->weights[i] /= (od_real)places;
  if (cam->apart) { /* a kernel of one channel is the same with and without a max-pool */
    od_conv_weighted_maps(&cam->looked, cam->kernels, cam->pixels, state->prepared,
                     bias_of(cam, cam->seen), cam->weights, map, cam->scratch);
    return;
  }
  cam->kernels->gemm(&(od_gemm){.rows = places,
                                .columns = 1,
                                .outer = 1,
                                .inner = c,
                                .a = state->y,
                                .a_row = c,
                                .a_inner = 1,
                                .b = cam->weights,
                                .b_inner = 1,
                                .c = map,
                                .c_row = 1,
                                .start = OD_START_ZERO,
                                .relu = true});
}

void od_gradcam_forward(od_gradcam *cam, const od_images *images, size_t index, od_real *scores) {
  const od_real *x = cam->pixels;
  od_images_load(images, cam->kernels, index, cam->pixels);
  for (int i = 0; i < cam->plan.count; i++) {
    forward(cam, i, x);
    x = cam->states[i].y;
  }
  memcpy(scores, x, cam->classes * sizeof *scores);
}

void od_gradcam_map(od_gradcam *cam, int digit, od_real *map) {
  go_back(cam, digit);
  add_maps(cam, map);
}

void od_gradcam_upsample(const od_gradcam *cam, const od_real *map, od_real *heat) {
  od_cam_upsampling_run(&cam->heat, map, heat);
}
