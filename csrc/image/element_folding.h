/* Folding of structuring elements that are larger than the reach of an image. */
#ifndef OD_IMAGE_ELEMENT_FOLDING_H
#define OD_IMAGE_ELEMENT_FOLDING_H

#include "image/image.h"

/* Find an element of the same effect on images (h, w) whose sides are no longer than about twice
 * the image's: neighbours that are the same pixel of the image, whichever pixel they are neighbours
 * of, are one. *mask is that of *folded, for the caller to od_release; NULL if *folded is the
 * element itself. Errors: OD_ERROR_MEMORY. */
od_status od_fold_element(const od_structuring_element *element, int h, int w, od_border border,
                          od_structuring_element *folded, uint8_t **mask, od_error *error);

#endif
