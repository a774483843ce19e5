/* A line as the network sees it: a strip of 32 rows, straightened, digits about 22 rows high;
 * bytes of ink, 0 for the strip's paper and OD_STRIP_INK for its ink. Private to read/. */
#ifndef OD_READ_STRIP_H
#define OD_READ_STRIP_H

#include "read/page.h"
#include "read/read.h"

enum { OD_STRIP_INK = 160 /* the level of full ink */ };

/* Where a strip lies on its page: the centre of its pixel (x, y) is at column
 * left + (x + 0.5) pitch, and in row top + slope (column - left) + (y + 0.5) scale. */
typedef struct od_strip_place {
  double left, top, slope, scale, pitch;
  int width; /* up to OD_READ_WIDTH: what a line has beyond that is not read */
} od_strip_place;

/* The place of a line that is cut into pieces. */
od_strip_place od_strip_find(const od_page *page, const od_text_line *line);

/* The same line, its writing so many times as wide and high, about the same middle row; not wider
 * than a strip has columns. */
od_strip_place od_strip_resize(od_strip_place place, double wider, double higher);

/* Floats of scratch that drawing it takes. */
size_t od_strip_scratch(const od_strip_place *place);

/* The strip (OD_READ_HEIGHT, place->width). */
void od_strip_draw(const od_page *page, const od_strip_place *place, float *scratch,
                   uint8_t *strip);

/* Gray levels (size) of dark ink to bytes of ink, in place: the median is paper; the darkest
 * fiftieth is ink, or what is 20 levels darker than paper. */
void od_strip_level(size_t size, uint8_t *levels);

#endif
