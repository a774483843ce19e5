#include "page/ctc_decoding.h"

#include <math.h>

#include "base/memory.h"
#include "page/ctc_path.h"

/* Floors of probabilities, for logarithms and quotients. */
static const double min_probability = 1e-12, min_posterior = 1e-6;

int od_column_argmax(const od_ctc_output *output, int t, int classes) {
  const od_real *p = output->probabilities + t * OD_CTC_CLASSES;
  int best = 0;
  for (int c = 1; c < classes; c++)
    if (p[c] > p[best]) best = c;
  return best;
}

/* Best path decoding (Graves et al., 2006): the most probable class of each time step. */
static void best_path(const od_ctc_output *output, uint8_t *path) {
  for (int t = 0; t < output->steps; t++)
    path[t] = (uint8_t)od_column_argmax(output, t, OD_CTC_CLASSES);
}

/* ---- posteriors ---- */

double od_path_sum(const od_ctc_output *output, int begin, int end, int class) {
  double before = 1, within = 0, after = 0; /* the symbol */
  for (int t = begin; t < end; t++) {
    const od_real *p = output->probabilities + t * OD_CTC_CLASSES;
    const double blank = (double)p[OD_CTC_BLANK], own = (double)p[class];
    after = (after + within) * blank;
    within = (within + before) * own;
    before *= blank;
  }
  return class == OD_CTC_BLANK ? before : within + after;
}

/* Sets the posteriors of a symbol whose neighbours leave it time steps begin..end - 1. */
static void find_posteriors(const od_ctc_output *output, int begin, int end,
                            od_decoded_symbol *symbol) {
  double sum = 0;
  for (int c = 0; c < OD_CTC_CLASSES; c++)
    sum += symbol->posteriors[c] = od_path_sum(output, begin, end, c);
  for (int c = 0; c < OD_CTC_CLASSES; c++)
    symbol->posteriors[c] = sum > 0 ? symbol->posteriors[c] / sum : c == OD_CTC_BLANK;
}

double od_digit_posterior(const double *posteriors) {
  double sum = 0;
  for (int d = 0; d < OD_DIGITS; d++) sum += posteriors[d];
  return fmin(sum, 1);
}

void od_rescore_symbol(const od_decoded_symbol *symbol, const double *posteriors,
                       od_real *probabilities) {
  const double exponent = 1.0 / (symbol->last - symbol->first + 1);
  double factors[OD_CTC_CLASSES];
  for (int c = 0; c < OD_CTC_CLASSES; c++)
    factors[c] = pow(
        fmax(posteriors[c], min_posterior) / fmax(symbol->posteriors[c], min_posterior), exponent);
  for (int t = symbol->first; t <= symbol->last; t++)
    for (int c = 0; c < OD_CTC_CLASSES; c++)
      probabilities[t * OD_CTC_CLASSES + c] *= (od_real)factors[c];
}

/* ---- a line ---- */

/* Collapses a path to symbols: repeated classes are one, blanks none. Returns their number. */
static int collapse(int steps, const uint8_t *path, od_decoded_symbol *symbols) {
  int count = 0;
  for (int t = 0; t < steps; t++) {
    if (path[t] == OD_CTC_BLANK) continue;
    if (t && path[t] == path[t - 1])
      symbols[count - 1].last = t;
    else
      symbols[count++] = (od_decoded_symbol){.value = path[t] & ~OD_LOW_CONFIDENCE_BIT,
                                             .first = t,
                                             .last = t,
                                             .low_confidence = path[t] & OD_LOW_CONFIDENCE_BIT};
  }
  return count;
}

static int symbols_of_path(const od_ctc_output *output, const uint8_t *path,
                           od_decoded_symbol *symbols) {
  const int count = collapse(output->steps, path, symbols);
  for (int i = 0; i < count; i++)
    find_posteriors(output, i ? symbols[i - 1].last + 1 : 0,
                    i + 1 < count ? symbols[i + 1].first : output->steps, &symbols[i]);
  return count;
}

double *od_log_probabilities(const od_ctc_output *output) {
  const size_t size = (size_t)output->steps * OD_CTC_CLASSES;
  double *logs = od_allocate(size, sizeof *logs);
  for (size_t i = 0; logs && i < size; i++)
    logs[i] = log(fmax((double)output->probabilities[i], min_probability));
  return logs;
}

od_status od_ctc_align(int steps, const od_real *probabilities, const od_text *text,
                       od_decoded_symbol *symbols, od_error *error) {
  const od_ctc_output output = {.steps = steps, .probabilities = probabilities};
  uint8_t *path = od_allocate((size_t)steps, 1);
  const od_status status =
      path ? od_align_text(&output, text, path, error) : od_fail_memory(error, "decoding a line");
  if (!status) symbols_of_path(&output, path, symbols);
  od_release(path);
  return status;
}

/* Decodes the most probable path, with low-confidence symbols or without. */
static od_status decode_best_path(int steps, const od_real *probabilities, bool low_confidence,
                                  od_decoded_symbol *symbols, int *count, od_error *error) {
  const od_ctc_output output = {.steps = steps, .probabilities = probabilities};
  uint8_t *path = od_allocate((size_t)steps, 1);
  *count = 0;
  if (!path) return od_fail_memory(error, "decoding a line");
  best_path(&output, path);
  if (low_confidence) od_add_low_confidence(&output, path);
  *count = symbols_of_path(&output, path, symbols);
  od_release(path);
  return OD_OK;
}

od_status od_ctc_decode(int steps, const od_real *probabilities, od_decoded_symbol *symbols,
                        int *count, od_error *error) {
  return decode_best_path(steps, probabilities, false, symbols, count, error);
}

od_status od_ctc_decode_candidates(int steps, const od_real *probabilities,
                                   od_decoded_symbol *symbols, int *count, od_error *error) {
  return decode_best_path(steps, probabilities, true, symbols, count, error);
}
