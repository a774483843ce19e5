/* Automata: any list of transitions or words either fails with a message, or decodes texts that it
 * accepts. */
#include "fuzz/ctc_probabilities.h"
#include "page/automaton.h"

enum { MAX_TRANSITIONS = 60, MAX_WORDS = 12, MAX_LENGTH = 9, MAX_STEPS = 16 };

/* Ascending transitions, of which now and then a number is any. */
static od_status take_transitions(fuzz_input *in, od_automaton **automaton, od_error *error) {
  const int states = take_byte(in) % 32 == 31 ? take_number(in) : 1 + take_byte(in) % 12;
  const int kept = states > 0 && states < 64 ? states : 64,
            count = take_between(in, 0, MAX_TRANSITIONS);
  bool *accepting = block_of((size_t)kept);
  od_transition *transitions = block_of((size_t)count * sizeof *transitions);
  int at = 0;
  for (int s = 0; s < kept; s++) accepting[s] = take_byte(in) % 3 == 0;
  for (int i = 0; i < count; i++) {
    at += 1 + take_byte(in) % 6;
    const int target = take_byte(in);
    transitions[i] = (od_transition){at / OD_SYMBOLS, at % OD_SYMBOLS,
                                     target < 250 ? target % kept : take_number(in)};
  }
  int used = count;
  while (used && transitions[used - 1].state >= kept && take_byte(in) != 255) used--;
  const od_status status =
      states > kept && states <= OD_MAX_STATES
          ? od_fail(error, OD_ERROR_ARGUMENT, "as many states have no list of accepting ones here")
          : od_automaton_create(states, accepting, used, transitions, automaton, error);
  free(accepting);
  free(transitions);
  return status;
}

static od_status take_lexicon(fuzz_input *in, od_automaton **automaton, od_error *error) {
  char *words[MAX_WORDS] = {0};
  const int count = take_between(in, 0, MAX_WORDS);
  for (int i = 0; i < count; i++) {
    const int length = take_between(in, 0, MAX_LENGTH);
    words[i] = block_of((size_t)length + 1);
    for (int k = 0; k < length; k++) {
      const int byte = take_byte(in);
      words[i][k] = (char)(byte < 250 ? '0' + byte % OD_SYMBOLS : 1 + byte % 127);
    }
    words[i][length] = 0;
    for (int k = i; k > 0 && strcmp(words[k - 1], words[k]) > 0; k--) { /* mostly in order */
      char *word = words[k];
      words[k] = words[k - 1], words[k - 1] = word;
    }
  }
  const od_status status =
      od_automaton_create_lexicon(count, (const char *const *)words, automaton, error);
  for (int i = 0; i < count; i++) free(words[i]);
  return status;
}

static bool accepts(const od_automaton *automaton, const od_text *text) {
  int state = 0;
  for (int k = 0; k < text->length; k++) {
    int i = automaton->first[state];
    while (i < automaton->first[state + 1] && automaton->symbols[i] != text->symbols[k]) i++;
    if (i == automaton->first[state + 1]) return false;
    state = automaton->targets[i];
  }
  return automaton->accepting[state];
}

static void decode(fuzz_input *in, const od_automaton *automaton) {
  const int steps = take_between(in, 1, MAX_STEPS), most = take_between(in, 1, OD_MAX_ALTERNATIVES);
  od_real *probabilities = take_probabilities(in, steps);
  od_decoded_symbol *symbols = block_of((size_t)steps * sizeof *symbols);
  od_error error = {{0}};
  od_texts texts = {0};
  if (succeeded(od_ctc_find_texts(steps, probabilities, automaton, most, &texts, &error), &error))
    for (int i = 0; i < texts.count; i++) {
      require(texts.items[i].length <= steps && accepts(automaton, &texts.items[i]));
      require(!i || texts.items[i - 1].log_probability >= texts.items[i].log_probability);
      succeeded(od_ctc_align(steps, probabilities, &texts.items[i], symbols, &error), &error);
    }
  od_texts_release(&texts);
  free(symbols);
  free(probabilities);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  fuzz_input in = {bytes, size};
  od_automaton *automaton = NULL;
  od_error error = {{0}};
  const od_status status = take_flag(&in) ? take_lexicon(&in, &automaton, &error)
                                          : take_transitions(&in, &automaton, &error);
  if (!succeeded(status, &error)) {
    require(automaton == NULL);
    return 0;
  }
  decode(&in, automaton);
  od_automaton_destroy(automaton);
  return 0;
}
