/* kernels/: selection of a table; the matrix product and the weighted sum of every table against
 * exact sums, on random shapes and strides and on edges. */
#include "kernel_cases.h"

/* -- selection of a table -- */

static void test_select(void) {
  const od_kernels *kernels;
  od_error error = {{0}};
  const char *names[] = {"scalar", "avx2", "avx512", "neon", "simd128"};
  for (int i = 0; i < 5; i++) {
    CHECK_CASE("%s", names[i]);
    od_status status = od_kernels_select(names[i], &kernels, &error);
    if (status == OD_OK) {
      CHECK(kernels && strcmp(kernels->name, names[i]) == 0);
      CHECK((kernels->features & ~od_cpu_features()) == 0);
    } else {
      CHECK_INT(status, OD_ERROR_UNAVAILABLE);
      CHECK(kernels == NULL);
      CHECK_CONTAINS(error.message, names[i]);
    }
  }
  CHECK_INT(od_kernels_select("scalar", &kernels, &error), OD_OK);
#if defined(__x86_64__)
  CHECK_INT(od_kernels_select("neon", &kernels, &error), OD_ERROR_UNAVAILABLE);
#elif defined(__wasm_simd128__) && !defined(OD_DOUBLE)
  CHECK_INT(od_kernels_select("simd128", &kernels, &error), OD_OK);
#elif defined(__aarch64__) && !defined(OD_DOUBLE)
  CHECK_INT(od_kernels_select("neon", &kernels, &error), OD_OK);
  CHECK_INT(od_kernels_select("avx2", &kernels, &error), OD_ERROR_UNAVAILABLE);
#endif
  const char *unknown[] = {"sse9", "AVX2", "avx", " scalar", "avx512 ", "\xff\xfe"};
  for (int i = 0; i < 6; i++) {
    CHECK_CASE("'%s'", unknown[i]);
    CHECK_INT(od_kernels_select(unknown[i], &kernels, &error), OD_ERROR_ARGUMENT);
    CHECK(kernels == NULL);
    CHECK_CONTAINS(error.message, unknown[i]);
    CHECK_CONTAINS(error.message, "avx2");
  }
  CHECK_CASE("the fastest");
  const od_kernels *fastest, *empty;
  CHECK_INT(od_kernels_select(NULL, &fastest, &error), OD_OK);
  CHECK_INT(od_kernels_select("", &empty, &error), OD_OK);
  CHECK(fastest == empty);
  for (int i = 0; table(i); i++) /* no faster one is left out */
    if ((table(i)->features & ~od_cpu_features()) == 0)
      CHECK(table(i)->features <= fastest->features);
}

/* -- gemm -- */

static fine_sum exact(const od_gemm *p, size_t m, size_t n, od_real start) {
  fine_sum sum = fine_start(start);
  for (size_t o = 0; o < p->outer; o++)
    for (size_t i = 0; i < p->inner; i++)
      fine_add(&sum, p->a[m * p->a_row + o * p->a_outer + i * p->a_inner],
               p->b[o * p->b_outer + i * p->b_inner + n]);
  if (p->relu && sum.value < 0) sum.value = 0;
  return sum;
}

/* The number of reals that strides over these counts span, `last` wide at the end. */
static size_t span(size_t n1, size_t stride1, size_t n2, size_t stride2, size_t n3, size_t stride3,
                   size_t last) {
  if (!n1 || !n2 || !n3 || !last) return 0;
  return (n1 - 1) * stride1 + (n2 - 1) * stride2 + (n3 - 1) * stride3 + last;
}

/* Strides of every kind: contiguous, padded, overlapping as in a convolution, 0. */
static size_t a_stride(size_t contiguous) {
  switch (draw(0, 4)) {
    case 0:
      return contiguous;
    case 1:
      return contiguous + draw(1, 7);
    case 2:
      return 1;
    case 3:
      return 0;
    default:
      return draw(0, 50);
  }
}

static void check_gemm(const od_kernels *kernels, size_t rows, size_t columns, size_t outer,
                       size_t inner, od_gemm_start start, bool relu) {
  od_gemm p = {.rows = rows,
               .columns = columns,
               .outer = outer,
               .inner = inner,
               .start = start,
               .relu = relu};
  p.a_inner = draw(0, 2) ? 1 : a_stride(rows);
  p.a_row = a_stride(inner);
  p.a_outer = a_stride(inner * 2);
  p.b_inner = draw(0, 5) ? columns + draw(0, 1) * draw(0, 9) : draw(0, columns);
  p.b_outer = draw(0, 5) ? inner * p.b_inner + draw(0, 1) * draw(0, 9) : draw(0, 40);
  p.c_row = columns + draw(0, 1) * draw(0, 9);
  CHECK_CASE(
      "%s gemm %zu x %zu, outer %zu, inner %zu, a strides %zu %zu %zu, b strides %zu %zu, "
      "c stride %zu, start %d, relu %d",
      kernels->name, rows, columns, outer, inner, p.a_row, p.a_outer, p.a_inner, p.b_outer,
      p.b_inner, p.c_row, (int)start, relu);

  size_t a_size = span(rows, p.a_row, outer, p.a_outer, inner, p.a_inner, 1);
  size_t b_size = span(outer, p.b_outer, inner, p.b_inner, 1, 0, columns);
  size_t c_size = span(rows, p.c_row, 1, 0, 1, 0, columns);
  p.a = random_block(&guard_a, a_size);
  p.b = random_block(&guard_b, b_size);
  p.bias = start == OD_START_BIAS ? random_block(&guard_e, columns) : NULL;
  p.c = block_of(&guard_c, c_size);
  if (start == OD_START_ADD)
    for (size_t m = 0; m < rows; m++) fill(p.c + m * p.c_row, columns, -1, 1);
  od_real *started = block_of(&guard_d, c_size);
  memcpy(started, p.c, c_size * sizeof *p.c);
  kernels->gemm(&p);

  double worst = 0;
  for (size_t m = 0; m < rows; m++)
    for (size_t n = 0; n < columns; n++) {
      size_t at = m * p.c_row + n;
      od_real from = start == OD_START_BIAS ? p.bias[n] : start == OD_START_ADD ? started[at] : 0;
      fine_sum sum = exact(&p, m, n, from);
      worst = fmax(worst, fine_error(&sum, p.c[at]));
    }
  CHECK_NEAR(worst, 0, 1); /* in units of the bound */
  bool gaps = true;
  for (size_t m = 0; columns && m + 1 < rows; m++)
    gaps = gaps && guard_is_canary(p.c + m * p.c_row + columns, (p.c_row - columns) * sizeof *p.c);
  CHECK(gaps);
  CHECK(guard_intact(&guard_c));
}

static const od_gemm_start starts[] = {OD_START_ZERO, OD_START_BIAS, OD_START_ADD};

static void test_gemm_every_small_shape(void) {
  for (int t = 0; cases_of(t); t++)
    for (size_t rows = 1; rows <= 40; rows++)
      for (size_t columns = 1; columns <= 70; columns++)
        check_gemm(table(t), rows, columns, draw(1, 3), draw(1, 5), starts[draw(0, 2)], coin());
}

static void test_gemm_random_shapes(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 1500; i++)
      check_gemm(table(t), draw(1, 40), draw(1, 70), draw(0, 4), draw(0, 24), starts[draw(0, 2)],
                 coin());
}

/* Few rows, many columns: dense layers on small batches, which use the widest blocks. */
static void test_gemm_wide(void) {
  for (int t = 0; cases_of(t); t++)
    for (size_t rows = 1; rows <= 7; rows++)
      for (size_t columns = 60; columns <= 300; columns += draw(1, 5))
        check_gemm(table(t), rows, columns, 1, draw(1, 9), starts[draw(0, 2)], coin());
}

static void test_gemm_long_sums(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 40; i++)
      check_gemm(table(t), draw(1, 9), draw(1, 40), draw(1, 2), draw(300, 1600), starts[draw(0, 2)],
                 coin());
}

static void test_gemm_empty_sums_and_shapes(void) {
  for (int t = 0; cases_of(t); t++)
    for (int start = 0; start < 3; start++)
      for (int relu = 0; relu < 2; relu++)
        for (size_t rows = 0; rows <= 9; rows += 3)
          for (size_t columns = 0; columns <= 35; columns += 7) {
            check_gemm(table(t), rows, columns, 0, 5, starts[start], relu);
            check_gemm(table(t), rows, columns, 3, 0, starts[start], relu);
            check_gemm(table(t), rows, columns, 0, 0, starts[start], relu);
            check_gemm(table(t), rows, columns, 1, 1, starts[start], relu);
          }
}

static bool same_nans(const od_real *x, const od_real *y, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (isnan(x[i]) != isnan(y[i])) return false;
  return true;
}

/* ReLU of NaN gives the result of the scalar table. */
static void test_relu_of_nan(void) {
  enum { MAX = 40 };
  od_real nan[MAX], one[MAX], zero[MAX], got[MAX], expected[MAX];
  for (int i = 0; i < MAX; i++) nan[i] = NAN, one[i] = 1, zero[i] = 0;
  for (int t = 0; cases_of(t); t++)
    for (size_t n = 1; n <= MAX; n++) {
      CHECK_CASE("%s, %zu numbers", table(t)->name, n);
      od_gemm p = {.rows = 1,
                   .columns = n,
                   .outer = 1,
                   .inner = 1,
                   .a = nan,
                   .b = one,
                   .b_inner = n,
                   .c = got,
                   .c_row = n,
                   .relu = true};
      table(t)->gemm(&p);
      p.c = expected;
      od_kernels_scalar.gemm(&p);
      CHECK(same_nans(got, expected, n));
      table(t)->relu(n, nan, got);
      od_kernels_scalar.relu(n, nan, expected);
      CHECK(same_nans(got, expected, n));
      table(t)->scale_shift(1, n, nan, one, zero, got, true);
      od_kernels_scalar.scale_shift(1, n, nan, one, zero, expected, true);
      CHECK(same_nans(got, expected, n));
    }
}

/* -- weighted sums of rows -- */

static void test_add_weighted(void) {
  guard guard_offset = guard_create(400 * sizeof(uint32_t));
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 1500; i++) {
      size_t n = draw(0, 40), length = draw(0, i % 5 ? 80 : 500), reach = draw(0, 2000);
      CHECK_CASE("%s add_weighted, %zu terms of %zu", table(t)->name, n, length);
      const od_real *base = random_block(&guard_a, reach + length);
      const od_real *value = random_block(&guard_b, n);
      od_real *out = random_block(&guard_c, length);
      uint32_t *offset = guard_block(&guard_offset, n * sizeof *offset, side());
      for (size_t e = 0; e < n; e++) offset[e] = (uint32_t)draw(0, reach);
      od_real *started = block_of(&guard_d, length);
      memcpy(started, out, length * sizeof *out);
      table(t)->add_weighted(n, offset, value, base, length, out);
      double worst = 0;
      for (size_t k = 0; k < length; k++) {
        fine_sum sum = fine_start(started[k]);
        for (size_t e = 0; e < n; e++) fine_add(&sum, value[e], base[offset[e] + k]);
        worst = fmax(worst, fine_error(&sum, out[k]));
      }
      CHECK_NEAR(worst, 0, 1);
      CHECK(guard_intact(&guard_c));
    }
  guard_destroy(&guard_offset);
}

int main(void) {
  cases_begin();
  RUN(test_select);
  RUN(test_gemm_every_small_shape);
  RUN(test_gemm_random_shapes);
  RUN(test_gemm_wide);
  RUN(test_gemm_long_sums);
  RUN(test_gemm_empty_sums_and_shapes);
  RUN(test_relu_of_nan);
  RUN(test_add_weighted);
  return cases_end();
}
