/* Registration: keypoints, poses, block matching, and whole pages. */
#include "base/memory.h"
#include "base/rng.h"
#include "check.h"
#include "image/homography.h"
#include "page/block_matching.h"
#include "page/keypoints.h"
#include "page/pose_hypotheses.h"
#include "page/registration.h"
#include "tables.h"

enum { H = 700, W = 500 };

/* Foreground levels of a form: boxes of random sizes and marks. */
static uint8_t *form_create(uint64_t seed) {
  uint8_t *form = od_allocate(H, W);
  od_rng rng;
  od_rng_seed(&rng, seed, 0);
  for (int n = 0; n < 70; n++) {
    const int w = 8 + (int)od_rng_below(&rng, n < 30 ? 150 : 12),
              h = 8 + (int)od_rng_below(&rng, 30);
    const int left = 10 + (int)od_rng_below(&rng, (uint64_t)(W - w - 20));
    const int top = 10 + (int)od_rng_below(&rng, (uint64_t)(H - h - 20));
    for (int y = top; y < top + h; y++)
      for (int x = left; x < left + w; x++)
        if (n >= 30 || y < top + 2 || y >= top + h - 2 || x < left + 2 || x >= left + w - 2)
          form[y * W + x] = 255;
  }
  return form;
}

/* The page that `matrix` maps a form to. */
static uint8_t *page_create(const uint8_t *form, const double matrix[9]) {
  double inverse[9];
  uint8_t *page = od_allocate(H, W);
  od_image_workspace workspace = {.kernels = last_table()};
  const od_view view = od_view_of(H, W, form);
  const od_target target = od_target_of(H, W, page);
  CHECK(od_invert_homography(matrix, inverse));
  CHECK_INT(od_warp_perspective(&workspace, &view, inverse, OD_BORDER_CONSTANT, 0, &target, NULL),
            OD_OK);
  od_image_workspace_release(&workspace);
  return page;
}

static double distance_of(const double a[9], const double b[9], double x, double y) {
  double u[2], v[2];
  if (!od_map_point(a, x, y, &u[0], &v[0]) || !od_map_point(b, x, y, &u[1], &v[1])) return 1e9;
  return hypot(u[1] - u[0], v[1] - v[0]);
}

static double max_distance(const double a[9], const double b[9]) {
  double max = 0;
  for (int i = 0; i < 9; i++) max = fmax(max, distance_of(a, b, i % 3 * W / 2.0, i / 3 * H / 2.0));
  return max;
}

static od_status register_page(const uint8_t *form, const uint8_t *page, od_registration *r) {
  od_image_workspace workspace = {.kernels = last_table()};
  const od_view views[2] = {od_view_of(H, W, form), od_view_of(H, W, page)};
  const od_status status = od_register_page(&workspace, &views[0], &views[1], r, NULL);
  od_image_workspace_release(&workspace);
  return status;
}

static void test_register(void) {
  static const double maps[][9] = {
      {1, 0, 0, 0, 1, 0, 0, 0, 1},
      {0.97, -0.05, 35, 0.05, 0.97, -20, 0, 0, 1},
      {0.85, 0.03, 30, -0.02, 0.8, 60, 5e-5, 1e-4, 1},
      {0.75, -0.1, 90, 0.1, 0.75, 40, 0, 0, 1},
      {-0.95, 0.02, W - 15, -0.02, -0.95, H - 20, 0, 0, 1}, /* upside down */
      {0, -0.7, W - 4, 0.7, 0, 10, 0, 0, 1},                /* a quarter turn */
  };
  uint8_t *form = form_create(1);
  for (int k = 0; k < 6; k++) {
    od_registration r;
    CHECK_CASE("map %d", k);
    uint8_t *page = page_create(form, maps[k]);
    for (int x = 40; x < 400; x++) /* a stroke across the page */
      memset(page + (x + 100) * W + x, 255, 6);
    CHECK_INT(register_page(form, page, &r), OD_OK);
    CHECK(r.found > 0.7);
    CHECK(r.residual < 0.6);
    CHECK(max_distance(r.matrix, maps[k]) < 0.7);
    od_release(page);
  }
  od_release(form);
}

/* Other forms and blank pages are not found. */
static void test_other_pages(void) {
  uint8_t *form = form_create(1), *other = form_create(2), *blank = od_allocate(H, W);
  od_registration r;
  CHECK_INT(register_page(form, other, &r), OD_OK);
  CHECK(r.found < 0.3);
  CHECK_INT(register_page(form, blank, &r), OD_OK);
  CHECK_NEAR(r.found, 0, 0);
  CHECK_INT(register_page(blank, form, &r), OD_OK);
  CHECK_NEAR(r.found, 0, 0);
  od_release(form);
  od_release(other);
  od_release(blank);
}

static void test_small_pages(void) {
  uint8_t *form = form_create(1);
  od_image_workspace workspace = {.kernels = last_table()};
  od_error error;
  od_registration r;
  for (int side = 1; side < 40; side += 6) {
    const od_view small = od_view_of(side, side, form), whole = od_view_of(H, W, form);
    CHECK_INT(od_register_page(&workspace, &small, &whole, &r, &error), OD_OK);
    CHECK_INT(od_register_page(&workspace, &whole, &small, &r, &error), OD_OK);
    CHECK(r.found < 0.3);
  }
  const od_view none = od_view_of(0, 5, form), whole = od_view_of(H, W, form);
  CHECK_INT(od_register_page(&workspace, &none, &whole, &r, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "form height: got 0");
  od_image_workspace_release(&workspace);
  od_release(form);
}

static void test_keypoints(void) {
  uint8_t *form = form_create(3);
  od_image_workspace workspace = {.kernels = last_table()};
  const od_view view = od_view_of(H, W, form);
  od_keypoints k;
  CHECK_INT(od_find_keypoints(&workspace, &view, 50, &k, NULL), OD_OK);
  CHECK_INT(k.count, 50);
  for (int i = 0; i < k.count; i++) {
    double squares = 0;
    for (int j = 0; j < OD_DESCRIPTOR_SIZE; j++) {
      const double value = k.descriptors[i * OD_DESCRIPTOR_SIZE + j];
      squares += value * value;
    }
    CHECK_NEAR(sqrt(squares), OD_DESCRIPTOR_NORM, 20);
    CHECK(i == 0 || k.items[i].strength <= k.items[i - 1].strength);
    for (int j = 0; j < i; j++)
      CHECK(abs(k.items[i].x - k.items[j].x) > 4 || abs(k.items[i].y - k.items[j].y) > 4);
  }
  od_point_pair pairs[50 * OD_MATCHES];
  const int count = od_match_keypoints(&k, &k, 0.5, pairs);
  for (int i = 0; i < count; i++) /* each matches itself best */
    if (i == 0 || pairs[i].x != pairs[i - 1].x || pairs[i].y != pairs[i - 1].y)
      CHECK_NEAR(pairs[i].weight, 1, 0.01);
  od_keypoints_release(&k);
  od_image_workspace_release(&workspace);
  od_release(form);
}

/* A third of the pairs agrees with a map; the first points are distinct. */
static void test_poses(void) {
  enum { COUNT = 90 };
  static const double map[9] = {0.9, -0.1, 20, 0.1, 0.9, 5, 1e-4, 0, 1};
  od_point_pair pairs[COUNT];
  od_rng rng;
  od_rng_seed(&rng, 1, 0);
  for (int i = 0; i < COUNT; i++) {
    od_point_pair *p = &pairs[i];
    *p = (od_point_pair){od_rng_range(&rng, 0, 300), od_rng_range(&rng, 0, 400), 0, 0, 1};
    if (i % 3 == 0)
      CHECK(od_map_point(map, p->x, p->y, &p->u, &p->v));
    else
      p->u = od_rng_range(&rng, 0, 300), p->v = od_rng_range(&rng, 0, 400);
  }
  od_poses poses = {.h = 400, .w = 300};
  od_find_poses(COUNT, pairs, (od_match_frame){0.1, 0.9}, &poses);
  CHECK(poses.count >= 1);
  CHECK(poses.items[0].support >= COUNT / 3);
  CHECK(distance_of(poses.items[0].matrix, map, 150, 200) < 1);
  for (int i = 1; i < poses.count; i++) CHECK(poses.items[i].support <= poses.items[i - 1].support);
  /* Similar poses with more support replace those of fewer pairs. */
  od_poses grown = {.h = 400, .w = 300};
  od_find_poses(COUNT / 2, pairs, (od_match_frame){0.1, 0.9}, &grown);
  CHECK(grown.items[0].support >= COUNT / 6 && grown.items[0].support < COUNT / 3);
  od_find_poses(COUNT, pairs, (od_match_frame){0.1, 0.9}, &grown);
  CHECK_INT(grown.items[0].support, poses.items[0].support);
  for (int i = 1; i < grown.count; i++)
    CHECK(max_distance(grown.items[i].matrix, grown.items[0].matrix) > 3);
  od_poses none = {.h = 400, .w = 300};
  od_find_poses(COUNT, pairs, (od_match_frame){1.5, 0.9}, &none); /* another rotation */
  CHECK(none.count == 0 || none.items[0].support < COUNT / 6);
  od_find_poses(1, pairs, (od_match_frame){0, 1}, &none);
}

/* Displacements are found to a fraction of a pixel; of a horizontal line only the vertical one. */
static void test_block_matching(void) {
  static const double shifted[9] = {1, 0, 2.25, 0, 1, -1.5, 0, 0, 1};
  uint8_t *form = form_create(4), *page = page_create(form, shifted);
  od_image_workspace workspace = {.kernels = last_table()};
  const od_image_pair pair = {od_view_of(H, W, form), od_view_of(H, W, page)};
  const od_block_search search = {16, 4, 1000};
  double matrix[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  od_block_fit fit;
  for (int k = 0; k < 2; k++)
    CHECK_INT(od_match_blocks(&workspace, &pair, &search, matrix, &fit, NULL), OD_OK);
  CHECK(fit.blocks > 100);
  CHECK(fit.found <= fit.blocks);
  CHECK(fit.found > 0.8 * fit.blocks);
  CHECK(max_distance(matrix, shifted) < 0.1);

  const od_block_search few = {16, 4, 60}; /* evenly chosen */
  double from_few[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  for (int k = 0; k < 2; k++)
    CHECK_INT(od_match_blocks(&workspace, &pair, &few, from_few, &fit, NULL), OD_OK);
  CHECK_INT(fit.blocks, 60);
  CHECK(max_distance(from_few, shifted) < 0.3);

  memset(form, 0, (size_t)H * W);
  memset(page, 0, (size_t)H * W);
  memset(form + 300 * W, 255, 3 * W);
  memset(page + 303 * W, 255, 3 * W);
  double line[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, u, v;
  CHECK_INT(od_match_blocks(&workspace, &pair, &search, line, &fit, NULL), OD_OK);
  CHECK(od_map_point(line, W / 2.0, 300, &u, &v));
  CHECK_NEAR(u, W / 2.0, 0.01);
  CHECK_NEAR(v, 303, 0.1);
  od_image_workspace_release(&workspace);
  od_release(form);
  od_release(page);
}

int main(void) {
  RUN(test_register);
  RUN(test_other_pages);
  RUN(test_small_pages);
  RUN(test_keypoints);
  RUN(test_poses);
  RUN(test_block_matching);
  return check_end();
}
