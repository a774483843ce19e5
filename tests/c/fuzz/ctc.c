/* The CTC loss of any scores and labels, and CTC decoding without constraints. */
#include "fuzz/ctc_probabilities.h"
#include "nn/ctc.h"

enum { MAX_STEPS = 24, MAX_CLASSES = 20 };

/* Scores up to those whose exponential overflows. */
static void check_loss(fuzz_input *in) {
  const size_t steps = (size_t)take_between(in, 1, MAX_STEPS);
  const size_t classes = (size_t)take_between(in, 2, MAX_CLASSES),
               length = (size_t)take_byte(in) % 12;
  const double scale = ldexp(1, take_byte(in) % 16 - 4);
  uint8_t *labels = block_of(length), *path = block_of(steps);
  od_real *scores = block_of(steps * classes * sizeof *scores);
  od_real *gradient = block_of(steps * classes * sizeof *gradient);
  for (size_t i = 0; i < length; i++) labels[i] = (uint8_t)((size_t)take_byte(in) % classes);
  for (size_t i = 0; i < steps * classes; i++)
    scores[i] = (od_real)((take_byte(in) - 128) / 16.0 * scale);
  require(od_ctc_best_path(steps, classes, scores, path) <= steps);
  if (od_ctc_min_steps(labels, length, (int)classes - 1) <= steps) {
    void *scratch = block_of(od_ctc_scratch(steps, classes));
    const od_ctc_args args = {steps, classes, scores, labels, length, 0.5, gradient, scratch};
    bool correct;
    require(od_ctc_loss(&args, &correct) >= -1e-3);
    for (size_t t = 0; t < steps; t++) {
      double sum = 0;
      for (size_t c = 0; c < classes; c++) sum += (double)gradient[t * classes + c];
      require(fabs(sum) < 1e-3); /* of softmax minus occupancies; false also for NaN */
    }
    free(scratch);
  }
  free(labels);
  free(path);
  free(scores);
  free(gradient);
}

static void check_symbols(int steps, int count, const od_decoded_symbol *symbols) {
  require(count >= 0 && count <= steps);
  for (int i = 0; i < count; i++) {
    const od_decoded_symbol *s = &symbols[i];
    require(s->value >= 0 && s->value < OD_SYMBOLS);
    require(s->first >= 0 && s->first <= s->last && s->last < steps);
    require(i == 0 || symbols[i - 1].last < s->first);
    for (int c = 0; c < OD_CTC_CLASSES; c++)
      require(s->posteriors[c] >= 0 && s->posteriors[c] < 1.01);
  }
}

static void check_decoding(fuzz_input *in) {
  const int steps = take_between(in, 1, MAX_STEPS);
  od_real *probabilities = take_probabilities(in, steps);
  od_decoded_symbol *symbols = block_of((size_t)steps * sizeof *symbols);
  od_error error = {{0}};
  int count;
  if (succeeded(od_ctc_decode(steps, probabilities, symbols, &count, &error), &error))
    check_symbols(steps, count, symbols);
  if (succeeded(od_ctc_decode_candidates(steps, probabilities, symbols, &count, &error), &error)) {
    check_symbols(steps, count, symbols);
    if (count) od_rescore_symbol(&symbols[0], symbols[count - 1].posteriors, probabilities);
    for (int i = 0; i < steps * OD_CTC_CLASSES; i++) require(isfinite(probabilities[i]));
  }
  free(symbols);
  free(probabilities);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  fuzz_input in = {bytes, size};
  if (take_flag(&in))
    check_loss(&in);
  else
    check_decoding(&in);
  return 0;
}
