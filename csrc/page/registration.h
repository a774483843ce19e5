/* Registration: where a form lies in a scan or a photo of it.
 *
 * Keypoints of the form's print are matched with those of the page, at a quarter of the form's
 * resolution and for several rotations and scales (keypoints.h); what many matches agree with is a
 * hypothesis (pose_hypotheses.h). Block matching refines the hypotheses and tells which one finds
 * most of the print (block_matching.h); it then goes on to full resolution. What is written on the
 * page is in no block of the form, so it is ignored, and so is print that the page has lost. */
#ifndef OD_PAGE_REGISTRATION_H
#define OD_PAGE_REGISTRATION_H

#include "base/api.h"
#include "base/status.h"
#include "image/image.h"

OD_BEGIN_DECLS

typedef struct od_registration {
  double matrix[9]; /* maps pixels of the form to those of the page */
  double found;     /* proportion of the form's print that is in the page at its place */
  double residual;  /* root mean square distance of that print from its place, in pixels */
} od_registration;

/* Find a form in a page, both as foreground levels (digit/foreground.h) without gaps and of about
 * the same scale: the form may be 0.65 to 1.25 times as large in the page, turned by up to about 12
 * degrees, or by so many and a quarter, a half or three quarters of a turn, and seen in
 * perspective. `found` is 0 if there is no hypothesis. Errors: OD_ERROR_ARGUMENT for sides
 * outside 1..OD_MAX_IMAGE_SIDE; OD_ERROR_MEMORY. */
od_status od_register_page(od_image_workspace *workspace, const od_view *form, const od_view *page,
                           od_registration *registration, od_error *error);

OD_END_DECLS

#endif
