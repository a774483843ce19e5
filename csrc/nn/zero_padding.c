#include <string.h>

#include "nn/conv/padding.h"
#include "nn/ops.h"

void od_zero_padding_forward(const od_op *op, const od_real *x, od_real *y) {
  od_conv_place(x, op->in, y, op->out, op->top, op->left, 1);
}

void od_zero_padding_backward(const od_op *op, const od_real *dy, od_real *dx) {
  od_conv_crop(dy, op->out, dx, op->in, op->top, op->left);
}
