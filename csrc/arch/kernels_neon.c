/* NEON on AArch64: 32 registers of 4 floats. 6 rows x 4 vectors take 24 of them. */
#if defined(__aarch64__) && !defined(OD_DOUBLE)

#include "arch/kernels.h"

#include <arm_neon.h>
#include <math.h>

#include "arch/cpu.h"

#define OD_SQRT sqrtf
#include "arch/kernels_loops.h"

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

#include "arch/kernels_vector.h"
#include "arch/kernels_winograd.h"

const od_kernels od_kernels_neon = OD_KERNEL_TABLE("neon", OD_CPU_NEON);

#else
typedef int od_no_neon; /* ISO C wants a declaration in every file */
#endif
