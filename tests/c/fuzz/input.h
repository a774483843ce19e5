/* Structured input from the bytes of a fuzzer: numbers that are mostly small and sometimes any,
 * views with all kinds of strides, and drawn pictures. Bytes that are missing are 0, so that every
 * input means something. Blocks have not a byte more than needed: an access beyond them is an
 * error of the address sanitizer. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "image/image.h"
#include "tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

typedef struct fuzz_input {
  const uint8_t *bytes;
  size_t left;
} fuzz_input;

/* What a target requires of the code under test. */
static inline void require(bool holds) {
  if (!holds) abort();
}

/* A failed call has a status of an error and a message; a call that succeeds has neither. Returns
 * whether it succeeded. */
static inline bool succeeded(od_status status, const od_error *error) {
  require(status == OD_OK || status == OD_ERROR_ARGUMENT || status == OD_ERROR_MEMORY);
  require(status == OD_OK || error->message[0]);
  return status == OD_OK;
}

/* ---- numbers ---- */

static inline int take_byte(fuzz_input *in) {
  if (!in->left) return 0;
  in->left--;
  return *in->bytes++;
}

static inline uint32_t take_word(fuzz_input *in) {
  uint32_t word = 0;
  for (int i = 0; i < 4; i++) word = word << 8 | (uint32_t)take_byte(in);
  return word;
}

/* Mostly 0 to 39, sometimes any. */
static inline int take_number(fuzz_input *in) {
  const int first = take_byte(in);
  return first < 250 ? first % 40 : (int)take_word(in);
}

/* From low to high, both included; high - low is at most 255. */
static inline int take_between(fuzz_input *in, int low, int high) {
  return low + take_byte(in) % (high - low + 1);
}

static inline bool take_flag(fuzz_input *in) { return take_byte(in) & 1; }

/* Mostly 0 to 1, sometimes not a fraction. */
static inline double take_fraction(fuzz_input *in) {
  const int byte = take_byte(in);
  return byte == 255 ? NAN : byte == 254 ? INFINITY : byte == 253 ? -1.0 : byte / 252.0;
}

/* Any double: the extremes, small integers, fractions and random bits. */
static inline double take_double(fuzz_input *in) {
  static const double extremes[] = {0.0,    -0.0,   NAN,   INFINITY,     -INFINITY,     1e308,
                                    -1e308, 5e-324, 1e-30, 2147483648.0, -2147483649.0, 1e19};
  const int kind = take_byte(in);
  if (kind < 12) return extremes[kind];
  if (kind < 100) return kind % 44 - 22;
  if (kind < 200) return (take_byte(in) - 128) / (double)(1 << kind % 16);
  if (kind < 220) return ldexp(take_byte(in) - 128, kind % 20 * 8 - 80);
  uint64_t bits = (uint64_t)take_word(in) << 32 | take_word(in);
  double number;
  memcpy(&number, &bits, sizeof number);
  return number;
}

/* ---- memory ---- */

static inline void *block_of(size_t bytes) {
  void *block = malloc(bytes ? bytes : 1);
  require(block != NULL);
  return block;
}

/* ---- kernels and threads ---- */

static inline const od_kernels *take_table(fuzz_input *in) {
  int count = 0;
  while (table(count)) count++;
  return table(take_byte(in) % count);
}

/* A pool of two threads, now and then. */
static inline od_thread_pool *take_pool(fuzz_input *in) {
  static od_thread_pool *pool;
  if (take_byte(in) % 16 != 1) return NULL;
  if (!pool) require(od_thread_pool_create(2, &pool, NULL) == OD_OK);
  return pool;
}

/* ---- pictures ---- */

/* Fills levels with random numbers of a seed, or one level. */
static inline void take_levels(fuzz_input *in, size_t count, uint8_t *levels) {
  const int kind = take_byte(in);
  if (kind % 4 == 0) {
    memset(levels, take_byte(in), count);
    return;
  }
  od_rng rng;
  od_rng_seed(&rng, (uint64_t)take_byte(in), 0);
  for (size_t i = 0; i < count; i++) {
    const uint64_t random = od_rng_next(&rng);
    levels[i] = (uint8_t)(kind % 4 == 1 ? random : kind % 4 == 2 ? (random & 1) * 255 : random % 7);
  }
}

static inline void draw_rectangle(int h, int w, uint8_t *picture, const int box[4], int level) {
  for (int y = box[1]; y < box[3] && y < h; y++)
    for (int x = box[0]; x < box[2] && x < w; x++)
      if (x >= 0 && y >= 0) picture[y * w + x] = (uint8_t)level;
}

/* A random walk, as handwriting, of a stroke width up to 3. */
static inline void draw_walk(int h, int w, uint8_t *picture, fuzz_input *in, int level) {
  od_rng rng;
  int y = take_byte(in) * h / 256, x = take_byte(in) * w / 256;
  const int width = 1 + take_byte(in) % 3;
  od_rng_seed(&rng, (uint64_t)take_byte(in), 1);
  for (int i = take_byte(in); i > 0; i--) {
    draw_rectangle(h, w, picture, (int[]){x, y, x + width, y + width}, level);
    x += (int)od_rng_below(&rng, 3) - 1;
    y += (int)od_rng_below(&rng, 3) - 1;
  }
}

/* A grid of ruling lines. */
static inline void draw_grid(int h, int w, uint8_t *picture, fuzz_input *in, int level) {
  const int left = take_byte(in) % 32, top = take_byte(in) % 32;
  const int step_x = 6 + take_byte(in) % 60, step_y = 6 + take_byte(in) % 60;
  const int columns = 1 + take_byte(in) % 8, rows = 1 + take_byte(in) % 8;
  const int slant = take_byte(in) % 9 - 4, width = 1 + take_byte(in) % 3;
  for (int i = 0; i <= rows; i++)
    for (int x = 0; x < columns * step_x; x++) {
      const int y = top + i * step_y + x * slant / 64;
      draw_rectangle(h, w, picture, (int[]){left + x, y, left + x + 1, y + width}, level);
    }
  for (int j = 0; j <= columns; j++)
    for (int y = 0; y < rows * step_y; y++) {
      const int x = left + j * step_x - y * slant / 64;
      draw_rectangle(h, w, picture, (int[]){x, top + y, x + width, top + y + 1}, level);
    }
}

/* Draws on a picture (h, w) as the rest of the input says, at most `count` things. */
static inline void take_drawing(fuzz_input *in, int h, int w, uint8_t *picture, int count) {
  while (in->left && count-- > 0) {
    const int kind = take_byte(in), level = take_byte(in);
    const int x = take_byte(in) * w / 256, y = take_byte(in) * h / 256;
    if (kind % 5 == 0)
      draw_grid(h, w, picture, in, level);
    else if (kind % 5 == 1) /* a ruling line */
      draw_rectangle(h, w, picture, kind & 8 ? (int[]){x, 0, x + 2, h} : (int[]){0, y, w, y + 2},
                     level);
    else if (kind % 5 == 2)
      draw_rectangle(h, w, picture, (int[]){x, y, x + take_byte(in), y + take_byte(in)}, level);
    else
      draw_walk(h, w, picture, in, level);
  }
}

/* A picture (h, w) that the caller frees. */
static inline uint8_t *take_picture(fuzz_input *in, int h, int w, int count) {
  uint8_t *picture = block_of((size_t)h * (size_t)w);
  take_levels(in, (size_t)h * (size_t)w, picture);
  take_drawing(in, h, w, picture, count);
  return picture;
}

#endif
