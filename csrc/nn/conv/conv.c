/* A convolution takes the algorithm that its plan names: forward, Winograd's, the direct
 * one or that in narrow numbers; backward, over the places that a max-pool chose or over all
 * of them, and then, for the gradient of x, Winograd's again. */
#include <string.h>

#include "nn/conv/conv.h"

void od_conv_place(const od_real *image, od_shape from, od_real *target, od_shape to, int top,
                   int left, int step) {
  size_t c = (size_t)from.c, width = (size_t)to.w * c;
  int rows = from.h, columns = from.w;
  if (top + (rows - 1) * step >= to.h) rows = (to.h - 1 - top) / step + 1;
  if (left + (columns - 1) * step >= to.w) columns = (to.w - 1 - left) / step + 1;
  if (step > 1) memset(target, 0, (size_t)to.h * width * sizeof *target);
  for (int y = 0; y < to.h; y++) {
    od_real *row = target + (size_t)y * width;
    bool inside = y >= top && (y - top) % step == 0 && (y - top) / step < rows;
    if (!inside) {
      memset(row, 0, width * sizeof *row);
      continue;
    }
    const od_real *source = image + (size_t)((y - top) / step) * (size_t)from.w * c;
    od_real *start = row + (size_t)left * c;
    if (step > 1) {
      for (int x = 0; x < columns; x++)
        memcpy(start + (size_t)(x * step) * c, source + (size_t)x * c, c * sizeof *row);
      continue;
    }
    size_t filled = (size_t)columns * c;
    memset(row, 0, (size_t)left * c * sizeof *row);
    memcpy(start, source, filled * sizeof *row);
    memset(start + filled, 0, (width - (size_t)left * c - filled) * sizeof *row);
  }
}

const od_real *od_conv_pad(const od_op *op, const od_real *x, od_real *padded) {
  if (op->padded.h == op->in.h && op->padded.w == op->in.w) return x;
  od_conv_place(x, op->in, padded, op->padded, op->top, op->left, 1);
  return padded;
}

od_conv_pool od_conv_pool_windows(const od_op *op) {
  return (od_conv_pool){.rows = (size_t)op->out.h,
                     .columns = (size_t)op->out.w,
                     .size = (size_t)op->kernel_w,
                     .channels = (size_t)op->in.c,
                     .units = (size_t)op->conv.c,
                     .image_row = (size_t)op->padded.w * (size_t)op->in.c,
                     .relu = op->relu};
}

static bool tile_is_blank(const od_op *op, const uint8_t *map, size_t row, size_t column) {
  int top = 2 * (int)row - op->top, left = 2 * (int)column - op->left, side = op->kernel_w + 1;
  for (int y = top < 0 ? 0 : top; y < top + side && y < op->in.h; y++)
    for (int x = left < 0 ? 0 : left; x < left + side && x < op->in.w; x++)
      if (!map[y * op->in.w + x]) return false;
  return true;
}

/* Which columns are blank on all rows of the map under tile row `row`, bit i for column
 * i - op->left; all outside of the image are. */
static uint64_t blank_columns(const od_op *op, const od_kernels *kernels, const uint8_t *map,
                              size_t row) {
  int top = 2 * (int)row - op->top;
  size_t w = (size_t)op->in.w;
  uint64_t blank = ~(uint64_t)0, outside = ~(uint64_t)0 << w;
  for (int y = top < 0 ? 0 : top; y <= top + op->kernel_h && y < op->in.h; y++)
    blank &= kernels->match_bytes(w, map + (size_t)y * w, 1);
  return (blank | outside) << op->left | (((uint64_t)1 << op->left) - 1);
}

void od_conv_find_zero_tiles(const od_op *op, const od_kernels *kernels, const uint8_t *map,
                         size_t row, size_t columns, uint8_t *blank) {
  const size_t bits = 64, side = (size_t)op->kernel_w + 1;
  if ((size_t)(op->in.w + op->left) >= bits || 2 * columns + side > bits) {
    for (size_t column = 0; column < columns; column++)
      blank[column] = tile_is_blank(op, map, row, column);
    return;
  }
  uint64_t places = blank_columns(op, kernels, map, row), tile = ((uint64_t)1 << side) - 1;
  for (size_t column = 0; column < columns; column++)
    blank[column] = (places >> 2 * column & tile) == tile;
}

typedef enum algorithm { DIRECT, WINOGRAD, NARROW } algorithm;

static algorithm forward_algorithm(const od_op *op) {
  if (op->winograd) return WINOGRAD;
  return op->precision == OD_FLOAT32 ? DIRECT : NARROW;
}

size_t od_conv_packed_size(const od_op *op) {
  switch (forward_algorithm(op)) {
    case WINOGRAD: return od_winograd_packed_size(op);
    case NARROW: return od_conv_low_precision_packed_size(op);
    default: return op->kernel_size;
  }
}

void od_conv_pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                     const od_real *bias, od_real *prepared) {
  switch (forward_algorithm(op)) {
    case WINOGRAD: od_winograd_pack(op, kernels, kernel, prepared); break;
    case NARROW: od_conv_low_precision_pack(op, kernels, kernel, bias, prepared); break;
    default: memcpy(prepared, kernel, op->kernel_size * sizeof *kernel); break;
  }
}

size_t od_conv_forward_scratch(const od_op *op) {
  switch (forward_algorithm(op)) {
    case WINOGRAD: return od_winograd_scratch(op);
    case NARROW: return od_conv_low_precision_scratch(op);
    default: return od_direct_forward_scratch(op);
  }
}

void od_conv_forward(const od_op *op, const od_kernels *kernels, const od_real *x,
                     const od_real *prepared, const od_real *bias, od_real *y, uint8_t *choice,
                     const od_zero_tiles *blank, od_real *scratch) {
  switch (forward_algorithm(op)) {
    case WINOGRAD:
      od_winograd_forward(op, kernels, x, prepared, bias, y, choice, blank, scratch);
      break;
    case NARROW:
      od_conv_low_precision_forward(op, kernels, x, prepared, y, choice, blank, scratch);
      break;
    default:
      od_direct_forward(op, kernels, x, prepared, bias, y, choice, blank, scratch);
      break;
  }
}

void od_conv_zero_output(const od_op *pair, const od_kernels *kernels, const od_real *const *prepared,
                   const od_real *const *bias, od_real *y, uint8_t *choice, od_real *x,
                   od_real *between, od_real *scratch) {
  memset(x, 0, od_shape_size(pair[0].in) * sizeof *x);
  od_conv_forward(&pair[0], kernels, x, prepared[0], bias[0], between, NULL, NULL, scratch);
  od_conv_forward(&pair[1], kernels, between, prepared[1], bias[1], y, choice, NULL, scratch);
}

/* Whether the gradient of x is made by Winograd's algorithm, as a convolution of dy. */
static bool goes_back_by_winograd(const od_op *op) { return op->winograd && !op->pool; }

/* That convolution, with the kernel turned, from the output's gradient to the input's. */
static od_op turned_around(const od_op *op) {
  bool pairs = op->conv.c % 2 == 0;
  return (od_op){.in = op->conv,
                 .out = op->in,
                 .conv = op->in,
                 .precision = pairs ? op->precision : OD_FLOAT32,
                 .kernel_h = op->kernel_h,
                 .kernel_w = op->kernel_w,
                 .top = op->kernel_h - 1 - op->top,
                 .left = op->kernel_w - 1 - op->left};
}

size_t od_conv_packed_backward_size(const od_op *op) {
  if (!goes_back_by_winograd(op)) return op->kernel_size;
  od_op back = turned_around(op);
  return od_winograd_packed_size(&back) + op->kernel_size;
}

void od_conv_pack_backward(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                  od_real *turned) {
  if (op->by_argmax) {
    od_argmax_backward_pack(op, kernel, turned);
  } else if (goes_back_by_winograd(op)) { /* behind the transformed one lies the other */
    od_op back = turned_around(op);
    od_real *flipped = turned + od_winograd_packed_size(&back);
    od_direct_flip(op, kernel, flipped);
    od_winograd_pack(&back, kernels, flipped, turned);
  } else {
    od_direct_flip(op, kernel, turned);
  }
}

size_t od_conv_backward_scratch(const od_op *op) {
  size_t sums = (size_t)op->out.c;
  if (op->by_argmax) return sums + od_argmax_backward_scratch(op);
  if (!goes_back_by_winograd(op)) return sums + od_direct_backward_scratch(op);
  od_op back = turned_around(op);
  size_t winograd = od_winograd_scratch(&back), padded = od_shape_size(op->padded);
  return sums + (winograd > padded ? winograd : padded);
}

void od_conv_backward(const od_op *op, const od_kernels *kernels, const od_real *x,
                      const od_real *turned, const od_real *y, const uint8_t *choice, od_real *dy,
                      od_real *dx, od_real *dkernel, od_real *dbias, od_real *scratch) {
  if (op->relu) kernels->relu_backward(od_shape_size(op->out), y, dy);
  size_t units = (size_t)op->out.c;
  if (dbias) { /* summed an image at a time, as a long sum of small numbers loses digits */
    memset(scratch, 0, units * sizeof *scratch);
    kernels->add_rows((size_t)op->out.h * (size_t)op->out.w, units, dy, scratch);
    kernels->add(units, scratch, dbias);
  }
  scratch += units;
  if (op->by_argmax) {
    od_argmax_backward(op, kernels, x, turned, choice, dy, dx, dkernel, scratch);
  } else if (goes_back_by_winograd(op)) {
    od_op back = turned_around(op);
    if (dkernel) od_direct_backward(op, kernels, x, NULL, choice, dy, NULL, dkernel, scratch);
    if (dx) od_winograd_forward(&back, kernels, dy, turned, NULL, dx, NULL, NULL, scratch);
  } else {
    od_direct_backward(op, kernels, x, turned, choice, dy, dx, dkernel, scratch);
  }
}

void od_conv_collect(const od_op *op, const od_real *dkernel, size_t begin, size_t end,
                     od_real *gradient) {
  if (op->by_argmax)
    od_argmax_backward_collect(op, dkernel, begin, end, gradient);
  else
    memcpy(gradient + begin, dkernel + begin, (end - begin) * sizeof *gradient);
}
