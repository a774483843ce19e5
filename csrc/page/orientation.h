/* Orientation: pages whose text lines slant, or that are rotated by quarter turns, are rotated back
 * before they are read, and boxes are mapped back to the caller's image. Private to page/. */
#ifndef OD_PAGE_ORIENTATION_H
#define OD_PAGE_ORIENTATION_H

#include "page/page.h"
#include "page/read.h"
#include "page/symbol_boxes.h"

/* Rotates the image, the foreground and the class map, if there is one, of `source`
 * counterclockwise to those of *rotated, which starts from zeros, and finds its components.
 * `source` is a page after od_page_find_foreground. Errors of this and the next: OD_ERROR_MEMORY.
 */
od_status od_page_rotate(const od_page *source, double degrees, od_page *rotated, od_error *error);

/* Maps the boxes of symbols (count) with segment ranges (count) from a page to the image it was
 * rotated from. */
od_status od_page_map_boxes(const od_page *page, int count, const od_segment_range *ranges,
                            od_symbol *symbols, od_error *error);

/* The angle in degrees by which a page should be rotated to level its lines; 0 if each can be
 * levelled on its own, or if the rotated image were much larger. */
double od_page_find_skew(const od_page *page);

/* Whether most of a page is one line of several digits, so that its text runs horizontally. */
bool od_page_is_one_row(const od_page *page);

/* Keeps the `count` lines of a page with most foreground. */
void od_page_keep_lines(od_page *page, int count);

#endif
