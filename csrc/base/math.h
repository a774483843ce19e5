/* Small mathematics that several modules share: minimum and maximum, argmax, softmax, the
 * exponential and the logistic function. */
#ifndef OD_BASE_MATH_H
#define OD_BASE_MATH_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

static inline int od_min(int a, int b) { return a < b ? a : b; }
static inline int od_max(int a, int b) { return a > b ? a : b; }
static inline size_t od_min_size(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t od_max_size(size_t a, size_t b) { return a > b ? a : b; }

/* exp(x), x <= 0, with a relative error of less than 2^-20; vectorized by the compiler.
 * exp(x) = 2^n exp(r), where |r| <= log(2) / 2, and exp(r) is a polynomial (Cephes, expf.c). */
static inline od_real od_exp_negative(od_real x) {
#if defined(OD_DOUBLE)
  return exp(x);
#else
  const float round = 12582912; /* 1.5 * 2^23: the sum has n in its low bits */
  x = x < -87 ? -87 : x;
  const float shifted = x * 1.44269504f + round, n = shifted - round;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1;
  uint32_t power, bits;
  memcpy(&power, &shifted, sizeof power);
  memcpy(&bits, &p, sizeof bits);
  bits += power << 23;
  memcpy(&p, &bits, sizeof p);
  return x == x ? p : x;
#endif
}

/* Returns the index of the maximum of values (n), n >= 1; the first of equals. */
size_t od_argmax(size_t n, const od_real *values);
size_t od_argmax_double(size_t n, const double *values);

/* probabilities (n) = exp(score) / sum of exp(scores), of scores (n), which may be the same array.
 */
void od_softmax(size_t n, const od_real *scores, od_real *probabilities);
void od_softmax_double(size_t n, const double *scores, double *probabilities);

/* Returns log(sum of exp(scores)), of scores (n). */
double od_log_sum_exp(size_t n, const od_real *scores);

/* Returns log(exp(a) + exp(b)), without overflow. */
double od_log_add_exp(double a, double b);

/* Returns log(p / (1 - p)), with p and 1 - p at least `floor` > 0. */
double od_log_odds(double p, double floor);

/* Returns 1 / (1 + exp(-x)), the inverse of the log odds. */
double od_sigmoid(double x);

#endif
