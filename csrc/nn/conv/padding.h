/* Copies of an image with zeros around and between its pixels. Private to nn/conv. */
#ifndef OD_NN_CONV_PADDING_H
#define OD_NN_CONV_PADDING_H

#include "nn/plan.h"

/* Copies image (from.h, from.w, c) into `target` at (top, left), its pixels `step` apart,
 * and zeros around and between; what does not fit is left out. */
void od_conv_place(const od_real *image, od_shape from, od_real *target, od_shape to, int top,
                   int left, int step);

/* Copies the part of image (from.h, from.w, c) from (top, left) on to target (to.h, to.w, c); where
 * it ends before, zeros. */
void od_conv_crop(const od_real *image, od_shape from, od_real *target, od_shape to, int top,
                  int left);

/* Returns the input with its padding: x itself if there is none, else `padded`, filled. */
const od_real *od_conv_pad(const od_op *op, const od_real *x, od_real *padded);

#endif
