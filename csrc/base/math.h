/* Small mathematics that several modules share: minimum and maximum, argmax, softmax and the
 * logistic function. */
#ifndef OD_BASE_MATH_H
#define OD_BASE_MATH_H

#include <stddef.h>

#include "base/memory.h"

static inline int od_min(int a, int b) { return a < b ? a : b; }
static inline int od_max(int a, int b) { return a > b ? a : b; }
static inline size_t od_min_size(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t od_max_size(size_t a, size_t b) { return a > b ? a : b; }

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
