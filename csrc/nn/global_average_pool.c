#include <string.h>

#include "nn/ops.h"

void od_global_average_pool_forward(const od_op *op, const od_kernels *kernels, const od_real *x,
                                    od_real *y) {
  size_t pixels = (size_t)op->in.h * (size_t)op->in.w, c = (size_t)op->in.c;
  memset(y, 0, c * sizeof *y);
  kernels->add_rows(pixels, c, x, y);
  for (size_t i = 0; i < c; i++) y[i] /= (od_real)pixels;
}

void od_global_average_pool_backward(const od_op *op, const od_real *dy, od_real *dx) {
  size_t pixels = (size_t)op->in.h * (size_t)op->in.w, c = (size_t)op->in.c;
  for (size_t p = 0; p < pixels; p++)
    for (size_t i = 0; i < c; i++) dx[p * c + i] = dy[i] / (od_real)pixels;
}
