/* Recognizer outputs for tests of CTC decoding. */
#ifndef CTC_CASES_H
#define CTC_CASES_H

#include <math.h>
#include <string.h>

#include "check.h"
#include "page/ctc_decoding.h"

/* Fills probabilities (steps, OD_CTC_CLASSES): p for the column's class, the rest shared equally
 * by the others. */
static inline void fill_steps(int steps, const uint8_t *classes, double p, od_real *probabilities) {
  for (int t = 0; t < steps; t++)
    for (int c = 0; c < OD_CTC_CLASSES; c++)
      probabilities[t * OD_CTC_CLASSES + c] =
          (od_real)(c == classes[t] ? p : (1 - p) / (OD_CTC_CLASSES - 1));
}

static inline void check_text(int count, const od_decoded_symbol *symbols, const char *expected) {
  if (!CHECK_INT(count, (int)strlen(expected))) return;
  for (int i = 0; i < count; i++) CHECK_INT(symbols[i].value, expected[i] - '0');
}

static inline void check_decoded(const od_real *probabilities, int steps, const char *expected) {
  od_decoded_symbol symbols[16];
  od_error error = {{0}};
  int count;
  CHECK_INT(od_ctc_decode(steps, probabilities, symbols, &count, &error), OD_OK);
  check_text(count, symbols, expected);
}

#endif
