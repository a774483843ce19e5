/* A given number of lines is fitted to those that were found: first as lines at equal distances
 * under perspective, where line i is at (a + b i) / (1 + c i), and if too few agree with that, by
 * leaving out the shortest lines or dividing the widest gaps. */
#include <math.h>
#include <string.h>

#include "base/math.h"
#include "page/table_grid.h"

enum { MAX_FITTED = 64, MIN_DISTANCE = 4, REFINEMENTS = 4, BINS = 128, MAX_GAP = 3 };
static const double loose = 0.25, tight = 0.14; /* tolerances, in distances of lines */

typedef struct even_lines {
  double a, b, c;
} even_lines;

typedef struct fit_problem {
  int count, wanted;
  od_grid_line *lines; /* (count) */
  double length;       /* of a typical line */
  double start, end;   /* of the lines that cross them */
} fit_problem;

static double even_position(const even_lines *e, int i) {
  return (e->a + e->b * i) / (1 + e->c * i);
}

static double even_distance(const even_lines *e, int i) {
  return fabs(even_position(e, i + 1) - even_position(e, i));
}

/* Return the line nearest to position i within the tolerance, or -1. */
static int matching_line(const fit_problem *p, const even_lines *e, int i, double tolerance) {
  const double position = even_position(e, i);
  double nearest = tolerance * even_distance(e, od_min(i, p->wanted - 2));
  int best = -1;
  for (int k = 0; k < p->count; k++) {
    const double distance = fabs(p->lines[k].position - position);
    if (distance < nearest) {
      nearest = distance;
      best = k;
    }
  }
  return best;
}

static double line_weight(const fit_problem *p, int k) {
  return fmin(1, p->lines[k].length / p->length);
}

/* Sum of the relative lengths of matching lines, less those of others among them, and less the
 * distance of the outer lines from the ends of the crossing lines. *matches is their number. */
static double score_fit(const fit_problem *p, const even_lines *e, double tolerance, int *matches) {
  const double first = even_position(e, 0), last = even_position(e, p->wanted - 1);
  const double distance = even_distance(e, p->wanted / 2);
  double score = 0, inside = 0;
  *matches = 0;
  for (int i = 0; i < p->wanted; i++) {
    const int k = matching_line(p, e, i, tolerance);
    if (k < 0) continue;
    score += line_weight(p, k);
    ++*matches;
  }
  for (int k = 0; k < p->count; k++) {
    const double position = p->lines[k].position;
    if (position > first - distance / 4 && position < last + distance / 4)
      inside += line_weight(p, k);
  }
  const double ends = (fabs(first - p->start) + fabs(last - p->end)) / distance;
  return score - 0.7 * fmax(0, inside - score) - 0.5 * fmin(ends, 6);
}

/* Solve the least-squares fit a + b i - c i v = v to matching lines. False if singular. */
static bool refit(const fit_problem *p, even_lines *e, double tolerance) {
  double m[3][4] = {{0}};
  int matches = 0;
  for (int i = 0; i < p->wanted; i++) {
    const int k = matching_line(p, e, i, tolerance);
    if (k < 0) continue;
    const double v = p->lines[k].position, row[3] = {1, i, -i * v};
    for (int r = 0; r < 3; r++) {
      for (int s = 0; s < 3; s++) m[r][s] += row[r] * row[s];
      m[r][3] += row[r] * v;
    }
    matches++;
  }
  const int unknowns = matches >= 5 ? 3 : 2; /* perspective only with enough lines */
  if (matches < 2) return false;
  for (int r = 0; r < unknowns; r++) {
    if (fabs(m[r][r]) < 1e-9) return false;
    for (int s = 0; s < unknowns; s++) {
      if (s == r) continue;
      const double factor = m[s][r] / m[r][r];
      for (int t = 0; t < 4; t++) m[s][t] -= factor * m[r][t];
    }
  }
  const even_lines found = {m[0][3] / m[0][0], m[1][3] / m[1][1],
                            unknowns == 3 ? m[2][3] / m[2][2] : 0};
  if (1 + found.c * (p->wanted - 1) < 0.3 || 1 + found.c * (p->wanted - 1) > 3) return false;
  *e = found;
  return found.b > 0;
}

/* Try lines k and l as numbers i and j, and keep the better fit. */
static void try_fit(const fit_problem *p, const int lines[2], int i, int j, even_lines *best,
                    double *best_score) {
  const double from = p->lines[lines[0]].position, to = p->lines[lines[1]].position;
  const double b = (to - from) / (j - i);
  even_lines e = {from - b * i, b, 0};
  int matches;
  if (b < MIN_DISTANCE) return;
  const double first_score = score_fit(p, &e, loose, &matches);
  if (first_score < *best_score - 0.5 * fabs(*best_score)) return;
  for (int n = 0; n < REFINEMENTS; n++) {
    even_lines refined = e;
    if (!refit(p, &refined, n < 2 ? loose : tight)) break;
    e = refined;
  }
  const double score = score_fit(p, &e, tight, &matches);
  if (score <= *best_score || matches < 2) return;
  *best_score = score;
  *best = e;
}

/* Fit lines at equal distances; return the number of matching lines, 0 without a fit. */
static int fit_even(const fit_problem *p, even_lines *best) {
  const int last = p->wanted - 1, margin = p->wanted <= 16 ? last / 2 : 2;
  double best_score = -1e9;
  int matches = 0;
  for (int k = 0; k < p->count; k++) {
    for (int l = k + 1; l < p->count; l++) {
      const int lines[2] = {k, l};
      for (int i = 0; i <= od_min(margin, last - 1); i++)
        for (int j = od_max(i + 1, last - margin); j <= last; j++)
          try_fit(p, lines, i, j, best, &best_score);
    }
  }
  if (best_score > -1e9) score_fit(p, best, tight, &matches);
  return matches;
}

/* Write the lines of a fit, interpolated where none matches; moved[k] is the new index of line k.
 */
static void place_even(const fit_problem *p, const even_lines *e, od_grid_line *placed,
                       int *moved) {
  for (int i = 0; i < p->wanted; i++) {
    const int k = matching_line(p, e, i, tight);
    placed[i] = (od_grid_line){even_position(e, i), p->start, p->end, 0, 0};
    if (k < 0 || moved[k] >= 0) continue;
    placed[i] = p->lines[k];
    moved[k] = i;
  }
}

/* Leave out the shortest lines, or divide the widest gaps, until the number is right. */
static void place_uneven(const fit_problem *p, od_grid_line *placed, int *moved) {
  int n = p->count, origin[OD_MAX_GRID_LINES];
  for (int i = 0; i < n; i++) origin[i] = i;
  while (n > p->wanted) {
    int shortest = 0;
    for (int i = 1; i < n; i++)
      if (p->lines[origin[i]].length < p->lines[origin[shortest]].length) shortest = i;
    memmove(&origin[shortest], &origin[shortest + 1], (size_t)(--n - shortest) * sizeof *origin);
  }
  for (int i = 0; i < n; i++) placed[i] = p->lines[origin[i]];
  while (n < p->wanted) {
    int widest = 1;
    for (int i = 2; i < n; i++)
      if (placed[i].position - placed[i - 1].position >
          placed[widest].position - placed[widest - 1].position)
        widest = i;
    memmove(&placed[widest + 1], &placed[widest], (size_t)(n - widest) * sizeof *placed);
    memmove(&origin[widest + 1], &origin[widest], (size_t)(n - widest) * sizeof *origin);
    const double middle = (placed[widest - 1].position + placed[widest].position) / 2;
    placed[widest] = (od_grid_line){middle, p->start, p->end, 0, 0};
    origin[widest] = -1;
    n++;
  }
  for (int i = 0; i < n; i++)
    if (origin[i] >= 0) moved[origin[i]] = i;
}

/* Whether lines at equal distances, of which so many were found, fit better than those found. */
static bool use_even(const fit_problem *p, const even_lines *e, int matches) {
  if (matches < 3) return p->wanted == 2 && matches == 2;
  const double distance = even_distance(e, p->wanted / 2);
  if (p->count == p->wanted && fabs(p->lines[0].position - p->start) < loose * distance &&
      fabs(p->lines[p->count - 1].position - p->end) < loose * distance)
    return matches == p->count;
  return matches >= od_max(od_min(p->wanted, 4), 6 * p->wanted / 10) ||
         10 * matches >= 9 * p->count;
}

/* The median length of the lines, weighted by their lengths. */
static double median_length(const od_grid_axis *axis) {
  double total = 0, best = 0, best_error = INFINITY;
  for (int i = 0; i < axis->count; i++) total += axis->lines[i].length;
  for (int i = 0; i < axis->count; i++) {
    double below = 0;
    for (int j = 0; j < axis->count; j++)
      if (axis->lines[j].length < axis->lines[i].length) below += axis->lines[j].length;
    const double error = fabs(below + axis->lines[i].length / 2 - total / 2);
    if (error >= best_error) continue;
    best_error = error;
    best = axis->lines[i].length;
  }
  return best;
}

/* Set *start and *end to where lines of the other kind end, in coordinates of axis k: the longest
 * interval in which at least half as many of them have points as anywhere, with gaps of less than
 * MAX_GAP bins, where lines cross. */
static void find_ends(const od_grid *grid, int k, double *start, double *end) {
  const od_grid_axis *other = &grid->axes[!k];
  const double side = k == 0 ? grid->h : grid->w;
  int counts[BINS] = {0}, most = 0, longest = 0, first = -1, last = -1, longest_first = 0;
  for (int i = 0; i < other->segments.count; i++) {
    const od_ruling_line *line = &other->segments.lines[i];
    for (int j = 0; j < line->count && other->line_of[i] >= 0; j++) {
      const od_line_point *p = &other->segments.points[line->first + j];
      const double c = od_pencil_coordinate(&grid->axes[k].pencil, p->across, p->along);
      const int bin = (int)((c / side + 0.5) * BINS);
      if (bin >= 0 && bin < BINS) counts[bin]++;
    }
  }
  for (int b = 0; b < BINS; b++) most = od_max(most, counts[b]);
  for (int b = 0; b < BINS; b++) {
    if (2 * counts[b] < most) continue;
    if (first < 0 || b - last > MAX_GAP) first = b;
    last = b;
    if (last - first < longest) continue;
    longest = last - first;
    longest_first = first;
  }
  *start = ((double)longest_first / BINS - 0.5) * side;
  *end = ((longest_first + longest + 1.0) / BINS - 0.5) * side;
}

bool od_fit_grid_axis(od_grid *grid, int k, int count) {
  od_grid_axis *axis = &grid->axes[k];
  fit_problem p = {.count = axis->count, .wanted = count, .lines = axis->lines};
  od_grid_line placed[OD_MAX_GRID_LINES];
  int moved[OD_MAX_GRID_LINES], matches = 0;
  even_lines even;
  if (axis->count < 2) return false;
  find_ends(grid, k, &p.start, &p.end);
  p.length = median_length(axis);
  for (int i = 0; i < axis->count; i++) moved[i] = -1;
  if (axis->count <= MAX_FITTED) matches = fit_even(&p, &even);
  if (use_even(&p, &even, matches))
    place_even(&p, &even, placed, moved);
  else if (2 * axis->count > count)
    place_uneven(&p, placed, moved);
  else
    return false;
  memcpy(axis->lines, placed, (size_t)count * sizeof *placed);
  axis->count = count;
  for (int i = 0; i < axis->segments.count; i++)
    if (axis->line_of[i] >= 0) axis->line_of[i] = moved[axis->line_of[i]];
  return true;
}
