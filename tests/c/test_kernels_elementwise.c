/* kernels/: the elementwise and per-channel kernels and the optimizer steps of every table. */
#include "kernel_cases.h"

/* -- elementwise -- */

/* Lengths around the vector sizes, then longer ones. */
static size_t length(int i) { return i < 140 ? (size_t)i : draw(140, 2000); }
enum { LENGTHS = 200, MAX_LENGTH = 2000 };
static od_real want[MAX_LENGTH];

static void test_relu(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < LENGTHS; i++) {
      size_t n = length(i);
      CHECK_CASE("%s relu, %zu numbers", table(t)->name, n);
      od_real *x = random_block(&guard_a, n), *y = coin() ? x : block_of(&guard_c, n);
      bool equal = true;
      od_kernels_scalar.relu(n, x, want);
      for (size_t k = 0; k < n; k++) equal = equal && want[k] == (x[k] > 0 ? x[k] : 0);
      CHECK(equal);
      table(t)->relu(n, x, y);
      CHECK(same_bits(y, want, n * sizeof *y));
      CHECK(guard_intact(y == x ? &guard_a : &guard_c));
    }
}

static void test_relu_backward(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < LENGTHS; i++) {
      size_t n = length(i);
      CHECK_CASE("%s relu_backward, %zu numbers", table(t)->name, n);
      od_real *y = block_of(&guard_a, n), *dy = random_block(&guard_c, n);
      fill_with_ties(y, n);
      bool equal = true;
      memcpy(want, dy, n * sizeof *dy);
      od_kernels_scalar.relu_backward(n, y, want);
      for (size_t k = 0; k < n; k++) equal = equal && want[k] == (y[k] > 0 ? dy[k] : 0);
      CHECK(equal);
      table(t)->relu_backward(n, y, dy);
      CHECK(same_bits(dy, want, n * sizeof *dy));
      CHECK(guard_intact(&guard_c));
    }
}

static void test_add(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < LENGTHS; i++) {
      size_t n = length(i);
      CHECK_CASE("%s add, %zu numbers", table(t)->name, n);
      od_real *x = random_block(&guard_a, n), *y = random_block(&guard_c, n);
      bool equal = true;
      for (size_t k = 0; k < n; k++) want[k] = y[k] + x[k];
      table(t)->add(n, x, y);
      for (size_t k = 0; k < n; k++) equal = equal && y[k] == want[k];
      CHECK(equal);
      CHECK(guard_intact(&guard_c));
    }
}

static void test_add_rows(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < LENGTHS; i++) {
      size_t rows = draw(0, 20), c = draw(1, 70);
      CHECK_CASE("%s add_rows (%zu, %zu)", table(t)->name, rows, c);
      od_real *x = random_block(&guard_a, rows * c), *sum = random_block(&guard_c, c);
      fine exact[70], magnitude[70];
      for (size_t k = 0; k < c; k++) {
        exact[k] = sum[k], magnitude[k] = fabs((double)sum[k]);
        for (size_t r = 0; r < rows; r++)
          exact[k] += x[r * c + k], magnitude[k] += fabs((double)x[r * c + k]);
      }
      table(t)->add_rows(rows, c, x, sum);
      for (size_t k = 0; k < c; k++)
        CHECK_NEAR((double)((fine)sum[k] - exact[k]), 0,
                   (double)rows * ROUNDING * (double)magnitude[k]);
      CHECK(guard_intact(&guard_c));
    }
}

static void test_max_rows(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < LENGTHS; i++) {
      size_t rows = draw(0, 20), c = draw(1, 70);
      CHECK_CASE("%s max_rows (%zu, %zu)", table(t)->name, rows, c);
      od_real *x = random_block(&guard_a, rows * c), *y = random_block(&guard_c, c);
      for (size_t k = 0; k < c; k++) {
        want[k] = y[k];
        for (size_t r = 0; r < rows; r++) want[k] = x[r * c + k] > want[k] ? x[r * c + k] : want[k];
      }
      table(t)->max_rows(rows, c, x, y);
      CHECK(same_bits(y, want, c * sizeof *y));
      CHECK(guard_intact(&guard_c));
    }
}

/* The functions and their derivatives by the C library, in double. */
static double function_of(od_activation function, double alpha, double x) {
  const double scale = 1.0507009873554805, selu = 1.6732632423543772;
  switch (function) {
    case OD_LEAKY_RELU:
      return x < 0 ? alpha * x : x;
    case OD_RELU6:
      return fmin(fmax(x, 0), 6);
    case OD_ELU:
      return x < 0 ? alpha * expm1(x) : x;
    case OD_SELU:
      return scale * (x < 0 ? selu * expm1(x) : x);
    case OD_SIGMOID:
      return 1 / (1 + exp(-x));
    case OD_TANH:
      return tanh(x);
    default:
      return x / (1 + exp(-x));
  }
}

static double derivative_of(od_activation function, double alpha, double x) {
  const double scale = 1.0507009873554805, selu = 1.6732632423543772;
  const double s = 1 / (1 + exp(-x));
  switch (function) {
    case OD_LEAKY_RELU:
      return x > 0 ? 1 : alpha;
    case OD_RELU6:
      return x > 0 && x < 6;
    case OD_ELU:
      return x > 0 ? 1 : alpha * exp(x);
    case OD_SELU:
      return scale * (x > 0 ? 1 : selu * exp(x));
    case OD_SIGMOID:
      return s * (1 - s);
    case OD_TANH:
      return 1 - tanh(x) * tanh(x);
    default:
      return s + x * s * (1 - s);
  }
}

/* Within a few roundings, also near 0 and far from it; the same bits in every table. */
static void check_activation(const od_kernels *kernels, od_activation function, size_t n) {
  const double limits[] = {1e-6, 1, 8, 200}, limit = limits[draw(0, 3)];
  const od_real alpha = (od_real)(function == OD_ELU ? 1.3 : 0.2);
  CHECK_CASE("%s function %d of %zu numbers up to %g", kernels->name, (int)function, n, limit);
  od_real *x = block_of(&guard_a, n), *y = coin() ? x : block_of(&guard_c, n);
  static od_real kept[MAX_LENGTH], slopes[MAX_LENGTH];
  fill(x, n, -limit, limit);
  memcpy(kept, x, n * sizeof *x);
  od_kernels_scalar.activate(function, alpha, n, x, want);
  kernels->activate(function, alpha, n, x, y);
  CHECK(same_bits(y, want, n * sizeof *y));
  for (size_t k = 0; k < n; k++) {
    const double value = function_of(function, (double)alpha, (double)kept[k]);
    CHECK_NEAR(y[k], value, 8 * ROUNDING * fmax(fabs(value), 1e-28));
  }
  od_real *dy = random_block(&guard_b, n);
  memcpy(x, kept, n * sizeof *x);
  memcpy(slopes, dy, n * sizeof *dy);
  kernels->activate_backward(function, alpha, n, x, want, dy);
  for (size_t k = 0; k < n; k++) {
    const double slope = derivative_of(function, (double)alpha, (double)kept[k]);
    CHECK_NEAR(dy[k], (double)slopes[k] * slope, 30 * ROUNDING * fabs((double)slopes[k]));
  }
  od_kernels_scalar.activate_backward(function, alpha, n, x, want, slopes);
  CHECK(same_bits(dy, slopes, n * sizeof *dy));
  CHECK(guard_intact(&guard_b) && guard_intact(y == x ? &guard_a : &guard_c));
}

static void test_activations(void) {
  for (int t = 0; cases_of(t); t++)
    for (int function = 0; function < OD_ACTIVATIONS; function++)
      for (int i = 0; i < LENGTHS; i += 3)
        check_activation(table(t), (od_activation)function, length(i));
}

/* Numbers that are not, and the ends of the range. */
static void test_activations_of_extremes(void) {
  const od_real x[] = {-INFINITY, INFINITY, NAN, 0, -1000, 1000};
  od_real y[6];
  for (int t = 0; cases_of(t); t++) {
    CHECK_CASE("%s", table(t)->name);
    table(t)->activate(OD_SIGMOID, 0, 6, x, y);
    CHECK(y[0] >= 0 && y[0] < 1e-30 && y[1] == 1 && isnan(y[2]) && y[3] == (od_real)0.5);
    table(t)->activate(OD_TANH, 0, 6, x, y);
    CHECK(y[0] == -1 && y[1] == 1 && isnan(y[2]) && y[3] == 0 && y[4] == -1 && y[5] == 1);
    table(t)->activate(OD_ELU, 2, 6, x, y);
    CHECK(y[0] == -2 && y[1] == (od_real)INFINITY && isnan(y[2]) && y[3] == 0 && y[5] == 1000);
    table(t)->activate(OD_LEAKY_RELU, (od_real)0.5, 6, x, y);
    CHECK(isinf(y[0]) && isinf(y[1]) && isnan(y[2]) && y[3] == 0 && y[4] == -500 && y[5] == 1000);
  }
}

static void test_scale_shift(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < LENGTHS; i++) {
      size_t rows = draw(0, 9), c = draw(1, 70), n = rows * c;
      bool relu = coin();
      CHECK_CASE("%s scale_shift (%zu, %zu), relu %d", table(t)->name, rows, c, relu);
      od_real *x = random_block(&guard_a, n), *y = coin() ? x : block_of(&guard_c, n);
      od_real *scale = random_block(&guard_b, c), *shift = random_block(&guard_d, c);
      memcpy(want, x, n * sizeof *x);
      table(t)->scale_shift(rows, c, x, scale, shift, y, relu);
      for (size_t k = 0; k < n; k++) {
        double product = (double)want[k] * (double)scale[k % c], add = (double)shift[k % c];
        double value = product + add;
        CHECK_NEAR(y[k], relu && value < 0 ? 0 : value,
                   2.01 * ROUNDING * (fabs(product) + fabs(add)));
      }
      CHECK(guard_intact(y == x ? &guard_a : &guard_c));
    }
}

/* Both kinds of column sums: of x and x^2, or with `products` of dy and dy (x - mean). */
static void check_column_sums(const od_kernels *kernels, bool products) {
  size_t rows = draw(0, 9), c = draw(1, 70), n = rows * c;
  CHECK_CASE("%s column sums (%zu, %zu), products %d", kernels->name, rows, c, products);
  const od_real *x = random_block(&guard_a, n), *dy = random_block(&guard_b, n);
  double sums[140], exact[140], magnitude[140], mean[70];
  for (size_t k = 0; k < 2 * c; k++) exact[k] = sums[k] = od_rng_range(&rng, -2, 2);
  for (size_t k = 0; k < 2 * c; k++) magnitude[k] = fabs(sums[k]);
  for (size_t k = 0; k < c; k++) mean[k] = od_rng_range(&rng, -2, 2);
  for (size_t i = 0; i < n; i++) {
    const double value = (double)x[i], gradient = (double)dy[i];
    const double one = products ? gradient : value;
    const double two = products ? gradient * (value - mean[i % c]) : value * value;
    exact[i % c] += one, magnitude[i % c] += fabs(one);
    exact[c + i % c] += two, magnitude[c + i % c] += fabs(two);
  }
  if (products)
    kernels->column_products(rows, c, x, dy, mean, sums);
  else
    kernels->column_sums(rows, c, x, sums);
  for (size_t k = 0; k < 2 * c; k++) CHECK_NEAR(sums[k] - exact[k], 0, 1e-14 * magnitude[k]);
}

static void test_column_sums(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < LENGTHS; i++) check_column_sums(table(t), i % 2);
}

static void test_channel_affine(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < LENGTHS; i++) {
      size_t rows = draw(0, 9), c = draw(1, 70), n = rows * c;
      CHECK_CASE("%s channel_affine (%zu, %zu)", table(t)->name, rows, c);
      od_real *x = random_block(&guard_a, n), *dy = coin() ? random_block(&guard_b, n) : NULL;
      od_real *y = block_of(&guard_c, n), *numbers = random_block(&guard_d, 4 * c);
      const od_channel_affine affine = {.mean = numbers,
                                        .x_scale = numbers + c,
                                        .shift = numbers + 2 * c,
                                        .dy_scale = numbers + 3 * c};
      table(t)->channel_affine(rows, c, &affine, x, dy, y);
      for (size_t k = 0; k < n; k++) {
        const double shift = (double)affine.shift[k % c];
        const double x_term =
            ((double)x[k] - (double)affine.mean[k % c]) * (double)affine.x_scale[k % c];
        const double dy_term = dy ? (double)dy[k] * (double)affine.dy_scale[k % c] : 0;
        CHECK_NEAR(y[k], x_term + shift + dy_term,
                   4 * ROUNDING * (fabs(x_term) + fabs(shift) + fabs(dy_term)));
      }
      CHECK(guard_intact(&guard_c));
    }
}

static void test_bytes_to_real(void) {
  guard guard_bytes = guard_create(MAX_LENGTH);
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < LENGTHS; i++) {
      size_t n = length(i);
      CHECK_CASE("%s bytes_to_real, %zu numbers", table(t)->name, n);
      uint8_t *x = guard_block(&guard_bytes, n, side());
      for (size_t k = 0; k < n; k++) x[k] = (uint8_t)draw(0, 255);
      od_real scale = coin() ? (od_real)(1.0 / 255) : (od_real)od_rng_range(&rng, -2, 2);
      od_real *y = block_of(&guard_c, n);
      table(t)->bytes_to_real(n, x, scale, y);
      bool equal = true;
      for (size_t k = 0; k < n; k++) equal = equal && y[k] == (od_real)x[k] * scale;
      CHECK(equal);
      CHECK(guard_intact(&guard_c));
    }
  guard_destroy(&guard_bytes);
}

static void test_match_bytes(void) {
  guard guard_bytes = guard_create(64);
  for (int t = 0; cases_of(t); t++)
    for (size_t n = 0; n <= 64; n++)
      for (int i = 0; i < 20; i++) {
        uint8_t *bytes = guard_block(&guard_bytes, n, side()), value = (uint8_t)draw(0, 255);
        uint64_t matches = 0;
        CHECK_CASE("%s match_bytes, %zu bytes", table(t)->name, n);
        for (size_t k = 0; k < n; k++) {
          bytes[k] = coin() ? value : (uint8_t)draw(0, 255);
          matches |= (uint64_t)(bytes[k] == value) << k;
        }
        CHECK_WORD(table(t)->match_bytes(n, bytes, value), matches);
      }
  guard_destroy(&guard_bytes);
}

static void test_squared_norm(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < LENGTHS; i++) {
      size_t n = length(i);
      CHECK_CASE("%s squared_norm, %zu numbers", table(t)->name, n);
      const od_real *x = random_block(&guard_a, n);
      long double sum = 0;
      for (size_t k = 0; k < n; k++) sum += (long double)x[k] * (long double)x[k];
      CHECK_NEAR(table(t)->squared_norm(n, x), sum, (double)(n + 1) * 0x1p-53 * (double)sum);
    }
}

/* -- optimizer steps: bounds count each rounding of the formula -- */

static void test_adam(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < LENGTHS; i++) {
      size_t n = length(i);
      CHECK_CASE("%s adam, %zu numbers", table(t)->name, n);
      od_adam_step step = {.rate = (od_real)od_rng_range(&rng, 1e-4, 0.1),
                           .beta1 = (od_real)od_rng_range(&rng, 0.5, 0.95),
                           .beta2 = (od_real)od_rng_range(&rng, 0.9, 0.999),
                           .epsilon = (od_real)od_rng_range(&rng, 1e-8, 1e-3),
                           .shrink = coin() ? 1 : (od_real)od_rng_range(&rng, 0.9, 1),
                           .scale = coin() ? 1 : (od_real)od_rng_range(&rng, 0.1, 1)};
      od_real *gradient = random_block(&guard_a, n), *mean = random_block(&guard_b, n);
      od_real *square = block_of(&guard_c, n), *weight = random_block(&guard_d, n);
      for (size_t k = 0; k < n; k++) square[k] = coin() ? 0 : (od_real)od_rng_uniform(&rng);
      static od_real m[MAX_LENGTH], v[MAX_LENGTH], w[MAX_LENGTH];
      memcpy(m, mean, n * sizeof *m);
      memcpy(v, square, n * sizeof *v);
      memcpy(w, weight, n * sizeof *w);
      table(t)->adam(n, &step, gradient, mean, square, weight);
      for (size_t k = 0; k < n; k++) {
        double g = (double)gradient[k] * (double)step.scale;
        double b1 = (double)step.beta1, b2 = (double)step.beta2;
        double m1 = (double)m[k] + (g - (double)m[k]) * (1 - b1);
        double v1 = (double)v[k] + (g * g - (double)v[k]) * (1 - b2);
        double divisor = sqrt(v1) + (double)step.epsilon;
        double w1 = (double)w[k] * (double)step.shrink - (double)step.rate * m1 / divisor;
        double size = fabs((double)m[k]) + fabs(g);
        CHECK_NEAR(mean[k], m1, 6 * ROUNDING * size);
        CHECK_NEAR(square[k], v1, 8 * ROUNDING * ((double)v[k] + g * g));
        CHECK_NEAR(weight[k], w1,
                   20 * ROUNDING * (fabs((double)w[k]) + (double)step.rate * size / divisor));
      }
      CHECK(guard_intact(&guard_b) && guard_intact(&guard_c) && guard_intact(&guard_d));
    }
}

static void test_sgd(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < LENGTHS; i++) {
      size_t n = length(i);
      CHECK_CASE("%s sgd, %zu numbers", table(t)->name, n);
      od_sgd_step step = {.rate = (od_real)od_rng_range(&rng, 1e-3, 1),
                          .momentum = coin() ? 0 : (od_real)od_rng_range(&rng, 0.5, 0.99),
                          .shrink = coin() ? 1 : (od_real)od_rng_range(&rng, 0.9, 1),
                          .scale = coin() ? 1 : (od_real)od_rng_range(&rng, 0.1, 1)};
      od_real *gradient = random_block(&guard_a, n), *velocity = random_block(&guard_b, n);
      od_real *weight = random_block(&guard_c, n);
      static od_real v[MAX_LENGTH], w[MAX_LENGTH];
      memcpy(v, velocity, n * sizeof *v);
      memcpy(w, weight, n * sizeof *w);
      table(t)->sgd(n, &step, gradient, velocity, weight);
      for (size_t k = 0; k < n; k++) {
        double added = (double)gradient[k] * (double)step.scale;
        double kept = (double)v[k] * (double)step.momentum, v1 = kept + added;
        double size = fabs(kept) + fabs(added);
        CHECK_NEAR(velocity[k], v1, 3 * ROUNDING * size);
        CHECK_NEAR(weight[k], (double)w[k] * (double)step.shrink - (double)step.rate * v1,
                   6 * ROUNDING * (fabs((double)w[k]) + (double)step.rate * size));
      }
      CHECK(guard_intact(&guard_b) && guard_intact(&guard_c));
    }
}

static void test_blend(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < LENGTHS; i++) {
      size_t n = length(i);
      CHECK_CASE("%s blend, %zu numbers", table(t)->name, n);
      od_real keep = (od_real)od_rng_uniform(&rng);
      od_real *x = random_block(&guard_a, n), *y = random_block(&guard_c, n);
      memcpy(want, y, n * sizeof *y);
      table(t)->blend(n, keep, x, y);
      for (size_t k = 0; k < n; k++) {
        double old = (double)keep * (double)want[k], new = (1 - (double)keep) * (double)x[k];
        CHECK_NEAR(y[k], old + new, 4 * ROUNDING * (fabs(old) + fabs(new)));
      }
      CHECK(guard_intact(&guard_c));
    }
}

int main(void) {
  cases_begin();
  RUN(test_relu);
  RUN(test_relu_backward);
  RUN(test_add);
  RUN(test_add_rows);
  RUN(test_max_rows);
  RUN(test_activations);
  RUN(test_activations_of_extremes);
  RUN(test_scale_shift);
  RUN(test_column_sums);
  RUN(test_channel_affine);
  RUN(test_bytes_to_real);
  RUN(test_match_bytes);
  RUN(test_squared_norm);
  RUN(test_adam);
  RUN(test_sgd);
  RUN(test_blend);
  return cases_end();
}
