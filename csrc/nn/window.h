/* The windows of a pool that is not fused, where they lie inside the image. Private to nn/. */
#ifndef OD_NN_WINDOW_H
#define OD_NN_WINDOW_H

#include "base/math.h"
#include "nn/plan.h"

/* Rows top .. bottom - 1 and columns left .. right - 1 of the input. */
typedef struct od_window {
  int top, bottom, left, right;
} od_window;

/* The window of output (row, column), which has at least one pixel: "same" padding is less than a
 * window. */
static inline od_window od_window_at(const od_op *op, int row, int column) {
  const int top = row * op->step_h - op->top, left = column * op->step_w - op->left;
  return (od_window){od_max(top, 0), od_min(top + op->pool_h, op->in.h), od_max(left, 0),
                     od_min(left + op->pool_w, op->in.w)};
}

#endif
