/* The reference kernels: every sum as in its definition, one term at a time. */
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>
#if defined(OD_DOUBLE)
#define OD_SQRT sqrt
#define OD_RINT rint
#else
#define OD_SQRT sqrtf
#define OD_RINT rintf
#endif

#include "kernels/elementwise.inc.h"
#include "kernels/image_loops.inc.h"

/* Vectors of one number, for the templates that have no other reference. */
enum { LANES = 1 };
typedef od_real vector;
typedef bool mask;
static inline mask mask_of(size_t n) { return n > 0; }
static inline vector vector_zero(void) { return 0; }
static inline vector vector_load(const od_real *p) { return *p; }
static inline vector vector_load_some(const od_real *p, mask m) { return m ? *p : 0; }
static inline void vector_store(od_real *p, vector v) { *p = v; }
static inline void vector_store_some(od_real *p, vector v, mask m) { *p = m ? v : *p; }
static inline vector vector_broadcast(const od_real *p) { return *p; }
static inline vector vector_add(vector a, vector b) { return a + b; }
static inline vector vector_sub(vector a, vector b) { return a - b; }
static inline vector vector_max(vector a, vector b) { return a > b ? a : b; }
static inline vector vector_where(vector a, vector b, vector x, vector y) { return a > b ? x : y; }
static inline void vector_store_bytes(uint8_t *p, vector v) { *p = (uint8_t)v; }
static inline vector vector_fma(vector a, vector b, vector c) { return a * b + c; }

typedef unsigned places;
static inline places places_load(const uint8_t *p, size_t n) { return n ? *p & 3u : 0; }
static inline vector vector_pick(const od_real *p, const od_real *q, places chosen) {
  return (chosen < 2 ? p : q)[chosen % 2];
}

#define OD_HAS_INT8
#define OD_HAS_BFLOAT16
#include "kernels/low_precision_rounding.inc.h"
static inline void vector_store_bfloat16(uint16_t *p, vector v) {
  *p = bfloat16_from_float((float)v);
}

#define OD_HAS_VECTOR
#define OD_HAS_PICK

#include "kernels/pool.inc.h"
#include "kernels/winograd.inc.h"

static void gemm(const od_gemm *p) {
  for (size_t m = 0; m < p->rows; m++)
    for (size_t n = 0; n < p->columns; n++) {
      od_real sum = 0;
      for (size_t o = 0; o < p->outer; o++)
        for (size_t i = 0; i < p->inner; i++)
          sum += p->a[m * p->a_row + o * p->a_outer + i * p->a_inner] *
                 p->b[o * p->b_outer + i * p->b_inner + n];
      od_real *c = &p->c[m * p->c_row + n];
      if (p->start == OD_START_BIAS) sum += p->bias[n];
      if (p->start == OD_START_ADD) sum += *c;
      *c = p->relu ? positive(sum) : sum;
    }
}

static void add_weighted(size_t n, const uint32_t *offset, const od_real *value,
                         const od_real *base, size_t length, od_real *out) {
  for (size_t e = 0; e < n; e++)
    for (size_t i = 0; i < length; i++) out[i] += value[e] * base[offset[e] + i];
}

static uint64_t match_bytes(size_t n, const uint8_t *bytes, uint8_t value) {
  uint64_t matches = 0;
  for (size_t i = 0; i < n; i++) matches |= (uint64_t)(bytes[i] == value) << i;
  return matches;
}

static od_real float_of(uint16_t bfloat) {
  uint32_t bits = (uint32_t)bfloat << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* sum += x . y, words of four int8. */
static void add_int8(const unsigned char *x, const unsigned char *y, int32_t *sum) {
  for (int i = 0; i < 4; i++) *sum += x[i] * (int8_t)y[i];
}

static void add_bfloat16(const unsigned char *x, const unsigned char *y, od_real *sum) {
  uint16_t a[2], b[2];
  memcpy(a, x, sizeof a);
  memcpy(b, y, sizeof b);
  for (int i = 1; i >= 0; i--) *sum += float_of(a[i]) * float_of(b[i]); /* products are exact */
}

static const unsigned char *b_word(const od_low_precision_gemm *p, size_t o, size_t t, size_t w,
                                   size_t n) {
  const size_t row = (o * p->taps + t) * p->words + w;
  return (const unsigned char *)p->b + 4 * (row * p->columns + n);
}

/* Result n of the row of words at `a`. */
static od_real int8_result(const od_low_precision_gemm *p, const unsigned char *a, size_t n) {
  int32_t sum = 0;
  for (size_t o = 0; o < p->outer; o++)
    for (size_t t = 0; t < p->taps; t++)
      for (size_t w = 0; w < p->words; w++)
        add_int8(a + o * p->a_outer + t * p->a_tap + 4 * w, b_word(p, o, t, w, n), &sum);
  od_real result = (od_real)sum * p->scale[n] + p->bias[n];
  return p->relu ? positive(result) : result;
}

static void int8_gemm(const od_low_precision_gemm *p) {
  for (size_t m = 0; m < p->rows; m++)
    for (size_t n = 0; n < p->columns; n++)
      p->c[m * p->c_row + n] = int8_result(p, (const unsigned char *)p->a + m * p->a_row, n);
}

static void int8_gemm_max_pool(const od_low_precision_gemm *p) {
  for (size_t m = 0; m < p->rows; m++)
    for (size_t n = 0; n < p->columns; n++) {
      const unsigned char *corner = (const unsigned char *)p->a + 2 * m * p->a_row;
      od_real best = int8_result(p, corner, n);
      for (size_t k = 1; k < 4; k++) {
        od_real other = int8_result(p, corner + k % 2 * p->a_row + k / 2 * p->a_outer, n);
        best = other > best ? other : best;
      }
      p->c[m * p->c_row + n] = best;
    }
}

static void bfloat16_gemm(const od_low_precision_gemm *p) {
  for (size_t m = 0; m < p->rows; m++)
    for (size_t n = 0; n < p->columns; n++) {
      od_real sum = p->bias[n];
      const unsigned char *a = (const unsigned char *)p->a + m * p->a_row;
      for (size_t o = 0; o < p->outer; o++)
        for (size_t t = 0; t < p->taps; t++)
          for (size_t w = 0; w < p->words; w++)
            add_bfloat16(a + o * p->a_outer + t * p->a_tap + 4 * w, b_word(p, o, t, w, n), &sum);
      p->c[m * p->c_row + n] = p->relu ? positive(sum) : sum;
    }
}

static const od_bfloat16_kernels bfloat16_kernels = {bfloat16_round, bfloat16_gemm,
                                                     winograd_input_bfloat16};
static const od_int8_kernels int8_kernels = {quantize_plain, int8_gemm, int8_gemm_max_pool};

const od_kernels od_kernels_scalar = OD_KERNEL_TABLE("scalar", 0, &bfloat16_kernels, &int8_kernels,
                                                     OD_IMAGE_KERNEL_TABLE(plain, plain));
