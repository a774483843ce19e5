/* The symbols of a page while it is read. Private to page/. */
#ifndef OD_PAGE_SYMBOLS_H
#define OD_PAGE_SYMBOLS_H

#include "page/ctc_decoding.h"
#include "page/line_hypotheses.h"
#include "page/symbol_boxes.h"

/* Start from zeros; release with od_symbols_release. Symbols of a line lie side by side. */
typedef struct od_symbols {
  int count;
  int *hypotheses;            /* (count): index of the hypothesis that each was decoded from */
  od_decoded_symbol *decoded; /* (count) */
  od_segment_range *ranges;   /* (count) */
  od_symbol *results;         /* (count) */
  int alternative_count;
  od_alternative *alternatives; /* (alternative_count), if decoded with an automaton */
} od_symbols;

/* Decodes the hypotheses, one per line, and finds the boxes of the symbols. If options is NULL,
 * decoding is unconstrained and adds low-confidence symbols, if they have segments of their own.
 * Texts without symbols are left out. Errors: OD_ERROR_MEMORY. */
od_status od_symbols_decode(const od_page *page, const od_line_hypotheses *hypotheses,
                            const od_read_options *options, od_symbols *symbols, od_error *error);
/* Sets a symbol's probabilities from posteriors (OD_CTC_CLASSES); its value stays. */
void od_set_posteriors(const double *posteriors, od_symbol *symbol);

void od_symbols_release(od_symbols *symbols);

#endif
