/* The reference kernels: every sum as it is written down, one term at a time. */
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>
#if defined(OD_DOUBLE)
#define OD_SQRT sqrt
#define OD_RINT rint
#else
#define OD_SQRT sqrtf
#define OD_RINT rintf
#endif

#include "kernels/elementwise.inc.h"
#include "kernels/image_loops.inc.h"

/* Vectors of one number, for the kernels that are written with vectors only. */
enum { LANES = 1 };
typedef od_real vector;
typedef bool mask;
static inline mask mask_of(size_t n) { return n > 0; }
static inline vector vector_zero(void) { return 0; }
static inline vector vector_load(const od_real *p) { return *p; }
static inline vector vector_load_some(const od_real *p, mask m) { return m ? *p : 0; }
static inline void vector_store(od_real *p, vector v) { *p = v; }
static inline void vector_store_some(od_real *p, vector v, mask m) { *p = m ? v : *p; }
static inline vector vector_broadcast(const od_real *p) { return *p; }
static inline vector vector_add(vector a, vector b) { return a + b; }
static inline vector vector_sub(vector a, vector b) { return a - b; }
static inline vector vector_max(vector a, vector b) { return a > b ? a : b; }
static inline vector vector_where(vector a, vector b, vector x, vector y) { return a > b ? x : y; }
static inline void vector_store_bytes(uint8_t *p, vector v) { *p = (uint8_t)v; }
static inline vector vector_fma(vector a, vector b, vector c) { return a * b + c; }

typedef unsigned places;
static inline places places_load(const uint8_t *p, size_t n) { return n ? *p & 3u : 0; }
static inline vector vector_pick(const od_real *p, const od_real *q, places chosen) {
  return (chosen < 2 ? p : q)[chosen % 2];
}

#define OD_BYTES
#define OD_BFLOATS
#include "kernels/low_precision_loops.inc.h"
static inline void vector_store_bfloats(uint16_t *p, vector v) { *p = bfloat_of((float)v); }

#include "kernels/pool.inc.h"
#include "kernels/winograd.inc.h"

static void gemm(const od_gemm *p) {
  for (size_t m = 0; m < p->rows; m++)
    for (size_t n = 0; n < p->columns; n++) {
      od_real sum = 0;
      for (size_t o = 0; o < p->outer; o++)
        for (size_t i = 0; i < p->inner; i++)
          sum += p->a[m * p->a_row + o * p->a_outer + i * p->a_inner] *
                 p->b[o * p->b_outer + i * p->b_inner + n];
      od_real *c = &p->c[m * p->c_row + n];
      if (p->start == OD_START_BIAS) sum += p->bias[n];
      if (p->start == OD_START_ADD) sum += *c;
      *c = p->relu ? positive(sum) : sum;
    }
}

static void add_weighted(size_t n, const uint32_t *offset, const od_real *value,
                         const od_real *base, size_t length, od_real *out) {
  for (size_t e = 0; e < n; e++)
    for (size_t i = 0; i < length; i++) out[i] += value[e] * base[offset[e] + i];
}

static uint64_t match_bytes(size_t n, const uint8_t *bytes, uint8_t value) {
  uint64_t matches = 0;
  for (size_t i = 0; i < n; i++) matches |= (uint64_t)(bytes[i] == value) << i;
  return matches;
}

static void gray(size_t n, const uint8_t *pixels, const uint16_t weights[3], uint8_t *result) {
  image_gray(n, pixels, weights, result);
}
static void gray_over(size_t n, const uint8_t *pixels, const uint16_t weights[3],
                      uint8_t background, uint8_t *result) {
  image_gray_over(n, pixels, weights, background, result);
}

static void resize_across(size_t n, size_t w, const uint8_t *x, const uint16_t *first,
                          const int16_t *weights, uint16_t *y) {
  image_resize_across(n, w, x, first, weights, y);
}
static void resize_down(size_t n, const uint16_t *top, const uint16_t *bottom, uint16_t weight_top,
                        uint16_t weight_bottom, uint8_t *y) {
  image_resize_down(n, top, bottom, weight_top, weight_bottom, y);
}
static void halve(size_t n, const uint8_t *top, const uint8_t *bottom, uint8_t *y) {
  image_halve(n, top, bottom, y);
}

static void scale_row(size_t n, const uint8_t *x, float scale, float shift, uint8_t *y) {
  scale_plain(n, x, scale, shift, y);
}

static void lowest_of(size_t n, size_t count, const uint8_t *const *rows, uint8_t *y) {
  lowest_of_plain(n, count, rows, y);
}

static void highest_of(size_t n, size_t count, const uint8_t *const *rows, uint8_t *y) {
  highest_of_plain(n, count, rows, y);
}

static void blur_across(size_t n, size_t taps, const uint8_t *x, const uint16_t *half,
                        uint16_t *high, uint16_t *low) {
  blur_across_plain(n, taps, x, half, high, low);
}

static void blur_down(size_t n, size_t taps, const uint16_t *const *high,
                      const uint16_t *const *low, const uint16_t *half, uint8_t *y) {
  blur_down_plain(n, taps, high, low, half, y);
}

static void smooth_across(size_t n, size_t taps, const float *x, const float *weights, float *y) {
  smooth_across_plain(n, taps, x, weights, y);
}

static void smooth_down(size_t n, size_t taps, const float *const *rows, const float *half,
                        uint8_t *y) {
  smooth_down_plain(n, taps, rows, half, y);
}

static void below(size_t n, const uint8_t *x, const float *level, uint8_t *y) {
  below_plain(n, x, level, y);
}

static void below_again(size_t n, const uint8_t *x, const float *level, uint8_t bound, uint8_t *y,
                        uint8_t *over, float squares[16]) {
  below_again_plain(n, x, level, bound, y, over, squares);
}

static void stretch(size_t n, const float *full, float scale, float shift, uint8_t *y) {
  stretch_plain(n, full, scale, shift, y);
}

static void bits_of(size_t n, const uint8_t *x, uint8_t level, uint64_t *bits) {
  for (size_t i = 0; i < n; i += 64) *bits++ = bits_plain(n - i < 64 ? n - i : 64, x + i, level);
}

static od_real float_of(uint16_t bfloat) {
  uint32_t bits = (uint32_t)bfloat << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* Both kinds of words, at x and y. */
static void add_bytes(const unsigned char *x, const unsigned char *y, int32_t *sum) {
  for (int i = 0; i < 4; i++) *sum += x[i] * (int8_t)y[i];
}

static void add_bfloats(const unsigned char *x, const unsigned char *y, od_real *sum) {
  uint16_t a[2], b[2];
  memcpy(a, x, sizeof a);
  memcpy(b, y, sizeof b);
  for (int i = 1; i >= 0; i--) *sum += float_of(a[i]) * float_of(b[i]); /* products are exact */
}

/* Result n of the row of words at `a`. */
static od_real byte_result(const od_dot_product *p, const unsigned char *a, size_t n) {
  int32_t sum = 0;
  for (size_t o = 0; o < p->outer; o++)
    for (size_t w = 0; w < p->words; w++)
      add_bytes(a + o * p->a_outer + 4 * w,
                (const unsigned char *)p->b + 4 * ((o * p->words + w) * p->columns + n), &sum);
  od_real result = (od_real)sum * p->scale[n] + p->bias[n];
  return p->relu ? positive(result) : result;
}

static void byte_product(const od_dot_product *p) {
  for (size_t m = 0; m < p->rows; m++)
    for (size_t n = 0; n < p->columns; n++)
      p->c[m * p->c_row + n] = byte_result(p, (const unsigned char *)p->a + m * p->a_row, n);
}

static void byte_product_pool(const od_dot_product *p) {
  for (size_t m = 0; m < p->rows; m++)
    for (size_t n = 0; n < p->columns; n++) {
      const unsigned char *corner = (const unsigned char *)p->a + 2 * m * p->a_row;
      od_real best = byte_result(p, corner, n);
      for (size_t k = 1; k < 4; k++) {
        od_real other = byte_result(p, corner + k % 2 * p->a_row + k / 2 * p->a_outer, n);
        best = other > best ? other : best;
      }
      p->c[m * p->c_row + n] = best;
    }
}

static void quantize(size_t n, const od_real *x, od_real scale, od_real zero, uint8_t *y) {
  quantize_plain(n, x, scale, zero, y);
}

static void bfloat_product(const od_dot_product *p) {
  for (size_t m = 0; m < p->rows; m++)
    for (size_t n = 0; n < p->columns; n++) {
      od_real sum = p->bias[n];
      for (size_t o = 0; o < p->outer; o++)
        for (size_t w = 0; w < p->words; w++)
          add_bfloats((const unsigned char *)p->a + m * p->a_row + o * p->a_outer + 4 * w,
                      (const unsigned char *)p->b + 4 * ((o * p->words + w) * p->columns + n),
                      &sum);
      p->c[m * p->c_row + n] = p->relu ? positive(sum) : sum;
    }
}

static const od_bfloat_kernels bfloat_kernels = {bfloat_round, bfloat_product, winograd_input_bfloat};
static const od_byte_kernels byte_kernels = {quantize, byte_product, byte_product_pool};

const od_kernels od_kernels_scalar = OD_KERNEL_TABLE("scalar", 0, &bfloat_kernels, &byte_kernels);
