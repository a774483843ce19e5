/* Symbol crops: a symbol is cut out without its neighbours and preprocessed. */
#include <string.h>

#include "check.h"
#include "page/symbol_crop.h"
#include "tables.h"

/* A page of three bars: one of 20 rows, one of 120 rows, and a neighbour two columns right of the
 * first. */
enum { BARS = 3, PAGE_HEIGHT = 340, PAGE_WIDTH = 120 };
static const od_symbol bars[BARS] = {{.left = 10, .top = 10, .right = 14, .bottom = 30},
                                     {.left = 60, .top = 100, .right = 84, .bottom = 220},
                                     {.left = 16, .top = 5, .right = 26, .bottom = 40}};

static void draw_bars(uint8_t *image) {
  memset(image, 230, PAGE_HEIGHT * PAGE_WIDTH);
  for (int k = 0; k < BARS; k++)
    for (int y = bars[k].top; y < bars[k].bottom; y++)
      memset(image + y * PAGE_WIDTH + bars[k].left, 40, (size_t)(bars[k].right - bars[k].left));
}

/* Each bar is scaled to 20 of 28 rows, four columns wide. */
static void check_crop(const float *crop) {
  int rows = 0, columns = 0;
  for (int i = 0; i < OD_DIGIT_SIDE; i++) {
    rows += crop[i * OD_DIGIT_SIDE + OD_DIGIT_SIDE / 2] > 0.5f;
    columns += crop[OD_DIGIT_SIDE / 2 * OD_DIGIT_SIDE + i] > 0.5f;
  }
  CHECK_INT(rows, 20);
  CHECK_INT(columns, 4);
}

static void test_crops(void) {
  static uint8_t image[PAGE_HEIGHT * PAGE_WIDTH];
  static float crops[2 * OD_CROP_SIZE], one[OD_CROP_SIZE];
  static const int indices[] = {1, 0};
  const od_page page = {
      .h = PAGE_HEIGHT, .w = PAGE_WIDTH, .image = image, .workspace = {.kernels = last_table()}};
  od_image_workspace workspace = {.kernels = last_table()};
  od_thread_pool *pool;
  od_error error;
  draw_bars(image);
  CHECK_INT(od_thread_pool_create(2, &pool, &error), OD_OK);
  CHECK_INT(od_crop_symbols(&page, bars, 2, indices, pool, crops, &error), OD_OK);
  for (int i = 0; i < 2; i++) {
    CHECK_CASE("bar %d", indices[i]);
    CHECK_INT(od_crop_symbol(&page, &bars[indices[i]], &workspace, one, &error), OD_OK);
    check_crop(one);
    CHECK(memcmp(one, crops + i * OD_CROP_SIZE, sizeof one) == 0);
  }
  od_image_workspace_release(&workspace);
  od_thread_pool_destroy(pool);
}

int main(void) {
  RUN(test_crops);
  return check_end();
}
