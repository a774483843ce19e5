#include "digit/resample.h"

#include <math.h>

/* Tolerance for sums that should be integers. */
static const double rounding = 1e-6;

size_t od_resample_max_weights(int n) { return (size_t)n + 4 * OD_DIGIT_SIDE; }

void od_resample_fill(double origin, double ratio, int n, float *weights, od_resample_axis *axis) {
  for (int i = 0; i < OD_DIGIT_SIDE; i++) {
    const double half = fmax(ratio, 1) / 2, middle = origin + (i + 0.5) * ratio;
    const double begin = middle - half, end = middle + half;
    const int low = (int)floor(begin + rounding), high = (int)ceil(end - rounding);
    const int first = low > 0 ? low : 0, last = high < n ? high : n;
    axis->first[i] = first;
    axis->count[i] = last > first ? last - first : 0;
    axis->weights[i] = weights;
    for (int k = 0; k < axis->count[i]; k++) {
      const double left = fmax(begin, first + k), right = fmin(end, first + k + 1);
      *weights++ = (float)(fmax(0, right - left) / (2 * half));
    }
  }
}
