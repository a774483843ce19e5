/* Combs are looked for on each ruling line that is nearly level. A box is a comb of one place that
 * is closed; alone it may be a frame, so it counts if another one of its size is beside it. */
#include "page/combs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "page/comb_walls.h"
#include "page/table_lines.h"

enum {
  MAX_LINES = 1 << 16, /* of all combs of a page */
  MAX_BOXES = 4096,    /* apart, of a page */
  BOX_LINES = 4,
  MIN_LENGTH = 10 /* pixels of a base line */
};

/* The largest mean deviation of a line from a straight one, in pixels, and in its lengths. */
static const double max_bend = 0.6, max_relative_bend = 0.015;

/* A box that is alone on its base line. */
typedef struct box {
  od_comb_line lines[BOX_LINES];
  double x, y; /* of the lower left corner */
  int width, height;
  bool is_empty; /* nothing is written into it */
} box;

/* What is found on a page. */
typedef struct search {
  od_page *page;
  double *rows; /* (w): scratch of a base line */
  int *heights; /* (w) */
  od_comb_lines *lines;
  int capacity; /* of the lines */
  box *boxes;   /* (MAX_BOXES); NULL before the first */
  int box_count;
  int64_t steps;
  bool full, failed; /* too many lines; no memory */
} search;

/* ---- the lines of a comb ---- */

/* Whether column `aside` of a wall's foot belongs to the wall: foreground in most of its rows. */
static bool is_of_wall(const od_base_line *line, const od_comb_wall *wall, int height, int aside) {
  int rows = 0;
  for (int i = 0; i < height; i++) {
    const int column = wall->column + aside + (int)lround(wall->lean * i);
    rows += od_stands(line, column, od_foot_of(line) + i);
  }
  return 5 * rows >= 3 * height;
}

/* The rows of a wall: to its own end, unless a digit goes on from there. */
static int rows_of(const od_comb *comb, int k) {
  const int own = comb->walls[k].height, expected = comb->heights[k];
  const int slack = od_max(2, expected / 8);
  if (own <= expected + slack) return own;
  for (int i = 0; i <= comb->places; i++) /* every third tooth may be higher */
    if (i != k && abs(comb->walls[i].height - own) <= slack) return own;
  return expected;
}

/* The line of wall k, in the middle of its columns. */
static od_comb_line wall_line(const od_base_line *line, const od_comb *comb, int k) {
  const od_comb_wall *wall = &comb->walls[k];
  const int height = od_max(1, od_min(wall->height, comb->heights[k]));
  const int most = (int)(2 * line->half + 2), foot = od_foot_of(line);
  int left = 0, right = 0;
  while (left < most && is_of_wall(line, wall, height, -left - 1)) left++;
  while (right < most && is_of_wall(line, wall, height, right + 1)) right++;
  const int column = od_max(0, od_min(wall->column + (right - left) / 2, line->count - 1));
  return (od_comb_line){.upright = true,
                        .x = line->first + column + line->slope * foot,
                        .y = line->rows[column] - foot,
                        .slant = line->slope + wall->lean,
                        .length = rows_of(comb, k) + 2,
                        .half = (left + right + 1) / 2};
}

/* A level line from (x0, y0) to (x1, y1), and `beyond` pixels on both sides. */
static od_comb_line level_line(double x0, double y0, double x1, double y1, int beyond,
                               double half) {
  const double slant = (y1 - y0) / fmax(x1 - x0, 1);
  return (od_comb_line){.x = x0 - beyond,
                        .y = y0 - slant * beyond,
                        .slant = slant,
                        .length = (int)(x1 - x0) + 1 + 2 * beyond,
                        .half = (int)half};
}

/* The rows from the base line's middle to that of the line at the upper end of wall k. */
static double rise_of(const od_base_line *line, const od_comb *comb, int k) {
  const int own = comb->walls[k].height, expected = comb->heights[k];
  const int height = abs(own - expected) <= 2 ? own : expected;
  return od_foot_of(line) + height - 1 - (line->half - 0.5);
}

/* The part of the base line, or of the line at the upper end, from wall k to the next one. */
static od_comb_line part_between(const od_base_line *line, const od_comb *comb, int k,
                                 const od_comb_line *walls, bool upper) {
  double x[2], y[2];
  for (int i = 0; i < 2; i++) {
    const od_comb_line *wall = &walls[k + i];
    const double rise = upper ? rise_of(line, comb, k + i) : 0;
    x[i] = wall->x + (rise - od_foot_of(line)) * wall->slant;
    y[i] = wall->y + od_foot_of(line) - rise;
  }
  const int beyond = od_max(walls[k].half, walls[k + 1].half) + 1;
  return level_line(x[0], y[0], x[1], y[1], beyond, line->half);
}

/* Writes the lines of a comb: places + 1 walls, and a level line or two for each place. Returns
 * their number. */
static int lines_of(const od_base_line *line, const od_comb *comb, od_comb_line *lines) {
  int count = 0;
  for (int k = 0; k <= comb->places; k++) lines[count++] = wall_line(line, comb, k);
  for (int upper = 0; upper <= comb->closed; upper++)
    for (int k = 0; k < comb->places; k++)
      lines[count++] = part_between(line, comb, k, lines, upper);
  return count;
}

/* ---- what is found ---- */

static void add_lines(search *s, int count, const od_comb_line *lines) {
  od_comb_lines *all = s->lines;
  if (all->count + count > MAX_LINES) {
    s->full = true;
    return;
  }
  if (all->count + count > s->capacity) {
    const int capacity = od_max(256, 2 * (all->count + count));
    od_comb_line *items = od_allocate((size_t)capacity, sizeof *items);
    if (!items) {
      s->failed = true;
      return;
    }
    if (all->count) memcpy(items, all->items, (size_t)all->count * sizeof *items);
    od_release(all->items);
    all->items = items;
    s->capacity = capacity;
  }
  memcpy(all->items + all->count, lines, (size_t)count * sizeof *lines);
  all->count += count;
}

/* Whether there is no foreground within a box. */
static bool is_empty(const od_base_line *line, const od_comb *comb) {
  enum { MIN_FOREGROUND = 6 };
  const int inset = (int)(2 * line->half) + 3;
  int count = 0;
  for (int up = od_foot_of(line) + 2; up < comb->heights[0] - inset; up++)
    for (int i = comb->walls[0].column + inset; i <= comb->walls[1].column - inset; i++)
      count += od_stands(line, i, up);
  return count < MIN_FOREGROUND;
}

/* Keeps a box until others are beside it. */
static void add_box(search *s, const od_base_line *line, const od_comb *comb) {
  if (!s->boxes) s->boxes = od_allocate(MAX_BOXES, sizeof *s->boxes);
  s->failed = s->failed || !s->boxes;
  s->full = s->full || s->box_count == MAX_BOXES;
  if (s->failed || s->full) return;
  box *b = &s->boxes[s->box_count++];
  lines_of(line, comb, b->lines);
  b->x = line->first + comb->walls[0].column;
  b->y = line->rows[comb->walls[0].column];
  b->width = comb->walls[1].column - comb->walls[0].column;
  b->height = comb->heights[0];
  b->is_empty = is_empty(line, comb);
}

/* Whether two boxes are of the same size, side by side; empty ones may be zeros. */
static bool are_beside(const box *a, const box *b) {
  if (a->is_empty && b->is_empty) return false;
  const double gap = fabs(a->x - b->x) - a->width;
  return abs(a->width - b->width) <= 2 + a->width / 10 &&
         abs(a->height - b->height) <= 2 + a->height / 10 &&
         fabs(a->y - b->y) <= 2 + a->height / 6.0 && gap > 0 && gap <= a->width;
}

/* Adds the lines of boxes that have another one beside them. */
static void add_boxes(search *s) {
  for (int i = 0; i < s->box_count; i++) {
    bool has_neighbour = false;
    for (int k = 0; k < s->box_count && !has_neighbour; k++)
      has_neighbour = k != i && are_beside(&s->boxes[i], &s->boxes[k]);
    if (has_neighbour) add_lines(s, BOX_LINES, s->boxes[i].lines);
  }
}

/* ---- base lines ---- */

static bool is_straight(const od_ruling_line *ruling, const od_line_point *points) {
  const od_line_point *last = &points[ruling->count - 1];
  const double length = last->along - points->along;
  double sum = 0;
  for (int i = 0; i < ruling->count; i++)
    sum += fabs(points[i].across - points->across -
                (last->across - points->across) * (points[i].along - points->along) / length);
  return sum / ruling->count <= max_bend + max_relative_bend * length;
}

/* The rows of the line at each of its columns, between its points and beyond its ends. */
static void interpolate(const od_line_point *points, int count, const od_base_line *line) {
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

/* Returns where the next part of a line without gaps begins, from a column on, and its *end. */
static int next_part(const od_base_line *line, int column, int *end) {
  enum { MAX_GAP = 2 };
  int begin = column;
  while (begin < line->count && !od_stands(line, begin, 0)) begin++;
  *end = begin;
  for (int i = begin; i < line->count && i - *end <= MAX_GAP; i++)
    if (od_stands(line, i, 0)) *end = i + 1;
  return begin;
}

/* The columns begin .. end - 1 of a line. */
static od_base_line part_of(const od_base_line *line, int begin, int end) {
  od_base_line part = *line;
  part.first += begin;
  part.count = end - begin;
  part.rows += begin;
  part.heights += begin;
  return part;
}

/* Looks for a comb on a base line; returns whether there is one. */
static bool search_base_line(search *s, const od_base_line *line) {
  od_comb comb;
  od_comb_line lines[3 * OD_MAX_PLACES + 1];
  if (!od_find_comb(line, &comb)) return false;
  if (comb.places == 1)
    add_box(s, line, &comb);
  else
    add_lines(s, lines_of(line, &comb, lines), lines);
  return true;
}

/* Looks for combs on one of the ruling lines, which may be the base lines of several boxes. */
static void search_ruling_line(search *s, const od_ruling_line *ruling,
                               const od_line_point *points) {
  const od_line_point *last = &points[ruling->count - 1];
  const int beyond = (int)(2 * ruling->thickness + 4); /* the walls at both ends */
  const int first = od_max((int)points->along - beyond, 0);
  const od_base_line line = {
      .page = s->page,
      .first = first,
      .count = od_min((int)last->along + beyond, s->page->w - 1) - first + 1,
      .slope = (last->across - points->across) / (last->along - points->along),
      .half = ruling->thickness / 2,
      .rows = s->rows,
      .heights = s->heights,
      .steps = &s->steps};
  if (last->along - points->along < MIN_LENGTH || !is_straight(ruling, points)) return;
  interpolate(points, ruling->count, &line);
  if (!od_may_have_wall(&line, 0, 2 * beyond) ||
      !od_may_have_wall(&line, line.count - 2 * beyond, line.count))
    return;
  od_measure_heights(&line);
  if (search_base_line(s, &line)) return;
  for (int end, begin = next_part(&line, 0, &end); begin < line.count;
       begin = next_part(&line, end, &end)) {
    const od_base_line part = part_of(&line, begin, end);
    search_base_line(s, &part);
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
    s.failed = !s.rows || !s.heights;
  }
  for (int i = 0; !status && !s.failed && i < set.count && s.steps <= OD_MAX_COMB_STEPS; i++) {
    status = od_thread_pool_check(page->workspace.pool);
    if (!status) search_ruling_line(&s, &set.lines[i], set.points + set.lines[i].first);
  }
  add_boxes(&s);
  if (s.full || s.steps > OD_MAX_COMB_STEPS) lines->count = 0;
  if (!status && s.failed) status = od_fail_memory(error, "the combs of a page");
  od_release(s.rows);
  od_release(s.heights);
  od_release(s.boxes);
  od_ruling_line_set_release(&set);
  return status;
}
