/* The gradient of a convolution's input, summed over its places. As each tap of the kernel
 * distributes the output's gradient to the places under it, that sum is
 *
 *   sums[c] = sum over taps and units u of kernel[tap][c][u] * by_tap[tap][u]
 *
 * where by_tap[tap] adds up dy at the outputs whose tap lies inside the image, not in the
 * padding. For most outputs all taps do: they are added once for all taps of a row. */
#include <string.h>

#include "base/math.h"
#include "nn/conv/conv.h"

/* Places begin .. end - 1 along one axis of the output. */
typedef struct span {
  int begin, end;
} span;

/* The outputs (out) whose tap lies inside the image (in) with so much padding before it. */
static span inside(int tap, int padding, int stride, int in, int out) {
  int before = padding - tap, last = in - 1 + before;
  return (span){before > 0 ? od_min((before + stride - 1) / stride, out) : 0,
                last < 0 ? 0 : od_min(last / stride + 1, out)};
}

static span inside_columns(const od_op *op, int tap) {
  return inside(tap * op->dilation, op->left, op->stride, op->in.w, op->conv.w);
}

static size_t taps_row(const od_op *op) { return (size_t)op->kernel_w * (size_t)op->conv.c; }

static size_t gradient_row(const od_op *op) { return (size_t)op->conv.w * (size_t)op->conv.c; }

size_t od_conv_gradient_sum_scratch(const od_op *op) {
  return (size_t)(op->kernel_h + 1) * taps_row(op) + 2 * gradient_row(op);
}

void od_conv_gradient_sum_pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                               od_real *packed) {
  od_conv_direct_backward.pack(op, kernels, kernel, NULL, packed);
}

static void add_places(const od_op *op, const od_kernels *kernels, const od_real *row, span places,
                       od_real *sum) {
  size_t units = (size_t)op->conv.c;
  if (places.begin >= places.end) return;
  kernels->add_rows((size_t)(places.end - places.begin), units, row + (size_t)places.begin * units,
                    sum);
}

/* A row of the output's gradient, row (W, C), added up for each tap of a kernel row, last tap
 * first as in the flipped kernel: row_taps (k, C), written. */
static void add_up_row(const od_op *op, const od_kernels *kernels, const od_real *row,
                       od_real *row_taps) {
  size_t units = (size_t)op->conv.c;
  int last = op->kernel_w - 1;
  span all = {inside_columns(op, 0).begin, inside_columns(op, last).end};
  all.end = od_max(all.begin, all.end);
  memset(row_taps, 0, units * sizeof *row_taps);
  add_places(op, kernels, row, all, row_taps);
  for (int i = 1; i <= last; i++)
    memcpy(row_taps + (size_t)i * units, row_taps, units * sizeof *row_taps);
  for (int i = 0; i <= last; i++) {
    span tap = inside_columns(op, last - i);
    od_real *sum = row_taps + (size_t)i * units;
    add_places(op, kernels, row, (span){tap.begin, od_min(tap.end, all.begin)}, sum);
    add_places(op, kernels, row, (span){od_max(tap.begin, all.end), tap.end}, sum);
  }
}

/* Scratch of a sum. */
typedef struct tap_sums {
  od_real *by_tap;   /* (k, k, C) */
  od_real *row_taps; /* (k, C) */
} tap_sums;

/* Adds row y of the output's gradient to the kernel rows that lie inside the image there. */
static void add_row(const od_op *op, const od_kernels *kernels, int y, const od_real *row,
                    const tap_sums *sums) {
  add_up_row(op, kernels, row, sums->row_taps);
  for (int i = 0; i < op->kernel_h; i++) {
    span rows =
        inside((op->kernel_h - 1 - i) * op->dilation, op->top, op->stride, op->in.h, op->conv.h);
    if (y >= rows.begin && y < rows.end)
      kernels->add(taps_row(op), sums->row_taps, sums->by_tap + (size_t)i * taps_row(op));
  }
}

void od_conv_gradient_sum(const od_conv_args *args, od_real *sums) {
  const od_op *op = args->op;
  const od_kernels *kernels = args->kernels;
  size_t size = (size_t)op->kernel_h * taps_row(op), row = gradient_row(op);
  size_t c = (size_t)op->in.c, units = (size_t)op->conv.c, pooled_row = (size_t)op->out.w * units;
  const tap_sums taps = {args->scratch, args->scratch + size};
  od_real *rows = taps.row_taps + taps_row(op);
  if (op->relu) kernels->relu_backward(od_shape_size(op->out), args->y, args->dy);
  memset(taps.by_tap, 0, size * sizeof *taps.by_tap);
  for (int i = 0; i < op->out.h; i++)
    if (op->pool) {
      size_t at = (size_t)i * pooled_row;
      kernels->max_unpool_row((size_t)op->conv.w, units, args->dy + at, args->argmax + at, rows,
                              rows + row);
      add_row(op, kernels, 2 * i, rows, &taps);
      add_row(op, kernels, 2 * i + 1, rows + row, &taps);
    } else {
      add_row(op, kernels, i, args->dy + (size_t)i * row, &taps);
    }
  kernels->gemm(&(od_gemm){.rows = 1,
                           .columns = c,
                           .outer = 1,
                           .inner = size,
                           .a = taps.by_tap,
                           .a_row = size,
                           .a_inner = 1,
                           .b = args->packed,
                           .b_inner = c,
                           .c = sums,
                           .c_row = c,
                           .start = OD_START_ZERO});
}
