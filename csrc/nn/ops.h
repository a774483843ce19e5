/* The operations of a plan as forward/backward pairs over plain buffers that the
 * caller owns. Shapes stand at each array; h, w, c are the operation's input, H, W, C
 * its output. Private to nn/.
 *
 * A forward pass writes y whole. A backward pass gets dy, the gradient of y, which it
 * may overwrite, writes dx whole, and adds to the gradients of its numbers. */
#ifndef OD_NN_OPS_H
#define OD_NN_OPS_H

#include "kernels/kernels.h"
#include "nn/plan.h"

/* -- convolution, with its fused bias, ReLU and max-pool; one image at a time -- */

/* Numbers of scratch that one image wants, forward and backward. */
size_t od_conv_forward_scratch(const od_op *op);
size_t od_conv_backward_scratch(const od_op *op);

/* The kernel (k, k, c, C), with its bias (C) or NULL, as the forward pass wants it, and its
 * size. */
size_t od_conv_packed_size(const od_op *op);
void od_conv_pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                     const od_real *bias, od_real *prepared);

/* Where an image is blank, from the first of two convolutions to the second. */
typedef struct od_zero_tiles {
  uint8_t *map;          /* (H, W) of the first: whether all input of the window was 0 */
  const od_real *y;      /* (H, W, C) of the second: its output for a blank image */
  const uint8_t *choice; /* (H, W, C), or NULL: its choices then */
} od_zero_tiles;

/* x (h, w, c), bias (C) or NULL -> y (H, W, C). `choice` (H, W, C), or NULL, is kept for
 * the backward pass of a fused max-pool. `blank` may be NULL; an operation that finds
 * blank places writes the map, one that skips them reads all. It changes no bit of y. */
void od_conv_forward(const od_op *op, const od_kernels *kernels, const od_real *x,
                     const od_real *prepared, const od_real *bias, od_real *y, uint8_t *choice,
                     const od_zero_tiles *blank, od_real *scratch);

/* What the second of a pair, operations that find and skip blank places, gives for a blank
 * image: y (H, W, C) and, or NULL, choice (H, W, C). prepared and bias (2) are as above;
 * x (h, w, c) and between (H, W, C), the first's input and output, are scratch too. */
void od_conv_zero_output(const od_op *pair, const od_kernels *kernels, const od_real *const *prepared,
                   const od_real *const *bias, od_real *y, uint8_t *choice, od_real *x,
                   od_real *between, od_real *scratch);

/* Of a convolution of one channel and stride 1, without a max-pool: the sum over units u of
 * weights[u] times map u of y, where positive, map (H, W); y is not made. */
size_t od_conv_weighted_maps_scratch(const od_op *op);
void od_conv_weighted_maps(const od_op *op, const od_kernels *kernels, const od_real *x,
                      const od_real *kernel, const od_real *bias, const od_real *weights,
                      od_real *map, od_real *scratch);

/* The kernel as the backward pass wants it, and its size, which may be more than the kernel's. */
size_t od_conv_packed_backward_size(const od_op *op);
void od_conv_pack_backward(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                  od_real *turned);

/* dkernel, in an order of its own, and dbias are added to; dbias NULL without a bias;
 * dx (h, w, c) NULL where nobody wants it. With dx, dkernel and x may both be NULL. */
void od_conv_backward(const od_op *op, const od_kernels *kernels, const od_real *x,
                      const od_real *turned, const od_real *y, const uint8_t *choice,
                      od_real *dy, od_real *dx, od_real *dkernel, od_real *dbias,
                      od_real *scratch);

/* Only the sum of dx over its places, sums (c), written: in a fraction of the time. It wants
 * the kernel turned in a way of its own, and so many numbers of scratch. */
size_t od_conv_gradient_sum_scratch(const od_op *op);
void od_conv_gradient_sum_pack(const od_op *op, const od_real *kernel, od_real *turned);
void od_conv_gradient_sum(const od_op *op, const od_kernels *kernels, const od_real *turned,
                          const od_real *y, const uint8_t *choice, od_real *dy, od_real *sums,
                          od_real *scratch);

/* Numbers begin..end of such a dkernel to their places in gradient (k, k, c, C). */
void od_conv_collect(const od_op *op, const od_real *dkernel, size_t begin, size_t end,
                     od_real *gradient);

/* -- dense, n images at a time -- */

/* Numbers of scratch that n images want in the forward pass. */
size_t od_dense_forward_scratch(const od_op *op, size_t n);

/* The kernel (c, C), with its bias (C) or NULL, as the forward pass wants it, and its size. */
size_t od_dense_packed_size(const od_op *op);
void od_dense_pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                      const od_real *bias, od_real *prepared);

/* x (n, c), bias (C) or NULL -> y (n, C). */
void od_dense_forward(const od_op *op, const od_kernels *kernels, size_t n, const od_real *x,
                      const od_real *prepared, const od_real *bias, od_real *y,
                      od_real *scratch);

/* The gradient of x alone; transposed (C, c) comes from od_dense_transpose. */
void od_dense_backward(const od_op *op, const od_kernels *kernels, size_t n,
                       const od_real *transposed, const od_real *dy, od_real *dx);

/* Rows begin..end of dkernel (c, C) over a whole batch; with begin = 0 dbias too. Both
 * are written, not added to. */
void od_dense_backward_kernel(const od_op *op, const od_kernels *kernels, size_t n,
                              size_t begin, size_t end, const od_real *x, const od_real *dy,
                              od_real *dkernel, od_real *dbias);

void od_dense_transpose(const od_op *op, const od_real *kernel, od_real *transposed);

/* -- global average pool, one image: x (h, w, c) -> y (c) -- */
void od_global_average_pool_forward(const od_op *op, const od_kernels *kernels, const od_real *x, od_real *y);
void od_global_average_pool_backward(const od_op *op, const od_real *dy, od_real *dx);

/* -- max-pool of its own, one image: x (h, w, c) -> y (H, W, C); choice (H, W, C), or NULL in the
 * forward pass, says which was largest -- */
void od_max_pool_forward(const od_op *op, const od_kernels *kernels, const od_real *x, od_real *y,
                         uint8_t *choice);
void od_max_pool_backward(const od_op *op, const od_kernels *kernels, const od_real *dy,
                          const uint8_t *choice, od_real *dx);

/* -- columns, one image: x (h, w, c) -> y (1, w, h c), and back -- */
void od_map_to_sequence_forward(const od_op *op, const od_real *x, od_real *y);
void od_map_to_sequence_backward(const od_op *op, const od_real *dy, od_real *dx);

/* -- dropout, one image: an input stays with probability 1 - rate, and is then
 * multiplied by 1 / (1 - rate). The same seed gives the same choice both ways. -- */
void od_dropout(size_t n, double rate, uint64_t seed, const od_real *x, od_real *y);

/* -- batch norm over all rows (n h w) of a batch, in three steps: each slice sums
 * its rows, the sums are joined in order, each slice transforms its rows -- */

/* What turns a batch norm's rows: its statistics, and gamma and beta, each (c). */
typedef struct od_norm {
  const double *mean, *inverse; /* 1 / deviation */
  const od_real *gamma, *beta;
} od_norm;

/* sums (2, c), written: of x and of x^2. */
void od_batch_norm_sums(const od_kernels *kernels, size_t rows, size_t c, const od_real *x,
                        double *sums);

/* y = gamma x^ + beta, where x^ = (x - mean) inverse. `scratch` (OD_NORM_SCRATCH c). */
enum { OD_NORM_SCRATCH = 4 };
void od_batch_norm_forward(const od_kernels *kernels, size_t rows, size_t c, const od_norm *norm,
                           const od_real *x, od_real *y, od_real *scratch);

/* sums (2, c), written: of dy and of dy x^. */
void od_batch_norm_backward_sums(const od_kernels *kernels, size_t rows, size_t c,
                                 const od_norm *norm, const od_real *x, const od_real *dy,
                                 double *sums);

/* dx = gamma inverse (dy - mean of dy - x^ times mean of (dy x^)), with sums over `count`
 * rows. */
void od_batch_norm_backward(const od_kernels *kernels, size_t rows, size_t c, const od_norm *norm,
                            const double *sums, double count, const od_real *x, const od_real *dy,
                            od_real *dx, od_real *scratch);

/* -- cross-entropy, one image -- */

/* Cross-entropy of softmax(scores) with the target (1 - smoothing) one-hot + smoothing / n;
 * gradient (n) is multiplied by `weight`. */
double od_cross_entropy(size_t n, const od_real *scores, size_t label, double smoothing,
                        double weight, od_real *gradient);

/* The same with the target (1 - smoothing) target + smoothing / n; target (n) has sum 1. */
double od_soft_cross_entropy(size_t n, const od_real *scores, const od_real *target,
                             double smoothing, double weight, od_real *gradient);

#endif
