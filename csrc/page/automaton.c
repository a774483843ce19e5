#include "page/automaton.h"

#include <string.h>

#include "base/memory.h"
#include "page/read.h"

void od_automaton_destroy(od_automaton *automaton) {
  if (!automaton) return;
  od_release(automaton->accepting);
  od_release(automaton->min_left);
  od_release(automaton->max_left);
  od_release(automaton->first);
  od_release(automaton->symbols);
  od_release(automaton->targets);
  od_release(automaton->target_slots);
  od_release(automaton);
}

static od_automaton *allocate_automaton(int states, int transitions) {
  od_automaton *automaton = od_allocate(1, sizeof *automaton);
  if (!automaton) return NULL;
  const size_t count = (size_t)transitions;
  automaton->states = states;
  automaton->accepting = od_allocate((size_t)states, sizeof *automaton->accepting);
  automaton->min_left = od_allocate((size_t)states, sizeof *automaton->min_left);
  automaton->max_left = od_allocate((size_t)states, sizeof *automaton->max_left);
  automaton->first = od_allocate((size_t)states + 1, sizeof *automaton->first);
  automaton->symbols = od_allocate(count, sizeof *automaton->symbols);
  automaton->targets = od_allocate(count, sizeof *automaton->targets);
  automaton->target_slots = od_allocate(count, sizeof *automaton->target_slots);
  if (automaton->accepting && automaton->min_left && automaton->max_left && automaton->first &&
      automaton->symbols && automaton->targets && automaton->target_slots)
    return automaton;
  od_automaton_destroy(automaton);
  return NULL;
}

/* ---- symbols to accepting states ---- */

/* Transitions by target, and a list of states for work. */
typedef struct reversed {
  int *first;   /* (states + 1) */
  int *sources; /* (transitions) */
  int *waiting; /* (states) */
  int *missing; /* (states): transitions of a state whose targets are not done */
} reversed;

static void reversed_release(reversed *back) {
  od_release(back->first);
  od_release(back->sources);
  od_release(back->waiting);
  od_release(back->missing);
}

static bool reversed_create(const od_automaton *automaton, reversed *back) {
  const int states = automaton->states, count = automaton->first[states];
  back->first = od_allocate((size_t)states + 2, sizeof *back->first);
  back->sources = od_allocate((size_t)count, sizeof *back->sources);
  back->waiting = od_allocate((size_t)states, sizeof *back->waiting);
  back->missing = od_allocate((size_t)states, sizeof *back->missing);
  if (!back->first || !back->sources || !back->waiting || !back->missing) return false;
  int *ends = back->first + 1; /* after the loops, first[s + 1] is the end of s */
  for (int i = 0; i < count; i++) ends[automaton->targets[i] + 1]++;
  for (int s = 0; s < states; s++) ends[s + 1] += ends[s];
  for (int s = 0; s < states; s++)
    for (int i = automaton->first[s]; i < automaton->first[s + 1]; i++)
      back->sources[ends[automaton->targets[i]]++] = s;
  return true;
}

/* Breadth-first search from the accepting states. */
static void find_min_left(od_automaton *automaton, reversed *back) {
  int count = 0;
  for (int s = 0; s < automaton->states; s++) {
    automaton->min_left[s] = automaton->accepting[s] ? 0 : OD_UNBOUNDED;
    if (automaton->accepting[s]) back->waiting[count++] = s;
  }
  for (int k = 0; k < count; k++) {
    const int s = back->waiting[k];
    for (int i = back->first[s]; i < back->first[s + 1]; i++) {
      int *left = &automaton->min_left[back->sources[i]];
      if (*left != OD_UNBOUNDED) continue;
      *left = automaton->min_left[s] + 1;
      back->waiting[count++] = back->sources[i];
    }
  }
}

/* Longest paths, in topological order from the last states; those before a cycle stay unbounded. */
static void find_max_left(od_automaton *automaton, reversed *back) {
  int count = 0;
  for (int s = 0; s < automaton->states; s++) {
    back->missing[s] = automaton->first[s + 1] - automaton->first[s];
    automaton->max_left[s] = OD_UNBOUNDED;
    if (!back->missing[s]) back->waiting[count++] = s;
  }
  for (int k = 0; k < count; k++) {
    const int s = back->waiting[k];
    int left = 0;
    for (int i = automaton->first[s]; i < automaton->first[s + 1]; i++) {
      const int beyond = automaton->max_left[automaton->targets[i]] + 1;
      left = beyond > left ? beyond : left;
    }
    automaton->max_left[s] = left;
    for (int i = back->first[s]; i < back->first[s + 1]; i++)
      if (--back->missing[back->sources[i]] == 0) back->waiting[count++] = back->sources[i];
  }
}

/* Completes an automaton; takes it, and gives it to *result unless there is no memory. */
static od_status complete(od_automaton *automaton, od_automaton **result, od_error *error) {
  reversed back = {0};
  const bool created = reversed_create(automaton, &back);
  if (created) {
    find_min_left(automaton, &back);
    find_max_left(automaton, &back);
    *result = automaton;
  } else {
    od_automaton_destroy(automaton);
  }
  reversed_release(&back);
  return created ? OD_OK : od_fail_memory(error, "an automaton");
}

/* ---- from transitions ---- */

/* Whether `first` comes before `second` in the order of state and symbol. */
static bool is_before(const od_transition *first, const od_transition *second) {
  return first->state != second->state ? first->state < second->state
                                       : first->symbol < second->symbol;
}

static od_status check_transitions(int states, int count, const od_transition *transitions,
                                   od_error *error) {
  if (states < 1 || states > OD_MAX_STATES)
    return od_fail(error, OD_ERROR_ARGUMENT, "states: got %d, expected 1 to %d", states,
                   OD_MAX_STATES);
  for (int i = 0; i < count; i++) {
    const od_transition *t = &transitions[i];
    if (t->state < 0 || t->state >= states || t->target < 0 || t->target >= states ||
        t->symbol < 0 || t->symbol >= OD_SYMBOLS)
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "transitions: got (%d, %d, %d), expected a state below %d, a symbol below %d "
                     "and a state",
                     t->state, t->symbol, t->target, states, OD_SYMBOLS);
    if (i && !is_before(&transitions[i - 1], t))
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "transitions: got symbol %d of state %d after symbol %d of state %d, expected "
                     "ascending order",
                     t->symbol, t->state, transitions[i - 1].symbol, transitions[i - 1].state);
  }
  return OD_OK;
}

/* Gives transitions with the same target and symbol the same slot. slots (states, OD_SYMBOLS) is
 * for work. */
static void number_slots(od_automaton *automaton, int *slots) {
  automaton->slots = automaton->states;
  for (int i = 0; i < automaton->first[automaton->states]; i++) {
    int *slot = &slots[(size_t)automaton->targets[i] * OD_SYMBOLS + automaton->symbols[i]];
    if (!*slot) *slot = automaton->slots++;
    automaton->target_slots[i] = *slot;
  }
}

od_status od_automaton_create(int states, const bool *accepting, int count,
                              const od_transition *transitions, od_automaton **automaton,
                              od_error *error) {
  *automaton = NULL;
  const od_status status = check_transitions(states, count, transitions, error);
  if (status) return status;
  od_automaton *made = allocate_automaton(states, count);
  int *slots = od_allocate((size_t)states, OD_SYMBOLS * sizeof *slots);
  if (!made || !slots) {
    od_automaton_destroy(made);
    od_release(slots);
    return od_fail_memory(error, "an automaton");
  }
  memcpy(made->accepting, accepting, (size_t)states * sizeof *accepting);
  for (int i = 0; i < count; i++) {
    made->first[transitions[i].state + 1] = i + 1;
    made->symbols[i] = (uint8_t)transitions[i].symbol;
    made->targets[i] = transitions[i].target;
  }
  for (int s = 0; s < states; s++) /* states without transitions */
    if (made->first[s + 1] < made->first[s]) made->first[s + 1] = made->first[s];
  number_slots(made, slots);
  od_release(slots);
  return complete(made, automaton, error);
}

/* ---- from a lexicon ---- */

/* The words of a state of a trie: words[low..high - 1] share their first `depth` symbols. */
typedef struct word_range {
  int low, high, depth;
} word_range;

static size_t common_prefix(const char *a, const char *b) {
  size_t length = 0;
  while (a[length] && a[length] == b[length]) length++;
  return length;
}

/* Checks the words and counts the states of their trie. */
static od_status count_states(int count, const char *const *words, int *states, od_error *error) {
  size_t total = 1;
  if (count < 1) return od_fail(error, OD_ERROR_ARGUMENT, "words: got none, expected some");
  for (int i = 0; i < count; i++) {
    for (const char *c = words[i]; *c; c++)
      if (*c < '0' || *c >= '0' + OD_SYMBOLS)
        return od_fail(error, OD_ERROR_ARGUMENT,
                       "words: got \"%.100s\", expected characters from 0 to %c", words[i],
                       '0' + OD_SYMBOLS - 1);
    if (i && strcmp(words[i - 1], words[i]) >= 0)
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "words: got \"%.100s\" after \"%.100s\", expected ascending order", words[i],
                     words[i - 1]);
    total += strlen(words[i]) - (i ? common_prefix(words[i - 1], words[i]) : 0);
    if (total > OD_MAX_STATES)
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "words: got more than %d different prefixes, expected fewer", OD_MAX_STATES);
  }
  *states = (int)total;
  return OD_OK;
}

/* Appends the children of `state` to the trie of *built states; ranges (states). */
static void add_children(od_automaton *trie, int state, const char *const *words,
                         word_range *ranges, int *built) {
  const word_range range = ranges[state];
  int low = range.low;
  trie->first[state] = *built - 1; /* each state but the first has one transition to it */
  if (!words[low][range.depth]) {
    trie->accepting[state] = true;
    low++;
  }
  while (low < range.high) {
    const char symbol = words[low][range.depth];
    int high = low + 1;
    while (high < range.high && words[high][range.depth] == symbol) high++;
    const int child = (*built)++, transition = child - 1;
    trie->symbols[transition] = (uint8_t)(symbol - '0');
    trie->targets[transition] = child;
    trie->target_slots[transition] = trie->states + transition;
    ranges[child] = (word_range){low, high, range.depth + 1};
    low = high;
  }
}

od_status od_automaton_create_lexicon(int count, const char *const *words, od_automaton **automaton,
                                      od_error *error) {
  int states = 0, built = 1;
  *automaton = NULL;
  const od_status status = count_states(count, words, &states, error);
  if (status) return status;
  od_automaton *trie = allocate_automaton(states, states - 1);
  word_range *ranges = od_allocate((size_t)states, sizeof *ranges);
  if (!trie || !ranges) {
    od_automaton_destroy(trie);
    od_release(ranges);
    return od_fail_memory(error, "a lexicon");
  }
  ranges[0] = (word_range){0, count, 0};
  for (int s = 0; s < states; s++) add_children(trie, s, words, ranges, &built);
  trie->first[states] = states - 1;
  trie->slots = 2 * states - 1;
  od_release(ranges);
  return complete(trie, automaton, error);
}
