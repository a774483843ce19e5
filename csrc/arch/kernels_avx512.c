/* AVX-512: 32 registers of 16 floats. 14 rows x 2 vectors take 28 of them: one row
 * of the seed's second convolution, 14 pixels of 32 channels, is one block. */
#if defined(__x86_64__) && !defined(OD_DOUBLE)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,fma,prefer-vector-width=512")
#endif

#include "arch/kernels.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "arch/cpu.h"

#define OD_SQRT sqrtf
#include "arch/kernels_loops.h"
#include "arch/image_loops.h"

enum { LANES = 16, ROWS_1 = 14, ROWS_2 = 14, ROWS_4 = 6, ROWS_8 = 2 };
typedef __m512 vector;
typedef __mmask16 mask;

static inline mask mask_of(size_t n) { return (mask)((1u << n) - 1u); }
static inline vector vector_zero(void) { return _mm512_setzero_ps(); }
static inline vector vector_load(const float *p) { return _mm512_loadu_ps(p); }
static inline vector vector_load_some(const float *p, mask m) { return _mm512_maskz_loadu_ps(m, p); }
static inline void vector_store(float *p, vector v) { _mm512_storeu_ps(p, v); }
static inline void vector_store_some(float *p, vector v, mask m) { _mm512_mask_storeu_ps(p, m, v); }
static inline vector vector_broadcast(const float *p) { return _mm512_set1_ps(*p); }
static inline vector vector_fma(vector a, vector b, vector c) { return _mm512_fmadd_ps(a, b, c); }
static inline vector vector_add(vector a, vector b) { return _mm512_add_ps(a, b); }
static inline vector vector_sub(vector a, vector b) { return _mm512_sub_ps(a, b); }
static inline vector vector_max(vector a, vector b) { return _mm512_max_ps(a, b); }
static inline vector vector_where(vector a, vector b, vector x, vector y) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), y, x);
}
static inline void vector_store_bytes(uint8_t *p, vector v) {
  _mm_storeu_si128((__m128i *)(void *)p, _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(v)));
}

typedef __m512i places;
static inline places places_load(const uint8_t *p, size_t n) {
  return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask_of(n), p));
}
static inline __m128i load_pair(const float *p) {
  long long pair;
  memcpy(&pair, p, sizeof pair); /* p is aligned to a float only */
  return _mm_cvtsi64_si128(pair);
}
static inline vector vector_pick(const float *p, const float *q, places chosen) {
  __m128 four = _mm_castsi128_ps(_mm_unpacklo_epi64(load_pair(p), load_pair(q)));
  return _mm512_permutevar_ps(_mm512_broadcast_f32x4(four), chosen); /* by the low two bits */
}

#include "arch/kernels_vector.h"
#include "arch/kernels_pool.h"
#include "arch/kernels_winograd.h"

static uint64_t match_bytes(size_t n, const uint8_t *bytes, uint8_t value) {
  __mmask64 some = n < 64 ? ((uint64_t)1 << n) - 1 : ~(uint64_t)0;
  return _mm512_mask_cmpeq_epi8_mask(some, _mm512_maskz_loadu_epi8(some, bytes),
                                     _mm512_set1_epi8((char)value));
}

enum { BYTES = 64 };
typedef __m512i bytes;
static inline bytes bytes_load(const uint8_t *p) { return _mm512_loadu_si512(p); }
static inline void bytes_store(uint8_t *p, bytes v) { _mm512_storeu_si512(p, v); }
static inline bytes bytes_lowest(bytes a, bytes b) { return _mm512_min_epu8(a, b); }
static inline bytes bytes_highest(bytes a, bytes b) { return _mm512_max_epu8(a, b); }

enum { WORDS = 32 };
typedef __m512i words;
static inline words words_load(const uint16_t *p) { return _mm512_loadu_si512(p); }
static inline void words_store(uint16_t *p, words v) { _mm512_storeu_si512(p, v); }
static inline words words_of_bytes(const uint8_t *p) {
  return _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
static inline words words_set(uint16_t x) { return _mm512_set1_epi16((short)x); }
static inline words words_add(words a, words b) { return _mm512_add_epi16(a, b); }
static inline words words_multiply(words a, words b) { return _mm512_mullo_epi16(a, b); }
static inline words words_high(words v) { return _mm512_srli_epi16(v, 8); }
static inline words words_low(words v) { return _mm512_and_si512(v, _mm512_set1_epi16(255)); }
static inline void words_store_bytes(uint8_t *p, words v) {
  _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtepi16_epi8(v));
}
static inline vector vector_multiply(vector a, vector b) { return _mm512_mul_ps(a, b); }
static inline vector vector_of_bytes(const uint8_t *p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
}
static inline void vector_store_rounded(uint8_t *p, vector v) {
  const __m512i wide = _mm512_max_epi32(_mm512_cvtps_epi32(v), _mm512_setzero_si512());
  _mm_storeu_si128((__m128i *)(void *)p, _mm512_cvtusepi32_epi8(wide));
}

#include "arch/image_vector.h"
#include "arch/image_x86.h"

const od_kernels od_kernels_avx512 = OD_KERNEL_TABLE("avx512", OD_CPU_AVX512);

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int od_no_avx512; /* ISO C wants a declaration in every file */
#endif
