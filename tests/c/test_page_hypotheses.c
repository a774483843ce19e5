/* Multi-scale hypotheses: the vote on the symbols of a line. */
#include "ctc_cases.h"
#include "page/line_hypotheses.h"

enum { VOTE_STEPS = 5, VOTERS = 3 };

/* Votes on hypotheses whose texts have a digit or blank (-) for each column, with probability p
 * each; *winner is the line that is kept. */
static void vote(const char *const *texts, const double *p, od_real *probabilities,
                 od_line_hypothesis *winner) {
  od_line_hypothesis items[VOTERS];
  for (int k = 0; k < VOTERS; k++) {
    uint8_t classes[VOTE_STEPS];
    for (int t = 0; t < VOTE_STEPS; t++)
      classes[t] = (uint8_t)(texts[k][t] == '-' ? OD_CTC_BLANK : texts[k][t] - '0');
    items[k] = (od_line_hypothesis){.line = k, .steps = VOTE_STEPS, .probabilities = probabilities};
    fill_steps(VOTE_STEPS, classes, p[k], probabilities);
    probabilities += VOTE_STEPS * OD_CTC_CLASSES;
  }
  od_line_hypotheses hypotheses = {.per_line = VOTERS, .count = VOTERS, .items = items};
  od_error error = {{0}};
  CHECK_INT(od_hypotheses_vote(&hypotheses, &error), OD_OK);
  CHECK_INT(hypotheses.per_line, 1);
  CHECK_INT(hypotheses.count, 1);
  *winner = items[0];
}

static void test_votes(void) {
  static const struct {
    const char *texts[VOTERS];
    double p[VOTERS];
    const char *expected;
    int winner;
  } cases[] = {
      {{"-1-7-", "-1-7-", "-1-7-"}, {0.9, 0.5, 0.6}, "17", 0},
      {{"-1-7-", "-1-2-", "-1-2-"}, {0.7, 0.7, 0.7}, "12", 0}, /* two to one on a digit */
      {{"-1-7-", "-1-2-", "-1-2-"}, {0.98, 0.3, 0.3}, "17", 0},
      {{"-1---", "-1-2-", "1--2-"}, {0.7, 0.7, 0.7}, "12", 1}, /* and on the number of symbols */
      {{"-1---", "-1-2-", "1--2-"}, {0.98, 0.5, 0.5}, "1", 0},
      {{"-35--", "-3-3-", "-3-3-"}, {0.5, 0.9, 0.9}, "35", 0}, /* adjacent: not collapsed to 3 */
      {{"-35--", "-3-5-", "-3-5-"}, {0.5, 0.9, 0.9}, "35", 0},
      {{"-----", "--3--", "--3--"}, {0.97, 0.3, 0.3}, "", 0},
      {{"-----", "--3--", "--3--"}, {0.5, 0.9, 0.9}, "3", 1},
  };
  od_real probabilities[VOTERS * VOTE_STEPS * OD_CTC_CLASSES];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    od_line_hypothesis winner;
    CHECK_CASE("case %d", (int)i);
    vote(cases[i].texts, cases[i].p, probabilities, &winner);
    CHECK_INT(winner.line, cases[i].winner);
    check_decoded(winner.probabilities, VOTE_STEPS, cases[i].expected);
  }
}

static void decode_one(const od_real *probabilities, od_decoded_symbol *symbol) {
  od_error error = {{0}};
  int count;
  CHECK_INT(od_ctc_decode(VOTE_STEPS, probabilities, symbol, &count, &error), OD_OK);
  CHECK_INT(count, 1);
}

/* A symbol is rescored to the geometric mean of the posteriors. */
static void test_mean(void) {
  static const char *const texts[] = {"-1---", "-1---", "-1---"};
  static const double p[] = {0.9, 0.5, 0.6};
  const uint8_t classes[] = {OD_CTC_BLANK, 1, OD_CTC_BLANK, OD_CTC_BLANK, OD_CTC_BLANK};
  od_real probabilities[VOTERS * VOTE_STEPS * OD_CTC_CLASSES];
  od_real before[VOTE_STEPS * OD_CTC_CLASSES];
  od_decoded_symbol symbol[VOTE_STEPS];
  od_line_hypothesis winner;
  double logs[OD_CTC_CLASSES] = {0}, sum = 0;
  for (int k = 0; k < VOTERS; k++) {
    fill_steps(VOTE_STEPS, classes, p[k], before);
    decode_one(before, symbol);
    for (int c = 0; c < OD_CTC_CLASSES; c++) logs[c] += log(symbol->posteriors[c]) / VOTERS;
  }
  for (int c = 0; c < OD_CTC_CLASSES; c++) sum += exp(logs[c]);
  vote(texts, p, probabilities, &winner);
  fill_steps(VOTE_STEPS, classes, p[0], before);
  decode_one(before, symbol);
  for (int c = 0; c < OD_CTC_CLASSES; c++) {
    const double factor = exp(logs[c]) / sum / symbol->posteriors[c];
    const double expected = (double)before[OD_CTC_CLASSES + c] * factor;
    CHECK(fabs((double)winner.probabilities[OD_CTC_CLASSES + c] - expected) < 1e-4 * expected);
  }
}

int main(void) {
  RUN(test_votes);
  RUN(test_mean);
  return check_end();
}
