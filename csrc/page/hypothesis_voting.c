/* The same digits a little wider, larger or smaller are read a little differently, and rightly
 * more often than not. How many there are is put to the vote, each look counting for the
 * probability of all its digits; the first of the looks that found so many is kept, and made to
 * say what all of these say of each digit together. */
#include <math.h>

#include "base/math.h"
#include "base/memory.h"
#include "page/read_state.h"

/* No look is surer than this. */
static const double least_probability = 1e-4;

typedef struct look {
  const od_line_hypothesis *line;
  int count;
  const od_decoded_symbol *digits; /* (count) */
} look;

/* The probability of all of its digits; of a blank line, that it is one. */
static double weight_of(const look *seen) {
  double weight = 1;
  for (int i = 0; i < seen->count; i++) weight *= (double)seen->digits[i].confidence;
  for (int t = 0; t < seen->line->columns && !seen->count; t++)
    weight *= (double)seen->line->scores[t * OD_CTC_CLASSES + OD_CTC_BLANK];
  return weight;
}

/* The first of the looks whose number of digits has most votes. */
static int choose(int looks, const look *seen) {
  int best = 0;
  double most = -1;
  for (int k = 0; k < looks; k++) {
    double votes = 0;
    for (int j = 0; j < looks; j++)
      if (seen[j].count == seen[k].count) votes += weight_of(&seen[j]);
    if (votes > most) best = k, most = votes;
  }
  return best;
}

/* What the looks that agree with the chosen on the number of digits say of digit i: says
 * (OD_CTC_CLASSES), the geometric mean. */
static void find_mean(int looks, const look *seen, int chosen, int i, double *says) {
  double logs[OD_CTC_CLASSES] = {0};
  int agreeing = 0;
  for (int k = 0; k < looks; k++) {
    if (seen[k].count != seen[chosen].count) continue;
    agreeing++;
    for (int c = 0; c < OD_CTC_CLASSES; c++)
      logs[c] += log(fmax(od_symbol_posterior(&seen[k].digits[i], c), least_probability));
  }
  for (int c = 0; c < OD_CTC_CLASSES; c++) logs[c] /= agreeing;
  od_softmax_double(OD_CTC_CLASSES, logs, says);
}

/* Whether there is no column between a digit and one of its neighbours. */
static bool touches(const look *seen, int i) {
  const od_decoded_symbol *digit = &seen->digits[i];
  return (i && digit[-1].last + 1 == digit->first) ||
         (i + 1 < seen->count && digit->last + 1 == digit[1].first);
}

/* Makes the chosen look say what all say of each digit. One that touches another stays what it
 * is: two of the same without a blank between would be one. */
static void rewrite(int looks, const look *seen, int chosen, od_real *scores) {
  const look *kept = &seen[chosen];
  for (int i = 0; i < kept->count; i++) {
    double says[OD_CTC_CLASSES];
    find_mean(looks, seen, chosen, i, says);
    if ((int)od_argmax_double(OD_CTC_CLASSES, says) == kept->digits[i].value || !touches(kept, i))
      od_rescore_columns(&kept->digits[i], says, scores);
  }
}

/* The one line that looks at it make, with memory (columns of all looks) for what they say. */
static od_status settle(int looks, od_line_hypothesis *lines, od_decoded_symbol *spelled, od_line_hypothesis *line,
                        od_error *error) {
  const od_read_limits any = {0};
  look seen[OD_MAX_HYPOTHESES];
  od_status status = OD_OK;
  for (int k = 0; k < looks && !status; k++) {
    seen[k] = (look){.line = &lines[k], .digits = spelled};
    status = od_ctc_decode(lines[k].columns, lines[k].scores, &any, spelled, &seen[k].count, error);
    spelled += seen[k].count;
  }
  if (status) return status;
  const int chosen = choose(looks, seen);
  rewrite(looks, seen, chosen, lines[chosen].scores);
  *line = lines[chosen];
  return OD_OK;
}

od_status od_vote_hypotheses(od_read_job *job, od_error *error) {
  const int looks = job->looks, lines = job->line_count / looks;
  size_t most = 0;
  if (looks == 1) return OD_OK;
  for (int i = 0; i < lines; i++) {
    size_t columns = 0;
    for (int k = 0; k < looks; k++) columns += (size_t)job->lines[i * looks + k].columns;
    if (columns > most) most = columns;
  }
  od_decoded_symbol *spelled = od_allocate(most, sizeof *spelled);
  od_status status = spelled ? OD_OK : od_fail_memory(error, "reading the lines of a page");
  for (int i = 0; i < lines && !status; i++)
    status = settle(looks, job->lines + i * looks, spelled, &job->lines[i], error);
  od_release(spelled);
  job->looks = 1;
  job->line_count = lines;
  return status;
}
