/* AVX-512: 32 registers of 16 floats. 14 rows x 2 vectors take 28 of them: one row
 * of the seed's second convolution, 14 pixels of 32 channels, is one block. */
#if defined(__x86_64__) && !defined(OD_DOUBLE)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,fma,prefer-vector-width=512")
#endif

#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

#include "kernels/cpu.h"

#define OD_SQRT sqrtf
#define OD_RINT rintf
#include "kernels/elementwise.inc.h"
#include "kernels/image_loops.inc.h"
#define OD_HAS_AVX512
#include "kernels/avx512_vector.inc.h"

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

/* Low precision without its own instructions: a product of int8 fits 16 bits, as do two, since
 * those of a are at most 127; a bfloat16 is the upper half of a float. */
static inline vector vector_dot_int8(vector sum, vector a, vector b) {
  __m512i pairs = _mm512_maddubs_epi16(_mm512_castps_si512(a), _mm512_castps_si512(b));
  __m512i four = _mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(sum), four));
}
static inline vector upper(vector v) {
  return _mm512_castsi512_ps(
      _mm512_and_si512(_mm512_castps_si512(v), _mm512_set1_epi32((int)0xffff0000)));
}
static inline vector lower(vector v) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(v), 16));
}
static inline vector vector_dot_bfloat16(vector sum, vector a, vector b) {
  return vector_fma(lower(a), lower(b), vector_fma(upper(a), upper(b), sum));
}
static inline void vector_store_bfloat16(void *to, vector v) {
  __m512i bits = _mm512_castps_si512(v), odd = _mm512_set1_epi32(1);
  odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), odd);
  __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
  rounded = _mm512_mask_blend_epi32(_mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), rounded, quiet);
  _mm256_storeu_si256(to, _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16)));
}

#define OD_HAS_PICK
#define OD_HAS_INT8
#define OD_HAS_BFLOAT16
#define OD_HAS_AVX2

#include "kernels/gemm.inc.h"
#include "kernels/low_precision.inc.h"
#include "kernels/pool.inc.h"
#include "kernels/winograd.inc.h"

static uint64_t match_bytes(size_t n, const uint8_t *bytes, uint8_t value) {
  __mmask64 some = n < 64 ? ((uint64_t)1 << n) - 1 : ~(uint64_t)0;
  return _mm512_mask_cmpeq_epi8_mask(some, _mm512_maskz_loadu_epi8(some, bytes),
                                     _mm512_set1_epi8((char)value));
}

enum { BYTES = 64 };
typedef __m512i bytes;
static inline bytes bytes_load(const uint8_t *p) { return _mm512_loadu_si512(p); }
static inline void bytes_store(uint8_t *p, bytes v) { _mm512_storeu_si512(p, v); }
static inline bytes bytes_min(bytes a, bytes b) { return _mm512_min_epu8(a, b); }
static inline bytes bytes_max(bytes a, bytes b) { return _mm512_max_epu8(a, b); }
static inline bytes bytes_set(uint8_t x) { return _mm512_set1_epi8((char)x); }
static inline uint64_t bytes_compare(bytes a, bytes b) {
  return _mm512_cmpeq_epi8_mask(_mm512_max_epu8(a, b), a);
}

enum { WORDS = 32 };
typedef __m512i words;
static inline words words_load(const uint16_t *p) { return _mm512_loadu_si512(p); }
static inline void words_store(uint16_t *p, words v) { _mm512_storeu_si512(p, v); }
static inline words words_from_bytes(const uint8_t *p) {
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
static inline vector vector_from_bytes(const uint8_t *p) {
  return _mm512_cvtepi32_ps(
      _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
}
static inline vector vector_divide(vector a, vector b) { return _mm512_div_ps(a, b); }
static inline vector vector_fma_once(vector a, vector b, vector c) { return vector_fma(a, b, c); }

#define OD_HAS_IMAGE_VECTORS

#include "kernels/image_vector.inc.h"
#include "kernels/image_x86.inc.h"

static const od_bfloat16_kernels bfloat16_kernels = {bfloat16_round, bfloat16_gemm,
                                                     winograd_input_bfloat16};
static const od_int8_kernels int8_kernels = {int8_quantize, int8_gemm, int8_gemm_max_pool};

#define OD_IMAGE OD_IMAGE_KERNEL_TABLE(vector, x86)
const od_kernels od_kernels_avx512 =
    OD_KERNEL_TABLE("avx512", OD_CPU_AVX512, &bfloat16_kernels, &int8_kernels, OD_IMAGE);
const od_kernels od_kernels_avx512_vnni = OD_KERNEL_TABLE(
    "avx512", OD_CPU_AVX512 | OD_CPU_VNNI, &bfloat16_kernels, &od_int8_avx512_vnni, OD_IMAGE);
const od_kernels od_kernels_avx512_vnni_bf16 =
    OD_KERNEL_TABLE("avx512", OD_CPU_AVX512 | OD_CPU_VNNI | OD_CPU_BF16, &od_bfloat16_avx512_bf16,
                    &od_int8_avx512_vnni, OD_IMAGE);
#if defined(OD_HAS_AMX)
const od_kernels od_kernels_avx512_amx =
    OD_KERNEL_TABLE("avx512", OD_CPU_AVX512 | OD_CPU_VNNI | OD_CPU_BF16 | OD_CPU_AMX,
                    &od_bfloat16_avx512_bf16, &od_int8_avx512_amx, OD_IMAGE);
#endif

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int od_no_avx512; /* ISO C requires a declaration in every file */
#endif
