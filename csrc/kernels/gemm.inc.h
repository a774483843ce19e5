/* Matrix products (od_kernels.gemm, add_weighted) with vector registers, for any instruction
 * set. The includer defines
 *
 *   OD_HAS_VECTOR               the vector operations, see vector.h
 *   GEMM_ROWS_1, _2, _4, _8     enumerators: the maximum number of rows (<= 14) of a block
 *                               1, 2, 4, 8 vectors wide
 *
 * c is computed in blocks of R rows x V vectors that stay in registers over the whole sum. A
 * step of the sum loads V vectors of b, broadcasts R numbers of a and does R x V
 * multiply-adds. R x V is as large as the registers allow, which hides the latency of the
 * multiply-adds, and R is close to V, which minimizes loads. Rows are distributed evenly over
 * blocks: 14 rows are split as 5 + 5 + 4, not 6 + 6 + 2, where the last block would wait for
 * latency. */
#if !defined(OD_HAS_VECTOR)
#error "gemm.inc.h: the includer must define the vector operations (OD_HAS_VECTOR)"
#endif

/* Where a block lies: its first number of a, of b, of bias and of c, and the mask of the lanes
 * of its last vector. */
typedef struct gemm_place {
  const od_real *a, *b, *bias;
  od_real *c;
  mask last;
} gemm_place;

/* A block of R rows and V vectors; without `whole` the last vector is masked. */
OD_INLINE void gemm_block(const od_gemm *p, const gemm_place *at, const int R, const int V,
                          const bool whole) {
  vector sum[16][8], zero = vector_zero();
  const od_real *a = at->a, *b = at->b, *bias = at->bias;
  od_real *c = at->c;
  const mask last = at->last;
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

/* All rows of the V vectors of columns from `column` on, at most `max_rows` rows a block. */
OD_INLINE void gemm_columns(const od_gemm *p, size_t column, const int V, const size_t max_rows,
                            const bool whole, mask last) {
  gemm_place at = {.a = p->a,
                   .b = p->b + column,
                   .bias = p->start == OD_START_BIAS ? p->bias + column : NULL,
                   .c = p->c + column,
                   .last = last};
  size_t left = p->rows;
  for (size_t blocks = (left + max_rows - 1) / max_rows; blocks; blocks--) {
    size_t rows = (left + blocks - 1) / blocks;
    switch (rows) {
#define BLOCK(R)                                        \
  case R:                                               \
    if (R <= max_rows) gemm_block(p, &at, R, V, whole); \
    break;
      /* clang-format off */
      BLOCK(1) BLOCK(2) BLOCK(3) BLOCK(4) BLOCK(5) BLOCK(6) BLOCK(7)
      BLOCK(8) BLOCK(9) BLOCK(10) BLOCK(11) BLOCK(12) BLOCK(13) BLOCK(14)
      /* clang-format on */
#undef BLOCK
    }
    left -= rows;
    at.a += rows * p->a_row;
    at.c += rows * p->c_row;
  }
}

/* Few rows are computed many vectors at a time, to have enough sums under way; the last
 * columns two vectors at a time or one, masked. */
static void gemm(const od_gemm *p) {
  const mask all = mask_of(LANES);
  size_t column = 0, left = p->columns;
  if (p->rows <= GEMM_ROWS_8)
    for (; left >= 8 * LANES; left -= 8 * LANES, column += 8 * LANES)
      gemm_columns(p, column, 8, GEMM_ROWS_8, true, all);
  if (p->rows <= GEMM_ROWS_4 || GEMM_ROWS_4 * 4 > GEMM_ROWS_2 * 2)
    for (; left >= 4 * LANES; left -= 4 * LANES, column += 4 * LANES)
      gemm_columns(p, column, 4, GEMM_ROWS_4, true, all);
  for (; left >= 2 * LANES; left -= 2 * LANES, column += 2 * LANES)
    gemm_columns(p, column, 2, GEMM_ROWS_2, true, all);
  if (left > LANES)
    gemm_columns(p, column, 2, GEMM_ROWS_2, false, mask_of(left - LANES));
  else if (left)
    gemm_columns(p, column, 1, GEMM_ROWS_1, false, mask_of(left));
}

/* V vectors of the weighted sum, which stay in registers over all terms; without `whole` the
 * last one is masked. */
OD_INLINE void weighted_columns(size_t n, const uint32_t *offset, const od_real *value,
                                const od_real *base, od_real *out, const int V, const bool whole,
                                mask last) {
  vector sum[12];
#define LOAD(P, v) (whole || (v) < V - 1 ? vector_load(P) : vector_load_some(P, last))
  OD_UNROLL for (int v = 0; v < V; v++) sum[v] = LOAD(out + v * LANES, v);
  for (size_t e = 0; e < n; e++) {
    const od_real *row = base + offset[e];
    vector weight = vector_broadcast(value + e);
    OD_UNROLL for (int v = 0; v < V; v++) sum[v] =
        vector_fma(weight, LOAD(row + v * LANES, v), sum[v]);
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
    weighted_columns(n, offset, value, base + i, out + i, 12, true, all);
  for (; length - i >= 6 * LANES; i += 6 * LANES)
    weighted_columns(n, offset, value, base + i, out + i, 6, true, all);
  for (; length - i >= 2 * LANES; i += 2 * LANES)
    weighted_columns(n, offset, value, base + i, out + i, 2, true, all);
  if (length - i > LANES)
    weighted_columns(n, offset, value, base + i, out + i, 2, false, mask_of(length - i - LANES));
  else if (length > i)
    weighted_columns(n, offset, value, base + i, out + i, 1, false, mask_of(length - i));
}
