/* Segments in line with each other are joined; the pencil of each kind of lines is found by RANSAC,
 * and the grid is the connected set of horizontal and vertical lines with the most crossings. */
#include "page/table_grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"

enum { END_POINTS = 40, MAX_CANDIDATES = 40 };
enum { NO_COMPONENT = -1, LEFT_OUT = -2 };
static const double max_slope_change = 0.15; /* between joined segments */
static const double slope_tolerance = 0.03;  /* of lines of a pencil */
static const double max_foreshortening = 0.6;
static const double max_slope_product = 0.7; /* of the pencils: near 1 if they are the same lines */

/* A set of joined segments. */
typedef struct chain {
  double a, b;   /* across = a * along + b */
  double length; /* points */
  double thickness;
  double position, start, end; /* as of od_grid_line */
  int component;               /* of crossing lines; NO_COMPONENT or LEFT_OUT */
  int line;                    /* of the grid; -1 for none */
} chain;

typedef struct chain_set {
  int count;
  chain *chains; /* (count) */
  int *chain_of; /* (segments) */
} chain_set;

/* Sums of a straight-line fit. */
typedef struct line_fit {
  double n, x, y, xx, xy;
} line_fit;

static void fit_add(line_fit *f, double x, double y) {
  f->n += 1;
  f->x += x;
  f->y += y;
  f->xx += x * x;
  f->xy += x * y;
}

static void fit_solve(const line_fit *f, double *a, double *b) {
  const double spread = f->xx - f->x * f->x / f->n;
  *a = spread > 1e-9 ? (f->xy - f->x * f->y / f->n) / spread : 0;
  *b = (f->y - *a * f->x) / f->n;
}

/* ---- joining segments ---- */

/* A segment's straight continuation beyond its first or last point. */
typedef struct line_end {
  double along, across, slope;
} line_end;

static line_end end_of(const od_ruling_line_set *set, int i, bool last) {
  const od_ruling_line *line = &set->lines[i];
  const int n = od_min(line->count, END_POINTS);
  const od_line_point *points = set->points + line->first + (last ? line->count - n : 0);
  line_fit fit = {0};
  double a, b;
  for (int k = 0; k < n; k++) fit_add(&fit, points[k].along, points[k].across);
  fit_solve(&fit, &a, &b);
  const double along = last ? line->end : line->start;
  return (line_end){along, a * along + b, a};
}

static int compare_starts(const void *a, const void *b) {
  const od_ruling_line *p = a, *q = b;
  return p->start != q->start ? (p->start > q->start) - (p->start < q->start)
                              : (p->first > q->first) - (p->first < q->first);
}

/* Whether segment j continues segment i. */
static bool continues(const line_end *end, const line_end *start, double thickness) {
  const double gap = start->along - end->along;
  const double tolerance = 2 + thickness / 2 + 0.06 * fabs(gap);
  return fabs(end->slope - start->slope) < max_slope_change &&
         fabs(end->across + end->slope * gap - start->across) < tolerance &&
         fabs(start->across - start->slope * gap - end->across) < tolerance;
}

/* Set chain_of to the chains of segments, each of which has at most one successor: the next that
 * continues it. ends (2, count). */
static void join_segments(const od_ruling_line_set *set, double max_gap, line_end *ends,
                          chain_set *chains) {
  const int n = set->count;
  for (int i = 0; i < n; i++) {
    ends[i] = end_of(set, i, false);
    ends[n + i] = end_of(set, i, true);
    chains->chain_of[i] = -1;
  }
  for (int i = 0; i < n; i++) {
    const od_ruling_line *line = &set->lines[i];
    if (chains->chain_of[i] < 0) chains->chain_of[i] = chains->count++;
    for (int j = i + 1; j < n && set->lines[j].start <= line->end + max_gap; j++) {
      const od_ruling_line *next = &set->lines[j];
      if (chains->chain_of[j] >= 0 || next->start < line->end - 4 ||
          next->start - line->end > line->count + next->count)
        continue;
      if (!continues(&ends[n + i], &ends[j], fmax(line->thickness, next->thickness))) continue;
      chains->chain_of[j] = chains->chain_of[i];
      break;
    }
  }
}

static od_status find_chains(const od_grid *grid, int k, chain_set *chains, od_error *error) {
  const od_ruling_line_set *set = &grid->axes[k].segments;
  const size_t n = (size_t)set->count;
  line_end *ends = od_allocate(2 * n, sizeof *ends);
  line_fit *fits = od_allocate(n, sizeof *fits);
  chains->chains = od_allocate(n, sizeof *chains->chains);
  chains->chain_of = od_allocate(n, sizeof *chains->chain_of);
  od_status status = OD_OK;
  if (ends && fits && chains->chains && chains->chain_of) {
    qsort(set->lines, n, sizeof *set->lines, compare_starts);
    join_segments(set, 0.15 * od_max(grid->h, grid->w), ends, chains);
    for (int i = 0; i < set->count; i++) {
      const od_ruling_line *line = &set->lines[i];
      chain *c = &chains->chains[chains->chain_of[i]];
      for (int j = 0; j < line->count; j++) {
        const od_line_point *point = &set->points[line->first + j];
        fit_add(&fits[chains->chain_of[i]], point->along, point->across);
      }
      c->length += line->count;
      c->thickness += line->thickness * line->count;
    }
    for (int i = 0; i < chains->count; i++) {
      chain *c = &chains->chains[i];
      fit_solve(&fits[i], &c->a, &c->b);
      c->thickness /= c->length;
      c->component = NO_COMPONENT;
      c->line = -1;
    }
  } else {
    status = od_fail_memory(error, "the grid of a table");
  }
  od_release(ends);
  od_release(fits);
  return status;
}

/* ---- pencils ---- */

static double pencil_error(const od_pencil *pencil, const chain *c) {
  return fabs(c->a - pencil->p - pencil->q * c->b);
}

static double pencil_score(const chain_set *set, const od_pencil *pencil) {
  double score = 0;
  for (int i = 0; i < set->count; i++) {
    const double error = pencil_error(pencil, &set->chains[i]) / slope_tolerance;
    if (error < 1) score += set->chains[i].length * (1 - error * error);
  }
  return score;
}

/* Write the indices of the longest chains, up to MAX_CANDIDATES; return their number. */
static int longest_chains(const chain_set *set, int *candidates) {
  int n = 0;
  for (int i = 0; i < set->count; i++) {
    const double length = set->chains[i].length;
    int place = n < MAX_CANDIDATES ? n++ : MAX_CANDIDATES;
    for (; place > 0 && set->chains[candidates[place - 1]].length < length; place--)
      if (place < MAX_CANDIDATES) candidates[place] = candidates[place - 1];
    if (place < MAX_CANDIDATES) candidates[place] = i;
  }
  return n;
}

/* Find the pencil that most of the lines' length belongs to; `side` is that of the image along the
 * lines. */
static od_pencil find_pencil(const chain_set *set, double side) {
  int candidates[MAX_CANDIDATES + 1];
  const int n = longest_chains(set, candidates);
  od_pencil best = {0};
  double best_score = -1;
  for (int i = 0; i < n; i++) {
    for (int j = i; j < n; j++) {
      const chain *c = &set->chains[candidates[i]], *d = &set->chains[candidates[j]];
      const double distance = d->b - c->b;
      if (j > i && fabs(distance) < 0.1 * side) continue;
      od_pencil pencil = {c->a, 0};
      if (j > i) pencil.q = (d->a - c->a) / distance;
      if (fabs(pencil.q) * side / 2 > max_foreshortening) continue;
      pencil.p = c->a - pencil.q * c->b;
      const double score = pencil_score(set, &pencil);
      if (score > best_score) {
        best_score = score;
        best = pencil;
      }
    }
  }
  return best;
}

/* Set positions and ends of the chains of axis k. */
static void place_chains(const od_grid *grid, int k, chain_set *set) {
  const od_grid_axis *axis = &grid->axes[k];
  const od_pencil *other = &grid->axes[!k].pencil;
  for (int i = 0; i < set->count; i++) {
    set->chains[i].start = INFINITY;
    set->chains[i].end = -INFINITY;
  }
  for (int i = 0; i < axis->segments.count; i++) {
    const od_ruling_line *line = &axis->segments.lines[i];
    chain *c = &set->chains[set->chain_of[i]];
    for (int j = 0; j < line->count; j++) {
      const od_line_point *p = &axis->segments.points[line->first + j];
      const double place = od_pencil_coordinate(other, p->across, p->along);
      c->start = fmin(c->start, place);
      c->end = fmax(c->end, place);
      c->position += od_pencil_coordinate(&axis->pencil, p->along, p->across);
    }
  }
  for (int i = 0; i < set->count; i++) set->chains[i].position /= set->chains[i].length;
}

/* ---- connected lines ---- */

static bool cross(const chain *a, const chain *b, double tolerance) {
  return b->position >= a->start - tolerance && b->position <= a->end + tolerance &&
         a->position >= b->start - tolerance && a->position <= b->end + tolerance;
}

/* The lines of both kinds that may cross. */
typedef struct crossing_set {
  int count[2];
  chain *chains[2][OD_MAX_RULING_LINES];
  int crossings[2][OD_MAX_RULING_LINES];
  int stack[2 * OD_MAX_RULING_LINES];
  double tolerance;
} crossing_set;

static void collect_chains(const od_grid *grid, int k, chain_set *set, crossing_set *all) {
  const double min_length = 0.02 * od_max(grid->h, grid->w);
  for (int i = 0; i < set->count; i++) {
    chain *c = &set->chains[i];
    const double limit = 2 * slope_tolerance + 2 / c->length;
    if (c->length < min_length || pencil_error(&grid->axes[k].pencil, c) > limit) continue;
    all->chains[k][all->count[k]++] = c;
  }
}

static void leave_out(crossing_set *all, int k, int i, int *depth) {
  all->chains[k][i]->component = LEFT_OUT;
  all->stack[(*depth)++] = 2 * i + k;
}

/* Leave out lines with fewer than two crossings, until there are none. */
static void prune(crossing_set *all) {
  int depth = 0;
  for (int k = 0; k < 2; k++) {
    for (int i = 0; i < all->count[k]; i++) {
      const chain *c = all->chains[k][i];
      all->crossings[k][i] = 0;
      for (int j = 0; j < all->count[!k]; j++)
        all->crossings[k][i] += cross(c, all->chains[!k][j], all->tolerance);
      if (all->crossings[k][i] < 2) leave_out(all, k, i, &depth);
    }
  }
  while (depth > 0) {
    const int kind = all->stack[--depth] % 2, index = all->stack[depth] / 2;
    const chain *c = all->chains[kind][index];
    for (int j = 0; j < all->count[!kind]; j++) {
      const chain *d = all->chains[!kind][j];
      if (d->component == LEFT_OUT || !cross(c, d, all->tolerance)) continue;
      if (--all->crossings[!kind][j] < 2) leave_out(all, !kind, j, &depth);
    }
  }
}

/* Number the lines that are connected to line i of kind k; return the number of crossings. */
static int mark_component(crossing_set *all, int k, int i, int component) {
  int depth = 0, crossings = 0;
  all->stack[depth++] = 2 * i + k;
  all->chains[k][i]->component = component;
  while (depth > 0) {
    const int kind = all->stack[--depth] % 2, index = all->stack[depth] / 2;
    const chain *c = all->chains[kind][index];
    crossings += all->crossings[kind][index];
    for (int j = 0; j < all->count[!kind]; j++) {
      chain *d = all->chains[!kind][j];
      if (d->component != NO_COMPONENT || !cross(c, d, all->tolerance)) continue;
      d->component = component;
      all->stack[depth++] = 2 * j + !kind;
    }
  }
  return crossings / 2;
}

/* Return the component with the most crossings, or -1. */
static int largest_component(crossing_set *all) {
  int best = -1, most = 0, components = 0;
  prune(all);
  for (int i = 0; i < all->count[0]; i++) {
    if (all->chains[0][i]->component != NO_COMPONENT) continue;
    const int crossings = mark_component(all, 0, i, components);
    if (crossings > most) {
      most = crossings;
      best = components;
    }
    components++;
  }
  return best;
}

/* ---- lines of the grid ---- */

/* In order of positions, and of the chains at the same position. */
static int compare_positions(const void *a, const void *b) {
  const chain *p = *(chain *const *)a, *q = *(chain *const *)b;
  return p->position != q->position ? (p->position > q->position) - (p->position < q->position)
                                    : (p > q) - (p < q);
}

static int compare_doubles(const void *a, const void *b) {
  const double p = *(const double *)a, q = *(const double *)b;
  return (p > q) - (p < q);
}

/* The median distance of neighbouring lines of at least 0.3 of the greatest length. */
static double median_spacing(int n, chain *const *chains, double *distances) {
  double longest = 0, previous = NAN;
  int count = 0;
  for (int i = 0; i < n; i++) longest = fmax(longest, chains[i]->length);
  for (int i = 0; i < n; i++) {
    if (chains[i]->length < 0.3 * longest) continue;
    if (chains[i]->position - previous > 4) distances[count++] = chains[i]->position - previous;
    previous = chains[i]->position;
  }
  if (count == 0) return 0;
  qsort(distances, (size_t)count, sizeof *distances, compare_doubles);
  return distances[count / 2];
}

/* Whether a chain is part of a line: close to it, or less close and beside it. */
static bool is_part(const od_grid_line *line, const chain *c, double spacing, double side) {
  const double distance = fabs(c->position - line->position);
  const double close = fmin(0.18 * spacing, 0.012 * side);
  if (distance < fmax(fmax(4, close), (c->thickness + line->thickness) / 2 + 2)) return true;
  const double overlap = fmin(line->end, c->end) - fmax(line->start, c->start);
  return distance < 0.3 * spacing && overlap < 0.2 * (c->end - c->start);
}

static void add_chain(od_grid_line *line, const chain *c) {
  const double length = line->length + c->length;
  line->position += (c->position - line->position) * c->length / length;
  line->thickness += (c->thickness - line->thickness) * c->length / length;
  line->start = fmin(line->start, c->start);
  line->end = fmax(line->end, c->end);
  line->length = length;
}

/* Merge the chains of a component (n, sorted by position) to the lines of axis k. */
static void merge_chains(od_grid *grid, int k, int n, chain **chains, double *distances) {
  od_grid_axis *axis = &grid->axes[k];
  const double side = od_max(grid->h, grid->w);
  const double spacing = median_spacing(n, chains, distances);
  axis->count = 0;
  for (int i = 0; i < n; i++) {
    od_grid_line *last = axis->count ? &axis->lines[axis->count - 1] : NULL;
    if (!last || !is_part(last, chains[i], spacing, side)) {
      if (axis->count == OD_MAX_GRID_LINES) break;
      last = &axis->lines[axis->count++];
      *last = (od_grid_line){chains[i]->position, INFINITY, -INFINITY, chains[i]->thickness, 0};
    }
    add_chain(last, chains[i]);
    chains[i]->line = axis->count - 1;
  }
  for (int i = 0; i < axis->count; i++) {
    od_grid_line *line = &axis->lines[i];
    line->length = fmin(line->length, line->end - line->start);
  }
}

static void select_lines(od_grid *grid, int k, crossing_set *all, int component,
                         const chain_set *set) {
  od_grid_axis *axis = &grid->axes[k];
  chain *chains[OD_MAX_RULING_LINES];
  double distances[OD_MAX_RULING_LINES];
  int n = 0;
  for (int i = 0; i < all->count[k]; i++)
    if (all->chains[k][i]->component == component) chains[n++] = all->chains[k][i];
  qsort(chains, (size_t)n, sizeof *chains, compare_positions);
  merge_chains(grid, k, n, chains, distances);
  for (int i = 0; i < axis->segments.count; i++)
    axis->line_of[i] = set->chains[set->chain_of[i]].line;
}

/* Set the lines of both axes. There are none if the pencils are too oblique: lines at about 45
 * degrees are tracked as horizontal and as vertical ones. */
static void connect_lines(od_grid *grid, chain_set sets[2], crossing_set *all) {
  for (int k = 0; k < 2; k++)
    grid->axes[k].pencil = find_pencil(&sets[k], k == 0 ? grid->w : grid->h);
  if (fabs(grid->axes[0].pencil.p * grid->axes[1].pencil.p) > max_slope_product) return;
  for (int k = 0; k < 2; k++) {
    place_chains(grid, k, &sets[k]);
    collect_chains(grid, k, &sets[k], all);
  }
  all->tolerance = fmax(8, 0.015 * od_max(grid->h, grid->w));
  const int component = largest_component(all);
  if (component < 0) return;
  for (int k = 0; k < 2; k++) select_lines(grid, k, all, component, &sets[k]);
}

static void move_origin(od_grid *grid) {
  for (int k = 0; k < 2; k++) {
    od_ruling_line_set *set = &grid->axes[k].segments;
    const double along = (k == 0 ? grid->w : grid->h) / 2.0;
    const double across = (k == 0 ? grid->h : grid->w) / 2.0;
    for (int i = 0; i < set->count; i++) {
      od_ruling_line *line = &set->lines[i];
      line->start -= along;
      line->end -= along;
      for (int j = line->first; j < line->first + line->count; j++) {
        set->points[j].along -= (float)along;
        set->points[j].across -= (float)across;
      }
    }
  }
}

od_status od_find_grid(od_grid *grid, od_error *error) {
  chain_set sets[2] = {{0}};
  crossing_set *all = od_allocate(1, sizeof *all);
  od_status status = all ? OD_OK : od_fail_memory(error, "the grid of a table");
  move_origin(grid);
  for (int k = 0; k < 2 && !status; k++) {
    od_grid_axis *axis = &grid->axes[k];
    axis->line_of = od_allocate((size_t)axis->segments.count, sizeof *axis->line_of);
    axis->lines = od_allocate(OD_MAX_GRID_LINES, sizeof *axis->lines);
    if (!axis->line_of || !axis->lines) status = od_fail_memory(error, "the grid of a table");
    if (!status) status = find_chains(grid, k, &sets[k], error);
  }
  if (!status) connect_lines(grid, sets, all);
  for (int k = 0; k < 2; k++) {
    od_release(sets[k].chains);
    od_release(sets[k].chain_of);
  }
  od_release(all);
  return status;
}

void od_grid_release(od_grid *grid) {
  for (int k = 0; k < 2; k++) {
    od_ruling_line_set_release(&grid->axes[k].segments);
    od_release(grid->axes[k].line_of);
    od_release(grid->axes[k].lines);
  }
  *grid = (od_grid){0};
}
