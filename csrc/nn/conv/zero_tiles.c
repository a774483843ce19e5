#include "nn/conv/zero_tiles.h"

#include <string.h>

static bool is_zero_tile(const od_op *op, const uint8_t *map, size_t row, size_t column) {
  int top = 2 * (int)row - op->top, left = 2 * (int)column - op->left, side = op->kernel_w + 1;
  for (int y = top < 0 ? 0 : top; y < top + side && y < op->in.h; y++)
    for (int x = left < 0 ? 0 : left; x < left + side && x < op->in.w; x++)
      if (!map[y * op->in.w + x]) return false;
  return true;
}

/* Which columns are marked on all rows of the map under tile row `row`, bit i for column
 * i - op->left; all outside of the image are. */
static uint64_t zero_columns(const od_op *op, const od_kernels *kernels, const uint8_t *map,
                             size_t row) {
  int top = 2 * (int)row - op->top;
  size_t w = (size_t)op->in.w;
  uint64_t zero = ~(uint64_t)0, outside = ~(uint64_t)0 << w;
  for (int y = top < 0 ? 0 : top; y <= top + op->kernel_h && y < op->in.h; y++)
    zero &= kernels->match_bytes(w, map + (size_t)y * w, 1);
  return (zero | outside) << op->left | (((uint64_t)1 << op->left) - 1);
}

void od_find_zero_tiles(const od_op *op, const od_kernels *kernels, const uint8_t *map, size_t row,
                        size_t columns, uint8_t *zero) {
  const size_t bits = 64, side = (size_t)op->kernel_w + 1;
  if ((size_t)(op->in.w + op->left) >= bits || 2 * columns + side > bits) {
    for (size_t column = 0; column < columns; column++)
      zero[column] = is_zero_tile(op, map, row, column);
    return;
  }
  uint64_t marked = zero_columns(op, kernels, map, row), tile = ((uint64_t)1 << side) - 1;
  for (size_t column = 0; column < columns; column++)
    zero[column] = (marked >> 2 * column & tile) == tile;
}

const uint8_t *od_begin_zero_tiles(const od_conv_args *args) {
  const od_zero_tiles *zero = args->zero_tiles;
  size_t out = od_shape_size(args->op->out);
  if (!args->op->skips_zero_tiles || !zero || !zero->map) return NULL;
  memcpy(args->y, zero->y, out * sizeof *args->y);
  if (args->argmax) memcpy(args->argmax, zero->argmax, out);
  return zero->map;
}
