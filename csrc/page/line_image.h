/* Line images, the recognizer's input: a text line resampled to 32 rows, its slope rectified, its
 * digits about 22 rows high. Pixels are foreground levels, 0 for the background and
 * OD_LINE_FOREGROUND for the foreground of the line. Private to page/. */
#ifndef OD_PAGE_LINE_IMAGE_H
#define OD_PAGE_LINE_IMAGE_H

#include <stdbool.h>

#include "page/page.h"
#include "page/read.h"

enum { OD_LINE_FOREGROUND = 160 };

/* Where a line image lies on its page: the centre of its pixel (x, y) is at column
 * left + (x + 0.5) scale_x, and in row top + slope (column - left) + (y + 0.5) scale_y. */
typedef struct od_line_geometry {
  double left, top, slope, scale_x, scale_y;
  int first_label, last_label;           /* of the line's segments */
  bool cut_above, cut_below, cut_beside; /* the page's edge may cut strokes of the line there, … */
  int paper;                             /* … beyond which pixels have this level */
  int width; /* up to OD_LINE_MAX_WIDTH; the rest of a longer line is not read */
} od_line_geometry;

/* The geometry of a line after segmentation. */
od_line_geometry od_line_geometry_find(const od_page *page, const od_text_line *line);

/* The geometry whose writing is wider and higher by these factors about the same middle row; the
 * image is not wider than OD_LINE_MAX_WIDTH. */
od_line_geometry od_line_geometry_resize(od_line_geometry geometry, double wider, double higher);

/* Size of the scratch memory of od_line_image_render, in floats. */
size_t od_line_image_scratch(const od_line_geometry *geometry);

/* Renders the line to image (OD_LINE_HEIGHT, geometry->width). Beyond the page, its edge pixels are
 * replicated, but strokes of the line that the edge cuts are not prolonged. */
void od_line_image_render(const od_page *page, const od_line_geometry *geometry, float *scratch,
                          uint8_t *image);

/* Converts gray levels (size) of dark writing to foreground levels, in place. The background is the
 * median level; the foreground is the 2nd percentile, at least 20 levels darker. */
void od_line_image_normalize(size_t size, uint8_t *levels);

#endif
