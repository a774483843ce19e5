/* Activation functions and their derivatives: loops without branches, which the compiler
 * vectorizes. Included by elementwise.inc.h. */
#include "base/math.h"
#include "kernels/arguments.h"

/* 1 / (1 + exp(-x)). */
static inline od_real sigmoid_of(od_real x) {
  const od_real e = od_exp_negative(x < 0 ? x : -x), s = 1 / (1 + e);
  return x < 0 ? e * s : s;
}

/* Where exp(-2x) would lose digits, a polynomial (Cephes, tanhf.c). */
static inline od_real tanh_of(od_real x) {
#if defined(OD_DOUBLE)
  return tanh(x);
#else
  const float size = x < 0 ? -x : x, e = od_exp_negative(-2 * size), z = x * x;
  const float large = (1 - e) / (1 + e);
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  p = p * z * x + x;
  return size < 0.625f ? p : x < 0 ? -large : large;
#endif
}

/* exp(x) - 1, x <= 0, without loss of digits near 0: 2 t / (1 - t) with t = tanh(x / 2). */
static inline od_real exp_minus_one(od_real x) {
  const od_real t = tanh_of(x / 2);
  return 2 * t / (1 - t);
}

static inline od_real elu_of(od_real x, od_real alpha) {
  const od_real below = alpha * exp_minus_one(x < 0 ? x : 0);
  return x < 0 ? below : x;
}

static void activate(od_activation function, od_real alpha, size_t n, const od_real *x,
                     od_real *y) {
  const od_real scale = (od_real)OD_SELU_SCALE, selu_alpha = (od_real)OD_SELU_ALPHA;
  switch (function) {
    case OD_LEAKY_RELU:
      for (size_t i = 0; i < n; i++) y[i] = x[i] < 0 ? alpha * x[i] : x[i];
      break;
    case OD_RELU6:
      for (size_t i = 0; i < n; i++) y[i] = x[i] < 0 ? 0 : x[i] > 6 ? 6 : x[i];
      break;
    case OD_ELU:
      for (size_t i = 0; i < n; i++) y[i] = elu_of(x[i], alpha);
      break;
    case OD_SELU:
      for (size_t i = 0; i < n; i++) y[i] = scale * elu_of(x[i], selu_alpha);
      break;
    case OD_SIGMOID:
      for (size_t i = 0; i < n; i++) y[i] = sigmoid_of(x[i]);
      break;
    case OD_TANH:
      for (size_t i = 0; i < n; i++) y[i] = tanh_of(x[i]);
      break;
    case OD_SWISH:
      for (size_t i = 0; i < n; i++) y[i] = x[i] * sigmoid_of(x[i]);
      break;
    case OD_ACTIVATIONS:
      break;
  }
}

static void activate_backward(od_activation function, od_real alpha, size_t n,
                              const od_real *restrict x, const od_real *restrict y,
                              od_real *restrict dy) {
  const od_real scale = (od_real)OD_SELU_SCALE;
  const od_real below = (od_real)(OD_SELU_SCALE * OD_SELU_ALPHA);
  switch (function) {
    case OD_LEAKY_RELU:
      for (size_t i = 0; i < n; i++) dy[i] *= x[i] > 0 ? 1 : alpha;
      break;
    case OD_RELU6:
      for (size_t i = 0; i < n; i++) dy[i] = x[i] > 0 && x[i] < 6 ? dy[i] : 0;
      break;
    case OD_ELU:
      for (size_t i = 0; i < n; i++) dy[i] *= x[i] > 0 ? 1 : y[i] + alpha;
      break;
    case OD_SELU:
      for (size_t i = 0; i < n; i++) dy[i] *= x[i] > 0 ? scale : y[i] + below;
      break;
    case OD_SIGMOID:
      for (size_t i = 0; i < n; i++) dy[i] *= y[i] * (1 - y[i]);
      break;
    case OD_TANH:
      for (size_t i = 0; i < n; i++) dy[i] *= 1 - y[i] * y[i];
      break;
    case OD_SWISH:
      for (size_t i = 0; i < n; i++) {
        const od_real s = sigmoid_of(x[i]);
        dy[i] *= s + y[i] * (1 - s);
      }
      break;
    case OD_ACTIVATIONS:
      break;
  }
}
