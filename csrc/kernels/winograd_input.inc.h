/* The input transform of Winograd's F(2x2, 3x3), into floats or, where a kernels_*.c defines
 * OD_BFLOATS, bfloat16. It then also has vector_store_bfloats(p, v): a vector rounded, as
 * LANES bfloat16. */

/* The first n lanes, or all, as bfloat16. */
OD_INLINE void bfloats_store(void *to, vector v, size_t n, const bool whole) {
#if defined(OD_BFLOATS)
  uint16_t some[LANES];
  vector_store_bfloats(whole ? to : some, v);
  if (!whole) memcpy(to, some, n * sizeof *some);
#else
  (void)to, (void)v, (void)n, (void)whole;
#endif
}

/* B^T d, where it is (d0 - d2, d1 + d2, d2 - d1, d1 - d3). */
OD_INLINE void winograd_to_places(const vector d[4], vector t[4]) {
  t[0] = vector_sub(d[0], d[2]);
  t[1] = vector_add(d[1], d[2]);
  t[2] = vector_sub(d[2], d[1]);
  t[3] = vector_sub(d[1], d[3]);
}

/* B^T d B of the n channels at x, or LANES of them, as floats or bfloat16. */
OD_INLINE void winograd_input_vector(const od_winograd_row *row, const od_real *x,
                                     unsigned char *v, const size_t size, const bool whole,
                                     size_t n) {
  const mask some = mask_of(whole ? LANES : n);
  vector columns[4][4], d[4], t[4];
  OD_UNROLL for (int k = 0; k < 4; k++) {
    OD_UNROLL for (int r = 0; r < 4; r++) {
      const od_real *at = x + (size_t)r * row->image_row + (size_t)k * row->channels;
      d[r] = whole ? vector_load(at) : vector_load_some(at, some);
    }
    winograd_to_places(d, columns[k]);
  }
  OD_UNROLL for (int r = 0; r < 4; r++) {
    OD_UNROLL for (int k = 0; k < 4; k++) d[k] = columns[k][r];
    winograd_to_places(d, t);
    OD_UNROLL for (int k = 0; k < 4; k++) {
      void *to = v + (size_t)(4 * r + k) * row->pitch * size;
      if (size == sizeof(uint16_t))
        bfloats_store(to, t[k], n, whole);
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

#if defined(OD_BFLOATS)
static void winograd_input_bfloat(const od_winograd_row *row, const od_real *x, uint16_t *v) {
  winograd_input_tiles(row, x, v, sizeof *v);
}
#endif
