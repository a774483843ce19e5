/* kernels/: the low-precision kernels. Every table gives the bits of the scalar one, which is
 * checked against the definitions. */
#include "kernel_cases.h"

static double value_of(uint16_t bfloat) {
  uint32_t bits = (uint32_t)bfloat << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return (double)value;
}

static double bfloat16_at(const unsigned char *p) {
  uint16_t bfloat;
  memcpy(&bfloat, p, sizeof bfloat);
  return value_of(bfloat);
}

static void fill_bfloat16(uint16_t *x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    od_real value = (od_real)od_rng_range(&rng, -1, 1);
    od_kernels_scalar.bfloat16->round(1, &value, x + i);
  }
}

/* Operands of a product: from the whole range, or only its ends. */
static void fill_bytes(unsigned char *x, size_t n, int low, int high) {
  bool ends = coin();
  for (size_t i = 0; i < n; i++)
    x[i] = (unsigned char)(ends ? (coin() ? low : high) : low + (int)draw(0, (size_t)(high - low)));
}

/* -- rounding -- */

static void test_round(void) {
  guard guard_words = guard_create(200 * sizeof(uint16_t));
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 400; i++) {
      size_t n = draw(0, 150);
      CHECK_CASE("%s bfloat16 round of %zu", table(t)->name, n);
      od_real *x = random_block(&guard_a, n);
      for (size_t k = 0; k < n; k++) { /* ties, and numbers that round up to the next power */
        if (draw(0, 3) == 0) x[k] = (od_real)(1 + (double)draw(0, 512) / 256) / 2;
        if (draw(0, 9) == 0) x[k] = (od_real)(coin() ? INFINITY : -INFINITY);
      }
      uint16_t *y = guard_block(&guard_words, n * sizeof *y, side()), expected[150];
      table(t)->bfloat16->round(n, x, y);
      od_kernels_scalar.bfloat16->round(n, x, expected);
      CHECK(same_bits(y, expected, n * sizeof *y));
      CHECK(guard_intact(&guard_words));
      bool nearest = true;
      for (size_t k = 0; k < n; k++) {
        double off = fabs(value_of(y[k]) - (double)x[k]);
        for (int step = -1; isfinite(x[k]) && step <= 1; step += 2) {
          double other = value_of((uint16_t)(y[k] + step)), beside = fabs(other - (double)x[k]);
          nearest = nearest && (off < beside || (off == beside && y[k] % 2 == 0));
        }
      }
      CHECK(nearest);
    }
  guard_destroy(&guard_words);
}

static void test_round_of_nan(void) {
  od_real x[40];
  uint16_t y[40];
  for (int i = 0; i < 40; i++) x[i] = NAN;
  for (int t = 0; cases_of(t); t++) {
    CHECK_CASE("%s", table(t)->name);
    table(t)->bfloat16->round(40, x, y);
    bool nans = true;
    for (int i = 0; i < 40; i++) nans = nans && isnan(value_of(y[i]));
    CHECK(nans);
  }
}

static void test_quantize(void) {
  guard guard_bytes = guard_create(400);
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 400; i++) {
      size_t n = draw(0, 300);
      CHECK_CASE("%s quantize %zu", table(t)->name, n);
      od_real *x = random_block(&guard_a, n);
      od_real scale = (od_real)od_rng_range(&rng, 1, 200), zero = (od_real)draw(0, 127);
      for (size_t k = 0; k < n; k++) {
        if (draw(0, 5) == 0)
          x[k] = (od_real)(((double)draw(0, 254) / 2 - (double)zero) / (double)scale);
        if (draw(0, 30) == 0) x[k] = (od_real)(coin() ? INFINITY : -1e30);
        if (draw(0, 30) == 0) x[k] = (od_real)NAN;
      }
      uint8_t *y = guard_block(&guard_bytes, n, side()), expected[300];
      table(t)->int8->quantize(n, x, scale, zero, y);
      od_kernels_scalar.int8->quantize(n, x, scale, zero, expected);
      CHECK(same_bits(y, expected, n));
      CHECK(guard_intact(&guard_bytes));
      double worst = 0;
      for (size_t k = 0; k < n; k++) {
        od_real wanted = x[k] * scale + zero;
        wanted = wanted > 0 ? wanted : 0;
        worst = fmax(worst, fabs((double)(wanted < 127 ? wanted : 127) - y[k]));
      }
      CHECK(worst <= 0.5);
    }
  guard_destroy(&guard_bytes);
}

/* -- products -- */

typedef enum type { INT8, BFLOAT16 } type;

static void multiply(const od_kernels *kernels, type what, const od_low_precision_gemm *p) {
  if (what == INT8)
    kernels->int8->gemm(p);
  else
    kernels->bfloat16->gemm(p);
}

static void check_gemm(const od_kernels *kernels, type what, size_t rows, size_t columns,
                       size_t outer, size_t words) {
  static od_real expected[40 * 320];
  const size_t taps = draw(0, 3) ? 1 : draw(0, 4);
  od_low_precision_gemm p = {.rows = rows,
                             .columns = columns,
                             .outer = outer,
                             .taps = taps,
                             .words = words,
                             .relu = coin()};
  size_t numbers = what == INT8 ? 4 : 2, size = 4 / numbers;
  p.a_row = draw(0, 2) ? words * 4 : draw(0, 30) * size; /* overlapping, as in a convolution */
  p.a_outer = draw(0, 2) ? words * 4 : draw(0, 90) * size;
  p.a_tap = draw(0, 2) ? words * 4 : draw(0, 60) * size;
  p.c_row = columns + draw(0, 1) * draw(0, 9);
  CHECK_CASE(
      "%s gemm of %s, %zu x %zu, outer %zu, taps %zu, words %zu, a strides %zu %zu %zu, "
      "relu %d",
      kernels->name, what == INT8 ? "int8" : "bfloat16", rows, columns, outer, taps, words, p.a_row,
      p.a_outer, p.a_tap, p.relu);
  bool any = rows && outer && taps && words;
  size_t a_size =
      any ? (rows - 1) * p.a_row + (outer - 1) * p.a_outer + (taps - 1) * p.a_tap + words * 4 : 0;
  size_t b_size = outer * taps * words * columns * 4;
  unsigned char *a = guard_block(&guard_a, a_size, side());
  unsigned char *b = guard_block(&guard_b, b_size, side());
  if (what == INT8) {
    fill_bytes(a, a_size, 0, 127);
    fill_bytes(b, b_size, -127, 127);
    p.scale = random_block(&guard_d, columns);
  } else {
    fill_bfloat16((uint16_t *)(void *)a, a_size / 2);
    fill_bfloat16((uint16_t *)(void *)b, b_size / 2);
  }
  p.a = a;
  p.b = b;
  p.bias = random_block(&guard_e, columns);
  size_t c_size = rows && columns ? (rows - 1) * p.c_row + columns : 0;
  p.c = block_of(&guard_c, c_size);
  multiply(kernels, what, &p);

  od_low_precision_gemm reference = p;
  reference.c = expected;
  reference.c_row = columns;
  multiply(&od_kernels_scalar, what, &reference);
  bool same = true, gaps = true;
  double worst = 0;
  for (size_t m = 0; m < rows; m++) {
    same = same && same_bits(p.c + m * p.c_row, expected + m * columns, columns * sizeof *p.c);
    if (columns && m + 1 < rows)
      gaps =
          gaps && guard_is_canary(p.c + m * p.c_row + columns, (p.c_row - columns) * sizeof *p.c);
    for (size_t n = 0; n < columns; n++) {
      double sum = 0, magnitude = 0;
      for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < taps * words * numbers; i++) {
          size_t tap = i / (words * numbers), word = i / numbers;
          const unsigned char *x = a + m * p.a_row + o * p.a_outer + tap * p.a_tap;
          const unsigned char *y = b + 4 * ((o * taps * words + word) * columns + n);
          x += i % (words * numbers) * size;
          y += i % numbers * size;
          double term = what == INT8 ? *x * (double)(int8_t)*y : bfloat16_at(x) * bfloat16_at(y);
          sum += term;
          magnitude += fabs(term);
        }
      double scale = what == INT8 ? (double)p.scale[n] : 1, bias = (double)p.bias[n];
      double wanted = sum * scale + bias, terms = (double)(outer * taps * words * numbers + 3);
      if (p.relu && wanted < 0) wanted = 0;
      double bound = terms * ROUNDING * (magnitude * fabs(scale) + fabs(bias));
      double off = fabs((double)p.c[m * p.c_row + n] - wanted);
      worst = fmax(worst, bound > 0 ? off / bound : off);
    }
  }
  CHECK(same);
  CHECK(gaps);
  CHECK_NEAR(worst, 0, 1); /* in units of the bound */
  CHECK(guard_intact(&guard_c));
}

static void test_gemm(void) {
  for (int t = 0; cases_of(t); t++)
    for (type what = INT8; what <= BFLOAT16; what++) {
      for (size_t rows = 1; rows <= 30; rows++)
        for (size_t columns = 1; columns <= 70; columns += draw(1, 3))
          check_gemm(table(t), what, rows, columns, draw(1, 3), draw(1, 5));
      for (int i = 0; i < 400; i++)
        check_gemm(table(t), what, draw(0, 40), draw(0, 70), draw(0, 4), draw(0, 24));
      for (size_t columns = 60; columns <= 300; columns += draw(1, 9)) /* dense layers */
        check_gemm(table(t), what, draw(1, 7), columns, 1, draw(1, 9));
      for (int i = 0; i < 20; i++)
        check_gemm(table(t), what, draw(1, 9), draw(1, 40), 1, draw(300, 800));
    }
}

enum { MAX_WINDOWS = 40 };

/* The max-pool of a product: the maximum of four results of the scalar product. */
static void check_gemm_max_pool(const od_kernels *kernels, size_t windows, size_t columns,
                                size_t outer, size_t words) {
  static od_real rows[2][2 * MAX_WINDOWS * 100];
  od_low_precision_gemm p = {.rows = windows,
                             .columns = columns,
                             .outer = outer,
                             .taps = 1,
                             .words = words,
                             .a_row = draw(0, 40),
                             .c_row = columns + draw(0, 9),
                             .relu = coin()};
  p.a_outer = 2 * windows * p.a_row + draw(0, 30);
  CHECK_CASE(
      "%s gemm_max_pool, %zu windows x %zu, outer %zu, words %zu, a strides %zu %zu, relu %d",
      kernels->name, windows, columns, outer, words, p.a_row, p.a_outer, p.relu);
  size_t a_size = (2 * windows - 1) * p.a_row + outer * p.a_outer + words * 4;
  size_t b_size = outer * words * columns * 4;
  unsigned char *a = guard_block(&guard_a, a_size, side());
  unsigned char *b = guard_block(&guard_b, b_size, side());
  fill_bytes(a, a_size, 0, 127);
  fill_bytes(b, b_size, -127, 127);
  od_real *scale = block_of(&guard_d, columns);
  fill(scale, columns, 0, 1);
  p.a = a;
  p.b = b;
  p.scale = scale;
  p.bias = random_block(&guard_e, columns);
  p.c = block_of(&guard_c, (windows - 1) * p.c_row + columns);
  kernels->int8->gemm_max_pool(&p);
  for (size_t half = 0; half < 2; half++) {
    od_low_precision_gemm plain = p;
    plain.rows = 2 * windows;
    plain.a = a + half * p.a_outer;
    plain.c = rows[half];
    plain.c_row = columns;
    od_kernels_scalar.int8->gemm(&plain);
  }
  bool same = true, gaps = true;
  for (size_t m = 0; m < windows; m++) {
    od_real expected[100];
    for (size_t n = 0; n < columns; n++) {
      expected[n] = rows[0][2 * m * columns + n];
      for (size_t k = 1; k < 4; k++) {
        od_real other = rows[k / 2][(2 * m + k % 2) * columns + n];
        expected[n] = other > expected[n] ? other : expected[n];
      }
    }
    same = same && same_bits(p.c + m * p.c_row, expected, columns * sizeof *p.c);
    if (m + 1 < windows)
      gaps =
          gaps && guard_is_canary(p.c + m * p.c_row + columns, (p.c_row - columns) * sizeof *p.c);
  }
  CHECK(same);
  CHECK(gaps);
  CHECK(guard_intact(&guard_c));
}

/* From 16 windows and columns on, AMX multiplies in tiles. */
static void test_gemm_max_pool(void) {
  for (int t = 0; cases_of(t); t++) {
    for (size_t windows = 1; windows <= 12; windows++)
      for (size_t columns = 1; columns <= 100; columns += draw(1, 3))
        check_gemm_max_pool(table(t), windows, columns, draw(1, 4), draw(1, 24));
    for (int i = 0; i < 200; i++)
      check_gemm_max_pool(table(t), draw(13, MAX_WINDOWS), draw(1, 100), draw(1, 5), draw(1, 48));
  }
}

/* -- Winograd's input transform -- */

static void test_winograd_input(void) {
  static od_real floats[16 * 700];
  static uint16_t rounded[16 * 700];
  guard guard_words = guard_create(16 * 700 * sizeof(uint16_t));
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 400; i++) {
      size_t c = 2 * draw(1, 35), tiles = draw(1, 9), used = tiles * c;
      od_winograd_row row = {tiles, c, used + 2 * draw(0, 9), (2 * tiles + 2) * c};
      CHECK_CASE("%s winograd_input, %zu tiles of %zu channels", table(t)->name, tiles, c);
      const od_real *x = random_block(&guard_a, 4 * row.image_row);
      uint16_t *v = guard_block(&guard_words, (15 * row.pitch + used) * sizeof *v, side());
      table(t)->bfloat16->winograd_input(&row, x, v);
      od_kernels_scalar.winograd_input(&row, x, floats);
      bool same = true, gaps = true;
      for (size_t place = 0; place < 16; place++) {
        od_kernels_scalar.bfloat16->round(used, floats + place * row.pitch, rounded);
        same = same && same_bits(v + place * row.pitch, rounded, used * sizeof *v);
        if (place < 15)
          gaps =
              gaps && guard_is_canary(v + place * row.pitch + used, (row.pitch - used) * sizeof *v);
      }
      CHECK(same);
      CHECK(gaps);
      CHECK(guard_intact(&guard_words));
    }
  guard_destroy(&guard_words);
}

int main(void) {
  cases_begin();
  RUN(test_round);
  RUN(test_round_of_nan);
  RUN(test_quantize);
  RUN(test_gemm);
  RUN(test_gemm_max_pool);
  RUN(test_winograd_input);
  return cases_end();
}
