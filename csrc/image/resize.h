/* The ways of od_resize that average areas, for sides that do not grow. */
#ifndef OD_IMAGE_RESIZE_H
#define OD_IMAGE_RESIZE_H

#include "image/image.h"

/* By whole factors: means of factor_y x factor_x pixels. */
od_status od_resize_integer_area(od_image_workspace *imaging, const od_view *image, int factor_y, int factor_x,
                          const od_target *result, od_error *error);
/* By any factors: pixels weighted by the part that a result pixel covers. */
od_status od_resize_area(od_image_workspace *imaging, const od_view *image, const od_target *result,
                         od_error *error);

#endif
