/* The products with vector registers, for any instruction set. A kernels_*.c defines its
 * vector first, then includes this file:
 *
 *   vector                      a register of LANES floats
 *   mask, mask_of(n)            a mask for the first n <= LANES lanes
 *   vector_zero()               all 0
 *   vector_load(p), vector_store(p, v), and _some(…, mask) for the masked lanes only
 *   vector_broadcast(p)         *p in every lane
 *   vector_fma(a, b, c)         a * b + c, rounded once
 *   vector_add(a, b), vector_sub(a, b), vector_max(a, b)
 *   vector_where(a, b, x, y)    a > b ? x : y, lane by lane
 *   vector_store_bytes(p, v)    small whole numbers as LANES bytes
 *   places, places_load(p, n)   n <= LANES bytes 0..3, one a lane; 4 may pass for any
 *   vector_pick(p, q, places)   in each lane p[0], p[1], q[0] or q[1], as its byte says
 *   ROWS_1, ROWS_2, ROWS_4, ROWS_8   the most rows (<= 14) of a block 1, 2, 4, 8 wide
 *
 * c is computed in blocks of R rows x V vectors that stay in registers over the
 * whole sum. A step of the sum loads V vectors of b, broadcasts R numbers of a and
 * does R x V multiply-adds; so R x V wants to be as large as the registers allow
 * (that hides the latency of the multiply-adds) and R close to V (that keeps loads
 * rare). Rows are dealt evenly over blocks: 14 rows go as 5 + 5 + 4, not 6 + 6 + 2,
 * which would leave the last block waiting on latency. */

/* The block at c (R rows, V vectors); `last` masks the lanes of the last vector. */
OD_INLINE void gemm_block(const od_gemm *p, const od_real *a, const od_real *b, od_real *c,
                          const od_real *bias, const int R, const int V, const bool whole,
                          mask last) {
  vector sum[16][8], zero = vector_zero();
#define LOAD(P, v) (whole || (v) < V - 1 ? vector_load(P) : vector_load_some(P, last))
  OD_UNROLL for (int v = 0; v < V; v++) {
    vector start = p->start == OD_START_BIAS ? LOAD(bias + v * LANES, v) : zero;
    OD_UNROLL for (int r = 0; r < R; r++) sum[r][v] = start;
  }
  const size_t a_row = p->a_row, a_inner = p->a_inner, b_inner = p->b_inner;
  for (size_t outer = 0; outer < p->outer; outer++) {
    const od_real *a_now = a + outer * p->a_outer, *b_now = b + outer * p->b_outer;
    for (size_t inner = p->inner; inner; inner--) {
      vector weight[8];
      OD_UNROLL for (int v = 0; v < V; v++) weight[v] = LOAD(b_now + v * LANES, v);
      OD_UNROLL for (int r = 0; r < R; r++) {
        vector x = vector_broadcast(a_now + (size_t)r * a_row);
        OD_UNROLL for (int v = 0; v < V; v++) sum[r][v] = vector_fma(x, weight[v], sum[r][v]);
      }
      a_now += a_inner;
      b_now += b_inner;
    }
  }
  OD_UNROLL for (int r = 0; r < R; r++) {
    od_real *row = c + (size_t)r * p->c_row;
    OD_UNROLL for (int v = 0; v < V; v++) {
      vector result = sum[r][v];
      if (p->start == OD_START_ADD) result = vector_add(LOAD(row + v * LANES, v), result);
      if (p->relu) result = vector_max(result, zero);
      if (whole || v < V - 1)
        vector_store(row + v * LANES, result);
      else
        vector_store_some(row + v * LANES, result, last);
    }
  }
#undef LOAD
}

/* All rows of the strip of V vectors from `column` on, at most `most` rows a block. */
OD_INLINE void gemm_strip(const od_gemm *p, size_t column, const int V, const size_t most,
                          const bool whole, mask last) {
  const od_real *a = p->a, *b = p->b + column;
  const od_real *bias = p->start == OD_START_BIAS ? p->bias + column : NULL;
  od_real *c = p->c + column;
  size_t left = p->rows;
  for (size_t blocks = (left + most - 1) / most; blocks; blocks--) {
    size_t rows = (left + blocks - 1) / blocks;
    switch (rows) {
#define BLOCK(R)                                                       \
  case R:                                                              \
    if (R <= most) gemm_block(p, a, b, c, bias, R, V, whole, last);    \
    break;
      BLOCK(1) BLOCK(2) BLOCK(3) BLOCK(4) BLOCK(5) BLOCK(6) BLOCK(7)
      BLOCK(8) BLOCK(9) BLOCK(10) BLOCK(11) BLOCK(12) BLOCK(13) BLOCK(14)
#undef BLOCK
    }
    left -= rows;
    a += rows * p->a_row;
    c += rows * p->c_row;
  }
}

/* Few rows want wide strips, to have enough sums under way; the last columns go in a
 * strip of two vectors or one, masked. */
static void gemm(const od_gemm *p) {
  const mask all = mask_of(LANES);
  size_t column = 0, left = p->columns;
  if (p->rows <= ROWS_8)
    for (; left >= 8 * LANES; left -= 8 * LANES, column += 8 * LANES)
      gemm_strip(p, column, 8, ROWS_8, true, all);
  if (p->rows <= ROWS_4 || ROWS_4 * 4 > ROWS_2 * 2)
    for (; left >= 4 * LANES; left -= 4 * LANES, column += 4 * LANES)
      gemm_strip(p, column, 4, ROWS_4, true, all);
  for (; left >= 2 * LANES; left -= 2 * LANES, column += 2 * LANES)
    gemm_strip(p, column, 2, ROWS_2, true, all);
  if (left > LANES)
    gemm_strip(p, column, 2, ROWS_2, false, mask_of(left - LANES));
  else if (left)
    gemm_strip(p, column, 1, ROWS_1, false, mask_of(left));
}

/* V vectors of the weighted sum, which stay in registers over all terms; `whole` or
 * the last one masked. */
OD_INLINE void weighted_strip(size_t n, const uint32_t *offset, const od_real *value,
                              const od_real *base, od_real *out, const int V, const bool whole,
                              mask last) {
  vector sum[12];
#define LOAD(P, v) (whole || (v) < V - 1 ? vector_load(P) : vector_load_some(P, last))
  OD_UNROLL for (int v = 0; v < V; v++) sum[v] = LOAD(out + v * LANES, v);
  for (size_t e = 0; e < n; e++) {
    const od_real *row = base + offset[e];
    vector weight = vector_broadcast(value + e);
    OD_UNROLL for (int v = 0; v < V; v++)
      sum[v] = vector_fma(weight, LOAD(row + v * LANES, v), sum[v]);
  }
  OD_UNROLL for (int v = 0; v < V; v++) {
    if (whole || v < V - 1)
      vector_store(out + v * LANES, sum[v]);
    else
      vector_store_some(out + v * LANES, sum[v], last);
  }
#undef LOAD
}

static void add_weighted(size_t n, const uint32_t *offset, const od_real *value,
                         const od_real *base, size_t length, od_real *out) {
  const mask all = mask_of(LANES);
  size_t i = 0;
  for (; length - i >= 12 * LANES; i += 12 * LANES)
    weighted_strip(n, offset, value, base + i, out + i, 12, true, all);
  for (; length - i >= 6 * LANES; i += 6 * LANES)
    weighted_strip(n, offset, value, base + i, out + i, 6, true, all);
  for (; length - i >= 2 * LANES; i += 2 * LANES)
    weighted_strip(n, offset, value, base + i, out + i, 2, true, all);
  if (length - i > LANES)
    weighted_strip(n, offset, value, base + i, out + i, 2, false, mask_of(length - i - LANES));
  else if (length > i)
    weighted_strip(n, offset, value, base + i, out + i, 1, false, mask_of(length - i));
}
