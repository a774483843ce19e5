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

#include "kernels/unroll.h"
#include "kernels/vectors_neon.h"

static inline vector vector_dot_bytes(vector sum, vector a, vector b) {
  return vreinterpretq_f32_s32(vdotq_s32(vreinterpretq_s32_f32(sum), vreinterpretq_s8_f32(a),
                                         vreinterpretq_s8_f32(b)));
}

#define OD_RINT rintf
#define OD_BYTES
#include "kernels/low_precision.inc.h"

const od_byte_kernels od_bytes_neon_dot = {quantize, byte_product, byte_product_pool};

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int od_no_neon_dot; /* ISO C wants a declaration in every file */
#endif
