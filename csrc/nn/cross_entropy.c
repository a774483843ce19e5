#include <math.h>

#include "base/math.h"
#include "nn/ops.h"

/* One class's part of the loss, and the gradient of its score. */
static double class_loss(double log_probability, double target, double weight, od_real *gradient) {
  *gradient = (od_real)(weight * (exp(log_probability) - target));
  return -target * log_probability;
}

double od_cross_entropy(size_t n, const od_real *scores, size_t label, double smoothing,
                        double weight, od_real *gradient) {
  double log_sum = od_log_sum_exp(n, scores), loss = 0;
  for (size_t i = 0; i < n; i++) {
    double target = (i == label ? 1 - smoothing : 0) + smoothing / (double)n;
    loss += class_loss((double)scores[i] - log_sum, target, weight, gradient + i);
  }
  return loss;
}

double od_soft_cross_entropy(size_t n, const od_real *scores, const od_real *target,
                             double smoothing, double weight, od_real *gradient) {
  double log_sum = od_log_sum_exp(n, scores), loss = 0;
  for (size_t i = 0; i < n; i++) {
    double share = (1 - smoothing) * (double)target[i] + smoothing / (double)n;
    loss += class_loss((double)scores[i] - log_sum, share, weight, gradient + i);
  }
  return loss;
}
