/* Test-time augmentation (TTA): warped copies of a 28x28 image, and the average of what a network
 * gives for them. */
#ifndef OD_DIGIT_TTA_H
#define OD_DIGIT_TTA_H

#include "base/api.h"
#include "base/memory.h"
#include "base/status.h"
#include "digit/digit.h"

OD_BEGIN_DECLS

enum { OD_TTA_WARPS = 6 };

/* Where the pixels of the warped copies come from, and their weights: the same for all images, and
 * constant. Destroy with od_tta_destroy. Errors: OD_ERROR_MEMORY. */
typedef struct od_tta od_tta;
od_status od_tta_create(od_tta **tta, od_error *error);
void od_tta_destroy(od_tta *tta); /* NULL is fine */

/* The warped copies (OD_TTA_WARPS, 28, 28) of image (28, 28) times `scale`: rotated, scaled and
 * sheared about its centre, bilinear between pixels, 0 outside. */
void od_tta_warp(const od_tta *tta, const od_real *image, od_real scale, od_real *warped);

/* Replaces the probabilities (OD_DIGITS) of an image by their weighted geometric mean with those
 * of its warped copies (OD_TTA_WARPS, OD_DIGITS), normalized to sum 1. */
void od_tta_average(const od_real *of_warps, od_real *probabilities);

OD_END_DECLS

#endif
