/* Connectionist temporal classification (Graves et al., 2006): the loss of sequences. At each
 * time step the scores are those of the classes, of which the last is the blank. A path emits one
 * class a step; a label that adjacent steps emit counts once, and blanks are removed. The loss is
 * -log of the sum of the probabilities of all paths that give the labels.
 *
 * Labels (length) end at the first blank. */
#ifndef OD_NN_CTC_H
#define OD_NN_CTC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

/* The minimum number of time steps of these labels: equal neighbours need a blank between them. */
size_t od_ctc_min_steps(const uint8_t *labels, size_t length, int blank);

/* Best-path decoding of scores (steps, classes): labels (steps); returns how many. */
size_t od_ctc_best_path(size_t steps, size_t classes, const od_real *scores, uint8_t *labels);

typedef struct od_ctc_args {
  size_t steps, classes; /* steps >= od_ctc_min_steps of the labels */
  const od_real *scores; /* (steps, classes) */
  const uint8_t *labels; /* (length) */
  size_t length;
  double weight;     /* of the gradient */
  od_real *gradient; /* (steps, classes), written: of the scores, times `weight` */
  void *scratch;     /* od_ctc_scratch bytes */
} od_ctc_args;

/* Returns the loss; *correct is whether best-path decoding gives the labels. */
size_t od_ctc_scratch(size_t steps, size_t classes);
double od_ctc_loss(const od_ctc_args *args, bool *correct);

#endif
