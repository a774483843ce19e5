/* Reading lines: connectionist temporal classification (Graves and others, 2006). Column by
 * column a line says one of its labels or the blank, the last class; a label said in columns
 * side by side counts once. The loss is -log of the probability of all ways to say the labels.
 *
 * Labels (length) end at the first blank. */
#ifndef OD_NN_CTC_H
#define OD_NN_CTC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

/* The least columns that say these labels: equal neighbours want a blank between them. */
size_t od_ctc_min_columns(const uint8_t *labels, size_t length, int blank);

/* What the likeliest class of each column of scores (columns, classes) comes to: labels
 * (columns); returns how many. */
size_t od_ctc_best_path(size_t columns, size_t classes, const od_real *scores, uint8_t *labels);

/* The loss, its gradient (columns, classes) times `weight`, and whether reading the line gives
 * its labels; scores (columns, classes), of at least od_ctc_min_columns. scratch has
 * od_ctc_scratch bytes. */
size_t od_ctc_scratch(size_t columns, size_t classes);
double od_ctc_loss(size_t columns, size_t classes, const od_real *scores, const uint8_t *labels,
                    size_t length, double weight, od_real *gradient, void *scratch, bool *right);

#endif
