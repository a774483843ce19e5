/* Rounding to narrow numbers, as plain loops that the compiler vectorises; see
 * kernels_loops.h. A kernels_*.c defines OD_BYTES or OD_BFLOATS, or both, for those that
 * it wants, and OD_RINT, which rounds to nearest, ties to even. */

#if defined(OD_BYTES)
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

#if defined(OD_BFLOATS)
/* The upper half of a float's bits; NaN stays one. */
OD_INLINE uint16_t bfloat_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1), quiet = bits | 0x400000;
  return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? quiet >> 16 : rounded >> 16);
}

static void bfloat_round(size_t n, const od_real *restrict x, uint16_t *restrict y) {
  for (size_t i = 0; i < n; i++) y[i] = bfloat_of((float)x[i]);
}
#endif
