/* Input of a classifier: pictures of single digits, in gray or colour, as bytes or floats, to
 * 28x28 images with light strokes on black. */
#ifndef OD_DIGIT_INPUT_H
#define OD_DIGIT_INPUT_H

#include "base/api.h"
#include "base/thread_pool.h"
#include "image/image.h"

OD_BEGIN_DECLS

/* A picture (h, w, channels), its numbers one after the other; it owns nothing. */
typedef struct od_picture {
  const uint8_t *bytes; /* or NULL; 0..255, or 0..1 where the largest is at most 1 */
  const float *floats;  /* or NULL; one of the two is set */
  double scale;         /* of floats: times it they are in 0..1, or up to a thousandth outside */
  int h, w, channels;   /* 1: gray; 3: RGB; 4: RGBA */
} od_picture;

/* gray (h, w): RGB as od_gray gives it, or colours of nearly equal luminance as the projection onto
 * the principal axis of their differences (digit/colour.h). RGBA is composited over white, as paper
 * is, or over black where less than a hundredth of what is opaque is dark: a drawing in white.
 * Halftones are smoothed (digit/halftone.h), unless they are canonical.
 * Errors of this and what follows: OD_ERROR_ARGUMENT for sides outside 1..16384;
 * OD_ERROR_MEMORY. */
od_status od_picture_to_gray(od_image_workspace *workspace, const od_picture *picture,
                             uint8_t *gray, od_error *error);

/* input (28, 28) in [0, 1]: a canonical picture (digit/canonical.h) of 28x28 pixels as it is, any
 * other as od_preprocess_digit gives it. */
od_status od_picture_to_input(od_image_workspace *workspace, const od_picture *picture,
                              float *input, od_error *error);

/* The same for many, side by side on the pool: inputs (count, 28, 28). */
od_status od_pictures_to_inputs(const od_kernels *kernels, od_thread_pool *pool, int count,
                                const od_picture *pictures, float *inputs, od_error *error);

OD_END_DECLS

#endif
