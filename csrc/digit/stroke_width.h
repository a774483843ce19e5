/* The stroke width of writing. */
#ifndef OD_DIGIT_STROKE_WIDTH_H
#define OD_DIGIT_STROKE_WIDTH_H

#include <stdint.h>

#include "kernels/kernels.h"

/* Return the mean stroke width in pixels of foreground (h, w), as od_find_foreground computes it:
 * twice the area divided by the length of the outline; 0 without foreground. Sides are up to
 * OD_MAX_IMAGE_SIDE. */
double od_stroke_width(const od_kernels *kernels, int h, int w, const uint8_t *foreground);

#endif
