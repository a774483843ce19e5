/* Which ink each digit of a line is, and so its box. Private to read/. */
#ifndef OD_READ_BOXES_H
#define OD_READ_BOXES_H

#include <stdbool.h>

#include "read/page.h"
#include "read/spell.h"
#include "read/strip.h"

/* A digit's ink: neighbours among the page's pieces; none where its box is a guess. */
typedef struct od_ink_run {
  int first, count;
} od_ink_run;

/* Fills in the boxes of a line's digits (count), as spelled, and their ink: runs (count).
 * Errors: OD_ERROR_MEMORY. */
od_status od_find_boxes(const od_page *page, const od_text_line *line, const od_strip_place *place,
                        int count, const od_spelled *spelled, od_read_digit *digits,
                        od_ink_run *runs, od_error *error);

/* Whether no neighbour in its line has a column of the page in common with a digit, or none
 * between: digits (count), line by line, with their boxes. */
bool od_stands_apart(int count, const od_read_digit *digits, int index);

#endif
