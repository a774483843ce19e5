#include "page/score_fusion.h"

#include <math.h>

#include "base/math.h"
#include "base/memory.h"

enum { EM_ITERATIONS = 20 };

/* Floor of probabilities in features. */
static const double min_probability = 1e-6;
/* The same for those of the detector, which are bytes. */
static const double min_number_probability = 1.0 / 256;
/* The detector's log odds in the boxes of most digits. */
static const double most_digits = 4;

/* Surroundings of a symbol, in heights of its box. */
static const double beside = 2, above = 0.25;

static double log_probability(double p) { return log(fmax(p, min_probability)); }
static double log_odds(double p) { return od_log_odds(p, min_probability); }

/* ---- weights ---- */

static od_status check_weight(const char *set, const char *name, double weight, od_error *error) {
  if (weight >= -OD_MAX_FUSION_WEIGHT && weight <= OD_MAX_FUSION_WEIGHT) return OD_OK;
  return od_fail(error, OD_ERROR_ARGUMENT, "fusion: %s%s is %g, expected -%g to %g", set, name,
                 weight, OD_MAX_FUSION_WEIGHT, OD_MAX_FUSION_WEIGHT);
}

static od_status check_weights(const char *set, const od_fusion_weights *weights, od_error *error) {
  od_status status = check_weight(set, "recognizer", weights->recognizer, error);
  if (!status) status = check_weight(set, "classifier", weights->classifier, error);
  if (!status) status = check_weight(set, "bias", weights->bias, error);
  if (!status) status = check_weight(set, "recognizer_odds", weights->recognizer_odds, error);
  if (!status) status = check_weight(set, "classifier_odds", weights->classifier_odds, error);
  if (!status) status = check_weight(set, "foreground", weights->foreground, error);
  if (!status) status = check_weight(set, "detector_odds", weights->detector_odds, error);
  if (!status) status = check_weight(set, "surroundings_odds", weights->surroundings_odds, error);
  return status;
}

od_status od_fusion_check(const od_fusion *fusion, od_error *error) {
  if (!fusion)
    return od_fail(error, OD_ERROR_ARGUMENT, "fusion: got none, required with a classifier");
  od_status status = check_weights("isolated_", &fusion->isolated, error);
  if (!status) status = check_weights("touching_", &fusion->touching, error);
  if (!status) status = check_weight("", "prior_mean", fusion->prior_mean, error);
  if (!status) status = check_weight("", "prior_strength", fusion->prior_strength, error);
  if (!status) status = check_weight("", "min_probability", fusion->min_probability, error);
  return status;
}

/* ---- features ---- */

/* The proportion of each line's foreground that is in symbols: proportions (hypotheses). */
static void foreground_proportions(const od_page *page, const od_line_hypotheses *hypotheses,
                                   const od_symbols *symbols, double *proportions) {
  for (int i = 0; i < symbols->count; i++)
    proportions[symbols->hypotheses[i]] +=
        (double)od_page_mass(page, symbols->ranges[i].first, symbols->ranges[i].count);
  for (int i = 0; i < hypotheses->count; i++) {
    const od_text_line *line = &page->lines[hypotheses->items[i].line];
    const int64_t mass = od_page_mass(page, line->first, line->count);
    proportions[i] = mass > 0 ? proportions[i] / (double)mass : 0;
  }
}

/* The detector's log odds of number in the cells of writing in a symbol's box, and around it up to
 * so many of its heights. Without a detector, they are those of most digits. */
static double detector_odds(const od_page *page, const od_symbol *box, double x_heights,
                            double y_heights) {
  const od_class_map *cells = &page->class_map;
  if (!cells->classes) return most_digits;
  const int height = box->bottom - box->top;
  const int dx = (int)(x_heights * height), dy = (int)(y_heights * height);
  const od_cell_window at =
      od_cells_under(cells, box->left - dx, box->top - dy, box->right + dx, box->bottom + dy);
  double sum = 0;
  int count = 0;
  for (int i = at.top; i <= at.bottom; i++)
    for (int j = at.left; j <= at.right; j++) {
      const size_t cell = od_cell(cells, i, j);
      if (cells->classes[cell] != OD_PIXEL_NUMBER && cells->classes[cell] != OD_PIXEL_WRITING)
        continue;
      sum += cells->numbers[cell];
      count++;
    }
  return count ? od_log_odds(sum / (255.0 * count), min_number_probability) : 0;
}

od_status od_find_fusion_features(const od_page *page, const od_line_hypotheses *hypotheses,
                                  const od_symbols *symbols, const od_verification *verification,
                                  od_fusion_features *features, od_error *error) {
  double *proportions = od_allocate((size_t)hypotheses->count, sizeof *proportions);
  if (!proportions) return od_fail_memory(error, "the features of symbols");
  foreground_proportions(page, hypotheses, symbols, proportions);
  for (int i = 0; i < symbols->count; i++) {
    const float *classifier = od_verified_probabilities(verification, i);
    const od_decoded_symbol *recognizer = &symbols->decoded[i];
    od_fusion_features *f = &features[i];
    const double digit = od_digit_posterior(recognizer->posteriors);
    for (int d = 0; d < OD_DIGITS; d++) {
      f->recognizer[d] =
          log_probability(digit > 0 ? recognizer->posteriors[d] / digit : 1.0 / OD_DIGITS);
      f->classifier[d] = log_probability((double)classifier[d]);
    }
    f->recognizer_odds = log_odds(digit);
    f->classifier_odds = log_odds(1 - (double)classifier[OD_NON_DIGIT]);
    f->foreground = log_probability(proportions[symbols->hypotheses[i]]);
    f->detector_odds = detector_odds(page, &symbols->results[i], 0, 0);
    f->surroundings_odds = detector_odds(page, &symbols->results[i], beside, above);
    f->isolated = od_is_isolated(symbols->count, symbols->results, i);
    f->verified = od_is_verified(verification, i);
  }
  od_release(proportions);
  return OD_OK;
}

/* ---- fusion ---- */

static const od_fusion_weights *weights_for(const od_fusion_features *f, const od_fusion *fusion) {
  return f->isolated ? &fusion->isolated : &fusion->touching;
}

/* Probabilities (OD_DIGITS) of each digit, given that it is one. */
static void fuse_digits(const od_fusion_features *f, const od_fusion_weights *weights,
                        double *probabilities) {
  double logs[OD_DIGITS];
  for (int d = 0; d < OD_DIGITS; d++)
    logs[d] = weights->recognizer * f->recognizer[d] + weights->classifier * f->classifier[d];
  od_softmax_double(OD_DIGITS, logs, probabilities);
}

/* Log odds that it is a digit, if digits and non-digits are equally frequent. */
static double fuse_odds(const od_fusion_features *f, const od_fusion_weights *weights) {
  return weights->bias + weights->recognizer_odds * f->recognizer_odds +
         weights->classifier_odds * f->classifier_odds + weights->foreground * f->foreground +
         weights->detector_odds * f->detector_odds +
         weights->surroundings_odds * f->surroundings_odds;
}

/* Log odds of the proportion of digits among verified symbols (count), by EM (Saerens, Latinne and
 * Decaestecker, 2002) with a Beta prior. odds (count) are for equal proportions. */
static double estimate_prior(int count, const od_fusion_features *features, const double *odds,
                             const od_fusion *fusion) {
  double prior = fusion->prior_mean;
  for (int iteration = 0; iteration < EM_ITERATIONS; iteration++) {
    double digits = fusion->prior_strength * fusion->prior_mean, total = fusion->prior_strength;
    for (int i = 0; i < count; i++) {
      if (!features[i].verified) continue;
      digits += od_sigmoid(odds[i] + log_odds(prior));
      total++;
    }
    if (total > 0) prior = digits / total;
  }
  return log_odds(prior);
}

/* Posteriors (OD_CTC_CLASSES) of a verified digit from the probabilities of the digits, given that
 * it is one, and of being one. What is left is shared by the other classes as the recognizer's is.
 */
static void share_posteriors(const od_decoded_symbol *decoded, const double *digits, double digit,
                             double *posteriors) {
  double rest = 0;
  for (int c = OD_DIGITS; c < OD_CTC_CLASSES; c++) rest += decoded->posteriors[c];
  for (int d = 0; d < OD_DIGITS; d++) posteriors[d] = digit * digits[d];
  for (int c = OD_DIGITS; c < OD_CTC_CLASSES; c++)
    posteriors[c] = (1 - digit) * (rest > 0 ? decoded->posteriors[c] / rest : c == OD_CTC_BLANK);
}

/* Sets the posteriors of a symbol; log_odds are those of being a digit. */
static void fuse_symbol(const od_symbols *symbols, int index, const od_fusion_features *f,
                        const od_fusion *fusion, const double *log_odds, double *posteriors) {
  const od_decoded_symbol *decoded = &symbols->decoded[index];
  double digits[OD_DIGITS];
  if (f->verified) {
    fuse_digits(f, weights_for(f, fusion), digits);
    share_posteriors(decoded, digits,
                     log_odds ? od_sigmoid(*log_odds) : od_digit_posterior(decoded->posteriors),
                     posteriors);
    return;
  }
  const bool unverified = od_is_digit(decoded) && symbols->ranges[index].count;
  for (int c = 0; c < OD_CTC_CLASSES; c++)
    posteriors[c] = unverified ? c == OD_CTC_BLANK : decoded->posteriors[c];
}

od_status od_fuse_scores(const od_symbols *symbols, const od_fusion_features *features,
                         bool has_non_digit, const od_fusion *fusion, double *posteriors,
                         od_error *error) {
  double *odds = od_allocate((size_t)symbols->count, sizeof *odds);
  if (!odds) return od_fail_memory(error, "the fusion of scores");
  for (int i = 0; i < symbols->count; i++)
    odds[i] = fuse_odds(&features[i], weights_for(&features[i], fusion));
  const double prior = has_non_digit ? estimate_prior(symbols->count, features, odds, fusion) : 0;
  for (int i = 0; i < symbols->count; i++, posteriors += OD_CTC_CLASSES) {
    odds[i] += prior;
    fuse_symbol(symbols, i, &features[i], fusion, has_non_digit ? &odds[i] : NULL, posteriors);
  }
  od_release(odds);
  return OD_OK;
}
