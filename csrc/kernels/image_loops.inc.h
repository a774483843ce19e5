/* The kernels of image_kernels.h as plain loops. Each kernels_*.c includes this file once,
 * as kernels_loops.h, for the compiler to vectorise. */

#include "kernels/image_kernels.h"

static void image_gray(size_t n, const uint8_t *restrict pixels, const uint16_t weights[3],
                       uint8_t *restrict gray) {
  const uint32_t a = weights[0], b = weights[1], c = weights[2];
  for (size_t i = 0; i < n; i++)
    gray[i] = (uint8_t)((a * pixels[3 * i] + b * pixels[3 * i + 1] + c * pixels[3 * i + 2] +
                         (1u << 14)) >> 15);
}

/* Rounded down, of x < 65535. */
static inline uint32_t image_over_255(uint32_t x) { return (x + 1 + (x >> 8)) >> 8; }

static void image_gray_over(size_t n, const uint8_t *restrict pixels, const uint16_t weights[3],
                            uint8_t background, uint8_t *restrict gray) {
  const uint32_t weight[3] = {weights[0], weights[1], weights[2]};
  for (size_t i = 0; i < n; i++) {
    const uint32_t alpha = pixels[4 * i + 3], under = (255 - alpha) * background + 127;
    const uint32_t a = image_over_255(alpha * pixels[4 * i] + under);
    const uint32_t b = image_over_255(alpha * pixels[4 * i + 1] + under);
    const uint32_t c = image_over_255(alpha * pixels[4 * i + 2] + under);
    gray[i] = (uint8_t)((weight[0] * a + weight[1] * b + weight[2] * c + (1u << 14)) >> 15);
  }
}

/* So little work that registers which lie across two cache lines count: they are not,
 * from the first result that begins one. */
static void image_threshold(size_t n, const uint8_t *x, uint8_t threshold, uint8_t above,
                            uint8_t below, uint8_t *y) {
  const size_t before = -(uintptr_t)y % 64, head = before < n ? before : n;
  for (size_t i = 0; i < head; i++) y[i] = x[i] > threshold ? above : below;
  for (size_t i = head; i < n; i++) y[i] = x[i] > threshold ? above : below;
}

static void image_threshold_at(size_t n, const uint8_t *x, const uint8_t *mean, int bound,
                               uint8_t above, uint8_t below, uint8_t *y) {
  const int16_t limit = (int16_t)bound;
  for (size_t i = 0; i < n; i++) {
    const int16_t difference = (int16_t)(x[i] - mean[i]);
    y[i] = difference > limit ? above : below;
  }
}

/* Nearest whole number of 0 <= x < 2^22, halves to even: what adding a number with no
 * bits to spare below 1 leaves in the sum's last bits. */
static inline uint32_t image_round(float x) {
  const float sum = x + 0x1.8p23f;
  uint32_t bits;
  memcpy(&bits, &sum, sizeof bits);
  return bits & 0x3fffff;
}

/* A window of 2 m or 2 m + 1 numbers is two of m, side by side, and perhaps one more. So the
 * length's bits say, from the highest, how sums grow to it; each pass may write over its
 * input, as it reads nothing before the place it writes. */
#define IMAGE_SUMS(BITS)                                                                        \
  static void image_move_sums##BITS(size_t n, const uint8_t *restrict plus,                     \
                                    const uint8_t *restrict minus,                              \
                                    uint##BITS##_t *restrict sums) {                            \
    for (size_t i = 0; i < n; i++)                                                              \
      sums[i] = (uint##BITS##_t)(sums[i] + plus[i] - minus[i]);                                 \
  }                                                                                             \
  static void image_window_sums##BITS(size_t n, size_t length, const uint##BITS##_t *restrict x, \
                                      uint##BITS##_t *restrict sums) {                          \
    size_t all = n + length - 1, m = 1;                                                         \
    unsigned bit = 0;                                                                           \
    const uint##BITS##_t *from = x;                                                             \
    while (length >> (bit + 1)) bit++;                                                          \
    while (bit-- > 0) {                                                                         \
      const size_t odd = length >> bit & 1, count = all - (2 * m + odd - 1);                    \
      for (size_t i = 0; i < count; i++) {                                                      \
        const uint##BITS##_t pair = (uint##BITS##_t)(from[i] + from[i + m]);                    \
        sums[i] = (uint##BITS##_t)(pair + (odd ? x[i + 2 * m] : 0));                            \
      }                                                                                         \
      m = 2 * m + odd;                                                                          \
      from = sums;                                                                              \
    }                                                                                           \
  }                                                                                             \
  static void image_means##BITS(size_t n, const uint##BITS##_t *restrict sums, float scale,     \
                                uint8_t *restrict means) {                                      \
    for (size_t i = 0; i < n; i++)                                                              \
      means[i] = (uint8_t)image_round((float)(int32_t)sums[i] * scale);                         \
  }
IMAGE_SUMS(16)
IMAGE_SUMS(32)

static void image_resize_across(size_t n, size_t w, const uint8_t *restrict x,
                                const uint16_t *restrict first, const int16_t *restrict weights,
                                uint16_t *restrict y) {
  (void)w;
  for (size_t i = 0; i < n; i++) {
    const uint8_t *pixel = x + first[i];
    y[i] = (uint16_t)((pixel[0] * weights[2 * i] + pixel[1] * weights[2 * i + 1]) >> 4);
  }
}

static void image_resize_down(size_t n, const uint16_t *restrict top,
                              const uint16_t *restrict bottom, uint16_t weight_top,
                              uint16_t weight_bottom, uint8_t *restrict y) {
  for (size_t i = 0; i < n; i++) {
    const uint16_t above = (uint16_t)((uint32_t)top[i] * weight_top >> 16);
    const uint16_t below = (uint16_t)((uint32_t)bottom[i] * weight_bottom >> 16);
    y[i] = (uint8_t)((uint16_t)(above + below + 2) >> 2);
  }
}

static void image_halve(size_t n, const uint8_t *restrict top, const uint8_t *restrict bottom,
                        uint8_t *restrict y) {
  for (size_t i = 0; i < n; i++) {
    const uint16_t left = (uint16_t)(top[2 * i] + bottom[2 * i]);
    const uint16_t right = (uint16_t)(top[2 * i + 1] + bottom[2 * i + 1]);
    y[i] = (uint8_t)((uint16_t)(left + right + 2) >> 2);
  }
}

static void image_widen_range(size_t n, const uint8_t *x, uint8_t range[2]) {
  uint8_t lowest = range[0], highest = range[1];
  for (size_t i = 0; i < n; i++) {
    lowest = x[i] < lowest ? x[i] : lowest;
    highest = x[i] > highest ? x[i] : highest;
  }
  range[0] = lowest, range[1] = highest;
}

static void image_powers(size_t n, const uint8_t *restrict x, uint32_t sums[4]) {
  uint32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (uint32_t i = 0; i < (uint32_t)n; i++) {
    const uint32_t p = x[i], ip = i * p, iip = i * ip;
    s0 += p;
    s1 += ip;
    s2 += iip;
    s3 += i * iip;
  }
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

static void image_warp_places(size_t n, size_t first, float y, const float m[3], bool fused,
                              int32_t *restrict place, float *restrict part) {
  const float limit = 0x1p30f, scale = m[0], row = y * m[1];
  const float added = fused ? row + m[2] : row, rest = fused ? 0 : m[2];
  const int32_t begin = (int32_t)first;
  for (int32_t i = 0; i < (int32_t)n; i++) {
    float at = fmaf(scale, (float)(begin + i), added) + rest;
    at = at > -limit ? at : -limit; /* also of what is not a number */
    at = at < limit ? at : limit;
    const float whole = floorf(at);
    place[i] = (int32_t)whole;
    part[i] = at - whole;
  }
}

static void image_mix(size_t n, const uint32_t *restrict fours, const float *restrict right,
                      const float *restrict down, uint8_t *restrict y) {
  for (size_t i = 0; i < n; i++) {
    const int32_t upper = (int32_t)(fours[i] & 0xffff), lower = (int32_t)(fours[i] >> 16);
    const float a = (float)(upper & 255), b = (float)(upper >> 8);
    const float c = (float)(lower & 255), d = (float)(lower >> 8);
    const float above = fmaf(right[i], b - a, a), below = fmaf(right[i], d - c, c);
    y[i] = (uint8_t)image_round(fmaf(down[i], below - above, above));
  }
}

static void image_add_powers(size_t n, const uint8_t *restrict x, int32_t *restrict first,
                             int32_t *restrict second, int32_t *restrict third) {
  for (size_t i = 0; i < n; i++) {
    const int32_t q = x[i] - 128, square = q * q;
    first[i] += q;
    second[i] += square;
    third[i] += square * q;
  }
}

/* One size of image_ramps; a constant is quicker. Sizes are powers of two: their inverses are
 * exact. */
static inline void image_ramps_of(size_t columns, size_t size, const float *restrict top,
                                  const float *restrict bottom, float part, float *restrict y) {
  const float share = 1 / (float)size;
  float node = top[0] + part * (bottom[0] - top[0]);
  for (size_t j = 0; j < columns; j++) {
    const size_t k = j + 1 < columns ? j + 1 : j;
    const float next = top[k] + part * (bottom[k] - top[k]), slope = (next - node) * share;
    const float start = size > 1 ? node + 0.5f * slope : node;
    for (size_t i = 0; i < size; i++) y[j * size + i] = start + slope * (float)(int)i;
    node = next;
  }
}

static void image_ramps(size_t columns, size_t size, const float *top, const float *bottom,
                        float part, float *y) {
  switch (size) {
    case 8:
      image_ramps_of(columns, 8, top, bottom, part, y);
      break;
    case 4:
      image_ramps_of(columns, 4, top, bottom, part, y);
      break;
    case 2:
      image_ramps_of(columns, 2, top, bottom, part, y);
      break;
    default:
      image_ramps_of(columns, 1, top, bottom, part, y);
  }
}

/* ---- the definitions of what image_vector.h has for wide registers ---- */

/* Comparisons as the instructions for the lesser and the greater have them. */
static inline uint8_t image_to_byte(float level) {
  const float high = level > 0 ? level : 0;
  return (uint8_t)(int)((high < 255 ? high : 255) + 0.5f);
}

static inline void below_plain(size_t n, const uint8_t *x, const float *level, uint8_t *y) {
  for (size_t i = 0; i < n; i++) y[i] = image_to_byte(level[i] - x[i]);
}

static inline void below_again_plain(size_t n, const uint8_t *x, const float *level, uint8_t bound,
                                     uint8_t *y, uint8_t *over, float squares[16]) {
  for (size_t i = 0; i < n; i++) {
    const float depth = level[i] - x[i];
    const uint8_t result = image_to_byte(depth);
    const bool bare = y[i] <= bound;
    squares[i % 16] += bare ? depth * depth : 0;
    over[i] = bare ? 0 : result;
    y[i] = result;
  }
}

static inline void stretch_plain(size_t n, const float *full, float scale, float shift,
                                 uint8_t *y) {
  for (size_t i = 0; i < n; i++) y[i] = image_to_byte(y[i] * (scale / full[i]) - shift);
}

/* n <= 64 */
static inline uint64_t bits_plain(size_t n, const uint8_t *x, uint8_t level) {
  uint64_t bits = 0;
  for (size_t i = 0; i < n; i++) bits |= (uint64_t)(x[i] >= level) << i;
  return bits;
}

static inline void scale_plain(size_t n, const uint8_t *x, float scale, float shift, uint8_t *y) {
  for (size_t i = 0; i < n; i++) {
    float level = fmaf(x[i], scale, shift);
    level = level > 0 ? level : 0;
    level = level < 255 ? level : 255;
    y[i] = (uint8_t)image_round(level);
  }
}

static inline void lowest_of_plain(size_t n, size_t count, const uint8_t *const *rows, uint8_t *y) {
  for (size_t i = 0; i < n; i++) {
    uint8_t lowest = rows[0][i];
    for (size_t k = 1; k < count; k++) lowest = rows[k][i] < lowest ? rows[k][i] : lowest;
    y[i] = lowest;
  }
}

static inline void highest_of_plain(size_t n, size_t count, const uint8_t *const *rows,
                                    uint8_t *y) {
  for (size_t i = 0; i < n; i++) {
    uint8_t highest = rows[0][i];
    for (size_t k = 1; k < count; k++) highest = rows[k][i] > highest ? rows[k][i] : highest;
    y[i] = highest;
  }
}

static inline void blur_across_plain(size_t n, size_t taps, const uint8_t *x, const uint16_t *half,
                                     uint16_t *high, uint16_t *low) {
  const size_t reach = taps / 2;
  for (size_t i = 0; i < n; i++) {
    const uint8_t *middle = x + i + reach;
    uint32_t sum = (uint32_t)half[0] * *middle;
    for (size_t k = 1; k <= reach; k++) sum += half[k] * (uint32_t)(*(middle - k) + middle[k]);
    high[i] = (uint16_t)(sum >> 8);
    low[i] = sum & 255;
  }
}

static inline void blur_down_plain(size_t n, size_t taps, const uint16_t *const *high,
                                   const uint16_t *const *low, const uint16_t *half, uint8_t *y) {
  const size_t reach = taps / 2;
  for (size_t i = 0; i < n; i++) {
    uint32_t sum = half[0] * (256u * high[reach][i] + low[reach][i]);
    for (size_t k = 1; k <= reach; k++)
      sum += half[k] * (256u * high[reach - k][i] + low[reach - k][i] +
                        256u * high[reach + k][i] + low[reach + k][i]);
    y[i] = (uint8_t)((sum + (1u << 15)) >> 16);
  }
}

static inline void smooth_across_plain(size_t n, size_t taps, const float *x, const float *weights,
                                       float *y) {
  for (size_t i = 0; i < n; i++) {
    float sum = weights[0] * x[i];
    for (size_t k = 1; k < taps; k++) sum = fmaf(weights[k], x[i + k], sum);
    y[i] = sum;
  }
}

static inline void smooth_down_plain(size_t n, size_t taps, const float *const *rows,
                                     const float *half, uint8_t *y) {
  const size_t reach = taps / 2;
  for (size_t i = 0; i < n; i++) {
    float sum = half[0] * rows[reach][i];
    for (size_t k = 1; k <= reach; k++)
      sum = fmaf(half[k], rows[reach - k][i] + rows[reach + k][i], sum);
    y[i] = (uint8_t)image_round(sum);
  }
}

#define OD_IMAGE_KERNEL_TABLE                                                                   \
  {.gray = gray,                                                                                \
   .gray_over = gray_over,                                                                      \
   .threshold = image_threshold,                                                                \
   .move_sums16 = image_move_sums16,                                                            \
   .move_sums32 = image_move_sums32,                                                            \
   .window_sums16 = image_window_sums16,                                                        \
   .window_sums32 = image_window_sums32,                                                        \
   .means16 = image_means16,                                                                    \
   .means32 = image_means32,                                                                    \
   .threshold_at = image_threshold_at,                                                          \
   .resize_across = resize_across,                                                              \
   .resize_down = resize_down,                                                                  \
   .halve = halve,                                                                              \
   .scale = scale_row,                                                                          \
   .widen_range = image_widen_range,                                                            \
   .powers = image_powers,                                                                      \
   .warp_places = image_warp_places,                                                            \
   .mix = image_mix,                                                                            \
   .lowest_of = lowest_of,                                                                      \
   .highest_of = highest_of,                                                                    \
   .blur_across = blur_across,                                                                  \
   .blur_down = blur_down,                                                                      \
   .smooth_across = smooth_across,                                                              \
   .smooth_down = smooth_down,                                                                  \
   .add_powers = image_add_powers,                                                              \
   .ramps = image_ramps,                                                                        \
   .below = below,                                                                              \
   .below_again = below_again,                                                                  \
   .stretch = stretch,                                                                          \
   .bits = bits_of}
