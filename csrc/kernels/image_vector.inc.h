/* Image kernels whose sums must stay in registers over a loop, which compilers do not achieve by
 * themselves: name_vector. For any instruction set with wide registers. The includer includes
 * image_loops.inc.h first, and defines
 *
 *   OD_HAS_VECTOR, OD_HAS_ROUNDING, OD_HAS_IMAGE_VECTORS  the vector operations, see vector.h
 *
 * The last numbers of a row are computed again together with some before them; rows shorter
 * than a register are left to name_plain. */
#if !defined(OD_HAS_VECTOR) || !defined(OD_HAS_ROUNDING) || !defined(OD_HAS_IMAGE_VECTORS)
#error "image_vector.inc.h: the includer must define the vector operations of images"
#endif

/* Runs STEP(at, V) over 0 .. n - 1 for V registers of LANES numbers from `at` on. */
#define OVER_REGISTERS(N, LANES, STEP)                              \
  do {                                                              \
    size_t at = 0;                                                  \
    for (; at + 4 * (LANES) <= (N); at += 4 * (LANES)) STEP(at, 4); \
    for (; at + 2 * (LANES) <= (N); at += 2 * (LANES)) STEP(at, 2); \
    for (; at + (LANES) <= (N); at += (LANES)) STEP(at, 1);         \
    if (at < (N)) STEP((N) - (LANES), 1);                           \
  } while (0)

OD_INLINE void scale_vectors(const uint8_t *x, vector scale, vector shift, uint8_t *y,
                             const int V) {
  OD_UNROLL for (int v = 0; v < V; v++) {
    const vector level = vector_fma_once(vector_from_bytes(x + v * LANES), scale, shift);
    vector_store_rounded(y + v * LANES, level);
  }
}

static void scale_vector(size_t n, const uint8_t *x, float scale, float shift, uint8_t *y) {
  if (n < LANES) {
    scale_plain(n, x, scale, shift, y);
    return;
  }
  const vector scales = vector_broadcast(&scale), shifts = vector_broadcast(&shift);
#define STEP(AT, V) scale_vectors(x + (AT), scales, shifts, y + (AT), V)
  OVER_REGISTERS(n, LANES, STEP);
#undef STEP
}

/* bytes_min or bytes_max. */
typedef bytes bytes_operation(bytes a, bytes b);

OD_INLINE void reduce_bytes(bytes_operation *operation, size_t count, const uint8_t *const *rows,
                            size_t at, uint8_t *y, const int V) {
  bytes result[4];
  OD_UNROLL for (int v = 0; v < V; v++) result[v] = bytes_load(rows[0] + at + v * BYTES);
  for (size_t k = 1; k < count; k++) {
    const uint8_t *row = rows[k] + at;
    OD_UNROLL for (int v = 0; v < V; v++) result[v] =
        operation(result[v], bytes_load(row + v * BYTES));
  }
  OD_UNROLL for (int v = 0; v < V; v++) bytes_store(y + at + v * BYTES, result[v]);
}

OD_INLINE void reduce_many(bytes_operation *operation, size_t n, size_t count,
                           const uint8_t *const *rows, uint8_t *y) {
#define STEP(AT, V) reduce_bytes(operation, count, rows, AT, y, V)
  OVER_REGISTERS(n, BYTES, STEP);
#undef STEP
}

/* With a constant COUNT the pointers stay in registers. */
OD_INLINE void reduce_few(bytes_operation *operation, size_t n, const size_t COUNT,
                          const uint8_t *const *rows, uint8_t *y) {
  const uint8_t *few[4];
  OD_UNROLL for (size_t k = 0; k < COUNT; k++) few[k] = rows[k];
  reduce_many(operation, n, COUNT, few, y);
}

OD_INLINE void reduce_rows(bytes_operation *operation, size_t n, size_t count,
                           const uint8_t *const *rows, uint8_t *y) {
  switch (count) {
    case 2:
      reduce_few(operation, n, 2, rows, y);
      break;
    case 3:
      reduce_few(operation, n, 3, rows, y);
      break;
    case 4:
      reduce_few(operation, n, 4, rows, y);
      break;
    default:
      reduce_many(operation, n, count, rows, y);
  }
}

static void min_of_rows_vector(size_t n, size_t count, const uint8_t *const *rows, uint8_t *y) {
  if (n < BYTES) {
    min_of_rows_plain(n, count, rows, y);
    return;
  }
  reduce_rows(bytes_min, n, count, rows, y);
}

static void max_of_rows_vector(size_t n, size_t count, const uint8_t *const *rows, uint8_t *y) {
  if (n < BYTES) {
    max_of_rows_plain(n, count, rows, y);
    return;
  }
  reduce_rows(bytes_max, n, count, rows, y);
}

OD_INLINE void blur_fixed_horizontal_words(size_t taps, const uint8_t *x, const uint16_t *half,
                                           uint16_t *high, uint16_t *low, const int V) {
  words sum[4];
  const uint8_t *middle = x + taps / 2;
  OD_UNROLL for (int v = 0; v < V; v++) sum[v] =
      words_multiply(words_set(half[0]), words_from_bytes(middle + v * WORDS));
  for (size_t k = 1; k <= taps / 2; k++) {
    const words weight = words_set(half[k]);
    const uint8_t *left = middle - k, *right = middle + k;
    OD_UNROLL for (int v = 0; v < V; v++) {
      words pair =
          words_add(words_from_bytes(left + v * WORDS), words_from_bytes(right + v * WORDS));
      sum[v] = words_add(sum[v], words_multiply(weight, pair));
    }
  }
  OD_UNROLL for (int v = 0; v < V; v++) {
    words_store(high + v * WORDS, words_high(sum[v]));
    words_store(low + v * WORDS, words_low(sum[v]));
  }
}

static void blur_fixed_horizontal_vector(size_t n, size_t taps, const uint8_t *x,
                                         const uint16_t *half, uint16_t *high, uint16_t *low) {
  if (n < WORDS) {
    blur_fixed_horizontal_plain(n, taps, x, half, high, low);
    return;
  }
#define STEP(AT, V) blur_fixed_horizontal_words(taps, x + (AT), half, high + (AT), low + (AT), V)
  OVER_REGISTERS(n, WORDS, STEP);
#undef STEP
}

/* The weighted sum of one byte plane, which fits 16 bits. */
OD_INLINE void sum_vertical(size_t taps, const uint16_t *const *rows, size_t at,
                            const uint16_t *half, words *sum, const int V) {
  const size_t reach = taps / 2;
  OD_UNROLL for (int v = 0; v < V; v++) sum[v] =
      words_multiply(words_set(half[0]), words_load(rows[reach] + at + v * WORDS));
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
OD_INLINE void blur_fixed_vertical_words(size_t taps, const uint16_t *const *high,
                                         const uint16_t *const *low, size_t at,
                                         const uint16_t *half, uint8_t *y, const int V) {
  words sum_high[4], sum_low[4];
  sum_vertical(taps, high, at, half, sum_high, V);
  sum_vertical(taps, low, at, half, sum_low, V);
  OD_UNROLL for (int v = 0; v < V; v++) {
    words all = words_add(words_add(sum_high[v], words_high(sum_low[v])), words_set(128));
    words_store_bytes(y + at + v * WORDS, words_high(all));
  }
}

static void blur_fixed_vertical_vector(size_t n, size_t taps, const uint16_t *const *high,
                                       const uint16_t *const *low, const uint16_t *half,
                                       uint8_t *y) {
  if (n < WORDS) {
    blur_fixed_vertical_plain(n, taps, high, low, half, y);
    return;
  }
#define STEP(AT, V) blur_fixed_vertical_words(taps, high, low, AT, half, y, V)
  OVER_REGISTERS(n, WORDS, STEP);
#undef STEP
}

OD_INLINE void blur_float_horizontal_vectors(size_t taps, const float *x, const float *weights,
                                             float *y, const int V) {
  vector sum[4];
  OD_UNROLL for (int v = 0; v < V; v++) sum[v] =
      vector_multiply(vector_broadcast(weights), vector_load(x + v * LANES));
  for (size_t k = 1; k < taps; k++) {
    const vector weight = vector_broadcast(weights + k);
    OD_UNROLL for (int v = 0; v < V; v++) sum[v] =
        vector_fma_once(weight, vector_load(x + k + v * LANES), sum[v]);
  }
  OD_UNROLL for (int v = 0; v < V; v++) vector_store(y + v * LANES, sum[v]);
}

static void blur_float_horizontal_vector(size_t n, size_t taps, const float *x,
                                         const float *weights, float *y) {
  if (n < LANES) {
    blur_float_horizontal_plain(n, taps, x, weights, y);
    return;
  }
#define STEP(AT, V) blur_float_horizontal_vectors(taps, x + (AT), weights, y + (AT), V)
  OVER_REGISTERS(n, LANES, STEP);
#undef STEP
}

OD_INLINE void blur_float_vertical_vectors(size_t taps, const float *const *rows, size_t at,
                                           const float *half, uint8_t *y, const int V) {
  vector sum[4];
  const size_t reach = taps / 2;
  OD_UNROLL for (int v = 0; v < V; v++) sum[v] =
      vector_multiply(vector_broadcast(half), vector_load(rows[reach] + at + v * LANES));
  for (size_t k = 1; k <= reach; k++) {
    const vector weight = vector_broadcast(half + k);
    const float *above = rows[reach - k] + at, *below = rows[reach + k] + at;
    OD_UNROLL for (int v = 0; v < V; v++) {
      vector pair = vector_add(vector_load(above + v * LANES), vector_load(below + v * LANES));
      sum[v] = vector_fma_once(weight, pair, sum[v]);
    }
  }
  OD_UNROLL for (int v = 0; v < V; v++) vector_store_rounded(y + at + v * LANES, sum[v]);
}

static void blur_float_vertical_vector(size_t n, size_t taps, const float *const *rows,
                                       const float *half, uint8_t *y) {
  if (n < LANES) {
    blur_float_vertical_plain(n, taps, rows, half, y);
    return;
  }
#define STEP(AT, V) blur_float_vertical_vectors(taps, rows, AT, half, y, V)
  OVER_REGISTERS(n, LANES, STEP);
#undef STEP
}

/* Clipped to 0..255 and rounded half up, as by image_to_byte. */
static inline void vector_store_level(uint8_t *p, vector v, vector max, vector half) {
  const vector level = vector_min(vector_max(v, vector_zero()), max);
  vector_store_bytes(p, vector_add(level, half));
}

static const float image_max = 255, image_half = 0.5f;

OD_INLINE void subtract_from_vectors(const uint8_t *x, const float *level, uint8_t *y,
                                     const int V) {
  const vector max = vector_broadcast(&image_max), half = vector_broadcast(&image_half);
  OD_UNROLL for (int v = 0; v < V; v++) {
    const vector depth =
        vector_sub(vector_load(level + v * LANES), vector_from_bytes(x + v * LANES));
    vector_store_level(y + v * LANES, depth, max, half);
  }
}

static void subtract_from_vector(size_t n, const uint8_t *x, const float *level, uint8_t *y) {
  if (n < LANES) {
    subtract_from_plain(n, x, level, y);
    return;
  }
#define STEP(AT, V) subtract_from_vectors(x + (AT), level + (AT), y + (AT), V)
  OVER_REGISTERS(n, LANES, STEP);
#undef STEP
}

/* Sixteen pixels at a time, and the rest of a row by the reference. */
static void subtract_again_vector(size_t n, const uint8_t *x, const float *level, uint8_t bound,
                                  uint8_t *y, uint8_t *over, float squares[16]) {
  enum { SIXTEEN = 16 / LANES };
  const float last_background = bound;
  const vector max = vector_broadcast(&image_max), half = vector_broadcast(&image_half);
  const vector last = vector_broadcast(&last_background);
  vector sums[SIXTEEN];
  OD_UNROLL for (int v = 0; v < SIXTEEN; v++) sums[v] = vector_load(squares + v * LANES);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) OD_UNROLL for (int v = 0; v < SIXTEEN; v++) {
      const size_t at = i + (size_t)v * LANES;
      const vector before = vector_from_bytes(y + at);
      const vector depth = vector_sub(vector_load(level + at), vector_from_bytes(x + at));
      const vector square = vector_multiply(depth, depth);
      sums[v] = vector_add(sums[v], vector_where(before, last, vector_zero(), square));
      vector_store_level(over + at, vector_where(before, last, depth, vector_zero()), max, half);
      vector_store_level(y + at, depth, max, half);
    }
  OD_UNROLL for (int v = 0; v < SIXTEEN; v++) vector_store(squares + v * LANES, sums[v]);
  subtract_again_plain(n - i, x + i, level + i, bound, y + i, over + i, squares);
}

static void normalize_contrast_vector(size_t n, const float *full, float scale, float shift,
                                      uint8_t *y) {
  const vector max = vector_broadcast(&image_max), half = vector_broadcast(&image_half);
  const vector scales = vector_broadcast(&scale), shifts = vector_broadcast(&shift);
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    const vector factor = vector_divide(scales, vector_load(full + i));
    const vector level = vector_multiply(vector_from_bytes(y + i), factor);
    vector_store_level(y + i, vector_sub(level, shifts), max, half);
  }
  normalize_contrast_plain(n - i, full + i, scale, shift, y + i);
}

static void threshold_bits_vector(size_t n, const uint8_t *x, uint8_t level, uint64_t *bits) {
  const bytes levels = bytes_set(level);
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    uint64_t word = 0;
    OD_UNROLL for (size_t k = 0; k < 64; k += BYTES) word |=
        bytes_compare(bytes_load(x + i + k), levels) << k;
    *bits++ = word;
  }
  if (i == n) return;
  uint64_t word = 0;
  size_t k = 0;
  for (; i + k + BYTES <= n; k += BYTES) word |= bytes_compare(bytes_load(x + i + k), levels) << k;
  *bits = word | (i + k < n ? threshold_word(n - i - k, x + i + k, level) << k : 0);
}
