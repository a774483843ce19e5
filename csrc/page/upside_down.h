/* Whether the lines of a page read better upside down. Private to page/. */
#ifndef OD_PAGE_UPSIDE_DOWN_H
#define OD_PAGE_UPSIDE_DOWN_H

#include "page/line_hypotheses.h"
#include "page/page.h"

/* Recognizes the largest lines of a page upside down, up to max_lines, and sets *upright if clearly
 * fewer digits are expected to be right than in the hypotheses, one per line, of the page as it is.
 * Costs little, unlike reading a rotated page. Errors: OD_ERROR_MEMORY. */
od_status od_lines_are_upright(const od_page *page, const od_line_hypotheses *hypotheses,
                               int max_lines, const od_reader *reader, od_thread_pool *pool,
                               bool *upright, od_error *error);

#endif
