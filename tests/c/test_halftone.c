/* Halftones: the isolated pixels of their definition are counted, and a blur restores the levels of
 * an ordered dither; other images are not changed by od_picture_to_gray. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "digit/halftone.h"
#include "digit/input.h"
#include "tables.h"

enum { H = 40, W = 52, N = H * W };

static const uint8_t thresholds[4][4] = {
    {8, 136, 40, 168}, {200, 72, 232, 104}, {56, 184, 24, 152}, {248, 120, 216, 88}};

/* image (h, w): gray levels from `low` at the left to `high` at the right, by Bayer's matrix. */
static void dither(uint8_t low, uint8_t high, uint8_t *image) {
  for (int y = 0; y < H; y++)
    for (int x = 0; x < W; x++) {
      const int level = low + (high - low) * x / (W - 1);
      image[y * W + x] = level > thresholds[y % 4][x % 4] ? 255 : 0;
    }
}

static void fill(uint8_t level, uint8_t *image) { memset(image, level, N); }

static void test_dithers(void) {
  uint8_t image[N];
  dither(128, 128, image);
  CHECK(od_is_halftone(H, W, image));
  dither(20, 240, image);
  CHECK(od_is_halftone(H, W, image));
  image[5 * W + 7] = 99; /* a third level */
  CHECK(!od_is_halftone(H, W, image));
}

static void test_clean_images(void) {
  uint8_t image[N];
  fill(255, image);
  CHECK(!od_is_halftone(H, W, image));
  for (int y = 10; y < 30; y++) memset(image + y * W + 20, 0, 8);
  CHECK(!od_is_halftone(H, W, image));
  for (int x = 2; x < 2 + 2 * 8; x += 2) image[3 * W + x] = 0; /* 8 specks of 168 dark pixels */
  CHECK(!od_is_halftone(H, W, image));
  image[3 * W + 30] = 0; /* a ninth: more than a twentieth */
  CHECK(od_is_halftone(H, W, image));
}

static void test_small_images(void) {
  uint8_t image[] = {0, 255, 0, 255, 0, 255};
  CHECK(!od_is_halftone(1, 6, image));
  CHECK(!od_is_halftone(6, 1, image));
  CHECK(!od_is_halftone(2, 3, image));
  uint8_t dot[] = {255, 255, 255, 255, 0, 255, 255, 255, 255};
  CHECK(od_is_halftone(3, 3, dot));
}

static void test_levels_are_restored(void) {
  uint8_t image[N];
  for (int t = 0; table(t); t++) {
    od_image_workspace workspace = {.kernels = table(t)};
    dither(60, 60, image);
    CHECK_INT(od_smooth_halftone(&workspace, H, W, image, NULL), OD_OK);
    for (int y = 4; y < H - 4; y++)
      for (int x = 4; x < W - 4; x++) CHECK(abs(image[y * W + x] - 60) < 30);
    od_image_workspace_release(&workspace);
  }
}

static void test_picture_to_gray(void) {
  uint8_t image[N], gray[N], smooth[N];
  od_image_workspace workspace = {.kernels = table(0)};
  const od_picture picture = {.bytes = image, .h = H, .w = W, .channels = 1};
  dither(20, 240, image);
  memcpy(smooth, image, N);
  CHECK_INT(od_smooth_halftone(&workspace, H, W, smooth, NULL), OD_OK);
  CHECK_INT(od_picture_to_gray(&workspace, &picture, gray, NULL), OD_OK);
  CHECK(memcmp(gray, smooth, N) == 0);
  fill(255, image);
  for (int y = 10; y < 30; y++) memset(image + y * W + 20, 0, 8);
  CHECK_INT(od_picture_to_gray(&workspace, &picture, gray, NULL), OD_OK);
  CHECK(memcmp(gray, image, N) == 0);
  od_image_workspace_release(&workspace);
}

/* Canonical input is used as it is: light dots of a digit on black. */
static void test_canonical_dots(void) {
  uint8_t image[28 * 28] = {0}, gray[28 * 28];
  od_image_workspace workspace = {.kernels = table(0)};
  const od_picture picture = {.bytes = image, .h = 28, .w = 28, .channels = 1};
  for (int y = 4; y < 24; y++)
    for (int x = 10; x < 18; x++) image[28 * y + x] = (y + x) % 2 ? 255 : 0;
  CHECK(od_is_halftone(28, 28, image));
  CHECK_INT(od_picture_to_gray(&workspace, &picture, gray, NULL), OD_OK);
  CHECK(memcmp(gray, image, sizeof gray) == 0);
  od_image_workspace_release(&workspace);
}

int main(void) {
  RUN(test_dithers);
  RUN(test_clean_images);
  RUN(test_small_images);
  RUN(test_levels_are_restored);
  RUN(test_picture_to_gray);
  RUN(test_canonical_dots);
  return check_end();
}
