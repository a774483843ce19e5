/* A page at work: its ink, in pieces that are put into lines. Private to read/. Each step of
 * reading fills in a part of it, in the order of the members; od_page_release frees all. */
#ifndef OD_PAGE_PAGE_H
#define OD_PAGE_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "image/image.h"
#include "digit/components.h"

enum {
  OD_MAX_COMPONENTS = 2000, /* on a page; only the heaviest are looked at */
  OD_MAX_SEGMENTS = 6000   /* on a page */
};

/* Some ink that no digit has only a part of, as far as can be told. */
typedef struct od_segment {
  int left, top, right, bottom; /* its box; right and bottom are the first pixels outside */
  int area, mass;               /* pixels, and the sum of their ink */
  double middle;                /* mean column */
} od_segment;

typedef struct od_text_line {
  int first, count; /* its pieces, from left to right, side by side in the page's */
  double height;    /* of its digits, in pixels */
  int left, top, right, bottom;
} od_text_line;

typedef struct od_page {
  int h, w;
  od_image_workspace imaging; /* its kernels, and its pool or none, are set before the first step */
  const uint8_t *image; /* (h, w): the caller's */
  bool dark;            /* its ink is darker than its paper */
  uint8_t *ink;       /* (h, w) */
  uint8_t *scratch;   /* (h, w) */
  double pen;         /* the width of strokes */
  od_foreground_components strokes; /* labels are of strokes, later of pieces: 1 + index, 0 for none */

  int line_count, piece_count, piece_room;
  od_text_line *lines; /* in reading order */
  od_segment *pieces;    /* (piece_room) */
} od_page;

/* The height up to which strokes (count) hold half of their ink: that of digits, as dots
 * weigh little. None is taller than h. */
od_status od_typical_height(int count, const od_foreground_component *strokes, int h, int *height,
                            od_error *error);

/* Finds the ink of page->image, rules and specks left out. */
od_status od_page_find_foreground(od_page *page, od_error *error);
/* Puts strokes into lines, as pieces. */
od_status od_page_find_lines(od_page *page, od_error *error);
/* Cuts pieces where digits may touch. */
od_status od_page_split_touching(od_page *page, od_error *error);
void od_page_release(od_page *page);

#endif
