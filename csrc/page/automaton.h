/* Deterministic finite automata over the alphabet: the texts that a line may be. An automaton is
 * immutable, so that threads share it; release it with od_automaton_destroy. State 0 is initial. */
#ifndef OD_PAGE_AUTOMATON_H
#define OD_PAGE_AUTOMATON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/api.h"
#include "base/status.h"

OD_BEGIN_DECLS

enum { OD_MAX_STATES = 1 << 24, OD_UNBOUNDED = INT32_MAX };

/* From a state to `target` by a symbol, which is a class of the recognizer other than blank. */
typedef struct od_transition {
  int32_t state, symbol, target;
} od_transition;

/* A slot is a state with the last class of a path to it: blank, or a symbol that leads there. */
typedef struct od_automaton {
  int states, slots;
  bool *accepting; /* (states) */
  int *min_left;   /* (states): symbols to the nearest accepting state; OD_UNBOUNDED for none */
  int *max_left;   /* (states): symbols to the farthest; OD_UNBOUNDED through a cycle */
  int *first;      /* (states + 1): state s has the transitions first[s]..first[s + 1] - 1 */
  /* Of each transition: */
  uint8_t *symbols;
  int *targets;
  int *target_slots; /* of its target and its symbol; that of a state s and blank is s */
} od_automaton;

/* An automaton with these states, accepting (states), and transitions (count) in ascending order of
 * state and symbol, no two of which are equal in both. Errors of this and the next:
 * OD_ERROR_ARGUMENT, OD_ERROR_MEMORY. */
od_status od_automaton_create(int states, const bool *accepting, int count,
                              const od_transition *transitions, od_automaton **automaton,
                              od_error *error);

/* The trie of a lexicon: words (count) are in strictly ascending order of strcmp; a symbol is
 * written as the character '0' + its class. */
od_status od_automaton_create_lexicon(int count, const char *const *words, od_automaton **automaton,
                                      od_error *error);

void od_automaton_destroy(od_automaton *automaton); /* NULL is fine */

OD_END_DECLS

#endif
