/* The sums over all ways go over states: a blank before, between and after the labels, and
 * the labels. Each column's sums are scaled to 1 (Rabiner, 1989), so that no product of many
 * probabilities vanishes, and the scales give the loss. */
#include <math.h>
#include <string.h>

#include "nn/ctc.h"
#include "base/math.h"
#include "nn/ops.h"

/* What a probability counts for at least: even of ways this unlikely one is the likeliest. */
static const double least_probability = 1e-30;

static size_t length_of(const uint8_t *labels, size_t most, int blank) {
  const uint8_t *end = most ? memchr(labels, blank, most) : NULL;
  return end ? (size_t)(end - labels) : most;
}

size_t od_ctc_min_columns(const uint8_t *labels, size_t length, int blank) {
  const size_t own = length_of(labels, length, blank);
  size_t columns = own;
  for (size_t i = 1; i < own; i++) columns += labels[i] == labels[i - 1];
  return columns;
}

typedef struct ways {
  size_t columns, classes, states, blank;
  const uint8_t *labels;
  double *probabilities; /* (columns, classes) */
  double *forward;       /* (columns, states): all ways that lead to a state, a row's sum 1 */
} ways;

static size_t label_of(const ways *all, size_t state) {
  return state % 2 ? all->labels[state / 2] : all->blank;
}

/* Whether the blank before state s may be left out. */
static bool may_skip(const ways *all, size_t s) {
  return s % 2 && s > 1 && all->labels[s / 2] != all->labels[s / 2 - 1];
}

static void find_probabilities(const ways *all, const od_real *scores) {
  for (size_t t = 0; t < all->columns; t++, scores += all->classes) {
    double *p = all->probabilities + t * all->classes, sum = 0;
    double largest = (double)scores[od_argmax(all->classes, scores)];
    for (size_t k = 0; k < all->classes; k++) sum += p[k] = exp((double)scores[k] - largest);
    for (size_t k = 0; k < all->classes; k++) p[k] = fmax(p[k] / sum, least_probability);
  }
}

/* Scales a row to the sum 1; returns what that was. */
static double scale_row(size_t states, double *row) {
  double sum = 0;
  for (size_t s = 0; s < states; s++) sum += row[s];
  for (size_t s = 0; s < states; s++) row[s] /= sum;
  return sum;
}

/* Returns the loss. */
static double sum_forward(const ways *all) {
  double loss = 0;
  for (size_t t = 0; t < all->columns; t++) {
    const double *p = all->probabilities + t * all->classes;
    double *row = all->forward + t * all->states;
    const double *before = t ? row - all->states : NULL;
    /* states that the columns left cannot lead to the end from are of no way */
    size_t left = 2 * (all->columns - t), first = all->states > left ? all->states - left : 0;
    for (size_t s = 0; s < all->states; s++) {
      double sum = 0;
      if (before)
        sum = before[s] + (s ? before[s - 1] : 0) + (may_skip(all, s) ? before[s - 2] : 0);
      else
        sum = s < 2;
      row[s] = s < first ? 0 : sum * p[label_of(all, s)];
    }
    loss -= log(scale_row(all->states, row));
  }
  return loss;
}

/* From the last column back; `after` and `row` (states) are scratch, share (classes) what the
 * ways through a column say there. */
static void differentiate(const ways *all, double weight, double *after, double *row,
                          double *share, od_real *gradient) {
  for (size_t s = 0; s < all->states; s++) after[s] = s + 2 >= all->states;
  for (size_t t = all->columns; t-- > 0;) {
    const double *p = all->probabilities + t * all->classes;
    const double *forward = all->forward + t * all->states;
    double sum = 0;
    memset(share, 0, all->classes * sizeof *share);
    for (size_t s = 0; s < all->states; s++) {
      double through = forward[s] * after[s];
      share[label_of(all, s)] += through;
      sum += through;
    }
    for (size_t k = 0; k < all->classes; k++)
      gradient[t * all->classes + k] = (od_real)(weight * (p[k] - share[k] / sum));
    for (size_t s = 0; s < all->states; s++) row[s] = after[s] * p[label_of(all, s)];
    for (size_t s = 0; s < all->states; s++)
      after[s] = row[s] + (s + 1 < all->states ? row[s + 1] : 0) +
                 (s + 2 < all->states && may_skip(all, s + 2) ? row[s + 2] : 0);
    scale_row(all->states, after);
  }
}

size_t od_ctc_best_path(size_t columns, size_t classes, const od_real *scores, uint8_t *labels) {
  size_t count = 0, before = classes - 1;
  for (size_t t = 0; t < columns; t++) {
    const size_t likeliest = od_argmax(classes, scores + t * classes);
    if (likeliest != before && likeliest + 1 != classes) labels[count++] = (uint8_t)likeliest;
    before = likeliest;
  }
  return count;
}

static size_t doubles_of(size_t columns, size_t classes) {
  const size_t states = 2 * columns + 1;
  return columns * (classes + states) + 2 * states + classes;
}

size_t od_ctc_scratch(size_t columns, size_t classes) {
  return doubles_of(columns, classes) * sizeof(double) + columns;
}

double od_ctc_loss(size_t columns, size_t classes, const od_real *scores, const uint8_t *labels,
                    size_t length, double weight, od_real *gradient, void *scratch, bool *right) {
  const size_t own = length_of(labels, length, (int)classes - 1);
  ways all = {.columns = columns,
              .classes = classes,
              .states = 2 * own + 1,
              .blank = classes - 1,
              .labels = labels,
              .probabilities = scratch,
              .forward = (double *)scratch + columns * classes};
  double *after = all.forward + columns * all.states, *row = after + all.states;
  uint8_t *read = (uint8_t *)((double *)scratch + doubles_of(columns, classes));
  *right = od_ctc_best_path(columns, classes, scores, read) == own && memcmp(read, labels, own) == 0;
  find_probabilities(&all, scores);
  const double loss = sum_forward(&all);
  differentiate(&all, weight, after, row, row + all.states, gradient);
  return loss;
}
