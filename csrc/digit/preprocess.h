/* Any gray picture of one digit to the 28x28 that MNIST-trained networks expect. */
#ifndef OD_DIGIT_PREPROCESS_H
#define OD_DIGIT_PREPROCESS_H

#include <stdint.h>

#include "base/api.h"
#include "base/status.h"
#include "image/image.h"

OD_BEGIN_DECLS

/* What a picture went through, for looking at: pictures (h, w) of the part of it that was
 * worked on, made smaller where it was large. Release with od_preprocess_steps_release. */
typedef struct od_preprocess_steps {
  int h, w;
  uint8_t *gray;
  uint8_t *paper; /* the level of bare paper */
  uint8_t *ink;   /* how much ink there is, rules taken away */
  uint8_t *digit; /* of the digit alone, thin strokes thickened */
  /* Where the result lies in the picture that was handed in: its left and top edge, and the
   * side of one of its pixels, in that picture's pixels. A side of 0 where there is no ink. */
  double left, top, side;
} od_preprocess_steps;

void od_preprocess_steps_release(od_preprocess_steps *steps);

/* image (h, w), whose rows lie `stride` bytes apart, to result (28, 28) in [0, 1], light ink on
 * black. Ink and paper are told apart as od_find_foreground does; rules that run from side to side,
 * specks and what comes in from outside are dropped, strokes thinner than MNIST's thickened, and
 * the digit fitted into 20x20 keeping its aspect ratio, its centre of mass put on pixel (14, 14).
 * A picture without ink gives all 0. `steps` may be NULL; otherwise it is filled, unless there is
 * an error. Errors: OD_ERROR_ARGUMENT for sides outside 1..16384; OD_ERROR_MEMORY. */
od_status od_preprocess_digit(od_image_workspace *imaging, int h, int w, int stride, const uint8_t *image,
                           od_preprocess_steps *steps, float *result, od_error *error);

OD_END_DECLS

#endif
