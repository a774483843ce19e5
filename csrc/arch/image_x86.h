/* Kernels of image_loops.h where bytes are shuffled, which x86 does in lanes of 16: for
 * kernels_avx2.c and kernels_avx512.c alike. What does not fill a register goes by the
 * loops. Only for those files. */

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

static void gray(size_t n, const uint8_t *pixels, const uint16_t weights[3], uint8_t *result) {
  const __m256i ab = _mm256_set1_epi32((int)((uint32_t)weights[1] << 16 | weights[0]));
  const __m256i c = _mm256_set1_epi32(weights[2]);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7); /* packing goes by lanes */
  size_t i = 0;
  for (; i + 34 <= n; i += 32) { /* the last load goes 4 bytes beyond its pixels */
    const uint8_t *next = pixels + 3 * i;
    const __m256i first = _mm256_packus_epi32(gray_of_eight(next, ab, c),
                                              gray_of_eight(next + 24, ab, c));
    const __m256i second = _mm256_packus_epi32(gray_of_eight(next + 48, ab, c),
                                               gray_of_eight(next + 72, ab, c));
    const __m256i all = _mm256_packus_epi16(first, second);
    _mm256_storeu_si256((__m256i *)(void *)(result + i), _mm256_permutevar8x32_epi32(all, order));
  }
  image_gray(n - i, pixels + 3 * i, weights, result + i);
}

/* Eight results at a time, four of a lane from 16 bytes that hold all of their pixels; where
 * those lie further apart, and at the row's end, one by one. */
static void resize_across(size_t n, size_t w, const uint8_t *x, const uint16_t *first,
                          const int16_t *weights, uint16_t *y) {
  size_t i = 0;
  for (; i + 8 <= n && first[i + 4] + 16u <= w; i += 8) {
    if (first[i + 3] - first[i] > 14 || first[i + 7] - first[i + 4] > 14) {
      image_resize_across(8, w, x, first + i, weights + 2 * i, y + i);
      continue;
    }
    const __m256i from = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)(first + i)));
    const __m256i place = _mm256_sub_epi32(from, _mm256_shuffle_epi32(from, 0));
    /* of each place its byte and the next, widened to 16 bits */
    const __m256i pick = _mm256_add_epi32(_mm256_or_si256(place, _mm256_slli_epi32(place, 16)),
                                          _mm256_set1_epi32((int)0x80018000u));
    const __m256i pairs = _mm256_shuffle_epi8(two_lanes(x + first[i], x + first[i + 4]), pick);
    const __m256i weight = _mm256_loadu_si256((const __m256i *)(const void *)(weights + 2 * i));
    const __m256i sums = _mm256_srli_epi32(_mm256_madd_epi16(pairs, weight), 4);
    _mm_storeu_si128((__m128i *)(void *)(y + i),
                     _mm_packus_epi32(_mm256_castsi256_si128(sums),
                                      _mm256_extracti128_si256(sums, 1)));
  }
  image_resize_across(n - i, w, x, first + i, weights + 2 * i, y + i);
}
