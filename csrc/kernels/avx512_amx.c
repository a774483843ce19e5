/* AMX: products of 16 x 64 by 64 x 16 bytes in one instruction, eight times those of VNNI. */
#include "kernels/kernels.h"

#if defined(OD_HAS_AMX)

#if defined(__clang__)
#pragma clang attribute push(                                                            \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,amx-tile,amx-int8,fma"))), \
    apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,amx-tile,amx-int8,fma")
#endif

#include <immintrin.h>

/* Rows and columns (of words) of a tile, and the minimum words of a product worth tiles. */
enum { SIDE = 16, TILE = SIDE * SIDE, MIN_CHUNK = 6, MIN_CHUNKS = 3 };

/* ---- shapes of tiles ---- */

/* The operand of LDTILECFG */
typedef struct tile_shapes {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} tile_shapes;

/* Tiles 0 to 3 are sums, 4 to first_b - 1 are of a, and from first_b to 7 of b. */
static void set_shapes(size_t chunk, int first_b) {
  tile_shapes shapes = {.palette = 1};
  for (int i = 0; i < 8; i++) {
    shapes.row_bytes[i] = i >= 4 && i < first_b ? (uint16_t)(4 * chunk) : 4 * SIDE;
    shapes.rows[i] = i >= first_b ? (uint8_t)chunk : SIDE;
  }
  /* GCC 12's _tile_loadconfig reads 8 of the 64 bytes, so that stores to the others may be left
   * out. */
  __asm__ volatile("ldtilecfg %0" : : "m"(shapes));
}

/* The largest number of words, up to SIDE, that divides those of the product. */
static size_t chunk_of(const od_low_precision_gemm *p) {
  size_t chunk = p->words < SIDE ? p->words : SIDE;
  while (chunk > 1 && p->words % chunk) chunk--;
  return chunk;
}

/* Whether tiles pay for a product, whose rows and columns must fill one. */
static bool suits_tiles(const od_low_precision_gemm *p, size_t chunk) {
  return p->rows >= SIDE && p->columns >= SIDE && chunk >= MIN_CHUNK &&
         p->outer * p->taps * p->words >= MIN_CHUNKS * chunk;
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* ---- products ---- */

/* Writes results (SIDE, SIDE) of sums, from row `row` and column `column` on. */
static void finish(const od_low_precision_gemm *p, const int32_t *sums, size_t row, size_t column) {
  const __m512 scale = _mm512_loadu_ps(p->scale + column), zero = _mm512_setzero_ps();
  const __m512 bias = _mm512_loadu_ps(p->bias + column);
  float *c = p->c + row * p->c_row + column;
  for (size_t r = 0; r < SIDE; r++, c += p->c_row, sums += SIDE) {
    const __m512 sum = _mm512_cvtepi32_ps(_mm512_load_si512(sums));
    const __m512 result = _mm512_add_ps(_mm512_mul_ps(sum, scale), bias);
    _mm512_storeu_ps(c, p->relu ? _mm512_max_ps(result, zero) : result);
  }
}

/* The last of two neighbouring tiles of `length` begins where it ends, and so may overlap the
 * others. */
static size_t place(size_t at, size_t length) { return smaller(at, length - SIDE); }

/* Two tiles of rows, from rows[0] and rows[1] on, by two of columns. */
static void multiply(const od_low_precision_gemm *p, size_t chunk, const size_t rows[2],
                     const size_t columns[2]) {
  _Alignas(64) int32_t sums[4][TILE];
  const unsigned char *b = p->b;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (size_t outer = 0; outer < p->outer; outer++)
    for (size_t tap = 0; tap < p->taps; tap++) {
      const unsigned char *a = (const unsigned char *)p->a + outer * p->a_outer + tap * p->a_tap;
      for (size_t word = 0; word < p->words; word += chunk, b += 4 * chunk * p->columns) {
        _tile_loadd(4, a + 4 * word + rows[0] * p->a_row, p->a_row);
        _tile_loadd(6, b + 4 * columns[0], 4 * p->columns);
        _tile_loadd(5, a + 4 * word + rows[1] * p->a_row, p->a_row);
        _tile_loadd(7, b + 4 * columns[1], 4 * p->columns);
        _tile_dpbusd(0, 4, 6);
        _tile_dpbusd(1, 4, 7);
        _tile_dpbusd(2, 5, 6);
        _tile_dpbusd(3, 5, 7);
      }
    }
  _tile_stored(0, sums[0], 4 * SIDE);
  _tile_stored(1, sums[1], 4 * SIDE);
  _tile_stored(2, sums[2], 4 * SIDE);
  _tile_stored(3, sums[3], 4 * SIDE);
  for (size_t i = 0; i < 4; i++) finish(p, sums[i], rows[i / 2], columns[i % 2]);
}

static void gemm(const od_low_precision_gemm *p) {
  const size_t chunk = chunk_of(p);
  if (!suits_tiles(p, chunk)) {
    od_int8_avx512_vnni.gemm(p);
    return;
  }
  set_shapes(chunk, 6);
  for (size_t row = 0; row < p->rows; row += 2 * SIDE) {
    const size_t rows[2] = {place(row, p->rows), place(row + SIDE, p->rows)};
    for (size_t column = 0; column < p->columns; column += 2 * SIDE) {
      const size_t columns[2] = {place(column, p->columns), place(column + SIDE, p->columns)};
      multiply(p, chunk, rows, columns);
    }
  }
  _tile_release();
}

/* ---- max-pool ---- */

/* A tile of windows by one of columns: a tile of sums for each of the four rows of a window. */
static void multiply_windows(const od_low_precision_gemm *p, size_t chunk, size_t row,
                             size_t column) {
  _Alignas(64) int32_t sums[4][TILE];
  const unsigned char *b = (const unsigned char *)p->b + 4 * column;
  const size_t window = 2 * p->a_row;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (size_t outer = 0; outer < p->outer; outer++)
    for (size_t tap = 0; tap < p->taps; tap++) {
      const unsigned char *a = (const unsigned char *)p->a + outer * p->a_outer + tap * p->a_tap;
      a += row * window;
      for (size_t word = 0; word < p->words; word += chunk, b += 4 * chunk * p->columns) {
        const unsigned char *from = a + 4 * word;
        _tile_loadd(6, b, 4 * p->columns);
        _tile_loadd(4, from, window);
        _tile_dpbusd(0, 4, 6);
        _tile_loadd(5, from + p->a_row, window);
        _tile_dpbusd(1, 5, 6);
        _tile_loadd(4, from + p->a_outer, window);
        _tile_dpbusd(2, 4, 6);
        _tile_loadd(5, from + p->a_outer + p->a_row, window);
        _tile_dpbusd(3, 5, 6);
      }
    }
  _tile_stored(0, sums[0], 4 * SIDE);
  _tile_stored(1, sums[1], 4 * SIDE);
  _tile_stored(2, sums[2], 4 * SIDE);
  _tile_stored(3, sums[3], 4 * SIDE);
  for (size_t r = 0; r < TILE; r += SIDE) {
    __m512i max = _mm512_load_si512(sums[0] + r);
    for (size_t i = 1; i < 4; i++) max = _mm512_max_epi32(max, _mm512_load_si512(sums[i] + r));
    _mm512_store_si512(sums[0] + r, max);
  }
  finish(p, sums[0], row, column);
}

static void gemm_max_pool(const od_low_precision_gemm *p) {
  const size_t chunk = chunk_of(p);
  if (!suits_tiles(p, chunk)) {
    od_int8_avx512_vnni.gemm_max_pool(p);
    return;
  }
  set_shapes(chunk, 6);
  for (size_t row = 0; row < p->rows; row += SIDE)
    for (size_t column = 0; column < p->columns; column += SIDE)
      multiply_windows(p, chunk, place(row, p->rows), place(column, p->columns));
  _tile_release();
}

static void quantize(size_t n, const od_real *x, od_real scale, od_real zero, uint8_t *y) {
  od_int8_avx512_vnni.quantize(n, x, scale, zero, y);
}

const od_int8_kernels od_int8_avx512_amx = {quantize, gemm, gemm_max_pool};

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int od_no_avx512_amx; /* ISO C requires a declaration in every file */
#endif
