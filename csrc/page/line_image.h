/* A line as the network sees it: a strip of 32 rows, straightened, digits about 22 rows high;
 * bytes of ink, 0 for the strip's paper and OD_LINE_FOREGROUND for its ink. Private to read/. */
#ifndef OD_PAGE_LINE_IMAGE_H
#define OD_PAGE_LINE_IMAGE_H

#include "page/page.h"
#include "page/read.h"

enum { OD_LINE_FOREGROUND = 160 /* the level of full ink */ };

/* Where a strip lies on its page: the centre of its pixel (x, y) is at column
 * left + (x + 0.5) pitch, and in row top + slope (column - left) + (y + 0.5) scale. */
typedef struct od_line_geometry {
  double left, top, slope, scale, pitch;
  int width; /* up to OD_LINE_MAX_WIDTH: what a line has beyond that is not read */
} od_line_geometry;

/* The place of a line that is cut into pieces. */
od_line_geometry od_line_geometry_find(const od_page *page, const od_text_line *line);

/* The same line, its writing so many times as wide and high, about the same middle row; not wider
 * than a strip has columns. */
od_line_geometry od_line_geometry_resize(od_line_geometry place, double wider, double higher);

/* Floats of scratch that drawing it takes. */
size_t od_line_image_scratch(const od_line_geometry *place);

/* The strip (OD_LINE_HEIGHT, place->width). */
void od_line_image_render(const od_page *page, const od_line_geometry *place, float *scratch,
                   uint8_t *strip);

/* Gray levels (size) of dark ink to bytes of ink, in place: the median is paper; the darkest
 * fiftieth is ink, or what is 20 levels darker than paper. */
void od_line_image_normalize(size_t size, uint8_t *levels);

#endif
