/* The sides that the functions on pictures take. */
#ifndef OD_IMAGE_LIMITS_H
#define OD_IMAGE_LIMITS_H

#include "base/status.h"
#include "image/view.h"

enum {
  OD_MAX_IMAGE_SIDE = 16384,
  /* of the squares that local means are taken of: sums stay below 2^30 */
  OD_MAX_BLOCK = 2047,
  /* of the sides of a morphological kernel */
  OD_MAX_FOOTPRINT = 4095,
  /* of the sides of a Gaussian's kernel */
  OD_MAX_TAPS = 1023
};

static inline od_status od_check_sides(const char *what, int h, int w, od_error *error) {
  if (h < 1 || h > OD_MAX_IMAGE_SIDE)
    return od_fail(error, OD_ERROR_ARGUMENT, "%s height: got %d, expected 1 to %d", what, h,
                   OD_MAX_IMAGE_SIDE);
  if (w < 1 || w > OD_MAX_IMAGE_SIDE)
    return od_fail(error, OD_ERROR_ARGUMENT, "%s width: got %d, expected 1 to %d", what, w,
                   OD_MAX_IMAGE_SIDE);
  return OD_OK;
}

/* An image and a result of the same sides. */
static inline od_status od_check_same(const od_view *image, const od_target *result,
                                      od_error *error) {
  od_status status = od_check_sides("image", image->h, image->w, error);
  if (status) return status;
  if (result->h != image->h || result->w != image->w)
    return od_fail(error, OD_ERROR_ARGUMENT, "result: got %d x %d, expected %d x %d", result->h,
                   result->w, image->h, image->w);
  return OD_OK;
}

#endif
