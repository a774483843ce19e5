/* The operations of a plan as forward/backward pairs over plain buffers that the caller owns;
 * those of convolution are in conv/conv.h. Shapes stand at each array; h, w, c are the
 * operation's input, H, W, C its output. Private to nn/.
 *
 * A forward pass writes y whole. A backward pass takes dy, the gradient of y, which it
 * may overwrite, and writes dx whole. */
#ifndef OD_NN_OPS_H
#define OD_NN_OPS_H

#include "kernels/kernels.h"
#include "nn/conv/conv.h"
#include "nn/plan.h"

/* -- dense, n images at a time -- */

typedef struct od_dense_args {
  const od_op *op;
  const od_kernels *kernels;
  size_t n;
  const od_real *packed; /* forward: by od_dense_pack; backward: by od_dense_transpose */
  const od_real *bias;   /* forward: (C), or NULL */
  const od_real *x;      /* (n, c) */
  od_real *y;            /* (n, C) */
  const od_real *dy;     /* backward: (n, C) */
  od_real *dx;           /* backward: (n, c) */
  od_real *dkernel;      /* kernel gradient: (c, C), written */
  od_real *dbias;        /* kernel gradient: (C), written, or NULL */
  od_real *scratch;      /* forward */
} od_dense_args;

/* Numbers of scratch for the forward pass of n images. */
size_t od_dense_forward_scratch(const od_op *op, size_t n);

/* Packs the kernel (c, C), with its bias (C) or NULL, for the forward pass; and its size. */
size_t od_dense_packed_size(const od_op *op);
void od_dense_pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                   const od_real *bias, od_real *packed);

/* Packs the kernel for the backward pass: transposed (C, c). */
void od_dense_transpose(const od_op *op, const od_real *kernel, od_real *transposed);

void od_dense_forward(const od_dense_args *args); /* y */

void od_dense_backward(const od_dense_args *args); /* dx alone */

/* Rows begin..end of dkernel over a whole batch; with begin = 0 dbias too. */
void od_dense_backward_kernel(const od_dense_args *args, size_t begin, size_t end);

/* -- global average pool, one image: x (h, w, c) -> y (c) -- */

void od_global_average_pool_forward(const od_op *op, const od_kernels *kernels, const od_real *x,
                                    od_real *y);
void od_global_average_pool_backward(const od_op *op, const od_real *dy, od_real *dx);

/* -- max-pool that is not fused, one image: x (h, w, c) -> y (H, W, C); argmax (H, W, C), or NULL
 * in the forward pass. Windows of other than 2x2 or 2x1 side by side leave it unwritten: their
 * backward pass finds the maximum, the first of equals, from x and y. -- */

void od_max_pool_forward(const od_op *op, const od_kernels *kernels, const od_real *x, od_real *y,
                         uint8_t *argmax);

typedef struct od_max_pool_args {
  const od_op *op;
  const od_kernels *kernels;
  const od_real *x, *y, *dy;
  const uint8_t *argmax;
  od_real *dx;
} od_max_pool_args;

void od_max_pool_backward(const od_max_pool_args *args);

/* -- average pool, one image: x (h, w, c) -> y (H, W, C), of the pixels inside the image -- */

void od_average_pool_forward(const od_op *op, const od_kernels *kernels, const od_real *x,
                             od_real *y);
void od_average_pool_backward(const od_op *op, const od_real *dy, od_real *dx);

/* -- zero padding, one image: x (h, w, c) -> y (H, W, C), and back -- */

void od_zero_padding_forward(const od_op *op, const od_real *x, od_real *y);
void od_zero_padding_backward(const od_op *op, const od_real *dy, od_real *dx);

/* -- layer norm over the channels of each of `rows` pixels: y = gamma x^ + beta, where
 * x^ = (x - mean) / sqrt(variance + epsilon) -- */

typedef struct od_layer_norm_args {
  size_t rows, c;
  double epsilon;
  const od_real *gamma, *beta; /* (c) */
  const od_real *x;            /* (rows, c) */
  od_real *y;                  /* forward: (rows, c) */
  const od_real *dy;           /* backward: (rows, c) */
  od_real *dx;                 /* backward: (rows, c), or NULL */
  od_real *dgamma, *dbeta;     /* backward: (c), added to; or NULL */
} od_layer_norm_args;

void od_layer_norm_forward(const od_layer_norm_args *args);
void od_layer_norm_backward(const od_layer_norm_args *args);

/* -- map-to-sequence, one image: x (h, w, c) -> y (1, w, h c), and back -- */

void od_map_to_sequence_forward(const od_op *op, const od_real *x, od_real *y);
void od_map_to_sequence_backward(const od_op *op, const od_real *dy, od_real *dx);

/* -- the operations above but dense, and a batch norm as the affine map of its moving statistics,
 * on one image: what inference, training and Grad-CAM have in common -- */

typedef struct od_image_op_args {
  const od_op *op;
  const od_kernels *kernels;
  const od_real *scale, *shift; /* (C): batch norm, folded; gamma and beta of a layer norm */
  const od_real *x;             /* (h, w, c); backward: as in the forward pass */
  od_real *y;                   /* (H, W, C); backward: as the forward pass has written it */
  uint8_t *argmax;              /* (H, W, C): max-pool; NULL if there is no backward pass */
  const od_real *dy;            /* backward: (H, W, C) */
  od_real *dx;                  /* backward: (h, w, c), written; or NULL */
  od_real *dscale, *dshift;     /* backward of a layer norm: (C), added to; or NULL */
} od_image_op_args;

void od_image_op_forward(const od_image_op_args *args);
void od_image_op_backward(const od_image_op_args *args);

/* -- dropout, one image: an input is kept with probability 1 - rate and multiplied by
 * 1 / (1 - rate), else 0. The same seed gives the same mask in both passes. -- */

void od_dropout(size_t n, double rate, uint64_t seed, const od_real *x, od_real *y);

/* -- batch norm over all rows (n h w) of a batch, in three steps: each slice sums
 * its rows, the sums are added in order, each slice transforms its rows -- */

typedef struct od_batch_norm_args {
  const od_kernels *kernels;
  size_t rows, c;               /* of the slice */
  const double *mean, *inverse; /* (c): statistics of the batch; inverse = 1 / deviation */
  const od_real *gamma, *beta;  /* (c) */
  const od_real *x;             /* (rows, c) */
  const od_real *dy;            /* backward: (rows, c) */
  od_real *scratch;             /* (OD_BATCH_NORM_SCRATCH c), not for sums */
} od_batch_norm_args;

enum { OD_BATCH_NORM_SCRATCH = 4 };

/* sums (2, c), written: of x and of x^2. Statistics are not read. */
void od_batch_norm_sums(const od_batch_norm_args *args, double *sums);

/* y (rows, c) = gamma x^ + beta, where x^ = (x - mean) inverse. */
void od_batch_norm_forward(const od_batch_norm_args *args, od_real *y);

/* sums (2, c), written: of dy and of dy x^. */
void od_batch_norm_backward_sums(const od_batch_norm_args *args, double *sums);

/* dx (rows, c) = gamma inverse (dy - mean of dy - x^ times mean of (dy x^)), with sums over
 * `count` rows. */
void od_batch_norm_backward(const od_batch_norm_args *args, const double *sums, double count,
                            od_real *dx);

/* -- cross-entropy, one image -- */

/* Cross-entropy of softmax(scores) with the target (1 - smoothing) one-hot + smoothing / n;
 * gradient (n) is multiplied by `weight`. */
double od_cross_entropy(size_t n, const od_real *scores, size_t label, double smoothing,
                        double weight, od_real *gradient);

/* The same with the target (1 - smoothing) target + smoothing / n; target (n) has sum 1. */
double od_soft_cross_entropy(size_t n, const od_real *scores, const od_real *target,
                             double smoothing, double weight, od_real *gradient);

#endif
