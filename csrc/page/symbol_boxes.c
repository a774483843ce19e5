/* Segments are assigned to symbols from left to right, consecutive ones to each, by dynamic
 * programming. The cost is low if each symbol's segments are near the columns it was decoded from
 * and as wide as such a digit, and if little foreground is left unassigned. */
#include "page/symbol_boxes.h"

#include <math.h>

#include "base/math.h"
#include "base/memory.h"

enum { MAX_SEGMENTS = 9 /* of a symbol */ };

/* Costs; lengths are in heights of the line's digits. */
static const double offset_cost = 10;    /* of the box's centre from its columns, squared */
static const double width_cost = 3;      /* of the difference from the typical width, squared */
static const double height_cost = 2;     /* of what the box lacks of, or exceeds, its heights */
static const double unassigned_cost = 6; /* of foreground as much as the mean of a symbol */
static const double empty_cost = 4;      /* of a symbol without segments */

/* The box that a symbol is expected to have, in heights of the line's digits: its width, the limits
 * of its height, and where it is expected if it has no segments, from the top of the digits. */
typedef struct expected_box {
  double width, min_height, max_height, top, bottom;
} expected_box;

static const expected_box digit_box = {0.6, 0.7, INFINITY, 0, 1};
static const expected_box box_of_one = {0.45, 0.7, INFINITY, 0, 1};
static const expected_box separator_boxes[OD_SYMBOLS - OD_DIGITS] = {
    [OD_POINT - OD_DIGITS] = {0.15, 0, 0.3, 0.85, 1},
    [OD_COMMA - OD_DIGITS] = {0.2, 0, 0.6, 0.8, 1.2},
    [OD_MINUS - OD_DIGITS] = {0.5, 0, 0.4, 0.45, 0.55},
    [OD_PLUS - OD_DIGITS] = {0.5, 0.2, 0.8, 0.25, 0.75},
    [OD_SLASH - OD_DIGITS] = {0.5, 0.7, INFINITY, 0, 1},
    [OD_COLON - OD_DIGITS] = {0.15, 0.3, 0.9, 0.3, 0.95}};

typedef struct assignment {
  const od_segment *segments; /* (segment_count) of the line */
  int segment_count, symbol_count;
  const od_decoded_symbol *decoded; /* (symbol_count) */
  const od_line_geometry *geometry;
  double height, mean_mass; /* of the line's digits */
  double *cost; /* (segment_count + 1, symbol_count + 1): the minimum for the first so many */
  int *taken;   /* the same shape: segments of the last symbol, or UNASSIGNED: the last segment is
                   assigned to none */
} assignment;

enum { UNASSIGNED = -1 };

/* The page column where the centre of symbol k is expected. */
static double expected_centre(const assignment *work, int k) {
  const od_decoded_symbol *symbol = &work->decoded[k];
  const double column = 0.5 * OD_CTC_STRIDE * (symbol->first + symbol->last + 1);
  return work->geometry->left + column * work->geometry->scale_x;
}

static const expected_box *expected(const assignment *work, int k) {
  const int value = work->decoded[k].value;
  return value >= OD_DIGITS ? &separator_boxes[value - OD_DIGITS]
                            : (value == 1 ? &box_of_one : &digit_box);
}

typedef struct box {
  int left, top, right, bottom;
} box;

static void extend(box *all, const od_segment *segment) {
  all->left = od_min(all->left, segment->left);
  all->top = od_min(all->top, segment->top);
  all->right = od_max(all->right, segment->right);
  all->bottom = od_max(all->bottom, segment->bottom);
}

static double cost_of(const assignment *work, int k, const box *bounds) {
  const double h = work->height, width = (bounds->right - bounds->left) / h;
  const double offset = (0.5 * (bounds->left + bounds->right) - expected_centre(work, k)) / h;
  const expected_box *typical = expected(work, k);
  const double excess = width - typical->width, height = (bounds->bottom - bounds->top) / h;
  const double beyond = fmax(0, fmax(typical->min_height - height, height - typical->max_height));
  return offset_cost * offset * offset + width_cost * excess * excess + height_cost * beyond;
}

/* Lowers the cost of the first `segments` and `symbols` to `cost`, if it is higher. */
static void relax(assignment *work, int segments, int symbols, double cost, int taken) {
  const int state = segments * (work->symbol_count + 1) + symbols;
  if (cost >= work->cost[state]) return;
  work->cost[state] = cost;
  work->taken[state] = taken;
}

static void assign(assignment *work) {
  const int states = (work->segment_count + 1) * (work->symbol_count + 1);
  for (int i = 0; i < states; i++) work->cost[i] = 1e300;
  work->cost[0] = 0;
  for (int s = 0; s <= work->segment_count; s++)
    for (int k = 0; k <= work->symbol_count; k++) {
      const double cost = work->cost[s * (work->symbol_count + 1) + k];
      if (k < work->symbol_count) relax(work, s, k + 1, cost + empty_cost, 0);
      if (s == work->segment_count) continue;
      const od_segment *segment = &work->segments[s];
      relax(work, s + 1, k, cost + unassigned_cost * (double)segment->mass / work->mean_mass,
            UNASSIGNED);
      if (k == work->symbol_count) continue;
      box bounds = {segment->left, segment->top, segment->right, segment->bottom};
      for (int n = 1; n <= MAX_SEGMENTS && s + n <= work->segment_count; n++) {
        extend(&bounds, &work->segments[s + n - 1]);
        relax(work, s + n, k + 1, cost + cost_of(work, k, &bounds), n);
      }
    }
}

/* The box of a symbol without segments, from its columns. */
static box estimate_box(const assignment *work, const od_page *page, int k) {
  const od_line_geometry *geometry = work->geometry;
  const expected_box *typical = expected(work, k);
  const double x = expected_centre(work, k), half = 0.5 * work->height * typical->width;
  const double middle = geometry->top + geometry->slope * (x - geometry->left) +
                        0.5 * OD_LINE_HEIGHT * geometry->scale_y;
  const double above = middle + (typical->top - 0.5) * work->height;
  const double below = middle + (typical->bottom - 0.5) * work->height;
  const int left = od_max(0, od_min(page->w - 1, (int)(x - half)));
  const int top = od_max(0, od_min(page->h - 1, (int)above));
  return (box){left, top, od_max(left + 1, od_min(page->w, (int)(x + half))),
               od_max(top + 1, od_min(page->h, (int)below))};
}

/* Follows work->taken backwards; the line's segments start at first_segment. */
static void trace_back(const assignment *work, const od_page *page, int first_segment,
                       od_symbol *symbols, od_segment_range *ranges) {
  int s = work->segment_count, k = work->symbol_count;
  while (s > 0 || k > 0) {
    const int taken = work->taken[s * (work->symbol_count + 1) + k];
    if (taken == UNASSIGNED) {
      s--;
      continue;
    }
    box bounds = {page->w, page->h, 0, 0};
    k--;
    for (int i = s - taken; i < s; i++) extend(&bounds, &work->segments[i]);
    if (taken == 0) bounds = estimate_box(work, page, k);
    symbols[k].left = bounds.left;
    symbols[k].top = bounds.top;
    symbols[k].right = bounds.right;
    symbols[k].bottom = bounds.bottom;
    s -= taken;
    ranges[k] = (od_segment_range){first_segment + s, taken};
  }
}

od_status od_find_symbol_boxes(const od_page *page, const od_text_line *line,
                               const od_line_geometry *geometry, int count,
                               const od_decoded_symbol *decoded, od_symbol *symbols,
                               od_segment_range *ranges, od_error *error) {
  assignment work = {.segments = page->segments + line->first,
                     .segment_count = line->count,
                     .symbol_count = count,
                     .decoded = decoded,
                     .geometry = geometry,
                     .height = line->height};
  const size_t states = (size_t)(line->count + 1) * (size_t)(count + 1);
  double mass = 0;
  int digits = 0;
  for (int i = 0; i < line->count; i++) mass += (double)work.segments[i].mass;
  for (int k = 0; k < count; k++) digits += od_is_digit(&decoded[k]);
  work.mean_mass = fmax(mass, 1) / od_max(digits, 1);
  work.cost = od_allocate(states, sizeof *work.cost);
  work.taken = od_allocate(states, sizeof *work.taken);
  const bool allocated = work.cost && work.taken;
  if (allocated) {
    assign(&work);
    trace_back(&work, page, line->first, symbols, ranges);
  }
  od_release(work.cost);
  od_release(work.taken);
  return allocated ? OD_OK : od_fail_memory(error, "the symbol boxes of a line");
}

bool od_is_isolated(int count, const od_symbol *symbols, int index) {
  const od_symbol *symbol = &symbols[index];
  int before = index - 1, after = index + 1;
  while (before >= 0 && symbols[before].value >= OD_DIGITS) before--;
  while (after < count && symbols[after].value >= OD_DIGITS) after++;
  if (before >= 0 && symbols[before].line == symbol->line && symbols[before].right >= symbol->left)
    return false;
  return after == count || symbols[after].line != symbol->line ||
         symbol->right < symbols[after].left;
}
