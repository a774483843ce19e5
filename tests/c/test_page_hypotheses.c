/* Multi-scale hypotheses: the time steps of their line images, and the vote on the symbols of a
 * line. */
#include "ctc_cases.h"
#include "guard.h"
#include "networks.h"
#include "page/line_hypotheses.h"
#include "tables.h"

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

/* ---- time steps ---- */

static od_rng rng;

static int draw(int low, int high) {
  return low + (int)od_rng_below(&rng, (uint64_t)(high - low + 1));
}

/* A layer that may make rows of a line image shorter, of one channel. */
static od_layer random_layer(void) {
  static const int steps[] = {1, 1, 2, 2, 3, 4, 8};
  const int step = steps[draw(0, 6)], width = draw(1, 16);
  const bool same = draw(0, 1);
  od_layer layer = rectangular(conv(1, 1, step, same, false), 1, width);
  if (draw(0, 3) == 0)
    return (od_layer){.kind = OD_MAX_POOL2D, .pool = {1, width}, .step = {1, step}, .same = same};
  return step > 1 ? layer : dilated(layer, draw(1, 16));
}

enum { RANDOM_LAYERS = 5, LINE_STEPS = OD_LINE_MAX_WIDTH / OD_CTC_STRIDE };

/* Random layers, then a pool and class scores, so that the largest width gives LINE_STEPS; returns
 * NULL if these layers cannot. */
static od_network *random_recognizer(void) {
  od_layer layers[RANDOM_LAYERS + 2];
  od_shape shape = {1, OD_LINE_MAX_WIDTH, 1};
  const int count = draw(1, RANDOM_LAYERS);
  od_network *network;
  od_error error = {{0}};
  for (int i = 0; i < count; i++) {
    layers[i] = random_layer();
    if (od_layer_output(&layers[i], i, shape, &shape, &error)) return NULL;
  }
  if (shape.w < LINE_STEPS) return NULL;
  layers[count] =
      (od_layer){.kind = OD_AVERAGE_POOL2D, .pool = {1, shape.w - LINE_STEPS + 1}, .step = {1, 1}};
  layers[count + 1] = conv(2, 1, 1, true, false);
  CHECK_INT(
      od_network_create((od_shape){1, OD_LINE_MAX_WIDTH, 1}, layers, count + 2, &network, &error),
      OD_OK);
  return network;
}

/* A recognizer has at most one time step for OD_CTC_STRIDE columns at any width if it has at the
 * largest: buffers have so much room. */
static void test_steps_at_any_width(void) {
  enum { NETWORKS = 500 };
  int found = 0, too_narrow = 0;
  od_rng_seed(&rng, 45, 0);
  for (int i = 0; i < NETWORKS; i++) {
    od_network *network = random_recognizer();
    od_error error = {{0}};
    runner r;
    if (!network) continue;
    CHECK_CASE("network %d", i);
    CHECK_INT(od_network_sequence_length(network), LINE_STEPS);
    CHECK_INT(runner_create(network, last_table(), OD_FLOAT32, 1, &r, &error), OD_OK);
    for (int width = OD_CTC_STRIDE; width <= OD_LINE_MAX_WIDTH; width += OD_CTC_STRIDE) {
      const int steps = od_model_sequence_length_at(r.model, width);
      CHECK(steps <= width / OD_CTC_STRIDE);
      too_narrow += steps == 0;
    }
    found++;
    runner_destroy(&r);
    od_network_destroy(network);
  }
  CHECK_CASE("%d networks", found);
  CHECK(found >= 50 && too_narrow > 0);
}

/* A network with more time steps is refused before it writes any. */
static void test_too_many_steps(void) {
  enum { WIDTH = 64, STEPS = WIDTH / OD_CTC_STRIDE };
  const od_layer layers[] = {pool(OD_LINE_HEIGHT, 2), conv(OD_CTC_CLASSES, 1, 1, true, false)};
  const size_t size = STEPS * OD_CTC_CLASSES * sizeof(od_real);
  od_network *network;
  runner r;
  od_error error = {{0}};
  static uint8_t image[OD_LINE_HEIGHT * WIDTH], pixels[OD_LINE_HEIGHT * WIDTH];
  guard probabilities = guard_create(size);
  if (od_network_create((od_shape){OD_LINE_HEIGHT, OD_LINE_MAX_WIDTH, 1}, layers, 2, &network,
                        &error) ||
      runner_create(network, last_table(), OD_FLOAT32, 1, &r, &error))
    exit(EXIT_FAILURE);
  od_line_hypothesis item = {.geometry = {.scale_x = 1, .scale_y = 1, .width = WIDTH},
                             .pixels = pixels,
                             .probabilities = guard_block(&probabilities, size, GUARD_ABOVE)};
  od_line_hypotheses hypotheses = {.per_line = 1, .count = 1, .items = &item};
  const od_page page = {.h = OD_LINE_HEIGHT, .w = WIDTH, .image = image};
  const od_reader reader = {.recognizer = r.model, .recognizer_workspace = r.workspace};
  CHECK_INT(od_hypotheses_recognize(&page, &reader, NULL, &hypotheses, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message,
                 "recognizer: got a network of 32 time steps for a line image of 64");
  CHECK_CONTAINS(error.message, "expected at most 16");
  CHECK(guard_is_canary(item.probabilities, size));
  guard_destroy(&probabilities);
  runner_destroy(&r);
  od_network_destroy(network);
}

int main(void) {
  RUN(test_steps_at_any_width);
  RUN(test_too_many_steps);
  RUN(test_votes);
  RUN(test_mean);
  return check_end();
}
