/* A digit of a page to 28x28, for a classifier: cut out of the picture with a margin, and prepared
 * as any picture of one digit is. Private to read/. */
#ifndef OD_PAGE_CROP_H
#define OD_PAGE_CROP_H

#include "image/image.h"
#include "page/page.h"
#include "page/read.h"

/* The digit, whose box is known, to result (28, 28) in [0, 1]. Errors: OD_ERROR_MEMORY. */
od_status od_crop_digit(const od_page *page, const od_read_digit *digit, od_image_workspace *imaging,
                        float *result, od_error *error);

#endif
