/* Groups components into text lines with a union-find. Two components are joined if they are
 * horizontal neighbours: close to each other, overlapping vertically and of similar height, so a
 * line may slant and bend. Small components (dots, dashes, fragments) join no others; they are
 * attached to the line of the nearest larger component. */
#include <math.h>
#include <stdlib.h>

#include "base/math.h"
#include "base/memory.h"
#include "page/page.h"

/* Maximum gap within a line, in heights of the higher neighbour. */
static const double max_gap = 1.15;
/* A component is small compared with a near one if its height is less than this part of the other
 * one's. */
static const double min_height_ratio = 0.4;
/* Parts of a broken digit: maximum height of each and minimum height of both, in heights of a
 * digit beside them. */
static const double max_part_height = 0.8, min_union_height = 0.7;
/* Minimum height of components that join others, and minimum size of all that are not specks, in
 * the median height. */
static const double min_core_height = 0.2, min_size = 0.1;

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

static int by_left(const void *a, const void *b) {
  const node *first = a, *second = b;
  if (first->component.left != second->component.left)
    return first->component.left < second->component.left ? -1 : 1;
  return (first->component.top > second->component.top) -
         (first->component.top < second->component.top);
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

/* Whether two components, a not right of b, are neighbours in a line. */
static bool are_neighbours(const od_foreground_component *a, const od_foreground_component *b) {
  const int lower = od_min(height_of(a), height_of(b)), higher = od_max(height_of(a), height_of(b));
  const int overlap = od_min(a->bottom, b->bottom) - od_max(a->top, b->top);
  const int offset = abs(a->top + a->bottom - b->top - b->bottom); /* twice that of the centres */
  return b->left - a->right <= max_gap * higher && 2 * overlap >= lower &&
         lower >= min_height_ratio * higher && offset <= 1.3 * higher;
}

/* nodes (count) are ordered by their left sides; none is higher than max_height. */
static void join_neighbours(int count, node *nodes, int max_height) {
  for (int i = 0; i < count; i++) {
    if (!nodes[i].core) continue;
    for (int k = i + 1; k < count; k++) {
      const od_foreground_component *a = &nodes[i].component, *b = &nodes[k].component;
      if (b->left - a->right > max_gap * max_height) break;
      if (nodes[k].core && are_neighbours(a, b)) join(nodes, i, k);
    }
  }
}

/* ---- broken digits ---- */

/* Whether two components may be parts of one digit on a page with digits of up to max_height. */
static bool may_be_parts(const od_foreground_component *a, const od_foreground_component *b,
                         int max_height) {
  const int height = od_max(a->bottom, b->bottom) - od_min(a->top, b->top);
  return 4 * height <= 5 * max_height &&
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
      const double last = od_max(a->right, b->right) + reach;
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

/* Sets the line of each core node. */
static void number_lines(int count, node *nodes) {
  int lines = 0;
  for (int i = 0; i < count; i++) nodes[i].line = -1;
  for (int i = 0; i < count; i++) {
    if (!nodes[i].core) continue;
    node *root = &nodes[find_root(nodes, i)];
    if (root->line < 0) root->line = lines++;
    nodes[i].line = root->line;
  }
}

/* Distance of two boxes; the vertical gap counts twice. */
static int distance(const od_foreground_component *a, const od_foreground_component *b) {
  const int dx = od_max(0, od_max(a->left - b->right, b->left - a->right));
  const int dy = od_max(0, od_max(a->top - b->bottom, b->top - a->bottom));
  return dx + 2 * dy;
}

/* Attaches each component that is small compared with a near core to the line of the nearest such
 * core; it is no core any more. */
static void attach_small(int count, node *nodes) {
  for (int i = 0; i < count; i++) {
    node *small = &nodes[i];
    const int height = height_of(&small->component);
    int nearest = -1, min_distance = 0;
    for (int k = 0; k < count; k++) {
      const od_foreground_component *other = &nodes[k].component;
      if (!nodes[k].core || height >= min_height_ratio * height_of(other)) continue;
      const int away = distance(&small->component, other);
      if (5 * away > 4 * height_of(other) || (nearest >= 0 && away >= min_distance)) continue;
      min_distance = away;
      nearest = k;
    }
    if (nearest < 0) continue;
    small->core = false;
    small->line = nodes[nearest].line;
  }
}

static double mean_x(const od_foreground_component *component) {
  return (double)component->column_sum / component->area;
}

static int by_line(const void *a, const void *b) {
  const node *first = a, *second = b;
  if (first->line != second->line) return first->line < second->line ? -1 : 1;
  const double x = mean_x(&first->component), other = mean_x(&second->component);
  if (x < other || other < x) return x < other ? -1 : 1;
  return by_left(a, b);
}

static void extend(od_text_line *line, const od_foreground_component *component) {
  line->left = od_min(line->left, component->left);
  line->top = od_min(line->top, component->top);
  line->right = od_max(line->right, component->right);
  line->bottom = od_max(line->bottom, component->bottom);
}

/* The box and height of the line of nodes (count). */
static od_status measure_line(const od_page *page, int count, const node *nodes, od_text_line *line,
                              od_error *error) {
  od_foreground_component *cores = od_allocate((size_t)count, sizeof *cores);
  if (!cores) return od_fail_memory(error, "the components of a line");
  int core_count = 0, height = 0;
  *line = (od_text_line){.count = count, .left = page->w, .top = page->h};
  for (int i = 0; i < count; i++) {
    extend(line, &nodes[i].component);
    if (nodes[i].core) cores[core_count++] = nodes[i].component;
  }
  const od_status status = od_median_height(core_count, cores, page->h, &height, error);
  line->height = height;
  od_release(cores);
  return status;
}

/* ---- reading order ---- */

static int by_centre_y(const void *a, const void *b) {
  const od_text_line *first = a, *second = b;
  const int y = first->top + first->bottom, other = second->top + second->bottom;
  if (y != other) return y < other ? -1 : 1;
  return (first->left > second->left) - (first->left < second->left);
}

static int by_left_side(const void *a, const void *b) {
  const od_text_line *first = a, *second = b;
  return (first->left > second->left) - (first->left < second->left);
}

/* From the top; lines whose centres are within 0.8 heights form a row, read from left to right. */
static void sort_lines(int count, od_text_line *lines) {
  qsort(lines, (size_t)count, sizeof *lines, by_centre_y);
  for (int i = 0; i < count;) {
    int end = i + 1;
    const int centre = lines[i].top + lines[i].bottom;
    while (end < count && lines[end].top + lines[end].bottom - centre <= 1.6 * lines[i].height)
      end++;
    qsort(lines + i, (size_t)(end - i), sizeof *lines, by_left_side);
    i = end;
  }
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
 * label (components) gets the label of the segment of each component. */
static od_status fill_lines(od_page *page, int count, const node *nodes, int *label,
                            od_error *error) {
  od_status status = OD_OK;
  int begin = 0;
  while (begin < count && nodes[begin].line < 0) begin++;
  while (begin < count && !status) {
    int end = begin;
    while (end < count && nodes[end].line == nodes[begin].line) end++;
    od_text_line *line = &page->lines[page->line_count];
    status = measure_line(page, end - begin, nodes + begin, line, error);
    line->first = begin; /* in nodes, until the lines are sorted */
    page->line_count += line->height > 0;
    begin = end;
  }
  if (status) return status;
  sort_lines(page->line_count, page->lines);
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

static od_status find_lines(od_page *page, node *nodes, int *label, od_error *error) {
  int height, count = 0;
  od_status status =
      od_median_height(page->components.count, page->components.items, page->h, &height, error);
  if (status) return status;
  for (int i = 0; i < page->components.count; i++) {
    const od_foreground_component *component = &page->components.items[i];
    const int width = component->right - component->left;
    if (od_max(height_of(component), width) < min_size * height) continue;
    nodes[count++] = (node){.component = *component,
                            .index = i,
                            .line = -1,
                            .core = height_of(component) >= min_core_height * height};
  }
  qsort(nodes, (size_t)count, sizeof *nodes, by_left);
  int max_height = 0;
  for (int i = 0; i < count; i++) {
    nodes[i].parent = i;
    max_height = od_max(max_height, height_of(&nodes[i].component));
  }
  join_neighbours(count, nodes, max_height);
  join_parts(count, nodes, od_min(max_height, 2 * height));
  number_lines(count, nodes);
  attach_small(count, nodes);
  qsort(nodes, (size_t)count, sizeof *nodes, by_line);
  status = fill_lines(page, count, nodes, label, error);
  if (!status) relabel(page, label);
  return status;
}

od_status od_page_find_lines(od_page *page, od_error *error) {
  const size_t max_lines = (size_t)page->components.count + 1;
  page->lines = od_allocate(max_lines, sizeof *page->lines);
  page->segments = od_allocate(OD_MAX_SEGMENTS, sizeof *page->segments);
  node *nodes = od_allocate(max_lines, sizeof *nodes);
  int *label = od_allocate(max_lines, sizeof *label);
  od_status status = page->lines && page->segments && nodes && label
                         ? find_lines(page, nodes, label, error)
                         : od_fail_memory(error, "the lines of a page");
  od_release(nodes);
  od_release(label);
  return status;
}
