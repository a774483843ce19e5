/* Ruling lines: long thin horizontal or vertical lines that are printed on forms. */
#ifndef OD_DIGIT_RULING_LINES_H
#define OD_DIGIT_RULING_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "image/image.h"

/* The sizes, in pixels, of the lines to remove. */
typedef struct od_ruling_line_limits {
  int max_thickness;
  int min_horizontal; /* minimum length of a horizontal line; 0: remove none */
  int min_vertical;   /* minimum length of a vertical line; 0: remove none */
} od_ruling_line_limits;

/* Remove ruling lines from foreground (h, w), in place; strokes that cross them stay whole. *found
 * tells whether there were any. Errors: OD_ERROR_MEMORY. */
od_status od_remove_ruling_lines(od_image_workspace *workspace, int h, int w, uint8_t *foreground,
                                 od_ruling_line_limits limits, bool *found, od_error *error);

#endif
