/* Upsampling of a map of places, such as an operation gives, to the network's input: every place
 * is put at the centre of its receptive field in the image, and values between are bilinear.
 * Private to nn/.
 *
 * Release with od_cam_upsampling_release, which also accepts a struct of zeros. */
#ifndef OD_NN_CAM_UPSAMPLING_H
#define OD_NN_CAM_UPSAMPLING_H

#include "nn/plan.h"

/* The places of a map before and after a pixel, and the weight of the second. */
typedef struct od_bilinear_tap {
  size_t before, after;
  od_real weight;
} od_bilinear_tap;

typedef struct od_cam_upsampling {
  od_shape input, map;
  od_bilinear_tap *vertical, *horizontal; /* (H), (W) of the input */
  od_real *row;                           /* (w): a row between those of a map */
  bool identity;                          /* places are pixels */
} od_cam_upsampling;

/* For maps that the operations ops (count) give together. Errors: OD_ERROR_MEMORY. */
od_status od_cam_upsampling_create(const od_op *ops, int count, od_cam_upsampling *upsampling,
                                   od_error *error);
void od_cam_upsampling_release(od_cam_upsampling *upsampling);

/* map (h, w), at least 0, to image (H, W), scaled to a maximum of 1 unless all is 0. */
void od_cam_upsampling_run(const od_cam_upsampling *upsampling, const od_real *map, od_real *image);

#endif
