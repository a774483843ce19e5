/* Connected components of the foreground of an image, as od_find_foreground computes it, with the
 * properties that tell writing from texture. */
#ifndef OD_DIGIT_COMPONENTS_H
#define OD_DIGIT_COMPONENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "image/image.h"

typedef struct od_foreground_component {
  int left, top, right, bottom; /* bounding box; right and bottom are exclusive */
  int area;                     /* pixels */
  int peak;                     /* maximum foreground level */
  int64_t mass;                 /* sum of the foreground levels */
  int64_t column_sum;           /* sum of the pixels' columns, for their mean */
} od_foreground_component;

/* Owns its arrays; release with od_foreground_components_release. */
typedef struct od_foreground_components {
  int count;
  od_foreground_component *items; /* (count) */
  int32_t *labels;                /* (h, w): 1 + the index of the pixel's component, 0 for none */
} od_foreground_components;

/* Find the 8-connected components of the pixels of foreground (h, w) of at least
 * OD_FOREGROUND_WEAK. Components without a pixel of OD_FOREGROUND_STRONG or with fewer than
 * `min_area` pixels are left out; if more than `limit` remain, only those of largest mass are kept.
 * They are in raster order of their first pixels.
 * Errors: OD_ERROR_MEMORY. */
od_status od_find_foreground_components(od_image_workspace *workspace, int h, int w,
                                        const uint8_t *foreground, int min_area, int limit,
                                        od_foreground_components *components, od_error *error);
void od_foreground_components_release(od_foreground_components *components);

#endif
