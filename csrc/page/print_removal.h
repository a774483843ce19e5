/* Removal of the print of an empty form from a picture of a filled one. */
#ifndef OD_PAGE_PRINT_REMOVAL_H
#define OD_PAGE_PRINT_REMOVAL_H

#include <stdint.h>

#include "base/api.h"
#include "base/status.h"
#include "image/image.h"

OD_BEGIN_DECLS

enum { OD_MAX_PRINT_SLACK = 16 };

/* A picture of a form that was filled in, and the print of the empty form at the same place. */
typedef struct od_filled_form {
  int h, w;
  const uint8_t *image;      /* (h, w): gray */
  const uint8_t *foreground; /* (h, w): levels of the picture, digit/foreground.h */
  const uint8_t *print;      /* (h, w): levels of the empty form */
  int slack;                 /* by how many pixels print may be off its place */
} od_filled_form;

/* Set erased (h, w) to the image with the background in place of print, and writing (h, w) to the
 * foreground that is left. Foreground up to `slack` pixels from print is print, except where a
 * stroke goes on at both sides of it. Errors: OD_ERROR_ARGUMENT for sides outside
 * 1..OD_MAX_IMAGE_SIDE or a slack outside 0..OD_MAX_PRINT_SLACK; OD_ERROR_MEMORY. */
od_status od_erase_print(od_image_workspace *workspace, const od_filled_form *form, uint8_t *erased,
                         uint8_t *writing, od_error *error);

OD_END_DECLS

#endif
