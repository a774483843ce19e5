#include "nn/conv/padding.h"

#include <string.h>

#include "base/math.h"

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

void od_conv_crop(const od_real *image, od_shape from, od_real *target, od_shape to, int top,
                  int left) {
  const size_t c = (size_t)to.c, row = (size_t)to.w * c;
  const size_t filled = (size_t)od_max(0, od_min(to.w, from.w - left)) * c;
  for (int y = 0; y < to.h; y++, target += row) {
    const size_t kept = top + y < from.h ? filled : 0;
    if (kept) {
      const od_real *source = image + ((size_t)(top + y) * (size_t)from.w + (size_t)left) * c;
      memcpy(target, source, kept * sizeof *target);
    }
    memset(target + kept, 0, (row - kept) * sizeof *target);
  }
}

const od_real *od_conv_pad(const od_op *op, const od_real *x, od_real *padded) {
  if (op->padded.h == op->in.h && op->padded.w == op->in.w) return x;
  od_conv_place(x, op->in, padded, op->padded, op->top, op->left, 1);
  return padded;
}
