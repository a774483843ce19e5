/* Kernels that are plain loops: pooling, elementwise, per channel, optimizers. Each file of an
 * instruction set includes this one, so that the compiler vectorizes them for it; those of
 * scalar.c are the reference. The includer defines
 *
 *   OD_SQRT  the square root of an od_real
 *
 * and, before it uses OD_KERNEL_TABLE, all other kernels of the table. */
#if !defined(OD_SQRT)
#error "elementwise.inc.h: the includer must define OD_SQRT"
#endif

#include "base/math.h"
#include "kernels/activation.inc.h"
#include "kernels/depthwise.inc.h"
#include "kernels/vector.h"

static od_real positive(od_real x) { return x > 0 ? x : 0; }

static void relu(size_t n, const od_real *x, od_real *y) {
  for (size_t i = 0; i < n; i++) y[i] = positive(x[i]);
}

static void relu_backward(size_t n, const od_real *restrict y, od_real *restrict dy) {
  for (size_t i = 0; i < n; i++) dy[i] = y[i] > 0 ? dy[i] : 0;
}

static void add(size_t n, const od_real *restrict x, od_real *restrict y) {
  for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static void add_rows(size_t rows, size_t c, const od_real *restrict x, od_real *restrict sum) {
  for (size_t r = 0; r < rows; r++) add(c, x + r * c, sum);
}

static void scale_shift(size_t rows, size_t c, const od_real *x, const od_real *restrict scale,
                        const od_real *restrict shift, od_real *y, bool relu) {
  od_real floor = relu ? 0 : (od_real)-INFINITY;
  for (size_t r = 0; r < rows; r++)
    for (size_t i = 0; i < c; i++) {
      od_real value = x[r * c + i] * scale[i] + shift[i];
      y[r * c + i] = value > floor ? value : floor;
    }
}

static void column_sums(size_t rows, size_t c, const od_real *restrict x, double *restrict sums) {
  double *squares = sums + c;
  for (size_t r = 0; r < rows; r++, x += c)
    for (size_t i = 0; i < c; i++) {
      const double value = (double)x[i];
      sums[i] += value;
      squares[i] += value * value;
    }
}

static void column_products(size_t rows, size_t c, const od_real *restrict x,
                            const od_real *restrict dy, const double *restrict mean,
                            double *restrict sums) {
  double *products = sums + c;
  for (size_t r = 0; r < rows; r++, x += c, dy += c)
    for (size_t i = 0; i < c; i++) {
      const double gradient = (double)dy[i];
      sums[i] += gradient;
      products[i] += gradient * ((double)x[i] - mean[i]);
    }
}

static void channel_affine(size_t rows, size_t c, const od_channel_affine *affine,
                           const od_real *restrict x, const od_real *restrict dy,
                           od_real *restrict y) {
  const od_real *mean = affine->mean, *x_scale = affine->x_scale, *dy_scale = affine->dy_scale;
  const od_real *shift = affine->shift;
  for (size_t r = 0; r < rows; r++, x += c, y += c) {
    for (size_t i = 0; i < c; i++) y[i] = (x[i] - mean[i]) * x_scale[i] + shift[i];
    if (!dy) continue;
    for (size_t i = 0; i < c; i++) y[i] += dy[i] * dy_scale[i];
    dy += c;
  }
}

static void bytes_to_real(size_t n, const uint8_t *restrict x, od_real scale, od_real *restrict y) {
  for (size_t i = 0; i < n; i++) y[i] = (od_real)x[i] * scale;
}

static void max_pool_values(size_t c, const od_real *restrict top, const od_real *restrict bottom,
                            od_real floor, od_real *restrict y) {
  for (size_t i = 0; i < c; i++) {
    od_real best = top[i];
    best = top[c + i] > best ? top[c + i] : best;
    best = bottom[i] > best ? bottom[i] : best;
    best = bottom[c + i] > best ? bottom[c + i] : best;
    y[i] = best > floor ? best : floor;
  }
}

static void max_pool_argmax(size_t c, const od_real *restrict top, const od_real *restrict bottom,
                            od_real floor, od_real *restrict y, uint8_t *restrict argmax) {
  for (size_t i = 0; i < c; i++) {
    od_real best = top[i];
    int32_t which = 0;
    which = top[c + i] > best ? 1 : which;
    best = top[c + i] > best ? top[c + i] : best;
    which = bottom[i] > best ? 2 : which;
    best = bottom[i] > best ? bottom[i] : best;
    which = bottom[c + i] > best ? 3 : which;
    best = bottom[c + i] > best ? bottom[c + i] : best;
    which = best > floor ? which : 4;
    y[i] = best > floor ? best : floor;
    argmax[i] = (uint8_t)which;
  }
}

static void max_pool(size_t h, size_t w, size_t c, const od_real *x, od_real *y, uint8_t *argmax,
                     bool relu) {
  od_real floor = relu ? 0 : (od_real)-INFINITY;
  for (size_t row = 0; row < h / 2; row++)
    for (size_t column = 0; column < w / 2; column++) {
      const od_real *top = x + (2 * row * w + 2 * column) * c, *bottom = top + w * c;
      if (argmax) {
        max_pool_argmax(c, top, bottom, floor, y, argmax);
        argmax += c;
      } else {
        max_pool_values(c, top, bottom, floor, y);
      }
      y += c;
    }
}

/* dx = dy where argmax is `which`, else 0. */
static void select_argmax(size_t c, const od_real *restrict dy, const int32_t *restrict argmax,
                          int32_t which, od_real *restrict dx) {
  for (size_t i = 0; i < c; i++) dx[i] = argmax[i] == which ? dy[i] : 0;
}

static void max_pool_2x1(size_t n, const od_real *restrict top, const od_real *restrict bottom,
                         od_real *restrict y, uint8_t *restrict argmax) {
  for (size_t i = 0; i < n; i++) y[i] = bottom[i] > top[i] ? bottom[i] : top[i];
  for (size_t i = 0; argmax && i < n; i++) argmax[i] = bottom[i] > top[i];
}

static void max_unpool_2x1(size_t n, const od_real *restrict dy, const uint8_t *restrict argmax,
                           od_real *restrict dtop, od_real *restrict dbottom) {
  for (size_t i = 0; i < n; i++) {
    dtop[i] = argmax[i] ? 0 : dy[i];
    dbottom[i] = argmax[i] ? dy[i] : 0;
  }
}

static void max_unpool_row(size_t w, size_t c, const od_real *dy, const uint8_t *argmax,
                           od_real *dx_top, od_real *dx_bottom) {
  enum { CHANNELS = 64 };
  int32_t wide[CHANNELS]; /* of the width of dy, which vectorizes best */
  for (size_t column = 0; column < w / 2; column++) {
    for (size_t done = 0; done < c; done += CHANNELS) {
      size_t n = c - done < CHANNELS ? c - done : CHANNELS;
      for (size_t i = 0; i < n; i++) wide[i] = argmax[done + i];
      select_argmax(n, dy + done, wide, 0, dx_top + done);
      select_argmax(n, dy + done, wide, 1, dx_top + c + done);
      select_argmax(n, dy + done, wide, 2, dx_bottom + done);
      select_argmax(n, dy + done, wide, 3, dx_bottom + c + done);
    }
    dy += c;
    argmax += c;
    dx_top += 2 * c;
    dx_bottom += 2 * c;
  }
  for (size_t i = 0; i < w % 2 * c; i++) dx_top[i] = dx_bottom[i] = 0;
}

static void max_rows(size_t rows, size_t c, const od_real *restrict x, od_real *restrict y) {
  for (size_t r = 0; r < rows; r++)
    for (size_t i = 0; i < c; i++) y[i] = x[r * c + i] > y[i] ? x[r * c + i] : y[i];
}

static double squared_norm(size_t n, const od_real *x) {
  enum { SUMS = 16 }; /* independent sums, in a fixed order: they vectorise */
  double sums[SUMS] = {0}, total = 0;
  size_t i = 0;
  for (; i + SUMS <= n; i += SUMS)
    for (size_t k = 0; k < SUMS; k++) sums[k] += (double)x[i + k] * (double)x[i + k];
  for (; i < n; i++) sums[0] += (double)x[i] * (double)x[i];
  for (size_t k = 0; k < SUMS; k++) total += sums[k];
  return total;
}

static void adam(size_t n, const od_adam_step *step, const od_real *restrict gradient,
                 od_real *restrict mean, od_real *restrict square, od_real *restrict weight) {
  const od_adam_step s = *step;
  for (size_t i = 0; i < n; i++) {
    od_real g = gradient[i] * s.scale;
    mean[i] += (g - mean[i]) * (1 - s.beta1);
    square[i] += (g * g - square[i]) * (1 - s.beta2);
    weight[i] = weight[i] * s.shrink - s.rate * mean[i] / (OD_SQRT(square[i]) + s.epsilon);
  }
}

static void sgd(size_t n, const od_sgd_step *step, const od_real *restrict gradient,
                od_real *restrict velocity, od_real *restrict weight) {
  const od_sgd_step s = *step;
  for (size_t i = 0; i < n; i++) {
    velocity[i] = velocity[i] * s.momentum + gradient[i] * s.scale;
    weight[i] = weight[i] * s.shrink - s.rate * velocity[i];
  }
}

static void blend(size_t n, od_real keep, const od_real *restrict x, od_real *restrict y) {
  for (size_t i = 0; i < n; i++) y[i] = keep * y[i] + (1 - keep) * x[i];
}

/* The table of the kernels above and of those of the includer. */
#define OD_KERNEL_TABLE(NAME, FEATURES, BFLOAT16, INT8, IMAGE)                                  \
  {                                                                                             \
    .name = NAME, .features = FEATURES, .bfloat16 = BFLOAT16, .int8 = INT8, .gemm = gemm,       \
    .add_weighted = add_weighted, .match_bytes = match_bytes, .winograd_input = winograd_input, \
    .winograd_output = winograd_output, .winograd_output_pool = winograd_output_pool,           \
    .conv_max_pool = conv_max_pool, .conv_max_pool_gradient = conv_max_pool_gradient,           \
    .max_pool = max_pool, .max_unpool_row = max_unpool_row, .max_pool_2x1 = max_pool_2x1,       \
    .max_unpool_2x1 = max_unpool_2x1, .relu = relu, .relu_backward = relu_backward, .add = add, \
    .add_rows = add_rows, .scale_shift = scale_shift, .column_sums = column_sums,               \
    .column_products = column_products, .channel_affine = channel_affine,                       \
    .bytes_to_real = bytes_to_real, .squared_norm = squared_norm, .adam = adam, .sgd = sgd,     \
    .blend = blend, .max_rows = max_rows, .depthwise = depthwise,                               \
    .depthwise_backward = depthwise_backward, .depthwise_gradient = depthwise_gradient,         \
    .activate = activate, .activate_backward = activate_backward, .image = IMAGE                \
  }
