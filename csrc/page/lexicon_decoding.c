/* Lexicon decoding: the word with the most probable path, by a Viterbi alignment of each. */
#include <string.h>

#include "base/memory.h"
#include "page/ctc_path.h"

/* Aligns a word to the time steps: returns the log probability of its most probable path. The
 * states (2 * length + 1) are its symbols with blanks before, between and after; best (states) is
 * for work, from (steps, states) gets by how many states each is reached. path (steps) may be NULL.
 */
static double align(const od_ctc_output *output, const char *word, double *best, uint8_t *from,
                    uint8_t *path) {
  const int length = (int)strlen(word), states = 2 * length + 1;
  for (int s = 0; s < states; s++) best[s] = s ? od_impossible : 0;
  for (int t = 0; t < output->steps; t++) {
    const double *logs = output->logs + t * OD_CTC_CLASSES;
    uint8_t *moves = from + t * states;
    for (int s = states - 1; s >= 0;
         s--) { /* downwards: below s, best is of the time step before */
      const int class = s % 2 ? word[s / 2] - '0' : OD_CTC_BLANK;
      double value = best[s];
      moves[s] = 0;
      if (s > 0 && best[s - 1] > value) value = best[s - 1], moves[s] = 1;
      if (s > 1 && s % 2 && word[s / 2] != word[s / 2 - 1] && best[s - 2] > value)
        value = best[s - 2], moves[s] = 2;
      best[s] = value + logs[class];
    }
  }
  int state = states > 1 && best[states - 2] > best[states - 1] ? states - 2 : states - 1;
  const double result = best[state];
  for (int t = output->steps - 1; path && t >= 0; t--) {
    path[t] = (uint8_t)(state % 2 ? word[state / 2] - '0' : OD_CTC_BLANK);
    state -= from[t * states + state];
  }
  return result;
}

/* Length of the longest word that fits into the time steps. */
static size_t longest_word(const od_ctc_output *output, const od_read_options *options) {
  size_t longest = 0;
  for (int i = 0; i < options->word_count; i++) {
    const size_t length = strlen(options->words[i]);
    if (length <= (size_t)output->steps && length > longest) longest = length;
  }
  return longest;
}

od_status od_lexicon_path(const od_ctc_output *output, const od_read_options *options,
                          uint8_t *path, bool *found, od_error *error) {
  const size_t longest = longest_word(output, options), states = 2 * longest + 1;
  double *best = od_allocate(states, sizeof *best), max_log = od_impossible / 2;
  uint8_t *from = od_allocate(states, (size_t)output->steps);
  const bool allocated = best && from;
  const char *word = NULL;
  for (int i = 0; allocated && i < options->word_count; i++) {
    const size_t length = strlen(options->words[i]);
    if (length > longest || (options->length && length != (size_t)options->length)) continue;
    const double log = align(output, options->words[i], best, from, NULL);
    if (log <= max_log) continue;
    max_log = log;
    word = options->words[i];
  }
  if (word) align(output, word, best, from, path);
  *found = word != NULL;
  od_release(best);
  od_release(from);
  return allocated ? OD_OK : od_fail_memory(error, "decoding a line");
}
