#include <math.h>

#include "image/image.h"
#include "image/limits.h"

/* A smaller mu02, in squared pixels times levels, defines no skew. */
static const double min_mu02 = 1e-2;

od_status od_deskew(od_image_workspace *workspace, const od_view *image, const od_target *result,
                    double *skew, od_error *error) {
  od_moments m;
  *skew = 0;
  od_status status = od_check_same(image, result, error);
  if (!status) status = od_image_moments(workspace, image, false, &m, error);
  if (status) return status;
  if (fabs(m.mu02) >= min_mu02) *skew = m.mu11 / m.mu02;
  const double shear[6] = {1, *skew, -0.5 * image->h * *skew, 0, 1, 0};
  return od_warp_affine(workspace, image, shear, OD_BORDER_CONSTANT, 0, result, error);
}
