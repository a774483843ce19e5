/* Depthwise convolution: each channel has filters of its own. Output u belongs to input channel
 * u / multiplier; where that is more than one filter a channel, the channels of the padded image
 * are repeated first, so that output and input have the same channels. */
#include <string.h>

#include "nn/conv/algorithm.h"
#include "nn/conv/padding.h"

static size_t multiplier(const od_op *op) { return (size_t)op->conv.c / (size_t)op->in.c; }

static size_t kernel_size(const od_op *op) { return op->kernel_size; }

static void pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                 const od_real *bias, od_real *packed) {
  (void)kernels, (void)bias;
  memcpy(packed, kernel, op->kernel_size * sizeof *kernel);
}

/* The padded image with the channels of the output. */
static od_shape repeated_shape(const od_op *op) {
  return (od_shape){op->padded.h, op->padded.w, op->conv.c};
}

static od_depthwise_row rows_of(const od_op *op) {
  const size_t units = (size_t)op->conv.c, dilation = (size_t)op->dilation;
  return (od_depthwise_row){.pixels = (size_t)op->conv.w,
                            .channels = units,
                            .rows = (size_t)op->kernel_h,
                            .columns = (size_t)op->kernel_w,
                            .image_row = dilation * (size_t)op->padded.w * units,
                            .dilation = dilation * units,
                            .stride = (size_t)op->stride * units};
}

/* Numbers of the padded image from the input of one output row to that of the next. */
static size_t row_step(const od_op *op) {
  return (size_t)op->stride * (size_t)op->padded.w * (size_t)op->conv.c;
}

static void repeat(size_t n, size_t times, const od_real *x, od_real *y) {
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < times; k++) *y++ = x[i];
}

/* Returns the padded image with the channels of the output; scratch has room for both steps. */
static const od_real *prepare(const od_op *op, const od_real *x, od_real *scratch) {
  const od_real *padded = od_conv_pad(op, x, scratch);
  if (multiplier(op) == 1) return padded;
  od_real *repeated = scratch + od_shape_size(op->padded);
  repeat(od_shape_size(op->padded), multiplier(op), padded, repeated);
  return repeated;
}

static size_t prepared_size(const od_op *op) {
  return od_shape_size(op->padded) + od_shape_size(repeated_shape(op));
}

static void forward(const od_conv_args *args) {
  const od_op *op = args->op;
  const od_depthwise_row row = rows_of(op);
  const od_real *image = prepare(op, args->x, args->scratch);
  const size_t out = row.pixels * row.channels;
  for (size_t i = 0; i < (size_t)op->conv.h; i++)
    args->kernels->depthwise(&row, image + i * row_step(op), args->packed, args->bias, op->relu,
                             args->y + i * out);
}

const od_conv_algorithm od_conv_depthwise = {.packed_size = kernel_size,
                                             .pack = pack,
                                             .scratch_size = prepared_size,
                                             .run = forward,
                                             .dilates = true};

static size_t backward_scratch(const od_op *op) {
  return prepared_size(op) + od_shape_size(repeated_shape(op));
}

/* dx: the gradient of the padded image without its padding, added up over repeated channels. */
static void crop(const od_op *op, od_real *gradient, od_real *dx) {
  const size_t times = multiplier(op);
  for (size_t i = 0; times > 1 && i < od_shape_size(op->padded); i++) {
    od_real sum = 0;
    for (size_t k = 0; k < times; k++) sum += gradient[i * times + k];
    gradient[i] = sum;
  }
  od_conv_crop(gradient, op->padded, dx, op->in, op->top, op->left);
}

static void backward(const od_conv_args *args) {
  const od_op *op = args->op;
  const od_depthwise_row row = rows_of(op);
  const size_t out = row.pixels * row.channels, padded = od_shape_size(repeated_shape(op));
  const od_real *image = args->dkernel ? prepare(op, args->x, args->scratch) : NULL;
  od_real *gradient = args->scratch + prepared_size(op);
  if (args->dx) memset(gradient, 0, padded * sizeof *gradient);
  for (size_t i = 0; i < (size_t)op->conv.h; i++) {
    const od_real *dy = args->dy + i * out;
    const size_t at = i * row_step(op);
    if (args->dkernel) args->kernels->depthwise_gradient(&row, image + at, dy, args->dkernel);
    if (args->dx) args->kernels->depthwise_backward(&row, args->packed, dy, gradient + at);
  }
  if (args->dx) crop(op, gradient, args->dx);
}

const od_conv_algorithm od_conv_depthwise_backward = {.packed_size = kernel_size,
                                                      .pack = pack,
                                                      .scratch_size = backward_scratch,
                                                      .run = backward,
                                                      .dilates = true};
