/* The algorithms of convolution that conv.c chooses from; see ops.h for what they
 * compute. Private to the conv*.c files. */
#ifndef OD_NN_CONV_CONV_H
#define OD_NN_CONV_CONV_H

#include "nn/ops.h"

/* Copies image (from.h, from.w, c) into `target` at (top, left), its pixels `step` apart,
 * and zeros around and between; what does not fit is left out. */
void od_conv_place(const od_real *image, od_shape from, od_real *target, od_shape to, int top,
                   int left, int step);

/* The input with its zeros: x itself where there are none, else `padded`, filled. */
const od_real *od_conv_pad(const od_op *op, const od_real *x, od_real *padded);

/* blank (columns), written: whether the places under the 2x2 outputs (row, column), of stride
 * 1, are blank on the map, or outside of the image. */
void od_conv_find_zero_tiles(const od_op *op, const od_kernels *kernels, const uint8_t *map,
                         size_t row, size_t columns, uint8_t *blank);

/* The windows of a fused max-pool over the padded input. */
od_conv_pool od_conv_pool_windows(const od_op *op);

/* Direct: matrix products over the padded image. Any kernel, any stride. The turned
 * kernel is flipped[k-1-i][k-1-j][C][c] = kernel[i][j][c][C]: with it, the gradient of x
 * is itself a convolution. */
size_t od_direct_forward_scratch(const od_op *op);
size_t od_direct_backward_scratch(const od_op *op);
void od_direct_forward(const od_op *op, const od_kernels *kernels, const od_real *x,
                       const od_real *kernel, const od_real *bias, od_real *y, uint8_t *choice,
                       const od_zero_tiles *blank, od_real *scratch);
void od_direct_flip(const od_op *op, const od_real *kernel, od_real *flipped);
void od_direct_backward(const od_op *op, const od_kernels *kernels, const od_real *x,
                        const od_real *flipped, const uint8_t *choice, const od_real *dy,
                        od_real *dx, od_real *dkernel, od_real *scratch);

/* Winograd's: 3x3 kernels of stride 1, forward, and back from dy with the kernel turned as the
 * direct one has it. The prepared kernel is (16, c, C), or in bfloat16 (16, c / 2, C) words. */
size_t od_winograd_packed_size(const od_op *op);
size_t od_winograd_scratch(const od_op *op);
void od_winograd_pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                        od_real *transformed);
void od_winograd_forward(const od_op *op, const od_kernels *kernels, const od_real *x,
                         const od_real *transformed, const od_real *bias, od_real *y,
                         uint8_t *choice, const od_zero_tiles *blank, od_real *scratch);

/* In narrow numbers: forward, any kernel, any stride. The packed kernel holds the bias too. */
size_t od_conv_low_precision_packed_size(const od_op *op);
size_t od_conv_low_precision_scratch(const od_op *op);
void od_conv_low_precision_pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                           const od_real *bias, od_real *packed);
void od_conv_low_precision_forward(const od_op *op, const od_kernels *kernels, const od_real *x,
                            const od_real *packed, od_real *y, uint8_t *choice,
                            const od_zero_tiles *blank, od_real *scratch);

/* Pooled: backward, over the places that a fused max-pool chose. The turned kernel and
 * dkernel are laid out unit by unit, (C, k, k, c). */
size_t od_argmax_backward_scratch(const od_op *op);
void od_argmax_backward_pack(const od_op *op, const od_real *kernel, od_real *by_unit);
void od_argmax_backward(const od_op *op, const od_kernels *kernels, const od_real *x,
                        const od_real *by_unit, const uint8_t *choice, const od_real *dy,
                        od_real *dx, od_real *dkernel, od_real *scratch);
void od_argmax_backward_collect(const od_op *op, const od_real *dkernel, size_t begin, size_t end,
                       od_real *gradient);

#endif
