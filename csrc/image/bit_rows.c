#include "image/bit_rows.h"

void od_bits_fill(const od_kernels *kernels, const uint8_t *image, uint8_t level,
                  const od_bit_rows *rows) {
  const size_t w = (size_t)rows->w;
  for (int y = 0; y < rows->h; y++)
    kernels->image.threshold_bits(w, image + (size_t)y * w, level,
                                  rows->bits + (size_t)y * rows->words);
}

/* Transpose 64 x 64 bits: swap the two off-diagonal squares of ever smaller squares. */
static void transpose_square(uint64_t square[64]) {
  uint64_t low = 0xffffffff; /* mask of the columns of the left squares */
  for (unsigned side = 32; side; side >>= 1, low ^= low << side)
    for (unsigned row = 0; row < 64; row = ((row | side) + 1) & ~side) {
      const uint64_t swapped = (square[row] >> side ^ square[row + side]) & low;
      square[row + side] ^= swapped;
      square[row] ^= swapped << side;
    }
}

void od_bits_transpose(const od_bit_rows *from, const od_bit_rows *to) {
  for (size_t word = 0; word < from->words; word++)
    for (size_t column_word = 0; column_word < to->words; column_word++) {
      const size_t top = 64 * column_word, left = 64 * word;
      uint64_t square[64] = {0}, any = 0;
      for (size_t i = 0; i < 64 && top + i < (size_t)from->h; i++)
        any |= square[i] = from->bits[(top + i) * from->words + word];
      if (any) transpose_square(square);
      for (size_t i = 0; i < 64 && left + i < (size_t)to->h; i++)
        to->bits[(left + i) * to->words + column_word] = square[i];
    }
}

void od_bits_open_rows(const od_bit_rows *rows, int n) {
  for (int y = 0; y < rows->h; y++) {
    uint64_t *bits = rows->bits + (size_t)y * rows->words;
    const size_t words = rows->words;
    for (int shift = 1; shift < n; shift *= 2)
      for (size_t i = 0; i < words; i++)
        bits[i] &= bits[i] >> shift | (i + 1 < words ? bits[i + 1] << (64 - shift) : 0);
    for (int shift = 1; shift < n; shift *= 2)
      for (size_t i = words; i-- > 0;)
        bits[i] |= bits[i] << shift | (i ? bits[i - 1] >> (64 - shift) : 0);
  }
}

/* In parallel halves: the baseline instruction set has no population count. */
static inline uint64_t count_word(uint64_t x) {
  x -= x >> 1 & 0x5555555555555555;
  x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
  return ((x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f) * 0x0101010101010101 >> 56;
}

size_t od_bits_count(size_t words, const uint64_t *bits) {
  size_t count = 0;
  for (size_t i = 0; i < words; i++) count += count_word(bits[i]);
  return count;
}

size_t od_bits_count_runs(const od_bit_rows *rows) {
  size_t changes = 0;
  for (int y = 0; y < rows->h; y++) {
    const uint64_t *bits = od_bit_row(rows, y);
    for (size_t word = 0; word < rows->words; word++)
      changes += count_word(od_bit_changes(bits, word));
    /* A run up to the right border has no change back if the border is the end of a word. */
    if (rows->w % 64 == 0) changes += bits[rows->words - 1] >> 63;
  }
  return changes / 2;
}

int od_bits_find_runs(const od_bit_rows *rows, int y, int32_t *ends) {
  const uint64_t *bits = od_bit_row(rows, y);
  int32_t *next = ends;
  for (size_t word = 0; word < rows->words; word++)
    for (uint64_t changes = od_bit_changes(bits, word); changes; changes &= changes - 1)
      *next++ = (int32_t)(64 * word) + __builtin_ctzll(changes);
  *next = rows->w;
  return (int)(next - ends + 1) / 2;
}
