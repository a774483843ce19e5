#include <string.h>

#include "nn/ops.h"

static od_layer_norm_args norm_args(const od_image_op_args *args) {
  const od_op *op = args->op;
  return (od_layer_norm_args){.rows = (size_t)op->in.h * (size_t)op->in.w,
                              .c = (size_t)op->in.c,
                              .epsilon = op->epsilon,
                              .gamma = args->scale,
                              .beta = args->shift,
                              .x = args->x,
                              .y = args->y,
                              .dy = args->dy,
                              .dx = args->dx,
                              .dgamma = args->dscale,
                              .dbeta = args->dshift};
}

static void layer_norm_forward(const od_image_op_args *args) {
  const od_layer_norm_args norm = norm_args(args);
  od_layer_norm_forward(&norm);
}

void od_image_op_forward(const od_image_op_args *args) {
  const od_op *op = args->op;
  const od_kernels *kernels = args->kernels;
  const size_t n = od_shape_size(op->out), c = (size_t)op->out.c;
  switch (op->kind) {
    case OD_RELU:
      kernels->relu(n, args->x, args->y);
      break;
    case OD_ACTIVATION:
      kernels->activate(op->function, (od_real)op->alpha, n, args->x, args->y);
      break;
    case OD_MAX_POOL2D:
      od_max_pool_forward(op, kernels, args->x, args->y, args->argmax);
      break;
    case OD_AVERAGE_POOL2D:
      od_average_pool_forward(op, kernels, args->x, args->y);
      break;
    case OD_GLOBAL_AVERAGE_POOL2D:
      od_global_average_pool_forward(op, kernels, args->x, args->y);
      break;
    case OD_MAP_TO_SEQUENCE:
      od_map_to_sequence_forward(op, args->x, args->y);
      break;
    case OD_ZERO_PADDING2D:
      od_zero_padding_forward(op, args->x, args->y);
      break;
    case OD_LAYER_NORM:
      layer_norm_forward(args);
      break;
    case OD_BATCH_NORM:
      kernels->scale_shift(n / c, c, args->x, args->scale, args->shift, args->y, false);
      break;
    default: /* an image op has no other kind */
      break;
  }
}

/* dx = dy times the derivative of a function of single numbers. */
static void function_backward(const od_image_op_args *args) {
  const od_op *op = args->op;
  const od_kernels *kernels = args->kernels;
  const size_t n = od_shape_size(op->out);
  memcpy(args->dx, args->dy, n * sizeof *args->dx);
  if (op->kind == OD_RELU)
    kernels->relu_backward(n, args->y, args->dx);
  else
    kernels->activate_backward(op->function, (od_real)op->alpha, n, args->x, args->y, args->dx);
}

static void max_pool_backward(const od_image_op_args *args) {
  const od_max_pool_args pool = {.op = args->op,
                                 .kernels = args->kernels,
                                 .x = args->x,
                                 .y = args->y,
                                 .dy = args->dy,
                                 .argmax = args->argmax,
                                 .dx = args->dx};
  od_max_pool_backward(&pool);
}

static void affine_backward(const od_image_op_args *args) {
  const size_t n = od_shape_size(args->op->out), c = (size_t)args->op->out.c;
  for (size_t at = 0; at < n; at += c)
    for (size_t k = 0; k < c; k++) args->dx[at + k] = args->dy[at + k] * args->scale[k];
}

void od_image_op_backward(const od_image_op_args *args) {
  const od_op *op = args->op;
  const od_layer_norm_args norm = norm_args(args);
  if (op->kind == OD_LAYER_NORM) od_layer_norm_backward(&norm);
  if (!args->dx) return; /* the others compute only dx */
  switch (op->kind) {
    case OD_RELU:
    case OD_ACTIVATION:
      function_backward(args);
      break;
    case OD_MAX_POOL2D:
      max_pool_backward(args);
      break;
    case OD_AVERAGE_POOL2D:
      od_average_pool_backward(op, args->dy, args->dx);
      break;
    case OD_GLOBAL_AVERAGE_POOL2D:
      od_global_average_pool_backward(op, args->dy, args->dx);
      break;
    case OD_MAP_TO_SEQUENCE:
      od_map_to_sequence_backward(op, args->dy, args->dx);
      break;
    case OD_ZERO_PADDING2D:
      od_zero_padding_backward(op, args->dy, args->dx);
      break;
    case OD_BATCH_NORM:
      affine_backward(args);
      break;
    default: /* a layer norm is done, and an image op has no other kind */
      break;
  }
}
