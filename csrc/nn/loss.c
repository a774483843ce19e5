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

double od_cross_entropy(size_t n, const od_real *scores, size_t label, double smoothing,
                        double weight, od_real *gradient) {
  double largest = (double)scores[od_argmax(n, scores)];
  double log_sum = largest + log(exponentials(n, scores, gradient)), loss = 0;
  for (size_t i = 0; i < n; i++) {
    double log_probability = (double)scores[i] - log_sum;
    double target = (i == label ? 1 - smoothing : 0) + smoothing / (double)n;
    loss -= target * log_probability;
    gradient[i] = (od_real)(weight * (exp(log_probability) - target));
  }
  return loss;
}
