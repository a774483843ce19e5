/* CTC decoding: the recognizer's class probabilities for the time steps of a line image to symbols.
 * Private to page/. */
#ifndef OD_PAGE_CTC_DECODING_H
#define OD_PAGE_CTC_DECODING_H

#include <stdbool.h>

#include "base/status.h"
#include "page/read.h"

enum { OD_CTC_BLANK = OD_SYMBOLS };

typedef struct od_decoded_symbol {
  int value;
  int first, last;     /* time steps of its class on the path */
  bool low_confidence; /* blank is more probable */
  /* Probabilities of the classes, from all paths through the time steps between its neighbours;
   * that of blank is of no symbol. */
  double posteriors[OD_CTC_CLASSES];
} od_decoded_symbol;

static inline bool od_is_digit(const od_decoded_symbol *symbol) {
  return symbol->value < OD_DIGITS;
}

/* Decodes probabilities (steps, OD_CTC_CLASSES) to the most probable path: symbols (steps), *count
 * of them. Errors of the functions here: OD_ERROR_MEMORY. */
od_status od_ctc_decode(int steps, const od_real *probabilities, od_decoded_symbol *symbols,
                        int *count, od_error *error);

/* The same with low-confidence symbols, for the classifier to verify: one for blank time steps
 * whose probability of a digit is OD_LOW_CONFIDENCE or more. */
#define OD_LOW_CONFIDENCE 0.02
od_status od_ctc_decode_candidates(int steps, const od_real *probabilities,
                                   od_decoded_symbol *symbols, int *count, od_error *error);

/* Different texts, the most probable first. Start from zeros; release with od_texts_release. */
typedef struct od_text {
  int length;
  uint8_t *symbols;       /* (length) */
  double log_probability; /* of its most probable path */
} od_text;

typedef struct od_texts {
  int count;
  od_text items[OD_MAX_ALTERNATIVES];
} od_texts;

/* Constrained decoding: the most probable texts that the automaton accepts, up to max_count; none
 * if none fits into the time steps. */
od_status od_ctc_find_texts(int steps, const od_real *probabilities, const od_automaton *automaton,
                            int max_count, od_texts *texts, od_error *error);
void od_texts_release(od_texts *texts);

/* Aligns a text, which fits into the time steps, to them: symbols (text->length). */
od_status od_ctc_align(int steps, const od_real *probabilities, const od_text *text,
                       od_decoded_symbol *symbols, od_error *error);

/* Posterior of being a digit, from those of the classes (OD_CTC_CLASSES). */
double od_digit_posterior(const double *posteriors);

/* Rescoring: multiplies the probabilities (steps, OD_CTC_CLASSES) of the symbol's time steps by
 * factors that change its posteriors to `posteriors` (OD_CTC_CLASSES). */
void od_rescore_symbol(const od_decoded_symbol *symbol, const double *posteriors,
                       od_real *probabilities);

#endif
