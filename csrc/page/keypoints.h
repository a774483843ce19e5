/* Keypoints of a page's foreground: corners, with descriptors of their surroundings, and matches
 * between those of two pages. Private to page/.
 *
 * A keypoint is a local maximum of the smaller eigenvalue of the structure tensor (Shi and Tomasi,
 * 1994). Its descriptor is a smoothed patch of zero mean and unit norm, so that the product of two
 * is their normalized cross-correlation. Patches are upright: a page that is turned or of another
 * scale is matched by sampling the patches of one side in turned and scaled frames. */
#ifndef OD_PAGE_KEYPOINTS_H
#define OD_PAGE_KEYPOINTS_H

#include <stdint.h>

#include "base/status.h"
#include "image/homography.h"
#include "image/image.h"

enum {
  OD_PATCH_SIDE = 16, /* samples */
  OD_PATCH_STEP = 2,  /* pixels between two samples */
  OD_DESCRIPTOR_SIZE = OD_PATCH_SIDE * OD_PATCH_SIDE,
  OD_DESCRIPTOR_NORM = 4096, /* so that products of two descriptors fit in 32 bits */
  OD_MATCHES = 2             /* of a keypoint */
};

typedef struct od_keypoint {
  int x, y;
  float strength;
} od_keypoint;

/* Release with od_keypoints_release. */
typedef struct od_keypoints {
  int count;
  od_keypoint *items;   /* (count), in descending order of strength */
  int16_t *descriptors; /* (count, OD_DESCRIPTOR_SIZE) */
  uint8_t *smooth;      /* (h, w): the foreground, smoothed */
  int h, w;
} od_keypoints;

/* Find up to `max_count` keypoints of a foreground without gaps, with upright descriptors. Errors:
 * OD_ERROR_MEMORY. */
od_status od_find_keypoints(od_image_workspace *workspace, const od_view *foreground, int max_count,
                            od_keypoints *keypoints, od_error *error);
void od_keypoints_release(od_keypoints *keypoints);

/* Sample the descriptors again, in frames that are turned by `angle`, clockwise in radians, and
 * whose pixels are `scale` as large. */
void od_describe_keypoints(od_keypoints *keypoints, double angle, double scale);

/* Match keypoints of `from` with those of `to` of highest correlation: up to OD_MATCHES each, of at
 * least `min_correlation`. pairs (from->count * OD_MATCHES): points of `from`, points of `to`, and
 * the correlation as weight. Returns how many. */
int od_match_keypoints(const od_keypoints *from, const od_keypoints *to, double min_correlation,
                       od_point_pair *pairs);

#endif
