#include <string.h>

#include "nn/ops.h"
#include "nn/window.h"

/* Whether windows of 2 rows and 1 or 2 columns lie side by side: these have kernels of their own.
 */
static bool halves(const od_op *op) {
  return op->pool_h == 2 && op->step_h == 2 && op->pool_w == op->step_w && op->pool_w <= 2 &&
         !op->top && !op->left && op->out.h == op->in.h / 2 && op->out.w == op->in.w / op->pool_w;
}

static void halve(const od_op *op, const od_kernels *kernels, const od_real *x, od_real *y,
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

void od_max_pool_forward(const od_op *op, const od_kernels *kernels, const od_real *x, od_real *y,
                         uint8_t *argmax) {
  if (halves(op)) {
    halve(op, kernels, x, y, argmax);
    return;
  }
  const size_t c = (size_t)op->in.c, row = (size_t)op->in.w * c;
  for (int i = 0; i < op->out.h; i++)
    for (int j = 0; j < op->out.w; j++, y += c) {
      const od_window window = od_window_at(op, i, j);
      const size_t columns = (size_t)(window.right - window.left);
      const od_real *corner = x + (size_t)window.top * row + (size_t)window.left * c;
      memcpy(y, corner, c * sizeof *y);
      for (int k = window.top; k < window.bottom; k++, corner += row)
        kernels->max_rows(columns, c, corner, y);
    }
}

static void halve_backward(const od_max_pool_args *args) {
  const od_op *op = args->op;
  size_t w = (size_t)op->in.w, c = (size_t)op->in.c, row = w * c, pooled = (size_t)op->out.w * c;
  const od_real *dy = args->dy;
  const uint8_t *argmax = args->argmax;
  od_real *dx = args->dx;
  for (size_t i = 0; i < (size_t)op->out.h; i++, dx += 2 * row, dy += pooled, argmax += pooled) {
    if (op->pool_w == 2)
      args->kernels->max_unpool_row(w, c, dy, argmax, dx, dx + row);
    else
      args->kernels->max_unpool_2x1(row, dy, argmax, dx, dx + row);
  }
}

/* Adds dy of one channel to the gradient of the first maximum y in a window. */
static void add_to_maximum(const od_max_pool_args *args, od_window window, size_t channel,
                           od_real y, od_real dy) {
  const size_t c = (size_t)args->op->in.c, w = (size_t)args->op->in.w;
  for (int i = window.top; i < window.bottom; i++)
    for (int j = window.left; j < window.right; j++) {
      const size_t at = ((size_t)i * w + (size_t)j) * c + channel;
      if (args->x[at] == y) {
        args->dx[at] += dy;
        return;
      }
    }
}

void od_max_pool_backward(const od_max_pool_args *args) {
  const od_op *op = args->op;
  const size_t c = (size_t)op->in.c;
  const od_real *y = args->y, *dy = args->dy;
  memset(args->dx, 0, od_shape_size(op->in) * sizeof *args->dx); /* outside of windows it is 0 */
  if (halves(op)) {
    halve_backward(args);
    return;
  }
  for (int i = 0; i < op->out.h; i++)
    for (int j = 0; j < op->out.w; j++, y += c, dy += c)
      for (size_t k = 0; k < c; k++) add_to_maximum(args, od_window_at(op, i, j), k, y[k], dy[k]);
}
