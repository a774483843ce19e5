#include <string.h>

#include "nn/ops.h"
#include "nn/window.h"

static size_t pixels_of(od_window window) {
  return (size_t)(window.bottom - window.top) * (size_t)(window.right - window.left);
}

void od_average_pool_forward(const od_op *op, const od_kernels *kernels, const od_real *x,
                             od_real *y) {
  const size_t c = (size_t)op->in.c, row = (size_t)op->in.w * c;
  memset(y, 0, od_shape_size(op->out) * sizeof *y);
  for (int i = 0; i < op->out.h; i++)
    for (int j = 0; j < op->out.w; j++, y += c) {
      const od_window window = od_window_at(op, i, j);
      const od_real *corner = x + (size_t)window.top * row + (size_t)window.left * c;
      const od_real pixels = (od_real)pixels_of(window);
      for (int k = window.top; k < window.bottom; k++, corner += row)
        kernels->add_rows((size_t)(window.right - window.left), c, corner, y);
      for (size_t k = 0; k < c; k++) y[k] /= pixels;
    }
}

void od_average_pool_backward(const od_op *op, const od_real *dy, od_real *dx) {
  const size_t c = (size_t)op->in.c, w = (size_t)op->in.w;
  memset(dx, 0, od_shape_size(op->in) * sizeof *dx);
  for (int i = 0; i < op->out.h; i++)
    for (int j = 0; j < op->out.w; j++, dy += c) {
      const od_window window = od_window_at(op, i, j);
      const od_real pixels = (od_real)pixels_of(window);
      for (int y = window.top; y < window.bottom; y++)
        for (int z = window.left; z < window.right; z++) {
          od_real *pixel = dx + ((size_t)y * w + (size_t)z) * c;
          for (size_t k = 0; k < c; k++) pixel[k] += dy[k] / pixels;
        }
    }
}
