/* Bounds of the probability of the rest of a path, given how many symbols it has. Private to
 * page/. */
#ifndef OD_PAGE_LENGTH_BOUNDS_H
#define OD_PAGE_LENGTH_BOUNDS_H

#include "page/ctc_path.h"

/* Start from zeros; release with od_length_bounds_release. */
typedef struct od_length_bounds {
  int steps;
  /* Log probabilities (steps + 1, steps + 1, OD_CTC_CLASSES) of the best path from a time step on,
   * given the class before it, that has at most, or at least, so many symbols. */
  double *at_most, *at_least;
} od_length_bounds;

/* Computes the bounds from logs (steps, OD_CTC_CLASSES); false without memory. */
bool od_length_bounds_create(int steps, const double *logs, od_length_bounds *bounds);
void od_length_bounds_release(od_length_bounds *bounds);

/* Upper bound of the log probability of time steps t.. after `class` with min..max symbols. */
double od_length_bound(const od_length_bounds *bounds, int t, int class, int min, int max);

#endif
