#include <math.h>

#include "nn/ops.h"

size_t od_argmax(size_t n, const od_real *scores) {
  size_t best = 0;
  for (size_t i = 1; i < n; i++)
    if (scores[i] > scores[best]) best = i;
  return best;
}

/* exp(scores - largest) into `values`; returns their sum. */
static double exponentials(size_t n, const od_real *scores, od_real *values) {
  od_real largest = scores[od_argmax(n, scores)];
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    values[i] = (od_real)exp((double)(scores[i] - largest));
    sum += (double)values[i];
  }
  return sum;
}

void od_softmax(size_t n, const od_real *scores, od_real *probabilities) {
  double sum = exponentials(n, scores, probabilities);
  for (size_t i = 0; i < n; i++) probabilities[i] = (od_real)((double)probabilities[i] / sum);
}

/* log of the sum of exp(scores); `scratch` (n). */
static double log_sum_of(size_t n, const od_real *scores, od_real *scratch) {
  double largest = (double)scores[od_argmax(n, scores)];
  return largest + log(exponentials(n, scores, scratch));
}

/* One class's part of the loss, and the gradient of its score. */
static double class_loss(double log_probability, double target, double weight,
                         od_real *gradient) {
  *gradient = (od_real)(weight * (exp(log_probability) - target));
  return -target * log_probability;
}

double od_cross_entropy(size_t n, const od_real *scores, size_t label, double smoothing,
                        double weight, od_real *gradient) {
  double log_sum = log_sum_of(n, scores, gradient), loss = 0;
  for (size_t i = 0; i < n; i++) {
    double target = (i == label ? 1 - smoothing : 0) + smoothing / (double)n;
    loss += class_loss((double)scores[i] - log_sum, target, weight, gradient + i);
  }
  return loss;
}

double od_soft_cross_entropy(size_t n, const od_real *scores, const od_real *target,
                             double smoothing, double weight, od_real *gradient) {
  double log_sum = log_sum_of(n, scores, gradient), loss = 0;
  for (size_t i = 0; i < n; i++) {
    double share = (1 - smoothing) * (double)target[i] + smoothing / (double)n;
    loss += class_loss((double)scores[i] - log_sum, share, weight, gradient + i);
  }
  return loss;
}
