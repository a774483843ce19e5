/* A map of places, such as an operation gives, as a picture of the network's input: every place
 * put where the middle of what it sees lies in the image, linear between. Private to nn/.
 *
 * Release with od_cam_upsampling_release, which takes one of zeros too. */
#ifndef OD_NN_CAM_UPSAMPLING_H
#define OD_NN_CAM_UPSAMPLING_H

#include "nn/plan.h"

/* The places of a map before and after a pixel, and the share of the second. */
typedef struct od_bilinear_tap {
  size_t before, after;
  od_real share;
} od_bilinear_tap;

typedef struct od_cam_upsampling {
  od_shape input, map;
  od_bilinear_tap *down, *across; /* (H), (W) of the input */
  od_real *row;               /* (w): a row between those of a map */
  bool alike;                 /* places are pixels */
} od_cam_upsampling;

/* For maps of what the operations ops (count) together give. */
od_status od_cam_upsampling_create(const od_op *ops, int count, od_cam_upsampling *heat, od_error *error);
void od_cam_upsampling_release(od_cam_upsampling *heat);

/* map (h, w), at least 0, to picture (H, W); its largest value, if there is one, made 1. */
void od_cam_upsampling_run(const od_cam_upsampling *heat, const od_real *map, od_real *picture);

#endif
