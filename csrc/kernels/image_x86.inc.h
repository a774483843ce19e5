/* Image kernels that shuffle bytes, which x86 does in lanes of 16: name_x86, for avx2.c and
 * avx512.c. Pixels that do not fill a register are left to name_plain. The includer includes
 * image_loops.inc.h first, and defines
 *
 *   OD_HAS_AVX2  if its target has AVX2 */
#if !defined(OD_HAS_AVX2)
#error "image_x86.inc.h: the includer must have a target with AVX2 (OD_HAS_AVX2)"
#endif

static inline __m256i two_lanes(const uint8_t *low, const uint8_t *high) {
  return _mm256_inserti128_si256(
      _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)low)),
      _mm_loadu_si128((const __m128i *)(const void *)high), 1);
}

/* Eight pixels to their gray levels, as numbers of 32 bits. Reads 28 bytes. */
static inline __m256i gray_of_eight(const uint8_t *pixels, __m256i weights_ab, __m256i weight_c) {
  const __m256i pick_ab = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1));
  const __m256i pick_c = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(2, -1, -1, -1, 5, -1, -1, -1, 8, -1, -1, -1, 11, -1, -1, -1));
  const __m256i colours = two_lanes(pixels, pixels + 12);
  const __m256i ab = _mm256_madd_epi16(_mm256_shuffle_epi8(colours, pick_ab), weights_ab);
  const __m256i c = _mm256_madd_epi16(_mm256_shuffle_epi8(colours, pick_c), weight_c);
  const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(ab, c), _mm256_set1_epi32(1 << 14));
  return _mm256_srli_epi32(sum, 15);
}

static void gray_x86(size_t n, const uint8_t *pixels, const uint16_t weights[3], uint8_t *result) {
  const __m256i ab = _mm256_set1_epi32((int)((uint32_t)weights[1] << 16 | weights[0]));
  const __m256i c = _mm256_set1_epi32(weights[2]);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7); /* packing works by lanes */
  size_t i = 0;
  for (; i + 34 <= n; i += 32) { /* the last load reads 4 bytes past its pixels */
    const uint8_t *next = pixels + 3 * i;
    const __m256i first =
        _mm256_packus_epi32(gray_of_eight(next, ab, c), gray_of_eight(next + 24, ab, c));
    const __m256i second =
        _mm256_packus_epi32(gray_of_eight(next + 48, ab, c), gray_of_eight(next + 72, ab, c));
    const __m256i all = _mm256_packus_epi16(first, second);
    _mm256_storeu_si256((__m256i *)(void *)(result + i), _mm256_permutevar8x32_epi32(all, order));
  }
  gray_plain(n - i, pixels + 3 * i, weights, result + i);
}

/* The factors of gray_over, 16 times each: the negative background, the sum of a transparent
 * pixel, and the weights of pairs of words. */
typedef struct over_factors {
  __m256i background, added, weights_ac, weight_b_low, weight_b_high;
} over_factors;

static inline over_factors over_factors_of(const uint16_t weights[3], uint8_t background) {
  return (over_factors){
      _mm256_set1_epi16((short)-background), _mm256_set1_epi16((short)(255 * background + 128)),
      _mm256_set1_epi32((int)((uint32_t)weights[2] << 16 | weights[0])),
      _mm256_set1_epi32(weights[1]), _mm256_set1_epi32((int)((uint32_t)weights[1] << 16))};
}

/* Words: (alpha colour + (255 - alpha) background + 127) / 255. Rounded down, x / 255 is
 * (x + 1) 257 / 2^16; the 1 is in `added`. */
static inline __m256i composite(__m256i colour, __m256i alpha, const over_factors *f) {
  const __m256i under = _mm256_add_epi16(_mm256_mullo_epi16(alpha, f->background), f->added);
  const __m256i sum = _mm256_add_epi16(_mm256_mullo_epi16(colour, alpha), under);
  return _mm256_mulhi_epu16(sum, _mm256_set1_epi16(257));
}

/* 16 pixels (16, 4) to their gray levels, as words; in lanes, four of the first eight
 * before four of the second. Their second channels share a register. */
static inline __m256i gray_of_sixteen(const uint8_t *pixels, const over_factors *f) {
  const __m256i twice_alpha = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(3, -1, 3, -1, 7, -1, 7, -1, 11, -1, 11, -1, 15, -1, 15, -1));
  const __m256i low_byte = _mm256_set1_epi16(255), half = _mm256_set1_epi32(1 << 14);
  const __m256i p = _mm256_loadu_si256((const __m256i *)(const void *)pixels);
  const __m256i q = _mm256_loadu_si256((const __m256i *)(const void *)(pixels + 32));
  const __m256i alpha_p = _mm256_shuffle_epi8(p, twice_alpha);
  const __m256i alpha_q = _mm256_shuffle_epi8(q, twice_alpha);
  const __m256i b = _mm256_blend_epi16(_mm256_srli_epi16(p, 8),
                                       _mm256_slli_epi32(_mm256_srli_epi16(q, 8), 16), 0xaa);
  const __m256i over_b = composite(b, _mm256_blend_epi16(alpha_p, alpha_q, 0xaa), f);
  const __m256i over_p = composite(_mm256_and_si256(p, low_byte), alpha_p, f);
  const __m256i over_q = composite(_mm256_and_si256(q, low_byte), alpha_q, f);
  const __m256i gray_p = _mm256_add_epi32(_mm256_madd_epi16(over_p, f->weights_ac),
                                          _mm256_madd_epi16(over_b, f->weight_b_low));
  const __m256i gray_q = _mm256_add_epi32(_mm256_madd_epi16(over_q, f->weights_ac),
                                          _mm256_madd_epi16(over_b, f->weight_b_high));
  return _mm256_packus_epi32(_mm256_srli_epi32(_mm256_add_epi32(gray_p, half), 15),
                             _mm256_srli_epi32(_mm256_add_epi32(gray_q, half), 15));
}

static void gray_over_x86(size_t n, const uint8_t *pixels, const uint16_t weights[3],
                          uint8_t background, uint8_t *result) {
  const over_factors f = over_factors_of(weights, background);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7); /* packing works by lanes */
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    const __m256i first = gray_of_sixteen(pixels + 4 * i, &f);
    const __m256i second = gray_of_sixteen(pixels + 4 * i + 64, &f);
    const __m256i all = _mm256_packus_epi16(first, second);
    _mm256_storeu_si256((__m256i *)(void *)(result + i), _mm256_permutevar8x32_epi32(all, order));
  }
  gray_over_plain(n - i, pixels + 4 * i, weights, background, result + i);
}

/* Signed, as gcc's _mm_insert_epi16 wants it, which is a macro without optimization. */
static inline int16_t load_two(const uint8_t *p) {
  int16_t two;
  memcpy(&two, p, sizeof two);
  return two;
}

/* The pixels of eight results, each with the next, at any distance. */
static inline __m256i eight_pairs(const uint8_t *x, const uint16_t *first) {
  __m128i pairs = _mm_cvtsi32_si128(load_two(x + first[0]));
  pairs = _mm_insert_epi16(pairs, load_two(x + first[1]), 1);
  pairs = _mm_insert_epi16(pairs, load_two(x + first[2]), 2);
  pairs = _mm_insert_epi16(pairs, load_two(x + first[3]), 3);
  pairs = _mm_insert_epi16(pairs, load_two(x + first[4]), 4);
  pairs = _mm_insert_epi16(pairs, load_two(x + first[5]), 5);
  pairs = _mm_insert_epi16(pairs, load_two(x + first[6]), 6);
  pairs = _mm_insert_epi16(pairs, load_two(x + first[7]), 7);
  return _mm256_cvtepu8_epi16(pairs);
}

/* The same of eight near each other: each four from 16 bytes. */
static inline __m256i eight_near_pairs(const uint8_t *x, const uint16_t *first) {
  const __m256i from = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)first));
  const __m256i place = _mm256_sub_epi32(from, _mm256_shuffle_epi32(from, 0));
  /* of each place its byte and the next, widened to 16 bits */
  const __m256i pick = _mm256_add_epi32(_mm256_or_si256(place, _mm256_slli_epi32(place, 16)),
                                        _mm256_set1_epi32((int)0x80018000u));
  return _mm256_shuffle_epi8(two_lanes(x + first[0], x + first[4]), pick);
}

static inline void resize_eight(size_t w, const uint8_t *x, const uint16_t *place,
                                const int16_t *weights, uint16_t *y) {
  const bool near = place[4] + 16u <= w && place[3] - place[0] <= 14 && place[7] - place[4] <= 14;
  const __m256i pairs = near ? eight_near_pairs(x, place) : eight_pairs(x, place);
  const __m256i weight = _mm256_loadu_si256((const __m256i *)(const void *)weights);
  const __m256i sums = _mm256_srli_epi32(_mm256_madd_epi16(pairs, weight), 4);
  _mm_storeu_si128((__m128i *)(void *)y, _mm_packus_epi32(_mm256_castsi256_si128(sums),
                                                          _mm256_extracti128_si256(sums, 1)));
}

/* Eight results at a time; the last of a row again together with some before them. */
static void resize_horizontal_x86(size_t n, size_t w, const uint8_t *x, const uint16_t *first,
                                  const int16_t *weights, uint16_t *y) {
  if (n < 8) {
    resize_horizontal_plain(n, w, x, first, weights, y);
    return;
  }
  for (size_t i = 0; i + 8 <= n; i += 8) resize_eight(w, x, first + i, weights + 2 * i, y + i);
  if (n % 8) resize_eight(w, x, first + n - 8, weights + 2 * (n - 8), y + n - 8);
}

/* Rows too short for the compiler's loop, 16 numbers at a time. */
static void resize_vertical_x86(size_t n, const uint16_t *top, const uint16_t *bottom,
                                uint16_t weight_top, uint16_t weight_bottom, uint8_t *y) {
  enum { SHORT = 128 };
  if (n < 16 || n >= SHORT) {
    resize_vertical_plain(n, top, bottom, weight_top, weight_bottom, y);
    return;
  }
  const __m256i a = _mm256_set1_epi16((short)weight_top);
  const __m256i b = _mm256_set1_epi16((short)weight_bottom);
  for (size_t i = 0; i < n; i += 16) {
    const size_t at = i + 16 <= n ? i : n - 16;
    const __m256i above = _mm256_loadu_si256((const __m256i *)(const void *)(top + at));
    const __m256i below = _mm256_loadu_si256((const __m256i *)(const void *)(bottom + at));
    const __m256i sum =
        _mm256_add_epi16(_mm256_mulhi_epu16(above, a), _mm256_mulhi_epu16(below, b));
    const __m256i mean = _mm256_srli_epi16(_mm256_add_epi16(sum, _mm256_set1_epi16(2)), 2);
    _mm_storeu_si128(
        (__m128i *)(void *)(y + at),
        _mm_packus_epi16(_mm256_castsi256_si128(mean), _mm256_extracti128_si256(mean, 1)));
  }
}

/* 16 rounded means of 2 x 2 pixels, as words. */
static inline __m256i halve_sixteen(const uint8_t *top, const uint8_t *bottom) {
  const __m256i ones = _mm256_set1_epi8(1);
  const __m256i above = _mm256_loadu_si256((const __m256i *)(const void *)top);
  const __m256i below = _mm256_loadu_si256((const __m256i *)(const void *)bottom);
  const __m256i sums =
      _mm256_add_epi16(_mm256_maddubs_epi16(above, ones), _mm256_maddubs_epi16(below, ones));
  return _mm256_srli_epi16(_mm256_add_epi16(sums, _mm256_set1_epi16(2)), 2);
}

static void halve_x86(size_t n, const uint8_t *top, const uint8_t *bottom, uint8_t *y) {
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    const __m256i first = halve_sixteen(top + 2 * i, bottom + 2 * i);
    const __m256i second = halve_sixteen(top + 2 * i + 32, bottom + 2 * i + 32);
    const __m256i all = _mm256_packus_epi16(first, second);
    _mm256_storeu_si256((__m256i *)(void *)(y + i), _mm256_permute4x64_epi64(all, 0xd8));
  }
  halve_plain(n - i, top + 2 * i, bottom + 2 * i, y + i);
}
