/* The vector operations of NEON (see vector.h): 32 registers of 4 floats. For neon.c and
 * neon_dot.c. The includer defines nothing; the target must be AArch64. */
#if !defined(__aarch64__)
#error "neon_vector.inc.h: the target must be AArch64"
#endif

#include <arm_neon.h>
#include <string.h>

enum { LANES = 4, GEMM_ROWS_1 = 8, GEMM_ROWS_2 = 8, GEMM_ROWS_4 = 6, GEMM_ROWS_8 = 2 };
enum { LOW_PRECISION_ROWS_1 = 8, LOW_PRECISION_ROWS_2 = 8, LOW_PRECISION_ROWS_4 = 4 };
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
static inline vector vector_multiply(vector a, vector b) { return vmulq_f32(a, b); }
static inline vector vector_max(vector a, vector b) { return vmaxnmq_f32(a, b); }
static inline vector vector_min(vector a, vector b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
static inline vector vector_where(vector a, vector b, vector x, vector y) {
  return vbslq_f32(vcgtq_f32(a, b), x, y);
}
static inline void vector_store_bytes(uint8_t *p, vector v) {
  uint16x4_t words = vmovn_u32(vcvtq_u32_f32(v));
  uint8x8_t bytes = vmovn_u16(vcombine_u16(words, words));
  uint32_t four = vget_lane_u32(vreinterpret_u32_u8(bytes), 0);
  memcpy(p, &four, sizeof four);
}
static inline void vector_store_rounded(uint8_t *p, vector v) { /* saturating */
  int16x4_t words4 = vqmovn_s32(vcvtnq_s32_f32(v));
  uint8x8_t bytes8 = vqmovun_s16(vcombine_s16(words4, words4));
  uint32_t four = vget_lane_u32(vreinterpret_u32_u8(bytes8), 0);
  memcpy(p, &four, sizeof four);
}
static inline vector vector_broadcast_word(const void *p) {
  uint32_t word;
  memcpy(&word, p, sizeof word);
  return vreinterpretq_f32_u32(vdupq_n_u32(word));
}
static inline vector vector_max_int32(vector a, vector b) {
  return vreinterpretq_f32_s32(vmaxq_s32(vreinterpretq_s32_f32(a), vreinterpretq_s32_f32(b)));
}
static inline vector vector_from_int32(vector v) { return vcvtq_f32_s32(vreinterpretq_s32_f32(v)); }
#define OD_HAS_VECTOR
#define OD_HAS_ROUNDING
