/* Constrained CTC decoding against the enumeration of all paths, and bad automata. */
#include "base/memory.h"
#include "base/rng.h"
#include "ctc_cases.h"

enum { MAX_STEPS = 6, SYMBOLS = 3, TEXTS = 1 << 2 * (MAX_STEPS + 1), MAX_TEST_STATES = 5 };

static od_rng rng;

static int draw(int low, int high) { /* both included */
  return low + (int)od_rng_below(&rng, (uint64_t)(high - low + 1));
}

/* Random probabilities (steps, OD_CTC_CLASSES); classes from SYMBOLS on have none but blank. */
static void fill_random(int steps, double sharpness, od_real *probabilities) {
  for (int t = 0; t < steps; t++)
    for (int c = 0; c < OD_CTC_CLASSES; c++)
      probabilities[t * OD_CTC_CLASSES + c] =
          c < SYMBOLS || c == OD_CTC_BLANK ? (od_real)exp(-sharpness * od_rng_uniform(&rng) - 1e-3)
                                           : 0;
}

/* ---- enumeration ---- */

/* A text as a number: 1, then two bits for each symbol. */
static int number_of(int length, const uint8_t *symbols) {
  int number = 1;
  for (int i = 0; i < length; i++) number = number << 2 | symbols[i];
  return number;
}

/* Whether the automaton accepts the text of a number. */
static bool accepts(const od_automaton *automaton, int number) {
  int bits = 0, state = 0;
  while (number >> bits > 1) bits += 2;
  while (bits) {
    const int symbol = number >> (bits -= 2) & 3;
    int i = automaton->first[state];
    while (i < automaton->first[state + 1] && automaton->symbols[i] != symbol) i++;
    if (i == automaton->first[state + 1]) return false;
    state = automaton->targets[i];
  }
  return automaton->accepting[state];
}

/* The log probability of the best path of each text: best (TEXTS). */
static void enumerate(int steps, const od_real *probabilities, double *best) {
  for (int i = 0; i < TEXTS; i++) best[i] = -INFINITY;
  for (int path = 0; path < 1 << 2 * steps; path++) {
    int text = 1, last = SYMBOLS;
    double log_probability = 0;
    for (int t = 0; t < steps; t++) {
      const int symbol = path >> 2 * t & 3;
      const int class = symbol < SYMBOLS ? symbol : OD_CTC_BLANK;
      log_probability += log((double)probabilities[t * OD_CTC_CLASSES + class]);
      if (symbol < SYMBOLS && symbol != last) text = text << 2 | symbol;
      last = symbol;
    }
    best[text] = fmax(best[text], log_probability);
  }
}

/* Checks texts against the enumeration, which it consumes. */
static void check_texts(const od_automaton *automaton, int max_count, double *best,
                        const od_texts *texts) {
  for (int i = 0; i <= texts->count && i < max_count; i++) {
    int expected = 0;
    for (int k = 1; k < TEXTS; k++)
      if (best[k] > -1e9 && (!expected || best[k] > best[expected]) && accepts(automaton, k))
        expected = k;
    if (i == texts->count) {
      CHECK_INT(expected, 0); /* there are no others */
      continue;
    }
    CHECK_INT(number_of(texts->items[i].length, texts->items[i].symbols), expected);
    CHECK_NEAR(texts->items[i].log_probability, best[expected], 1e-6);
    best[expected] = -INFINITY;
  }
}

/* ---- tests ---- */

static od_automaton *random_automaton(void) {
  od_transition transitions[MAX_TEST_STATES * SYMBOLS];
  bool accepting[MAX_TEST_STATES];
  const int states = draw(1, MAX_TEST_STATES);
  int count = 0;
  for (int s = 0; s < states; s++) {
    accepting[s] = draw(0, 2) == 0;
    for (int symbol = 0; symbol < SYMBOLS; symbol++)
      if (draw(0, 2)) transitions[count++] = (od_transition){s, symbol, draw(0, states - 1)};
  }
  od_automaton *automaton = NULL;
  od_error error = {{0}};
  CHECK_INT(od_automaton_create(states, accepting, count, transitions, &automaton, &error), OD_OK);
  return automaton;
}

static od_automaton *random_lexicon(void) {
  static const char *const words[] = {"0", "01", "010", "0110", "1", "11", "112", "2", "2222"};
  const char *chosen[sizeof words / sizeof *words];
  int count = 0;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (draw(0, 1) || i == 4) chosen[count++] = words[i];
  od_automaton *automaton = NULL;
  od_error error = {{0}};
  CHECK_INT(od_automaton_create_lexicon(count, chosen, &automaton, &error), OD_OK);
  return automaton;
}

static void test_enumeration(void) {
  static double best[TEXTS];
  od_real probabilities[MAX_STEPS * OD_CTC_CLASSES];
  for (int i = 0; i < 600; i++) {
    const int steps = draw(1, MAX_STEPS), max_count = draw(0, 1) ? 1 : draw(1, 32);
    od_automaton *automaton = i % 3 ? random_automaton() : random_lexicon();
    od_texts texts;
    od_error error = {{0}};
    CHECK_CASE("case %d: %d steps, %d states, %d texts", i, steps, automaton->states, max_count);
    fill_random(steps, draw(0, 1) ? 2 : 25, probabilities);
    CHECK_INT(od_ctc_find_texts(steps, probabilities, automaton, max_count, &texts, &error), OD_OK);
    enumerate(steps, probabilities, best);
    check_texts(automaton, max_count, best, &texts);
    for (int k = 0; k < texts.count; k++) {
      od_decoded_symbol symbols[MAX_STEPS];
      CHECK_INT(od_ctc_align(steps, probabilities, &texts.items[k], symbols, &error), OD_OK);
      for (int s = 0; s < texts.items[k].length; s++) {
        CHECK_INT(symbols[s].value, texts.items[k].symbols[s]);
        CHECK(symbols[s].first <= symbols[s].last &&
              (!s || symbols[s - 1].last < symbols[s].first));
      }
    }
    od_texts_release(&texts);
    od_automaton_destroy(automaton);
  }
}

static void check_lexicon(const char *word, const od_real *probabilities, int steps,
                          const char *expected) {
  od_automaton *automaton;
  od_texts texts;
  od_error error = {{0}};
  CHECK_INT(od_automaton_create_lexicon(1, &word, &automaton, &error), OD_OK);
  CHECK_INT(od_ctc_find_texts(steps, probabilities, automaton, 1, &texts, &error), OD_OK);
  if (CHECK_INT(texts.count, expected != NULL) && expected) {
    CHECK_INT(texts.items[0].length, (int)strlen(expected));
    for (int i = 0; expected[i]; i++) CHECK_INT(texts.items[0].symbols[i], expected[i] - '0');
  }
  od_texts_release(&texts);
  od_automaton_destroy(automaton);
}

/* Words that fit into the time steps are found however improbable they are. */
static void test_improbable_words(void) {
  enum { STEPS = 8 };
  const uint8_t classes[STEPS] = {OD_CTC_BLANK, 4, 4, OD_CTC_BLANK, 4, 7, 7, OD_CTC_BLANK};
  od_real probabilities[STEPS * OD_CTC_CLASSES];
  fill_steps(STEPS, classes, 1, probabilities);
  check_lexicon("447", probabilities, STEPS, "447");
  check_lexicon("19283746", probabilities, STEPS, "19283746");
  check_lexicon("1111", probabilities, STEPS, "1111");
  check_lexicon("11111", probabilities, STEPS, NULL);
  check_lexicon("123456789", probabilities, STEPS, NULL);
}

static void test_bounds(void) {
  /* 0 -1-> 1 -2-> 2, 0 -2-> 2, 2 -0-> 2; 3 has no way to an accepting state */
  const bool accepting[] = {false, false, true, false};
  const od_transition transitions[] = {{0, 1, 1}, {0, 2, 2}, {0, 3, 3}, {1, 2, 2}, {2, 0, 2}};
  od_automaton *automaton;
  od_error error = {{0}};
  CHECK_INT(od_automaton_create(4, accepting, 5, transitions, &automaton, &error), OD_OK);
  const int min_left[] = {1, 1, 0, OD_UNBOUNDED};
  const int max_left[] = {OD_UNBOUNDED, OD_UNBOUNDED, OD_UNBOUNDED, 0};
  for (int s = 0; s < 4; s++) {
    CHECK_INT(automaton->min_left[s], min_left[s]);
    CHECK_INT(automaton->max_left[s], max_left[s]);
  }
  CHECK_INT(automaton->slots, 8); /* (2, symbol 2) is shared */
  od_automaton_destroy(automaton);
  const char *const words[] = {"1", "123"};
  CHECK_INT(od_automaton_create_lexicon(2, words, &automaton, &error), OD_OK);
  CHECK_INT(automaton->states, 4);
  CHECK_INT(automaton->min_left[0], 1);
  CHECK_INT(automaton->max_left[0], 3);
  od_automaton_destroy(automaton);
}

static void test_errors(void) {
  static const struct {
    od_transition transitions[2];
    const char *message;
  } cases[] = {
      {{{0, 1, 1}, {0, 1, 0}}, "ascending order"}, {{{1, 0, 0}, {0, 0, 0}}, "ascending order"},
      {{{0, 16, 0}, {1, 0, 0}}, "below 16"},       {{{0, -1, 0}, {1, 0, 0}}, "below 16"},
      {{{0, 0, 2}, {1, 0, 0}}, "state below 2"},   {{{-1, 0, 0}, {1, 0, 0}}, "state below 2"}};
  static const char *const unsorted[] = {"2", "10"}, *const equal[] = {"2", "2"},
                           *const letters[] = {"1a"};
  const bool accepting[2] = {true, true};
  od_automaton *automaton;
  od_error error = {{0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CHECK_INT(od_automaton_create(2, accepting, 2, cases[i].transitions, &automaton, &error),
              OD_ERROR_ARGUMENT);
    CHECK_CONTAINS(error.message, cases[i].message);
    CHECK(automaton == NULL);
  }
  CHECK_INT(od_automaton_create(0, accepting, 0, NULL, &automaton, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "states: got 0");
  CHECK_INT(od_automaton_create_lexicon(2, unsorted, &automaton, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "got \"10\" after \"2\"");
  CHECK_INT(od_automaton_create_lexicon(2, equal, &automaton, &error), OD_ERROR_ARGUMENT);
  CHECK_INT(od_automaton_create_lexicon(1, letters, &automaton, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "expected characters from 0 to ?");
  CHECK_INT(od_automaton_create_lexicon(0, letters, &automaton, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "words: got none");
}

int main(void) {
  od_rng_seed(&rng, 17, 0);
  RUN(test_enumeration);
  RUN(test_improbable_words);
  RUN(test_bounds);
  RUN(test_errors);
  return check_end();
}
