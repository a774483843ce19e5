#include <string.h>

#include "nn/low_precision.h"
#include "nn/ops.h"

enum { WORD = 4 /* bytes */ };

static size_t word_row(const od_op *op) { return od_low_precision_words(op, (size_t)op->in.c) * WORD; }

size_t od_dense_forward_scratch(const od_op *op, size_t n) {
  return op->precision == OD_FLOAT32 ? 0 : od_reals_for(n * word_row(op));
}

size_t od_dense_packed_size(const od_op *op) {
  if (op->precision == OD_FLOAT32) return op->kernel_size;
  return od_low_precision_packed_size(op, 1, (size_t)op->in.c);
}

void od_dense_pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                      const od_real *bias, od_real *prepared) {
  if (op->precision == OD_FLOAT32)
    memcpy(prepared, kernel, op->kernel_size * sizeof *kernel);
  else
    od_low_precision_pack(op, kernels, 1, (size_t)op->in.c, kernel, bias, prepared);
}

/* The rows of x rounded to words, of which the last may be filled up with zeros. */
static void forward_narrow(const od_op *op, const od_kernels *kernels, size_t n,
                           const od_real *x, const od_real *packed, od_real *y,
                           od_real *scratch) {
  size_t in = (size_t)op->in.c, used = in * od_low_precision_size(op), row = word_row(op);
  unsigned char *words = (unsigned char *)scratch;
  for (size_t i = 0; i < n; i++) {
    od_low_precision_round(op, kernels, in, x + i * in, words + i * row);
    memset(words + i * row + used, 0, row - used);
  }
  od_low_precision_product(op, kernels, packed,
                     &(od_low_precision_rows){.a = words,
                                       .rows = n,
                                       .row = row,
                                       .outer = 1,
                                       .words = row / WORD,
                                       .c = y,
                                       .relu = op->relu});
}

void od_dense_forward(const od_op *op, const od_kernels *kernels, size_t n, const od_real *x,
                      const od_real *prepared, const od_real *bias, od_real *y,
                      od_real *scratch) {
  size_t in = (size_t)op->in.c, out = (size_t)op->out.c;
  if (op->precision != OD_FLOAT32) {
    forward_narrow(op, kernels, n, x, prepared, y, scratch);
    return;
  }
  kernels->gemm(&(od_gemm){.rows = n,
                           .columns = out,
                           .outer = 1,
                           .inner = in,
                           .a = x,
                           .a_row = in,
                           .a_inner = 1,
                           .b = prepared,
                           .b_inner = out,
                           .c = y,
                           .c_row = out,
                           .start = bias ? OD_START_BIAS : OD_START_ZERO,
                           .bias = bias,
                           .relu = op->relu});
}

void od_dense_backward(const od_op *op, const od_kernels *kernels, size_t n,
                       const od_real *transposed, const od_real *dy, od_real *dx) {
  size_t in = (size_t)op->in.c, out = (size_t)op->out.c;
  kernels->gemm(&(od_gemm){.rows = n,
                           .columns = in,
                           .outer = 1,
                           .inner = out,
                           .a = dy,
                           .a_row = out,
                           .a_inner = 1,
                           .b = transposed,
                           .b_inner = in,
                           .c = dx,
                           .c_row = in,
                           .start = OD_START_ZERO});
}

void od_dense_backward_kernel(const od_op *op, const od_kernels *kernels, size_t n,
                              size_t begin, size_t end, const od_real *x, const od_real *dy,
                              od_real *dkernel, od_real *dbias) {
  size_t in = (size_t)op->in.c, out = (size_t)op->out.c;
  kernels->gemm(&(od_gemm){.rows = end - begin,
                           .columns = out,
                           .outer = 1,
                           .inner = n,
                           .a = x + begin,
                           .a_row = 1,
                           .a_inner = in,
                           .b = dy,
                           .b_inner = out,
                           .c = dkernel + begin * out,
                           .c_row = out,
                           .start = OD_START_ZERO});
  if (begin || !dbias) return;
  memset(dbias, 0, out * sizeof *dbias);
  kernels->add_rows(n, out, dy, dbias);
}

void od_dense_transpose(const od_op *op, const od_real *kernel, od_real *transposed) {
  enum { TILE = 16 }; /* a tile's lines of both matrices fit the first cache */
  size_t in = (size_t)op->in.c, out = (size_t)op->out.c;
  for (size_t i0 = 0; i0 < in; i0 += TILE)
    for (size_t o0 = 0; o0 < out; o0 += TILE)
      for (size_t o = o0; o < out && o < o0 + TILE; o++)
        for (size_t i = i0; i < in && i < i0 + TILE; i++)
          transposed[o * in + i] = kernel[i * out + o];
}
