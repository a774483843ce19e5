/* Paths: a class for each time step of a line. Private to the decoders
 * (ctc_decoding.c, automaton_decoding.c, length_bounds.c, alignment.c, low_confidence.c). */
#ifndef OD_PAGE_CTC_PATH_H
#define OD_PAGE_CTC_PATH_H

#include "page/ctc_decoding.h"

/* Bit of a time step's class on a path: it is part of a low-confidence symbol. */
enum { OD_LOW_CONFIDENCE_BIT = 32 };

/* Log probability of impossible paths. */
static const double od_impossible = -1e30;

/* The recognizer's output for a line. */
typedef struct od_ctc_output {
  int steps;
  const od_real *probabilities; /* (steps, OD_CTC_CLASSES) */
} od_ctc_output;

/* The logarithms of the probabilities, (steps, OD_CTC_CLASSES), to be released; NULL without
 * memory. */
double *od_log_probabilities(const od_ctc_output *output);

/* The most probable path (steps) that collapses to the text, by a Viterbi alignment; the text fits
 * into the time steps. Errors: OD_ERROR_MEMORY. */
od_status od_align_text(const od_ctc_output *output, const od_text *text, uint8_t *path,
                        od_error *error);

/* Adds low-confidence symbols to the blank time steps of a path. */
void od_add_low_confidence(const od_ctc_output *output, uint8_t *path);

/* The most probable of the first `classes` classes in time step t; the first of equals. */
int od_column_argmax(const od_ctc_output *output, int t, int classes);

/* Sum of the probabilities of all paths through time steps begin..end - 1 that collapse to one
 * symbol of this class, or of OD_CTC_BLANK to none. */
double od_path_sum(const od_ctc_output *output, int begin, int end, int class);

#endif
