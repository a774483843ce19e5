/* Preprocessing: any gray image of one digit to canonical input, the 28x28 that classifiers trained
 * on MNIST expect. */
#ifndef OD_DIGIT_PREPROCESS_H
#define OD_DIGIT_PREPROCESS_H

#include <stdint.h>

#include "base/api.h"
#include "base/status.h"
#include "digit/digit.h"
#include "image/image.h"

OD_BEGIN_DECLS

enum { OD_DIGIT_BOX = 20 /* the longer side of the digit's box in canonical input */ };

/* The intermediate images of the preprocessing, for display: (h, w) of the part of the image that
 * was processed, reduced if it was large. Release with od_preprocess_steps_release. */
typedef struct od_preprocess_steps {
  int h, w;
  uint8_t *gray;
  uint8_t *background; /* the level of the background */
  uint8_t *foreground; /* foreground levels, without ruling lines */
  uint8_t *digit;      /* foreground of the digit alone, thin strokes thickened */
  /* The position of the result in the image, in the image's pixels: its left and top edge, and the
   * side of one of its pixels; 0 without foreground. */
  double left, top, side;
} od_preprocess_steps;

void od_preprocess_steps_release(od_preprocess_steps *steps);

/* Preprocess image (h, w), whose rows lie `stride` bytes apart, to result (28, 28) in [0, 1], a
 * light digit on black. The foreground is found as by od_find_foreground, in uneven light in a
 * smaller window; a crop without a margin gets one. Sides of boxes, ruling lines from side to side,
 * specks and parts of neighbouring writing are dropped; two digits side by side are kept; strokes
 * thinner than MNIST's are thickened; the digit is fitted into 20x20, keeping its aspect ratio,
 * with its centre of mass on pixel (14, 14). An image without foreground gives all 0. `steps` may
 * be NULL, else it is filled unless there is an error. Errors: OD_ERROR_ARGUMENT for sides
 * outside 1..16384; OD_ERROR_MEMORY. */
od_status od_preprocess_digit(od_image_workspace *workspace, int h, int w, int stride,
                              const uint8_t *image, od_preprocess_steps *steps, float *result,
                              od_error *error);

OD_END_DECLS

#endif
