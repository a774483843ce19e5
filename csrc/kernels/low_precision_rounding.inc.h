/* Rounding to low precision, as plain loops that the compiler vectorizes. The includer defines
 *
 *   OD_HAS_INT8 or OD_HAS_BFLOAT16 or both  which kernels to make
 *   OD_RINT                                 with OD_HAS_INT8: rounds an od_real to nearest, ties
 *                                           to even */
#if !defined(OD_HAS_INT8) && !defined(OD_HAS_BFLOAT16)
#error "low_precision_rounding.inc.h: the includer must define OD_HAS_INT8 or OD_HAS_BFLOAT16"
#endif
#if defined(OD_HAS_INT8) && !defined(OD_RINT)
#error "low_precision_rounding.inc.h: the includer must define OD_RINT"
#endif

#include "kernels/vector.h"

#if defined(OD_HAS_INT8)
static void quantize_plain(size_t n, const od_real *restrict x, od_real scale, od_real zero,
                           uint8_t *restrict y) {
  for (size_t i = 0; i < n; i++) {
    od_real value = x[i] * scale + zero;
    value = value > 0 ? value : 0; /* NaN too */
    value = value < 127 ? value : 127;
    y[i] = (uint8_t)(int32_t)OD_RINT(value);
  }
}
#endif

#if defined(OD_HAS_BFLOAT16)
/* The upper half of a float's bits, rounded; NaN stays NaN. */
OD_INLINE uint16_t bfloat16_from_float(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1), quiet = bits | 0x400000;
  return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? quiet >> 16 : rounded >> 16);
}

static void bfloat16_round(size_t n, const od_real *restrict x, uint16_t *restrict y) {
  for (size_t i = 0; i < n; i++) y[i] = bfloat16_from_float((float)x[i]);
}
#endif
