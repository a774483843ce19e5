/* A page's digits go before the judge in rounds, each an even sample of the page. Where there
 * are so many that it takes several, and few of those judged are clearly digits, the page shows
 * something else, and the others are not judged at all. */
#include <math.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "page/crop.h"
#include "page/read_state.h"

enum { FREQUENCY_TURNS = 20 };
enum { CROP_SIZE = OD_DIGIT_SIDE * OD_DIGIT_SIDE, NONE = OD_DIGITS, OPINIONS = OD_DIGITS + 1 };

/* No opinion is surer than this. */
static const double least_probability = 1e-6;
/* Of what is clearly a digit, no more says that it is none. Most digits are that clear, and of
 * what is none few. */
static const float clearly = 0.1f;

static od_status open_court(od_read_job *job, od_thread_pool *pool, od_error *error) {
  od_verification *court = &job->court;
  const size_t digits = (size_t)job->placed.count;
  const size_t most = digits < OD_VERIFICATION_BATCH ? digits : OD_VERIFICATION_BATCH;
  court->rounds = (job->placed.count + OD_VERIFICATION_BATCH - 1) / OD_VERIFICATION_BATCH;
  court->digits = od_allocate(most, sizeof *court->digits);
  court->crops = od_allocate(most, CROP_SIZE * sizeof *court->crops);
  court->said = od_allocate(most, OPINIONS * sizeof *court->said);
  court->threads = od_thread_pool_threads(pool);
  court->imaging = od_allocate((size_t)court->threads, sizeof *court->imaging);
  court->opinions = od_allocate(digits, OPINIONS * sizeof *court->opinions);
  if (!court->digits || !court->crops || !court->said || !court->imaging || !court->opinions)
    return od_fail_memory(error, "the digits of a page");
  for (int i = 0; i < court->threads; i++) court->imaging[i].kernels = job->page.imaging.kernels;
  return OD_OK;
}

void od_verification_release(od_verification *court) {
  for (int i = 0; court->imaging && i < court->threads; i++)
    od_image_workspace_release(&court->imaging[i]);
  od_release(court->imaging);
  od_release(court->digits);
  od_release(court->crops);
  od_release(court->said);
  od_release(court->opinions);
  memset(court, 0, sizeof *court);
}

static void cut(void *context, int index, int worker) {
  od_read_job *job = context;
  od_verification *court = &job->court;
  od_error ignored;
  const od_status status = od_crop_digit(
      &job->page, &job->placed.digits[court->digits[index]], &court->imaging[worker],
      court->crops + (size_t)index * CROP_SIZE, &ignored);
  if (status) atomic_store(&court->failed, true);
}

od_status od_read_crop_next(od_read_job *job, od_thread_pool *pool, int *count, od_error *error) {
  od_verification *court = &job->court;
  *count = 0;
  if (job->placed.count && !court->opinions) {
    const od_status status = open_court(job, pool, error);
    if (status) return status;
  }
  while (!*count && court->round < court->rounds && 2 * court->found >= court->asked) {
    for (int i = court->round; i < job->placed.count; i += court->rounds)
      if (job->placed.runs[i].count) court->digits[(*count)++] = i;
    court->round++;
  }
  court->count = *count;
  od_thread_pool_run(od_thread_pool_threads(pool) > court->threads ? NULL : pool, cut, job, court->count);
  return court->failed ? od_fail_memory(error, "the digits of a page") : OD_OK;
}

const float *od_read_crop(const od_read_job *job, int index, const od_read_digit **digit) {
  *digit = &job->placed.digits[job->court.digits[index]];
  return job->court.crops + (size_t)index * CROP_SIZE;
}

void od_read_verify(od_read_job *job, const od_model *judge, od_workspace *workspace, int classes,
                    od_thread_pool *pool) {
  od_verification *court = &job->court;
  const od_images crops = {.floats = court->crops,
                           .count = (size_t)court->count,
                           .size = CROP_SIZE,
                           .scale = 1};
  od_model_run(judge, workspace, pool, &crops, true, court->said);
  court->knows_none = classes > OD_DIGITS;
  for (int i = 0; i < court->count; i++) {
    const od_real *said = court->said + i * classes;
    float *opinion = court->opinions + (size_t)court->digits[i] * OPINIONS;
    for (int c = 0; c < classes; c++) opinion[c] = (float)said[c];
    court->found += opinion[NONE] < clearly;
  }
  court->asked += court->count;
}

/* ---- both opinions ---- */

static bool is_judged(const float *opinion) {
  for (int d = 0; d < OD_DIGITS; d++)
    if (opinion[d] > 0) return true;
  return opinion[NONE] > 0;
}

static double log_odds(double probability) { return od_log_odds(probability, least_probability); }

/* The share of each line's ink that its digits have: shares (line_count). */
static void find_shares(const od_read_job *job, double *shares) {
  const od_symbols *placed = &job->placed;
  for (int i = 0; i < placed->count; i++)
    for (int k = 0; k < placed->runs[i].count; k++)
      shares[placed->of[i]] += job->page.pieces[placed->runs[i].first + k].mass;
  for (int i = 0; i < job->line_count; i++) {
    const od_text_line *line = &job->page.lines[job->lines[i].line];
    double mass = 0;
    for (int k = 0; k < line->count; k++) mass += job->page.pieces[line->first + k].mass;
    shares[i] = mass > 0 ? shares[i] / mass : 0;
  }
}

static const od_fusion_weights *weights_for(const od_read_job *job, int index,
                                             const od_fusion *opinions) {
  const bool apart = od_is_isolated(job->placed.count, job->placed.digits, index);
  return apart ? &opinions->apart : &opinions->close;
}

/* Which digit it is: shares (OD_DIGITS). */
static void decide_which(const od_read_job *job, int index, const od_fusion_weights *weights,
                         double *shares) {
  const float *reader = job->placed.spelled[index].probabilities;
  const float *judge = job->court.opinions + (size_t)index * OPINIONS;
  double logs[OD_DIGITS];
  for (int d = 0; d < OD_DIGITS; d++)
    logs[d] = weights->reader * log(fmax((double)reader[d], least_probability)) +
              weights->judge * log(fmax((double)judge[d], least_probability));
  od_softmax_double(OD_DIGITS, logs, shares);
}

/* The logarithm of the odds that it is any, on a line of which digits have `share` of the ink. */
static double weigh(const od_read_job *job, int index, const od_fusion_weights *weights,
                    double share) {
  const double read = (double)job->placed.spelled[index].is_digit;
  const double none = (double)job->court.opinions[(size_t)index * OPINIONS + NONE];
  return weights->constant + weights->read * log_odds(read) +
         weights->judged * log_odds(1 - none) +
         weights->share * log(fmax(share, least_probability));
}

static bool has_verdict(const od_read_job *job, int index) {
  return job->court.knows_none && is_judged(job->court.opinions + (size_t)index * OPINIONS);
}

/* What to add to all of odds (placed digits) for how frequent digits are on the page: by
 * expectation and maximisation. */
static double find_frequency(const od_read_job *job, const od_fusion *opinions,
                             const double *odds) {
  double frequency = opinions->usual;
  for (int turn = 0; turn < FREQUENCY_TURNS; turn++) {
    double found = opinions->known * opinions->usual, all = opinions->known;
    for (int i = 0; i < job->placed.count; i++) {
      if (!has_verdict(job, i)) continue;
      found += od_sigmoid(odds[i] + log_odds(frequency));
      all++;
    }
    if (all > 0) frequency = found / all;
  }
  return log_odds(frequency);
}

/* Whether each digit is any: shares (lines read) of ink, odds (placed digits) for work. */
static void decide_whether(const od_read_job *job, const od_fusion *opinions,
                           const double *shares, double *odds) {
  for (int i = 0; i < job->placed.count; i++)
    odds[i] = weigh(job, i, weights_for(job, i, opinions), shares[job->placed.of[i]]);
  const double frequent = find_frequency(job, opinions, odds);
  for (int i = 0; i < job->placed.count; i++) odds[i] += frequent;
}

/* What both say: together (OPINIONS), given the odds that it is any. */
static void put_together(const od_read_job *job, int index, const od_fusion *opinions,
                         double odds, double *together) {
  const od_decoded_symbol *spelled = &job->placed.spelled[index];
  double any = (double)spelled->is_digit;
  for (int d = 0; d < OD_DIGITS; d++) together[d] = (double)spelled->probabilities[d];
  if (is_judged(job->court.opinions + (size_t)index * OPINIONS)) {
    decide_which(job, index, weights_for(job, index, opinions), together);
    if (job->court.knows_none) any = od_sigmoid(odds);
  } else if (job->placed.runs[index].count) { /* of a page that shows something else */
    any = 0;
  }
  for (int d = 0; d < OD_DIGITS; d++) together[d] *= any;
  together[NONE] = 1 - any;
}

static void take_over(const double *together, od_read_digit *digit) {
  const double any = 1 - together[NONE];
  digit->is_digit = (float)any;
  for (int d = 0; d < OD_DIGITS; d++)
    digit->probabilities[d] = (float)(any > 0 ? together[d] / any : 1.0 / OD_DIGITS);
  digit->confidence = (float)together[digit->value];
}

/* Whether digit i is one for somebody: what the reader doubts needs a judge who knows of none. */
static bool is_kept(const od_read_job *job, int i, double least, const double *together) {
  return 1 - together[NONE] >= least && (!job->placed.spelled[i].doubtful || has_verdict(job, i));
}

static void decide_freely(od_read_job *job, double least, const double *together) {
  od_symbols *placed = &job->placed;
  int kept = 0;
  for (int i = 0; i < placed->count; i++, together += OPINIONS) {
    if (!is_kept(job, i, least, together)) continue;
    od_read_digit *digit = &placed->digits[kept++];
    *digit = placed->digits[i];
    digit->value = (int)od_argmax_double(OD_DIGITS, together);
    take_over(together, digit);
  }
  placed->count = kept;
}

/* Digits (found) that are where judged ones were, of the same line, take over what both say. */
static void take_over_all(const od_symbols *before, const double *together, od_symbols *found) {
  int k = 0;
  for (int i = 0; i < found->count; i++) {
    const od_decoded_symbol *here = &found->spelled[i];
    while (k < before->count && (before->of[k] < found->of[i] ||
                                 (before->of[k] == found->of[i] &&
                                  before->spelled[k].last < here->first)))
      k++;
    if (k < before->count && before->of[k] == found->of[i] &&
        before->spelled[k].first <= here->last)
      take_over(together + (size_t)k * OPINIONS, &found->digits[i]);
  }
}

static od_status decide_within(od_read_job *job, const double *together,
                               const od_read_limits *limits, od_error *error) {
  od_symbols found = {0};
  for (int i = 0; i < job->placed.count; i++)
    od_rescore_columns(&job->placed.spelled[i], together + (size_t)i * OPINIONS,
               job->lines[job->placed.of[i]].scores);
  const od_status status = od_decode_lines(job, limits, &found, error);
  if (!status) take_over_all(&job->placed, together, &found);
  od_symbols_release(&job->placed);
  job->placed = found;
  return status;
}

od_status od_read_decide(od_read_job *job, const od_fusion *opinions,
                         const od_read_limits *limits, od_error *error) {
  const size_t count = (size_t)job->placed.count;
  double *together = od_allocate(count, OPINIONS * sizeof *together);
  double *odds = od_allocate(count, sizeof *odds);
  double *shares = od_allocate((size_t)job->line_count, sizeof *shares);
  od_status status =
      together && odds && shares ? OD_OK : od_fail_memory(error, "the digits of a page");
  if (!status && count) {
    find_shares(job, shares);
    decide_whether(job, opinions, shares, odds);
    for (int i = 0; i < job->placed.count; i++)
      put_together(job, i, opinions, odds[i], together + (size_t)i * OPINIONS);
  }
  if (!status && (limits->length || limits->word_count))
    status = decide_within(job, together, limits, error);
  else if (!status)
    decide_freely(job, opinions->least, together);
  od_release(together);
  od_release(odds);
  od_release(shares);
  return status;
}
