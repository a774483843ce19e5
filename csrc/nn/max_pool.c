#include <string.h>

#include "nn/ops.h"

void od_max_pool_backward(const od_op *op, const od_kernels *kernels, const od_real *dy,
                          const uint8_t *choice, od_real *dx) {
  size_t w = (size_t)op->in.w, c = (size_t)op->in.c, pooled = (size_t)op->out.w * c;
  memset(dx, 0, od_shape_size(op->in) * sizeof *dx); /* an odd last row has no gradient */
  for (size_t row = 0; row < (size_t)op->out.h; row++, dx += 2 * w * c)
    kernels->max_unpool_row(w, c, dy + row * pooled, choice + row * pooled, dx, dx + w * c);
}
