/* Combs: their lines are found and erased, strokes that cross them stay, tables are none. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
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

/* The part of a rectangle on the page. */
static void rectangle(int x, int y, int w, int h) {
  for (int i = od_max(y, 0); i < od_min(y + h, H); i++)
    for (int j = od_max(x, 0); j < od_min(x + w, W); j++) {
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
        CHECK_INT(count_lines(), places + 1 + places * (1 + closed));
        CHECK_INT(foreground_left(), 0);
        CHECK(page.image != image && memchr(page.image, 30, H * W) == NULL);
        end();
      }
}

/* Walls that lean, on a line that bends, in perspective. */
static void test_distortions(void) {
  for (int kind = 0; kind < 3; kind++)
    for (int amount = -3; amount <= 3; amount++) {
      begin();
      double feet[9], rows[9], heights[9];
      for (int k = 0; k <= 8; k++) {
        const double t = k / 8.0, c = kind == 2 ? 0.02 * amount : 0;
        feet[k] = 60 + 400 * t * (1 + c) / (1 + c * t);
        rows[k] = 150 + (kind == 1 ? 6 * amount * t * (1 - t) : 0);
        heights[k] = 50 * (1 - 2 * c * (t - 0.5));
      }
      for (int x = 60; x <= 462; x++) {
        const double t = (x - 60) / 402.0;
        rectangle(x, (int)lround(150 + (kind == 1 ? 6 * amount * t * (1 - t) : 0)), 1, 3);
      }
      for (int k = 0; k <= 8; k++)
        for (int up = 0; up < (int)heights[k]; up++)
          rectangle((int)lround(feet[k] + (kind == 0 ? 0.02 * amount * up : 0)),
                    (int)lround(rows[k]) - up, 3, 1);
      CHECK_CASE("kind %d, amount %d", kind, amount);
      CHECK_INT(count_lines(), 17);
      CHECK(foreground_left() <= 12);
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
  CHECK_INT(count_lines(), 11);
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

/* Boxes of 46 x 50 with a stroke in some of them. */
static void draw_boxes(int count, int written) {
  for (int k = 0; k < count; k++) {
    draw_box(30 + 60 * k, 100, 46, 50, 2);
    if (k < written) rectangle(50 + 60 * k, 110, 4, 28);
  }
}

static void test_boxes_apart(void) {
  begin();
  draw_boxes(6, 6);
  CHECK_INT(count_lines(), 6 * 4);
  CHECK_INT(foreground_left(), 6 * 4 * 28);
  end();
  begin();
  draw_boxes(3, 1); /* one beside a written one, and one that may be a zero */
  CHECK_INT(count_lines(), 2 * 4);
  end();
  begin();
  draw_boxes(2, 0); /* zeros */
  CHECK_INT(count_lines(), 0);
  end();
  begin();
  draw_boxes(1, 1); /* a frame */
  draw_box(300, 40, 90, 100, 2);
  CHECK_INT(count_lines(), 0);
  CHECK(page.image == image);
  end();
}

/* The comb of draw_comb whose tooth k has another height. */
static void draw_teeth(int places, int height, int k, int other) {
  draw_comb(30, places, 42, height, 2);
  for (int i = 0; i < 150; i++) memset(page.foreground + i * W + 30 + k * 42, 0, 2);
  rectangle(30 + k * 42, 150 - other, 2, other);
}

/* One of the teeth may be faint, or higher: all are found, and none is left. */
static void test_other_teeth(void) {
  for (int other = 0; other <= 60; other += 6) {
    begin();
    draw_teeth(8, 24, 3, other);
    CHECK_CASE("a tooth of %d rows", other);
    CHECK_INT(count_lines(), 17);
    CHECK(foreground_left() <= 2 * od_max(0, other - 26));
    end();
  }
  begin();
  draw_comb(30, 8, 42, 20, 2); /* of a date: day, month and year have higher ends */
  for (int k = 0; k <= 8; k += k == 4 ? 4 : 2) rectangle(30 + 42 * k, 110, 2, 40);
  CHECK_INT(count_lines(), 17);
  CHECK_INT(foreground_left(), 0);
  end();
}

/* Every column of the page may have the outer walls, every row the base line. */
static void test_borders(void) {
  for (int x = -3; x <= 3; x++)
    for (int slope = -2; slope <= 2; slope++) {
      begin();
      for (int side = 0; side < 2; side++)
        for (int k = 0; k <= 5; k++)
          for (int up = 0; up < 120; up++)
            for (int t = 0; t < 3; t++) {
              const int column = (side ? W - 3 - 200 : 0) + x + 40 * k + t + slope * up / 60;
              if (column >= 0 && column < W) rectangle(column, 190 - up - slope * k / 2, 1, 1);
            }
      for (int j = 0; j < W; j++)
        if (j <= 203 + x || j >= W - 203 + x) rectangle(j, 190 - slope * (j % 397) / 80, 1, 3);
      count_lines(); /* whatever it finds */
      end();
    }
  begin();
  draw_comb(0, 5, 40, 150, 2);
  CHECK(count_lines() > 0);
  end();
}

static void test_sizes(void) {
  begin();
  draw_comb(2, 59, 10, 12, 1);
  CHECK_INT(count_lines(), 60 + 59);
  end();
  begin();
  for (int i = 0; i < 5; i++) /* many combs, in rows */
    for (int k = 0; k <= 28; k++) rectangle(10 + 20 * k, 20 + 36 * i, 1, 15);
  for (int i = 0; i < 5; i++) rectangle(10, 35 + 36 * i, 561, 1);
  CHECK_INT(count_lines(), 5 * (29 + 28));
  CHECK_INT(foreground_left(), 0);
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
  draw_comb(30, 6, 42, 30, 2); /* two walls in wrong places */
  for (int k = 2; k <= 3; k++) {
    for (int i = 0; i < 150; i++) memset(page.foreground + i * W + 30 + 42 * k, 0, 2);
    rectangle(45 + 42 * k, 120, 2, 30);
  }
  CHECK_INT(count_lines(), 0);
  end();
  begin();
  rectangle(20, 150, 520, 2); /* every second wall is no comb of half the places */
  for (int k = 0; k <= 130; k++) rectangle(20 + 4 * k, 138, 1, 12);
  CHECK_INT(count_lines(), 0);
  end();
  begin();
  rectangle(20, 150, 500, 2); /* the line goes on beyond the walls */
  for (int k = 0; k <= 5; k++) rectangle(100 + 50 * k, 110, 2, 40);
  rectangle(20, 140, 2, 10);
  rectangle(518, 140, 2, 10);
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
    CHECK_INT(count_lines(), 17);
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
  RUN(test_other_teeth);
  RUN(test_distortions);
  RUN(test_borders);
  RUN(test_sizes);
  RUN(test_no_combs);
  RUN(test_slanted);
  RUN(test_class_map);
  return check_end();
}
