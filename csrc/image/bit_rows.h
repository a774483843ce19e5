/* Pictures as rows of bits: which pixels reach a level, and the runs of them. */
#ifndef OD_IMAGE_BIT_ROWS_H
#define OD_IMAGE_BIT_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"

/* Pixel x of row y is bit x % 64 of bits[y * words + x / 64]. The caller owns the bits. */
typedef struct od_bit_rows {
  int h, w;
  size_t words;   /* of a row */
  uint64_t *bits; /* (h, words), 0 beyond the width */
} od_bit_rows;

/* The words of a row of n pixels. */
static inline size_t od_bit_words(int n) { return ((size_t)n + 63) / 64; }

static inline const uint64_t *od_bit_row(const od_bit_rows *rows, int y) {
  return rows->bits + (size_t)y * rows->words;
}

/* Which pixels of a row change between ink and paper: bit x says that pixel x is not as
 * x - 1 is. What is left of the picture is paper. */
static inline uint64_t od_bit_changes(const uint64_t *bits, size_t word) {
  return bits[word] ^ (bits[word] << 1 | (word ? bits[word - 1] >> 63 : 0));
}

/* Fills in the bits of image (rows->h, rows->w): which pixels are at least `level`. */
void od_bits_fill(const od_kernels *kernels, const uint8_t *image, uint8_t level,
                  const od_bit_rows *rows);

/* The same picture with rows and columns exchanged: `to` (from->w, from->h). */
void od_bits_transpose(const od_bit_rows *from, const od_bit_rows *to);

/* How many of `words` words' bits are set. */
size_t od_bits_count(size_t words, const uint64_t *bits);

/* The runs of all rows together. */
size_t od_bits_count_runs(const od_bit_rows *rows);

/* ends (w + 2) gets first, last + 1 of each run of row y. Returns how many runs there are. */
int od_bits_find_runs(const od_bit_rows *rows, int y, int32_t *ends);

#endif
