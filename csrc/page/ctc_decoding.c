/* The likeliest way through the columns is found state by state (Viterbi): a state is how many
 * digits have been said, and which was the last, or the blank after it. */
#include "page/ctc_decoding.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

enum { DOUBTFUL = 16 }; /* with a column's class: one of those that may be */

static const double never = -1e30;
static const double least_probability = 1e-12;

typedef struct speller {
  int columns;
  const od_real *probabilities; /* (columns, classes) */
  double *log;                /* (columns, classes) */
} speller;

/* ---- the likeliest way ---- */

/* One column of the classes' ways after `said` digits: best (classes), and where each comes
 * from: its own state (0), the blank (1), or 2 + the digit before. before and fewer (classes) are
 * those of the column before after as many digits, and after one less (NULL: none). */
static void extend(const double *log, const double *before, const double *fewer, double *best,
                   int8_t *from) {
  best[OD_CTC_BLANK] = before[OD_CTC_BLANK];
  from[OD_CTC_BLANK] = 0;
  for (int d = 0; d < OD_DIGITS; d++)
    if (before[d] > best[OD_CTC_BLANK]) {
      best[OD_CTC_BLANK] = before[d];
      from[OD_CTC_BLANK] = (int8_t)(2 + d);
    }
  best[OD_CTC_BLANK] += log[OD_CTC_BLANK];
  for (int d = 0; d < OD_DIGITS; d++) {
    best[d] = before[d];
    from[d] = 0;
    for (int c = 0; fewer && c < OD_CTC_CLASSES; c++)
      if (c != d && fewer[c] > best[d]) {
        best[d] = fewer[c];
        from[d] = (int8_t)(c == OD_CTC_BLANK ? 1 : 2 + c);
      }
    best[d] += log[d];
  }
}

/* The likeliest way that says `length` digits: *found, and which class each column has; there
 * may be none. */
static od_status find_way(const speller *work, int length, uint8_t *classes, bool *found,
                          od_error *error) {
  const size_t states = (size_t)(length + 1) * OD_CTC_CLASSES;
  double *best = od_allocate(2 * states, sizeof *best);
  int8_t *from = od_allocate((size_t)work->columns * states, 1);
  if (!best || !from) {
    od_release(best);
    od_release(from);
    return od_fail_memory(error, "reading a line");
  }
  double *here = best, *before = best + states;
  for (size_t i = 0; i < states; i++) before[i] = never;
  before[OD_CTC_BLANK] = 0; /* before the first column */
  for (int t = 0; t < work->columns; t++) {
    for (int said = 0; said <= length; said++)
      extend(work->log + t * OD_CTC_CLASSES, before + said * OD_CTC_CLASSES,
             said ? before + (said - 1) * OD_CTC_CLASSES : NULL, here + said * OD_CTC_CLASSES,
             from + (size_t)t * states + (size_t)(said * OD_CTC_CLASSES));
    double *swap = here;
    here = before;
    before = swap;
  }
  int last = OD_CTC_BLANK, said = length;
  for (int d = 0; d < OD_DIGITS; d++)
    if (before[said * OD_CTC_CLASSES + d] > before[said * OD_CTC_CLASSES + last]) last = d;
  *found = before[said * OD_CTC_CLASSES + last] > never / 2;
  for (int t = work->columns - 1; *found && t >= 0; t--) {
    classes[t] = (uint8_t)last;
    const int way = from[(size_t)t * states + (size_t)(said * OD_CTC_CLASSES + last)];
    if (way == 0) continue;
    if (last != OD_CTC_BLANK) said--;
    last = way == 1 ? OD_CTC_BLANK : way - 2;
  }
  od_release(best);
  od_release(from);
  return OD_OK;
}

/* The likeliest of the first `count` classes in column t. */
static int likeliest(const speller *work, int t, int count) {
  const od_real *p = work->probabilities + t * OD_CTC_CLASSES;
  int best = 0;
  for (int c = 1; c < count; c++)
    if (p[c] > p[best]) best = c;
  return best;
}

static void take_likeliest(const speller *work, uint8_t *classes) {
  for (int t = 0; t < work->columns; t++)
    classes[t] = (uint8_t)likeliest(work, t, OD_CTC_CLASSES);
}

/* The likeliest way that says `word`: from[t][s] is how many states it came up. */
static double find_word(const speller *work, const char *word, double *best, uint8_t *from,
                        uint8_t *classes) {
  const int length = (int)strlen(word), states = 2 * length + 1;
  for (int s = 0; s < states; s++) best[s] = s ? never : 0;
  for (int t = 0; t < work->columns; t++) {
    const double *log = work->log + t * OD_CTC_CLASSES;
    uint8_t *steps = from + t * states;
    for (int s = states - 1; s >= 0; s--) { /* downward: what is read is of the column before */
      const int label = s % 2 ? word[s / 2] - '0' : OD_CTC_BLANK;
      double value = best[s];
      steps[s] = 0;
      if (s > 0 && best[s - 1] > value) value = best[s - 1], steps[s] = 1;
      if (s > 1 && s % 2 && word[s / 2] != word[s / 2 - 1] && best[s - 2] > value)
        value = best[s - 2], steps[s] = 2;
      best[s] = value + log[label];
    }
  }
  int state = states > 1 && best[states - 2] > best[states - 1] ? states - 2 : states - 1;
  const double found = best[state];
  for (int t = work->columns - 1; classes && t >= 0; t--) {
    classes[t] = (uint8_t)(state % 2 ? word[state / 2] - '0' : OD_CTC_BLANK);
    state -= from[t * states + state];
  }
  return found;
}

/* The likeliest word that fits: *found, and as classes; there may be none. */
static od_status choose_word(const speller *work, const od_read_limits *limits, uint8_t *classes,
                             bool *found, od_error *error) {
  size_t longest = 0;
  for (int i = 0; i < limits->word_count; i++) {
    const size_t length = strlen(limits->words[i]);
    if (length <= (size_t)work->columns && length > longest) longest = length;
  }
  const size_t states = 2 * longest + 1;
  double *best = od_allocate(states, sizeof *best), likeliest = never / 2;
  uint8_t *from = od_allocate(states, (size_t)work->columns);
  const bool enough = best && from;
  const char *word = NULL;
  for (int i = 0; enough && i < limits->word_count; i++) {
    const size_t length = strlen(limits->words[i]);
    if (length > longest || (limits->length && length != (size_t)limits->length)) continue;
    const double likely = find_word(work, limits->words[i], best, from, NULL);
    if (likely <= likeliest) continue;
    likeliest = likely;
    word = limits->words[i];
  }
  if (word) find_word(work, word, best, from, classes);
  *found = word != NULL;
  od_release(best);
  od_release(from);
  return enough ? OD_OK : od_fail_memory(error, "reading a line");
}

/* ---- confidence ---- */

/* The probability that columns begin..end - 1 say `digit` and nothing else; -1: nothing. */
static double say(const speller *work, int begin, int end, int digit) {
  double before = 1, within = 0, after = 0; /* blank, digit, blank */
  for (int t = begin; t < end; t++) {
    const od_real *p = work->probabilities + t * OD_CTC_CLASSES;
    const double blank = (double)p[OD_CTC_BLANK], own = digit < 0 ? 0 : (double)p[digit];
    after = (after + within) * blank;
    within = (within + before) * own;
    before *= blank;
  }
  return digit < 0 ? before : within + after;
}

/* What the columns between a digit's neighbours say there is. */
static void find_confidence(const speller *work, int begin, int end, od_decoded_symbol *digit) {
  double sum = 0, one[OD_DIGITS];
  for (int d = 0; d < OD_DIGITS; d++) sum += one[d] = say(work, begin, end, d);
  const double all = sum + say(work, begin, end, -1);
  digit->is_digit = (float)(all > 0 ? sum / all : 0);
  for (int d = 0; d < OD_DIGITS; d++)
    digit->probabilities[d] = (float)(sum > 0 ? one[d] / sum : 1.0 / OD_DIGITS);
  digit->confidence = digit->is_digit * digit->probabilities[digit->value];
}

/* ---- what may be a digit ---- */

static double probability_of(const speller *work, int t, int class) {
  return (double)work->probabilities[t * OD_CTC_CLASSES + class];
}

/* Whether column t still says, or already, what its neighbour `beside` says more of. */
static bool trails(const speller *work, int t, int beside) {
  const int digit = likeliest(work, t, OD_DIGITS);
  return digit == likeliest(work, beside, OD_DIGITS) &&
         probability_of(work, t, digit) <= probability_of(work, beside, digit);
}

/* Finds the likeliest digit among blank columns, if any may be one: *first..*last of them. A
 * digit's neighbours are left a column apart. */
static bool find_doubtful(const speller *work, int begin, int end, int *digit, int *first,
                          int *last) {
  if (begin > 0) begin++;
  if (end < work->columns) end--;
  while (begin > 0 && begin < end && trails(work, begin, begin - 1)) begin++;
  while (end < work->columns && begin < end && trails(work, end - 1, end)) end--;
  if (begin >= end) return false;
  double sum = 0, most = 0;
  *digit = 0;
  for (int d = 0; d < OD_DIGITS; d++) {
    const double one = say(work, begin, end, d);
    if (one > most) most = one, *digit = d;
    sum += one;
  }
  if (!(sum >= OD_LOW_CONFIDENCE * (sum + say(work, begin, end, -1)))) return false;
  int peak = begin;
  for (int t = begin; t < end; t++)
    if (probability_of(work, t, *digit) > probability_of(work, peak, *digit)) peak = t;
  const double level = probability_of(work, peak, *digit) / 2;
  for (*first = peak; *first > begin && probability_of(work, *first - 1, *digit) >= level;)
    --*first;
  for (*last = peak; *last + 1 < end && probability_of(work, *last + 1, *digit) >= level;) ++*last;
  return true;
}

/* Has blank columns begin..end - 1, between digits or the line's ends, say what may be there. */
static void mark_doubtful(const speller *work, int begin, int end, uint8_t *classes) {
  int digit, first, last;
  if (!find_doubtful(work, begin, end, &digit, &first, &last)) return;
  memset(classes + first, DOUBTFUL | digit, (size_t)(last - first + 1));
  mark_doubtful(work, begin, first, classes);
  mark_doubtful(work, last + 1, end, classes);
}

static void mark_all_doubtful(const speller *work, uint8_t *classes) {
  for (int t = 0, begin = 0; t <= work->columns; t++) {
    if (t < work->columns && classes[t] == OD_CTC_BLANK) continue;
    if (begin < t) mark_doubtful(work, begin, t, classes);
    begin = t + 1;
  }
}

/* ---- a line ---- */

static int list_digits(int columns, const uint8_t *classes, od_decoded_symbol *digits) {
  int count = 0;
  for (int t = 0; t < columns; t++) {
    if (classes[t] == OD_CTC_BLANK) continue;
    if (t && classes[t] == classes[t - 1])
      digits[count - 1].last = t;
    else
      digits[count++] = (od_decoded_symbol){.value = classes[t] & ~DOUBTFUL,
                                     .first = t,
                                     .last = t,
                                     .doubtful = classes[t] & DOUBTFUL};
  }
  return count;
}

static void take_logarithms(const speller *work) {
  for (size_t i = 0; i < (size_t)work->columns * OD_CTC_CLASSES; i++)
    work->log[i] = log(fmax((double)work->probabilities[i], least_probability));
}

static od_status spell(const speller *work, const od_read_limits *limits, uint8_t *classes,
                       bool *found, od_error *error) {
  *found = !limits || (!limits->word_count && !limits->length);
  if (*found) take_likeliest(work, classes);
  if (!limits) mark_all_doubtful(work, classes);
  if (*found) return OD_OK;
  take_logarithms(work);
  if (limits->word_count) return choose_word(work, limits, classes, found, error);
  if (limits->length > work->columns) return OD_OK;
  return find_way(work, limits->length, classes, found, error);
}

od_status od_ctc_decode(int columns, const od_real *probabilities, const od_read_limits *limits,
                   od_decoded_symbol *digits, int *count, od_error *error) {
  speller work = {.columns = columns, .probabilities = probabilities};
  bool found = false;
  *count = 0;
  uint8_t *classes = od_allocate((size_t)columns, 1);
  work.log = od_allocate((size_t)columns, OD_CTC_CLASSES * sizeof *work.log);
  od_status status =
      work.log && classes ? OD_OK : od_fail_memory(error, "reading a line");
  if (!status) status = spell(&work, limits, classes, &found, error);
  if (found) *count = list_digits(columns, classes, digits);
  for (int i = 0; i < *count; i++)
    find_confidence(&work, i ? digits[i - 1].last + 1 : 0,
                    i + 1 < *count ? digits[i + 1].first : columns, &digits[i]);
  od_release(work.log);
  od_release(classes);
  return status;
}

/* ---- other opinions ---- */

double od_symbol_posterior(const od_decoded_symbol *digit, int class) {
  return class == OD_CTC_BLANK ? 1 - (double)digit->is_digit
                           : (double)digit->is_digit * (double)digit->probabilities[class];
}

void od_rescore_columns(const od_decoded_symbol *digit, const double *says, od_real *probabilities) {
  static const double least_said = 1e-6;
  const double share = 1.0 / (digit->last - digit->first + 1);
  double factors[OD_CTC_CLASSES];
  for (int c = 0; c < OD_CTC_CLASSES; c++)
    factors[c] = pow(fmax(says[c], least_said) / fmax(od_symbol_posterior(digit, c), least_said), share);
  for (int t = digit->first; t <= digit->last; t++)
    for (int c = 0; c < OD_CTC_CLASSES; c++)
      probabilities[t * OD_CTC_CLASSES + c] *= (od_real)factors[c];
}
