/* The table of kernels: the few loops that take most of the time, once per instruction set.
 * scalar.c is the reference that the other tables are tested against.
 *
 * Where to find a kernel: its family has a template, which avx2.c, avx512.c, neon.c and simd128.c
 * include with their own vectors; scalar.c includes those marked *, with vectors of one
 * number, and defines the other kernels itself.
 *
 *   family                                   file
 *   matrix products                          gemm.inc.h
 *   int8 and bfloat16                        low_precision.inc.h, or with their own
 *                                            instructions avx512_vnni.c, avx512_bf16.c, neon_dot.c
 *   Winograd's transforms                    winograd.inc.h *
 *   convolution with max-pool                pool.inc.h *
 *   loops that the compiler vectorizes       elementwise.inc.h *
 *   images (image_kernels.h)                 image_loops.inc.h *, image_vector.inc.h,
 *                                            image_x86.inc.h
 *   match_bytes                              the file of the instruction set
 *
 * vector.h lists the vector operations that an instruction set defines. Kernels check
 * nothing: their callers in nn/ and train/ do. Buffers need no alignment and no padding;
 * nothing outside the stated ranges is read or written. */
#ifndef OD_KERNELS_KERNELS_H
#define OD_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/api.h"
#include "base/memory.h"
#include "base/status.h"
#include "kernels/arguments.h"
#include "kernels/image_kernels.h"

OD_BEGIN_DECLS

typedef struct od_bfloat16_kernels {
  void (*round)(size_t n, const od_real *x, uint16_t *y); /* to nearest, ties to even */
  void (*gemm)(const od_low_precision_gemm *product);
  /* As od_kernels.winograd_input, for an even number of channels, v of bfloat16. */
  void (*winograd_input)(const od_winograd_row *row, const od_real *x, uint16_t *v);
} od_bfloat16_kernels;

typedef struct od_int8_kernels {
  /* y = x * scale + zero, clipped to 0..127, rounded to nearest, ties to even. */
  void (*quantize)(size_t n, const od_real *x, od_real scale, od_real zero, uint8_t *y);
  void (*gemm)(const od_low_precision_gemm *product);
  /* The 2x2 max-pool of a product, for scales of at least 0: c(m, n) is the maximum of four
   * results, those of the rows 2m and 2m + 1 of a and of the rows a_outer after them. So one
   * call computes a row of windows of a convolution. */
  void (*gemm_max_pool)(const od_low_precision_gemm *product);
} od_int8_kernels;

typedef struct od_kernels {
  const char *name;  /* "scalar", "avx2", "avx512", "neon", "simd128" */
  unsigned features; /* the od_cpu_feature it needs; 0 for scalar */

  /* -- matrix products -- */

  void (*gemm)(const od_gemm *product);
  /* out (length) += sum over e < n of value[e] * base[offset[e] + (0 .. length - 1)]: the
   * gradients of a convolution where few places have one. */
  void (*add_weighted)(size_t n, const uint32_t *offset, const od_real *value, const od_real *base,
                       size_t length, od_real *out);

  /* -- low precision -- */

  const od_bfloat16_kernels *bfloat16;
  const od_int8_kernels *int8;

  /* -- Winograd's transforms -- */

  /* One row of tiles: x (4 rows, 2 tiles + 2 columns, channels) -> v. */
  void (*winograd_input)(const od_winograd_row *row, const od_real *x, od_real *v);
  /* m -> y (2 rows, 2 tiles columns, channels) with bias (channels) and optional ReLU. */
  void (*winograd_output)(const od_winograd_row *row, const od_real *m, const od_real *bias,
                          bool relu, od_real *y);
  /* m -> the 2x2 max-pool of that, y (tiles, channels), and its argmax as in max_pool. */
  void (*winograd_output_pool)(const od_winograd_row *row, const od_real *m, const od_real *bias,
                               bool relu, od_real *y, uint8_t *argmax);

  /* -- convolution with max-pool -- */

  /* y (rows, columns, units), and the argmax as in max_pool. zero_tiles (rows, columns), or
   * NULL, is set to 1 where all input of a window is 0: there y comes from the bias alone,
   * which for finite kernels is the same number. */
  void (*conv_max_pool)(const od_conv_max_pool *p, const od_real *x, const od_real *kernel,
                        const od_real *bias, od_real *y, uint8_t *argmax, uint8_t *zero_tiles);
  /* Adds the gradient of the kernel of a convolution of ONE channel, from dy (rows,
   * columns, units), which is 0 where argmax is 4. */
  void (*conv_max_pool_gradient)(const od_conv_max_pool *p, const od_real *x, const od_real *dy,
                                 const uint8_t *argmax, od_real *dkernel);

  /* -- pooling -- */

  /* 2x2 max-pool, stride 2, of x (h, w, c) into y (h / 2, w / 2, c); odd edges are
   * dropped. `argmax` (same shape as y, may be NULL) is the place of the maximum, 0..3 in
   * reading order, the first of equals. With `relu`, y = max(y, 0), and an argmax of 4
   * means that none was above 0. */
  void (*max_pool)(size_t h, size_t w, size_t c, const od_real *x, od_real *y, uint8_t *argmax,
                   bool relu);
  /* The backward pass of two rows: dy (w / 2, c) is copied to the argmax places of
   * dx_top (w, c) and dx_bottom (w, c), 0 to the others. */
  void (*max_unpool_row)(size_t w, size_t c, const od_real *dy, const uint8_t *argmax,
                         od_real *dx_top, od_real *dx_bottom);
  /* 2x1 max-pool of two rows (n): y = max(top, bottom), and the argmax 0, top, also of
   * equals, or 1; and its backward pass. */
  void (*max_pool_2x1)(size_t n, const od_real *top, const od_real *bottom, od_real *y,
                       uint8_t *argmax);
  void (*max_unpool_2x1)(size_t n, const od_real *dy, const uint8_t *argmax, od_real *dtop,
                         od_real *dbottom);

  void (*max_rows)(size_t rows, size_t c, const od_real *x, od_real *y); /* y = max(y, row of x) */

  /* -- depthwise convolution, of one row of the output -- */

  /* y (pixels, channels) from x, with bias (channels) or NULL. */
  void (*depthwise)(const od_depthwise_row *row, const od_real *x, const od_real *kernel,
                    const od_real *bias, bool relu, od_real *y);
  /* Adds the gradient of x to dx, and that of the kernel to dkernel. */
  void (*depthwise_backward)(const od_depthwise_row *row, const od_real *kernel, const od_real *dy,
                             od_real *dx);
  void (*depthwise_gradient)(const od_depthwise_row *row, const od_real *x, const od_real *dy,
                             od_real *dkernel);

  /* -- elementwise and per channel -- */

  /* y = function(x), with alpha where it has one; and dy *= function'(x), with y = function(x). */
  void (*activate)(od_activation function, od_real alpha, size_t n, const od_real *x, od_real *y);
  void (*activate_backward)(od_activation function, od_real alpha, size_t n, const od_real *x,
                            const od_real *y, od_real *dy);

  void (*relu)(size_t n, const od_real *x, od_real *y);           /* y = max(x, 0) */
  void (*relu_backward)(size_t n, const od_real *y, od_real *dy); /* dy = 0 where y <= 0 */
  void (*add)(size_t n, const od_real *x, od_real *y);            /* y += x */
  /* sum (c) += the rows of x (rows, c). */
  void (*add_rows)(size_t rows, size_t c, const od_real *x, od_real *sum);
  /* y = x * scale + shift, x and y (rows, c), scale and shift (c). */
  void (*scale_shift)(size_t rows, size_t c, const od_real *x, const od_real *scale,
                      const od_real *shift, od_real *y, bool relu);
  /* x, dy and y (rows, c); dy may be NULL. */
  void (*channel_affine)(size_t rows, size_t c, const od_channel_affine *affine, const od_real *x,
                         const od_real *dy, od_real *y);
  /* sums (2, c) += the column sums of x (rows, c) and of x^2; or of dy and of
   * dy (x - mean). In double. */
  void (*column_sums)(size_t rows, size_t c, const od_real *x, double *sums);
  void (*column_products)(size_t rows, size_t c, const od_real *x, const od_real *dy,
                          const double *mean, double *sums);
  void (*bytes_to_real)(size_t n, const uint8_t *x, od_real scale, od_real *y); /* y = x * scale */
  double (*squared_norm)(size_t n, const od_real *x);                           /* sum of x^2 */
  /* Which of bytes (n), n <= 64, equal `value`: bit i for byte i. */
  uint64_t (*match_bytes)(size_t n, const uint8_t *bytes, uint8_t value);

  /* -- optimizers -- */

  void (*adam)(size_t n, const od_adam_step *step, const od_real *gradient, od_real *mean,
               od_real *square, od_real *weight);
  void (*sgd)(size_t n, const od_sgd_step *step, const od_real *gradient, od_real *velocity,
              od_real *weight);
  /* y = keep y + (1 - keep) x */
  void (*blend)(size_t n, od_real keep, const od_real *x, od_real *y);

  od_image_kernels image; /* the operations of image/, see image_kernels.h */
} od_kernels;

/* Selects the fastest table that this machine runs, or the one named: "scalar", "avx2",
 * "avx512", "neon", "simd128". A NULL or empty name means the fastest. Tables are constants.
 * Errors: OD_ERROR_ARGUMENT for an unknown name, OD_ERROR_UNAVAILABLE for one that
 * this build or this machine does not have. */
od_status od_kernels_select(const char *name, const od_kernels **kernels, od_error *error);

/* The tables of this build, fastest first, scalar, which needs no feature, last; then NULL.
 * Tables of one name differ in their low-precision kernels. */
extern const od_kernels *const od_kernel_tables[];

/* AMX needs a compiler that knows it. */
#if defined(__x86_64__) && !defined(OD_DOUBLE) && \
    (defined(__clang__) ? __clang_major__ >= 12 : __GNUC__ >= 11)
#define OD_HAS_AMX
#endif

/* Each is defined in the file of its name. */
extern const od_kernels od_kernels_scalar;
#if !defined(OD_DOUBLE)
#if defined(__x86_64__)
extern const od_kernels od_kernels_avx2;
extern const od_kernels od_kernels_avx512;           /* these four in avx512.c: alone, */
extern const od_kernels od_kernels_avx512_vnni;      /* with VNNI, */
extern const od_kernels od_kernels_avx512_vnni_bf16; /* with VNNI and BF16, */
extern const od_int8_kernels od_int8_avx512_vnni;
#if defined(OD_HAS_AMX)
extern const od_kernels od_kernels_avx512_amx; /* with these and AMX */
extern const od_int8_kernels od_int8_avx512_amx;
#endif
extern const od_bfloat16_kernels od_bfloat16_avx512_bf16;
#elif defined(__aarch64__)
extern const od_kernels od_kernels_neon;
extern const od_kernels od_kernels_neon_dot; /* in neon.c */
extern const od_int8_kernels od_int8_neon_dot;
#elif defined(__wasm_simd128__)
extern const od_kernels od_kernels_simd128;
#endif
#endif

OD_END_DECLS

#endif
