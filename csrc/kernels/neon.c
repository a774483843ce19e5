/* NEON on AArch64: 32 registers of 4 floats. 6 rows x 4 vectors take 24 of them. */
#if defined(__aarch64__) && !defined(OD_DOUBLE)

#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

#include "kernels/cpu.h"

#define OD_SQRT sqrtf
#define OD_RINT rintf
#include "kernels/elementwise.inc.h"
#include "kernels/image_loops.inc.h"
#include "kernels/neon_vector.inc.h"

typedef uint8x16_t places; /* the bytes of each lane's number among 16 */
static inline places places_load(const uint8_t *p, size_t n) {
  uint32_t first[4] = {0};
  for (size_t i = 0; i < n; i++) first[i] = (uint32_t)(p[i] & 3) * 0x04040404u;
  return vreinterpretq_u8_u32(vaddq_u32(vld1q_u32(first), vdupq_n_u32(0x03020100u)));
}
static inline vector vector_pick(const float *p, const float *q, places chosen) {
  float32x4_t four = vcombine_f32(vld1_f32(p), vld1_f32(q));
  return vreinterpretq_f32_u8(vqtbl1q_u8(vreinterpretq_u8_f32(four), chosen));
}

/* A product of int8 fits 16 bits, as do two, since those of a are at most 127. */
static inline vector vector_dot_int8(vector sum, vector a, vector b) {
  int8x16_t x = vreinterpretq_s8_f32(a), y = vreinterpretq_s8_f32(b);
  int16x8_t first = vmull_s8(vget_low_s8(x), vget_low_s8(y)), last = vmull_high_s8(x, y);
  int32x4_t four = vpaddlq_s16(vpaddq_s16(first, last));
  return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(sum), four));
}
/* A bfloat16 is the upper half of a float. */
static inline vector upper(vector v) {
  return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(v), vdupq_n_u32(0xffff0000)));
}
static inline vector lower(vector v) {
  return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(v), 16));
}
static inline vector vector_dot_bfloat16(vector sum, vector a, vector b) {
  return vector_fma(lower(a), lower(b), vector_fma(upper(a), upper(b), sum));
}
static inline void vector_store_bfloat16(void *to, vector v) {
  uint32x4_t bits = vreinterpretq_u32_f32(v),
             odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
  uint32x4_t rounded = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
  uint32x4_t quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
  uint16x4_t halves = vshrn_n_u32(vbslq_u32(vceqq_f32(v, v), rounded, quiet), 16);
  memcpy(to, &halves, sizeof halves);
}

#define OD_HAS_PICK
#define OD_HAS_INT8
#define OD_HAS_BFLOAT16

#include "kernels/gemm.inc.h"
#include "kernels/low_precision.inc.h"
#include "kernels/pool.inc.h"
#include "kernels/winograd.inc.h"

static uint64_t match_bytes(size_t n, const uint8_t *bytes, uint8_t value) {
  static const uint8_t bits[8] = {1, 2, 4, 8, 16, 32, 64, 128};
  uint64_t matches = 0;
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    uint8x8_t equal = vceq_u8(vld1_u8(bytes + i), vdup_n_u8(value));
    matches |= (uint64_t)vaddv_u8(vand_u8(equal, vld1_u8(bits))) << i;
  }
  for (; i < n; i++) matches |= (uint64_t)(bytes[i] == value) << i;
  return matches;
}

enum { BYTES = 16 };
typedef uint8x16_t bytes;
static inline bytes bytes_load(const uint8_t *p) { return vld1q_u8(p); }
static inline void bytes_store(uint8_t *p, bytes v) { vst1q_u8(p, v); }
static inline bytes bytes_min(bytes a, bytes b) { return vminq_u8(a, b); }
static inline bytes bytes_max(bytes a, bytes b) { return vmaxq_u8(a, b); }
static inline bytes bytes_set(uint8_t x) { return vdupq_n_u8(x); }
static inline uint64_t bytes_compare(bytes a, bytes b) {
  static const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  uint8x16_t chosen = vandq_u8(vcgeq_u8(a, b), vld1q_u8(weights));
  return vaddv_u8(vget_low_u8(chosen)) | (uint64_t)vaddv_u8(vget_high_u8(chosen)) << 8;
}

enum { WORDS = 8 };
typedef uint16x8_t words;
static inline words words_load(const uint16_t *p) { return vld1q_u16(p); }
static inline void words_store(uint16_t *p, words v) { vst1q_u16(p, v); }
static inline words words_from_bytes(const uint8_t *p) { return vmovl_u8(vld1_u8(p)); }
static inline words words_set(uint16_t x) { return vdupq_n_u16(x); }
static inline words words_add(words a, words b) { return vaddq_u16(a, b); }
static inline words words_multiply(words a, words b) { return vmulq_u16(a, b); }
static inline words words_high(words v) { return vshrq_n_u16(v, 8); }
static inline words words_low(words v) { return vandq_u16(v, vdupq_n_u16(255)); }
static inline void words_store_bytes(uint8_t *p, words v) { vst1_u8(p, vmovn_u16(v)); }
static inline vector vector_from_bytes(const uint8_t *p) {
  uint32_t four;
  memcpy(&four, p, sizeof four);
  uint8x8_t bytes8 = vreinterpret_u8_u32(vdup_n_u32(four));
  return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes8))));
}
static inline vector vector_divide(vector a, vector b) { return vdivq_f32(a, b); }
static inline vector vector_fma_once(vector a, vector b, vector c) { return vector_fma(a, b, c); }

#define OD_HAS_IMAGE_VECTORS

#include "kernels/image_vector.inc.h"

static const od_bfloat16_kernels bfloat16_kernels = {bfloat16_round, bfloat16_gemm,
                                                     winograd_input_bfloat16};
static const od_int8_kernels int8_kernels = {int8_quantize, int8_gemm, int8_gemm_max_pool};

#define OD_IMAGE OD_IMAGE_KERNEL_TABLE(vector, plain)
const od_kernels od_kernels_neon =
    OD_KERNEL_TABLE("neon", OD_CPU_NEON, &bfloat16_kernels, &int8_kernels, OD_IMAGE);
const od_kernels od_kernels_neon_dot = OD_KERNEL_TABLE(
    "neon", OD_CPU_NEON | OD_CPU_NEON_DOT, &bfloat16_kernels, &od_int8_neon_dot, OD_IMAGE);

#else
typedef int od_no_neon; /* ISO C requires a declaration in every file */
#endif
