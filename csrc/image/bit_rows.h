/* Binary images as rows of bits, and the runs of set bits in them. */
#ifndef OD_IMAGE_BIT_ROWS_H
#define OD_IMAGE_BIT_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"

/* Pixel x of row y is bit x % 64 of bits[y * words + x / 64]. The caller owns the bits. */
typedef struct od_bit_rows {
  int h, w;
  size_t words;   /* per row */
  uint64_t *bits; /* (h, words), 0 beyond the width */
} od_bit_rows;

/* Words of a row of n pixels. */
static inline size_t od_bit_words(int n) { return ((size_t)n + 63) / 64; }

static inline const uint64_t *od_bit_row(const od_bit_rows *rows, int y) {
  return rows->bits + (size_t)y * rows->words;
}

/* Bit x of the result is set if pixel x of the row differs from pixel x - 1; pixel -1 is 0. */
static inline uint64_t od_bit_changes(const uint64_t *bits, size_t word) {
  return bits[word] ^ (bits[word] << 1 | (word ? bits[word - 1] >> 63 : 0));
}

/* Set the bits of the pixels of image (rows->h, rows->w) that are at least `level`. */
void od_bits_fill(const od_kernels *kernels, const uint8_t *image, uint8_t level,
                  const od_bit_rows *rows);

/* Transpose: `to` is (from->w, from->h). */
void od_bits_transpose(const od_bit_rows *from, const od_bit_rows *to);

/* Morphological opening along the rows: clear all runs of less than n pixels, a power of two up to
 * 32. */
void od_bits_open_rows(const od_bit_rows *rows, int n);

/* Count the set bits of `words` words. */
size_t od_bits_count(size_t words, const uint64_t *bits);

/* Count the runs of all rows. */
size_t od_bits_count_runs(const od_bit_rows *rows);

/* Write first, last + 1 of each run of row y to ends (w + 2). Return the number of runs. */
int od_bits_find_runs(const od_bit_rows *rows, int y, int32_t *ends);

#endif
