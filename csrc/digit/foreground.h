/* Ink on paper: how much ink each pixel of a gray picture holds, whatever the light, the
 * paper's shade and texture, and whether ink is the dark or the light side. */
#ifndef OD_DIGIT_FOREGROUND_H
#define OD_DIGIT_FOREGROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "image/image.h"

/* Levels of ink, 0 to 255. A pixel of at least OD_FOREGROUND_WEAK belongs to a stroke, one of at
 * least OD_FOREGROUND_STRONG to a stroke of full contrast: texture that is as strong as the former
 * seldom reaches the latter. */
enum { OD_FOREGROUND_WEAK = 96, OD_FOREGROUND_STRONG = 149 };

typedef struct od_foreground_stats {
  bool dark;       /* ink is darker than paper */
  double contrast; /* of full ink against its paper, in levels of the picture; 0 without ink */
  double noise;    /* standard deviation of bare paper, in levels of the picture */
} od_foreground_stats;

/* Finds the ink of image (h, w): ink (h, w), 0 for bare paper and 255 for full ink.
 * The paper's level is followed over distances of `window` pixels, which should be wider
 * than any stroke; paper (h, w) gets that level where it is not NULL.
 * Errors: OD_ERROR_ARGUMENT for sides outside 1..16384 or a window below 1;
 * OD_ERROR_MEMORY. */
od_status od_find_foreground(od_image_workspace *imaging, int h, int w, const uint8_t *image, int window,
                      uint8_t *ink, uint8_t *paper, od_foreground_stats *facts, od_error *error);

#endif
