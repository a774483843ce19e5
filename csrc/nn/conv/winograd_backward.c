/* The backward pass of a 3x3 convolution of stride 1: the gradient of x is a convolution of dy
 * with the flipped kernel, which Winograd's algorithm computes; the gradient of the kernel is
 * left to the direct algorithm. */
#include "base/math.h"
#include "nn/conv/algorithm.h"

/* The convolution from the output's gradient to the input's. */
static od_op transposed(const od_op *op) {
  bool pairs = op->conv.c % 2 == 0;
  return (od_op){.in = op->conv,
                 .out = op->in,
                 .conv = op->in,
                 .precision = pairs ? op->precision : OD_FLOAT32,
                 .kernel_h = op->kernel_h,
                 .kernel_w = op->kernel_w,
                 .top = op->kernel_h - 1 - op->top,
                 .left = op->kernel_w - 1 - op->left};
}

/* The flipped kernel follows the transformed one. */
static size_t packed_size(const od_op *op) {
  const od_op back = transposed(op);
  return od_conv_winograd.packed_size(&back) + op->kernel_size;
}

static void pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                 const od_real *bias, od_real *packed) {
  const od_op back = transposed(op);
  od_real *flipped = packed + od_conv_winograd.packed_size(&back);
  od_conv_direct_backward.pack(op, kernels, kernel, bias, flipped);
  od_conv_winograd.pack(&back, kernels, flipped, NULL, packed);
}

static size_t scratch_size(const od_op *op) {
  const od_op back = transposed(op);
  return od_max_size(od_conv_winograd.scratch_size(&back), od_shape_size(op->padded));
}

static void run(const od_conv_args *args) {
  if (args->dkernel) {
    od_conv_args direct = *args;
    direct.packed = NULL;
    direct.dx = NULL;
    od_conv_direct_backward.run(&direct);
  }
  if (!args->dx) return;
  const od_op back = transposed(args->op);
  od_conv_winograd.run(&(od_conv_args){.op = &back,
                                       .kernels = args->kernels,
                                       .packed = args->packed,
                                       .x = args->dy,
                                       .y = args->dx,
                                       .scratch = args->scratch});
}

const od_conv_algorithm od_conv_winograd_backward = {
    .packed_size = packed_size, .pack = pack, .scratch_size = scratch_size, .run = run};
