/* A run: forward through a plan for inference that keeps all outputs, backward from the score of
 * the class to the target, and the weighted sum of the target's maps. */
#include "nn/gradcam.h"

#include <string.h>

#include "nn/gradcam_state.h"

od_shape od_gradcam_shape(const od_gradcam *cam) {
  return (od_shape){cam->target_op.out.h, cam->target_op.out.w, 1};
}

/* -- forward -- */

static void forward_convolution(const od_gradcam *cam, int i, const od_real *x) {
  const od_op *op = &cam->plan.ops[i];
  const od_zero_tiles zero = {cam->zero_map, cam->zero.y, cam->zero.argmax};
  od_conv_args args = od_cam_conv_args(cam, i);
  args.x = x;
  if (op->finds_zero_tiles || op->skips_zero_tiles) args.zero_tiles = &zero;
  od_conv_forward(&args);
}

/* The arguments of both passes of operation i, an image op, with input x. */
static od_image_op_args image_op_args(const od_gradcam *cam, int i, const od_real *x) {
  return (od_image_op_args){.op = &cam->plan.ops[i],
                            .kernels = cam->kernels,
                            .scale = cam->states[i].packed,
                            .shift = cam->states[i].bias,
                            .x = x,
                            .y = cam->states[i].y,
                            .argmax = cam->states[i].argmax};
}

static void forward(const od_gradcam *cam, int i, const od_real *x) {
  const od_op *op = &cam->plan.ops[i];
  const od_image_op_args args = image_op_args(cam, i, x);
  if (op->kind == OD_CONV2D)
    forward_convolution(cam, i, x);
  else if (op->kind == OD_DENSE)
    od_dense_forward(&(od_dense_args){.op = op,
                                      .kernels = cam->kernels,
                                      .n = 1,
                                      .packed = args.scale,
                                      .bias = od_cam_bias(cam, i),
                                      .x = x,
                                      .y = args.y,
                                      .scratch = cam->scratch});
  else
    od_image_op_forward(&args);
}

/* -- backward -- */

static od_conv_args backward_args(const od_gradcam *cam, int i, od_real *dy) {
  od_conv_args args = od_cam_conv_args(cam, i);
  args.packed = cam->states[i].packed_backward;
  args.dy = dy;
  return args;
}

/* dx (in) from dy (out). Half of a ReLU's outputs have no gradient, and of the scores all but one:
 * only the rows of `transposed` (out, in) that have one are added. */
static void backward_dense(const od_gradcam *cam, size_t in, size_t out, const od_real *transposed,
                           const od_real *dy, od_real *dx) {
  size_t count = 0;
  uint32_t *rows = cam->rows; /* offsets in kernels fit, see nn/network.c */
  od_real *values = cam->values;
  for (size_t i = 0; i < out; i++) {
    rows[count] = (uint32_t)(i * in);
    values[count] = dy[i];
    count += dy[i] != 0;
  }
  memset(dx, 0, in * sizeof *dx);
  cam->kernels->add_weighted(count, rows, values, transposed, in, dx);
}

/* dy (out), which may be overwritten, to dx (in), for operation i after the target. */
static void backward(const od_gradcam *cam, int i, od_real *dy, od_real *dx) {
  const od_op *op = &cam->plan.ops[i];
  const od_cam_state *state = &cam->states[i];
  od_image_op_args args = image_op_args(cam, i, cam->states[i - 1].y);
  od_conv_args conv = backward_args(cam, i, dy);
  args.dy = dy;
  args.dx = conv.dx = dx;
  if (op->kind == OD_DENSE && op->relu)
    cam->kernels->relu_backward((size_t)op->out.c, state->y, dy);
  if (op->kind == OD_CONV2D)
    od_conv_backward(&conv);
  else if (op->kind == OD_DENSE)
    backward_dense(cam, (size_t)op->in.c, (size_t)op->out.c, state->packed_backward, dy, dx);
  else
    od_image_op_backward(&args);
}

/* Writes the sum over all places of the gradient at the target's output to cam->weights (c), from
 * dy, the gradient of the output of operation cam->summed. */
static void sum_gradient(const od_gradcam *cam, od_real *dy) {
  const od_op *stop = &cam->plan.ops[cam->stop], *op = &cam->plan.ops[cam->summed];
  const od_cam_state *state = &cam->states[cam->summed];
  size_t c = (size_t)stop->out.c, out = (size_t)op->out.c;
  if (cam->summed == cam->stop) {
    memset(cam->weights, 0, c * sizeof *cam->weights);
    cam->kernels->add_rows((size_t)stop->out.h * (size_t)stop->out.w, c, dy, cam->weights);
  } else if (op->kind == OD_CONV2D) {
    const od_conv_args args = backward_args(cam, cam->summed, dy);
    od_conv_gradient_sum(&args, cam->weights);
  } else {
    if (op->relu) cam->kernels->relu_backward(out, state->y, dy);
    backward_dense(cam, c, out, state->packed_backward, dy, cam->weights);
  }
}

static void run_backward(const od_gradcam *cam, int digit) {
  od_real *dy = cam->gradient[0], *dx = cam->gradient[1];
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

/* -- the map -- */

/* The activation map (h, w) from the target's maps and the sums of their gradients. */
static void weight_maps(const od_gradcam *cam, od_real *map) {
  const od_cam_state *state = &cam->states[cam->target];
  od_shape shape = cam->target_op.out;
  size_t places = (size_t)shape.h * (size_t)shape.w, c = (size_t)shape.c;
  for (size_t i = 0; i < c; i++) cam->weights[i] /= (od_real)places;
  if (cam->unpooled) { /* a kernel of one channel is packed alike with and without a max-pool */
    od_conv_args args = od_cam_conv_args(cam, cam->target);
    args.op = &cam->target_op;
    args.x = cam->pixels;
    od_conv_weighted_maps(&args, cam->weights, map);
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
  run_backward(cam, digit);
  weight_maps(cam, map);
}

void od_gradcam_upsample(const od_gradcam *cam, const od_real *map, od_real *image) {
  od_cam_upsampling_run(&cam->upsampling, map, image);
}
