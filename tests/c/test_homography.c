/* Homographies: mapping, products, inverses, fits; and the perspective warp. */
#include "check.h"
#include "image/homography.h"
#include "image/image.h"
#include "base/rng.h"
#include "tables.h"

static const double example[9] = {0.9, -0.1, 12, 0.15, 1.1, -7, 4e-4, -2e-4, 1};

static void test_map_and_inverse(void) {
  double inverse[9], identity[9], u, v, x, y;
  CHECK(od_invert_homography(example, inverse));
  CHECK(od_map_point(example, 30, 50, &u, &v));
  const double w = 4e-4 * 30 - 2e-4 * 50 + 1;
  CHECK_NEAR(u, (0.9 * 30 - 0.1 * 50 + 12) / w, 1e-12);
  CHECK_NEAR(v, (0.15 * 30 + 1.1 * 50 - 7) / w, 1e-12);
  CHECK(od_map_point(inverse, u, v, &x, &y));
  CHECK_NEAR(x, 30, 1e-9);
  CHECK_NEAR(y, 50, 1e-9);
  od_multiply_homographies(inverse, example, identity);
  for (int i = 0; i < 9; i++) CHECK_NEAR(identity[i] / identity[8], i % 4 == 0, 1e-12);
}

static void test_limits(void) {
  static const double singular[9] = {1, 2, 3, 2, 4, 6, 0, 0, 1};
  static const double horizon[9] = {1, 0, 0, 0, 1, 0, -0.01, 0, 1};
  double inverse[9] = {7}, u, v;
  CHECK(!od_invert_homography(singular, inverse));
  CHECK_NEAR(inverse[0], 7, 0);
  CHECK(od_map_point(horizon, 99, 0, &u, &v));
  CHECK(!od_map_point(horizon, 100, 0, &u, &v));
  CHECK(!od_map_point(horizon, 101, 0, &u, &v));
}

/* Numbers that overflow are no points and no maps. */
static void test_overflow(void) {
  static const double huge[9] = {1e308, 0, 0, 0, 1e308, 0, 0, 0, 1};
  double inverse[9] = {7}, matrix[9], u, v;
  od_point_pair pairs[8];
  CHECK(!od_map_point(huge, 30, 50, &u, &v));
  CHECK(od_map_point(huge, 1, 1, &u, &v));
  CHECK(!od_invert_homography(huge, inverse));
  CHECK_NEAR(inverse[0], 7, 0);
  for (int i = 0; i < 8; i++)
    pairs[i] = (od_point_pair){i % 3, i / 3, 1e308 * (i % 3), 1e308 * (i / 3), 1};
  CHECK(!od_find_homography(8, pairs, OD_MODEL_HOMOGRAPHY, matrix));
}

/* Pairs of the example map, some with weight 0 that contradict it. */
static int make_pairs(od_point_pair *pairs, int count) {
  od_rng rng;
  od_rng_seed(&rng, 5, 0);
  for (int i = 0; i < count; i++) {
    od_point_pair *p = &pairs[i];
    p->x = od_rng_range(&rng, 0, 300);
    p->y = od_rng_range(&rng, 0, 400);
    p->weight = i % 5 ? 1 + i % 3 : 0;
    CHECK(od_map_point(example, p->x, p->y, &p->u, &p->v));
    if (p->weight == 0) p->u += 50;
  }
  return count;
}

static void test_fit(void) {
  od_point_pair pairs[40];
  double matrix[9];
  const int count = make_pairs(pairs, 40);
  CHECK(od_find_homography(count, pairs, OD_MODEL_HOMOGRAPHY, matrix));
  for (int i = 0; i < 9; i++) CHECK_NEAR(matrix[i], example[i], 1e-7);
  CHECK(od_find_homography(count, pairs, OD_MODEL_AFFINE, matrix));
  CHECK_NEAR(matrix[6], 0, 0);
  CHECK_NEAR(matrix[7], 0, 0);
  CHECK_NEAR(matrix[8], 1, 0);
}

static void test_fit_without_evidence(void) {
  od_point_pair pairs[8] = {{0}};
  double matrix[9];
  CHECK(!od_find_homography(0, pairs, OD_MODEL_AFFINE, matrix));
  CHECK(!od_find_homography(8, pairs, OD_MODEL_AFFINE, matrix)); /* of weight 0 */
  for (int i = 0; i < 8; i++) pairs[i] = (od_point_pair){i, 2 * i, i, 2 * i, 1};
  CHECK(!od_find_homography(8, pairs, OD_MODEL_AFFINE, matrix)); /* on a line */
  CHECK(!od_find_homography(8, pairs, OD_MODEL_HOMOGRAPHY, matrix));
}

/* A plane of levels a x + b y keeps its levels at the points that it is sampled at. */
static void test_warp(void) {
  enum { SIDE = 100, OUT = 60 };
  static const double matrix[9] = {1.1, 0.2, 8, -0.1, 1.2, 12, 1e-4, 2e-4, 1};
  uint8_t image[SIDE * SIDE], result[OUT * OUT];
  od_image_workspace workspace = {.kernels = last_table()};
  for (int i = 0; i < SIDE * SIDE; i++) image[i] = (uint8_t)(i % SIDE + i / SIDE);
  const od_view view = od_view_of(SIDE, SIDE, image);
  const od_target target = od_target_of(OUT, OUT, result);
  CHECK_INT(od_warp_perspective(&workspace, &view, matrix, OD_BORDER_CONSTANT, 222, &target, NULL),
            OD_OK);
  int outside = 0;
  for (int y = 0; y < OUT; y++)
    for (int x = 0; x < OUT; x++) {
      double u, v;
      CHECK(od_map_point(matrix, x, y, &u, &v));
      if (u > 0 && v > 0 && u < SIDE - 1 && v < SIDE - 1)
        CHECK_NEAR(result[y * OUT + x], u + v, 1);
      else if (u < -1 || v < -1 || u > SIDE || v > SIDE)
        CHECK_INT(result[y * OUT + x], 222), outside++;
    }
  od_image_workspace_release(&workspace);
  CHECK_INT(outside, 0);
}

static void test_warp_beyond_the_horizon(void) {
  static const double matrix[9] = {1, 0, 0, 0, 1, 0, -0.05, 0, 1};
  uint8_t image[64], result[64];
  od_image_workspace workspace = {.kernels = last_table()};
  memset(image, 50, sizeof image);
  const od_view view = od_view_of(8, 8, image);
  const od_target target = od_target_of(1, 64, result);
  CHECK_INT(od_warp_perspective(&workspace, &view, matrix, OD_BORDER_REPLICATE, 9, &target, NULL),
            OD_OK);
  CHECK_INT(result[0], 50);
  CHECK_INT(result[63], 9);
  od_image_workspace_release(&workspace);
}

int main(void) {
  RUN(test_map_and_inverse);
  RUN(test_limits);
  RUN(test_overflow);
  RUN(test_fit);
  RUN(test_fit_without_evidence);
  RUN(test_warp);
  RUN(test_warp_beyond_the_horizon);
  return check_end();
}
