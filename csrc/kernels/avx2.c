/* AVX2 with FMA: 16 registers of 8 floats. The widest blocks hold 12 sums, which
 * leaves registers for the weights of a step and a broadcast. */
#if defined(__x86_64__) && !defined(OD_DOUBLE)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#include "kernels/kernels.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "kernels/cpu.h"

#define OD_SQRT sqrtf
#define OD_RINT rintf
#include "kernels/elementwise.inc.h"
#include "kernels/image_loops.inc.h"

enum { LANES = 8, GEMM_ROWS_1 = 6, GEMM_ROWS_2 = 6, GEMM_ROWS_4 = 3, GEMM_ROWS_8 = 1 };
enum { LOW_PRECISION_ROWS_1 = 6, LOW_PRECISION_ROWS_2 = 4, LOW_PRECISION_ROWS_4 = 2 };
typedef __m256 vector;
typedef __m256i mask;

static inline mask mask_of(size_t n) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane);
}
static inline vector vector_zero(void) { return _mm256_setzero_ps(); }
static inline vector vector_load(const float *p) { return _mm256_loadu_ps(p); }
static inline vector vector_load_some(const float *p, mask m) { return _mm256_maskload_ps(p, m); }
static inline void vector_store(float *p, vector v) { _mm256_storeu_ps(p, v); }
static inline void vector_store_some(float *p, vector v, mask m) { _mm256_maskstore_ps(p, m, v); }
static inline vector vector_broadcast(const float *p) { return _mm256_broadcast_ss(p); }
static inline vector vector_fma(vector a, vector b, vector c) { return _mm256_fmadd_ps(a, b, c); }
static inline vector vector_add(vector a, vector b) { return _mm256_add_ps(a, b); }
static inline vector vector_sub(vector a, vector b) { return _mm256_sub_ps(a, b); }
static inline vector vector_multiply(vector a, vector b) { return _mm256_mul_ps(a, b); }
static inline vector vector_max(vector a, vector b) { return _mm256_max_ps(a, b); }
static inline vector vector_min(vector a, vector b) { return _mm256_min_ps(a, b); }
static inline vector vector_where(vector a, vector b, vector x, vector y) {
  return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_GT_OQ));
}
static inline void vector_store_bytes(uint8_t *p, vector v) {
  __m256i wide = _mm256_cvttps_epi32(v);
  __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  _mm_storel_epi64((__m128i *)(void *)p, _mm_packus_epi16(words, words));
}

typedef __m256i places;
static inline places places_load(const uint8_t *p, size_t n) {
  uint8_t bytes[8] = {0};
  if (n < 8) p = memcpy(bytes, p, n);
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
}
static inline __m128i load_pair(const float *p) {
  long long pair;
  memcpy(&pair, p, sizeof pair); /* p is aligned to a float only */
  return _mm_cvtsi64_si128(pair);
}
static inline vector vector_pick(const float *p, const float *q, places chosen) {
  __m128 four = _mm_castsi128_ps(_mm_unpacklo_epi64(load_pair(p), load_pair(q)));
  return _mm256_permutevar_ps(_mm256_set_m128(four, four), chosen); /* by the low two bits */
}

static inline void vector_store_rounded(uint8_t *p, vector v) { /* packing saturates */
  const __m256i wide = _mm256_cvtps_epi32(v);
  __m128i low = _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  _mm_storel_epi64((__m128i *)(void *)p, _mm_packus_epi16(low, low));
}
static inline vector vector_broadcast_word(const void *p) {
  int word;
  memcpy(&word, p, sizeof word);
  return _mm256_castsi256_ps(_mm256_set1_epi32(word));
}
static inline vector vector_max_int32(vector a, vector b) {
  return _mm256_castsi256_ps(_mm256_max_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
}
static inline vector vector_from_int32(vector v) {
  return _mm256_cvtepi32_ps(_mm256_castps_si256(v));
}
/* A product of int8 fits 16 bits, as do two, since those of a are at most 127. */
static inline vector vector_dot_int8(vector sum, vector a, vector b) {
  __m256i pairs = _mm256_maddubs_epi16(_mm256_castps_si256(a), _mm256_castps_si256(b));
  __m256i four = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(sum), four));
}
/* A bfloat16 is the upper half of a float. */
static inline vector upper(vector v) {
  return _mm256_and_ps(v, _mm256_castsi256_ps(_mm256_set1_epi32((int)0xffff0000)));
}
static inline vector lower(vector v) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(v), 16));
}
static inline vector vector_dot_bfloat16(vector sum, vector a, vector b) {
  return vector_fma(lower(a), lower(b), vector_fma(upper(a), upper(b), sum));
}
static inline void vector_store_bfloat16(void *to, vector v) {
  __m256i bits = _mm256_castps_si256(v), odd = _mm256_set1_epi32(1);
  odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), odd);
  __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  vector quiet = _mm256_or_ps(v, _mm256_castsi256_ps(_mm256_set1_epi32(0x400000)));
  vector kept =
      _mm256_blendv_ps(_mm256_castsi256_ps(rounded), quiet, _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  __m256i halves = _mm256_srli_epi32(_mm256_castps_si256(kept), 16);
  __m128i packed =
      _mm_packus_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
  _mm_storeu_si128(to, packed);
}

#define OD_HAS_VECTOR
#define OD_HAS_PICK
#define OD_HAS_ROUNDING
#define OD_HAS_INT8
#define OD_HAS_BFLOAT16
#define OD_HAS_AVX2

#include "kernels/gemm.inc.h"
#include "kernels/low_precision.inc.h"
#include "kernels/pool.inc.h"
#include "kernels/winograd.inc.h"

static uint64_t match_bytes(size_t n, const uint8_t *bytes, uint8_t value) {
  const __m256i wanted = _mm256_set1_epi8((char)value);
  uint64_t matches = 0;
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    __m256i some = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + i));
    matches |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(some, wanted)) << i;
  }
  for (; i < n; i++) matches |= (uint64_t)(bytes[i] == value) << i;
  return matches;
}

enum { BYTES = 32 };
typedef __m256i bytes;
static inline bytes bytes_load(const uint8_t *p) {
  return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
static inline void bytes_store(uint8_t *p, bytes v) {
  _mm256_storeu_si256((__m256i *)(void *)p, v);
}
static inline bytes bytes_min(bytes a, bytes b) { return _mm256_min_epu8(a, b); }
static inline bytes bytes_max(bytes a, bytes b) { return _mm256_max_epu8(a, b); }
static inline bytes bytes_set(uint8_t x) { return _mm256_set1_epi8((char)x); }
static inline uint64_t bytes_compare(bytes a, bytes b) {
  return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_max_epu8(a, b), a));
}

enum { WORDS = 16 };
typedef __m256i words;
static inline words words_load(const uint16_t *p) {
  return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
static inline void words_store(uint16_t *p, words v) {
  _mm256_storeu_si256((__m256i *)(void *)p, v);
}
static inline words words_from_bytes(const uint8_t *p) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
}
static inline words words_set(uint16_t x) { return _mm256_set1_epi16((short)x); }
static inline words words_add(words a, words b) { return _mm256_add_epi16(a, b); }
static inline words words_multiply(words a, words b) { return _mm256_mullo_epi16(a, b); }
static inline words words_high(words v) { return _mm256_srli_epi16(v, 8); }
static inline words words_low(words v) { return _mm256_and_si256(v, _mm256_set1_epi16(255)); }
static inline void words_store_bytes(uint8_t *p, words v) {
  __m128i low = _mm256_castsi256_si128(v), high = _mm256_extracti128_si256(v, 1);
  _mm_storeu_si128((__m128i *)(void *)p, _mm_packus_epi16(low, high));
}
static inline vector vector_from_bytes(const uint8_t *p) {
  return _mm256_cvtepi32_ps(
      _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}
static inline vector vector_divide(vector a, vector b) { return _mm256_div_ps(a, b); }
static inline vector vector_fma_once(vector a, vector b, vector c) { return vector_fma(a, b, c); }

#define OD_HAS_IMAGE_VECTORS

#include "kernels/image_vector.inc.h"
#include "kernels/image_x86.inc.h"

static const od_bfloat16_kernels bfloat16_kernels = {bfloat16_round, bfloat16_gemm,
                                                     winograd_input_bfloat16};
static const od_int8_kernels int8_kernels = {int8_quantize, int8_gemm, int8_gemm_max_pool};

#define OD_IMAGE OD_IMAGE_KERNEL_TABLE(vector, x86)
const od_kernels od_kernels_avx2 =
    OD_KERNEL_TABLE("avx2", OD_CPU_AVX2, &bfloat16_kernels, &int8_kernels, OD_IMAGE);

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int od_no_avx2; /* ISO C requires a declaration in every file */
#endif
