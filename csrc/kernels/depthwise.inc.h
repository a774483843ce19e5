/* Depthwise convolution of one row of the output: plain loops over the channels, which the
 * compiler vectorizes. Included by elementwise.inc.h. */
#include "kernels/arguments.h"

/* Where in a row's input the kernel's element (row, column) lies under output pixel 0. */
static size_t depthwise_tap(const od_depthwise_row *p, size_t tap) {
  return tap / p->columns * p->image_row + tap % p->columns * p->dilation;
}

static void depthwise(const od_depthwise_row *p, const od_real *x, const od_real *restrict kernel,
                      const od_real *restrict bias, bool relu, od_real *restrict y) {
  const size_t c = p->channels, taps = p->rows * p->columns;
  for (size_t pixel = 0; pixel < p->pixels; pixel++, y += c) {
    for (size_t i = 0; i < c; i++) y[i] = bias ? bias[i] : 0;
    for (size_t tap = 0; tap < taps; tap++) {
      const od_real *input = x + pixel * p->stride + depthwise_tap(p, tap);
      const od_real *weight = kernel + tap * c;
      for (size_t i = 0; i < c; i++) y[i] += input[i] * weight[i];
    }
    for (size_t i = 0; relu && i < c; i++) y[i] = y[i] > 0 ? y[i] : 0;
  }
}

static void depthwise_backward(const od_depthwise_row *p, const od_real *restrict kernel,
                               const od_real *restrict dy, od_real *restrict dx) {
  const size_t c = p->channels, taps = p->rows * p->columns;
  for (size_t pixel = 0; pixel < p->pixels; pixel++, dy += c)
    for (size_t tap = 0; tap < taps; tap++) {
      od_real *input = dx + pixel * p->stride + depthwise_tap(p, tap);
      const od_real *weight = kernel + tap * c;
      for (size_t i = 0; i < c; i++) input[i] += dy[i] * weight[i];
    }
}

static void depthwise_gradient(const od_depthwise_row *p, const od_real *restrict x,
                               const od_real *restrict dy, od_real *restrict dkernel) {
  const size_t c = p->channels, taps = p->rows * p->columns;
  for (size_t tap = 0; tap < taps; tap++) {
    const od_real *input = x + depthwise_tap(p, tap);
    od_real *weight = dkernel + tap * c;
    for (size_t pixel = 0; pixel < p->pixels; pixel++)
      for (size_t i = 0; i < c; i++) weight[i] += input[pixel * p->stride + i] * dy[pixel * c + i];
  }
}
