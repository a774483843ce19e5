/* Print removal: lines and labels go, strokes across them stay. */
#include "check.h"
#include "page/print_removal.h"
#include "tables.h"

enum { H = 60, W = 80, BACKGROUND = 200, INK = 40 };

static uint8_t image[H * W], foreground[H * W], print[H * W], erased[H * W], writing[H * W];

static void clear(void) {
  memset(image, BACKGROUND, sizeof image);
  memset(foreground, 0, sizeof foreground);
  memset(print, 0, sizeof print);
}

/* Fill rows top..bottom - 1 and columns left..right - 1 with ink; `printed` on the form, too, there
 * `off` pixels lower. */
static void fill(int left, int top, int right, int bottom, bool printed, int off) {
  for (int y = top; y < bottom; y++)
    for (int x = left; x < right; x++) {
      image[y * W + x] = INK;
      foreground[y * W + x] = 255;
      if (printed) print[(y + off) * W + x] = 255;
    }
}

static od_status erase(int slack) {
  od_image_workspace workspace = {.kernels = last_table()};
  const od_filled_form form = {H, W, image, foreground, print, slack};
  const od_status status = od_erase_print(&workspace, &form, erased, writing, NULL);
  od_image_workspace_release(&workspace);
  return status;
}

static void test_line_goes_and_stroke_stays(void) {
  clear();
  fill(0, 30, W, 33, true, 1);    /* a ruling line, a pixel off */
  fill(40, 15, 44, 50, false, 0); /* a stroke across it */
  CHECK_INT(erase(2), OD_OK);
  for (int y = 0; y < H; y++)
    for (int x = 0; x < W; x++) {
      const bool stroke = x >= 40 && x < 44 && y >= 15 && y < 50;
      if (stroke) CHECK_INT(erased[y * W + x], INK);
      if (stroke) CHECK_INT(writing[y * W + x], 255);
      if (x < 37 || x > 46) CHECK_INT(erased[y * W + x], BACKGROUND);
      if (x < 37 || x > 46) CHECK_INT(writing[y * W + x], 0);
    }
}

static void test_stroke_up_to_a_line_is_cut_there(void) {
  clear();
  fill(0, 30, W, 33, true, 0);
  fill(40, 10, 44, 30, false, 0); /* ends at the line */
  CHECK_INT(erase(1), OD_OK);
  CHECK_INT(writing[20 * W + 41], 255);
  CHECK_INT(writing[31 * W + 41], 0);
  CHECK_INT(erased[31 * W + 41], BACKGROUND);
}

static void test_label_goes(void) {
  clear();
  for (int k = 0; k < 5; k++) fill(10 + 6 * k, 10, 12 + 6 * k, 22, true, 0);
  fill(50, 40, 70, 44, false, 0);
  CHECK_INT(erase(1), OD_OK);
  for (int i = 0; i < 26 * W; i++) CHECK_INT(erased[i], BACKGROUND);
  CHECK_INT(writing[42 * W + 60], 255);
}

static void test_without_print_nothing_changes(void) {
  clear();
  fill(10, 10, 30, 14, false, 0);
  CHECK_INT(erase(2), OD_OK);
  CHECK_INT(memcmp(erased, image, sizeof image), 0);
  CHECK_INT(memcmp(writing, foreground, sizeof foreground), 0);
}

/* Without any background the mean level takes its place. */
static void test_all_print(void) {
  clear();
  fill(0, 0, W, H, true, 0);
  CHECK_INT(erase(3), OD_OK);
  for (int i = 0; i < H * W; i++) CHECK_INT(erased[i], INK);
  for (int i = 0; i < H * W; i++) CHECK_INT(writing[i], 0);
}

static void test_bad_arguments(void) {
  od_image_workspace workspace = {.kernels = last_table()};
  od_filled_form form = {H, W, image, foreground, print, OD_MAX_PRINT_SLACK + 1};
  od_error error;
  CHECK_INT(od_erase_print(&workspace, &form, erased, writing, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "slack: got 17");
  form.slack = 1;
  form.h = 0;
  CHECK_INT(od_erase_print(&workspace, &form, erased, writing, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "image height: got 0");
  od_image_workspace_release(&workspace);
}

int main(void) {
  RUN(test_line_goes_and_stroke_stays);
  RUN(test_stroke_up_to_a_line_is_cut_there);
  RUN(test_label_goes);
  RUN(test_without_print_nothing_changes);
  RUN(test_all_print);
  RUN(test_bad_arguments);
  return check_end();
}
