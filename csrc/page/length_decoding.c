/* Constrained Viterbi search: the most probable path of a given number of symbols. */
#include "base/memory.h"
#include "page/ctc_path.h"

/* Backpointers: the previous time step had the same class (0), blank (1), or digit d (2 + d). */
enum { SAME = 0, FROM_BLANK = 1, FROM_DIGIT = 2 };

/* Extends the paths with `n` symbols by a time step: best (OD_CTC_CLASSES) gets the log probability
 * of the best path that ends in each class, from (OD_CTC_CLASSES) its backpointer. same and fewer
 * (OD_CTC_CLASSES) are the best paths up to the previous time step with n and with n - 1 symbols;
 * fewer is NULL for n = 0. */
static void extend_paths(const double *logs, const double *same, const double *fewer, double *best,
                         int8_t *from) {
  best[OD_CTC_BLANK] = same[OD_CTC_BLANK];
  from[OD_CTC_BLANK] = SAME;
  for (int d = 0; d < OD_DIGITS; d++)
    if (same[d] > best[OD_CTC_BLANK]) {
      best[OD_CTC_BLANK] = same[d];
      from[OD_CTC_BLANK] = (int8_t)(FROM_DIGIT + d);
    }
  best[OD_CTC_BLANK] += logs[OD_CTC_BLANK];
  for (int d = 0; d < OD_DIGITS; d++) {
    best[d] = same[d];
    from[d] = SAME;
    for (int c = 0; fewer && c < OD_CTC_CLASSES; c++)
      if (c != d && fewer[c] > best[d]) {
        best[d] = fewer[c];
        from[d] = (int8_t)(c == OD_CTC_BLANK ? FROM_BLANK : FROM_DIGIT + c);
      }
    best[d] += logs[d];
  }
}

/* Follows the backpointers from (steps, length + 1, OD_CTC_CLASSES) from class `last` after the
 * last time step. */
static void trace_back(int steps, int length, int last, const int8_t *from, uint8_t *path) {
  const size_t states = (size_t)(length + 1) * OD_CTC_CLASSES;
  for (int t = steps - 1, n = length; t >= 0; t--) {
    path[t] = (uint8_t)last;
    const int back = from[(size_t)t * states + (size_t)(n * OD_CTC_CLASSES + last)];
    if (back == SAME) continue;
    if (last != OD_CTC_BLANK) n--;
    last = back == FROM_BLANK ? OD_CTC_BLANK : back - FROM_DIGIT;
  }
}

od_status od_length_path(const od_ctc_output *output, int length, uint8_t *path, bool *found,
                         od_error *error) {
  const size_t states = (size_t)(length + 1) * OD_CTC_CLASSES;
  double *best = od_allocate(2 * states, sizeof *best);
  int8_t *from = od_allocate((size_t)output->steps * states, 1);
  if (!best || !from) {
    od_release(best);
    od_release(from);
    return od_fail_memory(error, "decoding a line");
  }
  double *here = best, *before = best + states;
  for (size_t i = 0; i < states; i++) before[i] = od_impossible;
  before[OD_CTC_BLANK] = 0; /* no symbols before the first time step */
  for (int t = 0; t < output->steps; t++) {
    for (int n = 0; n <= length; n++)
      extend_paths(output->logs + t * OD_CTC_CLASSES, before + n * OD_CTC_CLASSES,
                   n ? before + (n - 1) * OD_CTC_CLASSES : NULL, here + n * OD_CTC_CLASSES,
                   from + (size_t)t * states + (size_t)(n * OD_CTC_CLASSES));
    double *swap = here;
    here = before;
    before = swap;
  }
  const double *end = before + length * OD_CTC_CLASSES;
  int last = OD_CTC_BLANK;
  for (int d = 0; d < OD_DIGITS; d++)
    if (end[d] > end[last]) last = d;
  *found = end[last] > od_impossible / 2;
  if (*found) trace_back(output->steps, length, last, from, path);
  od_release(best);
  od_release(from);
  return OD_OK;
}
