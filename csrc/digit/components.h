/* Strokes: the connected pieces of ink of a picture, as od_find_foreground gives it. */
#ifndef OD_DIGIT_COMPONENTS_H
#define OD_DIGIT_COMPONENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "image/image.h"

typedef struct od_foreground_component {
  int left, top, right, bottom; /* its box; right and bottom are the first pixels outside */
  int area;                     /* pixels */
  int mass;                     /* sum of their ink */
  int peak;                     /* the most ink of a pixel */
  int across;                   /* sum of the columns of its pixels, for their mean */
} od_foreground_component;

/* Owns its arrays; release with od_foreground_components_release. */
typedef struct od_foreground_components {
  int count;
  od_foreground_component *of;  /* (count) */
  int32_t *label; /* (h, w): 1 + the number of the pixel's stroke, 0 for none */
} od_foreground_components;

/* Connects, over sides and corners, the pixels of ink (h, w) of at least OD_FOREGROUND_WEAK. Strokes
 * that nowhere reach OD_FOREGROUND_STRONG, or have fewer than `least_area` pixels, are left out;
 * where more than `limit` remain, only the `limit` of largest mass stay. They are numbered
 * in reading order of their first pixels.
 * Errors: OD_ERROR_MEMORY. */
od_status od_find_foreground_components(od_image_workspace *imaging, int h, int w, const uint8_t *ink, int least_area,
                          int limit, od_foreground_components *strokes, od_error *error);
void od_foreground_components_release(od_foreground_components *strokes);

/* The width of the pen in pixels, from the ink's area and outline; 0 without ink. Sides are up
 * to OD_MAX_IMAGE_SIDE. */
double od_stroke_width(const od_kernels *kernels, int h, int w, const uint8_t *ink);

#endif
