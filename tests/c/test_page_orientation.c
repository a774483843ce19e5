/* Rotated pages: their foreground, map to the source and class map. */
#include <string.h>

#include "base/memory.h"
#include "check.h"
#include "page/orientation.h"
#include "page/page.h"
#include "tables.h"

enum { H = 40, W = 64, SIDE = 4, ROWS = H / SIDE, COLUMNS = W / SIDE };

/* A page with a block of 8x8 pixels, which the detector takes for a number. */
static od_page page_create(void) {
  od_page page = {.h = H, .w = W, .workspace = {.kernels = last_table()}};
  page.foreground = od_allocate(H, W);
  page.erased = od_allocate(H, W);
  page.image = page.erased;
  CHECK_INT(od_class_map_create(SIDE, ROWS, COLUMNS, &page.class_map, NULL), OD_OK);
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 2; j++) {
      page.class_map.classes[(1 + i) * COLUMNS + 3 + j] = OD_PIXEL_NUMBER;
      page.class_map.numbers[(1 + i) * COLUMNS + 3 + j] = 200;
    }
  for (int y = 4; y < 12; y++) memset(page.foreground + y * W + 12, 255, 8);
  return page;
}

/* The cells of a rotated page are those under its foreground. */
static void check_cells(const od_page *page) {
  const od_class_map *cells = &page->class_map;
  int numbers = 0;
  for (int i = 0; i < cells->rows; i++)
    for (int j = 0; j < cells->columns; j++) {
      const int y = i * SIDE + SIDE / 2, x = j * SIDE + SIDE / 2;
      if (y >= page->h || x >= page->w) continue;
      const bool number = cells->classes[i * cells->columns + j] == OD_PIXEL_NUMBER;
      CHECK_INT(number, page->foreground[y * page->w + x] > 127);
      CHECK_INT(cells->numbers[i * cells->columns + j], number ? 200 : 0);
      numbers += number;
    }
  CHECK(numbers >= 3 && numbers <= 6);
}

static void test_class_map(void) {
  static const double angles[] = {90, 180, 270, 8};
  for (int k = 0; k < 4; k++) {
    od_page page = page_create(), rotated;
    if (!CHECK_INT(od_page_rotate(&page, angles[k], &rotated, NULL), OD_OK)) return;
    if (k < 3) CHECK_INT(rotated.h, k == 1 ? H : W);
    check_cells(&rotated);
    od_page_release(&rotated);
    od_page_release(&page);
  }
}

static void test_no_class_map(void) {
  od_page page = page_create(), rotated;
  od_class_map_release(&page.class_map);
  if (!CHECK_INT(od_page_rotate(&page, 90, &rotated, NULL), OD_OK)) return;
  CHECK(!rotated.class_map.classes);
  od_page_release(&rotated);
  od_page_release(&page);
}

int main(void) {
  RUN(test_class_map);
  RUN(test_no_class_map);
  return check_end();
}
