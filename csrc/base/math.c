#include "base/math.h"

#include <math.h>

size_t od_argmax(size_t n, const od_real *values) {
  size_t best = 0;
  for (size_t i = 1; i < n; i++)
    if (values[i] > values[best]) best = i;
  return best;
}

size_t od_argmax_double(size_t n, const double *values) {
  size_t best = 0;
  for (size_t i = 1; i < n; i++)
    if (values[i] > values[best]) best = i;
  return best;
}

void od_softmax(size_t n, const od_real *scores, od_real *probabilities) {
  const od_real max = scores[od_argmax(n, scores)];
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    probabilities[i] = (od_real)exp((double)(scores[i] - max));
    sum += (double)probabilities[i];
  }
  for (size_t i = 0; i < n; i++) probabilities[i] = (od_real)((double)probabilities[i] / sum);
}

void od_softmax_double(size_t n, const double *scores, double *probabilities) {
  const double max = scores[od_argmax_double(n, scores)];
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += probabilities[i] = exp(scores[i] - max);
  for (size_t i = 0; i < n; i++) probabilities[i] /= sum;
}

double od_log_sum_exp(size_t n, const od_real *scores) {
  const od_real max = scores[od_argmax(n, scores)];
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (double)(od_real)exp((double)(scores[i] - max));
  return (double)max + log(sum);
}

double od_log_add_exp(double a, double b) { return fmax(a, b) + log1p(exp(-fabs(a - b))); }

double od_log_odds(double p, double floor) { return log(fmax(p, floor)) - log(fmax(1 - p, floor)); }

double od_sigmoid(double x) { return 1 / (1 + exp(-x)); }
