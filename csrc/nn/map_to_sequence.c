#include <string.h>

#include "nn/ops.h"

void od_map_to_sequence_forward(const od_op *op, const od_real *x, od_real *y) {
  size_t h = (size_t)op->in.h, w = (size_t)op->in.w, c = (size_t)op->in.c;
  for (size_t row = 0; row < h; row++)
    for (size_t column = 0; column < w; column++)
      memcpy(y + (column * h + row) * c, x + (row * w + column) * c, c * sizeof *y);
}

void od_map_to_sequence_backward(const od_op *op, const od_real *dy, od_real *dx) {
  size_t h = (size_t)op->in.h, w = (size_t)op->in.w, c = (size_t)op->in.c;
  for (size_t row = 0; row < h; row++)
    for (size_t column = 0; column < w; column++)
      memcpy(dx + (row * w + column) * c, dy + (column * h + row) * c, c * sizeof *dx);
}
