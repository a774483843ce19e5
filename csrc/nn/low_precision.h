/* Low precision of convolutions and dense layers: kernels packed into words and inputs rounded.
 * Private to nn/.
 *
 * A kernel (outer, inner, C) becomes words (outer, words, C) of 2 bfloat16 or 4 int8 of the inner
 * numbers each, the last padded with zeros, followed by a scale (C) and a bias (C). */
#ifndef OD_NN_LOW_PRECISION_H
#define OD_NN_LOW_PRECISION_H

#include "kernels/kernels.h"
#include "nn/plan.h"

/* Bytes of one number, and words for n of them. */
size_t od_low_precision_size(const od_op *op);
size_t od_low_precision_words(const od_op *op, size_t n);

/* Numbers (od_real) of memory for so many bytes. */
size_t od_reals_for(size_t bytes);

/* Numbers (od_real) of a packed kernel, and packing it; bias (C) may be NULL. */
size_t od_low_precision_packed_size(const od_op *op, size_t outer, size_t inner);
void od_low_precision_pack(const od_op *op, const od_kernels *kernels, size_t outer, size_t inner,
                           const od_real *kernel, const od_real *bias, od_real *packed);

/* Two rows of n numbers as n words of bfloat16; `second` may be NULL for zeros. */
void od_low_precision_pair(const od_kernels *kernels, size_t n, const od_real *first,
                           const od_real *second, uint32_t *words);

/* Rounds n numbers of the input. */
void od_low_precision_round(const od_op *op, const od_kernels *kernels, size_t n, const od_real *x,
                            unsigned char *rounded);

/* The byte of which a rounded zero consists. */
unsigned char od_low_precision_zero(const od_op *op);

/* The product c (rows, C) of rows of words at a with the packed kernel of op. */
typedef struct od_low_precision_rows {
  const unsigned char *a;
  size_t rows, row, outer, outer_row; /* row, outer_row and tap in bytes */
  size_t taps, tap, words;            /* of an outer row: as in od_low_precision_gemm */
  od_real *c;
  bool relu;
  bool max_pool; /* int8: c (rows, C) are windows, as in od_int8_kernels.gemm_max_pool */
} od_low_precision_rows;
void od_low_precision_product(const od_op *op, const od_kernels *kernels, const od_real *packed,
                              const od_low_precision_rows *rows);

#endif
