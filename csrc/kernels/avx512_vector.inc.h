/* The vector operations of AVX-512 (see vector.h): 32 registers of 16 floats. For avx512.c,
 * avx512_vnni.c and avx512_bf16.c. The includer defines
 *
 *   OD_HAS_AVX512  if its target has AVX-512 F, BW, DQ and VL */
#if !defined(OD_HAS_AVX512)
#error "avx512_vector.inc.h: the includer must have a target with AVX-512 (OD_HAS_AVX512)"
#endif

#include <immintrin.h>
#include <string.h>

enum { LANES = 16, GEMM_ROWS_1 = 14, GEMM_ROWS_2 = 14, GEMM_ROWS_4 = 6, GEMM_ROWS_8 = 2 };
enum { LOW_PRECISION_ROWS_1 = 14, LOW_PRECISION_ROWS_2 = 14, LOW_PRECISION_ROWS_4 = 6 };
typedef __m512 vector;
typedef __mmask16 mask;

static inline mask mask_of(size_t n) { return (mask)((1u << n) - 1u); }
static inline vector vector_zero(void) { return _mm512_setzero_ps(); }
static inline vector vector_load(const float *p) { return _mm512_loadu_ps(p); }
static inline vector vector_load_some(const float *p, mask m) {
  return _mm512_maskz_loadu_ps(m, p);
}
static inline void vector_store(float *p, vector v) { _mm512_storeu_ps(p, v); }
static inline void vector_store_some(float *p, vector v, mask m) { _mm512_mask_storeu_ps(p, m, v); }
static inline vector vector_broadcast(const float *p) { return _mm512_set1_ps(*p); }
static inline vector vector_fma(vector a, vector b, vector c) { return _mm512_fmadd_ps(a, b, c); }
static inline vector vector_add(vector a, vector b) { return _mm512_add_ps(a, b); }
static inline vector vector_sub(vector a, vector b) { return _mm512_sub_ps(a, b); }
static inline vector vector_multiply(vector a, vector b) { return _mm512_mul_ps(a, b); }
static inline vector vector_max(vector a, vector b) { return _mm512_max_ps(a, b); }
static inline vector vector_min(vector a, vector b) { return _mm512_min_ps(a, b); }
static inline vector vector_where(vector a, vector b, vector x, vector y) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), y, x);
}
static inline void vector_store_bytes(uint8_t *p, vector v) {
  _mm_storeu_si128((__m128i *)(void *)p, _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(v)));
}
static inline void vector_store_rounded(uint8_t *p, vector v) {
  const __m512i wide = _mm512_max_epi32(_mm512_cvtps_epi32(v), _mm512_setzero_si512());
  _mm_storeu_si128((__m128i *)(void *)p, _mm512_cvtusepi32_epi8(wide));
}
static inline vector vector_broadcast_word(const void *p) {
  int word;
  memcpy(&word, p, sizeof word);
  return _mm512_castsi512_ps(_mm512_set1_epi32(word));
}
static inline vector vector_max_int32(vector a, vector b) {
  return _mm512_castsi512_ps(_mm512_max_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
}
static inline vector vector_from_int32(vector v) {
  return _mm512_cvtepi32_ps(_mm512_castps_si512(v));
}
#define OD_HAS_VECTOR
#define OD_HAS_ROUNDING
