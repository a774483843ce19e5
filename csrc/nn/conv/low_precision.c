/* Convolution in bfloat16 or int8: as direct.c, but the padded image is rounded, and a step of
 * the product takes two or four numbers of a kernel row. A fused max-pool of int8 is part of the
 * product; that of bfloat16, and wherever the argmax is wanted, follows two rows of outputs at a
 * time, while they are in the first cache. */
#include <string.h>

#include "nn/conv/algorithm.h"
#include "nn/conv/zero_tiles.h"
#include "nn/low_precision.h"

enum { OVERRUN = 4 /* bytes after the image that its last word may read */ };
enum { MAX_PITCH = 64 /* bytes of an image row in which zero windows are looked for */ };

/* The columns of a kernel row that are products of their own: of a dilated kernel all, else they
 * lie side by side and make one. */
static size_t taps_of(const od_op *op) { return op->dilation > 1 ? (size_t)op->kernel_w : 1; }

/* Numbers of a kernel row, or of one of its columns. */
static size_t kernel_row(const od_op *op) {
  return (size_t)op->kernel_w * (size_t)op->in.c / taps_of(op);
}

static size_t kernel_rows(const od_op *op) { return (size_t)op->kernel_h * taps_of(op); }

static size_t row_bytes(const od_op *op) {
  return (size_t)op->padded.w * (size_t)op->in.c * od_low_precision_size(op);
}

static size_t image_bytes(const od_op *op) {
  return (size_t)op->padded.h * row_bytes(op) + OVERRUN;
}

static size_t packed_size(const od_op *op) {
  return od_low_precision_packed_size(op, kernel_rows(op), kernel_row(op));
}

static void pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                 const od_real *bias, od_real *packed) {
  od_low_precision_pack(op, kernels, kernel_rows(op), kernel_row(op), kernel, bias, packed);
}

static size_t scratch_size(const od_op *op) {
  size_t two_rows = 2 * (size_t)op->conv.w * (size_t)op->conv.c;
  return od_reals_for(image_bytes(op)) + two_rows + od_reals_for((size_t)op->out.w);
}

/* A pass and its scratch. */
typedef struct pass {
  const od_conv_args *args;
  unsigned char *image; /* (padded): the rounded input */
  od_real *two_rows;    /* (2, W of the convolution, C) */
  uint8_t *skipped;     /* (W): windows of a row that are not computed */
} pass;

/* The rounded input with its padding, which is written row by row: before, in and after the input.
 */
static void round_padded(const od_conv_args *args, unsigned char *image) {
  const od_op *op = args->op;
  size_t c = (size_t)op->in.c, w = (size_t)op->in.w, pitch = row_bytes(op);
  int rows = op->in.h < op->padded.h - op->top ? op->in.h : op->padded.h - op->top;
  int columns = op->in.w < op->padded.w - op->left ? op->in.w : op->padded.w - op->left;
  size_t before = (size_t)op->left * c * od_low_precision_size(op);
  size_t used = (size_t)columns * c * od_low_precision_size(op);
  unsigned char zero = od_low_precision_zero(op), *end = image + image_bytes(op);
  const od_real *x = args->x;
  memset(image, zero, (size_t)op->top * pitch);
  image += (size_t)op->top * pitch;
  for (int row = 0; row < rows; row++, x += w * c, image += pitch) {
    memset(image, zero, before);
    od_low_precision_round(op, args->kernels, (size_t)columns * c, x, image + before);
    memset(image + before + used, zero, pitch - before - used);
  }
  memset(image, zero, (size_t)(end - image));
}

/* n outputs (n, C) of row `row`, from `column` on. */
static od_low_precision_rows output_rows(const pass *p, size_t row, size_t column, size_t n) {
  const od_op *op = p->args->op;
  size_t pixel = (size_t)op->in.c * od_low_precision_size(op), stride = (size_t)op->stride;
  size_t dilation = (size_t)op->dilation;
  return (od_low_precision_rows){
      .a = p->image + row * stride * row_bytes(op) + column * stride * pixel,
      .rows = n,
      .row = stride * pixel,
      .outer = (size_t)op->kernel_h,
      .outer_row = dilation * row_bytes(op),
      .taps = taps_of(op),
      .tap = dilation * pixel,
      .words = od_low_precision_words(op, kernel_row(op))};
}

static void multiply(const pass *p, const od_low_precision_rows *rows) {
  od_low_precision_product(p->args->op, p->args->kernels, p->args->packed, rows);
}

/* n windows of the max-pool in row `row`, from `column` on, to their places in y and argmax. */
static void multiply_and_pool(const pass *p, size_t row, size_t column, size_t n) {
  const od_conv_args *args = p->args;
  const od_op *op = args->op;
  size_t units = (size_t)op->conv.c, at = (row * (size_t)op->out.w + column) * units;
  if (op->precision == OD_INT8 && !args->argmax) {
    od_low_precision_rows windows = output_rows(p, 2 * row, 2 * column, n);
    windows.c = args->y + at;
    windows.relu = op->relu;
    windows.max_pool = true;
    multiply(p, &windows);
    return;
  }
  for (size_t half = 0; half < 2; half++) {
    od_low_precision_rows outputs = output_rows(p, 2 * row + half, 2 * column, 2 * n);
    outputs.c = p->two_rows + half * 2 * n * units;
    multiply(p, &outputs);
  }
  args->kernels->max_pool(2, 2 * n, units, p->two_rows, args->y + at,
                          args->argmax ? args->argmax + at : NULL, op->relu);
}

/* Marks in p->skipped the windows of row `row` whose input is zero, in images of one channel
 * with at most MAX_PITCH bytes a row; in others none. */
static void mark_zero_windows(const pass *p, size_t row) {
  const od_op *op = p->args->op;
  size_t columns = (size_t)op->out.w, pitch = row_bytes(op), size = od_low_precision_size(op);
  size_t side = (size_t)op->kernel_w + 1;
  uint64_t zeros = ~(uint64_t)0, window = ((uint64_t)1 << side * size) - 1;
  bool fits = op->in.c == 1 && pitch <= MAX_PITCH;
  for (size_t r = 0; fits && r < side; r++)
    zeros &= p->args->kernels->match_bytes(pitch, p->image + (2 * row + r) * pitch,
                                           od_low_precision_zero(op));
  for (size_t column = 0; column < columns; column++)
    p->skipped[column] = fits && (zeros >> 2 * column * size & window) == window;
}

/* Row `row` of windows, without those in p->skipped. */
static void pooled_row(const pass *p, size_t row) {
  size_t columns = (size_t)p->args->op->out.w;
  for (size_t column = 0; column < columns;) {
    size_t begin = column;
    while (column < columns && !p->skipped[column]) column++;
    if (column > begin) multiply_and_pool(p, row, begin, column - begin);
    while (column < columns && p->skipped[column]) column++;
  }
}

/* A row whose zero windows are marked for the next convolution. The first zero window of all, at
 * *sample in y, is computed; the others are copies of it. */
static void pooled_row_with_zeros(const pass *p, size_t row, size_t *sample) {
  const od_conv_args *args = p->args;
  size_t columns = (size_t)args->op->out.w, units = (size_t)args->op->conv.c;
  mark_zero_windows(p, row);
  if (args->op->finds_zero_tiles && args->zero_tiles && args->zero_tiles->map)
    memcpy(args->zero_tiles->map + row * columns, p->skipped, columns);
  for (size_t column = 0; *sample == SIZE_MAX && column < columns; column++)
    if (p->skipped[column]) {
      *sample = (row * columns + column) * units;
      p->skipped[column] = 0;
    }
  pooled_row(p, row);
  for (size_t column = 0; column < columns; column++) {
    size_t at = (row * columns + column) * units;
    if (!p->skipped[column]) continue;
    memcpy(args->y + at, args->y + *sample, units * sizeof *args->y);
    if (args->argmax) memcpy(args->argmax + at, args->argmax + *sample, units);
  }
}

static void pooled(const pass *p) {
  const od_op *op = p->args->op;
  size_t rows = (size_t)op->out.h, columns = (size_t)op->out.w, sample = SIZE_MAX;
  const uint8_t *map = od_begin_zero_tiles(p->args);
  for (size_t row = 0; row < rows; row++) {
    if (map) {
      od_find_zero_tiles(op, p->args->kernels, map, row, columns, p->skipped);
      pooled_row(p, row);
    } else {
      pooled_row_with_zeros(p, row, &sample);
    }
  }
}

static void run(const od_conv_args *args) {
  const od_op *op = args->op;
  size_t width = (size_t)op->conv.w, units = (size_t)op->conv.c;
  pass p = {.args = args, .image = (unsigned char *)args->scratch};
  p.two_rows = args->scratch + od_reals_for(image_bytes(op));
  p.skipped = (uint8_t *)(p.two_rows + 2 * width * units);
  round_padded(args, p.image);
  if (op->pool) {
    pooled(&p);
    return;
  }
  for (size_t row = 0; row < (size_t)op->conv.h; row++) {
    od_low_precision_rows outputs = output_rows(&p, row, 0, width);
    outputs.c = args->y + row * width * units;
    outputs.relu = op->relu;
    multiply(&p, &outputs);
  }
}

const od_conv_algorithm od_conv_low_precision = {.packed_size = packed_size,
                                                 .pack = pack,
                                                 .scratch_size = scratch_size,
                                                 .run = run,
                                                 .dilates = true};
