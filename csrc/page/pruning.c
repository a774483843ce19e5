#include "page/pruning.h"

#include "base/math.h"

/* Minimum posterior of separators. */
static const double min_separator = 0.5;

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
  return !od_is_digit(decoded) &&
         posteriors_of(by->posteriors, i)[decoded->value] >= min_separator &&
         (has_digit_beside(by, symbols, i, -1) || has_digit_beside(by, symbols, i, 1));
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
