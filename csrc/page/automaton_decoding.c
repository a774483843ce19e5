/* Constrained CTC decoding: Viterbi search over the product of the time steps, the states of an
 * automaton and the last class of a path, for the n best different texts.
 *
 * A hypothesis is a text with the log probability of its most probable path so far. Each slot of
 * the automaton (a state and a last class) keeps the n best with different texts; what follows
 * depends on the slot only, so that the n best whole texts are found. Texts are shared prefixes:
 * one number for each. Hypotheses that cannot reach the threshold, even if the rest of the path is
 * the most probable one with as many symbols as the automaton asks for, are pruned. The threshold
 * is some margin below the most probable path of the length of a text; the search is repeated with
 * a larger margin until n texts exceed the threshold or nothing was pruned, which makes the result
 * exact. */
#include <string.h>

#include "base/memory.h"
#include "page/ctc_path.h"
#include "page/length_bounds.h"

enum { NONE = -1, MAX_ITEMS = 1 << 24 }; /* of the arrays below, which bounds their memory */
static const double first_margin = 12, margin_growth = 1.6;

typedef struct hypothesis {
  double log;
  int text; /* index into text_table */
  int next; /* hypothesis of the same slot, or NONE */
} hypothesis;

typedef struct active_slot {
  int slot, state, class; /* its state and last class */
  int count, head;        /* hypotheses, the least probable first */
} active_slot;

/* The hypotheses at a time step. */
typedef struct frontier {
  int slot_count, slot_capacity;
  active_slot *slots; /* (slot_capacity) */
  int count, capacity;
  hypothesis *items; /* (capacity) */
} frontier;

/* A text is a shorter one and a symbol; number 0 is empty. */
typedef struct prefix {
  int parent;
  uint8_t symbol;
} prefix;

/* The texts of all hypotheses, in a hash table with open addressing. */
typedef struct text_table {
  int count, capacity;
  prefix *items; /* (capacity) */
  int *buckets;  /* (2 * capacity): numbers of texts, 0 where empty */
} text_table;

typedef struct search {
  const od_automaton *automaton;
  int steps, max_count;
  double *logs; /* (steps, OD_CTC_CLASSES) */
  int *active;  /* (slots): 1 + index into next.slots, 0 for none */
  od_length_bounds bounds;
  int next_step; /* the time step of `next` */
  double threshold;
  bool pruned;
  text_table texts;
  frontier now, next;
} search;

/* ---- memory ---- */

/* Makes room for one more item. */
static bool reserve(int count, int *capacity, size_t size, void **items) {
  if (count < *capacity) return true;
  if (*capacity >= MAX_ITEMS) return false;
  const int doubled = *capacity ? 2 * *capacity : 256;
  void *grown = od_allocate((size_t)doubled, size);
  if (!grown) return false;
  if (count) memcpy(grown, *items, (size_t)count * size);
  od_release(*items);
  *items = grown;
  *capacity = doubled;
  return true;
}

static void frontier_release(frontier *at) {
  od_release(at->slots);
  od_release(at->items);
}

static void search_release(search *work) {
  od_release(work->logs);
  od_release(work->active);
  od_length_bounds_release(&work->bounds);
  od_release(work->texts.items);
  od_release(work->texts.buckets);
  frontier_release(&work->now);
  frontier_release(&work->next);
}

static bool search_create(const od_ctc_output *output, const od_automaton *automaton, int max_count,
                          search *work) {
  *work = (search){.automaton = automaton, .steps = output->steps, .max_count = max_count};
  work->logs = od_log_probabilities(output);
  work->active = od_allocate((size_t)automaton->slots, sizeof *work->active);
  return work->logs && work->active &&
         od_length_bounds_create(output->steps, work->logs, &work->bounds);
}

/* ---- texts ---- */

/* The bucket of a text, or the empty one where it belongs. */
static int *find_bucket(const text_table *texts, int parent, int symbol) {
  const uint32_t mask = 2 * (uint32_t)texts->capacity - 1;
  uint32_t at = ((uint32_t)parent * OD_SYMBOLS + (uint32_t)symbol) * 0x9E3779B1u;
  for (at = (at ^ at >> 15) & mask;; at = (at + 1) & mask) {
    int *bucket = &texts->buckets[at];
    if (!*bucket) return bucket;
    const prefix *text = &texts->items[*bucket];
    if (text->parent == parent && text->symbol == symbol) return bucket;
  }
}

/* Makes room for one more text. */
static bool texts_reserve(text_table *texts) {
  const int before = texts->capacity;
  if (!reserve(texts->count, &texts->capacity, sizeof *texts->items, (void **)&texts->items))
    return false;
  if (texts->capacity == before) return true;
  od_release(texts->buckets);
  texts->buckets = od_allocate(2 * (size_t)texts->capacity, sizeof *texts->buckets);
  if (!texts->buckets) return false;
  for (int i = 1; i < texts->count; i++)
    *find_bucket(texts, texts->items[i].parent, texts->items[i].symbol) = i;
  return true;
}

/* The number of the text that continues `parent` by a symbol; NONE without memory. */
static int extend_text(text_table *texts, int parent, int symbol) {
  if (!texts_reserve(texts)) return NONE;
  int *bucket = find_bucket(texts, parent, symbol);
  if (!*bucket) {
    *bucket = texts->count++;
    texts->items[*bucket] = (prefix){parent, (uint8_t)symbol};
  }
  return *bucket;
}

static bool texts_clear(text_table *texts) {
  texts->count = 0;
  if (!texts_reserve(texts)) return false;
  memset(texts->buckets, 0, 2 * (size_t)texts->capacity * sizeof *texts->buckets);
  texts->count = 1;
  return true;
}

/* Copies a text; false without memory. */
static bool copy_text(const text_table *texts, int number, double log, od_text *text) {
  *text = (od_text){.log_probability = log};
  for (int i = number; i; i = texts->items[i].parent) text->length++;
  text->symbols = od_allocate((size_t)text->length, 1);
  if (!text->symbols) return false;
  for (int i = number, at = text->length; i; i = texts->items[i].parent)
    text->symbols[--at] = texts->items[i].symbol;
  return true;
}

/* ---- hypotheses ---- */

/* The active slot of the next time step, appended if there is none; NULL without memory. */
static active_slot *find_slot(search *work, const active_slot *wanted) {
  frontier *next = &work->next;
  int *active = &work->active[wanted->slot];
  if (!*active) {
    if (!reserve(next->slot_count, &next->slot_capacity, sizeof *next->slots,
                 (void **)&next->slots))
      return NULL;
    next->slots[next->slot_count] = *wanted;
    *active = ++next->slot_count;
  }
  return &next->slots[*active - 1];
}

/* Removes a hypothesis of a slot from its list. */
static void unlink_hypothesis(hypothesis *items, active_slot *slot, int removed) {
  int *link = &slot->head;
  while (*link != removed) link = &items[*link].next;
  *link = items[removed].next;
  slot->count--;
}

/* Inserts a hypothesis, in the order of log probabilities. */
static void link_hypothesis(hypothesis *items, active_slot *slot, int inserted) {
  int *link = &slot->head;
  while (*link != NONE && items[*link].log < items[inserted].log) link = &items[*link].next;
  items[inserted].next = *link;
  *link = inserted;
  slot->count++;
}

/* The hypothesis to replace by one of `text` with a better log probability: that of the same text,
 * or the least probable of a full slot. *replaced is NONE for none; false if there is no better. */
static bool find_replaced(const search *work, const active_slot *slot, int text, double log,
                          int *replaced) {
  const hypothesis *items = work->next.items;
  *replaced = NONE;
  for (int i = slot->head; i != NONE; i = items[i].next)
    if (items[i].text == text) *replaced = i;
  if (*replaced == NONE && slot->count == work->max_count) *replaced = slot->head;
  return *replaced == NONE || log > items[*replaced].log;
}

/* Log probability that a hypothesis of a slot reaches at most. */
static double bound_of(const search *work, const active_slot *slot, double log) {
  const od_automaton *automaton = work->automaton;
  return log + od_length_bound(&work->bounds, work->next_step, slot->class,
                               automaton->min_left[slot->state], automaton->max_left[slot->state]);
}

/* Adds a hypothesis to a slot of the next time step, unless it is pruned: the text `parent`,
 * continued by `symbol` unless that is NONE. False without memory. */
static bool add_hypothesis(search *work, const active_slot *wanted, double log, int parent,
                           int symbol) {
  frontier *next = &work->next;
  const double bound = bound_of(work, wanted, log);
  if (bound < od_impossible / 2) return true;
  if (bound < work->threshold) {
    work->pruned = true;
    return true;
  }
  active_slot *slot = find_slot(work, wanted);
  if (!slot) return false;
  if (slot->count == work->max_count && log <= next->items[slot->head].log) return true;
  const int text = symbol == NONE ? parent : extend_text(&work->texts, parent, symbol);
  int at;
  if (text == NONE) return false;
  if (!find_replaced(work, slot, text, log, &at)) return true;
  if (at != NONE) {
    unlink_hypothesis(next->items, slot, at);
  } else {
    if (!reserve(next->count, &next->capacity, sizeof *next->items, (void **)&next->items))
      return false;
    at = next->count++;
  }
  next->items[at] = (hypothesis){.log = log, .text = text};
  link_hypothesis(next->items, slot, at);
  return true;
}

/* ---- time steps ---- */

/* Continues a hypothesis of a slot by a time step. */
static bool continue_hypothesis(search *work, const active_slot *slot, const hypothesis *item,
                                const double *logs) {
  const od_automaton *automaton = work->automaton;
  active_slot to = {slot->state, slot->state, OD_CTC_BLANK, 0, NONE};
  if (!add_hypothesis(work, &to, item->log + logs[OD_CTC_BLANK], item->text, NONE)) return false;
  if (slot->class != OD_CTC_BLANK) {
    to = (active_slot){slot->slot, slot->state, slot->class, 0, NONE};
    if (!add_hypothesis(work, &to, item->log + logs[slot->class], item->text, NONE)) return false;
  }
  for (int i = automaton->first[slot->state]; i < automaton->first[slot->state + 1]; i++) {
    const int symbol = automaton->symbols[i];
    if (symbol == slot->class) continue; /* a repeated class needs a blank between */
    to = (active_slot){automaton->target_slots[i], automaton->targets[i], symbol, 0, NONE};
    if (!add_hypothesis(work, &to, item->log + logs[symbol], item->text, symbol)) return false;
  }
  return true;
}

/* Makes the next hypotheses the present ones. */
static void go_on(search *work) {
  const frontier present = work->now;
  work->now = work->next;
  work->next = present;
  work->next.count = work->next.slot_count = 0;
  for (int i = 0; i < work->now.slot_count; i++) work->active[work->now.slots[i].slot] = 0;
}

/* Collects the hypotheses of accepting states in one slot, that of such a state and blank. */
static bool collect_accepted(search *work) {
  active_slot all = {NONE, NONE, OD_CTC_BLANK, 0, NONE};
  for (int k = 0; k < work->now.slot_count; k++) {
    const active_slot *slot = &work->now.slots[k];
    if (all.state == NONE && work->automaton->accepting[slot->state])
      all.slot = all.state = slot->state;
    for (int i = slot->head; i != NONE && work->automaton->accepting[slot->state];
         i = work->now.items[i].next)
      if (!add_hypothesis(work, &all, work->now.items[i].log, work->now.items[i].text, NONE))
        return false;
  }
  go_on(work);
  return true;
}

/* Runs the search with a margin; work->now then has the accepted texts in its only slot. */
static bool run_search(search *work, double margin) {
  const active_slot start = {0, 0, OD_CTC_BLANK, 0, NONE};
  work->next_step = 0;
  work->threshold = bound_of(work, &start, 0) - margin;
  work->pruned = false;
  if (!texts_clear(&work->texts) || !add_hypothesis(work, &start, 0, 0, NONE)) return false;
  go_on(work);
  for (int t = 0; t < work->steps; t++) {
    work->next_step = t + 1;
    for (int k = 0; k < work->now.slot_count; k++) {
      const active_slot *slot = &work->now.slots[k];
      for (int i = slot->head; i != NONE; i = work->now.items[i].next)
        if (!continue_hypothesis(work, slot, &work->now.items[i], work->logs + t * OD_CTC_CLASSES))
          return false;
    }
    go_on(work);
  }
  return collect_accepted(work);
}

static int count_found(const search *work) {
  return work->now.slot_count ? work->now.slots[0].count : 0;
}

/* ---- the result ---- */

void od_texts_release(od_texts *texts) {
  for (int i = 0; i < OD_MAX_ALTERNATIVES; i++) od_release(texts->items[i].symbols);
  *texts = (od_texts){0};
}

/* Copies the accepted texts, the most probable of which is the last of its list. */
static bool copy_texts(const search *work, od_texts *texts) {
  texts->count = count_found(work);
  int at = texts->count ? work->now.slots[0].head : NONE;
  for (int i = texts->count - 1; i >= 0; i--, at = work->now.items[at].next) {
    const hypothesis *item = &work->now.items[at];
    if (!copy_text(&work->texts, item->text, item->log, &texts->items[i])) return false;
  }
  return true;
}

od_status od_ctc_find_texts(int steps, const od_real *probabilities, const od_automaton *automaton,
                            int max_count, od_texts *texts, od_error *error) {
  const od_ctc_output output = {.steps = steps, .probabilities = probabilities};
  search work;
  bool done = search_create(&output, automaton, max_count, &work);
  double margin = first_margin;
  *texts = (od_texts){0};
  do {
    done = done && run_search(&work, margin);
    margin *= margin_growth;
  } while (done && work.pruned && count_found(&work) < max_count);
  done = done && copy_texts(&work, texts);
  search_release(&work);
  if (done) return OD_OK;
  od_texts_release(texts);
  return od_fail_memory(error, "decoding a line");
}
