#include "nn/low_precision.h"

#include <math.h>
#include <string.h>

enum { STEPS = 127, WORD = 4 /* bytes */ };

static size_t units_of(const od_op *op) { return (size_t)op->out.c; }

size_t od_low_precision_size(const od_op *op) {
  return op->precision == OD_INT8 ? 1 : sizeof(uint16_t);
}

size_t od_low_precision_words(const od_op *op, size_t n) {
  return (n * od_low_precision_size(op) + WORD - 1) / WORD;
}

size_t od_reals_for(size_t bytes) { return (bytes + sizeof(od_real) - 1) / sizeof(od_real); }

size_t od_low_precision_packed_size(const od_op *op, size_t outer, size_t inner) {
  size_t words = outer * od_low_precision_words(op, inner) * units_of(op);
  return od_reals_for(words * WORD) + 2 * units_of(op);
}

void od_low_precision_pair(const od_kernels *kernels, size_t n, const od_real *first,
                           const od_real *second, uint32_t *words) {
  enum { GROUP = 64 };
  uint16_t low[GROUP], high[GROUP] = {0};
  for (size_t begin = 0; begin < n; begin += GROUP) {
    size_t count = n - begin < GROUP ? n - begin : GROUP;
    kernels->bfloat16->round(count, first + begin, low);
    if (second) kernels->bfloat16->round(count, second + begin, high);
    for (size_t i = 0; i < count; i++)
      words[begin + i] = (uint32_t)low[i] | (uint32_t)high[i] << 16;
  }
}

static void pack_bfloat16(const od_op *op, const od_kernels *kernels, size_t outer, size_t inner,
                          const od_real *kernel, uint32_t *words) {
  size_t units = units_of(op);
  for (size_t o = 0; o < outer; o++, kernel += inner * units)
    for (size_t i = 0; i < inner; i += 2, words += units)
      od_low_precision_pair(kernels, units, kernel + i * units,
                            i + 1 < inner ? kernel + (i + 1) * units : NULL, words);
}

/* Unit u of a kernel, quantized in steps of its own. scale[u] is the product of a step of it
 * and one of the input; the bias compensates for the input's zero point of `zero` steps. */
static void pack_int8(const od_op *op, size_t outer, size_t inner, const od_real *kernel, size_t u,
                      int8_t *bytes, od_real *scale, od_real *bias) {
  size_t units = units_of(op), words = od_low_precision_words(op, inner);
  double max = 0, sum = 0;
  for (size_t i = 0; i < outer * inner; i++) { /* GCC 12 for AArch64 crashes on fmax */
    double weight = fabs((double)kernel[i * units + u]);
    if (weight > max) max = weight;
  }
  double step = max > 0 ? max / STEPS : 1;
  for (size_t o = 0; o < outer; o++)
    for (size_t i = 0; i < words * WORD; i++) {
      double weight = i < inner ? (double)kernel[(o * inner + i) * units + u] : 0;
      double steps = rint(weight / step);
      size_t word = (o * words + i / WORD) * units + u;
      bytes[word * WORD + i % WORD] = (int8_t)steps;
      sum += steps;
    }
  scale[u] = (od_real)(step * op->step);
  bias[u] = (od_real)((double)bias[u] - (double)scale[u] * op->zero * sum);
}

void od_low_precision_pack(const od_op *op, const od_kernels *kernels, size_t outer, size_t inner,
                           const od_real *kernel, const od_real *bias, od_real *packed) {
  size_t units = units_of(op);
  od_real *scales = packed + od_low_precision_packed_size(op, outer, inner) - 2 * units;
  od_real *biases = scales + units;
  if (bias)
    memcpy(biases, bias, units * sizeof *biases);
  else
    memset(biases, 0, units * sizeof *biases);
  if (op->precision == OD_BFLOAT16) {
    pack_bfloat16(op, kernels, outer, inner, kernel, (uint32_t *)(void *)packed);
    return;
  }
  for (size_t u = 0; u < units; u++)
    pack_int8(op, outer, inner, kernel, u, (int8_t *)packed, scales, biases);
}

void od_low_precision_round(const od_op *op, const od_kernels *kernels, size_t n, const od_real *x,
                            unsigned char *rounded) {
  if (op->precision == OD_INT8)
    kernels->int8->quantize(n, x, (od_real)(1 / op->step), (od_real)op->zero, rounded);
  else
    kernels->bfloat16->round(n, x, (uint16_t *)(void *)rounded);
}

unsigned char od_low_precision_zero(const od_op *op) {
  return op->precision == OD_INT8 ? (unsigned char)op->zero : 0;
}

void od_low_precision_product(const od_op *op, const od_kernels *kernels, const od_real *packed,
                              const od_low_precision_rows *rows) {
  size_t units = units_of(op);
  const od_real *scales =
      packed + od_reals_for(rows->outer * rows->taps * rows->words * units * WORD);
  od_low_precision_gemm product = {.rows = rows->rows,
                                   .columns = units,
                                   .outer = rows->outer,
                                   .taps = rows->taps,
                                   .words = rows->words,
                                   .a = rows->a,
                                   .a_row = rows->row,
                                   .a_outer = rows->outer_row,
                                   .a_tap = rows->tap,
                                   .b = packed,
                                   .c = rows->c,
                                   .c_row = units,
                                   .scale = scales,
                                   .bias = scales + units,
                                   .relu = rows->relu};
  if (rows->max_pool)
    kernels->int8->gemm_max_pool(&product);
  else
    (op->precision == OD_INT8 ? kernels->int8->gemm : kernels->bfloat16->gemm)(&product);
}
