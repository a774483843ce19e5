/* Groups components into text lines with a union-find. Two components are joined if they are
 * horizontal neighbours: close to each other, overlapping vertically and of similar height, so a
 * line may slant and bend. Small components (dots, dashes, fragments) join no others; they are
 * attached to the line of the nearest larger component. All sizes are compared with those of the
 * components nearby, so digits of any sizes may stand on one page. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "page/page.h"
#include "page/walls.h"

/* Maximum gap within a line, in the geometric mean of the neighbours' heights. */
static const double max_gap = 1.15;
/* Maximum gap with a dot or dash in it, in maximum gaps. */
static const double max_marked_gap = 1.9;
/* The same as max_gap for digits in boxes side by side. */
static const double max_box_gap = 2.2;
/* A component is small compared with a near one if its height is less than this part of the other
 * one's. */
static const double min_height_ratio = 0.4;
/* Maximum height of a comma, in heights of a digit beside it. */
static const double max_comma_height = 0.65;
/* Parts of a broken digit: maximum height of each and minimum height of both, in heights of a
 * digit beside them. */
static const double max_part_height = 0.8, min_union_height = 0.7;
/* Maximum width of both, in heights of both. */
static const double max_union_width = 3;
/* Minimum height of components that join others, and minimum size of all that are not specks, in
 * the median height of the page. */
static const double min_core_height = 0.2, min_size = 0.1;
/* The same in pixels, and in the component's area divided by its longer side, which is at least its
 * stroke width: dots and dashes are lower. */
static const double min_core_pixels = 5, min_core_strokes = 1.2;
/* Maximum gap between small digits and a much larger one in whose line they are, in heights of
 * theirs. */
static const double max_small_gap = 0.5;
/* Floor of the variance of digits' centres about their line, in squares of its height. */
static const double min_variance = 0.01;

/* A component and its place in the union-find. */
typedef struct node {
  od_foreground_component component;
  int index;  /* of the component on the page */
  int parent; /* in the forest of lines */
  int line;   /* index of its line; -1: none */
  bool core;  /* it joins others to a line */
} node;

static int height_of(const od_foreground_component *component) {
  return component->bottom - component->top;
}

static double mean_x(const od_foreground_component *component) {
  return (double)component->column_sum / component->area;
}

static void extend(od_text_line *line, const od_foreground_component *component) {
  line->left = od_min(line->left, component->left);
  line->top = od_min(line->top, component->top);
  line->right = od_max(line->right, component->right);
  line->bottom = od_max(line->bottom, component->bottom);
}

static int by_left(const void *a, const void *b) {
  const node *first = a, *second = b;
  if (first->component.left != second->component.left)
    return first->component.left < second->component.left ? -1 : 1;
  if (first->component.top != second->component.top)
    return first->component.top < second->component.top ? -1 : 1;
  return (first->index > second->index) - (first->index < second->index);
}

static int find_root(node *nodes, int i) {
  while (nodes[i].parent != i) {
    nodes[i].parent = nodes[nodes[i].parent].parent;
    i = nodes[i].parent;
  }
  return i;
}

static void join(node *nodes, int a, int b) {
  nodes[find_root(nodes, b)].parent = find_root(nodes, a);
}

/* ---- neighbours ---- */

/* The widest gap between nodes a and b, a not right of b, and the dots and dashes between them,
 * which are lower than half of both. */
static int gap_between(const node *nodes, int a, int b) {
  const od_foreground_component *first = &nodes[a].component, *last = &nodes[b].component;
  const int top = od_max(first->top, last->top), bottom = od_min(first->bottom, last->bottom);
  const int max_height = od_min(height_of(first), height_of(last)) / 2;
  int right = first->right, gap = INT_MIN;
  for (int i = a + 1; i < b && right < last->left; i++) {
    const od_foreground_component *c = &nodes[i].component;
    if (c->left < right || c->right > last->left || height_of(c) > max_height || c->top >= bottom ||
        c->bottom <= top)
      continue;
    gap = od_max(gap, c->left - right);
    right = c->right;
  }
  return od_max(gap, last->left - right);
}

/* Whether two nodes, a not right of b, are neighbours in a line. */
static bool are_neighbours(const node *nodes, int a, int b) {
  const od_foreground_component *first = &nodes[a].component, *last = &nodes[b].component;
  const int lower = od_min(height_of(first), height_of(last));
  const int higher = od_max(height_of(first), height_of(last));
  const int overlap = od_min(first->bottom, last->bottom) - od_max(first->top, last->top);
  /* twice that of the centres */
  const int offset = abs(first->top + first->bottom - last->top - last->bottom);
  if (lower < min_height_ratio * higher || 2 * overlap < lower || offset > 1.3 * higher)
    return false;
  const double max_width = max_gap * sqrt((double)lower * higher);
  const int gap = last->left - first->right;
  return gap <= max_width ||
         (gap <= max_marked_gap * max_width && gap_between(nodes, a, b) <= max_width);
}

/* Whether two components with the wall of a box between them are digits of a comb: somewhere in
 * boxes side by side. */
static bool are_in_boxes(const od_foreground_component *a, const od_foreground_component *b) {
  const int lower = od_min(height_of(a), height_of(b)), higher = od_max(height_of(a), height_of(b));
  const int offset = abs(a->top + a->bottom - b->top - b->bottom);
  return lower >= min_height_ratio * higher && offset <= 2 * higher &&
         b->left - a->right <= max_box_gap * higher;
}

/* Whether a wall may be one between two places of a comb. */
static bool is_of_box(od_wall wall) { return wall == OD_TOOTH || wall == OD_BOX_WALL; }

/* Joins neighbours. nodes (count) are ordered by their left sides; none is higher than max_height.
 * Walls separate them, but the wall of a box does so only if `combs` is given, and not digits of
 * the same comb, which teeth and the walls of boxes join if they are far apart. If page is NULL
 * there are no walls. */
static void join_neighbours(const od_page *page, int count, node *nodes, int max_height,
                            const int *combs) {
  for (int i = 0; i < count; i++) {
    if (!nodes[i].core) continue;
    for (int k = i + 1; k < count; k++) {
      const od_foreground_component *a = &nodes[i].component, *b = &nodes[k].component;
      if (b->left - a->right > max_box_gap * max_height) break;
      const bool near = are_neighbours(nodes, i, k);
      if (!nodes[k].core || (!near && !are_in_boxes(a, b))) continue;
      const bool in_comb = !combs || (combs[i] >= 0 && combs[i] == combs[k]);
      const od_wall wall = page ? od_wall_between(page, a, b) : OD_NO_WALL;
      if ((near && wall <= OD_TOOTH) || (in_comb && is_of_box(wall))) join(nodes, i, k);
    }
  }
}

/* ---- combs ---- */

/* In a comb, at least this proportion of the neighbours have a wall between them: each digit has a
 * box. In a table of one row, cells have several digits. */
static const double min_walls = 0.7;
/* Proportion of the digits that ruling lines cross, on paper other than squared. */
static const double max_crossed = 0.25;

/* Sets combs (count) to the group of each node that is a comb, and -1 for others, and separates the
 * groups again. They were joined over the walls of boxes. */
static od_status find_combs(const od_page *page, int count, node *nodes, int *combs,
                            od_error *error) {
  struct group {
    int last; /* node on the left of the next one, or -1 */
    int pairs, walls;
  } *groups = od_allocate((size_t)count, sizeof *groups);
  if (!groups) return od_fail_memory(error, "the combs of a page");
  for (int i = 0; i < count; i++) groups[i].last = -1;
  for (int i = 0; i < count; i++) {
    struct group *group = &groups[find_root(nodes, i)];
    if (!nodes[i].core) continue;
    const od_foreground_component *last = group->last < 0 ? NULL : &nodes[group->last].component;
    if (last && nodes[i].component.left >= last->right) {
      group->pairs++;
      group->walls += is_of_box(od_wall_between(page, last, &nodes[i].component));
    }
    if (!last || nodes[i].component.right > last->right) group->last = i;
  }
  for (int i = 0; i < count; i++) {
    const int root = find_root(nodes, i);
    combs[i] = groups[root].walls >= min_walls * groups[root].pairs ? root : -1;
  }
  for (int i = 0; i < count; i++) nodes[i].parent = i;
  od_release(groups);
  return OD_OK;
}

/* Whether ruling lines cross digits, as on squared paper, where they separate no numbers. */
static bool is_squared(const od_page *page, int count, const node *nodes) {
  int crossed = 0, digits = 0;
  for (int i = 0; i < count; i++) {
    if (!nodes[i].core) continue;
    digits++;
    crossed += od_is_crossed(page, &nodes[i].component);
  }
  return crossed > max_crossed * digits;
}

static od_status join_between_walls(const od_page *page, int count, node *nodes, int max_height,
                                    od_error *error) {
  const bool walls = page->class_map.classes && !is_squared(page, count, nodes);
  join_neighbours(walls ? page : NULL, count, nodes, max_height, NULL);
  if (!walls) return OD_OK;
  int *combs = od_allocate((size_t)count, sizeof *combs);
  if (!combs) return od_fail_memory(error, "the combs of a page");
  const od_status status = find_combs(page, count, nodes, combs, error);
  if (!status) join_neighbours(page, count, nodes, max_height, combs);
  od_release(combs);
  return status;
}

/* ---- broken digits ---- */

static int union_height(const od_foreground_component *a, const od_foreground_component *b) {
  return od_max(a->bottom, b->bottom) - od_min(a->top, b->top);
}

/* Whether two components, a not right of b, may be parts of one digit on a page with digits of up
 * to max_height. */
static bool may_be_parts(const od_foreground_component *a, const od_foreground_component *b,
                         int max_height) {
  const int height = union_height(a, b), width = od_max(a->right, b->right) - a->left;
  return 4 * height <= 5 * max_height && width <= max_union_width * height &&
         od_max(height_of(a), height_of(b)) <= max_part_height * max_height;
}

/* Whether the union of two parts, such as the body and the detached bar of a five, is a neighbour
 * of `digit` and about as high, while neither part is. */
static bool complete_beside(const od_foreground_component *a, const od_foreground_component *b,
                            const od_foreground_component *digit) {
  const int top = od_min(a->top, b->top), bottom = od_max(a->bottom, b->bottom);
  const int left = od_min(a->left, b->left), right = od_max(a->right, b->right);
  const int height = height_of(digit), gap = od_max(digit->left - right, left - digit->right);
  const int excess = od_max(0, digit->top - top) + od_max(0, bottom - digit->bottom);
  return gap <= max_gap * height && bottom - top >= min_union_height * height &&
         4 * excess <= height && od_max(height_of(a), height_of(b)) <= max_part_height * height;
}

/* Joins horizontally overlapping parts of a digit to the digits beside it, none of which is higher
 * than max_height. nodes (count) are ordered by their left sides. */
static void join_parts(int count, node *nodes, int max_height) {
  const double reach = max_gap * max_height;
  int first = 0, max_width = 0;
  for (int i = 0; i < count; i++)
    max_width = od_max(max_width, nodes[i].component.right - nodes[i].component.left);
  for (int i = 0; i < count; i++) {
    const od_foreground_component *a = &nodes[i].component;
    while (nodes[first].component.left + max_width + reach < a->left) first++;
    for (int k = i + 1; k < count && nodes[k].component.left < a->right; k++) {
      const od_foreground_component *b = &nodes[k].component;
      if (!nodes[i].core || !nodes[k].core || !may_be_parts(a, b, max_height)) continue;
      const double pair_reach = fmin(reach, max_gap / min_union_height * union_height(a, b));
      const double last = od_max(a->right, b->right) + pair_reach;
      for (int c = first; c < count && nodes[c].component.left <= last; c++) {
        const od_foreground_component *digit = &nodes[c].component;
        if (!nodes[c].core || height_of(digit) > max_height || !complete_beside(a, b, digit))
          continue;
        join(nodes, c, i);
        join(nodes, c, k);
      }
    }
  }
}

/* ---- lines ---- */

/* Sets the line of each core node; returns the number of lines. */
static int number_lines(int count, node *nodes) {
  int lines = 0;
  for (int i = 0; i < count; i++) nodes[i].line = -1;
  for (int i = 0; i < count; i++) {
    if (!nodes[i].core) continue;
    node *root = &nodes[find_root(nodes, i)];
    if (root->line < 0) root->line = lines++;
    nodes[i].line = root->line;
  }
  return lines;
}

/* Distance of two boxes; the vertical gap counts twice. */
static int distance(const od_foreground_component *a, const od_foreground_component *b) {
  const int dx = od_max(0, od_max(a->left - b->right, b->left - a->right));
  const int dy = od_max(0, od_max(a->top - b->bottom, b->top - a->bottom));
  return dx + 2 * dy;
}

/* The number of cores of each of the groups (lines) that were joined, and their boxes. */
static void measure_groups(int count, const node *nodes, int lines, od_text_line *groups) {
  for (int i = 0; i < lines; i++) groups[i] = (od_text_line){.left = INT_MAX, .top = INT_MAX};
  for (int i = 0; i < count; i++) {
    if (nodes[i].line < 0) continue;
    extend(&groups[nodes[i].line], &nodes[i].component);
    groups[nodes[i].line].count++;
  }
}

/* Whether a group of several small cores is a line of its own beside a larger component, not parts
 * of it or digits of its line. */
static bool stands_alone(const od_text_line *group, const od_foreground_component *larger) {
  const int gap = od_max(larger->left - group->right, group->left - larger->right);
  const int above = od_max(larger->top - group->bottom, group->top - larger->bottom);
  return group->count > 1 && od_max(gap, above) > max_small_gap * (group->bottom - group->top);
}

/* Whether a component is a comma compared with a digit near it: low, narrow, in the lower half of
 * the digit's rows and reaching below them. */
static bool is_comma(const od_foreground_component *component,
                     const od_foreground_component *digit) {
  const int height = height_of(component), width = component->right - component->left;
  return height < max_comma_height * height_of(digit) && width <= height &&
         2 * component->top > digit->top + digit->bottom && component->bottom > digit->bottom;
}

/* Attaches each component that is small compared with a near core to the line of the nearest such
 * core, unless it stands alone in one of the groups; it is no core any more. */
static void attach_small(int count, node *nodes, const od_text_line *groups) {
  for (int i = 0; i < count; i++) {
    node *small = &nodes[i];
    const int height = height_of(&small->component);
    int nearest = -1, min_distance = 0;
    for (int k = 0; k < count; k++) {
      const od_foreground_component *other = &nodes[k].component;
      const bool is_small =
          height < min_height_ratio * height_of(other) || is_comma(&small->component, other);
      if (!nodes[k].core || !is_small) continue;
      const int away = distance(&small->component, other);
      if (5 * away > 4 * height_of(other) || (nearest >= 0 && away >= min_distance)) continue;
      if (small->core && stands_alone(&groups[small->line], other)) continue;
      min_distance = away;
      nearest = k;
    }
    if (nearest < 0) continue;
    small->core = false;
    small->line = nodes[nearest].line;
  }
}

static int by_line(const void *a, const void *b) {
  const node *first = a, *second = b;
  if (first->line != second->line) return first->line < second->line ? -1 : 1;
  const double x = mean_x(&first->component), other = mean_x(&second->component);
  if (x < other || other < x) return x < other ? -1 : 1;
  return by_left(a, b);
}

static int by_height(const void *a, const void *b) {
  const int first = height_of(&((const node *)a)->component);
  const int second = height_of(&((const node *)b)->component);
  return first != second ? (first < second ? -1 : 1) : by_left(a, b);
}

/* Median height of the cores among nodes (count), weighted by their area, so that touching digits
 * count for several and dots for little; sorts nodes by height. Cores of a line are of similar
 * height. */
static int median_height(int count, node *nodes) {
  int total = 0, sum = 0;
  qsort(nodes, (size_t)count, sizeof *nodes, by_height);
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < count; i++) {
      const od_foreground_component *c = &nodes[i].component;
      const int weight = nodes[i].core ? c->area : 0;
      if (pass == 0) total += weight;
      if (pass == 1 && weight && 2 * (sum += weight) >= total) return height_of(c);
    }
  return 0;
}

/* The box and height of the line of nodes (count), which are put in reading order. */
static void measure_line(const od_page *page, int count, node *nodes, od_text_line *line) {
  *line = (od_text_line){.count = count, .left = page->w, .top = page->h};
  for (int i = 0; i < count; i++) extend(line, &nodes[i].component);
  line->height = median_height(count, nodes);
  qsort(nodes, (size_t)count, sizeof *nodes, by_line);
}

/* ---- slope ---- */

/* Sums of the regression of rows on columns within lines. */
typedef struct regression {
  int points;
  double xx, xy, yy; /* in squares of the heights of the lines */
} regression;

/* Adds the centres of the cores of a line, nodes (count), that are within max_residual heights of a
 * line with `slope` through their mean. */
static void add_line(int count, const node *nodes, const od_text_line *line, double slope,
                     double max_residual, regression *sums) {
  const double scale = 1 / line->height;
  double n = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0, mean = 0;
  int cores = 0;
  for (int i = 0; i < count; i++) {
    const od_foreground_component *c = &nodes[i].component;
    if (!nodes[i].core) continue;
    mean += 0.5 * (c->top + c->bottom) - slope * mean_x(c);
    cores++;
  }
  mean /= od_max(cores, 1);
  for (int i = 0; i < count; i++) {
    const od_foreground_component *c = &nodes[i].component;
    const double dy = 0.5 * (c->top + c->bottom) - slope * mean_x(c) - mean;
    if (!nodes[i].core || fabs(dy) * scale > max_residual) continue;
    const double u = (mean_x(c) - line->left) * scale, v = dy * scale + slope * u;
    n++, x += u, y += v, xx += u * u, xy += u * v, yy += v * v;
  }
  if (n < 2) return;
  sums->points += (int)n - 1;
  sums->xx += xx - x * x / n;
  sums->xy += xy - x * y / n;
  sums->yy += yy - y * y / n;
}

/* The common slope of the lines, whose components are nodes (count), ordered by line: 0 unless it
 * is more than 3 standard errors from 0. Sets page->slope. */
static void find_slope(od_page *page, const node *nodes) {
  double max_residual = 10;
  page->slope = 0;
  for (int iteration = 0; iteration < 2; iteration++) {
    regression sums = {0};
    for (int i = 0; i < page->line_count; i++)
      add_line(page->lines[i].count, nodes + page->lines[i].first, &page->lines[i], page->slope,
               max_residual, &sums);
    const double slope = sums.xy / fmax(sums.xx, 1e-9);
    const double residual = fmax(sums.yy - slope * sums.xy, 0) / od_max(sums.points - 1, 1);
    const double error = sqrt((residual + min_variance) / fmax(sums.xx, 1e-9));
    page->slope = sums.points > 1 && fabs(slope) > 3 * error ? slope : 0;
    max_residual = 0.4;
  }
}

/* ---- reading order ---- */

/* Twice the middle row of a line, where a line with the slope of the page through it crosses column
 * 0. */
static double middle_of(const od_page *page, const od_text_line *line) {
  return line->top + line->bottom - page->slope * (line->left + line->right);
}

typedef struct placed_line {
  od_text_line line;
  double middle;
} placed_line;

/* Lines at one column are in the order of their first component. */
static int by_left_side(const void *a, const void *b) {
  const placed_line *first = a, *second = b;
  if (first->line.left != second->line.left) return first->line.left < second->line.left ? -1 : 1;
  return (first->line.first > second->line.first) - (first->line.first < second->line.first);
}

static int by_middle(const void *a, const void *b) {
  const placed_line *first = a, *second = b;
  if (first->middle < second->middle || first->middle > second->middle)
    return first->middle < second->middle ? -1 : 1;
  return by_left_side(a, b);
}

/* Whether the middle of one line is within the middle half of the other one, or nearer than half
 * the height of the lower. */
static bool in_one_row(const placed_line *a, const placed_line *b) {
  const double distance = 0.5 * fabs(a->middle - b->middle);
  return distance <= fmax(0.25 * fmax(a->line.height, b->line.height),
                          0.6 * fmin(a->line.height, b->line.height));
}

/* From the top; lines whose middles are at about the same height form a row, read from left to
 * right. */
static od_status sort_lines(od_page *page, od_error *error) {
  const int count = page->line_count;
  placed_line *lines = od_allocate((size_t)count, sizeof *lines);
  if (!lines) return od_fail_memory(error, "the reading order of lines");
  for (int i = 0; i < count; i++)
    lines[i] = (placed_line){page->lines[i], middle_of(page, &page->lines[i])};
  qsort(lines, (size_t)count, sizeof *lines, by_middle);
  for (int i = 0; i < count;) {
    int end = i + 1;
    while (end < count &&
           (in_one_row(&lines[i], &lines[end]) || in_one_row(&lines[end - 1], &lines[end])))
      end++;
    qsort(lines + i, (size_t)(end - i), sizeof *lines, by_left_side);
    i = end;
  }
  for (int i = 0; i < count; i++) page->lines[i] = lines[i].line;
  od_release(lines);
  return OD_OK;
}

/* ---- segments ---- */

static void add_segment(od_page *page, const od_foreground_component *component) {
  page->segments[page->segment_count++] = (od_segment){.left = component->left,
                                                       .top = component->top,
                                                       .right = component->right,
                                                       .bottom = component->bottom,
                                                       .area = component->area,
                                                       .mass = component->mass,
                                                       .mean_x = mean_x(component)};
}

/* Fills the lines and segments of the page from nodes (count), which are ordered by line;
 * label (components) is 0, and gets the label of the segment of each component. */
static od_status fill_lines(od_page *page, int count, node *nodes, int *label, od_error *error) {
  int begin = 0;
  while (begin < count && nodes[begin].line < 0) begin++;
  while (begin < count) {
    int end = begin;
    while (end < count && nodes[end].line == nodes[begin].line) end++;
    od_text_line *line = &page->lines[page->line_count];
    measure_line(page, end - begin, nodes + begin, line);
    line->first = begin; /* in nodes, until the lines are sorted */
    page->line_count += line->height > 0;
    begin = end;
  }
  find_slope(page, nodes);
  const od_status status = sort_lines(page, error);
  if (status) return status;
  for (int i = 0; i < page->line_count; i++) {
    od_text_line *line = &page->lines[i];
    const int first = page->segment_count;
    for (int k = line->first; k < line->first + line->count; k++) {
      label[nodes[k].index] = page->segment_count + 1;
      add_segment(page, &nodes[k].component);
    }
    line->first = first;
  }
  return OD_OK;
}

/* Replaces the labels of components by those of segments. */
static void relabel(od_page *page, const int *label) {
  int32_t *pixels = page->components.labels;
  for (size_t i = 0; i < (size_t)page->h * (size_t)page->w; i++)
    if (pixels[i]) pixels[i] = label[pixels[i] - 1];
}

/* Whether a component is as high as a digit of its stroke width. */
static bool may_be_digit(const od_foreground_component *component) {
  const int longer = od_max(height_of(component), component->right - component->left);
  return height_of(component) >= fmax(min_core_pixels, min_core_strokes * component->area / longer);
}

static int by_value(const void *a, const void *b) {
  const int first = *(const int *)a, second = *(const int *)b;
  return (first > second) - (first < second);
}

/* Fills nodes with the components that are not specks, ordered by their left sides; returns their
 * number. *median_height is of those that may be digits. heights (components) is for work. */
static int find_nodes(const od_page *page, node *nodes, int *heights, int *median_height) {
  const od_foreground_components *components = &page->components;
  int candidates = 0, count = 0;
  for (int i = 0; i < components->count; i++)
    if (may_be_digit(&components->items[i]))
      heights[candidates++] = height_of(&components->items[i]);
  qsort(heights, (size_t)candidates, sizeof *heights, by_value);
  const int height = candidates ? heights[candidates / 2] : 0;
  *median_height = height;
  for (int i = 0; i < components->count; i++) {
    const od_foreground_component *component = &components->items[i];
    const int width = component->right - component->left;
    if (od_max(height_of(component), width) < min_size * height) continue;
    nodes[count++] =
        (node){.component = *component,
               .index = i,
               .line = -1,
               .core = may_be_digit(component) && height_of(component) >= min_core_height * height};
  }
  qsort(nodes, (size_t)count, sizeof *nodes, by_left);
  for (int i = 0; i < count; i++) nodes[i].parent = i;
  return count;
}

static od_status find_lines(od_page *page, node *nodes, int *label, od_error *error) {
  int height, max_height = 0;
  const int count = find_nodes(page, nodes, label, &height);
  memset(label, 0, (size_t)page->components.count * sizeof *label);
  for (int i = 0; i < count; i++)
    if (nodes[i].core) max_height = od_max(max_height, height_of(&nodes[i].component));
  od_status status = join_between_walls(page, count, nodes, max_height, error);
  if (status) return status;
  join_parts(count, nodes, od_min(max_height, 2 * height));
  const int lines = number_lines(count, nodes);
  od_text_line *groups = page->lines;
  measure_groups(count, nodes, lines, groups);
  attach_small(count, nodes, groups);
  qsort(nodes, (size_t)count, sizeof *nodes, by_line);
  status = fill_lines(page, count, nodes, label, error);
  if (!status) relabel(page, label);
  return status;
}

od_status od_page_find_lines(od_page *page, od_error *error) {
  const size_t max_lines = (size_t)page->components.count + 1;
  page->lines = od_allocate(max_lines, sizeof *page->lines);
  page->segments = od_allocate(max_lines, sizeof *page->segments);
  node *nodes = od_allocate(max_lines, sizeof *nodes);
  int *label = od_allocate(max_lines, sizeof *label);
  od_status status = page->lines && page->segments && nodes && label
                         ? find_lines(page, nodes, label, error)
                         : od_fail_memory(error, "the lines of a page");
  od_release(nodes);
  od_release(label);
  return status;
}
