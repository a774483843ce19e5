/* Low-confidence symbols: digits in time steps where blank is the most probable class. */
#include <string.h>

#include "page/ctc_path.h"

static double probability_of(const od_ctc_output *output, int t, int class) {
  return (double)output->probabilities[t * OD_CTC_CLASSES + class];
}

/* Whether the best digit of time step t is also that of its neighbour, where it is more probable:
 * the time step then belongs to the neighbour's symbol. */
static bool belongs_to(const od_ctc_output *output, int t, int neighbour) {
  const int digit = od_column_argmax(output, t, OD_DIGITS);
  return digit == od_column_argmax(output, neighbour, OD_DIGITS) &&
         probability_of(output, t, digit) <= probability_of(output, neighbour, digit);
}

/* Finds the most probable symbol in blank time steps begin..end - 1: its value and its time steps
 * *first..*last. One time step beside symbols of the path stays blank. */
static bool find_symbol(const od_ctc_output *output, int begin, int end, int *value, int *first,
                        int *last) {
  if (begin > 0) begin++;
  if (end < output->steps) end--;
  while (begin > 0 && begin < end && belongs_to(output, begin, begin - 1)) begin++;
  while (end < output->steps && begin < end && belongs_to(output, end - 1, end)) end--;
  if (begin >= end) return false;
  double sum = 0, max = 0;
  *value = 0;
  for (int d = 0; d < OD_DIGITS; d++) {
    const double one = od_path_sum(output, begin, end, d);
    if (one > max) max = one, *value = d;
    sum += one;
  }
  const double blank = od_path_sum(output, begin, end, OD_CTC_BLANK);
  if (!(sum >= OD_LOW_CONFIDENCE * (sum + blank))) return false;
  int peak = begin;
  for (int t = begin; t < end; t++)
    if (probability_of(output, t, *value) > probability_of(output, peak, *value)) peak = t;
  const double level = probability_of(output, peak, *value) / 2; /* full width at half maximum */
  for (*first = peak; *first > begin && probability_of(output, *first - 1, *value) >= level;)
    --*first;
  for (*last = peak; *last + 1 < end && probability_of(output, *last + 1, *value) >= level;)
    ++*last;
  return true;
}

/* Adds symbols to blank time steps begin..end - 1, which lie between symbols or the line's ends. */
static void add_symbols(const od_ctc_output *output, int begin, int end, uint8_t *path) {
  int value, first, last;
  if (!find_symbol(output, begin, end, &value, &first, &last)) return;
  memset(path + first, OD_LOW_CONFIDENCE_BIT | value, (size_t)(last - first + 1));
  add_symbols(output, begin, first, path);
  add_symbols(output, last + 1, end, path);
}

void od_add_low_confidence(const od_ctc_output *output, uint8_t *path) {
  for (int t = 0, begin = 0; t <= output->steps; t++) {
    if (t < output->steps && path[t] == OD_CTC_BLANK) continue;
    if (begin < t) add_symbols(output, begin, t, path);
    begin = t + 1;
  }
}
