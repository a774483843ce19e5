/* AVX-512 VNNI: one instruction for four products of bytes a lane. */
#if defined(__x86_64__) && !defined(OD_DOUBLE)

#if defined(__clang__)
#pragma clang attribute push(                                                     \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma"))), \
    apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,prefer-vector-width=512")
#endif

#include "kernels/kernels.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/vector.h"
#define OD_HAS_AVX512
#include "kernels/avx512_vector.inc.h"

/* In assembly, as compilers copy the sums of _mm512_dpbusd_epi32 from register to register. */
static inline vector vector_dot_int8(vector sum, vector a, vector b) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  return sum;
}

#define OD_RINT rintf
#define OD_HAS_INT8
#include "kernels/low_precision.inc.h"

const od_int8_kernels od_int8_avx512_vnni = {int8_quantize, int8_gemm, int8_gemm_max_pool};

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int od_no_avx512_vnni; /* ISO C requires a declaration in every file */
#endif
