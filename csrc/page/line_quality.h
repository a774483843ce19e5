/* Line quality: what tells how probably the whole text of a line is right, beside the confidences
 * of its symbols. Private to page/. */
#ifndef OD_PAGE_LINE_QUALITY_H
#define OD_PAGE_LINE_QUALITY_H

#include "page/line_hypotheses.h"
#include "page/symbols.h"

/* Measures the lines that have hypotheses: qualities (page->line_count), those of other lines stay.
 * posteriors are those of the symbols; digits whose posterior of being one is below min_probability
 * are dropped. Errors: OD_ERROR_MEMORY. */
od_status od_measure_lines(const od_page *page, const od_line_hypotheses *hypotheses,
                           const od_symbols *symbols, const double *posteriors,
                           double min_probability, od_line_quality *qualities, od_error *error);

#endif
