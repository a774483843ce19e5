/* The gradient of a convolution's input, summed over its places. As each tap of the kernel
 * deals the output's gradient out to the places under it, that sum is
 *
 *   sums[c] = sum over taps and units u of kernel[tap][c][u] * under[tap][u]
 *
 * where under[tap] adds up dy at the outputs whose tap lies inside the image, not in the zeros
 * around it. For most outputs all taps do: they are added once for all taps of a row. */
#include <string.h>

#include "base/math.h"
#include "nn/conv/conv.h"

/* Places begin .. end - 1 along one axis of the output. */
typedef struct span {
  int begin, end;
} span;

/* The outputs (out) whose tap lies inside the image (in) that has so many zeros before it. */
static span inside(int tap, int zeros, int stride, int in, int out) {
  int before = zeros - tap, last = in - 1 + before;
  return (span){before > 0 ? od_min((before + stride - 1) / stride, out) : 0,
                last < 0 ? 0 : od_min(last / stride + 1, out)};
}

static span inside_columns(const od_op *op, int tap) {
  return inside(tap, op->left, op->stride, op->in.w, op->conv.w);
}

static size_t taps_row(const od_op *op) { return (size_t)op->kernel_w * (size_t)op->conv.c; }

static size_t gradient_row(const od_op *op) { return (size_t)op->conv.w * (size_t)op->conv.c; }

size_t od_conv_gradient_sum_scratch(const od_op *op) {
  return (size_t)(op->kernel_h + 1) * taps_row(op) + 2 * gradient_row(op);
}

void od_conv_gradient_sum_pack(const od_op *op, const od_real *kernel, od_real *turned) {
  od_direct_flip(op, kernel, turned);
}

static void add_places(const od_op *op, const od_kernels *kernels, const od_real *row, int begin,
                       int end, od_real *sum) {
  size_t units = (size_t)op->conv.c;
  if (begin >= end) return;
  kernels->add_rows((size_t)(end - begin), units, row + (size_t)begin * units, sum);
}

/* A row of the output's gradient, row (W, C), added up for each tap of a kernel row, last tap
 * first as the turned kernel has them: by_tap (k, C), written. */
static void add_up_row(const od_op *op, const od_kernels *kernels, const od_real *row,
                       od_real *by_tap) {
  size_t units = (size_t)op->conv.c;
  int last = op->kernel_w - 1;
  span all = {inside_columns(op, 0).begin, inside_columns(op, last).end};
  all.end = od_max(all.begin, all.end);
  memset(by_tap, 0, units * sizeof *by_tap);
  add_places(op, kernels, row, all.begin, all.end, by_tap);
  for (int i = 1; i <= last; i++)
    memcpy(by_tap + (size_t)i * units, by_tap, units * sizeof *by_tap);
  for (int i = 0; i <= last; i++) {
    span tap = inside_columns(op, last - i);
    od_real *sum = by_tap + (size_t)i * units;
    add_places(op, kernels, row, tap.begin, od_min(tap.end, all.begin), sum);
    add_places(op, kernels, row, od_max(tap.begin, all.end), tap.end, sum);
  }
}

/* Row y of the output's gradient, to the kernel rows that lie inside the image there. */
static void add_row(const od_op *op, const od_kernels *kernels, int y, const od_real *row,
                    od_real *by_tap, od_real *under) {
  add_up_row(op, kernels, row, by_tap);
  for (int i = 0; i < op->kernel_h; i++) {
    span rows = inside(op->kernel_h - 1 - i, op->top, op->stride, op->in.h, op->conv.h);
    if (y >= rows.begin && y < rows.end)
      kernels->add(taps_row(op), by_tap, under + (size_t)i * taps_row(op));
  }
}

void od_conv_gradient_sum(const od_op *op, const od_kernels *kernels, const od_real *turned,
                          const od_real *y, const uint8_t *choice, od_real *dy, od_real *sums,
                          od_real *scratch) {
  size_t under_size = (size_t)op->kernel_h * taps_row(op), row = gradient_row(op);
  size_t c = (size_t)op->in.c, units = (size_t)op->conv.c, pooled_row = (size_t)op->out.w * units;
  od_real *under = scratch, *by_tap = under + under_size, *rows = by_tap + taps_row(op);
  if (op->relu) kernels->relu_backward(od_shape_size(op->out), y, dy);
  memset(under, 0, under_size * sizeof *under);
  for (int i = 0; i < op->out.h; i++)
    if (op->pool) {
      size_t at = (size_t)i * pooled_row;
      kernels->max_unpool_row((size_t)op->conv.w, units, dy + at, choice + at, rows, rows + row);
      add_row(op, kernels, 2 * i, rows, by_tap, under);
      add_row(op, kernels, 2 * i + 1, rows + row, by_tap, under);
    } else {
      add_row(op, kernels, i, dy + (size_t)i * row, by_tap, under);
    }
  kernels->gemm(&(od_gemm){.rows = 1,
                           .columns = c,
                           .outer = 1,
                           .inner = under_size,
                           .a = under,
                           .a_row = under_size,
                           .a_inner = 1,
                           .b = turned,
                           .b_inner = c,
                           .c = sums,
                           .c_row = c,
                           .start = OD_START_ZERO});
}
