/* The lines of combs: erased before the detector sees the page, then marked in its class map.
 * Private to page/. */
#ifndef OD_PAGE_COMB_LINES_H
#define OD_PAGE_COMB_LINES_H

#include "page/page.h"

/* A line, from its foot upwards, or from left to right. */
typedef struct od_comb_line {
  bool upright;
  double x, y;  /* of its first pixel */
  double slant; /* change of x, or of y, with each pixel */
  int length;   /* pixels */
  int half;     /* pixels on either side of its middle */
} od_comb_line;

/* The lines of all combs of a page; release with od_comb_lines_release. */
typedef struct od_comb_lines {
  int count;
  od_comb_line *items; /* (count) */
} od_comb_lines;

/* Erases lines from the foreground and from page->image; strokes that cross them stay whole.
 * Errors: OD_ERROR_MEMORY. */
od_status od_page_erase_comb_lines(od_page *page, const od_comb_lines *lines, od_error *error);

/* Marks lines in the class map as ruling lines, if there is a map. */
void od_page_mark_comb_lines(od_page *page, const od_comb_lines *lines);

void od_comb_lines_release(od_comb_lines *lines);

#endif
