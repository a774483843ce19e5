/* Text lines and segments of drawn components. */
#include "base/memory.h"
#include "check.h"
#include "page/page.h"
#include "tables.h"

enum { H = 200, W = 400 };

static od_page page_create(void) {
  od_page page = {.h = H, .w = W, .workspace = {.kernels = last_table()}};
  page.foreground = od_allocate(H, W);
  return page;
}

static void draw_box(od_page *page, int top, int left, int bottom, int right) {
  for (int y = top; y < bottom; y++)
    for (int x = left; x < right; x++) page->foreground[y * W + x] = 255;
}

/* The outline of a rectangle, of 4 pixels. */
static void draw_zero(od_page *page, int top, int left, int bottom, int right) {
  draw_box(page, top, left, top + 4, right);
  draw_box(page, bottom - 4, left, bottom, right);
  draw_box(page, top, left, bottom, left + 4);
  draw_box(page, top, right - 4, bottom, right);
}

static bool find_lines(od_page *page) {
  return CHECK_INT(od_page_find_components(page, NULL), OD_OK) &&
         CHECK_INT(od_page_find_lines(page, NULL), OD_OK);
}

/* A speck inside a digit belongs to no segment. */
static void test_speck(void) {
  od_page page = page_create();
  draw_zero(&page, 40, 40, 120, 90);
  draw_zero(&page, 40, 110, 120, 160);
  draw_box(&page, 80, 132, 86, 138);
  if (!find_lines(&page)) return;
  CHECK_INT(page.components.count, 3);
  CHECK_INT(page.line_count, 1);
  CHECK_INT(page.segment_count, 2);
  CHECK_INT(page.components.labels[41 * W + 41], 1);
  CHECK_INT(page.components.labels[41 * W + 111], 2);
  CHECK_INT(page.components.labels[83 * W + 135], 0);
  od_page_release(&page);
}

int main(void) {
  RUN(test_speck);
  return check_end();
}
