/* Convolution in narrow numbers: as conv_direct.c, but the padded image is rounded to
 * bfloat16 or bytes, and a step of the product takes two or four numbers of a kernel row. A
 * fused max-pool of bytes is part of the product; that of bfloat16, and where the choices are
 * wanted, follows two rows of outputs at a time, while they are in the first cache. */
#include <string.h>

#include "nn/conv/conv.h"
#include "nn/low_precision.h"

enum { OVERRUN = 4 /* bytes behind the image that its last word may touch */, MARKS = 64 };

static size_t row_bytes(const od_op *op) {
  return (size_t)op->padded.w * (size_t)op->in.c * od_low_precision_size(op);
}

static size_t image_bytes(const od_op *op) { return (size_t)op->padded.h * row_bytes(op) + OVERRUN; }

size_t od_conv_low_precision_scratch(const od_op *op) {
  size_t two_rows = 2 * (size_t)op->conv.w * (size_t)op->conv.c;
  return od_reals_for(image_bytes(op)) + two_rows + od_reals_for((size_t)op->out.w);
}

size_t od_conv_low_precision_packed_size(const od_op *op) {
  return od_low_precision_packed_size(op, (size_t)op->kernel_h, (size_t)op->kernel_w * (size_t)op->in.c);
}

void od_conv_low_precision_pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                           const od_real *bias, od_real *packed) {
  od_low_precision_pack(op, kernels, (size_t)op->kernel_h, (size_t)op->kernel_w * (size_t)op->in.c, kernel,
                 bias, packed);
}

/* The input in narrow numbers, with its zeros around. */
static void round_padded(const od_op *op, const od_kernels *kernels, const od_real *x,
                         unsigned char *image) {
  size_t c = (size_t)op->in.c, w = (size_t)op->in.w, pitch = row_bytes(op);
  int rows = op->in.h < op->padded.h - op->top ? op->in.h : op->padded.h - op->top;
  int columns = op->in.w < op->padded.w - op->left ? op->in.w : op->padded.w - op->left;
  memset(image, od_low_precision_zero(op), image_bytes(op));
  image += (size_t)op->top * pitch + (size_t)op->left * c * od_low_precision_size(op);
  for (int row = 0; row < rows; row++, x += w * c, image += pitch)
    od_low_precision_round(op, kernels, (size_t)columns * c, x, image);
}

/* n outputs of row `row`, from `column` on; `pooled`, n windows from there. */
static void multiply(const od_op *op, const od_kernels *kernels, const unsigned char *image,
                     const od_real *packed, size_t row, size_t column, size_t n, bool pooled,
                     bool relu, od_real *y) {
  size_t pixel = (size_t)op->in.c * od_low_precision_size(op), stride = (size_t)op->stride;
  od_low_precision_rows rows = {.a = image + row * stride * row_bytes(op) + column * stride * pixel,
                         .rows = n,
                         .row = stride * pixel,
                         .outer = (size_t)op->kernel_h,
                         .outer_row = row_bytes(op),
                         .words = od_low_precision_words(op, (size_t)op->kernel_w * (size_t)op->in.c),
                         .c = y,
                         .relu = relu,
                         .pooled = pooled};
  od_low_precision_product(op, kernels, packed, &rows);
}

/* n windows of the max-pool in row `row`, from `column` on: y (n, C). */
static void multiply_and_pool(const od_op *op, const od_kernels *kernels,
                              const unsigned char *image, const od_real *packed, size_t row,
                              size_t column, size_t n, od_real *y, uint8_t *choice,
                              od_real *two_rows) {
  size_t units = (size_t)op->conv.c;
  if (op->precision == OD_INT8 && !choice) {
    multiply(op, kernels, image, packed, 2 * row, 2 * column, n, true, op->relu, y);
    return;
  }
  for (size_t half = 0; half < 2; half++)
    multiply(op, kernels, image, packed, 2 * row + half, 2 * column, 2 * n, false, false,
             two_rows + half * 2 * n * units);
  kernels->max_pool(2, 2 * n, units, two_rows, y, choice, op->relu);
}

/* Marks the windows of row `row` whose input is nothing but zeros: of one channel, in
 * images whose rows fit into MARKS bytes. In others it finds none. */
static void mark_blank(const od_op *op, const od_kernels *kernels, const unsigned char *image,
                       size_t row, uint8_t *blank) {
  size_t columns = (size_t)op->out.w, pitch = row_bytes(op), size = od_low_precision_size(op);
  size_t side = (size_t)op->kernel_w + 1;
  uint64_t zeros = ~(uint64_t)0, window = ((uint64_t)1 << side * size) - 1;
  bool fits = op->in.c == 1 && pitch <= MARKS;
  for (size_t r = 0; fits && r < side; r++)
    zeros &= kernels->match_bytes(pitch, image + (2 * row + r) * pitch, od_low_precision_zero(op));
  for (size_t column = 0; column < columns; column++)
    blank[column] = fits && (zeros >> 2 * column * size & window) == window;
}

/* The row `row` of windows, without those that are marked in `skipped`. */
static void pooled_row(const od_op *op, const od_kernels *kernels, const unsigned char *image,
                       const od_real *packed, size_t row, const uint8_t *skipped, od_real *y,
                       uint8_t *choice, od_real *two_rows) {
  size_t columns = (size_t)op->out.w, units = (size_t)op->conv.c;
  for (size_t column = 0; column < columns;) {
    size_t begin = column;
    while (column < columns && !skipped[column]) column++;
    size_t at = (row * columns + begin) * units;
    if (column > begin)
      multiply_and_pool(op, kernels, image, packed, row, begin, column - begin, y + at,
                        choice ? choice + at : NULL, two_rows);
    while (column < columns && skipped[column]) column++;
  }
}

/* A row whose blank windows are marked for the next convolution. The first of all, at
 * *sample in y, is computed, and the others are copies of it. */
static void pooled_row_with_blanks(const od_op *op, const od_kernels *kernels,
                                   const unsigned char *image, const od_real *packed, size_t row,
                                   uint8_t *map, size_t *sample, od_real *y, uint8_t *choice,
                                   od_real *two_rows, uint8_t *skipped) {
  size_t columns = (size_t)op->out.w, units = (size_t)op->conv.c;
  mark_blank(op, kernels, image, row, skipped);
  if (map) memcpy(map + row * columns, skipped, columns);
  for (size_t column = 0; *sample == SIZE_MAX && column < columns; column++)
    if (skipped[column]) {
      *sample = (row * columns + column) * units;
      skipped[column] = 0;
    }
  pooled_row(op, kernels, image, packed, row, skipped, y, choice, two_rows);
  for (size_t column = 0; column < columns; column++) {
    size_t at = (row * columns + column) * units;
    if (!skipped[column]) continue;
    memcpy(y + at, y + *sample, units * sizeof *y);
    if (choice) memcpy(choice + at, choice + *sample, units);
  }
}

static void pooled(const od_op *op, const od_kernels *kernels, const unsigned char *image,
                   const od_real *packed, od_real *y, uint8_t *choice, const od_zero_tiles *blank,
                   od_real *two_rows, uint8_t *skipped) {
  size_t rows = (size_t)op->out.h, columns = (size_t)op->out.w, sample = SIZE_MAX;
  bool skips = op->skips_zero_tiles && blank && blank->map;
  if (skips) { /* then only the other places are written again */
    memcpy(y, blank->y, od_shape_size(op->out) * sizeof *y);
    if (choice) memcpy(choice, blank->choice, od_shape_size(op->out));
  }
  for (size_t row = 0; row < rows; row++) {
    if (!skips) {
      uint8_t *map = op->finds_zero_tiles && blank ? blank->map : NULL;
      pooled_row_with_blanks(op, kernels, image, packed, row, map, &sample, y, choice, two_rows,
                             skipped);
      continue;
    }
    od_conv_find_zero_tiles(op, kernels, blank->map, row, columns, skipped);
    pooled_row(op, kernels, image, packed, row, skipped, y, choice, two_rows);
  }
}

void od_conv_low_precision_forward(const od_op *op, const od_kernels *kernels, const od_real *x,
                            const od_real *packed, od_real *y, uint8_t *choice,
                            const od_zero_tiles *blank, od_real *scratch) {
  size_t width = (size_t)op->conv.w, units = (size_t)op->conv.c;
  unsigned char *image = (unsigned char *)scratch;
  od_real *two_rows = scratch + od_reals_for(image_bytes(op));
  uint8_t *skipped = (uint8_t *)(two_rows + 2 * width * units);
  round_padded(op, kernels, x, image);
  if (op->pool) {
    pooled(op, kernels, image, packed, y, choice, blank, two_rows, skipped);
    return;
  }
  for (size_t row = 0; row < (size_t)op->conv.h; row++, y += width * units)
    multiply(op, kernels, image, packed, row, 0, width, false, op->relu, y);
}
