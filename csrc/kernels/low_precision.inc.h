/* The products of narrow numbers (od_dot_product), for any instruction set. Bits of all
 * kinds lie in the registers of kernels_vector.h; a kernels_*.c also defines
 *
 *   vector_broadcast_word(p)           the 4 bytes at p, of any alignment, in every lane
 *   vector_dot_bytes(s, a, b)    s + a . b, integers of 32 bits in every lane of s
 *   vector_dot_bfloats(s, a, b)  s + a . b, floats
 *   vector_from_integers(v)      integers of 32 bits as floats
 *   vector_larger_integers(a, b) the larger integer of 32 bits in every lane
 *   vector_multiply(a, b)
 *   vector_lesser(a, b)          a < b ? a : b, so b where one is not a number
 *   vector_store_rounded(p, v)   rounded half to even and cut to 0..255, as bytes; NaN as 0
 *   NARROW_1, NARROW_2, NARROW_4 the most rows (<= 14) of a block 1, 2, 4 vectors wide
 *
 * and OD_BYTES or OD_BFLOATS, or both, for the kernels that it wants. A step of a block of
 * R rows x V vectors loads V vectors of b, broadcasts R words of a and does R x V dot
 * products into sums that stay in registers, as in kernels_vector.h, but each is worth
 * two or four multiplications a lane. */

#include "kernels/low_precision_loops.inc.h"

typedef enum narrow_kind { NARROW_BYTES, NARROW_BFLOATS } narrow_kind;

OD_INLINE vector narrow_dot(const narrow_kind kind, vector sum, vector a, vector b) {
#if defined(OD_BYTES)
  if (kind == NARROW_BYTES) return vector_dot_bytes(sum, a, b);
#endif
#if defined(OD_BFLOATS)
  if (kind == NARROW_BFLOATS) return vector_dot_bfloats(sum, a, b);
#endif
  return sum;
}

/* What a sum of bytes says, by scale and bias. */
OD_INLINE vector narrow_finish(const narrow_kind kind, vector sum, vector scale, vector bias) {
#if defined(OD_BYTES)
  if (kind == NARROW_BYTES) return vector_add(vector_multiply(vector_from_integers(sum), scale), bias);
#endif
  (void)kind, (void)scale, (void)bias;
  return sum;
}

/* Where row r of a block begins. `pooled`, four rows make a window: two side by side, and
 * the two below. */
OD_INLINE size_t narrow_row(const od_dot_product *p, const bool pooled, size_t r) {
  return pooled ? (r / 4 * 2 + r % 2) * p->a_row + r % 4 / 2 * p->a_outer : r * p->a_row;
}

/* The block at c (R rows, V vectors), or `pooled` (R / 4 windows, V vectors); `last` masks
 * the lanes of the last vector. */
OD_INLINE void narrow_block(const od_dot_product *p, const narrow_kind kind, const bool pooled,
                            size_t column, const unsigned char *a, od_real *c, const int R,
                            const int V, const bool whole, mask last) {
  vector sum[16][4], zero = vector_zero();
#define LOAD(P, v) (whole || (v) < V - 1 ? vector_load(P) : vector_load_some(P, last))
  const od_real *bias = p->bias + column;
  OD_UNROLL for (int v = 0; v < V; v++) {
    vector start = kind == NARROW_BFLOATS ? LOAD(bias + v * LANES, v) : zero;
    OD_UNROLL for (int r = 0; r < R; r++) sum[r][v] = start;
  }
  const float *b = (const float *)p->b + column;
  const size_t columns = p->columns;
  for (size_t outer = 0; outer < p->outer; outer++) {
    const unsigned char *from = a + outer * p->a_outer;
    for (size_t word = p->words; word; word--, from += 4, b += columns) {
      vector weight[4];
      OD_UNROLL for (int v = 0; v < V; v++) weight[v] = LOAD(b + v * LANES, v);
      OD_UNROLL for (int r = 0; r < R; r++) {
        vector x = vector_broadcast_word(from + narrow_row(p, pooled, (size_t)r));
        OD_UNROLL for (int v = 0; v < V; v++) sum[r][v] = narrow_dot(kind, sum[r][v], x, weight[v]);
      }
    }
  }
  OD_UNROLL for (int v = 0; v < V; v++) {
    vector scale = kind == NARROW_BYTES ? LOAD(p->scale + column + v * LANES, v) : zero;
    vector shift = kind == NARROW_BYTES ? LOAD(bias + v * LANES, v) : zero;
    const int each = pooled ? 4 : 1;
    OD_UNROLL for (int r = 0; r < R; r += each) {
      vector best = sum[r][v];
#if defined(OD_BYTES)
      OD_UNROLL for (int k = 1; k < each; k++) best = vector_larger_integers(best, sum[r + k][v]);
#endif
      vector result = narrow_finish(kind, best, scale, shift);
      od_real *to = c + (size_t)(r / each) * p->c_row + v * LANES;
      if (p->relu) result = vector_max(result, zero);
      if (whole || v < V - 1)
        vector_store(to, result);
      else
        vector_store_some(to, result, last);
    }
  }
#undef LOAD
}

/* All rows of the strip of V vectors from `column` on, at most `most` rows a block, dealt
 * evenly as in kernels_vector.h. */
OD_INLINE void narrow_strip(const od_dot_product *p, const narrow_kind kind, size_t column,
                            const int V, const size_t most, const bool whole, mask last) {
  const unsigned char *a = p->a;
  od_real *c = p->c + column;
  size_t left = p->rows;
  for (size_t blocks = (left + most - 1) / most; blocks; blocks--) {
    size_t rows = (left + blocks - 1) / blocks;
    switch (rows) {
#define BLOCK(R)                                                                     \
  case R:                                                                            \
    if (R <= most) narrow_block(p, kind, false, column, a, c, R, V, whole, last);    \
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

/* Few rows want wide strips; the last columns go in a strip of two vectors or one, masked. */
OD_INLINE void narrow_product(const od_dot_product *p, const narrow_kind kind) {
  const mask all = mask_of(LANES);
  size_t column = 0, left = p->columns;
  if (p->rows <= NARROW_4)
    for (; left >= 4 * LANES; left -= 4 * LANES, column += 4 * LANES)
      narrow_strip(p, kind, column, 4, NARROW_4, true, all);
  for (; left >= 2 * LANES; left -= 2 * LANES, column += 2 * LANES)
    narrow_strip(p, kind, column, 2, NARROW_2, true, all);
  if (left > LANES)
    narrow_strip(p, kind, column, 2, NARROW_2, false, mask_of(left - LANES));
  else if (left)
    narrow_strip(p, kind, column, 1, NARROW_1, false, mask_of(left));
}

#if defined(OD_BYTES)
static void byte_product(const od_dot_product *p) { narrow_product(p, NARROW_BYTES); }

/* All windows of the strip of V vectors from `column` on, at most `most` rows a block. */
OD_INLINE void pooled_strip(const od_dot_product *p, size_t column, const int V,
                            const size_t most, const bool whole, mask last) {
  const unsigned char *a = p->a;
  od_real *c = p->c + column;
  size_t left = p->rows;
  for (size_t blocks = (left * 4 + most - 1) / most; blocks; blocks--) {
    size_t windows = (left + blocks - 1) / blocks;
    switch (windows) {
#define BLOCK(W)                                                                             \
  case W:                                                                                    \
    if (W * 4 <= most)                                                                       \
      narrow_block(p, NARROW_BYTES, true, column, a, c, W * 4, V, whole, last);              \
    break;
      BLOCK(1) BLOCK(2) BLOCK(3)
#undef BLOCK
    }
    left -= windows;
    a += 2 * windows * p->a_row;
    c += windows * p->c_row;
  }
}

static void byte_product_pool(const od_dot_product *p) {
  enum { MOST_1 = NARROW_1 / 4 * 4, MOST_2 = NARROW_2 / 4 * 4 }; /* whole windows */
  size_t column = 0, left = p->columns;
  for (; left >= 2 * LANES; left -= 2 * LANES, column += 2 * LANES)
    pooled_strip(p, column, 2, MOST_2, true, mask_of(LANES));
  if (left > LANES)
    pooled_strip(p, column, 2, MOST_2, false, mask_of(left - LANES));
  else if (left)
    pooled_strip(p, column, 1, MOST_1, false, mask_of(left));
}

/* The last vector may overlap the one before. */
static void quantize(size_t n, const od_real *x, od_real scale, od_real zero, uint8_t *y) {
  const od_real steps = 127;
  const vector by = vector_broadcast(&scale), plus = vector_broadcast(&zero);
  const vector most = vector_broadcast(&steps);
  if (n < LANES) {
    quantize_plain(n, x, scale, zero, y);
    return;
  }
  for (size_t i = 0; i < n; i += LANES) {
    size_t at = i + LANES <= n ? i : n - LANES;
    vector value = vector_add(vector_multiply(vector_load(x + at), by), plus);
    vector_store_rounded(y + at, vector_lesser(most, value));
  }
}
#endif
#if defined(OD_BFLOATS)
static void bfloat_product(const od_dot_product *p) { narrow_product(p, NARROW_BFLOATS); }
#endif
