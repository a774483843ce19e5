/* AVX-512 VNNI: one instruction for four products of bytes a lane. */
#if defined(__x86_64__) && !defined(OD_DOUBLE)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,prefer-vector-width=512")
#endif

#include "kernels/kernels.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/unroll.h"
#include "kernels/vectors_avx512.h"

/* In assembly, as compilers copy the sums of _mm512_dpbusd_epi32 from register to register. */
static inline vector vector_dot_bytes(vector sum, vector a, vector b) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  return sum;
}

#define OD_RINT rintf
#define OD_BYTES
#include "kernels/low_precision.inc.h"

const od_byte_kernels od_bytes_avx512_vnni = {quantize, byte_product, byte_product_pool};

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int od_no_avx512_vnni; /* ISO C wants a declaration in every file */
#endif
