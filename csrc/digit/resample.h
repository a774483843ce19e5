/* Separable resampling of a window of an image to a grid: the weights of one axis. */
#ifndef OD_DIGIT_RESAMPLE_H
#define OD_DIGIT_RESAMPLE_H

#include <stddef.h>

#include "digit/preprocess.h"

/* Result column (or row) i is the sum over k < count[i] of weights[i][k] * image column
 * (first[i] + k). */
typedef struct od_resample_axis {
  int first[OD_DIGIT_SIDE], count[OD_DIGIT_SIDE];
  float *weights[OD_DIGIT_SIDE];
} od_resample_axis;

/* The maximum number of weights of an axis for an image of n pixels. */
size_t od_resample_max_weights(int n);

/* Compute an axis whose result pixel i covers `ratio` image pixels from origin + i * ratio on: by
 * area if the ratio is above 1, else linear between pixel centres. Pixels beyond 0..n - 1 are 0.
 * weights (od_resample_max_weights(n)) are the caller's and must outlive the axis. */
void od_resample_fill(double origin, double ratio, int n, float *weights, od_resample_axis *axis);

#endif
