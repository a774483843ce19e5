/* Foreground and background: how much foreground (writing) each pixel of a gray image has, whatever
 * the light, the shade and texture of the background, and whether writing is dark or light. */
#ifndef OD_DIGIT_FOREGROUND_H
#define OD_DIGIT_FOREGROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "image/image.h"

/* Foreground levels are 0 to 255. Pixels of at least OD_FOREGROUND_WEAK are foreground; of those, a
 * component of writing has some of at least OD_FOREGROUND_STRONG, and texture rarely has. */
enum { OD_FOREGROUND_WEAK = 96, OD_FOREGROUND_STRONG = 149 };

typedef enum od_polarity {
  OD_POLARITY_UNKNOWN,
  OD_DARK_FOREGROUND,
  OD_LIGHT_FOREGROUND
} od_polarity;

/* The result of od_find_foreground; the arrays are the caller's. */
typedef struct od_foreground_maps {
  uint8_t *foreground;  /* (h, w): 0 for background, 255 for full foreground */
  uint8_t *background;  /* (h, w): the level of the background; may be NULL */
  bool has_steps;       /* the background may have steps, as at the edge of a shadow: it is not
                           smoothed, so it also follows the strokes more closely */
  od_polarity polarity; /* if unknown, it is found (digit/polarity.h) */
} od_foreground_maps;

typedef struct od_foreground_stats {
  bool dark;       /* the foreground is darker than the background */
  double contrast; /* of full foreground to its background, in levels; 0 without foreground */
  double noise;    /* standard deviation of the background, in levels */
} od_foreground_stats;

/* Separate foreground and background of image (h, w). The background is estimated in windows of
 * `window` pixels, which should be wider than any stroke.
 * Errors: OD_ERROR_ARGUMENT for sides outside 1..16384 or a window below 1; OD_ERROR_MEMORY. */
od_status od_find_foreground(od_image_workspace *workspace, int h, int w, const uint8_t *image,
                             int window, const od_foreground_maps *maps, od_foreground_stats *stats,
                             od_error *error);

#endif
