/* Convolution fused with a 2x2 max-pool (od_kernels.conv_max_pool): the four outputs of a
 * window are compared while they are in registers. For any instruction set. The includer
 * defines
 *
 *   OD_HAS_VECTOR, OD_HAS_PICK  the vector operations, see vector.h */
#if !defined(OD_HAS_VECTOR) || !defined(OD_HAS_PICK)
#error "pool.inc.h: the includer must define OD_HAS_VECTOR and OD_HAS_PICK"
#endif
#define OD_HAS_POOL

/* Stores the maximum of four outputs (a window in reading order) of the first n, at most
 * LANES, channels to y, and its argmax, as od_kernels.max_pool does. */
OD_INLINE void pool_outputs(const vector outputs[4], bool relu, size_t n, od_real *y,
                            uint8_t *argmax) {
  static const od_real numbers[5] = {0, 1, 2, 3, 4};
  vector zero = vector_zero(), place = zero;
  vector best = vector_max(vector_max(outputs[0], outputs[1]), vector_max(outputs[2], outputs[3]));
  if (argmax) {
    place = vector_where(best, outputs[2], vector_broadcast(numbers + 3),
                         vector_broadcast(numbers + 2));
    place = vector_where(best, outputs[1], place, vector_broadcast(numbers + 1));
    place = vector_where(best, outputs[0], place, zero);
    if (relu) place = vector_where(best, zero, place, vector_broadcast(numbers + 4));
  }
  if (relu) best = vector_max(best, zero);
  if (n >= LANES) {
    vector_store(y, best);
    if (argmax) vector_store_bytes(argmax, place);
  } else {
    uint8_t bytes[LANES];
    vector_store_some(y, best, mask_of(n));
    vector_store_bytes(bytes, place);
    for (size_t k = 0; argmax && k < n; k++) argmax[k] = bytes[k];
  }
}

/* Where a window's input, and the units that are computed together, lie. */
typedef struct window_place {
  const od_real *x, *kernel, *bias;
  od_real *y;
  uint8_t *argmax; /* or NULL */
  size_t units;    /* from here on */
} window_place;

/* One window of V vectors of units: its four outputs are a block of products as in gemm.inc.h,
 * 4 x V sums in registers. Without `whole` the last vector is masked. */
OD_INLINE void window_block(const od_conv_max_pool *p, const window_place *at, const int V,
                            const bool whole) {
  const od_real *x = at->x, *kernel = at->kernel, *bias = at->bias;
  const size_t n = at->units;
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
      pool_outputs(sum[v], p->relu, n - (size_t)v * LANES, at->y + v * LANES,
                   at->argmax ? at->argmax + v * LANES : NULL);
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

/* Whether all input of the window at x is 0; false with several channels, unchecked. */
OD_INLINE bool is_zero_window(const od_conv_max_pool *p, const od_real *x) {
  if (p->channels != 1) return false;
  if (p->size == 3) return is_zero(x, 4, p->image_row);
  return p->size % 2 && is_zero(x, p->size + 1, p->image_row);
}

/* The outputs of a window whose input is 0: four times the bias. */
static void zero_window(const od_conv_max_pool *p, const od_real *bias, od_real *y,
                        uint8_t *argmax) {
  for (size_t u = 0; u < p->units; u++) {
    bool positive_bias = !p->relu || bias[u] > 0;
    y[u] = positive_bias ? bias[u] : 0;
    if (argmax) argmax[u] = positive_bias ? 0 : 4;
  }
}

/* All units of one window. */
OD_INLINE void window_units(const od_conv_max_pool *p, window_place at) {
  for (size_t left = p->units; left;) {
    const size_t n = left < 2 * LANES ? left : 2 * LANES;
    at.units = n;
    if (n == 2 * LANES)
      window_block(p, &at, 2, true);
    else if (n > LANES)
      window_block(p, &at, 2, false);
    else
      window_block(p, &at, 1, false);
    at.kernel += n;
    at.bias += n;
    at.y += n;
    if (at.argmax) at.argmax += n;
    left -= n;
  }
}

static void conv_max_pool(const od_conv_max_pool *p, const od_real *x, const od_real *kernel,
                          const od_real *bias, od_real *y, uint8_t *argmax, uint8_t *zero_tiles) {
  const od_real *zero_y = NULL; /* the first zero window's outputs and argmax */
  const uint8_t *zero_argmax = NULL;
  for (size_t row = 0; row < p->rows; row++)
    for (size_t column = 0; column < p->columns; column++, y += p->units) {
      const od_real *corner = x + 2 * row * p->image_row + 2 * column * p->channels;
      bool zero = is_zero_window(p, corner);
      if (zero_tiles) *zero_tiles++ = zero;
      if (!zero) {
        window_units(p, (window_place){corner, kernel, bias, y, argmax, 0});
      } else if (zero_y) {
        memcpy(y, zero_y, p->units * sizeof *y);
        if (argmax) memcpy(argmax, zero_argmax, p->units);
      } else {
        zero_window(p, bias, y, argmax);
        zero_y = y;
        zero_argmax = argmax;
      }
      if (argmax) argmax += p->units;
    }
}

/* The gradient of `taps` taps of a kernel of one channel, at `offset` in the image, for
 * one vector of units, n <= LANES of them: each tap has the four inputs of a window, and each
 * lane picks the one at its unit's argmax. */
enum { GRADIENT_TAPS = 9 };
OD_INLINE void gradient_taps(const od_conv_max_pool *p, const od_real *x, const od_real *dy,
                             const uint8_t *argmax, const size_t *offset, const int taps, size_t n,
                             od_real *dkernel) {
  const mask some = mask_of(n);
  vector sum[GRADIENT_TAPS];
  OD_UNROLL for (int t = 0; t < taps; t++) sum[t] =
      vector_load_some(dkernel + (size_t)t * p->units, some);
  for (size_t row = 0; row < p->rows; row++)
    for (size_t column = 0; column < p->columns; column++, dy += p->units, argmax += p->units) {
      const od_real *corner = x + 2 * row * p->image_row + 2 * column;
      if (is_zero_window(p, corner)) continue; /* its gradient is 0 */
      vector gradient = vector_load_some(dy, some);
      places chosen = places_load(argmax, n);
      OD_UNROLL for (int t = 0; t < taps; t++) {
        const od_real *under = corner + offset[t];
        sum[t] = vector_fma(gradient, vector_pick(under, under + p->image_row, chosen), sum[t]);
      }
    }
  OD_UNROLL for (int t = 0; t < taps; t++)
      vector_store_some(dkernel + (size_t)t * p->units, sum[t], some);
}

static void conv_max_pool_gradient(const od_conv_max_pool *p, const od_real *x, const od_real *dy,
                                   const uint8_t *argmax, od_real *dkernel) {
  size_t offset[GRADIENT_TAPS], taps = p->size * p->size;
  for (size_t begin = 0; begin < taps; begin += GRADIENT_TAPS) {
    size_t count = taps - begin < GRADIENT_TAPS ? taps - begin : GRADIENT_TAPS;
    for (size_t t = 0; t < count; t++)
      offset[t] = (begin + t) / p->size * p->image_row + (begin + t) % p->size;
    od_real *gradient = dkernel + begin * p->units;
    for (size_t unit = 0; unit < p->units; unit += LANES) {
      size_t left = p->units - unit, n = left < LANES ? left : LANES;
      if (count == GRADIENT_TAPS)
        gradient_taps(p, x, dy + unit, argmax + unit, offset, GRADIENT_TAPS, n, gradient + unit);
      else
        for (size_t t = 0; t < count; t++)
          gradient_taps(p, x, dy + unit, argmax + unit, offset + t, 1, n,
                        gradient + t * p->units + unit);
    }
  }
}
