/* Batch normalisation (Ioffe and Szegedy, 2015). Statistics are summed in double. */
#include <string.h>

#include "nn/ops.h"

void od_batch_norm_sums(size_t rows, size_t c, const od_real *x, double *sums) {
  memset(sums, 0, 2 * c * sizeof *sums);
  for (size_t r = 0; r < rows; r++, x += c)
    for (size_t i = 0; i < c; i++) {
      double value = (double)x[i];
      sums[i] += value;
      sums[c + i] += value * value;
    }
}

void od_batch_norm_backward_sums(size_t rows, size_t c, const od_real *x, const od_real *dy,
                                 const double *mean, const double *inverse, double *sums) {
  memset(sums, 0, 2 * c * sizeof *sums);
  for (size_t r = 0; r < rows; r++, x += c, dy += c)
    for (size_t i = 0; i < c; i++) {
      double gradient = (double)dy[i];
      sums[i] += gradient;
      sums[c + i] += gradient * ((double)x[i] - mean[i]) * inverse[i];
    }
}

void od_batch_norm_backward(size_t rows, size_t c, const od_real *x, const od_real *dy,
                            const double *mean, const double *inverse, const od_real *gamma,
                            const double *sums, double count, od_real *dx) {
  for (size_t r = 0; r < rows; r++, x += c, dy += c, dx += c)
    for (size_t i = 0; i < c; i++) {
      double normal = ((double)x[i] - mean[i]) * inverse[i];
      double centred = (double)dy[i] - sums[i] / count - normal * sums[c + i] / count;
      dx[i] = (od_real)((double)gamma[i] * inverse[i] * centred);
    }
}
