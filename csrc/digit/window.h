/* A window of a picture, seen as 28x28: how each row and column of it is made. */
#ifndef OD_DIGIT_WINDOW_H
#define OD_DIGIT_WINDOW_H

#include <stddef.h>

enum { OD_WINDOW_SIDE = 28, OD_WINDOW_DIGIT = 20 /* the side that a digit is fitted into */ };

/* Column (or row) i of the window is the sum over k < count[i] of weights[i][k] * picture
 * column (first[i] + k). */
typedef struct od_window_axis {
  int first[OD_WINDOW_SIDE], count[OD_WINDOW_SIDE];
  float *weights[OD_WINDOW_SIDE];
} od_window_axis;

/* Weights that an axis of a picture of n pixels needs at most. */
size_t od_window_room(int n);

/* Column i covers `ratio` pixels from origin + i * ratio on: each by its share where that is
 * more than a pixel, else linear between the centres of pixels. Beyond 0..n - 1 there is
 * nothing. Uses weights (od_window_room(n)) of the caller, which must stay. */
void od_window_fill(double origin, double ratio, int n, float *weights, od_window_axis *axis);

#endif
