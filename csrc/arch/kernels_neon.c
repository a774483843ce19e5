/* NEON on AArch64: 32 registers of 4 floats. 6 rows x 4 vectors take 24 of them. */
#if defined(__aarch64__) && !defined(OD_DOUBLE)

#include "arch/kernels.h"

#include <arm_neon.h>
#include <math.h>
#include <string.h>

#include "arch/cpu.h"

#define OD_SQRT sqrtf
#include "arch/kernels_loops.h"
#include "arch/image_loops.h"

enum { LANES = 4, ROWS_1 = 8, ROWS_2 = 8, ROWS_4 = 6, ROWS_8 = 2 };
typedef float32x4_t vector;
typedef size_t mask; /* how many lanes; NEON has no masked access */

static inline mask mask_of(size_t n) { return n; }
static inline vector vector_zero(void) { return vdupq_n_f32(0); }
static inline vector vector_load(const float *p) { return vld1q_f32(p); }
static inline vector vector_load_some(const float *p, mask m) {
  float lanes[4] = {0};
  for (size_t i = 0; i < m; i++) lanes[i] = p[i];
  return vld1q_f32(lanes);
}
static inline void vector_store(float *p, vector v) { vst1q_f32(p, v); }
static inline void vector_store_some(float *p, vector v, mask m) {
  float lanes[4];
  vst1q_f32(lanes, v);
  for (size_t i = 0; i < m; i++) p[i] = lanes[i];
}
static inline vector vector_broadcast(const float *p) { return vld1q_dup_f32(p); }
static inline vector vector_fma(vector a, vector b, vector c) { return vfmaq_f32(c, a, b); }
static inline vector vector_add(vector a, vector b) { return vaddq_f32(a, b); }
static inline vector vector_sub(vector a, vector b) { return vsubq_f32(a, b); }
static inline vector vector_max(vector a, vector b) { return vmaxnmq_f32(a, b); }
static inline vector vector_where(vector a, vector b, vector x, vector y) {
  return vbslq_f32(vcgtq_f32(a, b), x, y);
}
static inline void vector_store_bytes(uint8_t *p, vector v) {
  uint16x4_t words = vmovn_u32(vcvtq_u32_f32(v));
  uint8x8_t bytes = vmovn_u16(vcombine_u16(words, words));
  uint32_t four = vget_lane_u32(vreinterpret_u32_u8(bytes), 0);
  memcpy(p, &four, sizeof four);
}

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

#include "arch/kernels_vector.h"
#include "arch/kernels_pool.h"
#include "arch/kernels_winograd.h"

static void gray(size_t n, const uint8_t *pixels, const uint16_t weights[3], uint8_t *result) {
  image_gray(n, pixels, weights, result);
}

static void resize_across(size_t n, size_t w, const uint8_t *x, const uint16_t *first,
                          const int16_t *weights, uint16_t *y) {
  image_resize_across(n, w, x, first, weights, y);
}

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
static inline bytes bytes_lowest(bytes a, bytes b) { return vminq_u8(a, b); }
static inline bytes bytes_highest(bytes a, bytes b) { return vmaxq_u8(a, b); }

enum { WORDS = 8 };
typedef uint16x8_t words;
static inline words words_load(const uint16_t *p) { return vld1q_u16(p); }
static inline void words_store(uint16_t *p, words v) { vst1q_u16(p, v); }
static inline words words_of_bytes(const uint8_t *p) { return vmovl_u8(vld1_u8(p)); }
static inline words words_set(uint16_t x) { return vdupq_n_u16(x); }
static inline words words_add(words a, words b) { return vaddq_u16(a, b); }
static inline words words_multiply(words a, words b) { return vmulq_u16(a, b); }
static inline words words_high(words v) { return vshrq_n_u16(v, 8); }
static inline words words_low(words v) { return vandq_u16(v, vdupq_n_u16(255)); }
static inline void words_store_bytes(uint8_t *p, words v) { vst1_u8(p, vmovn_u16(v)); }
static inline vector vector_multiply(vector a, vector b) { return vmulq_f32(a, b); }
static inline vector vector_of_bytes(const uint8_t *p) {
  uint32_t four;
  memcpy(&four, p, sizeof four);
  uint8x8_t bytes8 = vreinterpret_u8_u32(vdup_n_u32(four));
  return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes8))));
}
static inline void vector_store_rounded(uint8_t *p, vector v) { /* narrowing cuts */
  int16x4_t words4 = vqmovn_s32(vcvtnq_s32_f32(v));
  uint8x8_t bytes8 = vqmovun_s16(vcombine_s16(words4, words4));
  uint32_t four = vget_lane_u32(vreinterpret_u32_u8(bytes8), 0);
  memcpy(p, &four, sizeof four);
}

#include "arch/image_vector.h"

const od_kernels od_kernels_neon = OD_KERNEL_TABLE("neon", OD_CPU_NEON);

#else
typedef int od_no_neon; /* ISO C wants a declaration in every file */
#endif
