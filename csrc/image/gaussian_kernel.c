#include <math.h>

#include "image/gaussian_kernel.h"

/* Taps in 256ths, from the centre outward, for n = 1, 3, 5, 7, 9. */
static const int small[][5] = {{256, 0, 0, 0, 0},
                               {128, 64, 0, 0, 0},
                               {96, 64, 16, 0, 0},
                               {72, 56, 28, 8, 0},
                               {60, 51, 30, 13, 4}};

void od_gaussian_kernel(int n, double sigma, double *taps) {
  const int radius = n / 2;
  if (sigma <= 0 && n <= 9) {
    for (int k = 0; k <= radius; k++)
      taps[radius - k] = taps[radius + k] = (double)small[radius][k] / 256;
    return;
  }
  const double s = sigma > 0 ? sigma : 0.15 * n + 0.35, scale = -0.5 / (s * s);
  double sum = 0; /* of one side, from the outermost tap inward */
  for (int k = radius; k > 0; k--) {
    taps[radius - k] = exp(k * k * scale);
    sum += taps[radius - k];
  }
  const double centre = 1 / (2 * sum + 1);
  for (int k = 1; k <= radius; k++) taps[radius + k] = taps[radius - k] *= centre;
  taps[radius] = centre;
}
