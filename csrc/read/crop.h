/* A digit of a page to 28x28, for a classifier: its own ink, without that of its neighbours.
 * Private to read/. */
#ifndef OD_READ_CROP_H
#define OD_READ_CROP_H

#include "image/prepare.h"
#include "read/page.h"

/* A digit's ink: neighbours among the page's pieces; none where its box is a guess. */
typedef struct od_ink_run {
  int first, count;
} od_ink_run;

enum { OD_CROP_SCRATCH = 2 * OD_PREPARE_SIDE * OD_PREPARE_SIDE /* bytes */ };

/* The ink of pieces `run`, of which there are some, to result (28, 28) in [0, 1]. */
void od_crop_digit(const od_page *page, od_ink_run run, uint8_t *scratch, float *result);

#endif
