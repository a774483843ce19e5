/* Matrix products in low precision (od_low_precision_gemm) and rounding to int8, for any
 * instruction set. The includer defines
 *
 *   OD_HAS_VECTOR, OD_HAS_ROUNDING          the vector operations, see vector.h
 *   OD_HAS_INT8 or OD_HAS_BFLOAT16 or both  with their dot products: which kernels to make
 *   OD_RINT                                 with OD_HAS_INT8, see low_precision_rounding.inc.h
 *   LOW_PRECISION_ROWS_1, _2, _4            enumerators: the maximum number of rows (<= 14) of
 *                                           a block 1, 2, 4 vectors wide
 *
 * A step of a block of R rows x V vectors loads V vectors of b, broadcasts R words of a and
 * does R x V dot products into sums that stay in registers, as in gemm.inc.h, but each is
 * worth two or four multiplications a lane. */
#if !defined(OD_HAS_VECTOR) || !defined(OD_HAS_ROUNDING)
#error "low_precision.inc.h: the includer must define OD_HAS_VECTOR and OD_HAS_ROUNDING"
#endif
#if !defined(OD_HAS_INT8) && !defined(OD_HAS_BFLOAT16)
#error "low_precision.inc.h: the includer must define OD_HAS_INT8 or OD_HAS_BFLOAT16"
#endif

#include "kernels/low_precision_rounding.inc.h"

typedef enum low_precision_type { INT8, BFLOAT16 } low_precision_type;

OD_INLINE vector low_precision_dot(const low_precision_type type, vector sum, vector a, vector b) {
#if defined(OD_HAS_INT8)
  if (type == INT8) return vector_dot_int8(sum, a, b);
#endif
#if defined(OD_HAS_BFLOAT16)
  if (type == BFLOAT16) return vector_dot_bfloat16(sum, a, b);
#endif
  return sum;
}

/* The result of a sum of int8 products: times scale plus bias. */
OD_INLINE vector low_precision_finish(const low_precision_type type, vector sum, vector scale,
                                      vector bias) {
#if defined(OD_HAS_INT8)
  if (type == INT8) return vector_add(vector_multiply(vector_from_int32(sum), scale), bias);
#endif
  (void)type, (void)scale, (void)bias;
  return sum;
}

/* Offset of row r of a block, in bytes. With `pooled`, four rows make a window: two
 * neighbours, and the two below. */
OD_INLINE size_t low_precision_row(const od_low_precision_gemm *p, const bool pooled, size_t r) {
  return pooled ? (r / 4 * 2 + r % 2) * p->a_row + r % 4 / 2 * p->a_outer : r * p->a_row;
}

/* Where a block lies: its first column, its first byte of a and number of c, and the mask of
 * the lanes of its last vector. */
typedef struct low_precision_place {
  size_t column;
  const unsigned char *a;
  od_real *c;
  mask last;
} low_precision_place;

/* A block of R rows, or with `pooled` of R / 4 windows, and V vectors; without `whole` the last
 * vector is masked. */
OD_INLINE void low_precision_block(const od_low_precision_gemm *p, const low_precision_type type,
                                   const bool pooled, const low_precision_place *at, const int R,
                                   const int V, const bool whole) {
  vector sum[16][4], zero = vector_zero();
  const size_t column = at->column;
  const mask last = at->last;
#define LOAD(P, v) (whole || (v) < V - 1 ? vector_load(P) : vector_load_some(P, last))
  const od_real *bias = p->bias + column;
  OD_UNROLL for (int v = 0; v < V; v++) {
    vector start = type == BFLOAT16 ? LOAD(bias + v * LANES, v) : zero;
    OD_UNROLL for (int r = 0; r < R; r++) sum[r][v] = start;
  }
  const float *b = (const float *)p->b + column;
  const size_t columns = p->columns;
  for (size_t outer = 0; outer < p->outer; outer++)
    for (size_t tap = 0; tap < p->taps; tap++) {
      const unsigned char *from = at->a + outer * p->a_outer + tap * p->a_tap;
      for (size_t word = p->words; word; word--, from += 4, b += columns) {
        vector weight[4];
        OD_UNROLL for (int v = 0; v < V; v++) weight[v] = LOAD(b + v * LANES, v);
        OD_UNROLL for (int r = 0; r < R; r++) {
          vector x = vector_broadcast_word(from + low_precision_row(p, pooled, (size_t)r));
          OD_UNROLL for (int v = 0; v < V; v++) sum[r][v] =
              low_precision_dot(type, sum[r][v], x, weight[v]);
        }
      }
    }
  OD_UNROLL for (int v = 0; v < V; v++) {
    vector scale = type == INT8 ? LOAD(p->scale + column + v * LANES, v) : zero;
    vector shift = type == INT8 ? LOAD(bias + v * LANES, v) : zero;
    const int each = pooled ? 4 : 1;
    OD_UNROLL for (int r = 0; r < R; r += each) {
      vector best = sum[r][v];
#if defined(OD_HAS_INT8)
      OD_UNROLL for (int k = 1; k < each; k++) best = vector_max_int32(best, sum[r + k][v]);
#endif
      vector result = low_precision_finish(type, best, scale, shift);
      od_real *to = at->c + (size_t)(r / each) * p->c_row + v * LANES;
      if (p->relu) result = vector_max(result, zero);
      if (whole || v < V - 1)
        vector_store(to, result);
      else
        vector_store_some(to, result, last);
    }
  }
#undef LOAD
}

/* All rows of the V vectors of columns from `column` on, at most `max_rows` rows a block,
 * distributed evenly as in gemm.inc.h. */
OD_INLINE void low_precision_columns(const od_low_precision_gemm *p, const low_precision_type type,
                                     size_t column, const int V, const size_t max_rows,
                                     const bool whole, mask last) {
  low_precision_place at = {column, p->a, p->c + column, last};
  size_t left = p->rows;
  for (size_t blocks = (left + max_rows - 1) / max_rows; blocks; blocks--) {
    size_t rows = (left + blocks - 1) / blocks;
    switch (rows) {
#define BLOCK(R)                                                              \
  case R:                                                                     \
    if (R <= max_rows) low_precision_block(p, type, false, &at, R, V, whole); \
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

/* Few rows are computed many vectors at a time; the last columns two vectors at a time or
 * one, masked. */
OD_INLINE void low_precision_gemm(const od_low_precision_gemm *p, const low_precision_type type) {
  const mask all = mask_of(LANES);
  size_t column = 0, left = p->columns;
  if (p->rows <= LOW_PRECISION_ROWS_4)
    for (; left >= 4 * LANES; left -= 4 * LANES, column += 4 * LANES)
      low_precision_columns(p, type, column, 4, LOW_PRECISION_ROWS_4, true, all);
  for (; left >= 2 * LANES; left -= 2 * LANES, column += 2 * LANES)
    low_precision_columns(p, type, column, 2, LOW_PRECISION_ROWS_2, true, all);
  if (left > LANES)
    low_precision_columns(p, type, column, 2, LOW_PRECISION_ROWS_2, false, mask_of(left - LANES));
  else if (left)
    low_precision_columns(p, type, column, 1, LOW_PRECISION_ROWS_1, false, mask_of(left));
}

#if defined(OD_HAS_INT8)
static void int8_gemm(const od_low_precision_gemm *p) { low_precision_gemm(p, INT8); }

/* All windows of the V vectors of columns from `column` on, at most `max_rows` rows a block. */
OD_INLINE void max_pool_columns(const od_low_precision_gemm *p, size_t column, const int V,
                                const size_t max_rows, const bool whole, mask last) {
  low_precision_place at = {column, p->a, p->c + column, last};
  size_t left = p->rows;
  for (size_t blocks = (left * 4 + max_rows - 1) / max_rows; blocks; blocks--) {
    size_t windows = (left + blocks - 1) / blocks;
    switch (windows) {
#define BLOCK(W)                                                                     \
  case W:                                                                            \
    if (W * 4 <= max_rows) low_precision_block(p, INT8, true, &at, W * 4, V, whole); \
    break;
      /* clang-format off */
      BLOCK(1) BLOCK(2) BLOCK(3)
      /* clang-format on */
#undef BLOCK
    }
    left -= windows;
    at.a += 2 * windows * p->a_row;
    at.c += windows * p->c_row;
  }
}

static void int8_gemm_max_pool(const od_low_precision_gemm *p) {
  enum {
    MAX_ROWS_1 = LOW_PRECISION_ROWS_1 / 4 * 4,
    MAX_ROWS_2 = LOW_PRECISION_ROWS_2 / 4 * 4
  }; /* whole windows */
  size_t column = 0, left = p->columns;
  for (; left >= 2 * LANES; left -= 2 * LANES, column += 2 * LANES)
    max_pool_columns(p, column, 2, MAX_ROWS_2, true, mask_of(LANES));
  if (left > LANES)
    max_pool_columns(p, column, 2, MAX_ROWS_2, false, mask_of(left - LANES));
  else if (left)
    max_pool_columns(p, column, 1, MAX_ROWS_1, false, mask_of(left));
}

/* The last vector may overlap the one before. */
static void int8_quantize(size_t n, const od_real *x, od_real scale, od_real zero, uint8_t *y) {
  const od_real steps = 127;
  const vector by = vector_broadcast(&scale), plus = vector_broadcast(&zero);
  const vector max = vector_broadcast(&steps);
  if (n < LANES) {
    quantize_plain(n, x, scale, zero, y);
    return;
  }
  for (size_t i = 0; i < n; i += LANES) {
    size_t at = i + LANES <= n ? i : n - LANES;
    vector value = vector_add(vector_multiply(vector_load(x + at), by), plus);
    vector_store_rounded(y + at, vector_min(max, value));
  }
}
#endif
#if defined(OD_HAS_BFLOAT16)
static void bfloat16_gemm(const od_low_precision_gemm *p) { low_precision_gemm(p, BFLOAT16); }
#endif
