#include "page/walls.h"

#include "base/math.h"

/* Minimum proportion of the rows in which a wall has ruling-line cells. */
static const double min_coverage = 0.75;
/* Maximum overlap of a digit and a wall, and maximum width of a comb's box, in digit heights. */
static const double max_overlap = 0.3, max_box_width = 1.7;
/* Maximum ratio of the widths of two boxes of a comb. */
static const double max_width_ratio = 1.45;

static bool is_ruling_line(const od_class_map *cells, int i, int j) {
  return j >= 0 && j < cells->columns &&
         cells->classes[(size_t)i * (size_t)cells->columns + (size_t)j] == OD_PIXEL_RULING_LINE;
}

/* Whether cells of column j or j + 1, as walls may slant, are of a ruling line in most of the rows
 * first .. last. */
static bool is_wall(const od_class_map *cells, int first, int last, int j) {
  int covered = 0;
  for (int i = first; i <= last; i++)
    covered += is_ruling_line(cells, i, j) || is_ruling_line(cells, i, j + 1);
  return covered >= min_coverage * (last - first + 1);
}

/* Returns the first column from `from` towards `to` that is a wall in these rows, or -1. */
static int find_wall(const od_class_map *cells, int first, int last, int from, int to) {
  const int step = from <= to ? 1 : -1;
  for (int j = from; j != to + step; j += step)
    if (is_wall(cells, first, last, j)) return j;
  return -1;
}

bool od_is_wall_between(const od_page *page, const od_foreground_component *a,
                        const od_foreground_component *b) {
  const od_class_map *cells = &page->class_map;
  if (!cells->classes) return false;
  const int side = cells->side;
  const int top = od_max(a->top, b->top), bottom = od_min(a->bottom, b->bottom);
  const int height = od_max(a->bottom - a->top, b->bottom - b->top);
  const int first = od_min(top / side, cells->rows - 1);
  const int last = od_min((bottom - 1) / side, cells->rows - 1);
  const int overlap = (int)(max_overlap * height), reach = (int)(max_box_width * height) / side;
  if (last < first) return false;
  const int wall =
      find_wall(cells, first, last, (a->right - overlap) / side, (b->left + overlap) / side);
  if (wall < 0) return false;
  const int left = find_wall(cells, first, last, wall - 3, wall - reach);
  const int right = find_wall(cells, first, last, wall + 3, wall + reach);
  if (left < 0 || right < 0) return true;
  const int before = wall - left, after = right - wall;
  return od_max(before, after) > max_width_ratio * od_min(before, after);
}
