/* Symbol boxes: which segments of a line belong to each of its symbols. Private to page/. */
#ifndef OD_PAGE_SYMBOL_BOXES_H
#define OD_PAGE_SYMBOL_BOXES_H

#include <stdbool.h>

#include "page/ctc_decoding.h"
#include "page/line_image.h"
#include "page/page.h"

/* Consecutive segments of the page that are assigned to a symbol; none where its box is only
 * estimated from its columns. */
typedef struct od_segment_range {
  int first, count;
} od_segment_range;

/* Assigns the segments of a line to its decoded symbols (count): ranges (count) and the boxes of
 * symbols (count). Errors: OD_ERROR_MEMORY. */
od_status od_find_symbol_boxes(const od_page *page, const od_text_line *line,
                               const od_line_geometry *geometry, int count,
                               const od_decoded_symbol *decoded, od_symbol *symbols,
                               od_segment_range *ranges, od_error *error);

/* Whether no digit beside it in its line overlaps symbol `index` of symbols (count) horizontally
 * or touches it. Those of a line lie side by side. */
bool od_is_isolated(int count, const od_symbol *symbols, int index);

#endif
