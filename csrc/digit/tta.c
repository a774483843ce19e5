#include "digit/tta.h"

#include <math.h>
#include <string.h>

#include "base/math.h"

enum { SIDE = OD_DIGIT_SIDE, MARGIN = 3, PADDED = SIDE + 2 * MARGIN };

static const double original_weight = 2;      /* warped copies that the image itself counts for */
static const double min_probability = 1e-7;   /* before the logarithm */

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

/* The image with a margin of zeros, which no warp reaches beyond. */
typedef struct padded_image {
  od_real pixels[PADDED * PADDED];
} padded_image;

static void pad(const od_real *image, padded_image *padded) {
  memset(padded, 0, sizeof *padded);
  for (int y = 0; y < SIDE; y++)
    memcpy(padded->pixels + (y + MARGIN) * PADDED + MARGIN, image + y * SIDE,
           SIDE * sizeof *image);
}

/* The image at (y, x), linear between its pixels; at most MARGIN outside. */
static od_real sample(const padded_image *padded, double y, double x) {
  const int top = (int)(y + MARGIN) - MARGIN, left = (int)(x + MARGIN) - MARGIN;
  const double upper = 1 - (y - top), lower = 1 - (top + 1 - y);
  const double before = 1 - (x - left), after = 1 - (left + 1 - x);
  const od_real *corner = padded->pixels + (top + MARGIN) * PADDED + left + MARGIN;
  return corner[0] * (od_real)(upper * before) + corner[1] * (od_real)(upper * after) +
         corner[PADDED] * (od_real)(lower * before) + corner[PADDED + 1] * (od_real)(lower * after);
}

void od_tta_warp(const od_real *image, od_real scale, od_real *warped) {
  const double centre = (SIDE - 1) / 2.0;
  padded_image padded;
  pad(image, &padded);
  for (int k = 0; k < OD_TTA_WARPS; k++)
    for (int y = 0; y < SIDE; y++)
      for (int x = 0; x < SIDE; x++) {
        const double *m = warps[k], dy = y - centre, dx = x - centre;
        const double source_y = m[0] * dy + m[1] * dx + centre;
        const double source_x = m[2] * dy + m[3] * dx + centre;
        *warped++ = sample(&padded, source_y, source_x) * scale;
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
