#include "image/resize.h"

#include <float.h>
#include <math.h>

#include "image/limits.h"
#include "image/row_partition.h"

/* Return the factor by which a side shrinks if it is an integer, or 0. */
static int integer_factor(int n, int out) {
  const double scale = 1 / ((double)out / n), whole = rint(scale);
  return fabs(scale - whole) < DBL_EPSILON ? (int)whole : 0;
}

static od_status copy(od_image_workspace *workspace, const od_view *image, const od_target *result,
                      od_error *error) {
  uint8_t *row = od_image_workspace_scratch(workspace, (size_t)image->w);
  if (!row) return od_fail_memory(error, "an image's row");
  for (int y = 0; y < image->h; y++) {
    const uint8_t *from = od_view_row(image, y, row);
    uint8_t *to = od_target_row(result, y, row);
    if (to != from) memcpy(to, from, (size_t)image->w);
    od_target_finish(result, y, to);
  }
  return OD_OK;
}

od_status od_resize(od_image_workspace *workspace, const od_view *image,
                    od_interpolation interpolation, const od_target *result, od_error *error) {
  od_status status = od_check_sides("image", image->h, image->w, error);
  if (!status) status = od_check_sides("result", result->h, result->w, error);
  if (status) return status;
  if (image->h == result->h && image->w == result->w) return copy(workspace, image, result, error);
  const int factor_y = integer_factor(image->h, result->h);
  const int factor_x = integer_factor(image->w, result->w);
  const bool area = interpolation == OD_INTERPOLATION_AREA;
  if (area && result->h <= image->h && result->w <= image->w) {
    if (factor_y && factor_x)
      return od_resize_integer_area(workspace, image, factor_y, factor_x, result, error);
    return od_resize_area(workspace, image, result, error);
  }
  if (factor_y == 2 && factor_x == 2)
    return od_resize_integer_area(workspace, image, 2, 2, result, error);
  return od_resize_linear(workspace, image, area, result, error);
}
