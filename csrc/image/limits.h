/* Limits of the sizes that the image functions accept, and checks of them. */
#ifndef OD_IMAGE_LIMITS_H
#define OD_IMAGE_LIMITS_H

#include "base/status.h"
#include "image/view.h"

enum {
  OD_MAX_IMAGE_SIDE = 16384,
  OD_MAX_BLOCK = 2047,   /* block_size of od_adaptive_threshold: sums stay below 2^30 */
  OD_MAX_ELEMENT = 4095, /* sides of a structuring element */
  OD_MAX_TAPS = 1023     /* sides of a Gaussian kernel */
};

static inline od_status od_check_sides(const char *name, int h, int w, od_error *error) {
  if (h < 1 || h > OD_MAX_IMAGE_SIDE)
    return od_fail(error, OD_ERROR_ARGUMENT, "%s height: got %d, expected 1 to %d", name, h,
                   OD_MAX_IMAGE_SIDE);
  if (w < 1 || w > OD_MAX_IMAGE_SIDE)
    return od_fail(error, OD_ERROR_ARGUMENT, "%s width: got %d, expected 1 to %d", name, w,
                   OD_MAX_IMAGE_SIDE);
  return OD_OK;
}

/* Check that an image has valid sides and the result the same ones. */
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
