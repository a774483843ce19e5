/* SIMD of WebAssembly: registers of 4 floats, as many as the machine below has; 16 are assumed. A
 * module that has such instructions runs only where they are supported, so that nothing is detected
 * at run time. There is no fused multiply-add: products are rounded, as in scalar.c. */
#if defined(__wasm_simd128__) && !defined(OD_DOUBLE)

#include "kernels/kernels.h"

#include <math.h>
#include <string.h>
#include <wasm_simd128.h>

#include "kernels/cpu.h"

#define OD_SQRT sqrtf
#define OD_RINT rintf
#include "kernels/elementwise.inc.h"
#include "kernels/image_loops.inc.h"

enum { LANES = 4, GEMM_ROWS_1 = 6, GEMM_ROWS_2 = 6, GEMM_ROWS_4 = 3, GEMM_ROWS_8 = 1 };
enum { LOW_PRECISION_ROWS_1 = 6, LOW_PRECISION_ROWS_2 = 4, LOW_PRECISION_ROWS_4 = 2 };
typedef v128_t vector;
typedef size_t mask; /* how many lanes; there is no masked access */

static inline mask mask_of(size_t n) { return n; }
static inline vector vector_zero(void) { return wasm_f32x4_const_splat(0); }
static inline vector vector_load(const float *p) { return wasm_v128_load(p); }
static inline vector vector_load_some(const float *p, mask m) {
  float lanes[4] = {0};
  for (size_t i = 0; i < m; i++) lanes[i] = p[i];
  return wasm_v128_load(lanes);
}
static inline void vector_store(float *p, vector v) { wasm_v128_store(p, v); }
static inline void vector_store_some(float *p, vector v, mask m) {
  float lanes[4];
  wasm_v128_store(lanes, v);
  for (size_t i = 0; i < m; i++) p[i] = lanes[i];
}
static inline vector vector_broadcast(const float *p) { return wasm_v128_load32_splat(p); }
static inline vector vector_add(vector a, vector b) { return wasm_f32x4_add(a, b); }
static inline vector vector_sub(vector a, vector b) { return wasm_f32x4_sub(a, b); }
static inline vector vector_multiply(vector a, vector b) { return wasm_f32x4_mul(a, b); }
static inline vector vector_divide(vector a, vector b) { return wasm_f32x4_div(a, b); }
static inline vector vector_fma(vector a, vector b, vector c) {
  return vector_add(vector_multiply(a, b), c);
}
/* The pseudo-maximum of (b, a) is b < a ? a : b, their pseudo-minimum a < b ? a : b. */
static inline vector vector_max(vector a, vector b) { return wasm_f32x4_pmax(b, a); }
static inline vector vector_min(vector a, vector b) { return wasm_f32x4_pmin(b, a); }
static inline vector vector_where(vector a, vector b, vector x, vector y) {
  return wasm_v128_bitselect(x, y, wasm_f32x4_gt(a, b));
}
/* Integers of 32 bits as bytes, saturating. */
static inline void store_int32_as_bytes(uint8_t *p, vector v) {
  const vector narrow = wasm_i16x8_narrow_i32x4(v, v);
  wasm_v128_store32_lane(p, wasm_u8x16_narrow_i16x8(narrow, narrow), 0);
}
static inline void vector_store_bytes(uint8_t *p, vector v) {
  store_int32_as_bytes(p, wasm_i32x4_trunc_sat_f32x4(v));
}
static inline void vector_store_rounded(uint8_t *p, vector v) {
  store_int32_as_bytes(p, wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(v)));
}
static inline vector vector_broadcast_word(const void *p) { return wasm_v128_load32_splat(p); }
static inline vector vector_max_int32(vector a, vector b) { return wasm_i32x4_max(a, b); }
static inline vector vector_from_int32(vector v) { return wasm_f32x4_convert_i32x4(v); }

typedef v128_t places; /* the bytes of each lane's number among 16 */
static inline places places_load(const uint8_t *p, size_t n) {
  uint32_t first[4] = {0};
  for (size_t i = 0; i < n; i++) first[i] = (uint32_t)(p[i] & 3) * 0x04040404u;
  return wasm_i32x4_add(wasm_v128_load(first), wasm_u32x4_const_splat(0x03020100u));
}
static inline vector vector_pick(const float *p, const float *q, places chosen) {
  const v128_t four = wasm_i64x2_shuffle(wasm_v128_load64_zero(p), wasm_v128_load64_zero(q), 0, 2);
  return wasm_i8x16_swizzle(four, chosen);
}

/* A product of int8 fits 16 bits; the sums of two are added in 32. */
static inline vector vector_dot_int8(vector sum, vector a, vector b) {
  const v128_t first = wasm_i32x4_extadd_pairwise_i16x8(wasm_i16x8_extmul_low_i8x16(a, b));
  const v128_t last = wasm_i32x4_extadd_pairwise_i16x8(wasm_i16x8_extmul_high_i8x16(a, b));
  const v128_t pairs = wasm_i32x4_add(wasm_i32x4_shuffle(first, last, 0, 2, 4, 6),
                                      wasm_i32x4_shuffle(first, last, 1, 3, 5, 7));
  return wasm_i32x4_add(sum, pairs);
}
/* A bfloat16 is the upper half of a float; products of two are exact. */
static inline vector upper(vector v) {
  return wasm_v128_and(v, wasm_u32x4_const_splat(0xffff0000u));
}
static inline vector lower(vector v) { return wasm_i32x4_shl(v, 16); }
static inline vector vector_dot_bfloat16(vector sum, vector a, vector b) {
  return vector_fma(lower(a), lower(b), vector_fma(upper(a), upper(b), sum));
}
static inline void vector_store_bfloat16(void *to, vector v) {
  const v128_t odd = wasm_v128_and(wasm_u32x4_shr(v, 16), wasm_u32x4_const_splat(1));
  const v128_t rounded = wasm_i32x4_add(v, wasm_i32x4_add(odd, wasm_u32x4_const_splat(0x7fff)));
  const v128_t quiet = wasm_v128_or(v, wasm_u32x4_const_splat(0x400000));
  const v128_t bits = wasm_v128_bitselect(rounded, quiet, wasm_f32x4_eq(v, v));
  const v128_t halves = wasm_u32x4_shr(bits, 16);
  wasm_v128_store64_lane(to, wasm_u16x8_narrow_i32x4(halves, halves), 0);
}

#define OD_HAS_VECTOR
#define OD_HAS_ROUNDING
#define OD_HAS_PICK
#define OD_HAS_INT8
#define OD_HAS_BFLOAT16

#include "kernels/gemm.inc.h"
#include "kernels/low_precision.inc.h"
#include "kernels/pool.inc.h"
#include "kernels/winograd.inc.h"

enum { BYTES = 16 };
typedef v128_t bytes;
static inline bytes bytes_load(const uint8_t *p) { return wasm_v128_load(p); }
static inline void bytes_store(uint8_t *p, bytes v) { wasm_v128_store(p, v); }
static inline bytes bytes_min(bytes a, bytes b) { return wasm_u8x16_min(a, b); }
static inline bytes bytes_max(bytes a, bytes b) { return wasm_u8x16_max(a, b); }
static inline bytes bytes_set(uint8_t x) { return wasm_u8x16_splat(x); }
static inline uint64_t bytes_compare(bytes a, bytes b) {
  return wasm_i8x16_bitmask(wasm_u8x16_ge(a, b));
}

static uint64_t match_bytes(size_t n, const uint8_t *p, uint8_t value) {
  uint64_t matches = 0;
  size_t i = 0;
  for (; i + BYTES <= n; i += BYTES)
    matches |= (uint64_t)wasm_i8x16_bitmask(wasm_i8x16_eq(bytes_load(p + i), bytes_set(value)))
               << i;
  for (; i < n; i++) matches |= (uint64_t)(p[i] == value) << i;
  return matches;
}

enum { WORDS = 8 };
typedef v128_t words;
static inline words words_load(const uint16_t *p) { return wasm_v128_load(p); }
static inline void words_store(uint16_t *p, words v) { wasm_v128_store(p, v); }
static inline words words_from_bytes(const uint8_t *p) { return wasm_u16x8_load8x8(p); }
static inline words words_set(uint16_t x) { return wasm_u16x8_splat(x); }
static inline words words_add(words a, words b) { return wasm_i16x8_add(a, b); }
static inline words words_multiply(words a, words b) { return wasm_i16x8_mul(a, b); }
static inline words words_high(words v) { return wasm_u16x8_shr(v, 8); }
static inline words words_low(words v) { return wasm_v128_and(v, wasm_u16x8_const_splat(255)); }
static inline void words_store_bytes(uint8_t *p, words v) {
  wasm_v128_store64_lane(p, wasm_u8x16_narrow_i16x8(v, v), 0);
}
static inline vector vector_from_bytes(const uint8_t *p) {
  const v128_t eight = wasm_u16x8_extend_low_u8x16(wasm_v128_load32_zero(p));
  return wasm_f32x4_convert_u32x4(wasm_u32x4_extend_low_u16x8(eight));
}

/* a * b + c of doubles that are floats: the product is exact, and the sum is rounded to odd, so
 * that rounding it to floats is the only rounding (Boldo and Melquiond, 2008). */
static inline v128_t fma_doubles(v128_t a, v128_t b, v128_t c) {
  const v128_t product = wasm_f64x2_mul(a, b), sum = wasm_f64x2_add(product, c);
  const v128_t part = wasm_f64x2_sub(sum, product);
  const v128_t rest = wasm_f64x2_add(wasm_f64x2_sub(product, wasm_f64x2_sub(sum, part)),
                                     wasm_f64x2_sub(c, part)); /* what the sum lacks */
  const v128_t zero = wasm_f64x2_const_splat(0), one = wasm_i64x2_const_splat(1);
  const v128_t even = wasm_i64x2_eq(wasm_v128_and(sum, one), wasm_i64x2_const_splat(0));
  const v128_t inexact = wasm_v128_or(wasm_f64x2_lt(rest, zero), wasm_f64x2_gt(rest, zero));
  /* To the odd neighbour on the side of the rest: 1 if it has the sign of the sum, else -1. */
  const v128_t step = wasm_v128_or(wasm_i64x2_shr(wasm_v128_xor(rest, sum), 63), one);
  return wasm_i64x2_add(sum, wasm_v128_and(step, wasm_v128_and(even, inexact)));
}
static inline v128_t upper_half(v128_t v) { return wasm_i64x2_shuffle(v, v, 1, 1); }
static inline vector vector_fma_once(vector a, vector b, vector c) {
  const v128_t low = fma_doubles(wasm_f64x2_promote_low_f32x4(a), wasm_f64x2_promote_low_f32x4(b),
                                 wasm_f64x2_promote_low_f32x4(c));
  const v128_t high = fma_doubles(wasm_f64x2_promote_low_f32x4(upper_half(a)),
                                  wasm_f64x2_promote_low_f32x4(upper_half(b)),
                                  wasm_f64x2_promote_low_f32x4(upper_half(c)));
  return wasm_i64x2_shuffle(wasm_f32x4_demote_f64x2_zero(low), wasm_f32x4_demote_f64x2_zero(high),
                            0, 2);
}

#define OD_HAS_IMAGE_VECTORS

#include "kernels/image_vector.inc.h"

static const od_bfloat16_kernels bfloat16_kernels = {bfloat16_round, bfloat16_gemm,
                                                     winograd_input_bfloat16};
static const od_int8_kernels int8_kernels = {int8_quantize, int8_gemm, int8_gemm_max_pool};

const od_kernels od_kernels_simd128 =
    OD_KERNEL_TABLE("simd128", OD_CPU_SIMD128, &bfloat16_kernels, &int8_kernels,
                    OD_IMAGE_KERNEL_TABLE(vector, plain));

#else
typedef int od_no_simd128; /* ISO C requires a declaration in every file */
#endif
