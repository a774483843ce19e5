#include <math.h>

#include "nn/ops.h"

typedef struct statistics {
  double mean, inverse; /* 1 / deviation */
} statistics;

static statistics measure(const od_layer_norm_args *args, const od_real *x) {
  double mean = 0, variance = 0;
  for (size_t i = 0; i < args->c; i++) mean += (double)x[i];
  mean /= (double)args->c;
  for (size_t i = 0; i < args->c; i++) variance += ((double)x[i] - mean) * ((double)x[i] - mean);
  return (statistics){mean, 1 / sqrt(variance / (double)args->c + args->epsilon)};
}

void od_layer_norm_forward(const od_layer_norm_args *args) {
  const size_t c = args->c;
  for (size_t r = 0; r < args->rows; r++) {
    const od_real *x = args->x + r * c;
    const statistics of_row = measure(args, x);
    const od_real mean = (od_real)of_row.mean, inverse = (od_real)of_row.inverse;
    for (size_t i = 0; i < c; i++)
      args->y[r * c + i] = (x[i] - mean) * inverse * args->gamma[i] + args->beta[i];
  }
}

/* dx = inverse (g - mean of g - x^ times mean of (g x^)), where g = gamma dy. */
static void row_backward(const od_layer_norm_args *args, const od_real *x, const od_real *dy,
                         od_real *dx) {
  const statistics of_row = measure(args, x);
  const double c = (double)args->c;
  double sum = 0, product = 0;
  for (size_t i = 0; i < args->c; i++) {
    const double normal = ((double)x[i] - of_row.mean) * of_row.inverse;
    const double g = (double)args->gamma[i] * (double)dy[i];
    sum += g;
    product += g * normal;
    if (args->dgamma) {
      args->dgamma[i] += (od_real)((double)dy[i] * normal);
      args->dbeta[i] += dy[i];
    }
  }
  for (size_t i = 0; dx && i < args->c; i++) {
    const double normal = ((double)x[i] - of_row.mean) * of_row.inverse;
    const double g = (double)args->gamma[i] * (double)dy[i];
    dx[i] = (od_real)(of_row.inverse * (g - sum / c - normal * product / c));
  }
}

void od_layer_norm_backward(const od_layer_norm_args *args) {
  const size_t c = args->c;
  for (size_t r = 0; r < args->rows; r++)
    row_backward(args, args->x + r * c, args->dy + r * c, args->dx ? args->dx + r * c : NULL);
}
