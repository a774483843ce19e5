/* Convolution with its fused bias, ReLU and max-pool, one image at a time, by the algorithms
 * that the plan has chosen (algorithm.h). Private to nn/.
 *
 * A forward pass writes y whole. A backward pass writes dx whole and adds to dkernel and
 * dbias. */
#ifndef OD_NN_CONV_CONV_H
#define OD_NN_CONV_CONV_H

#include "nn/conv/algorithm.h"

/* Forward: numbers of the packed kernel and of scratch; packing; the pass. An operation that
 * finds zero tiles writes zero_tiles->map, one that skips them reads all of zero_tiles; y is the
 * same to the bit. */
size_t od_conv_packed_size(const od_op *op);
size_t od_conv_forward_scratch(const od_op *op);
void od_conv_pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                  const od_real *bias, od_real *packed);
void od_conv_forward(const od_conv_args *args);

/* The output for an all-zero image of the second of a pair, operations that find and skip
 * zero tiles: pair[1].y and, if not NULL, pair[1].argmax. x (h, w, c) of the first and pair[0].y
 * are scratch. */
void od_conv_zero_output(const od_conv_args pair[2], od_real *x);

/* Backward: likewise. dkernel is in an order of its own, which od_conv_unpack_gradient undoes
 * for its numbers begin..end. */
size_t od_conv_packed_backward_size(const od_op *op);
size_t od_conv_backward_scratch(const od_op *op);
void od_conv_pack_backward(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                           od_real *packed);
void od_conv_backward(const od_conv_args *args);
void od_conv_unpack_gradient(const od_op *op, const od_real *dkernel, size_t begin, size_t end,
                             od_real *gradient);

/* The sum of dx over its places alone, sums (c), written, without dx: in a fraction of the
 * time. args->packed comes from od_conv_gradient_sum_pack and has the kernel's size. */
size_t od_conv_gradient_sum_scratch(const od_op *op);
void od_conv_gradient_sum_pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                               od_real *packed);
void od_conv_gradient_sum(const od_conv_args *args, od_real *sums);

/* Of a convolution of one channel and stride 1, without a max-pool, args->packed by
 * od_conv_direct: the sum over units u of weights[u] times map u of y, where positive,
 * map (H, W), without y. */
size_t od_conv_weighted_maps_scratch(const od_op *op);
void od_conv_weighted_maps(const od_conv_args *args, const od_real *weights, od_real *map);

#endif
