/* AVX-512 BF16: one instruction for two products of bfloat16 a lane. */
#if defined(__x86_64__) && !defined(OD_DOUBLE)

#if defined(__clang__)
#pragma clang attribute push(                                                     \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,fma"))), \
    apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,fma,prefer-vector-width=512")
#endif

#include "kernels/kernels.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/vector.h"
#define OD_HAS_AVX512
#include "kernels/avx512_vector.inc.h"

static inline vector vector_dot_bfloat16(vector sum, vector a, vector b) {
  return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_castps_si512(a), (__m512bh)_mm512_castps_si512(b));
}
static inline void vector_store_bfloat16(void *to, vector v) {
  _mm256_storeu_si256(to, (__m256i)_mm512_cvtneps_pbh(v));
}

#define OD_HAS_BFLOAT16
#define OD_WINOGRAD_BFLOAT16_ONLY
#include "kernels/low_precision.inc.h"
#include "kernels/winograd.inc.h"

const od_bfloat16_kernels od_bfloat16_avx512_bf16 = {bfloat16_round, bfloat16_gemm,
                                                     winograd_input_bfloat16};

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int od_no_avx512_bf16; /* ISO C requires a declaration in every file */
#endif
