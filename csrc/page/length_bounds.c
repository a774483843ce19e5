#include "page/length_bounds.h"

#include <math.h>

#include "base/memory.h"

static size_t index_of(const od_length_bounds *bounds, int t, int symbols) {
  return ((size_t)t * ((size_t)bounds->steps + 1) + (size_t)symbols) * OD_CTC_CLASSES;
}

/* Sets best (OD_CTC_CLASSES), by the class before, from those of the next time step with the same
 * number of symbols and with one fewer (NULL for none). */
static void prepend_step(const double *logs, const double *same, const double *fewer,
                         double *best) {
  double first = od_impossible, second = od_impossible; /* the best new symbols */
  int first_symbol = OD_CTC_BLANK;
  for (int s = 0; fewer && s < OD_SYMBOLS; s++) {
    const double value = logs[s] + fewer[s];
    if (value > first) {
      second = first;
      first = value;
      first_symbol = s;
    } else if (value > second) {
      second = value;
    }
  }
  const double blank = logs[OD_CTC_BLANK] + same[OD_CTC_BLANK];
  best[OD_CTC_BLANK] = fmax(blank, first);
  for (int s = 0; s < OD_SYMBOLS; s++)
    best[s] = fmax(fmax(blank, logs[s] + same[s]), s == first_symbol ? second : first);
}

/* Makes bounds of paths with exactly so many symbols those of at least and at most so many. */
static void accumulate(od_length_bounds *bounds, int t) {
  const size_t row = index_of(bounds, t, 0), end = index_of(bounds, t + 1, 0);
  for (size_t i = row; i < end; i++) bounds->at_least[i] = bounds->at_most[i];
  for (size_t i = row + OD_CTC_CLASSES; i < end; i++)
    bounds->at_most[i] = fmax(bounds->at_most[i], bounds->at_most[i - OD_CTC_CLASSES]);
  for (size_t i = end - OD_CTC_CLASSES; i-- > row;)
    bounds->at_least[i] = fmax(bounds->at_least[i], bounds->at_least[i + OD_CTC_CLASSES]);
}

bool od_length_bounds_create(int steps, const double *logs, od_length_bounds *bounds) {
  const size_t rows = (size_t)steps + 1, size = rows * OD_CTC_CLASSES;
  *bounds = (od_length_bounds){.steps = steps};
  bounds->at_most = od_allocate(rows, size * sizeof *bounds->at_most);
  bounds->at_least = od_allocate(rows, size * sizeof *bounds->at_least);
  if (!bounds->at_most || !bounds->at_least) return false;
  double *exact = bounds->at_most;
  for (size_t i = index_of(bounds, steps, 1); i < rows * size; i++) exact[i] = od_impossible;
  for (int t = steps - 1; t >= 0; t--)
    for (int k = 0; k <= steps; k++)
      prepend_step(logs + (size_t)t * OD_CTC_CLASSES, exact + index_of(bounds, t + 1, k),
                   k ? exact + index_of(bounds, t + 1, k - 1) : NULL,
                   exact + index_of(bounds, t, k));
  for (int t = 0; t <= steps; t++) accumulate(bounds, t);
  return true;
}

void od_length_bounds_release(od_length_bounds *bounds) {
  od_release(bounds->at_most);
  od_release(bounds->at_least);
  *bounds = (od_length_bounds){0};
}

double od_length_bound(const od_length_bounds *bounds, int t, int class, int min, int max) {
  if (min > bounds->steps - t) return od_impossible;
  const int most = max < bounds->steps ? max : bounds->steps;
  return fmin(bounds->at_most[index_of(bounds, t, most) + (size_t) class],
              bounds->at_least[index_of(bounds, t, min) + (size_t) class]);
}
