/* Kernels of image_loops.h that want sums kept in registers over a loop, which compilers do
 * not find out by themselves. A kernels_*.c with wide registers defines them first, then
 * includes this file:
 *
 *   words                      a register of WORDS numbers of 16 bits
 *   words_of_bytes(p)          WORDS bytes, widened
 *   words_load(p), words_store(p, v), words_set(x)
 *   words_add(a, b), words_multiply(a, b)    modulo 2^16
 *   words_high(v), words_low(v)    the high and the low byte of each
 *   words_store_bytes(p, v)    numbers up to 255, as bytes
 *   bytes                      a register of BYTES bytes
 *   bytes_load(p), bytes_store(p, v), bytes_lowest(a, b), bytes_highest(a, b)
 *   bytes_set(x)
 *   bytes_reach(a, b)          bit i: whether byte i of a is not below that of b
 *   vector and its operations, as for kernels_vector.h
 *   vector_of_bytes(p)         LANES bytes as floats
 *   vector_multiply(a, b), vector_divide(a, b)
 *   vector_store_rounded(p, v)    rounded half to even and cut to 0..255, as bytes
 *
 * The last numbers of a row are done over again together with some before them; rows that
 * are shorter than a register go by the definitions. */

/* Runs STEP(at, V) over 0 .. n - 1 for V registers of LANES numbers from `at` on. */
#define OVER_REGISTERS(N, LANES, STEP)                                         \
  do {                                                                         \
    size_t at = 0;                                                             \
    for (; at + 4 * (LANES) <= (N); at += 4 * (LANES)) STEP(at, 4);            \
    for (; at + 2 * (LANES) <= (N); at += 2 * (LANES)) STEP(at, 2);            \
    for (; at + (LANES) <= (N); at += (LANES)) STEP(at, 1);                    \
    if (at < (N)) STEP((N) - (LANES), 1);                                      \
  } while (0)

OD_INLINE void scale_vectors(const uint8_t *x, vector scale, vector shift, uint8_t *y,
                             const int V) {
  OD_UNROLL for (int v = 0; v < V; v++) {
    const vector level = vector_fma(vector_of_bytes(x + v * LANES), scale, shift);
    vector_store_rounded(y + v * LANES, level);
  }
}

static void scale_row(size_t n, const uint8_t *x, float scale, float shift, uint8_t *y) {
  if (n < LANES) {
    scale_plain(n, x, scale, shift, y);
    return;
  }
  const vector scales = vector_broadcast(&scale), shifts = vector_broadcast(&shift);
#define STEP(AT, V) scale_vectors(x + (AT), scales, shifts, y + (AT), V)
  OVER_REGISTERS(n, LANES, STEP);
#undef STEP
}

typedef bytes further_of(bytes a, bytes b);

OD_INLINE void extreme_of_bytes(further_of *further, size_t count, const uint8_t *const *rows,
                                size_t at, uint8_t *y, const int V) {
  bytes extreme[4];
  OD_UNROLL for (int v = 0; v < V; v++) extreme[v] = bytes_load(rows[0] + at + v * BYTES);
  for (size_t k = 1; k < count; k++) {
    const uint8_t *row = rows[k] + at;
    OD_UNROLL for (int v = 0; v < V; v++)
      extreme[v] = further(extreme[v], bytes_load(row + v * BYTES));
  }
  OD_UNROLL for (int v = 0; v < V; v++) bytes_store(y + at + v * BYTES, extreme[v]);
}

OD_INLINE void extreme_of_many(further_of *further, size_t n, size_t count,
                               const uint8_t *const *rows, uint8_t *y) {
#define STEP(AT, V) extreme_of_bytes(further, count, rows, AT, y, V)
  OVER_REGISTERS(n, BYTES, STEP);
#undef STEP
}

/* For a COUNT that the compiler knows: the pointers stay in registers. */
OD_INLINE void extreme_of_few(further_of *further, size_t n, const size_t COUNT,
                              const uint8_t *const *rows, uint8_t *y) {
  const uint8_t *few[4];
  OD_UNROLL for (size_t k = 0; k < COUNT; k++) few[k] = rows[k];
  extreme_of_many(further, n, COUNT, few, y);
}

OD_INLINE void extreme_of(further_of *further, size_t n, size_t count, const uint8_t *const *rows,
                          uint8_t *y) {
  switch (count) {
    case 2: extreme_of_few(further, n, 2, rows, y); break;
    case 3: extreme_of_few(further, n, 3, rows, y); break;
    case 4: extreme_of_few(further, n, 4, rows, y); break;
    default: extreme_of_many(further, n, count, rows, y);
  }
}

static void lowest_of(size_t n, size_t count, const uint8_t *const *rows, uint8_t *y) {
  if (n < BYTES) {
    lowest_of_plain(n, count, rows, y);
    return;
  }
  extreme_of(bytes_lowest, n, count, rows, y);
}

static void highest_of(size_t n, size_t count, const uint8_t *const *rows, uint8_t *y) {
  if (n < BYTES) {
    highest_of_plain(n, count, rows, y);
    return;
  }
  extreme_of(bytes_highest, n, count, rows, y);
}

OD_INLINE void blur_across_words(size_t taps, const uint8_t *x, const uint16_t *half,
                                 uint16_t *high, uint16_t *low, const int V) {
  words sum[4];
  const uint8_t *middle = x + taps / 2;
  OD_UNROLL for (int v = 0; v < V; v++)
    sum[v] = words_multiply(words_set(half[0]), words_of_bytes(middle + v * WORDS));
  for (size_t k = 1; k <= taps / 2; k++) {
    const words weight = words_set(half[k]);
    const uint8_t *left = middle - k, *right = middle + k;
    OD_UNROLL for (int v = 0; v < V; v++) {
      words pair = words_add(words_of_bytes(left + v * WORDS), words_of_bytes(right + v * WORDS));
      sum[v] = words_add(sum[v], words_multiply(weight, pair));
    }
  }
  OD_UNROLL for (int v = 0; v < V; v++) {
    words_store(high + v * WORDS, words_high(sum[v]));
    words_store(low + v * WORDS, words_low(sum[v]));
  }
}

static void blur_across(size_t n, size_t taps, const uint8_t *x, const uint16_t *half,
                        uint16_t *high, uint16_t *low) {
  if (n < WORDS) {
    blur_across_plain(n, taps, x, half, high, low);
    return;
  }
#define STEP(AT, V) blur_across_words(taps, x + (AT), half, high + (AT), low + (AT), V)
  OVER_REGISTERS(n, WORDS, STEP);
#undef STEP
}

/* The weighted sum of one byte plane, which fits 16 bits. */
OD_INLINE void sum_down(size_t taps, const uint16_t *const *rows, size_t at, const uint16_t *half,
                        words *sum, const int V) {
  const size_t reach = taps / 2;
  OD_UNROLL for (int v = 0; v < V; v++)
    sum[v] = words_multiply(words_set(half[0]), words_load(rows[reach] + at + v * WORDS));
  for (size_t k = 1; k <= reach; k++) {
    const words weight = words_set(half[k]);
    const uint16_t *above = rows[reach - k] + at, *below = rows[reach + k] + at;
    OD_UNROLL for (int v = 0; v < V; v++) {
      words pair = words_add(words_load(above + v * WORDS), words_load(below + v * WORDS));
      sum[v] = words_add(sum[v], words_multiply(weight, pair));
    }
  }
}

/* (256 high + low + 2^15) >> 16 in 16 bits: what is below 256 in `low` never carries. */
OD_INLINE void blur_down_words(size_t taps, const uint16_t *const *high,
                               const uint16_t *const *low, size_t at, const uint16_t *half,
                               uint8_t *y, const int V) {
  words sum_high[4], sum_low[4];
  sum_down(taps, high, at, half, sum_high, V);
  sum_down(taps, low, at, half, sum_low, V);
  OD_UNROLL for (int v = 0; v < V; v++) {
    words all = words_add(words_add(sum_high[v], words_high(sum_low[v])), words_set(128));
    words_store_bytes(y + at + v * WORDS, words_high(all));
  }
}

static void blur_down(size_t n, size_t taps, const uint16_t *const *high,
                      const uint16_t *const *low, const uint16_t *half, uint8_t *y) {
  if (n < WORDS) {
    blur_down_plain(n, taps, high, low, half, y);
    return;
  }
#define STEP(AT, V) blur_down_words(taps, high, low, AT, half, y, V)
  OVER_REGISTERS(n, WORDS, STEP);
#undef STEP
}

OD_INLINE void smooth_across_vectors(size_t taps, const float *x, const float *weights, float *y,
                                     const int V) {
  vector sum[4];
  OD_UNROLL for (int v = 0; v < V; v++)
    sum[v] = vector_multiply(vector_broadcast(weights), vector_load(x + v * LANES));
  for (size_t k = 1; k < taps; k++) {
    const vector weight = vector_broadcast(weights + k);
    OD_UNROLL for (int v = 0; v < V; v++)
      sum[v] = vector_fma(weight, vector_load(x + k + v * LANES), sum[v]);
  }
  OD_UNROLL for (int v = 0; v < V; v++) vector_store(y + v * LANES, sum[v]);
}

static void smooth_across(size_t n, size_t taps, const float *x, const float *weights, float *y) {
  if (n < LANES) {
    smooth_across_plain(n, taps, x, weights, y);
    return;
  }
#define STEP(AT, V) smooth_across_vectors(taps, x + (AT), weights, y + (AT), V)
  OVER_REGISTERS(n, LANES, STEP);
#undef STEP
}

OD_INLINE void smooth_down_vectors(size_t taps, const float *const *rows, size_t at,
                                   const float *half, uint8_t *y, const int V) {
  vector sum[4];
  const size_t reach = taps / 2;
  OD_UNROLL for (int v = 0; v < V; v++)
    sum[v] = vector_multiply(vector_broadcast(half), vector_load(rows[reach] + at + v * LANES));
  for (size_t k = 1; k <= reach; k++) {
    const vector weight = vector_broadcast(half + k);
    const float *above = rows[reach - k] + at, *below = rows[reach + k] + at;
    OD_UNROLL for (int v = 0; v < V; v++) {
      vector pair = vector_add(vector_load(above + v * LANES), vector_load(below + v * LANES));
      sum[v] = vector_fma(weight, pair, sum[v]);
    }
  }
  OD_UNROLL for (int v = 0; v < V; v++) vector_store_rounded(y + at + v * LANES, sum[v]);
}

static void smooth_down(size_t n, size_t taps, const float *const *rows, const float *half,
                        uint8_t *y) {
  if (n < LANES) {
    smooth_down_plain(n, taps, rows, half, y);
    return;
  }
#define STEP(AT, V) smooth_down_vectors(taps, rows, AT, half, y, V)
  OVER_REGISTERS(n, LANES, STEP);
#undef STEP
}

/* Cut to 0..255 and rounded half up, as image_to_byte does it. */
static inline void vector_store_level(uint8_t *p, vector v, vector most, vector half) {
  const vector level = vector_lesser(vector_max(v, vector_zero()), most);
  vector_store_bytes(p, vector_add(level, half));
}

static const float image_most = 255, image_half = 0.5f;

OD_INLINE void below_vectors(const uint8_t *x, const float *level, uint8_t *y, const int V) {
  const vector most = vector_broadcast(&image_most), half = vector_broadcast(&image_half);
  OD_UNROLL for (int v = 0; v < V; v++) {
    const vector depth = vector_sub(vector_load(level + v * LANES), vector_of_bytes(x + v * LANES));
    vector_store_level(y + v * LANES, depth, most, half);
  }
}

static void below(size_t n, const uint8_t *x, const float *level, uint8_t *y) {
  if (n < LANES) {
    below_plain(n, x, level, y);
    return;
  }
#define STEP(AT, V) below_vectors(x + (AT), level + (AT), y + (AT), V)
  OVER_REGISTERS(n, LANES, STEP);
#undef STEP
}

/* Sixteen pixels at a time, and what is left of a row by the definition. */
static void below_again(size_t n, const uint8_t *x, const float *level, uint8_t bound, uint8_t *y,
                        uint8_t *over, float squares[16]) {
  enum { SIXTEEN = 16 / LANES };
  const float last_bare = bound;
  const vector most = vector_broadcast(&image_most), half = vector_broadcast(&image_half);
  const vector last = vector_broadcast(&last_bare);
  vector sums[SIXTEEN];
  OD_UNROLL for (int v = 0; v < SIXTEEN; v++) sums[v] = vector_load(squares + v * LANES);
  size_t i = 0;
  for (; i + 16 <= n; i += 16)
    OD_UNROLL for (int v = 0; v < SIXTEEN; v++) {
      const size_t at = i + (size_t)v * LANES;
      const vector before = vector_of_bytes(y + at);
      const vector depth = vector_sub(vector_load(level + at), vector_of_bytes(x + at));
      const vector square = vector_multiply(depth, depth);
      sums[v] = vector_add(sums[v], vector_where(before, last, vector_zero(), square));
      vector_store_level(over + at, vector_where(before, last, depth, vector_zero()), most, half);
      vector_store_level(y + at, depth, most, half);
    }
  OD_UNROLL for (int v = 0; v < SIXTEEN; v++) vector_store(squares + v * LANES, sums[v]);
  below_again_plain(n - i, x + i, level + i, bound, y + i, over + i, squares);
}

static void stretch(size_t n, const float *full, float scale, float shift, uint8_t *y) {
  const vector most = vector_broadcast(&image_most), half = vector_broadcast(&image_half);
  const vector scales = vector_broadcast(&scale), shifts = vector_broadcast(&shift);
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    const vector factor = vector_divide(scales, vector_load(full + i));
    const vector level = vector_multiply(vector_of_bytes(y + i), factor);
    vector_store_level(y + i, vector_sub(level, shifts), most, half);
  }
  stretch_plain(n - i, full + i, scale, shift, y + i);
}

static void bits_of(size_t n, const uint8_t *x, uint8_t level, uint64_t *bits) {
  const bytes levels = bytes_set(level);
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    uint64_t word = 0;
    OD_UNROLL for (size_t k = 0; k < 64; k += BYTES)
      word |= bytes_reach(bytes_load(x + i + k), levels) << k;
    *bits++ = word;
  }
  if (i == n) return;
  uint64_t word = 0;
  size_t k = 0;
  for (; i + k + BYTES <= n; k += BYTES)
    word |= bytes_reach(bytes_load(x + i + k), levels) << k;
  *bits = word | (i + k < n ? bits_plain(n - i - k, x + i + k, level) << k : 0);
}
