/* AArch64 with dot products: one instruction for four products of bytes a lane. */
#if defined(__aarch64__) && !defined(OD_DOUBLE)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#else
#pragma GCC target("arch=armv8.2-a+dotprod")
#endif

#include "kernels/kernels.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/vector.h"
#include "kernels/neon_vector.inc.h"

static inline vector vector_dot_int8(vector sum, vector a, vector b) {
  return vreinterpretq_f32_s32(
      vdotq_s32(vreinterpretq_s32_f32(sum), vreinterpretq_s8_f32(a), vreinterpretq_s8_f32(b)));
}

#define OD_RINT rintf
#define OD_HAS_INT8
#include "kernels/low_precision.inc.h"

const od_int8_kernels od_int8_neon_dot = {int8_quantize, int8_gemm, int8_gemm_max_pool};

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int od_no_neon_dot; /* ISO C requires a declaration in every file */
#endif
