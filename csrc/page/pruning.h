/* Pruning: which symbols of a line are kept after verification. Private to page/. */
#ifndef OD_PAGE_PRUNING_H
#define OD_PAGE_PRUNING_H

#include "page/score_fusion.h"

/* Keeps digits whose posterior of being one is at least min_probability, with the most probable
 * value; low-confidence ones only where a classifier that has a non-digit class verified them.
 * Keeps probable separators beside such digits. features and posteriors are those of the symbols.
 */
void od_keep_probable(const od_fusion_features *features, bool has_non_digit,
                      double min_probability, const double *posteriors, od_symbols *symbols);

#endif
