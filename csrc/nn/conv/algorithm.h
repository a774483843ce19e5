/* The algorithms of convolution: one file each, one table of operations each. The plan
 * (plan.c) chooses them; conv.c runs them, some on the phases of a dilated kernel (dilated.h).
 * Private to nn/.
 *
 *   od_conv_direct              direct.c            any kernel, any stride, float32
 *   od_conv_winograd            winograd.c          3x3, stride 1, float32 or bfloat16
 *   od_conv_low_precision       low_precision.c     any kernel, any stride, bfloat16 or int8
 *   od_conv_depthwise           depthwise.c         one filter or more for each channel, float32
 *   od_conv_depthwise_backward  depthwise.c         the same
 *   od_conv_direct_backward     direct.c            any kernel, any stride
 *   od_conv_winograd_backward   winograd_backward.c 3x3, stride 1, without a fused max-pool
 *   od_conv_argmax_backward     argmax_backward.c   stride 1, under a fused max-pool */
#ifndef OD_NN_CONV_ALGORITHM_H
#define OD_NN_CONV_ALGORITHM_H

#include "kernels/kernels.h"
#include "nn/plan.h"

/* Where an image is zero, from the first of two convolutions to the second. */
typedef struct od_zero_tiles {
  uint8_t *map;          /* (H, W) of the first: 1 where all input of the window was 0 */
  const od_real *y;      /* (H, W, C) of the second: its output for an all-zero image */
  const uint8_t *argmax; /* (H, W, C), or NULL: its argmax then */
} od_zero_tiles;

/* The arguments of a pass over one image. h, w, c are the input, H, W, C the output. */
typedef struct od_conv_args {
  const od_op *op;
  const od_kernels *kernels;
  const od_real *packed; /* the kernel as packed by the algorithm */
  const od_real *bias;   /* forward: (C), or NULL */
  const od_real *x;      /* (h, w, c); backward NULL if dkernel is */
  od_real *y;            /* (H, W, C) */
  uint8_t *argmax; /* (H, W, C) of a fused max-pool; forward NULL if there is no backward pass */
  const od_zero_tiles *zero_tiles; /* forward: or NULL */
  od_real *dy;                     /* backward: (H, W, C), may be overwritten */
  od_real *dx;                     /* backward: (h, w, c), written; or NULL */
  od_real *dkernel, *dbias;        /* backward: added to; or NULL */
  od_real *scratch;
} od_conv_args;

struct od_conv_algorithm {
  /* Numbers of the packed kernel, and packing the kernel (k, k, c, C) with its bias (C), or NULL.
   */
  size_t (*packed_size)(const od_op *op);
  void (*pack)(const od_op *op, const od_kernels *kernels, const od_real *kernel,
               const od_real *bias, od_real *packed);

  size_t (*scratch_size)(const od_op *op);
  void (*run)(const od_conv_args *args);
  bool dilates; /* `run` takes a dilation; otherwise it is called with each phase (dilated.h) */

  /* Backward: copies numbers begin..end of dkernel to their places in gradient (k, k, c, C);
   * NULL if dkernel is in that order. */
  void (*unpack_gradient)(const od_op *op, const od_real *dkernel, size_t begin, size_t end,
                          od_real *gradient);
};

extern const od_conv_algorithm od_conv_direct, od_conv_winograd, od_conv_low_precision;
extern const od_conv_algorithm od_conv_depthwise, od_conv_depthwise_backward;
extern const od_conv_algorithm od_conv_direct_backward, od_conv_winograd_backward,
    od_conv_argmax_backward;

#endif
