/* The sides that the functions on pictures take. */
#ifndef OD_IMAGE_LIMITS_H
#define OD_IMAGE_LIMITS_H

#include "base/status.h"

enum { OD_MAX_IMAGE_SIDE = 16384 };

static inline od_status od_check_sides(const char *what, int h, int w, od_error *error) {
  if (h < 1 || h > OD_MAX_IMAGE_SIDE)
    return od_fail(error, OD_ERROR_ARGUMENT, "%s height: got %d, expected 1 to %d", what, h,
                   OD_MAX_IMAGE_SIDE);
  if (w < 1 || w > OD_MAX_IMAGE_SIDE)
    return od_fail(error, OD_ERROR_ARGUMENT, "%s width: got %d, expected 1 to %d", what, w,
                   OD_MAX_IMAGE_SIDE);
  return OD_OK;
}

#endif
