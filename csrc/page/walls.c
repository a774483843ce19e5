#include "page/walls.h"

#include "base/math.h"

/* Minimum proportion of the rows in which a wall has ruling-line cells: of the rows of the digits
 * and so many digit heights above and below, as walls are higher than digits, which may touch
 * them. */
static const double min_coverage = 0.55, margin = 0.35;
/* Maximum overlap of a digit and a wall, in digit heights. */
static const double max_overlap = 0.3;
/* Minimum proportion of the rows above a digit, and of those below it, up to half its height away,
 * that a ruling line which crosses it covers. */
static const double min_crossing = 0.8;
/* Maximum length of a box's wall above and below the digits, in digit heights. */
static const double max_box_margin = 1.1;

/* Minimum height of a tooth of a comb, in digit heights. */
static const double min_tooth_height = 0.15;

static bool is_ruling_line(const od_class_map *cells, int i, int j) {
  return i >= 0 && i < cells->rows && j >= 0 && j < cells->columns &&
         cells->classes[od_cell(cells, i, j)] == OD_PIXEL_RULING_LINE;
}

/* Whether a wall near column *j goes on in row i; *j follows it. */
static bool goes_on(const od_class_map *cells, int i, int *j) {
  static const int offsets[] = {0, 1, -1, 2, -2};
  for (size_t k = 0; k < sizeof offsets / sizeof *offsets; k++)
    if (is_ruling_line(cells, i, *j + offsets[k])) {
      *j += od_max(-1, od_min(1, offsets[k]));
      return true;
    }
  return false;
}

/* Returns the number of rows, at most `limit`, over which a wall at (i, j) goes on in steps of
 * `step`; a digit that touches the wall may hide two of them. */
static int length_beyond(const od_class_map *cells, int i, int j, int step, int limit) {
  int length = 0;
  for (int hidden = 0; length < limit && hidden <= 2; length++) {
    hidden = goes_on(cells, i + step * length, &j) ? 0 : hidden + 1;
    if (hidden > 2) length -= 3;
  }
  return length;
}

/* Whether a wall runs along column j, in most of the rows first .. last. */
static bool is_wall(const od_class_map *cells, int first, int last, int j) {
  int covered = 0; /* two columns, as walls may slant */
  for (int i = first; i <= last; i++)
    covered += is_ruling_line(cells, i, j) || is_ruling_line(cells, i, j + 1);
  return covered >= min_coverage * (last - first + 1);
}

/* Whether a tooth of a comb is at column j: a short wall on a base line, which is between rows
 * first and last, of at least `height` rows. */
static bool is_tooth(const od_class_map *cells, int first, int last, int j, int height) {
  for (int i = last; i >= first; i--) {
    int line = 0, length = 0;
    for (int k = -2; k <= 2; k++) line += is_ruling_line(cells, i, j + k);
    if (line < 5) continue;
    while (is_ruling_line(cells, i - 1 - length, j) || is_ruling_line(cells, i - 1 - length, j + 1))
      length++;
    return length >= height;
  }
  return false;
}

od_wall od_wall_between(const od_page *page, const od_foreground_component *a,
                        const od_foreground_component *b) {
  const od_class_map *cells = &page->class_map;
  if (!cells->classes) return OD_NO_WALL;
  const int height = od_max(a->bottom - a->top, b->bottom - b->top);
  const int above = (int)(margin * height), overlap = (int)(max_overlap * height);
  const int top = od_max(0, od_min(a->top, b->top) - above);
  const int bottom = od_min(page->h, od_max(a->bottom, b->bottom) + above);
  const int first = top / cells->side, last = od_min((bottom - 1) / cells->side, cells->rows - 1);
  const int left = od_max(0, a->right - overlap) / cells->side;
  const int right = od_min((b->left + overlap) / cells->side, cells->columns - 1);
  const int limit = (int)(max_box_margin * height) / cells->side + 2;
  const int base = (od_min(a->bottom, b->bottom) - height / 4) / cells->side;
  const int min_tooth = od_max(2, (int)(min_tooth_height * height) / cells->side);
  od_wall found = OD_NO_WALL;
  for (int j = left; j <= right; j++) {
    if (is_tooth(cells, base, last + limit, j, min_tooth)) found = OD_TOOTH;
    if (!is_wall(cells, first, last, j)) continue;
    if (length_beyond(cells, first, j, -1, limit) < limit &&
        length_beyond(cells, last, j, 1, limit) < limit)
      return OD_BOX_WALL;
    return OD_TABLE_WALL;
  }
  return found;
}

bool od_is_crossed(const od_page *page, const od_foreground_component *a) {
  const od_class_map *cells = &page->class_map;
  if (!cells->classes) return false;
  const int side = cells->side, reach = (a->bottom - a->top) / 2 / side;
  const int top = a->top / side, bottom = (a->bottom - 1) / side, inset = (a->right - a->left) / 4;
  if (reach < 2) return false;
  for (int j = (a->left + inset) / side; j <= (a->right - inset) / side; j++) {
    int above = 0, below = 0;
    for (int k = 1; k <= reach; k++) {
      above += is_ruling_line(cells, top - k, j) || is_ruling_line(cells, top - k, j + 1);
      below += is_ruling_line(cells, bottom + k, j) || is_ruling_line(cells, bottom + k, j + 1);
    }
    if (od_min(above, below) >= min_crossing * reach) return true;
  }
  return false;
}
