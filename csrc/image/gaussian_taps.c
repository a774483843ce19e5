#include <math.h>

#include "image/gaussian.h"

/* In 256ths, from the centre on. */
static const int small[][5] = {{256, 0, 0, 0, 0},
                               {128, 64, 0, 0, 0},
                               {96, 64, 16, 0, 0},
                               {72, 56, 28, 8, 0},
                               {60, 51, 30, 13, 4}};

void od_gaussian_taps(int n, double sigma, double *taps) {
  const int reach = n / 2;
  if (sigma <= 0 && n <= 9) {
    for (int k = 0; k <= reach; k++)
      taps[reach - k] = taps[reach + k] = (double)small[reach][k] / 256;
    return;
  }
  const double spread = sigma > 0 ? sigma : 0.15 * n + 0.35, scale = -0.5 / (spread * spread);
  double sum = 0; /* of one side, from the outermost in */
  for (int k = reach; k > 0; k--) {
    taps[reach - k] = exp(k * k * scale);
    sum += taps[reach - k];
  }
  const double centre = 1 / (2 * sum + 1);
  for (int k = 1; k <= reach; k++) taps[reach + k] = taps[reach - k] *= centre;
  taps[reach] = centre;
}
