/* kernels/: the image kernels. Every table gives the bits of the scalar one, which is checked
 * against plain definitions. */
#include "kernel_cases.h"

enum { CASES = 400, MAX_LENGTH = 700, MAX_TAPS = 41 };

static guard guard_x, guard_y, guard_z, guard_w;
static const od_image_kernels *const reference = &od_kernels_scalar.image;

static size_t row_length(int i) { return i < 200 ? (size_t)i : draw(200, MAX_LENGTH); }

static uint8_t *random_bytes(guard *g, size_t n) {
  uint8_t *x = guard_block(g, n, side());
  const size_t low = draw(0, 255), high = coin() ? 255 : draw(low, 255);
  for (size_t i = 0; i < n; i++) x[i] = (uint8_t)draw(coin() ? low : 0, high);
  return x;
}

/* Checks that a kernel has written `want` to y (bytes) and nothing beside it. */
static void check_bytes(const void *y, const void *want, size_t bytes, const guard *g) {
  CHECK(same_bits(y, want, bytes));
  CHECK(guard_intact(g));
}

static void test_gray(void) {
  const uint16_t weights[3] = {9798, 19235, 3735};
  static uint8_t want[MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i);
      CHECK_CASE("%s gray, %zu pixels", table(t)->name, n);
      const uint8_t *x = random_bytes(&guard_x, 3 * n);
      uint8_t *y = guard_block(&guard_y, n, side());
      for (size_t k = 0; k < n; k++)
        want[k] =
            (uint8_t)((9798u * x[3 * k] + 19235u * x[3 * k + 1] + 3735u * x[3 * k + 2] + 16384u) >>
                      15);
      table(t)->image.gray(n, x, weights, y);
      check_bytes(y, want, n, &guard_y);
    }
}

static void test_gray_over(void) {
  const uint16_t weights[3] = {3735, 19235, 9798};
  static uint8_t want[MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i);
      const uint8_t background = (uint8_t)draw(0, 255);
      CHECK_CASE("%s gray_over, %zu pixels", table(t)->name, n);
      const uint8_t *x = random_bytes(&guard_x, 4 * n);
      uint8_t *y = guard_block(&guard_y, n, side());
      for (size_t k = 0; k < n; k++) {
        const uint32_t alpha = x[4 * k + 3];
        uint32_t sum = 16384;
        for (size_t c = 0; c < 3; c++)
          sum += weights[c] * ((alpha * x[4 * k + c] + (255 - alpha) * background + 127) / 255);
        want[k] = (uint8_t)(sum >> 15);
      }
      table(t)->image.gray_over(n, x, weights, background, y);
      check_bytes(y, want, n, &guard_y);
    }
}

static void test_threshold(void) {
  static uint8_t want[MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i);
      const uint8_t at = (uint8_t)draw(0, 255), above = (uint8_t)draw(0, 255);
      const uint8_t below = (uint8_t)draw(0, 255);
      CHECK_CASE("%s threshold, %zu pixels", table(t)->name, n);
      uint8_t *x = random_bytes(&guard_y, n), *y = x; /* in place */
      for (size_t k = 0; k < n; k++) want[k] = x[k] > at ? above : below;
      table(t)->image.threshold(n, x, at, above, below, y);
      check_bytes(y, want, n, &guard_y);
    }
}

static void test_adaptive_threshold(void) {
  static uint8_t want[MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i);
      const int bound = (int)draw(0, 511) - 256;
      CHECK_CASE("%s adaptive_threshold %d, %zu pixels", table(t)->name, bound, n);
      const uint8_t *x = random_bytes(&guard_x, n);
      uint8_t *mean = random_bytes(&guard_y, n);
      for (size_t k = 0; k < n; k++) want[k] = x[k] - mean[k] > bound ? 200 : 7;
      table(t)->image.adaptive_threshold(n, x, mean, bound, 200, 7, mean);
      check_bytes(mean, want, n, &guard_y);
    }
}

static void test_move_sums(void) {
  static uint32_t wide[MAX_LENGTH];
  static uint16_t half_wide[MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i);
      CHECK_CASE("%s move_sums, %zu", table(t)->name, n);
      const uint8_t *plus = random_bytes(&guard_x, n), *minus = random_bytes(&guard_w, n);
      uint16_t *y = guard_block(&guard_y, n * sizeof *y, side());
      uint32_t *z = guard_block(&guard_z, n * sizeof *z, side());
      for (size_t k = 0; k < n; k++) {
        y[k] = (uint16_t)draw(255, 60000);
        z[k] = (uint32_t)draw(255, 600000);
        half_wide[k] = (uint16_t)(y[k] + plus[k] - minus[k]);
        wide[k] = z[k] + plus[k] - minus[k];
      }
      table(t)->image.move_sums16(n, plus, minus, y);
      table(t)->image.move_sums32(n, plus, minus, z);
      check_bytes(y, half_wide, n * sizeof *y, &guard_y);
      check_bytes(z, wide, n * sizeof *z, &guard_z);
    }
}

static void test_window_sums(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = draw(1, 200), length = 2 * draw(1, 40) + 1, all = n + length - 1;
      CHECK_CASE("%s window_sums of %zu, %zu", table(t)->name, length, n);
      uint16_t *x = guard_block(&guard_x, all * sizeof *x, side());
      uint16_t *y = guard_block(&guard_y, all * sizeof *y, side());
      uint32_t *wide = guard_block(&guard_w, all * sizeof *wide, side());
      uint32_t *z = guard_block(&guard_z, all * sizeof *z, side());
      for (size_t k = 0; k < all; k++) wide[k] = x[k] = (uint16_t)draw(0, 65535 / length);
      table(t)->image.window_sums16(n, length, x, y);
      table(t)->image.window_sums32(n, length, wide, z);
      bool equal = true;
      for (size_t k = 0; k < n; k++) {
        uint32_t sum = 0;
        for (size_t m = 0; m < length; m++) sum += x[k + m];
        equal = equal && y[k] == sum && z[k] == sum;
      }
      CHECK(equal);
      CHECK(guard_intact(&guard_y));
      CHECK(guard_intact(&guard_z));
    }
}

static void test_means(void) {
  static uint8_t want[MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i);
      const uint32_t area = (uint32_t)draw(1, 16 * 16);
      const float scale = 1.0f / (float)area;
      CHECK_CASE("%s means of %u, %zu", table(t)->name, area, n);
      uint16_t *x = guard_block(&guard_x, n * sizeof *x, side());
      uint32_t *wide = guard_block(&guard_w, n * sizeof *wide, side());
      uint8_t *y = guard_block(&guard_y, n, side()), *z = guard_block(&guard_z, n, side());
      for (size_t k = 0; k < n; k++) {
        wide[k] = x[k] = (uint16_t)draw(0, 255 * area);
        want[k] = (uint8_t)lrintf((float)x[k] * scale);
      }
      table(t)->image.means16(n, x, scale, y);
      table(t)->image.means32(n, wide, scale, z);
      check_bytes(y, want, n, &guard_y);
      check_bytes(z, want, n, &guard_z);
    }
}

static void test_min_and_max_of_rows(void) {
  static uint8_t low[MAX_LENGTH], high[MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i), count = draw(1, 20);
      const uint8_t *rows[20];
      CHECK_CASE("%s min and max of %zu rows, %zu", table(t)->name, count, n);
      const uint8_t *x = random_bytes(&guard_x, n + 40);
      for (size_t k = 0; k < count; k++) rows[k] = x + draw(0, 40);
      for (size_t k = 0; k < n; k++) {
        low[k] = high[k] = rows[0][k];
        for (size_t m = 1; m < count; m++) {
          low[k] = rows[m][k] < low[k] ? rows[m][k] : low[k];
          high[k] = rows[m][k] > high[k] ? rows[m][k] : high[k];
        }
      }
      uint8_t *y = guard_block(&guard_y, n, side());
      table(t)->image.min_of_rows(n, count, rows, y);
      check_bytes(y, low, n, &guard_y);
      table(t)->image.max_of_rows(n, count, rows, y);
      check_bytes(y, high, n, &guard_y);
    }
}

static void test_resize_horizontal(void) {
  static uint16_t want[MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i), w = draw(2, 400);
      CHECK_CASE("%s resize_horizontal of %zu to %zu", table(t)->name, w, n);
      const uint8_t *x = random_bytes(&guard_x, w);
      uint16_t *first = guard_block(&guard_z, n * sizeof *first, side());
      int16_t *weights = guard_block(&guard_w, 2 * n * sizeof *weights, side());
      const bool any_order = draw(0, 9) == 0;
      for (size_t k = 0; k < n; k++) {
        const size_t place = any_order ? draw(0, w - 2) : k * w / n;
        first[k] = (uint16_t)(place < w - 2 ? place : w - 2);
        weights[2 * k] = (int16_t)draw(0, 2048);
        weights[2 * k + 1] = (int16_t)(2048 - weights[2 * k]);
        want[k] =
            (uint16_t)((x[first[k]] * weights[2 * k] + x[first[k] + 1] * weights[2 * k + 1]) >> 4);
      }
      if (any_order) { /* callers pass rising places only */
        for (size_t k = 1; k < n; k++) first[k] = first[k] < first[k - 1] ? first[k - 1] : first[k];
        for (size_t k = 0; k < n; k++)
          want[k] =
              (uint16_t)((x[first[k]] * weights[2 * k] + x[first[k] + 1] * weights[2 * k + 1]) >>
                         4);
      }
      uint16_t *y = guard_block(&guard_y, n * sizeof *y, side());
      table(t)->image.resize_horizontal(n, w, x, first, weights, y);
      check_bytes(y, want, n * sizeof *y, &guard_y);
    }
}

static void test_resize_vertical(void) {
  static uint8_t want[MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i);
      const uint32_t weight = (uint32_t)draw(0, 2048);
      CHECK_CASE("%s resize_vertical, %zu", table(t)->name, n);
      uint16_t *top = guard_block(&guard_x, n * sizeof *top, side());
      uint16_t *bottom = guard_block(&guard_w, n * sizeof *bottom, side());
      for (size_t k = 0; k < n; k++) {
        top[k] = (uint16_t)draw(0, 255 * 128);
        bottom[k] = (uint16_t)draw(0, 255 * 128);
        want[k] =
            (uint8_t)(((top[k] * weight >> 16) + (bottom[k] * (2048 - weight) >> 16) + 2) >> 2);
      }
      uint8_t *y = guard_block(&guard_y, n, side());
      table(t)->image.resize_vertical(n, top, bottom, (uint16_t)weight, (uint16_t)(2048 - weight),
                                      y);
      check_bytes(y, want, n, &guard_y);
    }
}

static void test_halve(void) {
  static uint8_t want[MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i);
      CHECK_CASE("%s halve, %zu", table(t)->name, n);
      const uint8_t *top = random_bytes(&guard_x, 2 * n), *bottom = random_bytes(&guard_w, 2 * n);
      uint8_t *y = guard_block(&guard_y, n, side());
      for (size_t k = 0; k < n; k++)
        want[k] =
            (uint8_t)((top[2 * k] + top[2 * k + 1] + bottom[2 * k] + bottom[2 * k + 1] + 2) / 4);
      table(t)->image.halve(n, top, bottom, y);
      check_bytes(y, want, n, &guard_y);
    }
}

static void test_scale(void) {
  static uint8_t want[MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i);
      const float scale = (float)od_rng_range(&rng, 0, 4),
                  shift = (float)od_rng_range(&rng, -300, 300);
      CHECK_CASE("%s scale by %g and %g, %zu", table(t)->name, (double)scale, (double)shift, n);
      const uint8_t *x = random_bytes(&guard_x, n);
      uint8_t *y = guard_block(&guard_y, n, side());
      for (size_t k = 0; k < n; k++) {
        const float level = fmaf(x[k], scale, shift);
        want[k] = (uint8_t)lrintf(level < 0 ? 0 : level > 255 ? 255 : level);
      }
      table(t)->image.scale(n, x, scale, shift, y);
      check_bytes(y, want, n, &guard_y);
    }
}

static void test_min_max(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i);
      CHECK_CASE("%s min_max, %zu", table(t)->name, n);
      const uint8_t *x = random_bytes(&guard_x, n);
      uint8_t range[2] = {(uint8_t)draw(0, 255), (uint8_t)draw(0, 255)};
      uint8_t want[2] = {range[0], range[1]};
      for (size_t k = 0; k < n; k++) {
        want[0] = x[k] < want[0] ? x[k] : want[0];
        want[1] = x[k] > want[1] ? x[k] : want[1];
      }
      table(t)->image.min_max(n, x, range);
      CHECK(same_bits(range, want, sizeof range));
    }
}

static void test_moments(void) {
  for (int t = 0; cases_of(t); t++)
    for (size_t n = 0; n <= 64; n++) {
      uint32_t sums[4], want[4] = {0};
      CHECK_CASE("%s moments, %zu", table(t)->name, n);
      uint8_t *x = random_bytes(&guard_x, n);
      if (n % 4 == 0) memset(x, 255, n);
      for (size_t k = 0; k < n; k++)
        for (size_t p = 0, power = x[k]; p < 4; p++, power *= k) want[p] += (uint32_t)power;
      table(t)->image.moments(n, x, sums);
      CHECK(same_bits(sums, want, sizeof sums));
    }
}

static void test_warp_coordinates(void) {
  static int32_t place[MAX_LENGTH];
  static float part[MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i), first = draw(0, 16000);
      const float y = (float)draw(0, 16383);
      const double size = i % 7 ? 3 : i % 2 ? 1e12 : INFINITY;
      const float m[3] = {(float)od_rng_range(&rng, -1, 1) * (float)size,
                          (float)od_rng_range(&rng, -1, 1), (float)od_rng_range(&rng, -99, 99)};
      const bool fused = coin();
      CHECK_CASE("%s warp_coordinates, %zu from %zu", table(t)->name, n, first);
      int32_t *got = guard_block(&guard_y, n * sizeof *got, side());
      float *rest = guard_block(&guard_z, n * sizeof *rest, side());
      bool inside = true;
      for (size_t k = 0; k < n; k++) {
        const float x = (float)(first + k);
        float at = fused ? fmaf(m[0], x, y * m[1] + m[2]) : fmaf(m[0], x, y * m[1]) + m[2];
        at = at > -0x1p30f ? at < 0x1p30f ? at : 0x1p30f : -0x1p30f;
        place[k] = (int32_t)floorf(at);
        part[k] = at - floorf(at);
        inside = inside && part[k] >= 0 && part[k] <= 1;
      }
      CHECK(inside);
      table(t)->image.warp_coordinates(n, first, y, m, fused, got, rest);
      check_bytes(got, place, n * sizeof *got, &guard_y);
      check_bytes(rest, part, n * sizeof *rest, &guard_z);
    }
}

static void test_bilinear(void) {
  static uint8_t want[MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i);
      CHECK_CASE("%s bilinear, %zu", table(t)->name, n);
      uint32_t *fours = guard_block(&guard_x, n * sizeof *fours, side());
      float *right = guard_block(&guard_z, n * sizeof *right, side());
      static float lower_part[MAX_LENGTH];
      bool near = true;
      for (size_t k = 0; k < n; k++) {
        const uint32_t upper = (uint32_t)draw(0, 65535);
        const uint32_t lower = coin() ? upper : (uint32_t)draw(0, 65535);
        fours[k] = upper | lower << 16;
        right[k] = (float)(coin() ? od_rng_uniform(&rng) : (double)draw(0, 1));
        lower_part[k] = (float)od_rng_uniform(&rng);
        const double r = (double)right[k], d = (double)lower_part[k];
        const double exactly = (1 - d) * ((1 - r) * (upper & 255) + r * (upper >> 8)) +
                               d * ((1 - r) * (lower & 255) + r * (lower >> 8));
        reference->bilinear(1, fours + k, right + k, lower_part + k, want + k);
        near = near && fabs(want[k] - exactly) <= 0.5 + 1e-4;
      }
      CHECK(near);
      uint8_t *y = guard_block(&guard_y, n, side());
      table(t)->image.bilinear(n, fours, right, lower_part, y);
      check_bytes(y, want, n, &guard_y);
    }
}

/* Symmetric weights that add up to 256; half (taps / 2 + 1). */
static size_t random_weights(uint16_t half[MAX_TAPS]) {
  const size_t reach = draw(0, MAX_TAPS / 2);
  size_t left = 128;
  for (size_t k = reach; k > 0; k--) {
    half[k] = (uint16_t)draw(0, left / 3);
    left -= half[k];
  }
  half[0] = (uint16_t)(2 * left);
  return 2 * reach + 1;
}

static void test_blur_fixed(void) {
  static uint16_t high[MAX_LENGTH], low[MAX_LENGTH];
  static uint8_t want[MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      uint16_t half[MAX_TAPS];
      const size_t n = row_length(i), taps = random_weights(half);
      CHECK_CASE("%s blur_fixed of %zu taps, %zu", table(t)->name, taps, n);
      const uint8_t *x = random_bytes(&guard_x, n + taps - 1);
      uint16_t *y = guard_block(&guard_y, n * sizeof *y, side());
      uint16_t *z = guard_block(&guard_z, n * sizeof *z, side());
      reference->blur_fixed_horizontal(n, taps, x, half, high, low);
      bool equal = true;
      for (size_t k = 0; k < n; k++) {
        uint32_t sum = 0;
        for (size_t m = 0; m < taps; m++)
          sum += x[k + m] * half[m < taps / 2 ? taps / 2 - m : m - taps / 2];
        equal = equal && 256u * high[k] + low[k] == sum;
      }
      CHECK(equal);
      table(t)->image.blur_fixed_horizontal(n, taps, x, half, y, z);
      check_bytes(y, high, n * sizeof *y, &guard_y);
      check_bytes(z, low, n * sizeof *z, &guard_z);

      /* rows that overlap are enough for the vertical pass */
      const uint16_t *high_rows[MAX_TAPS], *low_rows[MAX_TAPS];
      const size_t m = n > taps ? n - taps : 0;
      for (size_t k = 0; k < taps; k++) high_rows[k] = y + k, low_rows[k] = z + k;
      uint8_t *result = guard_block(&guard_w, m, side());
      reference->blur_fixed_vertical(m, taps, high_rows, low_rows, half, want);
      table(t)->image.blur_fixed_vertical(m, taps, high_rows, low_rows, half, result);
      check_bytes(result, want, m, &guard_w);
    }
}

static void test_blur_float(void) {
  static float horizontal[MAX_LENGTH];
  static uint8_t want[MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      float weights[MAX_TAPS];
      const size_t n = row_length(i), taps = 2 * draw(0, MAX_TAPS / 2) + 1;
      CHECK_CASE("%s blur_float of %zu taps, %zu", table(t)->name, taps, n);
      for (size_t k = 0; k < taps; k++)
        weights[k] = weights[taps - 1 - k] = (float)(od_rng_range(&rng, 0.5, 1) / (double)taps);
      float *x = guard_block(&guard_x, (n + taps - 1) * sizeof *x, side());
      float *y = guard_block(&guard_y, n * sizeof *y, side());
      for (size_t k = 0; k < n + taps - 1; k++) x[k] = (float)draw(0, 255);
      reference->blur_float_horizontal(n, taps, x, weights, horizontal);
      table(t)->image.blur_float_horizontal(n, taps, x, weights, y);
      check_bytes(y, horizontal, n * sizeof *y, &guard_y);

      const float *rows[MAX_TAPS];
      const size_t m = n > taps ? n - taps : 0;
      for (size_t k = 0; k < taps; k++) rows[k] = y + k;
      uint8_t *result = guard_block(&guard_w, m, side());
      reference->blur_float_vertical(m, taps, rows, weights + taps / 2, want);
      table(t)->image.blur_float_vertical(m, taps, rows, weights + taps / 2, result);
      check_bytes(result, want, m, &guard_w);
    }
}

static void test_add_powers(void) {
  static int32_t sums[3][MAX_LENGTH], want_sums[3][MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i);
      CHECK_CASE("%s add_powers, %zu", table(t)->name, n);
      const uint8_t *x = random_bytes(&guard_x, n);
      for (size_t k = 0; k < n; k++) {
        const int32_t q = x[k] - 128;
        for (int p = 0; p < 3; p++)
          sums[p][k] = want_sums[p][k] = (int32_t)draw(0, 1 << 30) - (1 << 29);
        want_sums[0][k] += q;
        want_sums[1][k] += q * q;
        want_sums[2][k] += q * q * q;
      }
      table(t)->image.add_powers(n, x, sums[0], sums[1], sums[2]);
      CHECK(same_bits(sums, want_sums, sizeof sums));
    }
}

static void test_interpolate_nodes(void) {
  static float want[8 * MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = draw(1, 80), size = (size_t)1 << draw(0, 3);
      const float part = (float)od_rng_range(&rng, 0, 1);
      CHECK_CASE("%s interpolate_nodes of %zu, %zu", table(t)->name, size, n);
      float *top = guard_block(&guard_x, n * sizeof *top, side());
      float *bottom = guard_block(&guard_w, n * sizeof *bottom, side());
      float *y = guard_block(&guard_y, size * n * sizeof *y, side());
      for (size_t k = 0; k < n; k++) {
        top[k] = (float)od_rng_range(&rng, 0, 255);
        bottom[k] = (float)od_rng_range(&rng, 0, 255);
      }
      double worst = 0;
      reference->interpolate_nodes(n, size, top, bottom, part, want);
      for (size_t k = 0; k < size * n; k++) {
        const size_t node = k / size, next = node + 1 < n ? node + 1 : node;
        const double fraction = ((double)(k % size) + (size > 1 ? 0.5 : 0)) / (double)size;
        const double from = (double)top[node] + (double)part * (double)(bottom[node] - top[node]);
        const double to = (double)top[next] + (double)part * (double)(bottom[next] - top[next]);
        worst = fmax(worst, fabs(from + fraction * (to - from) - (double)want[k]));
      }
      CHECK_NEAR(worst, 0, 1e-3);
      table(t)->image.interpolate_nodes(n, size, top, bottom, part, y);
      check_bytes(y, want, size * n * sizeof *y, &guard_y);
    }
}

/* Levels of the background (n), some outside 0..255. */
static float *random_levels(guard *g, size_t n) {
  float *level = guard_block(g, n * sizeof *level, side());
  for (size_t k = 0; k < n; k++)
    level[k] = coin() ? (float)draw(0, 511) / 2 : (float)od_rng_range(&rng, -20, 600);
  return level;
}

/* To the nearest byte, halves up. */
static uint8_t byte_of(double level) { return (uint8_t)(fmin(fmax(level, 0), 255) + 0.5); }

static void test_subtract_from(void) {
  static uint8_t want[MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i);
      CHECK_CASE("%s subtract_from, %zu", table(t)->name, n);
      const uint8_t *x = random_bytes(&guard_x, n);
      const float *level = random_levels(&guard_w, n);
      uint8_t *y = guard_block(&guard_y, n, side());
      for (size_t k = 0; k < n; k++) want[k] = byte_of((double)(level[k] - x[k]));
      table(t)->image.subtract_from(n, x, level, y);
      check_bytes(y, want, n, &guard_y);
    }
}

static void test_subtract_again(void) {
  static uint8_t want[MAX_LENGTH], want_over[MAX_LENGTH], before[MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i);
      const uint8_t bound = (uint8_t)draw(0, 255);
      float squares[16], want_squares[16];
      double exact = 0, sum = 0;
      CHECK_CASE("%s subtract_again, %zu", table(t)->name, n);
      const uint8_t *x = random_bytes(&guard_x, n);
      const float *level = random_levels(&guard_w, n);
      uint8_t *y = random_bytes(&guard_y, n), *over = guard_block(&guard_z, n, side());
      for (int k = 0; k < 16; k++) squares[k] = want_squares[k] = 0;
      for (size_t k = 0; k < n; k++) {
        const double depth = (double)(level[k] - x[k]);
        before[k] = y[k];
        want[k] = byte_of(depth);
        want_over[k] = y[k] > bound ? want[k] : 0;
        exact += y[k] > bound ? 0 : depth * depth;
      }
      table(t)->image.subtract_again(n, x, level, bound, y, over, squares);
      check_bytes(y, want, n, &guard_y);
      check_bytes(over, want_over, n, &guard_z);
      for (int k = 0; k < 16; k++) sum += (double)squares[k];
      CHECK_NEAR(sum, exact, 1e-4 * exact);
      reference->subtract_again(n, x, level, bound, before, over, want_squares);
      CHECK(same_bits(squares, want_squares, sizeof squares));
    }
}

static void test_normalize_contrast(void) {
  static uint8_t want[MAX_LENGTH], before[MAX_LENGTH];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i);
      const float scale = (float)od_rng_range(&rng, 255, 355),
                  shift = (float)od_rng_range(&rng, 0, 64);
      CHECK_CASE("%s normalize_contrast by %g and %g, %zu", table(t)->name, (double)scale,
                 (double)shift, n);
      float *full = guard_block(&guard_w, n * sizeof *full, side());
      uint8_t *y = random_bytes(&guard_y, n);
      double worst = 0;
      for (size_t k = 0; k < n; k++) {
        full[k] = (float)od_rng_range(&rng, 1, 255);
        want[k] = before[k] = y[k];
      }
      reference->normalize_contrast(n, full, scale, shift, want);
      for (size_t k = 0; k < n; k++) {
        const double level = before[k] * (double)scale / (double)full[k] - (double)shift;
        worst = fmax(worst, fabs(fmin(fmax(level, 0), 255) - want[k]));
      }
      CHECK_NEAR(worst, 0, 0.501);
      table(t)->image.normalize_contrast(n, full, scale, shift, y);
      check_bytes(y, want, n, &guard_y);
    }
}

static void test_threshold_bits(void) {
  static uint64_t want[MAX_LENGTH / 64 + 1];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < CASES; i++) {
      const size_t n = row_length(i), words = (n + 63) / 64;
      const uint8_t level = (uint8_t)draw(0, 255);
      CHECK_CASE("%s threshold_bits from %d, %zu", table(t)->name, level, n);
      const uint8_t *x = random_bytes(&guard_x, n);
      uint64_t *y = guard_block(&guard_y, words * sizeof *y, side());
      for (size_t k = 0; k < words; k++) want[k] = 0;
      for (size_t k = 0; k < n; k++) want[k / 64] |= (uint64_t)(x[k] >= level) << k % 64;
      table(t)->image.threshold_bits(n, x, level, y);
      check_bytes(y, want, words * sizeof *y, &guard_y);
    }
}

int main(void) {
  cases_begin();
  guard *guards[] = {&guard_x, &guard_y, &guard_z, &guard_w};
  for (int i = 0; i < 4; i++) *guards[i] = guard_create(1 << 16);
  RUN(test_gray);
  RUN(test_gray_over);
  RUN(test_threshold);
  RUN(test_adaptive_threshold);
  RUN(test_move_sums);
  RUN(test_window_sums);
  RUN(test_means);
  RUN(test_scale);
  RUN(test_min_max);
  RUN(test_moments);
  RUN(test_warp_coordinates);
  RUN(test_bilinear);
  RUN(test_resize_horizontal);
  RUN(test_resize_vertical);
  RUN(test_halve);
  RUN(test_min_and_max_of_rows);
  RUN(test_blur_fixed);
  RUN(test_blur_float);
  RUN(test_add_powers);
  RUN(test_interpolate_nodes);
  RUN(test_subtract_from);
  RUN(test_subtract_again);
  RUN(test_normalize_contrast);
  RUN(test_threshold_bits);
  for (int i = 0; i < 4; i++) guard_destroy(guards[i]);
  return cases_end();
}
