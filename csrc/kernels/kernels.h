/* The table of kernels: the few loops where the time goes, once per instruction
 * set. kernels_scalar.c is the reference that the others are tested against.
 *
 * Kernels check nothing: their callers in nn/ and train/ have. Buffers need no
 * alignment and no padding; nothing is read or written outside what is said.
 *
 * Two kinds of kernel make up a table. The products (kernels_vector.h), the fused pooling
 * (kernels_pool.h) and Winograd's transforms (kernels_winograd.h) are written once with a
 * few vector operations that each instruction set defines, those of narrow numbers in
 * kernels_narrow.h; the scalar table takes pooling and transforms with vectors of one number. The others (kernels_loops.h) are plain loops
 * that the compiler vectorises for each instruction set. */
#ifndef OD_KERNELS_KERNELS_H
#define OD_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/image_kernels.h"
#include "base/memory.h"
#include "base/status.h"

/* A matrix product whose sum runs over two nested indices:
 *
 *   c(m, n) = start(m, n) + sum over o < outer, i < inner of a(m, o, i) * b(o, i, n)
 *
 * a(m, o, i) is a[m * a_row + o * a_outer + i * a_inner]
 * b(o, i, n) is b[o * b_outer + i * b_inner + n]
 * c(m, n)    is c[m * c_row + n]
 *
 * With free strides on a, that is every pass of every layer here: a convolution
 * over a padded channels-last image is the sum over kernel rows (outer) and over
 * kernel columns x channels, which lie side by side (inner); its weight gradient is
 * the sum over image rows and columns; a dense layer has outer = 1. */
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

/* Winograd's minimal filtering F(2x2, 3x3) (Lavin and Gray, 2016): a 3x3 convolution as
 * 16 matrix products over tiles of 2x2 outputs, with 2.25 times fewer multiplications.
 * Images, channels and tiles are laid out as the convolution has them; V and M are
 * (16, tiles, channels), the tiles of a row one after the other. */
typedef struct od_winograd_row {
  size_t tiles, channels;
  size_t pitch;     /* numbers from one of the 16 matrices to the next */
  size_t image_row; /* numbers from one image row to the next */
} od_winograd_row;

/* A convolution of stride 1 under a 2x2 max-pool, one padded image (.., image_row): the
 * window (row, column) begins at x[2 row image_row + 2 column channels]. */
typedef struct od_conv_pool {
  size_t rows, columns; /* windows */
  size_t size;          /* the kernel is (size, size, channels, units) */
  size_t channels, units;
  size_t image_row;     /* numbers from one image row to the next */
  bool relu;
} od_conv_pool;

/* A matrix product of narrow numbers, which go four bytes, a word, at a time: two bfloat16
 * (the upper halves of floats) or four 8-bit integers, 0..127 in a and -127..127 in b.
 *
 *   c(m, n) = finish(sum over o < outer, w < words of a(m, o, w) . b(o, w, n))
 *
 * a(m, o, w) are the 4 bytes at a + m * a_row + o * a_outer + 4 w, wherever that is
 * b(o, w, n) is word n of row o * words + w of b (outer, words, columns)
 * x . y      adds up the products of the numbers of two words
 * c(m, n)    is c[m * c_row + n]
 *
 * Sums of bfloat16 are floats, each product added in the order last, first of its word and
 * rounded once, as VDPBF16PS does; finish(s) = s, and the sum begins with the bias. Sums
 * of bytes are exact; finish(s) = s * scale(n) + bias(n). So all tables give the same bits,
 * but for numbers below 2^-126, which the instruction takes for 0. */
typedef struct od_dot_product {
  size_t rows, columns; /* c is (rows, columns) */
  size_t outer, words;
  const void *a;
  size_t a_row, a_outer; /* in bytes */
  const void *b;
  od_real *c;
  size_t c_row;
  const od_real *scale; /* (columns), of bytes only */
  const od_real *bias;  /* (columns) */
  bool relu;            /* c = max(c, 0) in the end */
} od_dot_product;

typedef struct od_bfloat_kernels {
  void (*round)(size_t n, const od_real *x, uint16_t *y); /* to nearest, ties to even */
  void (*product)(const od_dot_product *product);
  /* As od_kernels.winograd_input, for an even number of channels, v of bfloat16. */
  void (*winograd_input)(const od_winograd_row *row, const od_real *x, uint16_t *v);
} od_bfloat_kernels;

typedef struct od_byte_kernels {
  /* y = x * scale + zero, at least 0, at most 127, to nearest, ties to even. */
  void (*quantize)(size_t n, const od_real *x, od_real scale, od_real zero, uint8_t *y);
  void (*product)(const od_dot_product *product);
  /* The 2x2 max-pool of a product, for scales of at least 0: c(m, n) is the largest of four
   * results, those of the rows 2m and 2m + 1 of a and of the rows a_outer behind them. So
   * one call does a row of windows of a convolution. */
  void (*product_pool)(const od_dot_product *product);
} od_byte_kernels;

/* What Adam and AdamW need for one step; see train/optimizer.h. */
typedef struct od_adam_step {
  od_real rate;      /* learning rate times the bias corrections */
  od_real beta1, beta2, epsilon;
  od_real shrink;    /* weights are first multiplied by this (decoupled decay) */
  od_real scale;     /* gradients are multiplied by this (clipping) */
} od_adam_step;

typedef struct od_sgd_step {
  od_real rate, momentum, shrink, scale;
} od_sgd_step;

/* A line for each of c columns. */
typedef struct od_channel_affine {
  const od_real *middle, *of_x, *shift;
  const od_real *of_dy; /* not read where there is no dy */
} od_channel_affine;

typedef struct od_kernels {
  const char *name; /* "scalar", "avx2", "avx512", "neon" */
  unsigned features; /* the od_cpu_feature it needs; 0 for scalar */

  const od_bfloat_kernels *bfloat;
  const od_byte_kernels *bytes;

  void (*gemm)(const od_gemm *product);

  /* out (length) += sum over e < n of value[e] * base[offset[e] + (0 .. length - 1)]: the
   * gradients of a convolution where few places have one. */
  void (*add_weighted)(size_t n, const uint32_t *offset, const od_real *value,
                       const od_real *base, size_t length, od_real *out);

  /* Which of bytes (n), n <= 64, equal `value`: bit i for byte i. */
  uint64_t (*match_bytes)(size_t n, const uint8_t *bytes, uint8_t value);

  /* One row of tiles: x (4 rows, 2 tiles + 2 columns, channels) -> v. */
  void (*winograd_input)(const od_winograd_row *row, const od_real *x, od_real *v);
  /* m -> y (2 rows, 2 tiles columns, channels) with bias (channels) and perhaps ReLU. */
  void (*winograd_output)(const od_winograd_row *row, const od_real *m, const od_real *bias,
                          bool relu, od_real *y);
  /* m -> the 2x2 max-pool of that, y (tiles, channels), and its choices as in max_pool. */
  void (*winograd_output_pool)(const od_winograd_row *row, const od_real *m, const od_real *bias,
                               bool relu, od_real *y, uint8_t *choice);

  /* The direct convolution with its max-pool: y (rows, columns, units) and the choices as
   * in max_pool. blank (rows, columns), or NULL, says where all input of a window was 0:
   * there y is made of the bias alone, which for finite kernels is the same number. */
  void (*pooled_forward)(const od_conv_pool *p, const od_real *x, const od_real *kernel,
                         const od_real *bias, od_real *y, uint8_t *choice, uint8_t *blank);
  /* Adds the gradient of the kernel of a convolution of ONE channel, from dy (rows,
   * columns, units), which is 0 where the choice is 4. */
  void (*pooled_gradient)(const od_conv_pool *p, const od_real *x, const od_real *dy,
                          const uint8_t *choice, od_real *dkernel);

  /* 2x2 max-pool, stride 2, of x (h, w, c) into y (h / 2, w / 2, c); odd edges are
   * dropped. `choice` (same shape as y, may be NULL) remembers which of the four won,
   * 0..3 in reading order, the first of equals. With `relu`, y = max(y, 0), and a
   * choice of 4 says that none was above 0. */
  void (*max_pool)(size_t h, size_t w, size_t c, const od_real *x, od_real *y, uint8_t *choice,
                   bool relu);
  /* The backward pass of two rows: dy (w / 2, c) goes to the chosen places of
   * dx_top (w, c) and dx_bottom (w, c), 0 to the others. */
  void (*max_unpool_row)(size_t w, size_t c, const od_real *dy, const uint8_t *choice,
                         od_real *dx_top, od_real *dx_bottom);

  /* y = max(top, bottom) and the choice of 0, top, also among equals, or 1; and back. */
  void (*max_rows)(size_t n, const od_real *top, const od_real *bottom, od_real *y,
                   uint8_t *choice);
  void (*max_rows_backward)(size_t n, const od_real *dy, const uint8_t *choice, od_real *dtop,
                            od_real *dbottom);

  void (*relu)(size_t n, const od_real *x, od_real *y);              /* y = max(x, 0) */
  void (*relu_backward)(size_t n, const od_real *y, od_real *dy);    /* dy = 0 where y <= 0 */
  void (*add)(size_t n, const od_real *x, od_real *y);               /* y += x */
  void (*add_rows)(size_t rows, size_t c, const od_real *x, od_real *sum); /* sum (c) += x (rows, c) */
  void (*scale_shift)(size_t rows, size_t c, const od_real *x, const od_real *scale,
                      const od_real *shift, od_real *y, bool relu);  /* y = x * scale + shift */
  /* sums (2, c) += those of the columns of x (rows, c), and of their squares; or of dy, and of
   * dy (x - middle). In double. */
  void (*column_sums)(size_t rows, size_t c, const od_real *x, double *sums);
  void (*column_products)(size_t rows, size_t c, const od_real *x, const od_real *dy,
                          const double *middle, double *sums);
  /* y = (x - middle) of_x + shift, and with dy, which may be NULL, + dy of_dy. */
  void (*add_lines)(size_t rows, size_t c, const od_channel_affine *lines, const od_real *x,
                    const od_real *dy, od_real *y);
  void (*bytes_to_real)(size_t n, const uint8_t *x, od_real scale, od_real *y); /* y = x * scale */
  double (*squared_norm)(size_t n, const od_real *x);                           /* sum of x^2 */

  void (*adam)(size_t n, const od_adam_step *step, const od_real *gradient, od_real *mean,
               od_real *square, od_real *weight);
  void (*sgd)(size_t n, const od_sgd_step *step, const od_real *gradient, od_real *velocity,
              od_real *weight);
  void (*blend)(size_t n, od_real keep, const od_real *x, od_real *y); /* y = keep y + (1 - keep) x */

  od_image_kernels image; /* those of image/, see arch/image_kernels.h */
} od_kernels;

/* The fastest table this machine runs, or the one named: "scalar", "avx2",
 * "avx512", "neon". A NULL or empty name means the fastest.
 * Errors: OD_ERROR_ARGUMENT for an unknown name, OD_ERROR_UNAVAILABLE for one that
 * this build or this machine does not have. The tables are constants; no cleanup. */
od_status od_kernels_select(const char *name, const od_kernels **kernels, od_error *error);

/* The tables of this build, fastest first, scalar, which needs nothing, last; NULL after
 * that. Tables of one name differ in how they multiply narrow numbers. */
extern const od_kernels *const od_kernel_tables[];

/* Each is defined in the file of its name. */
extern const od_kernels od_kernels_scalar;
#if !defined(OD_DOUBLE)
#if defined(__x86_64__)
extern const od_kernels od_kernels_avx2;
extern const od_kernels od_kernels_avx512;           /* on its own, … */
extern const od_kernels od_kernels_avx512_vnni;      /* … with VNNI, … */
extern const od_kernels od_kernels_avx512_vnni_bf16; /* … and with BF16 */
extern const od_byte_kernels od_bytes_avx512_vnni;
extern const od_bfloat_kernels od_bfloat_avx512_bf16;
#elif defined(__aarch64__)
extern const od_kernels od_kernels_neon;
extern const od_kernels od_kernels_neon_dot;
extern const od_byte_kernels od_bytes_neon_dot;
#endif
#endif

#endif
