/* Convolution as matrix products over a zero-padded image. In a channels-last image
 * the k columns x c channels under one kernel row lie side by side, so an output row
 * is the product of overlapping input rows (row stride: `stride` pixels) with the
 * kernel, summed over the k kernel rows: no im2col. The two gradients are the same
 * product over other strides. */
#include <string.h>

#include "nn/conv/conv.h"

size_t od_direct_forward_scratch(const od_op *op) {
  return od_shape_size(op->padded) + (size_t)op->conv.c;
}

void od_direct_forward(const od_op *op, const od_kernels *kernels, const od_real *x,
                       const od_real *kernel, const od_real *bias, od_real *y, uint8_t *choice,
                       const od_zero_tiles *blank, od_real *scratch) {
  const od_real *padded = od_conv_pad(op, x, scratch);
  size_t c = (size_t)op->in.c, stride = (size_t)op->stride;
  size_t rows = (size_t)op->kernel_h, columns = (size_t)op->kernel_w;
  size_t units = (size_t)op->conv.c, width = (size_t)op->conv.w, padded_row = (size_t)op->padded.w * c;
  if (op->pool) {
    od_conv_pool windows = od_conv_pool_windows(op);
    if (!bias) bias = memset(scratch + od_shape_size(op->padded), 0, units * sizeof *bias);
    kernels->pooled_forward(&windows, padded, kernel, bias, y, choice,
                            op->finds_zero_tiles && blank ? blank->map : NULL);
    return;
  }
  od_gemm product = {.rows = width,
                     .columns = units,
                     .outer = rows,
                     .inner = columns * c,
                     .a_row = stride * c,
                     .a_outer = padded_row,
                     .a_inner = 1,
                     .b = kernel,
                     .b_outer = columns * c * units,
                     .b_inner = units,
                     .c_row = units,
                     .start = bias ? OD_START_BIAS : OD_START_ZERO,
                     .bias = bias,
                     .relu = op->relu};
  for (size_t row = 0; row < (size_t)op->conv.h; row++) {
    product.a = padded + row * stride * padded_row;
    product.c = y + row * width * units;
    kernels->gemm(&product);
  }
}

size_t od_direct_backward_scratch(const od_op *op) {
  return od_shape_size(op->padded) + od_shape_size(op->spread);
}

/* Undoes the max-pool: dy (H, W, C) to its chosen places in `spread`. */
static void unpool(const od_op *op, const od_kernels *kernels, const od_real *dy,
                   const uint8_t *choice, od_real *spread) {
  size_t c = (size_t)op->conv.c, width = (size_t)op->spread.w * c;
  size_t left = (size_t)op->spread_left * c, filled = (size_t)op->conv.w * c;
  size_t right = width - left - filled, pooled_row = (size_t)op->out.w * c;
  int pooled = op->out.h * 2;
  for (int y = 0; y < op->spread.h; y++) {
    od_real *row = spread + (size_t)y * width;
    int from = y - op->spread_top;
    if (from < 0 || from >= pooled) {
      memset(row, 0, width * sizeof *row);
      continue;
    }
    memset(row, 0, left * sizeof *row);
    memset(row + left + filled, 0, right * sizeof *row);
    if (from % 2) continue; /* the even row before wrote this one too */
    size_t at = (size_t)(from / 2) * pooled_row;
    kernels->max_unpool_row((size_t)op->conv.w, c, dy + at, choice + at, row + left,
                            row + width + left);
  }
}

void od_direct_backward(const od_op *op, const od_kernels *kernels, const od_real *x,
                        const od_real *flipped, const uint8_t *choice, const od_real *dy,
                        od_real *dx, od_real *dkernel, od_real *scratch) {
  const od_real *padded = dkernel ? od_conv_pad(op, x, scratch) : NULL;
  if (op->pool && op->in.c == 1 && !dx) {
    od_conv_pool windows = od_conv_pool_windows(op);
    kernels->pooled_gradient(&windows, padded, dy, choice, dkernel);
    return;
  }
  od_real *spread = scratch + od_shape_size(op->padded);
  size_t c = (size_t)op->in.c, stride = (size_t)op->stride;
  size_t rows = (size_t)op->kernel_h, columns = (size_t)op->kernel_w;
  size_t units = (size_t)op->conv.c, padded_row = (size_t)op->padded.w * c;
  size_t spread_row = (size_t)op->spread.w * units;

  bool as_it_is = !dx && !op->pool && stride == 1; /* then dy needs no zeros */
  const od_real *gradient = as_it_is ? dy : spread + (size_t)op->spread_top * spread_row +
                                                (size_t)op->spread_left * units;
  size_t gradient_row = as_it_is ? (size_t)op->conv.w * units : spread_row;
  if (op->pool)
    unpool(op, kernels, dy, choice, spread);
  else if (!as_it_is)
    od_conv_place(dy, op->conv, spread, op->spread, op->spread_top, op->spread_left, op->stride);

  /* Every kernel row of dkernel (columns c, C): the sum over all pixels of x times dy. */
  od_gemm weights = {.rows = columns * c,
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
  for (size_t row = 0; dkernel && row < rows; row++) {
    weights.a = padded + row * padded_row;
    weights.c = dkernel + row * columns * c * units;
    kernels->gemm(&weights);
  }

  if (!dx) return;
  od_gemm inputs = {.rows = (size_t)op->in.w,
                    .columns = c,
                    .outer = rows,
                    .inner = columns * units,
                    .a_row = units,
                    .a_outer = spread_row,
                    .a_inner = 1,
                    .b = flipped,
                    .b_outer = columns * units * c,
                    .b_inner = c,
                    .c_row = c,
                    .start = OD_START_ZERO};
  for (size_t row = 0; row < (size_t)op->in.h; row++) {
    inputs.a = spread + row * spread_row;
    inputs.c = dx + row * (size_t)op->in.w * c;
    kernels->gemm(&inputs);
  }
}

void od_direct_flip(const od_op *op, const od_real *kernel, od_real *flipped) {
  size_t taps = (size_t)op->kernel_h * (size_t)op->kernel_w;
  size_t c = (size_t)op->in.c, units = (size_t)op->conv.c;
  for (size_t tap = 0; tap < taps; tap++) {
    const od_real *from = kernel + tap * c * units;
    od_real *to = flipped + (taps - 1 - tap) * c * units;
    for (size_t u = 0; u < units; u++)
      for (size_t i = 0; i < c; i++) to[u * c + i] = from[i * units + u];
  }
}
