#include "read/lattice.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

/* A line costs this much for each piece left out, and more the larger that is; what is surely
 * not a digit costs little besides. */
static const double leave_cost = 0.5, leave_size_cost = 3;
/* No piece costs more than this for looking like a digit, and none is surer than this. */
static const double most_cost = 6, least_probability = 1e-6;
/* Candidates lower than this share of the line's digits are hardly ever digits. */
static const double least_tall = 0.38, low_cost = 3;
/* A stroke is writing when more than this share of its ink is in digits. */
static const double least_used = 0.5;
static const double other_weight = 0.3;
static const double never = -1e30;

typedef struct lattice {
  const od_page *page;
  const od_text_line *line;
  const float *probabilities; /* (candidates, 11) */
  const od_candidate *candidates;
  int count;        /* candidates of the line */
  double *leave;    /* (pieces): log of leaving a piece out */
  double *offset;   /* (candidates): added to the log probability of each digit */
  double *weight;   /* (candidates): pieces, by which it is multiplied */
  double *forward;  /* (pieces + 1): log of all ways up to a place */
  double *backward; /* (pieces + 1) */
  double *best;     /* (pieces + 1, rows): log of the best way; rows as a search needs */
  int32_t *from;    /* (pieces + 1, rows): the candidate that ends it, -1 for a piece left out */
  int rows;
} lattice;

static double log_of(float probability) {
  return log(fmax((double)probability, least_probability));
}

static double add_logs(double a, double b) {
  const double high = fmax(a, b), low = fmin(a, b);
  return low - high < -40 ? high : high + log1p(exp(low - high));
}

static double score(const lattice *work, int candidate, int digit) {
  const float p = work->probabilities[candidate * OD_READ_CLASSES + digit];
  return work->weight[candidate] * log_of(p) + work->offset[candidate];
}

static int first_piece(const lattice *work, int candidate) {
  return work->candidates[candidate].first - work->line->first;
}
static int end_piece(const lattice *work, int candidate) {
  return work->candidates[candidate].last - work->line->first + 1;
}

/* The digit that a candidate is likeliest to be. */
static int likeliest(const lattice *work, int candidate) {
  const float *p = work->probabilities + candidate * OD_READ_CLASSES;
  int best = 0;
  for (int d = 1; d < OD_DIGITS; d++)
    if (p[d] > p[best]) best = d;
  return best;
}

static void weigh(lattice *work) {
  const double height = work->line->height;
  for (int k = 0; k < work->line->count; k++) {
    const od_piece *piece = &work->page->pieces[work->line->first + k];
    const double tall = (piece->bottom - piece->top) / height;
    const double wide = (piece->right - piece->left) / height;
    work->leave[k] = -leave_cost - leave_size_cost * fmin(1, fmax(tall, 0.7 * wide));
  }
  for (int i = 0; i < work->count; i++) {
    const od_candidate *candidate = &work->candidates[i];
    const double tall = (candidate->bottom - candidate->top) / height;
    work->weight[i] = candidate->last - candidate->first + 1;
    work->offset[i] = tall < least_tall ? -low_cost : 0;
    if (candidate->first == candidate->last) {
      const float p = work->probabilities[i * OD_READ_CLASSES + OD_DIGITS];
      work->leave[first_piece(work, i)] += fmax(log_of(p), -most_cost);
    }
  }
}

/* Fills forward and backward with the logs of all ways together. */
static void sum_ways(lattice *work) {
  const int pieces = work->line->count;
  for (int k = 0; k <= pieces; k++) work->forward[k] = work->backward[k] = never;
  work->forward[0] = work->backward[pieces] = 0;
  int next = 0; /* candidates come by first piece */
  for (int k = 0; k < pieces; k++) {
    work->forward[k + 1] = add_logs(work->forward[k + 1], work->forward[k] + work->leave[k]);
    for (; next < work->count && first_piece(work, next) == k; next++)
      for (int d = 0; d < OD_DIGITS; d++) {
        double *end = &work->forward[end_piece(work, next)];
        *end = add_logs(*end, work->forward[k] + score(work, next, d));
      }
  }
  next = work->count - 1;
  for (int k = pieces - 1; k >= 0; k--) {
    work->backward[k] = work->backward[k + 1] + work->leave[k];
    for (; next >= 0 && first_piece(work, next) == k; next--)
      for (int d = 0; d < OD_DIGITS; d++)
        work->backward[k] = add_logs(work->backward[k],
                                     work->backward[end_piece(work, next)] + score(work, next, d));
  }
}

/* Takes a way to row `row` of place `end` where it is the best so far. */
static void offer(lattice *work, int end, int row, double value, int from) {
  const int at = end * work->rows + row;
  if (value <= work->best[at]) return;
  work->best[at] = value;
  work->from[at] = from;
}

/* The best way to each place. With one row, any number of digits; otherwise row r has r digits,
 * which are those of `word` where there is one. */
static void find_ways(lattice *work, int rows, const char *word) {
  const int pieces = work->line->count;
  work->rows = rows;
  for (int i = 0; i < (pieces + 1) * rows; i++) work->best[i] = never;
  work->best[0] = 0;
  int next = 0;
  for (int k = 0; k < pieces; k++) {
    const double *here = work->best + k * rows;
    for (int row = 0; row < rows; row++)
      if (here[row] > never) offer(work, k + 1, row, here[row] + work->leave[k], -1);
    for (; next < work->count && first_piece(work, next) == k; next++) {
      const int end = end_piece(work, next), free_digit = likeliest(work, next);
      if (rows == 1) offer(work, end, 0, here[0] + score(work, next, free_digit), next);
      for (int row = 0; row + 1 < rows; row++) {
        if (here[row] <= never) continue;
        const int digit = word ? word[row] - '0' : free_digit;
        offer(work, end, row + 1, here[row] + score(work, next, digit), next);
      }
    }
  }
}

static double end_of(const lattice *work) {
  return work->best[(work->line->count + 1) * work->rows - 1];
}

/* How much of the shorter one's pieces two candidates share. */
static double shared(const od_candidate *a, const od_candidate *b) {
  const int first = a->first > b->first ? a->first : b->first;
  const int last = a->last < b->last ? a->last : b->last;
  const int in_a = a->last - a->first + 1, in_b = b->last - b->first + 1;
  return (double)(last - first + 1) / (in_a < in_b ? in_a : in_b);
}

/* How likely each digit is at the place of a candidate: of all ways, the share that has it in a
 * candidate of mostly the same pieces. */
static void find_confidence(const lattice *work, int chosen, od_read_digit *digit) {
  const od_candidate *own = &work->candidates[chosen];
  const double all = work->backward[0];
  double share[OD_DIGITS] = {0}, sum = 0;
  for (int i = 0; i < work->count; i++) {
    const od_candidate *other = &work->candidates[i];
    if (other->first > own->last) break;
    if (other->last < own->first || shared(own, other) <= 0.5) continue;
    const double around =
        work->forward[first_piece(work, i)] + work->backward[end_piece(work, i)] - all;
    for (int d = 0; d < OD_DIGITS; d++) share[d] += exp(fmin(around + score(work, i, d), 0));
  }
  for (int d = 0; d < OD_DIGITS; d++) sum += share[d];
  /* Two candidates that share pieces with the chosen one may both be on one way. */
  const double scale = sum > 1 ? 1 / sum : 1;
  digit->confidence = (float)(scale * share[digit->value]);
  digit->is_digit = (float)(scale * sum);
  for (int d = 0; d < OD_DIGITS; d++)
    digit->probabilities[d] = sum > 0 ? (float)(share[d] / sum) : 0.1f;
}

/* The digits along the best way to the last row; returns how many. */
static int follow_way(const lattice *work, const char *word, od_read_digit *digits) {
  int count = 0, row = work->rows - 1;
  for (int k = work->line->count; k > 0;) {
    const int from = work->from[k * work->rows + row];
    if (from < 0) {
      k--;
      continue;
    }
    const od_candidate *candidate = &work->candidates[from];
    if (work->rows > 1) row--;
    od_read_digit *digit = &digits[count++];
    *digit = (od_read_digit){.line = candidate->line,
                             .first = candidate->first,
                             .last = candidate->last,
                             .value = word ? word[row] - '0' : likeliest(work, from),
                             .left = candidate->left,
                             .top = candidate->top,
                             .right = candidate->right,
                             .bottom = candidate->bottom};
    find_confidence(work, from, digit);
    k = first_piece(work, from);
  }
  for (int i = 0; i < count / 2; i++) {
    const od_read_digit swap = digits[i];
    digits[i] = digits[count - 1 - i];
    digits[count - 1 - i] = swap;
  }
  return count;
}

/* Reads the line of a lattice that is laid out; returns how many digits it has. */
static int read_line(lattice *work, const od_read_limits *limits, od_read_digit *digits) {
  const char *word = NULL;
  double best = never;
  weigh(work);
  sum_ways(work);
  for (int i = 0; i < limits->word_count; i++) {
    const int length = (int)strlen(limits->words[i]);
    if (length > work->line->count || (limits->length && length != limits->length)) continue;
    find_ways(work, length + 1, limits->words[i]);
    if (end_of(work) <= best) continue;
    best = end_of(work);
    word = limits->words[i];
  }
  if (limits->word_count && !word) return 0;
  if (limits->length > work->line->count) return 0;
  const int length = word ? (int)strlen(word) : limits->length;
  find_ways(work, length ? length + 1 : 1, word);
  return end_of(work) > never ? follow_way(work, word, digits) : 0;
}

/* Drops digits cut out of strokes of which half is left out: parts of letters and drawings.
 * share (2, piece_count) is scratch. Returns how many stay. */
static int drop_parts(const od_page *page, int count, od_read_digit *digits, double *share) {
  const size_t pieces = (size_t)page->piece_count;
  double *used = share, *all = share + pieces;
  memset(share, 0, 2 * pieces * sizeof *share);
  for (int i = 0; i < page->piece_count; i++) all[page->pieces[i].stroke] += page->pieces[i].mass;
  for (int i = 0; i < count; i++)
    for (int k = digits[i].first; k <= digits[i].last; k++)
      used[page->pieces[k].stroke] += page->pieces[k].mass;
  int kept = 0;
  for (int i = 0; i < count; i++) {
    double own = 0, whole = 0; /* of the strokes that it is made of */
    for (int k = digits[i].first; k <= digits[i].last; k++) {
      own += page->pieces[k].mass * used[page->pieces[k].stroke];
      whole += page->pieces[k].mass * all[page->pieces[k].stroke];
    }
    if (own > least_used * whole) digits[kept++] = digits[i];
  }
  return kept;
}

void od_mix_opinions(size_t count, const float *others, float *probabilities) {
  for (size_t i = 0; i < count; i++, others += OD_DIGITS, probabilities += OD_READ_CLASSES) {
    double mixed[OD_DIGITS], sum = 0, is_digit = 0;
    for (int d = 0; d < OD_DIGITS; d++) {
      is_digit += (double)probabilities[d];
      mixed[d] =
          exp((1 - other_weight) * log_of(probabilities[d]) + other_weight * log_of(others[d]));
      sum += mixed[d];
    }
    for (int d = 0; d < OD_DIGITS; d++) probabilities[d] = (float)(mixed[d] / sum * is_digit);
  }
}

/* Memory for the longest line and word. */
static od_status lattice_create(const od_page *page, const od_read_limits *limits, lattice *work,
                                od_error *error) {
  size_t longest = 0, rows = (size_t)limits->length + 1, most = 0;
  for (int i = 0; i < page->line_count; i++)
    if ((size_t)page->lines[i].count > longest) longest = (size_t)page->lines[i].count;
  for (int i = 0; i < limits->word_count; i++) {
    const size_t length = strlen(limits->words[i]);
    if (length <= longest && length + 1 > rows) rows = length + 1;
  }
  if (rows > longest + 1) rows = longest + 1;
  const size_t candidates = (size_t)page->candidate_count;
  if (!od_multiply_size(longest + 1, rows, &most)) return od_fail_memory(error, "reading a line");
  *work = (lattice){.page = page};
  work->leave = od_allocate(3 * (longest + 1) + 2 * candidates + most, sizeof *work->leave);
  work->from = od_allocate(most, sizeof *work->from);
  if (!work->leave || !work->from) {
    od_release(work->leave);
    od_release(work->from);
    return od_fail_memory(error, "reading a line");
  }
  work->forward = work->leave + longest + 1;
  work->backward = work->forward + longest + 1;
  work->offset = work->backward + longest + 1;
  work->weight = work->offset + candidates;
  work->best = work->weight + candidates;
  return OD_OK;
}

od_status od_page_decode(const od_page *page, const float *probabilities,
                         const od_read_limits *limits, od_read_digit *digits, int *count,
                         od_error *error) {
  lattice work;
  *count = 0;
  const od_status status = lattice_create(page, limits, &work, error);
  if (status) return status;
  double *share = od_allocate(2 * (size_t)page->piece_count, sizeof *share);
  int begin = 0;
  for (int i = 0; share && i < page->line_count; i++) {
    int end = begin;
    while (end < page->candidate_count && page->candidates[end].line == i) end++;
    work.line = &page->lines[i];
    work.candidates = page->candidates + begin;
    work.probabilities = probabilities + (size_t)begin * OD_READ_CLASSES;
    work.count = end - begin;
    *count += read_line(&work, limits, digits + *count);
    begin = end;
  }
  if (share && !limits->length && !limits->word_count)
    *count = drop_parts(page, *count, digits, share);
  const bool enough = share != NULL;
  od_release(share);
  od_release(work.leave);
  od_release(work.from);
  return enough ? OD_OK : od_fail_memory(error, "reading a page");
}
