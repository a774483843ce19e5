#include "digit/stroke_width.h"

#include <string.h>

#include "digit/foreground.h"
#include "image/bit_rows.h"
#include "image/limits.h"

enum { MAX_WORDS = OD_MAX_IMAGE_SIDE / 64 };

/* Count the changes along the bits (words) of a row of w pixels, its end included. */
static size_t count_changes(const uint64_t *bits, size_t words, int w) {
  uint64_t changes[MAX_WORDS];
  size_t at_end = w % 64 ? 0 : bits[words - 1] >> 63;
  for (size_t i = 0; i < words; i++) changes[i] = od_bit_changes(bits, i);
  return od_bits_count(words, changes) + at_end;
}

double od_stroke_width(const od_kernels *kernels, int h, int w, const uint8_t *foreground) {
  uint64_t rows[2][MAX_WORDS] = {{0}}; /* beyond the image there is only background */
  const size_t words = od_bit_words(w);
  size_t area = 0, edges = 0;
  for (int y = 0; y <= h; y++) {
    uint64_t *current = rows[y % 2], *previous = rows[(y + 1) % 2];
    if (y < h)
      kernels->image.threshold_bits((size_t)w, foreground + (size_t)y * (size_t)w,
                                    OD_FOREGROUND_WEAK, current);
    else
      memset(current, 0, words * sizeof *current);
    area += od_bits_count(words, current);
    edges += count_changes(current, words, w);
    for (size_t i = 0; i < words; i++) previous[i] ^= current[i];
    edges += od_bits_count(words, previous);
  }
  return edges ? 2.0 * (double)area / (double)edges : 0;
}
