#include "page/pruning.h"

#include "base/math.h"

/* Minimum posterior of separators between two digits, and before or after all digits, where a speck
 * or a stroke beside the number is more probable. */
static const double min_between = 0.5, min_outside = 0.8;

static const double *posteriors_of(const double *posteriors, int i) {
  return posteriors + (size_t)i * OD_CTC_CLASSES;
}

/* What symbols are kept by. */
typedef struct pruning {
  const od_fusion_features *features;
  bool has_non_digit;
  double min_probability;
  const double *posteriors;
} pruning;

static bool is_probable_digit(const pruning *by, const od_symbols *symbols, int i) {
  const bool verified = by->features[i].verified && by->has_non_digit;
  return od_is_digit(&symbols->decoded[i]) && (!symbols->decoded[i].low_confidence || verified) &&
         od_digit_posterior(posteriors_of(by->posteriors, i)) >= by->min_probability;
}

/* Whether the nearest symbol that is no separator, before symbol i of a line (step -1) or after it
 * (step 1), is a probable digit. */
static bool has_digit_beside(const pruning *by, const od_symbols *symbols, int i, int step) {
  const int line = symbols->hypotheses[i];
  for (i += step; i >= 0 && i < symbols->count && symbols->hypotheses[i] == line; i += step)
    if (od_is_digit(&symbols->decoded[i])) return is_probable_digit(by, symbols, i);
  return false;
}

static bool is_probable_separator(const pruning *by, const od_symbols *symbols, int i) {
  const od_decoded_symbol *decoded = &symbols->decoded[i];
  if (od_is_digit(decoded)) return false;
  const int beside = has_digit_beside(by, symbols, i, -1) + has_digit_beside(by, symbols, i, 1);
  const double posterior = posteriors_of(by->posteriors, i)[decoded->value];
  return beside > 0 && posterior >= (beside == 2 ? min_between : min_outside);
}

void od_keep_probable(const od_fusion_features *features, bool has_non_digit,
                      double min_probability, const double *posteriors, od_symbols *symbols) {
  const pruning by = {features, has_non_digit, min_probability, posteriors};
  int kept = 0;
  for (int i = 0; i < symbols->count; i++) {
    const bool digit = is_probable_digit(&by, symbols, i);
    if (!digit && !is_probable_separator(&by, symbols, i)) continue;
    const double *p = posteriors_of(posteriors, i);
    od_symbol *symbol = &symbols->results[kept];
    *symbol = symbols->results[i];
    symbols->ranges[kept++] = symbols->ranges[i];
    if (digit) symbol->value = (int)od_argmax_double(OD_DIGITS, p);
    od_set_posteriors(p, symbol);
  }
  symbols->count = kept;
}
