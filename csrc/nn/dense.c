#include <string.h>

#include "nn/low_precision.h"
#include "nn/ops.h"

enum { WORD = 4 /* bytes */ };

static size_t word_row(const od_op *op) {
  return od_low_precision_words(op, (size_t)op->in.c) * WORD;
}

size_t od_dense_forward_scratch(const od_op *op, size_t n) {
  return op->precision == OD_FLOAT32 ? 0 : od_reals_for(n * word_row(op));
}

size_t od_dense_packed_size(const od_op *op) {
  if (op->precision == OD_FLOAT32) return op->kernel_size;
  return od_low_precision_packed_size(op, 1, (size_t)op->in.c);
}

void od_dense_pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                   const od_real *bias, od_real *packed) {
  if (op->precision == OD_FLOAT32)
    memcpy(packed, kernel, op->kernel_size * sizeof *kernel);
  else
    od_low_precision_pack(op, kernels, 1, (size_t)op->in.c, kernel, bias, packed);
}

/* The rows of x are rounded to words, of which the last is padded with zeros. */
static void forward_low_precision(const od_dense_args *args) {
  const od_op *op = args->op;
  size_t in = (size_t)op->in.c, used = in * od_low_precision_size(op), row = word_row(op);
  unsigned char *words = (unsigned char *)args->scratch;
  for (size_t i = 0; i < args->n; i++) {
    od_low_precision_round(op, args->kernels, in, args->x + i * in, words + i * row);
    memset(words + i * row + used, 0, row - used);
  }
  od_low_precision_product(op, args->kernels, args->packed,
                           &(od_low_precision_rows){.a = words,
                                                    .rows = args->n,
                                                    .row = row,
                                                    .outer = 1,
                                                    .taps = 1,
                                                    .words = row / WORD,
                                                    .c = args->y,
                                                    .relu = op->relu});
}

void od_dense_forward(const od_dense_args *args) {
  const od_op *op = args->op;
  size_t in = (size_t)op->in.c, out = (size_t)op->out.c;
  if (op->precision != OD_FLOAT32) {
    forward_low_precision(args);
    return;
  }
  args->kernels->gemm(&(od_gemm){.rows = args->n,
                                 .columns = out,
                                 .outer = 1,
                                 .inner = in,
                                 .a = args->x,
                                 .a_row = in,
                                 .a_inner = 1,
                                 .b = args->packed,
                                 .b_inner = out,
                                 .c = args->y,
                                 .c_row = out,
                                 .start = args->bias ? OD_START_BIAS : OD_START_ZERO,
                                 .bias = args->bias,
                                 .relu = op->relu});
}

void od_dense_backward(const od_dense_args *args) {
  size_t in = (size_t)args->op->in.c, out = (size_t)args->op->out.c;
  args->kernels->gemm(&(od_gemm){.rows = args->n,
                                 .columns = in,
                                 .outer = 1,
                                 .inner = out,
                                 .a = args->dy,
                                 .a_row = out,
                                 .a_inner = 1,
                                 .b = args->packed,
                                 .b_inner = in,
                                 .c = args->dx,
                                 .c_row = in,
                                 .start = OD_START_ZERO});
}

void od_dense_backward_kernel(const od_dense_args *args, size_t begin, size_t end) {
  size_t in = (size_t)args->op->in.c, out = (size_t)args->op->out.c;
  args->kernels->gemm(&(od_gemm){.rows = end - begin,
                                 .columns = out,
                                 .outer = 1,
                                 .inner = args->n,
                                 .a = args->x + begin,
                                 .a_row = 1,
                                 .a_inner = in,
                                 .b = args->dy,
                                 .b_inner = out,
                                 .c = args->dkernel + begin * out,
                                 .c_row = out,
                                 .start = OD_START_ZERO});
  if (begin || !args->dbias) return;
  memset(args->dbias, 0, out * sizeof *args->dbias);
  args->kernels->add_rows(args->n, out, args->dy, args->dbias);
}

void od_dense_transpose(const od_op *op, const od_real *kernel, od_real *transposed) {
  enum { TILE = 16 }; /* a tile's cache lines of both matrices fit the first cache */
  size_t in = (size_t)op->in.c, out = (size_t)op->out.c;
  for (size_t i0 = 0; i0 < in; i0 += TILE)
    for (size_t o0 = 0; o0 < out; o0 += TILE)
      for (size_t o = o0; o < out && o < o0 + TILE; o++)
        for (size_t i = i0; i < in && i < i0 + TILE; i++)
          transposed[o * in + i] = kernel[i * out + o];
}
