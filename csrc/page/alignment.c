/* Viterbi alignment of a known text to the time steps of a line. */
#include "base/memory.h"
#include "page/ctc_path.h"

/* The states of an alignment (2 * length + 1) are the symbols of the text with blanks before,
 * between and after. */
static int class_of(const od_text *text, int state) {
  return state % 2 ? text->symbols[state / 2] : OD_CTC_BLANK;
}

/* Advances best (states), the log probabilities of the best paths to each state, by a time step;
 * from (states) gets by how many states each is reached. */
static void advance(const od_text *text, const double *logs, double *best, uint8_t *from) {
  for (int s = 2 * text->length; s >= 0; s--) { /* downwards: below s, best is of the step before */
    const int class = class_of(text, s);
    double value = best[s];
    from[s] = 0;
    if (s > 0 && best[s - 1] > value) value = best[s - 1], from[s] = 1;
    if (s > 1 && class != OD_CTC_BLANK && class != class_of(text, s - 2) && best[s - 2] > value)
      value = best[s - 2], from[s] = 2;
    best[s] = value + logs[class];
  }
}

od_status od_align_text(const od_ctc_output *output, const od_text *text, uint8_t *path,
                        od_error *error) {
  const int states = 2 * text->length + 1;
  double *logs = od_log_probabilities(output), *best = od_allocate((size_t)states, sizeof *best);
  uint8_t *from = od_allocate((size_t)states, (size_t)output->steps);
  const bool allocated = logs && best && from;
  for (int s = 1; allocated && s < states; s++) best[s] = od_impossible;
  for (int t = 0; allocated && t < output->steps; t++)
    advance(text, logs + t * OD_CTC_CLASSES, best, from + (size_t)t * (size_t)states);
  if (allocated) {
    int state = states > 1 && best[states - 2] > best[states - 1] ? states - 2 : states - 1;
    for (int t = output->steps - 1; t >= 0; t--) {
      path[t] = (uint8_t)class_of(text, state);
      state -= from[(size_t)t * (size_t)states + (size_t)state];
    }
  }
  od_release(logs);
  od_release(best);
  od_release(from);
  return allocated ? OD_OK : od_fail_memory(error, "decoding a line");
}
