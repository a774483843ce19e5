/* The output of a line recognizer from bytes. */
#ifndef FUZZ_CTC_PROBABILITIES_H
#define FUZZ_CTC_PROBABILITIES_H

#include "fuzz/input.h"
#include "page/ctc_decoding.h"

/* Probabilities (steps, OD_CTC_CLASSES), each row of sum 1: one or two classes take most of it, in
 * some rows all of it. The caller frees them. */
static inline od_real *take_probabilities(fuzz_input *in, int steps) {
  od_real *probabilities = block_of((size_t)steps * OD_CTC_CLASSES * sizeof *probabilities);
  for (int t = 0; t < steps; t++) {
    const int byte = take_byte(in), first = byte % 32 < OD_CTC_CLASSES ? byte % 32 : OD_CTC_BLANK;
    const int second = take_byte(in) % OD_CTC_CLASSES;
    const double rest = byte / 32 == 7 ? 0 : 0.001 * pow(4, byte / 32 % 5);
    od_real *row = probabilities + t * OD_CTC_CLASSES;
    for (int c = 0; c < OD_CTC_CLASSES; c++) row[c] = (od_real)(rest / 2 / OD_CTC_CLASSES);
    row[second] += (od_real)(rest / 2);
    row[first] += (od_real)(1 - rest);
  }
  return probabilities;
}

#endif
