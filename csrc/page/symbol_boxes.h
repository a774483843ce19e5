/* Which ink each digit of a line is, and so its box. Private to read/. */
#ifndef OD_PAGE_SYMBOL_BOXES_H
#define OD_PAGE_SYMBOL_BOXES_H

#include <stdbool.h>

#include "page/page.h"
#include "page/ctc_decoding.h"
#include "page/line_image.h"

/* A digit's ink: neighbours among the page's pieces; none where its box is a guess. */
typedef struct od_segment_run {
  int first, count;
} od_segment_run;

/* Fills in the boxes of a line's digits (count), as spelled, and their ink: runs (count).
 * Errors: OD_ERROR_MEMORY. */
od_status od_find_symbol_boxes(const od_page *page, const od_text_line *line, const od_line_geometry *place,
                        int count, const od_decoded_symbol *spelled, od_read_digit *digits,
                        od_segment_run *runs, od_error *error);

/* Whether no neighbour in its line has a column of the page in common with a digit, or none
 * between: digits (count), line by line, with their boxes. */
bool od_is_isolated(int count, const od_read_digit *digits, int index);

#endif
