/* Score fusion: the log-linear formulas, the prior by EM, symbols without verification. */
#include <math.h>
#include <string.h>

#include "base/math.h"
#include "check.h"
#include "page/score_fusion.h"

enum { SYMBOLS = 4 };

static od_decoded_symbol decoded[SYMBOLS];
static od_segment_range ranges[SYMBOLS];
static od_fusion_features features[SYMBOLS];
static const od_symbols symbols = {.count = SYMBOLS, .decoded = decoded, .ranges = ranges};

static const od_fusion fusion = {.isolated = {0.5, 0.25, -1, 0.8, 0.4, 2, 0.3, 0.7},
                                 .touching = {1, 0, 1, 0, 0, 0},
                                 .prior_mean = 0.9,
                                 .prior_strength = 4};

/* Verified symbols whose recognizer gives 7 and whose classifier gives `value` 0.75. */
static void fill(int value) {
  for (int i = 0; i < SYMBOLS; i++) {
    ranges[i] = (od_segment_range){i, 1};
    decoded[i] = (od_decoded_symbol){.value = 7};
    decoded[i].posteriors[OD_COMMA] = 0.05;
    decoded[i].posteriors[OD_CTC_BLANK] = 0.2;
    features[i] = (od_fusion_features){.recognizer_odds = 1,
                                       .classifier_odds = -2,
                                       .foreground = -0.5,
                                       .detector_odds = 1.5,
                                       .surroundings_odds = -2.5,
                                       .isolated = true,
                                       .verified = true};
    for (int d = 0; d < OD_DIGITS; d++) {
      decoded[i].posteriors[d] = 0.75 * (d == 7 ? 0.55 : 0.05);
      features[i].recognizer[d] = log(d == 7 ? 0.55 : 0.05);
      features[i].classifier[d] = log(d == value ? 0.75 : 0.25 / 9);
    }
  }
}

static void fuse(bool has_non_digit, const od_fusion *weights, double *posteriors) {
  od_error error;
  CHECK_INT(od_fuse_scores(&symbols, features, has_non_digit, weights, posteriors, &error), OD_OK);
}

static void test_digits(void) {
  double posteriors[SYMBOLS * OD_CTC_CLASSES], expected[OD_DIGITS];
  fill(3);
  features[1].isolated = false;
  fuse(false, &fusion, posteriors);
  for (int d = 0; d < OD_DIGITS; d++)
    expected[d] = 0.5 * features[0].recognizer[d] + 0.25 * features[0].classifier[d];
  od_softmax_double(OD_DIGITS, expected, expected);
  for (int d = 0; d < OD_DIGITS; d++) {
    CHECK(fabs(posteriors[d] - 0.75 * expected[d]) < 1e-12);
    CHECK(fabs(posteriors[OD_CTC_CLASSES + d] - 0.75 * (d == 7 ? 0.55 : 0.05)) < 1e-12);
  }
  CHECK(fabs(posteriors[OD_COMMA] - 0.05) < 1e-12); /* the recognizer's */
  CHECK(fabs(posteriors[OD_CTC_BLANK] - 0.2) < 1e-12);
}

/* A strong prior is kept; without one, EM converges to the proportion that explains the odds. */
static void test_prior(void) {
  double posteriors[SYMBOLS * OD_CTC_CLASSES], sum = 0;
  od_fusion weights = fusion;
  fill(7);
  weights.prior_strength = 1e9;
  fuse(true, &weights, posteriors);
  const double odds = -1 + 0.8 * 1 + 0.4 * -2 + 2 * -0.5 + 0.3 * 1.5 + 0.7 * -2.5 + log(0.9 / 0.1);
  const double digit = 1 / (1 + exp(-odds));
  CHECK(fabs(od_digit_posterior(posteriors) - digit) < 1e-6);
  CHECK(fabs(posteriors[OD_COMMA] - 0.2 * (1 - digit)) < 1e-6); /* shared as the recognizer's */
  CHECK(fabs(posteriors[OD_CTC_BLANK] - 0.8 * (1 - digit)) < 1e-6);
  /* Two symbols of high odds and two of low: half of them are digits. */
  for (int i = 0; i < SYMBOLS; i++) features[i].recognizer_odds = i % 2 ? 20 : -20;
  weights.isolated = (od_fusion_weights){.recognizer_odds = 1};
  weights.prior_strength = 0;
  fuse(true, &weights, posteriors);
  for (int i = 0; i < SYMBOLS; i++) sum += od_digit_posterior(posteriors + i * OD_CTC_CLASSES);
  CHECK(fabs(sum - 2) < 1e-6);
  CHECK(od_digit_posterior(posteriors + OD_CTC_CLASSES) > 1 - 1e-6);
}

static void test_unverified(void) {
  double posteriors[SYMBOLS * OD_CTC_CLASSES];
  fill(3);
  features[0].verified = features[1].verified = false;
  ranges[0].count = 0; /* nothing to verify */
  fuse(true, &fusion, posteriors);
  CHECK(fabs(posteriors[7] - 0.75 * 0.55) < 1e-6);
  CHECK(fabs(posteriors[OD_CTC_BLANK] - 0.2) < 1e-12);
  CHECK(fabs(posteriors[OD_CTC_CLASSES + OD_CTC_BLANK] - 1) < 1e-12);
}

/* Separators keep the recognizer's posteriors. */
static void test_separators(void) {
  double posteriors[SYMBOLS * OD_CTC_CLASSES];
  fill(3);
  features[2].verified = false;
  decoded[2] = (od_decoded_symbol){.value = OD_SLASH};
  decoded[2].posteriors[OD_SLASH] = 0.7;
  decoded[2].posteriors[1] = 0.3;
  fuse(true, &fusion, posteriors);
  const double *of_slash = posteriors + 2 * OD_CTC_CLASSES;
  CHECK(fabs(of_slash[OD_SLASH] - 0.7) < 1e-12);
  CHECK(fabs(of_slash[1] - 0.3) < 1e-12);
}

static void test_invalid_weights(void) {
  od_fusion wrong = fusion;
  od_error error = {{0}};
  CHECK_INT(od_fusion_check(&fusion, &error), OD_OK);
  wrong.touching.foreground = 2 * OD_MAX_FUSION_WEIGHT;
  CHECK_INT(od_fusion_check(&wrong, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "touching_foreground");
  wrong = fusion;
  wrong.isolated.surroundings_odds = NAN;
  CHECK_INT(od_fusion_check(&wrong, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "isolated_surroundings_odds");
  wrong = fusion;
  wrong.prior_mean = NAN;
  CHECK_INT(od_fusion_check(&wrong, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "prior_mean");
  CHECK_INT(od_fusion_check(NULL, &error), OD_ERROR_ARGUMENT);
}

int main(void) {
  RUN(test_digits);
  RUN(test_prior);
  RUN(test_unverified);
  RUN(test_separators);
  RUN(test_invalid_weights);
  return check_end();
}
