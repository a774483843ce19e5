/* Hypothesis voting. The number of symbols of a line is decided by a vote in which each hypothesis
 * weighs as much as the product of its confidences. The first hypothesis with that number is kept,
 * and each of its symbols rescored to the geometric mean of the posteriors of all hypotheses with
 * that number. */
#include <math.h>

#include "base/math.h"
#include "base/memory.h"
#include "page/ctc_decoding.h"
#include "page/line_hypotheses.h"

/* Floor of posteriors in the geometric mean. */
static const double min_posterior = 1e-4;

typedef struct ballot {
  const od_line_hypothesis *hypothesis;
  int count;
  const od_decoded_symbol *symbols; /* (count) */
} ballot;

/* The probability of all symbols; of a blank line, that of the blank path. */
static double weight_of(const ballot *vote) {
  double weight = 1;
  for (int i = 0; i < vote->count; i++) weight *= (double)vote->symbols[i].confidence;
  for (int t = 0; t < vote->hypothesis->steps && !vote->count; t++)
    weight *= (double)vote->hypothesis->probabilities[t * OD_CTC_CLASSES + OD_CTC_BLANK];
  return weight;
}

/* Index of the first hypothesis whose number of symbols has the largest weight. */
static int find_winner(int hypotheses, const ballot *votes) {
  int winner = 0;
  double max_weight = -1;
  for (int k = 0; k < hypotheses; k++) {
    double weight = 0;
    for (int j = 0; j < hypotheses; j++)
      if (votes[j].count == votes[k].count) weight += weight_of(&votes[j]);
    if (weight > max_weight) winner = k, max_weight = weight;
  }
  return winner;
}

/* Geometric mean (OD_CTC_CLASSES) of the posteriors of symbol i, over the hypotheses with as many
 * symbols as the winner. */
static void mean_posteriors(int hypotheses, const ballot *votes, int winner, int i, double *mean) {
  double logs[OD_CTC_CLASSES] = {0};
  int agreeing = 0;
  for (int k = 0; k < hypotheses; k++) {
    if (votes[k].count != votes[winner].count) continue;
    agreeing++;
    for (int c = 0; c < OD_CTC_CLASSES; c++)
      logs[c] += log(fmax(od_symbol_posterior(&votes[k].symbols[i], c), min_posterior));
  }
  for (int c = 0; c < OD_CTC_CLASSES; c++) logs[c] /= agreeing;
  od_softmax_double(OD_CTC_CLASSES, logs, mean);
}

/* Whether symbol i and one of its neighbours have no time step between them. */
static bool is_adjacent(const ballot *vote, int i) {
  const od_decoded_symbol *symbol = &vote->symbols[i];
  return (i && symbol[-1].last + 1 == symbol->first) ||
         (i + 1 < vote->count && symbol->last + 1 == symbol[1].first);
}

/* Rescores the winner's symbols to the mean posteriors. The class of a symbol adjacent to another
 * is not changed, as two equal ones without a blank between them would collapse. */
static void rescore(int hypotheses, const ballot *votes, int winner, od_real *probabilities) {
  const ballot *kept = &votes[winner];
  for (int i = 0; i < kept->count; i++) {
    double mean[OD_CTC_CLASSES];
    mean_posteriors(hypotheses, votes, winner, i, mean);
    if ((int)od_argmax_double(OD_CTC_CLASSES, mean) == kept->symbols[i].value ||
        !is_adjacent(kept, i))
      od_rescore_symbol(&kept->symbols[i], mean, probabilities);
  }
}

/* Votes on a line of `count` hypotheses: *winner gets the one that is kept. symbols (time steps of
 * all hypotheses) is for work. */
static od_status vote_on_line(int count, const od_line_hypothesis *hypotheses,
                              od_decoded_symbol *symbols, od_line_hypothesis *winner,
                              od_error *error) {
  const od_read_options unconstrained = {0};
  ballot votes[OD_MAX_HYPOTHESES];
  od_status status = OD_OK;
  for (int k = 0; k < count && !status; k++) {
    if (k && !hypotheses[k].steps) count = k; /* the others were not needed */
    if (k == count) break;
    votes[k] = (ballot){.hypothesis = &hypotheses[k], .symbols = symbols};
    status = od_ctc_decode(hypotheses[k].steps, hypotheses[k].probabilities, &unconstrained,
                           symbols, &votes[k].count, error);
    symbols += votes[k].count;
  }
  if (status) return status;
  const int chosen = find_winner(count, votes);
  rescore(count, votes, chosen, hypotheses[chosen].probabilities);
  *winner = hypotheses[chosen];
  return OD_OK;
}

od_status od_hypotheses_vote(od_line_hypotheses *hypotheses, od_error *error) {
  const int per_line = hypotheses->per_line, lines = hypotheses->count / per_line;
  od_line_hypothesis *items = hypotheses->items;
  size_t max_steps = 0;
  if (per_line == 1) return OD_OK;
  for (int i = 0; i < lines; i++) {
    size_t steps = 0;
    for (int k = 0; k < per_line; k++) steps += (size_t)items[i * per_line + k].steps;
    max_steps = od_max_size(max_steps, steps);
  }
  od_decoded_symbol *symbols = od_allocate(max_steps, sizeof *symbols);
  od_status status = symbols ? OD_OK : od_fail_memory(error, "the votes on a line");
  for (int i = 0; i < lines && !status; i++)
    status = vote_on_line(per_line, items + i * per_line, symbols, &items[i], error);
  od_release(symbols);
  hypotheses->per_line = 1;
  hypotheses->count = lines;
  return status;
}
