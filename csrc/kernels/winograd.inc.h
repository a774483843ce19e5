/* The transforms of Winograd's F(2x2, 3x3) before and after its matrix products, and the fused
 * max-pool, for any instruction set: one vector of channels of one tile at a time, its 4x4
 * numbers in registers. The includer defines
 *
 *   OD_HAS_VECTOR               the vector operations, see vector.h
 *   OD_HAS_BFLOAT16             if it makes the input transform to bfloat16
 *   OD_WINOGRAD_BFLOAT16_ONLY   if it makes no other (avx512_bf16.c); otherwise it includes
 *                               pool.inc.h first */
#if !defined(OD_HAS_VECTOR)
#error "winograd.inc.h: the includer must define the vector operations (OD_HAS_VECTOR)"
#endif
#if defined(OD_WINOGRAD_BFLOAT16_ONLY) && !defined(OD_HAS_BFLOAT16)
#error "winograd.inc.h: OD_WINOGRAD_BFLOAT16_ONLY needs OD_HAS_BFLOAT16"
#endif
#if !defined(OD_WINOGRAD_BFLOAT16_ONLY) && !defined(OD_HAS_POOL)
#error "winograd.inc.h: the includer must include pool.inc.h first"
#endif

/* -- input transform -- */

/* The first n lanes, or all, as bfloat16. */
OD_INLINE void store_bfloat16(void *to, vector v, size_t n, const bool whole) {
#if defined(OD_HAS_BFLOAT16)
  uint16_t some[LANES];
  vector_store_bfloat16(whole ? to : some, v);
  if (!whole) memcpy(to, some, n * sizeof *some);
#else
  (void)to, (void)v, (void)n, (void)whole;
#endif
}

/* t = B^T d = (d0 - d2, d1 + d2, d2 - d1, d1 - d3). */
OD_INLINE void winograd_multiply_b(const vector d[4], vector t[4]) {
  t[0] = vector_sub(d[0], d[2]);
  t[1] = vector_add(d[1], d[2]);
  t[2] = vector_sub(d[2], d[1]);
  t[3] = vector_sub(d[1], d[3]);
}

/* B^T d B of the n channels at x, or LANES of them, as floats or bfloat16. */
OD_INLINE void winograd_input_vector(const od_winograd_row *row, const od_real *x, unsigned char *v,
                                     const size_t size, const bool whole, size_t n) {
  const mask some = mask_of(whole ? LANES : n);
  vector columns[4][4], d[4], t[4];
  OD_UNROLL for (int k = 0; k < 4; k++) {
    OD_UNROLL for (int r = 0; r < 4; r++) {
      const od_real *at = x + (size_t)r * row->image_row + (size_t)k * row->channels;
      d[r] = whole ? vector_load(at) : vector_load_some(at, some);
    }
    winograd_multiply_b(d, columns[k]);
  }
  OD_UNROLL for (int r = 0; r < 4; r++) {
    OD_UNROLL for (int k = 0; k < 4; k++) d[k] = columns[k][r];
    winograd_multiply_b(d, t);
    OD_UNROLL for (int k = 0; k < 4; k++) {
      void *to = v + (size_t)(4 * r + k) * row->pitch * size;
      if (size == sizeof(uint16_t))
        store_bfloat16(to, t[k], n, whole);
      else if (whole)
        vector_store(to, t[k]);
      else
        vector_store_some(to, t[k], some);
    }
  }
}

/* A row of tiles, into numbers of `size` bytes. */
OD_INLINE void winograd_input_tiles(const od_winograd_row *row, const od_real *x, void *v,
                                    const size_t size) {
  size_t c = row->channels;
  unsigned char *to = v;
  for (size_t tile = 0; tile < row->tiles; tile++, x += 2 * c, to += c * size) {
    size_t i = 0;
    for (; i + LANES <= c; i += LANES)
      winograd_input_vector(row, x + i, to + i * size, size, true, LANES);
    if (i < c) winograd_input_vector(row, x + i, to + i * size, size, false, c - i);
  }
}

#if defined(OD_HAS_BFLOAT16)
static void winograd_input_bfloat16(const od_winograd_row *row, const od_real *x, uint16_t *v) {
  winograd_input_tiles(row, x, v, sizeof *v);
}
#endif

#if !defined(OD_WINOGRAD_BFLOAT16_ONLY)
static void winograd_input(const od_winograd_row *row, const od_real *x, od_real *v) {
  winograd_input_tiles(row, x, v, sizeof *v);
}

/* -- output transform -- */

/* The four outputs of a tile in reading order: A^T m A + bias, where A^T m is
 * (m0 + m1 + m2, m1 - m2 - m3). */
OD_INLINE void winograd_outputs(const od_winograd_row *row, const od_real *m, const od_real *bias,
                                vector y[4], const bool whole, mask some) {
#define LOAD(P) (whole ? vector_load(P) : vector_load_some(P, some))
  vector top[4], bottom[4], b = LOAD(bias);
  OD_UNROLL for (int k = 0; k < 4; k++) {
    vector m1 = LOAD(m + (size_t)(4 + k) * row->pitch);
    vector m2 = LOAD(m + (size_t)(8 + k) * row->pitch);
    top[k] = vector_add(LOAD(m + (size_t)k * row->pitch), vector_add(m1, m2));
    bottom[k] = vector_sub(vector_sub(m1, m2), LOAD(m + (size_t)(12 + k) * row->pitch));
  }
#undef LOAD
  y[0] = vector_add(vector_add(top[0], b), vector_add(top[1], top[2]));
  y[1] = vector_add(vector_sub(vector_sub(top[1], top[2]), top[3]), b);
  y[2] = vector_add(vector_add(bottom[0], b), vector_add(bottom[1], bottom[2]));
  y[3] = vector_add(vector_sub(vector_sub(bottom[1], bottom[2]), bottom[3]), b);
}

OD_INLINE void winograd_output_vector(const od_winograd_row *row, const od_real *m,
                                      const od_real *bias, bool relu, od_real *y, const bool whole,
                                      mask some) {
  vector outputs[4], zero = vector_zero();
  winograd_outputs(row, m, bias, outputs, whole, some);
  OD_UNROLL for (int k = 0; k < 4; k++) {
    od_real *to = y + (size_t)(k / 2) * row->image_row + (size_t)(k % 2) * row->channels;
    vector result = relu ? vector_max(outputs[k], zero) : outputs[k];
    if (whole)
      vector_store(to, result);
    else
      vector_store_some(to, result, some);
  }
}

static void winograd_output(const od_winograd_row *row, const od_real *m, const od_real *bias,
                            bool relu, od_real *y) {
  size_t c = row->channels;
  for (size_t tile = 0; tile < row->tiles; tile++, m += c, y += 2 * c) {
    size_t i = 0;
    for (; i + LANES <= c; i += LANES)
      winograd_output_vector(row, m + i, bias + i, relu, y + i, true, mask_of(0));
    if (i < c) winograd_output_vector(row, m + i, bias + i, relu, y + i, false, mask_of(c - i));
  }
}

static void winograd_output_pool(const od_winograd_row *row, const od_real *m, const od_real *bias,
                                 bool relu, od_real *y, uint8_t *argmax) {
  size_t c = row->channels;
  for (size_t at = 0; at < row->tiles * c; at += c)
    for (size_t i = 0; i < c; i += LANES) {
      bool whole = c - i >= LANES;
      mask some = mask_of(whole ? LANES : c - i);
      vector outputs[4];
      if (whole)
        winograd_outputs(row, m + at + i, bias + i, outputs, true, some);
      else
        winograd_outputs(row, m + at + i, bias + i, outputs, false, some);
      pool_outputs(outputs, relu, c - i, y + at + i, argmax ? argmax + at + i : NULL);
    }
}
#endif
