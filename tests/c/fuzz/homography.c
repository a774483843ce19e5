/* Homographies of any numbers: maps, products, inverses, and fits to points. */
#include "fuzz/input.h"
#include "image/homography.h"

enum { MAX_PAIRS = 24 };

static void check_fit(fuzz_input *in) {
  od_point_pair pairs[MAX_PAIRS];
  double matrix[9];
  const int count = take_between(in, 0, MAX_PAIRS);
  const bool plain = take_flag(in);
  for (int i = 0; i < count; i++) {
    double *numbers = &pairs[i].x;
    for (int k = 0; k < 5; k++) numbers[k] = plain ? take_byte(in) : take_double(in);
  }
  if (!od_find_homography(count, pairs, (od_planar_model)take_flag(in), matrix)) return;
  for (int i = 0; i < 9; i++) require(isfinite(matrix[i]));
}

static void check_solution(fuzz_input *in) {
  const int n = take_between(in, 1, 8);
  double *a = block_of((size_t)(n * n) * sizeof *a), *b = block_of((size_t)n * sizeof *b);
  for (int i = 0; i < n * n; i++) a[i] = take_double(in);
  for (int i = 0; i < n; i++) b[i] = take_double(in);
  od_solve_positive(n, a, b);
  free(a);
  free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  fuzz_input in = {bytes, size};
  double first[9], second[9], product[9], inverse[9], u, v;
  check_fit(&in);
  check_solution(&in);
  for (int i = 0; i < 9; i++) first[i] = take_double(&in);
  for (int i = 0; i < 9; i++) second[i] = take_double(&in);
  od_multiply_homographies(first, second, product);
  od_multiply_homographies(first, second, second); /* the product may be one of the two */
  for (int i = 0; i < 9; i++) require(second[i] == product[i] || isnan(product[i]));
  memcpy(inverse, product, sizeof inverse);
  if (!od_invert_homography(inverse, inverse)) require(!memcmp(inverse, product, sizeof inverse));
  if (od_map_point(first, take_double(&in), take_double(&in), &u, &v))
    require(isfinite(u) && isfinite(v));
  return 0;
}
