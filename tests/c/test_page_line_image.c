/* Line images: geometry at other scales, normalization of levels. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "page/line_image.h"

static void test_resize(void) {
  const od_line_geometry line = {.left = 5, .top = 7, .scale_x = 2, .scale_y = 2, .width = 400};
  const od_line_geometry wide = od_line_geometry_resize(line, 1.25, 1);
  const od_line_geometry wider = od_line_geometry_resize(line, 3, 3);
  const od_line_geometry small = od_line_geometry_resize(line, 0.8, 0.8);
  CHECK_INT(wide.width, 500);
  CHECK(fabs(wide.scale_x - 1.6) < 1e-9);
  CHECK(fabs(wide.scale_y - 2) < 1e-9);
  CHECK_INT(wide.width % OD_CTC_STRIDE, 0);
  CHECK_INT(wider.width, OD_LINE_MAX_WIDTH); /* not 1,200 */
  CHECK(fabs(wider.scale_x - 2 * 400.0 / OD_LINE_MAX_WIDTH) < 1e-9);
  CHECK(fabs(wider.scale_y - 2 / 3.0) < 1e-9);
  CHECK(fabs(small.scale_x - 2.5) < 1e-9);
  CHECK(fabs(small.scale_y - 2.5) < 1e-9);
  CHECK_INT(small.width, 320);
  const double middle = 7 + 0.5 * OD_LINE_HEIGHT * 2;
  CHECK(fabs(small.top + 0.5 * OD_LINE_HEIGHT * 2.5 - middle) < 1e-9);
}

static void test_normalize(void) {
  uint8_t levels[200];
  for (int i = 0; i < 200; i++) levels[i] = (uint8_t)(i < 20 ? 50 : i < 30 ? 150 : 200 + i % 2);
  od_line_image_normalize(200, levels);
  CHECK_INT(levels[0], OD_LINE_FOREGROUND);
  CHECK_INT(levels[25], (50 * OD_LINE_FOREGROUND + 75) / 150);
  CHECK_INT(levels[199], 0);
  memset(levels, 77, sizeof levels);
  od_line_image_normalize(200, levels);
  CHECK_INT(levels[100], 0);
}

int main(void) {
  RUN(test_resize);
  RUN(test_normalize);
  return check_end();
}
