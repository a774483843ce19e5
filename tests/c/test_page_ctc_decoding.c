/* CTC decoding: best path, posteriors, low-confidence symbols. */
#include "ctc_cases.h"

/* With one column, a symbol's posteriors are the probabilities of that column. */
static void test_posteriors(void) {
  const uint8_t classes[] = {OD_CTC_BLANK, 3, OD_CTC_BLANK};
  od_real probabilities[3 * OD_CTC_CLASSES] = {0};
  for (int t = 0; t < 3; t++) probabilities[t * OD_CTC_CLASSES + classes[t]] = 1;
  probabilities[OD_CTC_CLASSES + 3] = (od_real)0.5;
  probabilities[OD_CTC_CLASSES + OD_SLASH] = (od_real)0.1;
  probabilities[OD_CTC_CLASSES + 8] = (od_real)0.3;
  probabilities[OD_CTC_CLASSES + OD_CTC_BLANK] = (od_real)0.1;
  od_decoded_symbol symbols[3];
  od_error error = {{0}};
  int count;
  CHECK_INT(od_ctc_decode(3, probabilities, symbols, &count, &error), OD_OK);
  if (!CHECK_INT(count, 1)) return;
  const double *posteriors = symbols[0].posteriors;
  CHECK_INT(symbols[0].value, 3);
  CHECK(fabs(posteriors[3] - 0.5) < 1e-5);
  CHECK(fabs(posteriors[8] - 0.3) < 1e-5);
  CHECK(fabs(posteriors[OD_SLASH] - 0.1) < 1e-5);
  CHECK(fabs(posteriors[OD_CTC_BLANK] - 0.1) < 1e-5);
  CHECK(fabs(od_digit_posterior(posteriors) - 0.8) < 1e-5);
}

/* Gives each column the digit of `digits` with probability p, else blank; '-' leaves it. */
static void fill_digits(int steps, const char *digits, double p, od_real *probabilities) {
  for (int t = 0; t < steps; t++) {
    if (digits[t] == '-') continue;
    for (int c = 0; c < OD_CTC_CLASSES; c++) probabilities[t * OD_CTC_CLASSES + c] = 0;
    probabilities[t * OD_CTC_CLASSES + digits[t] - '0'] = (od_real)p;
    probabilities[t * OD_CTC_CLASSES + OD_CTC_BLANK] = (od_real)(1 - p);
  }
}

/* Candidates include low-confidence symbols, except the trailing time steps of another symbol and
 * those of negligible probability. */
static void test_low_confidence(void) {
  enum { STEPS = 14 };
  static const struct {
    const char *digits;
    double p;
    const char *expected;
  } cases[] = {{"--------------", 0, "4"},     {"---55---------", 0.1, "54"},
               {"---55-----7---", 0.3, "547"}, {"-5-8----------", 0.4, "584"},
               {"---55---------", 0.005, "4"}, {"--------44----", 0.1, "4"},
               {"----44--------", 0.1, "4"},   {"--------47----", 0.3, "47"},
               {"-----------444", 0.2, "44"},  {"--------7-----", 0.4, "4"}};
  uint8_t classes[STEPS];
  memset(classes, OD_CTC_BLANK, sizeof classes);
  classes[6] = classes[7] = 4;
  od_real probabilities[STEPS * OD_CTC_CLASSES];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    od_decoded_symbol symbols[STEPS];
    od_error error = {{0}};
    int count;
    CHECK_CASE("case %zu", i);
    fill_steps(STEPS, classes, 0.9999, probabilities);
    fill_digits(STEPS, cases[i].digits, cases[i].p, probabilities);
    check_decoded(probabilities, STEPS, "4");
    CHECK_INT(od_ctc_decode_candidates(STEPS, probabilities, symbols, &count, &error), OD_OK);
    check_text(count, symbols, cases[i].expected);
    for (int k = 0; k < count; k++) CHECK_INT(symbols[k].low_confidence, symbols[k].first != 6);
  }
}

int main(void) {
  RUN(test_posteriors);
  RUN(test_low_confidence);
  return check_end();
}
