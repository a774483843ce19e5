/* A 2x2 max-pool joined to the convolution before it: the four outputs of a window are
 * compared while they are in registers. For any instruction set; see kernels_vector.h
 * for what a kernels_*.c defines before it includes this file. */

/* Stores the largest of four outputs (a window in reading order) of the first n, at most
 * LANES, channels to y, and which it was, or 4, as od_kernels.max_pool has it. */
OD_INLINE void pool_outputs(const vector outputs[4], bool relu, size_t n, od_real *y,
                            uint8_t *choice) {
  static const od_real numbers[5] = {0, 1, 2, 3, 4};
  vector zero = vector_zero(), place = zero;
  vector best = vector_max(vector_max(outputs[0], outputs[1]), vector_max(outputs[2], outputs[3]));
  if (choice) {
    place = vector_where(best, outputs[2], vector_broadcast(numbers + 3), vector_broadcast(numbers + 2));
    place = vector_where(best, outputs[1], place, vector_broadcast(numbers + 1));
    place = vector_where(best, outputs[0], place, zero);
    if (relu) place = vector_where(best, zero, place, vector_broadcast(numbers + 4));
  }
  if (relu) best = vector_max(best, zero);
  if (n >= LANES) {
    vector_store(y, best);
    if (choice) vector_store_bytes(choice, place);
  } else {
    uint8_t bytes[LANES];
    vector_store_some(y, best, mask_of(n));
    vector_store_bytes(bytes, place);
    for (size_t k = 0; choice && k < n; k++) choice[k] = bytes[k];
  }
}

/* One window of od_kernels.pooled_forward, V vectors of units, n <= V LANES of them: its
 * four outputs are a block of products as in gemm, 4 x V sums in registers. */
OD_INLINE void pooled_window(const od_conv_pool *p, const od_real *x, const od_real *kernel,
                             const od_real *bias, const int V, const bool whole, size_t n,
                             od_real *y, uint8_t *choice) {
  const mask last = mask_of(whole ? LANES : n - (size_t)(V - 1) * LANES);
#define LOAD(P, v) (whole || (v) < V - 1 ? vector_load(P) : vector_load_some(P, last))
  vector sum[2][4];
  OD_UNROLL for (int v = 0; v < V; v++) {
    vector start = LOAD(bias + v * LANES, v);
    OD_UNROLL for (int k = 0; k < 4; k++) sum[v][k] = start;
  }
  for (size_t row = 0; row < p->size; row++, x += p->image_row) {
    const od_real *below = x + p->image_row;
    for (size_t i = 0; i < p->size * p->channels; i++, kernel += p->units) {
      vector weight[2];
      OD_UNROLL for (int v = 0; v < V; v++) weight[v] = LOAD(kernel + v * LANES, v);
      OD_UNROLL for (int k = 0; k < 4; k++) {
        vector input = vector_broadcast((k < 2 ? x : below) + i + (k % 2 ? p->channels : 0));
        OD_UNROLL for (int v = 0; v < V; v++) sum[v][k] = vector_fma(input, weight[v], sum[v][k]);
      }
    }
  }
#undef LOAD
  OD_UNROLL for (int v = 0; v < V; v++)
    pool_outputs(sum[v], p->relu, n - (size_t)v * LANES, y + v * LANES,
                 choice ? choice + v * LANES : NULL);
}

/* Whether the (side, side) numbers at x, rows `pitch` apart, are all 0, bit by bit. */
OD_INLINE bool is_zero(const od_real *x, const size_t side, size_t pitch) {
  uint64_t bits = 0, word;
  for (size_t row = 0; row < side; row++, x += pitch)
    for (size_t at = 0; at < side * sizeof *x; at += sizeof word) {
      memcpy(&word, (const char *)x + at, sizeof word);
      bits |= word;
    }
  return bits == 0;
}

/* Whether all input of the window at x is 0, for one channel; of more it is not asked. */
OD_INLINE bool pooled_blank(const od_conv_pool *p, const od_real *x) {
  if (p->channels != 1) return false;
  if (p->size == 3) return is_zero(x, 4, p->image_row);
  return p->size % 2 && is_zero(x, p->size + 1, p->image_row);
}

/* The outputs of a blank window: four times the bias. */
static void pooled_blank_window(const od_conv_pool *p, const od_real *bias, od_real *y,
                                uint8_t *choice) {
  for (size_t u = 0; u < p->units; u++) {
    bool kept = !p->relu || bias[u] > 0;
    y[u] = kept ? bias[u] : 0;
    if (choice) choice[u] = kept ? 0 : 4;
  }
}

static void pooled_forward(const od_conv_pool *p, const od_real *x, const od_real *kernel,
                           const od_real *bias, od_real *y, uint8_t *choice, uint8_t *blank) {
  const od_real *blank_y = NULL; /* the first blank window's outputs and choices */
  const uint8_t *blank_choice = NULL;
  for (size_t row = 0; row < p->rows; row++)
    for (size_t column = 0; column < p->columns; column++, y += p->units) {
      const od_real *corner = x + 2 * row * p->image_row + 2 * column * p->channels;
      bool nothing = pooled_blank(p, corner);
      if (blank) *blank++ = nothing;
      if (nothing && blank_y) {
        memcpy(y, blank_y, p->units * sizeof *y);
        if (choice) memcpy(choice, blank_choice, p->units);
      } else if (nothing) {
        pooled_blank_window(p, bias, y, choice);
        blank_y = y;
        blank_choice = choice;
      }
      for (size_t unit = nothing ? p->units : 0; unit < p->units;) {
        size_t left = p->units - unit, n = left < 2 * LANES ? left : 2 * LANES;
        const od_real *k = kernel + unit, *b = bias + unit;
        uint8_t *chosen = choice ? choice + unit : NULL;
        if (n == 2 * LANES)
          pooled_window(p, corner, k, b, 2, true, n, y + unit, chosen);
        else if (n > LANES)
          pooled_window(p, corner, k, b, 2, false, n, y + unit, chosen);
        else
          pooled_window(p, corner, k, b, 1, false, n, y + unit, chosen);
        unit += n;
      }
      if (choice) choice += p->units;
    }
}

/* The gradient of `taps` taps of a kernel of one channel, at `offset` in the image, for
 * one vector of units, n <= LANES of them: under each tap lie the four inputs of a
 * window, and each lane picks the one that its unit chose. */
enum { POOLED_TAPS = 9 };
OD_INLINE void pooled_taps(const od_conv_pool *p, const od_real *x, const od_real *dy,
                           const uint8_t *choice, const size_t *offset, const int taps, size_t n,
                           od_real *dkernel) {
  const mask some = mask_of(n);
  vector sum[POOLED_TAPS];
  OD_UNROLL for (int t = 0; t < taps; t++)
    sum[t] = vector_load_some(dkernel + (size_t)t * p->units, some);
  for (size_t row = 0; row < p->rows; row++)
    for (size_t column = 0; column < p->columns; column++, dy += p->units, choice += p->units) {
      const od_real *corner = x + 2 * row * p->image_row + 2 * column;
      if (pooled_blank(p, corner)) continue; /* its gradient is 0 */
      vector gradient = vector_load_some(dy, some);
      places chosen = places_load(choice, n);
      OD_UNROLL for (int t = 0; t < taps; t++) {
        const od_real *under = corner + offset[t];
        sum[t] = vector_fma(gradient, vector_pick(under, under + p->image_row, chosen), sum[t]);
      }
    }
  OD_UNROLL for (int t = 0; t < taps; t++)
    vector_store_some(dkernel + (size_t)t * p->units, sum[t], some);
}

static void pooled_gradient(const od_conv_pool *p, const od_real *x, const od_real *dy,
                            const uint8_t *choice, od_real *dkernel) {
  size_t offset[POOLED_TAPS], taps = p->size * p->size;
  for (size_t begin = 0; begin < taps; begin += POOLED_TAPS) {
    size_t count = taps - begin < POOLED_TAPS ? taps - begin : POOLED_TAPS;
    for (size_t t = 0; t < count; t++)
      offset[t] = (begin + t) / p->size * p->image_row + (begin + t) % p->size;
    od_real *gradient = dkernel + begin * p->units;
    for (size_t unit = 0; unit < p->units; unit += LANES) {
      size_t left = p->units - unit, n = left < LANES ? left : LANES;
      if (count == POOLED_TAPS)
        pooled_taps(p, x, dy + unit, choice + unit, offset, POOLED_TAPS, n, gradient + unit);
      else
        for (size_t t = 0; t < count; t++)
          pooled_taps(p, x, dy + unit, choice + unit, offset + t, 1, n,
                      gradient + t * p->units + unit);
    }
  }
}
