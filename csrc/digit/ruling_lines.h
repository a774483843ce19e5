/* Rules: long thin lines, level or upright, that a form has and handwriting stands on. */
#ifndef OD_DIGIT_RULING_LINES_H
#define OD_DIGIT_RULING_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "image/image.h"

typedef struct od_ruling_line_limits {
  int thin;        /* the most pixels across a rule */
  int least_level; /* a level rule is at least so long; 0 for none of them */
  int least_upright;
} od_ruling_line_limits;

/* Takes rules out of ink (h, w), in place; strokes that cross them stay whole. Tells whether
 * there were any. Errors: OD_ERROR_MEMORY. */
od_status od_remove_ruling_lines(od_image_workspace *imaging, int h, int w, uint8_t *ink, od_ruling_line_limits limits,
                         bool *found, od_error *error);

#endif
