/* The image kernels as plain loops, name_plain: the reference, in scalar.c, and in each other file
 * of an instruction set for the compiler to vectorize. The includer defines nothing before this
 * file. After image_vector.inc.h or image_x86.inc.h, the arguments of OD_IMAGE_KERNEL_TABLE select
 * their name_vector and name_x86 instead. */

#include "kernels/image_kernels.h"

static void gray_plain(size_t n, const uint8_t *restrict pixels, const uint16_t weights[3],
                       uint8_t *restrict gray) {
  const uint32_t a = weights[0], b = weights[1], c = weights[2];
  for (size_t i = 0; i < n; i++)
    gray[i] = (uint8_t)((a * pixels[3 * i] + b * pixels[3 * i + 1] + c * pixels[3 * i + 2] +
                         (1u << 14)) >>
                        15);
}

/* Rounded down, of x < 65535. */
static inline uint32_t image_over_255(uint32_t x) { return (x + 1 + (x >> 8)) >> 8; }

static void gray_over_plain(size_t n, const uint8_t *restrict pixels, const uint16_t weights[3],
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

/* This is so little work that stores across two cache lines are noticeable: the second loop
 * begins at a cache line of y. */
static void threshold_plain(size_t n, const uint8_t *x, uint8_t threshold, uint8_t above,
                            uint8_t below, uint8_t *y) {
  const size_t before = -(uintptr_t)y % 64, head = before < n ? before : n;
  for (size_t i = 0; i < head; i++) y[i] = x[i] > threshold ? above : below;
  for (size_t i = head; i < n; i++) y[i] = x[i] > threshold ? above : below;
}

static void adaptive_threshold_plain(size_t n, const uint8_t *x, const uint8_t *mean, int bound,
                                     uint8_t above, uint8_t below, uint8_t *y) {
  const int16_t limit = (int16_t)bound;
  for (size_t i = 0; i < n; i++) {
    const int16_t difference = (int16_t)(x[i] - mean[i]);
    y[i] = difference > limit ? above : below;
  }
}

/* Nearest integer of 0 <= x < 2^22, halves to even: the last bits of the sum with a number
 * whose unit in the last place is 1. */
static inline uint32_t image_round(float x) {
  const float sum = x + 0x1.8p23f;
  uint32_t bits;
  memcpy(&bits, &sum, sizeof bits);
  return bits & 0x3fffff;
}

/* A window of 2 m or 2 m + 1 numbers is two adjacent windows of m and perhaps one number more.
 * So the bits of the length, from the highest, determine how sums are doubled up to it. A pass
 * may overwrite its input, as it reads nothing before the place that it writes. */
#define IMAGE_SUMS(BITS)                                                                           \
  static void move_sums##BITS##_plain(size_t n, const uint8_t *restrict plus,                      \
                                      const uint8_t *restrict minus,                               \
                                      uint##BITS##_t *restrict sums) {                             \
    for (size_t i = 0; i < n; i++) sums[i] = (uint##BITS##_t)(sums[i] + plus[i] - minus[i]);       \
  }                                                                                                \
  static void window_sums##BITS##_plain(size_t n, size_t length, const uint##BITS##_t *restrict x, \
                                        uint##BITS##_t *restrict sums) {                           \
    size_t all = n + length - 1, m = 1;                                                            \
    unsigned bit = 0;                                                                              \
    const uint##BITS##_t *from = x;                                                                \
    while (length >> (bit + 1)) bit++;                                                             \
    while (bit-- > 0) {                                                                            \
      const size_t odd = length >> bit & 1, count = all - (2 * m + odd - 1);                       \
      for (size_t i = 0; i < count; i++) {                                                         \
        const uint##BITS##_t pair = (uint##BITS##_t)(from[i] + from[i + m]);                       \
        sums[i] = (uint##BITS##_t)(pair + (odd ? x[i + 2 * m] : 0));                               \
      }                                                                                            \
      m = 2 * m + odd;                                                                             \
      from = sums;                                                                                 \
    }                                                                                              \
  }                                                                                                \
  static void means##BITS##_plain(size_t n, const uint##BITS##_t *restrict sums, float scale,      \
                                  uint8_t *restrict means) {                                       \
    for (size_t i = 0; i < n; i++)                                                                 \
      means[i] = (uint8_t)image_round((float)(int32_t)sums[i] * scale);                            \
  }
IMAGE_SUMS(16)
IMAGE_SUMS(32)

static void resize_horizontal_plain(size_t n, size_t w, const uint8_t *restrict x,
                                    const uint16_t *restrict first, const int16_t *restrict weights,
                                    uint16_t *restrict y) {
  (void)w;
  for (size_t i = 0; i < n; i++) {
    const uint8_t *pixel = x + first[i];
    y[i] = (uint16_t)((pixel[0] * weights[2 * i] + pixel[1] * weights[2 * i + 1]) >> 4);
  }
}

static void resize_vertical_plain(size_t n, const uint16_t *restrict top,
                                  const uint16_t *restrict bottom, uint16_t weight_top,
                                  uint16_t weight_bottom, uint8_t *restrict y) {
  for (size_t i = 0; i < n; i++) {
    const uint16_t above = (uint16_t)((uint32_t)top[i] * weight_top >> 16);
    const uint16_t below = (uint16_t)((uint32_t)bottom[i] * weight_bottom >> 16);
    y[i] = (uint8_t)((uint16_t)(above + below + 2) >> 2);
  }
}

static void halve_plain(size_t n, const uint8_t *restrict top, const uint8_t *restrict bottom,
                        uint8_t *restrict y) {
  for (size_t i = 0; i < n; i++) {
    const uint16_t left = (uint16_t)(top[2 * i] + bottom[2 * i]);
    const uint16_t right = (uint16_t)(top[2 * i + 1] + bottom[2 * i + 1]);
    y[i] = (uint8_t)((uint16_t)(left + right + 2) >> 2);
  }
}

static void min_max_plain(size_t n, const uint8_t *x, uint8_t range[2]) {
  uint8_t min = range[0], max = range[1];
  for (size_t i = 0; i < n; i++) {
    min = x[i] < min ? x[i] : min;
    max = x[i] > max ? x[i] : max;
  }
  range[0] = min, range[1] = max;
}

static void moments_plain(size_t n, const uint8_t *restrict x, uint32_t sums[4]) {
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

static void warp_coordinates_plain(size_t n, size_t first, float y, const float m[3], bool fused,
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

static void bilinear_plain(size_t n, const uint32_t *restrict fours, const float *restrict right,
                           const float *restrict lower, uint8_t *restrict y) {
  for (size_t i = 0; i < n; i++) {
    const int32_t top = (int32_t)(fours[i] & 0xffff), bottom = (int32_t)(fours[i] >> 16);
    const float a = (float)(top & 255), b = (float)(top >> 8);
    const float c = (float)(bottom & 255), d = (float)(bottom >> 8);
    const float above = fmaf(right[i], b - a, a), below = fmaf(right[i], d - c, c);
    y[i] = (uint8_t)image_round(fmaf(lower[i], below - above, above));
  }
}

static void add_powers_plain(size_t n, const uint8_t *restrict x, int32_t *restrict first,
                             int32_t *restrict second, int32_t *restrict third) {
  for (size_t i = 0; i < n; i++) {
    const int32_t q = x[i] - 128, square = q * q;
    first[i] += q;
    second[i] += square;
    third[i] += square * q;
  }
}

/* One size of interpolate_nodes_plain, a constant for speed. Sizes are powers of two, whose
 * inverses are exact. */
static inline void interpolate_constant(size_t columns, size_t size, const float *restrict top,
                                        const float *restrict bottom, float part,
                                        float *restrict y) {
  const float inverse = 1 / (float)size;
  float node = top[0] + part * (bottom[0] - top[0]);
  for (size_t j = 0; j < columns; j++) {
    const size_t k = j + 1 < columns ? j + 1 : j;
    const float next = top[k] + part * (bottom[k] - top[k]), slope = (next - node) * inverse;
    const float start = size > 1 ? node + 0.5f * slope : node;
    for (size_t i = 0; i < size; i++) y[j * size + i] = start + slope * (float)(int)i;
    node = next;
  }
}

static void interpolate_nodes_plain(size_t columns, size_t size, const float *top,
                                    const float *bottom, float part, float *y) {
  switch (size) {
    case 8:
      interpolate_constant(columns, 8, top, bottom, part, y);
      break;
    case 4:
      interpolate_constant(columns, 4, top, bottom, part, y);
      break;
    case 2:
      interpolate_constant(columns, 2, top, bottom, part, y);
      break;
    default:
      interpolate_constant(columns, 1, top, bottom, part, y);
  }
}

/* -- kernels that image_vector.inc.h replaces -- */

/* The comparisons are those of the min and max instructions, also of NaN. */
static inline uint8_t image_to_byte(float level) {
  const float high = level > 0 ? level : 0;
  return (uint8_t)(int)((high < 255 ? high : 255) + 0.5f);
}

static inline void subtract_from_plain(size_t n, const uint8_t *x, const float *level, uint8_t *y) {
  for (size_t i = 0; i < n; i++) y[i] = image_to_byte(level[i] - x[i]);
}

static inline void subtract_again_plain(size_t n, const uint8_t *x, const float *level,
                                        uint8_t bound, uint8_t *y, uint8_t *over,
                                        float squares[16]) {
  for (size_t i = 0; i < n; i++) {
    const float depth = level[i] - x[i];
    const uint8_t result = image_to_byte(depth);
    const bool background = y[i] <= bound;
    squares[i % 16] += background ? depth * depth : 0;
    over[i] = background ? 0 : result;
    y[i] = result;
  }
}

static inline void normalize_contrast_plain(size_t n, const float *full, float scale, float shift,
                                            uint8_t *y) {
  for (size_t i = 0; i < n; i++) y[i] = image_to_byte(y[i] * (scale / full[i]) - shift);
}

/* One word, n <= 64. */
static inline uint64_t threshold_word(size_t n, const uint8_t *x, uint8_t level) {
  uint64_t bits = 0;
  for (size_t i = 0; i < n; i++) bits |= (uint64_t)(x[i] >= level) << i;
  return bits;
}

static inline void threshold_bits_plain(size_t n, const uint8_t *x, uint8_t level, uint64_t *bits) {
  for (size_t i = 0; i < n; i += 64)
    *bits++ = threshold_word(n - i < 64 ? n - i : 64, x + i, level);
}

static inline void scale_plain(size_t n, const uint8_t *x, float scale, float shift, uint8_t *y) {
  for (size_t i = 0; i < n; i++) {
    float level = fmaf(x[i], scale, shift);
    level = level > 0 ? level : 0;
    level = level < 255 ? level : 255;
    y[i] = (uint8_t)image_round(level);
  }
}

static inline void min_of_rows_plain(size_t n, size_t count, const uint8_t *const *rows,
                                     uint8_t *y) {
  for (size_t i = 0; i < n; i++) {
    uint8_t min = rows[0][i];
    for (size_t k = 1; k < count; k++) min = rows[k][i] < min ? rows[k][i] : min;
    y[i] = min;
  }
}

static inline void max_of_rows_plain(size_t n, size_t count, const uint8_t *const *rows,
                                     uint8_t *y) {
  for (size_t i = 0; i < n; i++) {
    uint8_t max = rows[0][i];
    for (size_t k = 1; k < count; k++) max = rows[k][i] > max ? rows[k][i] : max;
    y[i] = max;
  }
}

static inline void blur_fixed_horizontal_plain(size_t n, size_t taps, const uint8_t *x,
                                               const uint16_t *half, uint16_t *high,
                                               uint16_t *low) {
  const size_t reach = taps / 2;
  for (size_t i = 0; i < n; i++) {
    const uint8_t *middle = x + i + reach;
    uint32_t sum = (uint32_t)half[0] * *middle;
    for (size_t k = 1; k <= reach; k++) sum += half[k] * (uint32_t)(*(middle - k) + middle[k]);
    high[i] = (uint16_t)(sum >> 8);
    low[i] = sum & 255;
  }
}

static inline void blur_fixed_vertical_plain(size_t n, size_t taps, const uint16_t *const *high,
                                             const uint16_t *const *low, const uint16_t *half,
                                             uint8_t *y) {
  const size_t reach = taps / 2;
  for (size_t i = 0; i < n; i++) {
    uint32_t sum = half[0] * (256u * high[reach][i] + low[reach][i]);
    for (size_t k = 1; k <= reach; k++)
      sum += half[k] * (256u * high[reach - k][i] + low[reach - k][i] + 256u * high[reach + k][i] +
                        low[reach + k][i]);
    y[i] = (uint8_t)((sum + (1u << 15)) >> 16);
  }
}

static inline void blur_float_horizontal_plain(size_t n, size_t taps, const float *x,
                                               const float *weights, float *y) {
  for (size_t i = 0; i < n; i++) {
    float sum = weights[0] * x[i];
    for (size_t k = 1; k < taps; k++) sum = fmaf(weights[k], x[i + k], sum);
    y[i] = sum;
  }
}

static inline void blur_float_vertical_plain(size_t n, size_t taps, const float *const *rows,
                                             const float *half, uint8_t *y) {
  const size_t reach = taps / 2;
  for (size_t i = 0; i < n; i++) {
    float sum = half[0] * rows[reach][i];
    for (size_t k = 1; k <= reach; k++)
      sum = fmaf(half[k], rows[reach - k][i] + rows[reach + k][i], sum);
    y[i] = (uint8_t)image_round(sum);
  }
}

/* The table. VECTOR is "vector" after image_vector.inc.h, X86 is "x86" after image_x86.inc.h;
 * otherwise they are "plain". */
#define OD_IMAGE_KERNEL_TABLE(VECTOR, X86)                                                        \
  {                                                                                               \
    .gray = gray_##X86, .gray_over = gray_over_##X86, .threshold = threshold_plain,               \
    .adaptive_threshold = adaptive_threshold_plain, .threshold_bits = threshold_bits_##VECTOR,    \
    .move_sums16 = move_sums16_plain, .move_sums32 = move_sums32_plain,                           \
    .window_sums16 = window_sums16_plain, .window_sums32 = window_sums32_plain,                   \
    .means16 = means16_plain, .means32 = means32_plain,                                           \
    .resize_horizontal = resize_horizontal_##X86, .resize_vertical = resize_vertical_##X86,       \
    .halve = halve_##X86, .warp_coordinates = warp_coordinates_plain, .bilinear = bilinear_plain, \
    .scale = scale_##VECTOR, .min_max = min_max_plain, .moments = moments_plain,                  \
    .min_of_rows = min_of_rows_##VECTOR, .max_of_rows = max_of_rows_##VECTOR,                     \
    .blur_fixed_horizontal = blur_fixed_horizontal_##VECTOR,                                      \
    .blur_fixed_vertical = blur_fixed_vertical_##VECTOR,                                          \
    .blur_float_horizontal = blur_float_horizontal_##VECTOR,                                      \
    .blur_float_vertical = blur_float_vertical_##VECTOR, .add_powers = add_powers_plain,          \
    .interpolate_nodes = interpolate_nodes_plain, .subtract_from = subtract_from_##VECTOR,        \
    .subtract_again = subtract_again_##VECTOR, .normalize_contrast = normalize_contrast_##VECTOR  \
  }
