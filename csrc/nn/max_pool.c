#include <string.h>

#include "nn/ops.h"

void od_max_pool_forward(const od_op *op, const od_kernels *kernels, const od_real *x, od_real *y,
                         uint8_t *argmax) {
  size_t h = (size_t)op->in.h, w = (size_t)op->in.w, c = (size_t)op->in.c, row = w * c;
  if (op->pool_w == 2) {
    kernels->max_pool(h, w, c, x, y, argmax, false);
    return;
  }
  for (size_t i = 0; i < h / 2; i++)
    kernels->max_pool_2x1(row, x + 2 * i * row, x + (2 * i + 1) * row, y + i * row,
                          argmax ? argmax + i * row : NULL);
}

void od_max_pool_backward(const od_op *op, const od_kernels *kernels, const od_real *dy,
                          const uint8_t *argmax, od_real *dx) {
  size_t w = (size_t)op->in.w, c = (size_t)op->in.c, row = w * c, pooled = (size_t)op->out.w * c;
  memset(dx, 0, od_shape_size(op->in) * sizeof *dx); /* an odd last row has no gradient */
  for (size_t i = 0; i < (size_t)op->out.h; i++, dx += 2 * row, dy += pooled, argmax += pooled) {
    if (op->pool_w == 2)
      kernels->max_unpool_row(w, c, dy, argmax, dx, dx + row);
    else
      kernels->max_unpool_2x1(row, dy, argmax, dx, dx + row);
  }
}
