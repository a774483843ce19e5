/* The structs of arguments of kernels that take more than a few buffers. */
#ifndef OD_KERNELS_ARGUMENTS_H
#define OD_KERNELS_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"

/* A matrix product whose sum runs over two nested indices:
 *
 *   c(m, n) = start(m, n) + sum over o < outer, i < inner of a(m, o, i) * b(o, i, n)
 *
 * a(m, o, i) is a[m * a_row + o * a_outer + i * a_inner]
 * b(o, i, n) is b[o * b_outer + i * b_inner + n]
 * c(m, n)    is c[m * c_row + n]
 *
 * The free strides of a make every pass of every layer such a product. A convolution over
 * a padded channels-last image sums over kernel rows (outer) and over kernel columns x
 * channels, which are contiguous (inner); its weight gradient sums over image rows and
 * columns; a dense layer has outer = 1. */
typedef enum od_gemm_start {
  OD_START_ZERO, /* c = 0 + sum */
  OD_START_BIAS, /* c(m, n) = bias[n] + sum */
  OD_START_ADD   /* c(m, n) += sum */
} od_gemm_start;

typedef struct od_gemm {
  size_t rows, columns; /* c is (rows, columns) */
  size_t outer, inner;
  const od_real *a;
  size_t a_row, a_outer, a_inner;
  const od_real *b;
  size_t b_outer, b_inner;
  od_real *c;
  size_t c_row;
  od_gemm_start start;
  const od_real *bias; /* (columns), with OD_START_BIAS */
  bool relu;           /* c = max(c, 0) in the end */
} od_gemm;

/* A matrix product in low precision. Operands are read a word of 4 bytes at a time: two
 * bfloat16 (the upper halves of floats), or four 8-bit integers, 0..127 in a and -127..127
 * in b.
 *
 *   c(m, n) = finish(sum over o < outer, t < taps, w < words of a(m, o, t, w) . b(o, t, w, n))
 *
 * a(m, o, t, w) are the 4 bytes at a + m * a_row + o * a_outer + t * a_tap + 4 w, of any alignment
 * b(o, t, w, n) is word n of row (o * taps + t) * words + w of b (outer, taps, words, columns)
 * x . y      is the dot product of the numbers of two words
 * c(m, n)    is c[m * c_row + n]
 *
 * Sums of bfloat16 are floats that begin with the bias; finish(s) = s. Each product is added
 * in the order last, first of its word and rounded once, as VDPBF16PS does. Sums of int8 are
 * exact; finish(s) = s * scale(n) + bias(n). So all tables give the same bits, except for
 * numbers below 2^-126, which the instruction flushes to 0. */
typedef struct od_low_precision_gemm {
  size_t rows, columns; /* c is (rows, columns) */
  size_t outer, taps, words;
  const void *a;
  size_t a_row, a_outer, a_tap; /* in bytes */
  const void *b;
  od_real *c;
  size_t c_row;
  const od_real *scale; /* (columns), int8 only */
  const od_real *bias;  /* (columns) */
  bool relu;            /* c = max(c, 0) in the end */
} od_low_precision_gemm;

/* A row of tiles of Winograd's minimal filtering F(2x2, 3x3) (Lavin and Gray, 2016): a 3x3
 * convolution as 16 matrix products over tiles of 2x2 outputs, with 2.25 times fewer
 * multiplications. Images are channels-last; V and M are (16, tiles, channels), the tiles of
 * a row side by side. */
typedef struct od_winograd_row {
  size_t tiles, channels;
  size_t pitch;     /* numbers from one of the 16 matrices to the next */
  size_t image_row; /* numbers from one image row to the next */
} od_winograd_row;

/* A convolution of stride 1 fused with a 2x2 max-pool, over one padded image (.., image_row):
 * the input of window (row, column) begins at x[2 row image_row + 2 column channels]. */
typedef struct od_conv_max_pool {
  size_t rows, columns; /* windows */
  size_t size;          /* the kernel is (size, size, channels, units) */
  size_t channels, units;
  size_t image_row; /* numbers from one image row to the next */
  bool relu;
} od_conv_max_pool;

/* One row of the output of a depthwise convolution: output pixel p and channel i come from
 *
 *   x[p * stride + row * image_row + column * dilation + i] times kernel[row][column][i] */
typedef struct od_depthwise_row {
  size_t pixels, channels;
  size_t rows, columns; /* of the kernel (rows, columns, channels) */
  size_t image_row;     /* numbers from the input of one kernel row to that of the next, … */
  size_t dilation;      /* … of one kernel column, … */
  size_t stride;        /* … and of one output pixel */
} od_depthwise_row;

/* Functions of single numbers. */
typedef enum od_activation {
  OD_LEAKY_RELU, /* x, and below 0 alpha x */
  OD_RELU6,      /* x between 0 and 6 */
  OD_ELU,        /* x, and below 0 alpha (exp(x) - 1) */
  OD_SELU,       /* OD_SELU_SCALE times elu with alpha OD_SELU_ALPHA */
  OD_SIGMOID,    /* 1 / (1 + exp(-x)) */
  OD_TANH,
  OD_SWISH, /* x sigmoid(x) */
  OD_ACTIVATIONS
} od_activation;

/* Klambauer et al., 2017. */
#define OD_SELU_SCALE 1.0507009873554805
#define OD_SELU_ALPHA 1.6732632423543772

/* An affine map of each of c channels: y = (x - mean) x_scale + shift, and with a gradient
 * dy, + dy dy_scale. */
typedef struct od_channel_affine {
  const od_real *mean, *x_scale, *shift; /* (c) */
  const od_real *dy_scale;               /* (c); not read without dy */
} od_channel_affine;

/* One step of Adam or AdamW; see train/optimizer.h. */
typedef struct od_adam_step {
  od_real rate; /* learning rate times the bias corrections */
  od_real beta1, beta2, epsilon;
  od_real shrink; /* weights are first multiplied by this (decoupled weight decay) */
  od_real scale;  /* gradients are multiplied by this (clipping) */
} od_adam_step;

typedef struct od_sgd_step {
  od_real rate, momentum, shrink, scale;
} od_sgd_step;

#endif
