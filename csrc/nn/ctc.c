/* The forward-backward algorithm over states: a blank before, between and after the labels, and
 * the labels. The sums of each time step are scaled to 1 (Rabiner, 1989), so that no product of
 * many probabilities underflows, and the scales give the loss. */
#include "nn/ctc.h"

#include <math.h>
#include <string.h>

#include "base/math.h"

/* Lower bound of a probability, so that some path has a probability above 0. */
static const double min_probability = 1e-30;

static size_t count_labels(const uint8_t *labels, size_t length, int blank) {
  const uint8_t *end = length ? memchr(labels, blank, length) : NULL;
  return end ? (size_t)(end - labels) : length;
}

size_t od_ctc_min_steps(const uint8_t *labels, size_t length, int blank) {
  const size_t count = count_labels(labels, length, blank);
  size_t steps = count;
  for (size_t i = 1; i < count; i++) steps += labels[i] == labels[i - 1];
  return steps;
}

typedef struct lattice {
  size_t steps, classes, states, blank;
  const uint8_t *labels;
  double *probabilities; /* (steps, classes) */
  double *forward;       /* (steps, states): of all paths to a state, each row with sum 1 */
} lattice;

static size_t label_of(const lattice *l, size_t state) {
  return state % 2 ? l->labels[state / 2] : l->blank;
}

/* Whether a path may skip the blank before state s. */
static bool can_skip(const lattice *l, size_t s) {
  return s % 2 && s > 1 && l->labels[s / 2] != l->labels[s / 2 - 1];
}

static void find_probabilities(const lattice *l, const od_real *scores) {
  for (size_t t = 0; t < l->steps; t++, scores += l->classes) {
    double *p = l->probabilities + t * l->classes, sum = 0;
    double max = (double)scores[od_argmax(l->classes, scores)];
    for (size_t k = 0; k < l->classes; k++) sum += p[k] = exp((double)scores[k] - max);
    for (size_t k = 0; k < l->classes; k++) p[k] = fmax(p[k] / sum, min_probability);
  }
}

/* Scales a row to the sum 1; returns the sum before. */
static double scale_row(size_t states, double *row) {
  double sum = 0;
  for (size_t s = 0; s < states; s++) sum += row[s];
  for (size_t s = 0; s < states; s++) row[s] /= sum;
  return sum;
}

/* Fills l->forward; returns the loss. */
static double run_forward(const lattice *l) {
  double loss = 0;
  for (size_t t = 0; t < l->steps; t++) {
    const double *p = l->probabilities + t * l->classes;
    double *row = l->forward + t * l->states;
    const double *before = t ? row - l->states : NULL;
    /* no path reaches the end from states before `first` in the steps that are left */
    size_t left = 2 * (l->steps - t), first = l->states > left ? l->states - left : 0;
    for (size_t s = 0; s < l->states; s++) {
      double sum = 0;
      if (before)
        sum = before[s] + (s ? before[s - 1] : 0) + (can_skip(l, s) ? before[s - 2] : 0);
      else
        sum = s < 2;
      row[s] = s < first ? 0 : sum * p[label_of(l, s)];
    }
    loss -= log(scale_row(l->states, row));
  }
  return loss;
}

/* The backward sums and the gradient, from the last step on. scratch (2 states + classes). */
static void run_backward(const lattice *l, double weight, double *scratch, od_real *gradient) {
  double *after = scratch, *row = after + l->states, *posterior = row + l->states;
  for (size_t s = 0; s < l->states; s++) after[s] = s + 2 >= l->states;
  for (size_t t = l->steps; t-- > 0;) {
    const double *p = l->probabilities + t * l->classes;
    const double *forward = l->forward + t * l->states;
    double sum = 0;
    memset(posterior, 0, l->classes * sizeof *posterior);
    for (size_t s = 0; s < l->states; s++) {
      double through = forward[s] * after[s];
      posterior[label_of(l, s)] += through;
      sum += through;
    }
    for (size_t k = 0; k < l->classes; k++)
      gradient[t * l->classes + k] = (od_real)(weight * (p[k] - posterior[k] / sum));
    for (size_t s = 0; s < l->states; s++) row[s] = after[s] * p[label_of(l, s)];
    for (size_t s = 0; s < l->states; s++)
      after[s] = row[s] + (s + 1 < l->states ? row[s + 1] : 0) +
                 (s + 2 < l->states && can_skip(l, s + 2) ? row[s + 2] : 0);
    scale_row(l->states, after);
  }
}

size_t od_ctc_best_path(size_t steps, size_t classes, const od_real *scores, uint8_t *labels) {
  size_t count = 0, before = classes - 1;
  for (size_t t = 0; t < steps; t++) {
    const size_t best = od_argmax(classes, scores + t * classes);
    if (best != before && best + 1 != classes) labels[count++] = (uint8_t)best;
    before = best;
  }
  return count;
}

static size_t scratch_doubles(size_t steps, size_t classes) {
  const size_t states = 2 * steps + 1;
  return steps * (classes + states) + 2 * states + classes;
}

size_t od_ctc_scratch(size_t steps, size_t classes) {
  return scratch_doubles(steps, classes) * sizeof(double) + steps;
}

double od_ctc_loss(const od_ctc_args *args, bool *correct) {
  const size_t steps = args->steps, classes = args->classes;
  const size_t count = count_labels(args->labels, args->length, (int)classes - 1);
  const lattice l = {.steps = steps,
                     .classes = classes,
                     .states = 2 * count + 1,
                     .blank = classes - 1,
                     .labels = args->labels,
                     .probabilities = args->scratch,
                     .forward = (double *)args->scratch + steps * classes};
  uint8_t *decoded = (uint8_t *)((double *)args->scratch + scratch_doubles(steps, classes));
  *correct = od_ctc_best_path(steps, classes, args->scores, decoded) == count &&
             memcmp(decoded, args->labels, count) == 0;
  find_probabilities(&l, args->scores);
  const double loss = run_forward(&l);
  run_backward(&l, args->weight, l.forward + steps * l.states, args->gradient);
  return loss;
}
