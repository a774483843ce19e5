/* Hypothesis voting. The number of symbols of a line is decided by a vote in which each hypothesis
 * weighs as much as the product of its confidences. The first hypothesis with that number is kept,
 * and each of its symbols rescored to the geometric mean of the posteriors of all hypotheses with
 * that number. A symbol that only other hypotheses have is added with the mean posterior of all, so
 * that it is verified if it has a component of its own. */
#include <math.h>
#include <stdlib.h>

#include "base/math.h"
#include "base/memory.h"
#include "page/ctc_decoding.h"
#include "page/line_hypotheses.h"

/* Floor of posteriors in the geometric mean. */
static const double min_posterior = 1e-4;

/* Distances in time steps: up to which symbols of two hypotheses are the same, and from which they
 * are different. */
static const double same_symbol = 1.5, min_separation = 2;

typedef struct ballot {
  const od_line_hypothesis *hypothesis;
  int count;
  const od_decoded_symbol *symbols; /* (count) */
} ballot;

/* The probability of all symbols; of a blank line, that of the blank path. */
static double weight_of(const ballot *vote) {
  double weight = 1;
  for (int i = 0; i < vote->count; i++)
    weight *= vote->symbols[i].posteriors[vote->symbols[i].value];
  for (int t = 0; t < vote->hypothesis->steps && !vote->count; t++)
    weight *= (double)vote->hypothesis->probabilities[t * OD_CTC_CLASSES + OD_CTC_BLANK];
  return weight;
}

/* Index of the first hypothesis whose number of symbols has the largest weight; *agreement gets the
 * proportion of all weights. */
static int find_winner(int hypotheses, const ballot *votes, double *agreement) {
  int winner = 0;
  double weights[OD_MAX_HYPOTHESES], max_weight = -1, total = 0;
  for (int k = 0; k < hypotheses; k++) total += weights[k] = weight_of(&votes[k]);
  for (int k = 0; k < hypotheses; k++) {
    double weight = 0;
    for (int j = 0; j < hypotheses; j++)
      if (votes[j].count == votes[k].count) weight += weights[j];
    if (weight > max_weight) winner = k, max_weight = weight;
  }
  *agreement = total > 0 ? max_weight / total : 1;
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
      logs[c] += log(fmax(votes[k].symbols[i].posteriors[c], min_posterior));
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

/* ---- symbols that the winner lacks ---- */

/* The time step of `to` at the middle of a symbol of another hypothesis of the line. */
static int step_of(const od_decoded_symbol *symbol, const od_line_hypothesis *from,
                   const od_line_hypothesis *to) {
  const double column = 0.5 * OD_CTC_STRIDE * (symbol->first + symbol->last + 1);
  const double x = from->geometry.left + column * from->geometry.scale_x;
  return (int)floor((x - to->geometry.left) / (OD_CTC_STRIDE * to->geometry.scale_x));
}

/* Index of the symbol of a hypothesis that is nearest to time step `step` of `winner`, within
 * max_distance of its time steps; -1: none. */
static int find_nearest(const ballot *vote, const od_line_hypothesis *winner, int step,
                        double max_distance) {
  int nearest = -1;
  for (int i = 0; i < vote->count; i++) {
    const double distance = abs(step_of(&vote->symbols[i], vote->hypothesis, winner) - step);
    if (distance > max_distance) continue;
    max_distance = distance;
    nearest = i;
  }
  return nearest;
}

/* Raises the probabilities of blank time step `step` of the winner to the mean of the posteriors
 * there, at which hypotheses without a symbol are blank. */
static void add_symbol(int hypotheses, const ballot *votes, const ballot *winner, int step,
                       od_real *probabilities) {
  double mean[OD_SYMBOLS] = {0}, blank = 1;
  od_real *p = probabilities + (size_t)step * OD_CTC_CLASSES;
  for (int k = 0; k < hypotheses; k++) {
    const int i = find_nearest(&votes[k], winner->hypothesis, step, same_symbol);
    for (int s = 0; s < OD_SYMBOLS && i >= 0; s++)
      mean[s] += votes[k].symbols[i].posteriors[s] / hypotheses;
  }
  for (int s = 0; s < OD_SYMBOLS; s++) blank -= mean[s];
  if (blank >= (double)p[OD_CTC_BLANK]) return;
  for (int s = 0; s < OD_SYMBOLS; s++) p[s] = (od_real)mean[s];
  p[OD_CTC_BLANK] = (od_real)blank;
}

/* Adds to the winner's probabilities symbols of the other hypotheses that are far from its own. */
static void add_missing(int hypotheses, const ballot *votes, const ballot *winner,
                        od_real *probabilities) {
  for (int k = 0; k < hypotheses; k++) {
    if (&votes[k] == winner) continue;
    for (int i = 0; i < votes[k].count; i++) {
      const int step = step_of(&votes[k].symbols[i], votes[k].hypothesis, winner->hypothesis);
      if (step >= 0 && step < winner->hypothesis->steps &&
          find_nearest(winner, winner->hypothesis, step, min_separation) < 0)
        add_symbol(hypotheses, votes, winner, step, probabilities);
    }
  }
}

/* Votes on a line of `count` hypotheses: *winner gets the one that is kept. symbols (time steps of
 * all hypotheses) is for work. */
static od_status vote_on_line(int count, const od_line_hypothesis *hypotheses,
                              od_decoded_symbol *symbols, od_line_hypothesis *winner,
                              od_error *error) {
  ballot votes[OD_MAX_HYPOTHESES];
  od_status status = OD_OK;
  for (int k = 0; k < count && !status; k++) {
    if (k && !hypotheses[k].steps) count = k; /* the others were not needed */
    if (k == count) break;
    votes[k] = (ballot){.hypothesis = &hypotheses[k], .symbols = symbols};
    status = od_ctc_decode(hypotheses[k].steps, hypotheses[k].probabilities, symbols,
                           &votes[k].count, error);
    symbols += votes[k].count;
  }
  if (status) return status;
  double agreement;
  const int chosen = find_winner(count, votes, &agreement);
  rescore(count, votes, chosen, hypotheses[chosen].probabilities);
  add_missing(count, votes, &votes[chosen], hypotheses[chosen].probabilities);
  *winner = hypotheses[chosen];
  winner->agreement = agreement;
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
