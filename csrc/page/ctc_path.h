/* Paths: a class for each time step of a line. Private to the decoders
 * (ctc_decoding.c, length_decoding.c, lexicon_decoding.c, low_confidence.c). */
#ifndef OD_PAGE_CTC_PATH_H
#define OD_PAGE_CTC_PATH_H

#include "page/ctc_decoding.h"

/* Bit of a time step's class on a path: it is part of a low-confidence symbol. */
enum { OD_LOW_CONFIDENCE_BIT = 16 };

/* Log probability of impossible paths. */
static const double od_impossible = -1e30;

/* The recognizer's output for a line. */
typedef struct od_ctc_output {
  int steps;
  const od_real *probabilities; /* (steps, OD_CTC_CLASSES) */
  double *logs;                 /* (steps, OD_CTC_CLASSES), with constraints */
} od_ctc_output;

/* The most probable path (steps) that collapses to a text of `length` symbols, by a Viterbi
 * search whose states are the symbols so far and the last class; *found: there is one. Errors:
 * OD_ERROR_MEMORY. */
od_status od_length_path(const od_ctc_output *output, int length, uint8_t *path, bool *found,
                         od_error *error);

/* The most probable path that collapses to a word of the lexicon. Errors: OD_ERROR_MEMORY. */
od_status od_lexicon_path(const od_ctc_output *output, const od_read_options *options,
                          uint8_t *path, bool *found, od_error *error);

/* Adds low-confidence symbols to the blank time steps of a path. */
void od_add_low_confidence(const od_ctc_output *output, uint8_t *path);

/* The most probable of the first `classes` classes in time step t; the first of equals. */
int od_column_argmax(const od_ctc_output *output, int t, int classes);

/* Sum of the probabilities of all paths through time steps begin..end - 1 that collapse to one
 * symbol of this class, or of OD_CTC_BLANK to none. */
double od_path_sum(const od_ctc_output *output, int begin, int end, int class);

#endif
