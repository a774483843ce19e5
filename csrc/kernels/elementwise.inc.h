/* Kernels that are plain loops. Each kernels_*.c includes this file once, so the
 * compiler vectorises them for that file's instruction set; kernels_scalar.c's
 * copies are the reference. Only for those files: everything here is static. */

#include "kernels/unroll.h"

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
                            const od_real *restrict dy, const double *restrict middle,
                            double *restrict sums) {
  double *products = sums + c;
  for (size_t r = 0; r < rows; r++, x += c, dy += c)
    for (size_t i = 0; i < c; i++) {
      const double gradient = (double)dy[i];
      sums[i] += gradient;
      products[i] += gradient * ((double)x[i] - middle[i]);
    }
}

static void add_lines(size_t rows, size_t c, const od_channel_affine *lines, const od_real *restrict x,
                      const od_real *restrict dy, od_real *restrict y) {
  const od_real *middle = lines->middle, *of_x = lines->of_x, *of_dy = lines->of_dy;
  const od_real *shift = lines->shift;
  for (size_t r = 0; r < rows; r++, x += c, y += c) {
    for (size_t i = 0; i < c; i++) y[i] = (x[i] - middle[i]) * of_x[i] + shift[i];
    if (!dy) continue;
    for (size_t i = 0; i < c; i++) y[i] += dy[i] * of_dy[i];
    dy += c;
  }
}

static void bytes_to_real(size_t n, const uint8_t *restrict x, od_real scale,
                          od_real *restrict y) {
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

static void max_pool_choices(size_t c, const od_real *restrict top, const od_real *restrict bottom,
                             od_real floor, od_real *restrict y, uint8_t *restrict choice) {
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
    choice[i] = (uint8_t)which;
  }
}

static void max_pool(size_t h, size_t w, size_t c, const od_real *x, od_real *y, uint8_t *choice,
                     bool relu) {
  od_real floor = relu ? 0 : (od_real)-INFINITY;
  for (size_t row = 0; row < h / 2; row++)
    for (size_t column = 0; column < w / 2; column++) {
      const od_real *top = x + (2 * row * w + 2 * column) * c, *bottom = top + w * c;
      if (choice) {
        max_pool_choices(c, top, bottom, floor, y, choice);
        choice += c;
      } else {
        max_pool_values(c, top, bottom, floor, y);
      }
      y += c;
    }
}

/* dx = dy where `choice` is `which`, else 0. */
static void choose(size_t c, const od_real *restrict dy, const int32_t *restrict choice,
                   int32_t which, od_real *restrict dx) {
  for (size_t i = 0; i < c; i++) dx[i] = choice[i] == which ? dy[i] : 0;
}

static void max_rows(size_t n, const od_real *restrict top, const od_real *restrict bottom,
                     od_real *restrict y, uint8_t *restrict choice) {
  for (size_t i = 0; i < n; i++) y[i] = bottom[i] > top[i] ? bottom[i] : top[i];
  for (size_t i = 0; choice && i < n; i++) choice[i] = bottom[i] > top[i];
}

static void max_rows_backward(size_t n, const od_real *restrict dy, const uint8_t *restrict choice,
                              od_real *restrict dtop, od_real *restrict dbottom) {
  for (size_t i = 0; i < n; i++) {
    dtop[i] = choice[i] ? 0 : dy[i];
    dbottom[i] = choice[i] ? dy[i] : 0;
  }
}

static void max_unpool_row(size_t w, size_t c, const od_real *dy, const uint8_t *choice,
                           od_real *dx_top, od_real *dx_bottom) {
  enum { CHANNELS = 64 };
  int32_t wide[CHANNELS]; /* of the width of dy, which vectorises best */
  for (size_t column = 0; column < w / 2; column++) {
    for (size_t done = 0; done < c; done += CHANNELS) {
      size_t n = c - done < CHANNELS ? c - done : CHANNELS;
      for (size_t i = 0; i < n; i++) wide[i] = choice[done + i];
      choose(n, dy + done, wide, 0, dx_top + done);
      choose(n, dy + done, wide, 1, dx_top + c + done);
      choose(n, dy + done, wide, 2, dx_bottom + done);
      choose(n, dy + done, wide, 3, dx_bottom + c + done);
    }
    dy += c;
    choice += c;
    dx_top += 2 * c;
    dx_bottom += 2 * c;
  }
  for (size_t i = 0; i < w % 2 * c; i++) dx_top[i] = dx_bottom[i] = 0;
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

/* A table of the loops above around the file's own gemm. */
#define OD_KERNEL_TABLE(NAME, FEATURES, BFLOAT, BYTES)                                      \
  {.name = NAME,                                                                            \
   .features = FEATURES,                                                                    \
   .bfloat = BFLOAT,                                                                        \
   .bytes = BYTES,                                                                          \
   .gemm = gemm,                                                                            \
   .add_weighted = add_weighted,                                                            \
   .match_bytes = match_bytes,                                                              \
   .winograd_input = winograd_input,                                                        \
   .winograd_output = winograd_output,                                                      \
   .winograd_output_pool = winograd_output_pool,                                            \
   .pooled_forward = pooled_forward,                                                        \
   .pooled_gradient = pooled_gradient,                                                      \
   .max_pool = max_pool,                                                                    \
   .max_unpool_row = max_unpool_row,                                                        \
   .max_rows = max_rows,                                                                    \
   .max_rows_backward = max_rows_backward,                                                  \
   .relu = relu,                                                                            \
   .relu_backward = relu_backward,                                                          \
   .add = add,                                                                              \
   .add_rows = add_rows,                                                                    \
   .scale_shift = scale_shift,                                                              \
   .column_sums = column_sums,                                                              \
   .column_products = column_products,                                                      \
   .add_lines = add_lines,                                                                  \
   .bytes_to_real = bytes_to_real,                                                          \
   .squared_norm = squared_norm,                                                            \
   .adam = adam,                                                                            \
   .sgd = sgd,                                                                              \
   .blend = blend,                                                                          \
   .image = OD_IMAGE_KERNEL_TABLE}
