/* The parts of od_resize. Private to image/. */
#ifndef OD_IMAGE_RESIZE_H
#define OD_IMAGE_RESIZE_H

#include "image/image.h"

/* Linear, with pixels aligned at their centres or, with area_mode, for enlarging, at their edges.
 */
od_status od_resize_linear(od_image_workspace *workspace, const od_view *image, bool area_mode,
                           const od_target *result, od_error *error);
/* Reduction by integer factors: means of factor_y x factor_x pixels. */
od_status od_resize_integer_area(od_image_workspace *workspace, const od_view *image, int factor_y,
                                 int factor_x, const od_target *result, od_error *error);
/* Reduction by any factors: pixels weighted by the part that a result pixel covers. */
od_status od_resize_area(od_image_workspace *workspace, const od_view *image,
                         const od_target *result, od_error *error);

#endif
