/* Combs: their lines are found and erased, strokes that cross them stay, tables are none. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "check.h"
#include "page/combs.h"
#include "tables.h"

enum { H = 200, W = 600 };

static od_page page;
static uint8_t image[H * W];

static void begin(void) {
  page = (od_page){.h = H, .w = W, .workspace = {.kernels = last_table()}, .image = image};
  page.foreground = od_allocate(H * W, 1);
  memset(image, 230, sizeof image);
}

static void end(void) { od_page_release(&page); }

static void rectangle(int x, int y, int w, int h) {
  for (int i = y; i < y + h; i++)
    for (int j = x; j < x + w; j++) {
      page.foreground[i * W + j] = 255;
      image[i * W + j] = 30;
    }
}

/* A comb with its foot at row 150: a base line, and places + 1 walls of `height` rows. */
static void draw_comb(int x, int places, int pitch, int height, int thickness) {
  rectangle(x, 150, places * pitch + thickness, thickness);
  for (int k = 0; k <= places; k++) rectangle(x + k * pitch, 150 - height, thickness, height);
}

static int count_lines(void) {
  od_comb_lines lines;
  od_error error;
  CHECK_INT(od_page_find_combs(&page, &lines, &error), OD_OK);
  CHECK_INT(od_page_erase_comb_lines(&page, &lines, &error), OD_OK);
  const int count = lines.count;
  od_comb_lines_release(&lines);
  return count;
}

static int foreground_left(void) {
  int left = 0;
  for (int i = 0; i < H * W; i++) left += page.foreground[i] > 0;
  return left;
}

static void test_teeth_and_boxes(void) {
  for (int places = 2; places <= 12; places += 2)
    for (int thickness = 1; thickness <= 4; thickness++)
      for (int closed = 0; closed < 2; closed++) {
        const int height = closed ? 50 : 14;
        begin();
        draw_comb(30, places, 42, height, thickness);
        if (closed) rectangle(30, 150 - height, places * 42 + thickness, thickness);
        CHECK_CASE("%d places, %d thick, closed %d", places, thickness, closed);
        CHECK_INT(count_lines(), places + 2 + closed);
        CHECK_INT(foreground_left(), 0);
        CHECK(page.image != image && memchr(page.image, 30, H * W) == NULL);
        end();
      }
}

/* A stroke over a wall stays, one beside it and one that touches it, too. */
static void test_strokes_stay(void) {
  begin();
  draw_comb(30, 5, 60, 60, 3);
  rectangle(75, 110, 40, 5); /* crosses the wall at 90 */
  rectangle(130, 100, 5, 30);
  rectangle(153, 100, 20, 6); /* touches the one at 150 */
  CHECK_INT(count_lines(), 7);
  for (int x = 75; x < 115; x++) CHECK(page.foreground[112 * W + x] == 255);
  for (int x = 130; x < 135; x++) CHECK(page.foreground[110 * W + x] == 255);
  for (int x = 153; x < 173; x++) CHECK(page.foreground[103 * W + x] == 255);
  CHECK(page.foreground[95 * W + 91] == 0);
  CHECK(page.foreground[103 * W + 151] == 0);
  end();
}

static void draw_box(int x, int y, int w, int h, int thickness) {
  rectangle(x, y, w, thickness);
  rectangle(x, y + h - thickness, w, thickness);
  rectangle(x, y, thickness, h);
  rectangle(x + w - thickness, y, thickness, h);
}

static void test_boxes_apart(void) {
  begin();
  for (int k = 0; k < 6; k++) draw_box(30 + 60 * k, 100, 46, 50, 2);
  CHECK_INT(count_lines(), 6 * 4);
  CHECK_INT(foreground_left(), 0);
  end();
  begin();
  draw_box(30, 100, 46, 50, 2); /* alone: a frame, or a digit */
  draw_box(300, 40, 90, 100, 2);
  CHECK_INT(count_lines(), 0);
  CHECK(page.image == image);
  end();
}

static void test_no_combs(void) {
  begin();
  CHECK_INT(count_lines(), 0);
  for (int k = 0; k < 4; k++) rectangle(30, 40 + 40 * k, 402, 2); /* a table */
  for (int k = 0; k <= 10; k++) rectangle(30 + 40 * k, 40, 2, 122);
  CHECK_INT(count_lines(), 0);
  end();
  begin();
  draw_comb(30, 6, 42, 30, 2);
  rectangle(100, 100, 2, 52); /* a wall in a wrong place, and one too few */
  memset(page.foreground, 0, 149 * W);
  CHECK_INT(count_lines(), 0);
  end();
  begin();
  rectangle(20, 150, 500, 2); /* the line goes on beyond the walls */
  for (int k = 0; k <= 5; k++) rectangle(100 + 50 * k, 110, 2, 40);
  CHECK_INT(count_lines(), 0);
  end();
}

static void test_slanted(void) {
  for (int degrees = -3; degrees <= 3; degrees++) {
    const double slope = tan(degrees * 3.14159265358979 / 180);
    begin();
    for (int x = 40; x <= 40 + 8 * 50; x++) rectangle(x, (int)lround(150 + slope * (x - 40)), 1, 3);
    for (int k = 0; k <= 8; k++)
      for (int up = 0; up < 40; up++)
        rectangle((int)lround(40 + 50 * k + slope * up), (int)lround(150 + slope * 50 * k) - up, 3,
                  1);
    CHECK_CASE("%d degrees", degrees);
    CHECK_INT(count_lines(), 10);
    CHECK(foreground_left() <= 12);
    end();
  }
}

static void test_class_map(void) {
  od_error error;
  od_comb_lines lines;
  begin();
  draw_comb(32, 5, 40, 30, 2);
  CHECK_INT(od_page_find_combs(&page, &lines, &error), OD_OK);
  od_page_mark_comb_lines(&page, &lines); /* without a map */
  CHECK_INT(od_class_map_create(4, H / 4, W / 4, &page.class_map, &error), OD_OK);
  od_page_mark_comb_lines(&page, &lines);
  for (int k = 0; k <= 5; k++)
    CHECK_INT(page.class_map.classes[od_cell(&page.class_map, 135 / 4, (32 + 40 * k) / 4)],
              OD_PIXEL_RULING_LINE);
  CHECK_INT(page.class_map.classes[od_cell(&page.class_map, 135 / 4, 50 / 4)], OD_PIXEL_BACKGROUND);
  od_comb_lines_release(&lines);
  end();
}

int main(void) {
  RUN(test_teeth_and_boxes);
  RUN(test_strokes_stay);
  RUN(test_boxes_apart);
  RUN(test_no_combs);
  RUN(test_slanted);
  RUN(test_class_map);
  return check_end();
}
