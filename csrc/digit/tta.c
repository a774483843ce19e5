#include "digit/tta.h"

#include <math.h>
#include <string.h>

#include "base/math.h"

enum { SIDE = OD_DIGIT_SIDE, MARGIN = 3, PADDED = SIDE + 2 * MARGIN };

static const double original_weight = 2;    /* warped copies that the image itself counts for */
static const double min_probability = 1e-7; /* before the logarithm */

/* Matrices (2, 2): where the pixel at (y, x) from the centre of a warped copy comes from. The
 * rotations are by 8 degrees. */
static const double warps[OD_TTA_WARPS][4] = {
    {0.9902680687415704, -0.13917310096006544, 0.13917310096006544, 0.9902680687415704},
    {0.9902680687415704, 0.13917310096006544, -0.13917310096006544, 0.9902680687415704},
    {1 / 0.9, 0, 0, 1 / 0.9},
    {1 / 1.1, 0, 0, 1 / 1.1},
    {1, 0, 0.15, 1},
    {1, 0, -0.15, 1},
};

/* A pixel of a warped copy, by the padded image: the first of four neighbours, and weights. */
typedef struct tap {
  int corner;
  od_real weights[4]; /* upper left and right, lower left and right */
} tap;

struct od_tta {
  tap taps[OD_TTA_WARPS * SIDE * SIDE];
};

/* The pixel that lies at (y, x) of the image, at most MARGIN outside of it. */
static tap tap_at(double y, double x) {
  const int top = (int)floor(y), left = (int)floor(x);
  const double upper = 1 - (y - top), lower = 1 - (top + 1 - y);
  const double before = 1 - (x - left), after = 1 - (left + 1 - x);
  return (tap){(top + MARGIN) * PADDED + left + MARGIN,
               {(od_real)(upper * before), (od_real)(upper * after), (od_real)(lower * before),
                (od_real)(lower * after)}};
}

od_status od_tta_create(od_tta **result, od_error *error) {
  const double centre = (SIDE - 1) / 2.0;
  od_tta *tta = *result = od_allocate(1, sizeof *tta);
  if (!tta) return od_fail_memory(error, "test-time augmentation");
  tap *next = tta->taps;
  for (int k = 0; k < OD_TTA_WARPS; k++)
    for (int y = 0; y < SIDE; y++)
      for (int x = 0; x < SIDE; x++) {
        const double *m = warps[k], dy = y - centre, dx = x - centre;
        *next++ = tap_at(m[0] * dy + m[1] * dx + centre, m[2] * dy + m[3] * dx + centre);
      }
  return OD_OK;
}

void od_tta_destroy(od_tta *tta) { od_release(tta); }

void od_tta_warp(const od_tta *tta, const od_real *image, od_real scale, od_real *warped) {
  od_real padded[PADDED * PADDED] = {0}; /* with a margin of zeros that covers all warps */
  for (int y = 0; y < SIDE; y++)
    memcpy(padded + (y + MARGIN) * PADDED + MARGIN, image + y * SIDE, SIDE * sizeof *image);
  for (int i = 0; i < OD_TTA_WARPS * SIDE * SIDE; i++) {
    const tap *from = &tta->taps[i];
    const od_real *corner = padded + from->corner, *weights = from->weights;
    warped[i] = (corner[0] * weights[0] + corner[1] * weights[1] + corner[PADDED] * weights[2] +
                 corner[PADDED + 1] * weights[3]) *
                scale;
  }
}

void od_tta_average(const od_real *of_warps, od_real *probabilities) {
  double logs[OD_DIGITS];
  for (int c = 0; c < OD_DIGITS; c++) {
    double sum = 0;
    for (int k = 0; k < OD_TTA_WARPS; k++)
      sum += log(fmax((double)of_warps[k * OD_DIGITS + c], min_probability));
    logs[c] = (original_weight * log(fmax((double)probabilities[c], min_probability)) + sum) /
              (original_weight + OD_TTA_WARPS);
  }
  od_softmax_double(OD_DIGITS, logs, logs);
  for (int c = 0; c < OD_DIGITS; c++) probabilities[c] = (od_real)logs[c];
}
