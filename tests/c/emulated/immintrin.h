/* Replaces the compiler's immintrin.h when csrc/kernels/avx512.c is compiled for machines without
 * AVX-512: its intrinsics as SIMDe's portable functions, so that the same source is tested against
 * the reference there. The second part has the few that SIMDe 0.7 lacks, unless a later version
 * defines them. */
#ifndef EMULATED_IMMINTRIN_H
#define EMULATED_IMMINTRIN_H

/* The file's own `#pragma GCC target` would let the compiler use missing instructions. */
#pragma GCC reset_options

#define SIMDE_NO_NATIVE
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

#if !defined(__mmask16)
#define __mmask16 simde__mmask16
#endif
#if !defined(__mmask64)
#define __mmask64 simde__mmask64
#endif

/* Masked memory access touches no lane outside the mask. */
#if !defined(_mm512_maskz_loadu_ps)
#define _mm512_maskz_loadu_ps emulated_maskz_loadu_ps
static inline __m512 emulated_maskz_loadu_ps(__mmask16 mask, const void *from) {
  float lanes[16] = {0};
  for (int i = 0; i < 16; i++)
    if (mask >> i & 1) lanes[i] = ((const float *)from)[i];
  return _mm512_loadu_ps(lanes);
}
#endif
#if !defined(_mm512_mask_storeu_ps)
#define _mm512_mask_storeu_ps emulated_mask_storeu_ps
static inline void emulated_mask_storeu_ps(void *to, __mmask16 mask, __m512 value) {
  float lanes[16];
  _mm512_storeu_ps(lanes, value);
  for (int i = 0; i < 16; i++)
    if (mask >> i & 1) ((float *)to)[i] = lanes[i];
}
#endif
#if !defined(_mm_maskz_loadu_epi8)
#define _mm_maskz_loadu_epi8 emulated_maskz_loadu_epi8_128
static inline __m128i emulated_maskz_loadu_epi8_128(__mmask16 mask, const void *from) {
  signed char lanes[16] = {0};
  for (int i = 0; i < 16; i++)
    if (mask >> i & 1) lanes[i] = ((const signed char *)from)[i];
  return _mm_loadu_si128((const __m128i *)(const void *)lanes);
}
#endif
#if !defined(_mm512_maskz_loadu_epi8)
#define _mm512_maskz_loadu_epi8 emulated_maskz_loadu_epi8
static inline __m512i emulated_maskz_loadu_epi8(__mmask64 mask, const void *from) {
  signed char lanes[64] = {0};
  for (int i = 0; i < 64; i++)
    if (mask >> i & 1) lanes[i] = ((const signed char *)from)[i];
  return _mm512_loadu_si512(lanes);
}
#endif

/* SIMDe rounds twice here; some sums must have the bits of the fused operation. */
#undef _mm512_fmadd_ps
#define _mm512_fmadd_ps emulated_fmadd_ps
static inline __m512 emulated_fmadd_ps(__m512 a, __m512 b, __m512 c) {
  float x[16], y[16], z[16];
  _mm512_storeu_ps(x, a);
  _mm512_storeu_ps(y, b);
  _mm512_storeu_ps(z, c);
  for (int i = 0; i < 16; i++) z[i] = __builtin_fmaf(x[i], y[i], z[i]);
  return _mm512_loadu_ps(z);
}

/* SIMDe 0.7 has this name for another function. */
#undef _mm512_madd_epi16
#define _mm512_madd_epi16 emulated_madd_epi16
static inline __m512i emulated_madd_epi16(__m512i a, __m512i b) {
  short x[32], y[32];
  int lanes[16];
  _mm512_storeu_si512(x, a);
  _mm512_storeu_si512(y, b);
  for (int i = 0; i < 16; i++) lanes[i] = x[2 * i] * y[2 * i] + x[2 * i + 1] * y[2 * i + 1];
  return _mm512_loadu_si512(lanes);
}

/* Conversions: bytes to numbers of 32 bits and back, floats to those by cutting off. */
#if !defined(_mm512_cvtepu8_epi32)
#define _mm512_cvtepu8_epi32 emulated_cvtepu8_epi32
static inline __m512i emulated_cvtepu8_epi32(__m128i bytes) {
  unsigned char from[16];
  int lanes[16];
  _mm_storeu_si128((__m128i *)(void *)from, bytes);
  for (int i = 0; i < 16; i++) lanes[i] = from[i];
  return _mm512_loadu_si512(lanes);
}
#endif
#if !defined(_mm512_cvtepi32_epi8)
#define _mm512_cvtepi32_epi8 emulated_cvtepi32_epi8
static inline __m128i emulated_cvtepi32_epi8(__m512i numbers) {
  int from[16];
  unsigned char lanes[16];
  _mm512_storeu_si512(from, numbers);
  for (int i = 0; i < 16; i++) lanes[i] = (unsigned char)from[i];
  return _mm_loadu_si128((const __m128i *)(const void *)lanes);
}
#endif
#if !defined(_mm512_cvtepi32_epi16)
#define _mm512_cvtepi32_epi16 emulated_cvtepi32_epi16
static inline __m256i emulated_cvtepi32_epi16(__m512i numbers) {
  int from[16];
  unsigned short lanes[16];
  _mm512_storeu_si512(from, numbers);
  for (int i = 0; i < 16; i++) lanes[i] = (unsigned short)from[i];
  return _mm256_loadu_si256((const __m256i *)(const void *)lanes);
}
#endif
#if !defined(_mm512_cvtepi32_ps)
#define _mm512_cvtepi32_ps emulated_cvtepi32_ps
static inline __m512 emulated_cvtepi32_ps(__m512i numbers) {
  int from[16];
  float lanes[16];
  _mm512_storeu_si512(from, numbers);
  for (int i = 0; i < 16; i++) lanes[i] = (float)from[i];
  return _mm512_loadu_ps(lanes);
}
#endif
#if !defined(_mm512_cvtps_epi32)
#define _mm512_cvtps_epi32 emulated_cvtps_epi32
static inline __m512i emulated_cvtps_epi32(__m512 numbers) {
  float from[16];
  int lanes[16];
  _mm512_storeu_ps(from, numbers);
  for (int i = 0; i < 16; i++) lanes[i] = (int)__builtin_rintf(from[i]);
  return _mm512_loadu_si512(lanes);
}
#endif
#if !defined(_mm512_cvtusepi32_epi8)
#define _mm512_cvtusepi32_epi8 emulated_cvtusepi32_epi8
static inline __m128i emulated_cvtusepi32_epi8(__m512i numbers) {
  unsigned from[16];
  unsigned char lanes[16];
  _mm512_storeu_si512(from, numbers);
  for (int i = 0; i < 16; i++) lanes[i] = (unsigned char)(from[i] > 255 ? 255 : from[i]);
  return _mm_loadu_si128((const __m128i *)(const void *)lanes);
}
#endif
#if !defined(_mm512_cvtepu8_epi16)
#define _mm512_cvtepu8_epi16 emulated_cvtepu8_epi16
static inline __m512i emulated_cvtepu8_epi16(__m256i bytes) {
  unsigned char from[32];
  unsigned short lanes[32];
  _mm256_storeu_si256((__m256i *)(void *)from, bytes);
  for (int i = 0; i < 32; i++) lanes[i] = from[i];
  return _mm512_loadu_si512(lanes);
}
#endif
#if !defined(_mm512_cvttps_epi32)
#define _mm512_cvttps_epi32 emulated_cvttps_epi32
static inline __m512i emulated_cvttps_epi32(__m512 numbers) {
  float from[16];
  int lanes[16];
  _mm512_storeu_ps(from, numbers);
  for (int i = 0; i < 16; i++) lanes[i] = (int)from[i];
  return _mm512_loadu_si512(lanes);
}
#endif

/* Each lane picks one of its own four neighbours, by the low two bits. */
#if !defined(_mm512_permutevar_ps)
#define _mm512_permutevar_ps emulated_permutevar_ps
static inline __m512 emulated_permutevar_ps(__m512 numbers, __m512i picks) {
  float from[16], lanes[16];
  int pick[16];
  _mm512_storeu_ps(from, numbers);
  _mm512_storeu_si512(pick, picks);
  for (int i = 0; i < 16; i++) lanes[i] = from[i / 4 * 4 + (pick[i] & 3)];
  return _mm512_loadu_ps(lanes);
}
#endif

#endif
