/* A comb is found from its base line: at equal distances, from one end of the line to the other,
 * upright lines of equal height stand on it. A table is none: its walls go on below the line, or
 * other lines cross them. A box is a comb of one place that is closed, with another one beside it.
 */
#include "page/combs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "page/table_lines.h"

enum {
  MIN_TOOTH = 8, /* pixels */
  MIN_WALL = 5,  /* pixels above the base line */
  MAX_PLACES = 64,
  MIN_PITCH = 10,      /* pixels from wall to wall */
  MAX_HEIGHT = 400,    /* pixels */
  MAX_LINES = 1024,    /* of all combs of a page */
  MAX_BOXES = 256,     /* apart, of a page */
  MAX_STEPS = 20000000 /* pixels above base lines: there are no combs in a texture of lines */
};

/* Of boxes: the largest distance of two walls, in their heights. */
static const double max_box_pitch = 1.9;
/* Of teeth, which are shorter than digits. */
static const double max_tooth_pitch = 8;
/* How far a wall may be from its place, as a proportion of the pitch, and how much lower than the
 * median wall. */
static const double tolerance = 0.04, max_shortfall = 0.12;
/* The largest proportion of walls that go on below the base line, and the least one of the walls
 * that are as high as the median: digits may touch the others. */
static const double max_below = 0.3, min_equal = 0.6;
/* How far teeth may be from the median height, and from their place, in heights and pitches. */
static const double max_tooth_deviation = 0.06, max_tooth_shift = 0.02;
/* Walls are at least so many times as high as the line is thick, and in this proportion of their
 * rows no wider than the line, with two pixels for blur. */
static const double min_slenderness = 2.5, min_thin = 0.6;
/* The largest mean deviation of the line from a straight one, in pixels, and in its lengths. */
static const double max_bend = 0.6, max_relative_bend = 0.002;
/* Proportion of a row between the walls that a line covers: the one at the upper end, where digits
 * may touch it, and one that crosses the walls. */
static const double min_cover = 0.8, min_crossing = 0.95;
/* The longest gap of a base line, in pixels: beyond it are other boxes. */
enum { MAX_LINE_GAP = 2 };

/* A base line while the walls on it are looked for. */
typedef struct base_line {
  const od_page *page;
  int first, count; /* columns */
  double slope;     /* rows a column */
  double half;      /* of its thickness */
  double *rows;     /* (count): its middle */
  int *heights;     /* (count): of the foreground that stands on it */
} base_line;

static bool is_foreground(const od_page *page, int y, int x) {
  return y >= 0 && y < page->h && x >= 0 && x < page->w &&
         page->foreground[(size_t)y * (size_t)page->w + (size_t)x] >= OD_COMB_LEVEL;
}

/* The pixel `up` rows above the base line's middle at a column, on a line that is upright to it. */
static bool stands(const base_line *line, int column, int up) {
  const int nearest = od_max(0, od_min(column, line->count - 1));
  const int y = (int)lround(line->rows[nearest] - up);
  return is_foreground(line->page, y, line->first + column + (int)lround(line->slope * up));
}

/* The foreground above a column of the line, over gaps of a pixel; thin walls may be a column off.
 */
static int measure_height(const base_line *line, int column) {
  const int begin = (int)(line->half + 1);
  int height = 0, drift = 0;
  for (int up = begin; up < MAX_HEIGHT; up++) {
    const int bound = 1 + (up - begin) / 30;
    if (!stands(line, column + drift, up)) {
      if (drift > -bound && stands(line, column + drift - 1, up))
        drift--;
      else if (drift < bound && stands(line, column + drift + 1, up))
        drift++;
    }
    if (stands(line, column + drift, up))
      height = up - begin + 1;
    else if (up - begin > height)
      break;
  }
  return height;
}

/* The rows of the line at each of its columns, between its points and beyond its ends. */
static void interpolate(const od_line_point *points, int count, base_line *line) {
  int k = 0;
  for (int i = 0; i < line->count; i++) {
    const double x = line->first + i;
    while (k + 2 < count && points[k + 1].along < x) k++;
    const od_line_point *a = &points[k], *b = &points[k + 1];
    const bool between = a->along < x && x < b->along;
    const od_line_point *near = x < b->along ? a : b;
    const double slope = between ? (b->across - a->across) / (b->along - a->along) : line->slope;
    line->rows[i] = near->across + slope * (x - near->along);
  }
}

/* The largest height within `reach` columns, and its column in *at. */
static int highest(const base_line *line, int column, int reach, int *at) {
  int best = -1;
  for (int i = od_max(column - reach, 0); i <= od_min(column + reach, line->count - 1); i++)
    if (line->heights[i] > best) {
      best = line->heights[i];
      *at = i;
    }
  return best;
}

static int compare_ints(const void *a, const void *b) {
  const int p = *(const int *)a, q = *(const int *)b;
  return (p > q) - (p < q);
}

static int median(int count, const int *values) {
  int sorted[MAX_PLACES + 1];
  memcpy(sorted, values, (size_t)count * sizeof *sorted);
  qsort(sorted, (size_t)count, sizeof *sorted, compare_ints);
  return sorted[count / 2];
}

/* The proportion of the columns between walls, `inset` from them, with foreground so far above the
 * line. */
static double cover(const base_line *line, int places, const int *walls, int inset, int up) {
  int covered = 0, total = 0;
  for (int k = 0; k < places; k++) {
    for (int i = walls[k] + inset; i <= walls[k + 1] - inset; i++, total++)
      covered += stands(line, i, up) || stands(line, i, up + 1);
  }
  return total ? (double)covered / total : 1;
}

/* Whether a wall goes on below the line, near its column. */
static bool goes_on_below(const base_line *line, int column) {
  const int base = (int)(line->half + 1), near = base + 1;
  int rows = 0;
  for (int down = base + 1; down <= base + 4; down++) {
    bool any = false;
    for (int i = -near; i <= near; i++) any = any || stands(line, column + i, -down);
    rows += any;
  }
  return rows == 4;
}

/* Whether walls at equal distances make `places` places; fills the columns of the walls and their
 * height. */
static bool has_places(const base_line *line, int begin, int end, int places, int *walls,
                       int *height) {
  const double pitch = (double)(end - begin) / places;
  const int reach = od_max(1, (int)(tolerance * pitch + 0.5));
  int heights[MAX_PLACES + 1], equal = 0, below = 0, filled = 0, gap = 0;
  for (int k = 0; k <= places; k++) {
    heights[k] = highest(line, begin + (int)lround(k * pitch), reach, &walls[k]);
    if (heights[k] < MIN_WALL) return false;
  }
  *height = median(places + 1, heights);
  const int slack = od_max(2, (int)(max_shortfall * *height));
  for (int k = 0; k <= places; k++) {
    if (heights[k] < *height - slack) return false;
    equal += heights[k] <= *height + slack;
    below += goes_on_below(line, walls[k]);
  }
  for (int i = begin; i <= end; i++) {
    filled += line->heights[i] >= *height - slack;
    gap = stands(line, i, 0) ? 0 : gap + 1;
    if (gap > MAX_LINE_GAP) return false;
  }
  return equal >= min_equal * (places + 1) && below <= max_below * (places + 1) &&
         3 * filled <= end - begin;
}

/* Whether the walls have a line at their upper end, in *closed, and none between their ends. */
static bool has_shape(const base_line *line, int places, const int *walls, int height,
                      bool *closed) {
  const int base = (int)(line->half + 1), inset = od_max(3, height / 6);
  const double pitch = (double)(walls[places] - walls[0]) / places;
  const int beside = (int)line->half + 2;
  *closed = false;
  for (int up = base + 1; up < base + height - inset; up++)
    if (cover(line, places, walls, beside, up) >= min_crossing) return false;
  for (int up = base + height - inset; up <= base + height + 1; up++)
    *closed = *closed || cover(line, places, walls, (int)(pitch / 5), up) >= min_cover;
  return pitch <= (*closed ? max_box_pitch : max_tooth_pitch) * height;
}

/* Whether the line has foreground in three columns from `column` on. */
static bool goes_on(const base_line *line, int column, int step) {
  int count = 0;
  for (int k = 0; k < 3; k++, column += step)
    count += column >= 0 && column < line->count && stands(line, column, 0);
  return count == 3;
}

/* Whether walls are printed: thin, and the line ends with the outer ones. */
static bool is_printed(const base_line *line, int places, const int *walls, int height) {
  const int base = (int)(line->half + 1), most = (int)(2 * line->half) + 2;
  int thin = 0;
  for (int k = 0; k <= places; k++)
    for (int up = base; up < base + height; up++) {
      int width = 1;
      for (int i = walls[k] - 1; i >= 0 && width <= most && stands(line, i, up); i--) width++;
      for (int i = walls[k] + 1; i < line->count && width <= most && stands(line, i, up); i++)
        width++;
      thin += width <= most;
    }
  return thin >= min_thin * height * (places + 1) && !goes_on(line, walls[0] - most - 1, -1) &&
         !goes_on(line, walls[places] + most + 1, 1);
}

static bool is_straight(const od_ruling_line *ruling, const od_line_point *points) {
  const od_line_point *last = &points[ruling->count - 1];
  const double length = last->along - points->along;
  double sum = 0;
  for (int i = 0; i < ruling->count; i++)
    sum += fabs(points[i].across - points->across -
                (last->across - points->across) * (points[i].along - points->along) / length);
  return sum / ruling->count <= max_bend + max_relative_bend * length;
}

/* Whether walls without a line at their upper end are of one height and at equal distances, unlike
 * strokes on a line of ruled paper; digits may touch less than half of them. */
static bool are_teeth(const base_line *line, int places, const int *walls, int height) {
  const double pitch = (double)(walls[places] - walls[0]) / places;
  const double slack = fmax(1, max_tooth_deviation * height);
  const double away = fmax(1, max_tooth_shift * pitch);
  int others = 0;
  for (int k = 0; k <= places; k++)
    others += abs(line->heights[walls[k]] - height) > slack ||
              fabs(walls[k] - walls[0] - k * pitch) > away;
  return height >= MIN_TOOTH && 2 * others < places;
}

/* Finds the outermost wall from one end of the line, in steps of 1 or -1. */
static bool find_end(const base_line *line, int column, int step, int *wall) {
  const int thickness = (int)(2 * line->half) + 1;
  *wall = 0;
  for (; column >= 0 && column < line->count; column += step)
    if (line->heights[column] >= MIN_WALL)
      return highest(line, column + step * thickness / 2, thickness, wall) >= MIN_WALL;
  return false;
}

/* A comb on its base line. */
typedef struct comb {
  int places, height;
  int walls[MAX_PLACES + 1]; /* columns of the line */
  bool closed;               /* there is a line at the upper end, too */
} comb;

/* Finds the comb on a line, with the largest number of places that fits. */
static bool find_comb(const base_line *line, comb *found) {
  int begin, end;
  if (!find_end(line, 0, 1, &begin) || !find_end(line, line->count - 1, -1, &end)) return false;
  for (int places = od_min(MAX_PLACES, (end - begin) / MIN_PITCH); places >= 1; places--) {
    *found = (comb){.places = places};
    if (has_places(line, begin, end, places, found->walls, &found->height) &&
        found->height >= min_slenderness * 2 * line->half &&
        has_shape(line, places, found->walls, found->height, &found->closed) &&
        is_printed(line, places, found->walls, found->height) &&
        (found->closed || are_teeth(line, places, found->walls, found->height)))
      return places > 1 || found->closed;
  }
  return false;
}

/* ---- boxes apart ---- */

/* The lines of a box that is alone on its base line. */
typedef struct box {
  od_comb_line lines[4];
  int count;
  double x, y; /* of the lower left corner */
  int width, height;
} box;

/* Whether two boxes are of the same size, side by side. */
static bool are_beside(const box *a, const box *b) {
  const double gap = fabs(a->x - b->x) - a->width;
  return abs(a->width - b->width) <= 2 + a->width / 10 &&
         abs(a->height - b->height) <= 2 + a->height / 10 &&
         fabs(a->y - b->y) <= 2 + a->height / 6.0 && gap > 0 && gap <= a->width;
}

/* ---- the lines of a comb ---- */

/* Whether a column belongs to a wall: foreground in most of its rows. */
static bool is_of_wall(const base_line *line, int column, int height) {
  const int base = (int)(line->half + 1);
  int rows = 0;
  for (int up = base; up < base + height; up++) rows += stands(line, column, up);
  return rows >= min_thin * height;
}

/* Returns the middle column of a wall at a column, and *half its width. */
static int middle_of(const base_line *line, int column, int height, int *half) {
  const int most = (int)(2 * line->half + 2);
  int left = 0, right = 0;
  while (left < most && is_of_wall(line, column - left - 1, height)) left++;
  while (right < most && is_of_wall(line, column + right + 1, height)) right++;
  *half = (left + right + 1) / 2;
  return column + (right - left) / 2;
}

/* What is found on a page. */
typedef struct search {
  const od_page *page;
  double *rows; /* (w): scratch of a base line */
  int *heights; /* (w) */
  od_comb_lines *lines;
  box *boxes; /* (MAX_BOXES) */
  int box_count;
  int64_t steps;
} search;

static od_comb_line wall_of(const base_line *line, const comb *found, int k) {
  const int foot = (int)(line->half + 1);
  int half;
  const int column = middle_of(line, found->walls[k], found->height, &half);
  return (od_comb_line){.upright = true,
                        .x = line->first + column + line->slope * foot,
                        .y = line->rows[column] - foot,
                        .slant = line->slope,
                        .length = found->height + 2,
                        .half = half};
}

/* The base line, or the one at the upper end of the walls; a pixel longer than between them. */
static od_comb_line level_line_of(const base_line *line, const comb *found, bool upper) {
  const int half = (int)(line->half + 0.5);
  const double up = upper ? line->half + 1 + found->height - half : 0;
  int first_half, last_half;
  const int first = middle_of(line, found->walls[0], found->height, &first_half);
  const int last = middle_of(line, found->walls[found->places], found->height, &last_half);
  return (od_comb_line){.x = line->first + first - first_half - 1 + line->slope * up,
                        .y = line->rows[first] - up,
                        .slant = line->slope,
                        .length = last - first + first_half + last_half + 3,
                        .half = half};
}

/* Writes the lines of a comb, at most places + 3; returns their number. */
static int lines_of(const base_line *line, const comb *found, od_comb_line *lines) {
  int count = 0;
  for (int k = 0; k <= found->places; k++) lines[count++] = wall_of(line, found, k);
  lines[count++] = level_line_of(line, found, false);
  if (found->closed) lines[count++] = level_line_of(line, found, true);
  return count;
}

/* Keeps a comb, or a box until others are beside it. */
static void keep(search *s, const base_line *line, const comb *found) {
  if (found->places > 1) {
    if (s->lines->count + found->places + 3 <= MAX_LINES)
      s->lines->count += lines_of(line, found, s->lines->items + s->lines->count);
    return;
  }
  if (s->box_count == MAX_BOXES) return;
  box *b = &s->boxes[s->box_count++];
  b->count = lines_of(line, found, b->lines);
  b->x = line->first + found->walls[0];
  b->y = line->rows[found->walls[0]];
  b->width = found->walls[1] - found->walls[0];
  b->height = found->height;
}

/* Returns where the next part of a line without gaps begins, from a column on, and its *end. */
static int next_piece(const base_line *line, int column, int *end) {
  int begin = column;
  while (begin < line->count && !stands(line, begin, 0)) begin++;
  *end = begin;
  for (int i = begin; i < line->count && i - *end <= MAX_LINE_GAP; i++)
    if (stands(line, i, 0)) *end = i + 1;
  return begin;
}

/* The columns begin .. end - 1 of a line. */
static base_line part_of(const base_line *line, int begin, int end) {
  base_line part = *line;
  part.first += begin;
  part.count = end - begin;
  part.rows += begin;
  part.heights += begin;
  return part;
}

/* Whether there may be a wall in columns begin .. end - 1. */
static bool has_wall(const base_line *line, int begin, int end) {
  for (int i = od_max(begin, 0); i < od_min(end, line->count); i++)
    if (measure_height(line, i) >= MIN_WALL) return true;
  return false;
}

/* Looks for a comb on one of the ruling lines. */
static void search_line(search *s, const od_ruling_line *ruling, const od_line_point *points) {
  const od_line_point *last = &points[ruling->count - 1];
  const int beyond = (int)(2 * ruling->thickness + 4); /* the walls at both ends */
  const int first = od_max((int)points->along - beyond, 0);
  base_line line = {.page = s->page,
                    .first = first,
                    .count = od_min((int)last->along + beyond, s->page->w - 1) - first + 1,
                    .slope = (last->across - points->across) / (last->along - points->along),
                    .half = ruling->thickness / 2,
                    .rows = s->rows,
                    .heights = s->heights};
  comb found;
  if (last->along - points->along < MIN_PITCH || !is_straight(ruling, points)) return;
  interpolate(points, ruling->count, &line);
  if (!has_wall(&line, 0, 2 * beyond) || !has_wall(&line, line.count - 2 * beyond, line.count))
    return;
  for (int i = 0; i < line.count; i++) s->steps += s->heights[i] = measure_height(&line, i);
  s->steps += line.count;
  if (find_comb(&line, &found)) {
    keep(s, &line, &found);
    return;
  }
  for (int end, begin = next_piece(&line, 0, &end); begin < line.count;
       begin = next_piece(&line, end, &end)) {
    const base_line piece = part_of(&line, begin, end);
    if (find_comb(&piece, &found)) keep(s, &piece, &found);
  }
}

/* Adds the lines of boxes that have another one beside them. */
static void add_boxes(search *s) {
  for (int i = 0; i < s->box_count; i++) {
    const box *b = &s->boxes[i];
    bool has_neighbour = false;
    for (int k = 0; k < s->box_count; k++)
      has_neighbour = has_neighbour || (k != i && are_beside(b, &s->boxes[k]));
    if (!has_neighbour || s->lines->count + b->count > MAX_LINES) continue;
    memcpy(s->lines->items + s->lines->count, b->lines, (size_t)b->count * sizeof *b->lines);
    s->lines->count += b->count;
  }
}

od_status od_page_find_combs(od_page *page, od_comb_lines *lines, od_error *error) {
  od_ruling_line_set set = {0};
  *lines = (od_comb_lines){0};
  od_status status = od_track_ruling_lines(&page->workspace, page->h, page->w, page->foreground,
                                           OD_LEVEL_LINES, &set, error);
  search s = {.page = page, .lines = lines};
  if (!status && set.count) {
    s.rows = od_allocate((size_t)page->w, sizeof *s.rows);
    s.heights = od_allocate((size_t)page->w, sizeof *s.heights);
    s.boxes = od_allocate(MAX_BOXES, sizeof *s.boxes);
    lines->items = od_allocate(MAX_LINES, sizeof *lines->items);
    if (!s.rows || !s.heights || !s.boxes || !lines->items)
      status = od_fail_memory(error, "the combs of a page");
  }
  for (int i = 0; !status && i < set.count && s.steps < MAX_STEPS; i++) {
    status = od_thread_pool_check(page->workspace.pool);
    if (!status) search_line(&s, &set.lines[i], set.points + set.lines[i].first);
  }
  if (!status) add_boxes(&s);
  od_release(s.rows);
  od_release(s.heights);
  od_release(s.boxes);
  od_ruling_line_set_release(&set);
  return status;
}
