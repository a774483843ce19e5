/* Convolution as matrix products over a zero-padded image. In a channels-last image the
 * k columns x c channels under one kernel row are contiguous, so an output row is the product
 * of overlapping input rows (row stride: `stride` pixels) with the kernel, summed over the k
 * kernel rows, without im2col. The two gradients are the same product over other strides; that
 * of x is a convolution with the flipped kernel,
 * flipped[k-1-i][k-1-j][C][c] = kernel[i][j][c][C]. */
#include <string.h>

#include "nn/conv/algorithm.h"
#include "nn/conv/padding.h"

static size_t kernel_size(const od_op *op) { return op->kernel_size; }

/* The windows of a fused max-pool over the padded input. */
static od_conv_max_pool pool_windows(const od_op *op) {
  return (od_conv_max_pool){.rows = (size_t)op->out.h,
                            .columns = (size_t)op->out.w,
                            .size = (size_t)op->kernel_w,
                            .channels = (size_t)op->in.c,
                            .units = (size_t)op->conv.c,
                            .image_row = (size_t)op->padded.w * (size_t)op->in.c,
                            .relu = op->relu};
}

/* -- forward -- */

static void pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                 const od_real *bias, od_real *packed) {
  (void)kernels, (void)bias;
  memcpy(packed, kernel, op->kernel_size * sizeof *kernel);
}

static size_t forward_scratch(const od_op *op) {
  return od_shape_size(op->padded) + (size_t)op->conv.c;
}

static void forward_pooled(const od_conv_args *args, const od_real *padded) {
  const od_op *op = args->op;
  const od_conv_max_pool windows = pool_windows(op);
  const od_real *bias = args->bias;
  bool finds = op->finds_zero_tiles && args->zero_tiles;
  if (!bias)
    bias = memset(args->scratch + od_shape_size(op->padded), 0, windows.units * sizeof *bias);
  args->kernels->conv_max_pool(&windows, padded, args->packed, bias, args->y, args->argmax,
                               finds ? args->zero_tiles->map : NULL);
}

static void forward(const od_conv_args *args) {
  const od_op *op = args->op;
  const od_real *padded = od_conv_pad(op, args->x, args->scratch);
  if (op->pool) {
    forward_pooled(args, padded);
    return;
  }
  size_t c = (size_t)op->in.c, stride = (size_t)op->stride, units = (size_t)op->conv.c;
  size_t columns = (size_t)op->kernel_w, width = (size_t)op->conv.w;
  size_t padded_row = (size_t)op->padded.w * c;
  od_gemm product = {.rows = width,
                     .columns = units,
                     .outer = (size_t)op->kernel_h,
                     .inner = columns * c,
                     .a_row = stride * c,
                     .a_outer = padded_row,
                     .a_inner = 1,
                     .b = args->packed,
                     .b_outer = columns * c * units,
                     .b_inner = units,
                     .c_row = units,
                     .start = args->bias ? OD_START_BIAS : OD_START_ZERO,
                     .bias = args->bias,
                     .relu = op->relu};
  for (size_t row = 0; row < (size_t)op->conv.h; row++) {
    product.a = padded + row * stride * padded_row;
    product.c = args->y + row * width * units;
    args->kernels->gemm(&product);
  }
}

const od_conv_algorithm od_conv_direct = {
    .packed_size = kernel_size, .pack = pack, .scratch_size = forward_scratch, .run = forward};

/* -- backward -- */

static void flip(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                 const od_real *bias, od_real *flipped) {
  size_t taps = (size_t)op->kernel_h * (size_t)op->kernel_w;
  size_t c = (size_t)op->in.c, units = (size_t)op->conv.c;
  (void)kernels, (void)bias;
  for (size_t tap = 0; tap < taps; tap++) {
    const od_real *from = kernel + tap * c * units;
    od_real *to = flipped + (taps - 1 - tap) * c * units;
    for (size_t u = 0; u < units; u++)
      for (size_t i = 0; i < c; i++) to[u * c + i] = from[i * units + u];
  }
}

static size_t backward_scratch(const od_op *op) {
  return od_shape_size(op->padded) + od_shape_size(op->dilated);
}

/* Undoes the max-pool: dy (H, W, C) to its argmax places in `dilated`. */
static void unpool(const od_conv_args *args, od_real *dilated) {
  const od_op *op = args->op;
  size_t c = (size_t)op->conv.c, width = (size_t)op->dilated.w * c;
  size_t left = (size_t)op->dilated_left * c, filled = (size_t)op->conv.w * c;
  size_t right = width - left - filled, pooled_row = (size_t)op->out.w * c;
  int pooled = op->out.h * 2;
  for (int y = 0; y < op->dilated.h; y++) {
    od_real *row = dilated + (size_t)y * width;
    int from = y - op->dilated_top;
    if (from < 0 || from >= pooled) {
      memset(row, 0, width * sizeof *row);
      continue;
    }
    memset(row, 0, left * sizeof *row);
    memset(row + left + filled, 0, right * sizeof *row);
    if (from % 2) continue; /* written together with the even row before */
    size_t at = (size_t)(from / 2) * pooled_row;
    args->kernels->max_unpool_row((size_t)op->conv.w, c, args->dy + at, args->argmax + at,
                                  row + left, row + width + left);
  }
}

/* Adds to each kernel row of dkernel (k columns c, C) the sum over all pixels of x times the
 * gradient of the convolution's output, whose rows lie gradient_row apart. */
static void add_kernel_gradient(const od_conv_args *args, const od_real *padded,
                                const od_real *gradient, size_t gradient_row) {
  const od_op *op = args->op;
  size_t c = (size_t)op->in.c, stride = (size_t)op->stride, units = (size_t)op->conv.c;
  size_t columns = (size_t)op->kernel_w, padded_row = (size_t)op->padded.w * c;
  od_gemm product = {.rows = columns * c,
                     .columns = units,
                     .outer = (size_t)op->conv.h,
                     .inner = (size_t)op->conv.w,
                     .a_row = 1,
                     .a_outer = stride * padded_row,
                     .a_inner = stride * c,
                     .b = gradient,
                     .b_outer = stride * gradient_row,
                     .b_inner = stride * units,
                     .c_row = units,
                     .start = OD_START_ADD};
  for (size_t row = 0; row < (size_t)op->kernel_h; row++) {
    product.a = padded + row * padded_row;
    product.c = args->dkernel + row * columns * c * units;
    args->kernels->gemm(&product);
  }
}

/* dx: the convolution of the dilated gradient with the flipped kernel. */
static void make_input_gradient(const od_conv_args *args, const od_real *dilated) {
  const od_op *op = args->op;
  size_t c = (size_t)op->in.c, units = (size_t)op->conv.c, columns = (size_t)op->kernel_w;
  size_t dilated_row = (size_t)op->dilated.w * units;
  od_gemm product = {.rows = (size_t)op->in.w,
                     .columns = c,
                     .outer = (size_t)op->kernel_h,
                     .inner = columns * units,
                     .a_row = units,
                     .a_outer = dilated_row,
                     .a_inner = 1,
                     .b = args->packed,
                     .b_outer = columns * units * c,
                     .b_inner = c,
                     .c_row = c,
                     .start = OD_START_ZERO};
  for (size_t row = 0; row < (size_t)op->in.h; row++) {
    product.a = dilated + row * dilated_row;
    product.c = args->dx + row * (size_t)op->in.w * c;
    args->kernels->gemm(&product);
  }
}

static void backward(const od_conv_args *args) {
  const od_op *op = args->op;
  const od_real *padded = args->dkernel ? od_conv_pad(op, args->x, args->scratch) : NULL;
  if (op->pool && op->in.c == 1 && !args->dx) {
    const od_conv_max_pool windows = pool_windows(op);
    args->kernels->conv_max_pool_gradient(&windows, padded, args->dy, args->argmax, args->dkernel);
    return;
  }
  od_real *dilated = args->scratch + od_shape_size(op->padded);
  size_t units = (size_t)op->conv.c, gradient_row = (size_t)op->dilated.w * units;
  const od_real *gradient = dilated;
  if (!args->dx && !op->pool && op->stride == 1) { /* dy needs no zeros */
    gradient = args->dy;
    gradient_row = (size_t)op->conv.w * units;
  } else {
    if (op->pool)
      unpool(args, dilated);
    else
      od_conv_place(args->dy, op->conv, dilated, op->dilated, op->dilated_top, op->dilated_left,
                    op->stride);
    gradient += (size_t)op->dilated_top * gradient_row + (size_t)op->dilated_left * units;
  }
  if (args->dkernel) add_kernel_gradient(args, padded, gradient, gradient_row);
  if (args->dx) make_input_gradient(args, dilated);
}

const od_conv_algorithm od_conv_direct_backward = {
    .packed_size = kernel_size, .pack = flip, .scratch_size = backward_scratch, .run = backward};
