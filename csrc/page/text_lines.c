/* Lines of writing. Two strokes are of one line when they stand side by side: near enough, and
 * sharing much of the shorter one's height, and of like heights. So a line may slant and
 * sway. What is small beside a stroke near by (a dot, a dash, a broken bit) binds no line,
 * but joins that stroke's. */
#include <math.h>
#include <stdlib.h>

#include "base/math.h"
#include "base/memory.h"
#include "page/page.h"

/* A gap within a line, in heights of the taller neighbour. */
static const double widest_gap = 1.15;
/* A stroke this much lower than one near by is small beside it. */
static const double least_tall = 0.4;
/* The parts of a digit are no taller than this, and together no lower, in heights of a digit
 * beside it. */
static const double most_part = 0.8, least_whole = 0.7;
/* Strokes this much lower than the page's digits bind nothing in any case, ... */
static const double least_binding = 0.2;
/* ... and what is smaller than this in both directions is a speck. */
static const double speck = 0.1;

/* A stroke on its way into a line. */
typedef struct member {
  od_foreground_component stroke;
  int number; /* of the stroke on the page */
  int parent; /* a forest of strokes of one line */
  int line;   /* where it goes; -1: nowhere */
  bool binds;
} member;

static int tall_of(const od_foreground_component *stroke) { return stroke->bottom - stroke->top; }

static int by_left(const void *a, const void *b) {
  const member *first = a, *second = b;
  if (first->stroke.left != second->stroke.left)
    return first->stroke.left < second->stroke.left ? -1 : 1;
  return (first->stroke.top > second->stroke.top) - (first->stroke.top < second->stroke.top);
}

static int find_root(member *members, int at) {
  while (members[at].parent != at) {
    members[at].parent = members[members[at].parent].parent;
    at = members[at].parent;
  }
  return at;
}

static bool side_by_side(const od_foreground_component *a, const od_foreground_component *b) {
  const int shorter = od_min(tall_of(a), tall_of(b)), taller = od_max(tall_of(a), tall_of(b));
  const int shared = od_min(a->bottom, b->bottom) - od_max(a->top, b->top);
  const int apart = abs(a->top + a->bottom - b->top - b->bottom); /* of the middles, twice */
  return b->left - a->right <= widest_gap * taller && 2 * shared >= shorter &&
         shorter >= least_tall * taller && apart <= 1.3 * taller;
}

/* Whether two parts, as the bar of a five that does not touch its belly, together stand beside a
 * stroke and are as tall, when neither is so alone. */
static bool complete_beside(const od_foreground_component *a, const od_foreground_component *b, const od_foreground_component *whole) {
  const int top = od_min(a->top, b->top), bottom = od_max(a->bottom, b->bottom);
  const int left = od_min(a->left, b->left), right = od_max(a->right, b->right);
  const int tall = tall_of(whole), gap = od_max(whole->left - right, left - whole->right);
  const int over = od_max(0, whole->top - top) + od_max(0, bottom - whole->bottom);
  return gap <= widest_gap * tall && bottom - top >= least_whole * tall && 4 * over <= tall &&
         od_max(tall_of(a), tall_of(b)) <= most_part * tall;
}

static void bind(member *members, int a, int b) {
  members[find_root(members, b)].parent = find_root(members, a);
}

/* Whether two strokes may be parts of a digit of a page whose tallest stroke is so tall. */
static bool may_be_parts(const od_foreground_component *a, const od_foreground_component *b, int tallest) {
  const int tall = od_max(a->bottom, b->bottom) - od_min(a->top, b->top);
  return 4 * tall <= 5 * tallest && od_max(tall_of(a), tall_of(b)) <= most_part * tallest;
}

/* Members are in order of their left sides. Binds parts of a digit, of which one reaches over
 * the other, to those that the whole digit stands beside; neither is taller than tallest. */
static void bind_parts(int count, member *members, int tallest) {
  const double reach = widest_gap * tallest;
  int first = 0, widest = 0;
  for (int i = 0; i < count; i++)
    widest = od_max(widest, members[i].stroke.right - members[i].stroke.left);
  for (int i = 0; i < count; i++) {
    const od_foreground_component *a = &members[i].stroke;
    while (members[first].stroke.left + widest + reach < a->left) first++;
    for (int k = i + 1; k < count && members[k].stroke.left < a->right; k++) {
      const od_foreground_component *b = &members[k].stroke;
      if (!members[i].binds || !members[k].binds || !may_be_parts(a, b, tallest)) continue;
      const double last = od_max(a->right, b->right) + reach;
      for (int c = first; c < count && members[c].stroke.left <= last; c++) {
        const od_foreground_component *whole = &members[c].stroke;
        if (!members[c].binds || tall_of(whole) > tallest || !complete_beside(a, b, whole)) continue;
        bind(members, c, i);
        bind(members, c, k);
      }
    }
  }
}

/* Members are in order of their left sides. */
static void bind_neighbours(int count, member *members, int tallest) {
  for (int i = 0; i < count; i++) {
    if (!members[i].binds) continue;
    for (int k = i + 1; k < count; k++) {
      const od_foreground_component *a = &members[i].stroke, *b = &members[k].stroke;
      if (b->left - a->right > widest_gap * tallest) break;
      if (members[k].binds && side_by_side(a, b)) bind(members, i, k);
    }
  }
}

/* The gap between two boxes; up and down counts twice. */
static int gap_between(const od_foreground_component *a, const od_foreground_component *b) {
  const int across = od_max(0, od_max(a->left - b->right, b->left - a->right));
  const int down = od_max(0, od_max(a->top - b->bottom, b->top - a->bottom));
  return across + 2 * down;
}

/* Numbers the lines of strokes that bind. */
static void number_lines(int count, member *members) {
  int lines = 0;
  for (int i = 0; i < count; i++) members[i].line = -1;
  for (int i = 0; i < count; i++) {
    if (!members[i].binds) continue;
    member *root = &members[find_root(members, i)];
    if (root->line < 0) root->line = lines++;
    members[i].line = root->line;
  }
}

/* Moves what is small beside a stroke near by to that one's line: it binds no longer. */
static void bind_small(int count, member *members) {
  for (int i = 0; i < count; i++) {
    member *small = &members[i];
    const int tall = tall_of(&small->stroke);
    int nearest = -1, best = 0;
    for (int k = 0; k < count; k++) {
      const od_foreground_component *other = &members[k].stroke;
      if (!members[k].binds || tall >= least_tall * tall_of(other)) continue;
      const int gap = gap_between(&small->stroke, other);
      if (5 * gap > 4 * tall_of(other) || (nearest >= 0 && gap >= best)) continue;
      best = gap;
      nearest = k;
    }
    if (nearest < 0) continue;
    small->binds = false;
    small->line = members[nearest].line;
  }
}

static int by_line(const void *a, const void *b) {
  const member *first = a, *second = b;
  if (first->line != second->line) return first->line < second->line ? -1 : 1;
  const double left = (double)first->stroke.column_sum / first->stroke.area;
  const double right = (double)second->stroke.column_sum / second->stroke.area;
  if (left < right || right < left) return left < right ? -1 : 1;
  return by_left(a, b);
}

static void widen(od_text_line *line, const od_foreground_component *stroke) {
  line->left = od_min(line->left, stroke->left);
  line->top = od_min(line->top, stroke->top);
  line->right = od_max(line->right, stroke->right);
  line->bottom = od_max(line->bottom, stroke->bottom);
}

/* A line of members (count), which are all of it. */
static od_status measure_line(const od_page *page, int count, const member *members,
                              od_text_line *line, od_error *error) {
  od_foreground_component *tall = od_allocate((size_t)count, sizeof *tall);
  if (!tall) return od_fail_memory(error, "the strokes of a line");
  int tall_count = 0, height = 0;
  *line = (od_text_line){.count = count, .left = page->w, .top = page->h};
  for (int i = 0; i < count; i++) {
    widen(line, &members[i].stroke);
    if (members[i].binds) tall[tall_count++] = members[i].stroke;
  }
  const od_status status = od_typical_height(tall_count, tall, page->h, &height, error);
  line->height = height;
  od_release(tall);
  return status;
}

/* Lines whose middles are within 0.8 heights are of one row, and go from left to right. */
static int by_place(const void *a, const void *b) {
  const od_text_line *first = a, *second = b;
  const int up = first->top + first->bottom, down = second->top + second->bottom;
  if (up != down) return up < down ? -1 : 1;
  return (first->left > second->left) - (first->left < second->left);
}

static int by_side(const void *a, const void *b) {
  const od_text_line *first = a, *second = b;
  return (first->left > second->left) - (first->left < second->left);
}

static void sort_lines(int count, od_text_line *lines) {
  qsort(lines, (size_t)count, sizeof *lines, by_place);
  for (int i = 0; i < count;) {
    int end = i + 1;
    const int middle = lines[i].top + lines[i].bottom;
    while (end < count && lines[end].top + lines[end].bottom - middle <= 1.6 * lines[i].height) end++;
    qsort(lines + i, (size_t)(end - i), sizeof *lines, by_side);
    i = end;
  }
}

static void add_piece(od_page *page, const od_foreground_component *stroke) {
  page->pieces[page->piece_count++] = (od_segment){stroke->left,
                                                 stroke->top,
                                                 stroke->right,
                                                 stroke->bottom,
                                                 stroke->area,
                                                 stroke->mass,
                                                 (double)stroke->column_sum / stroke->area};
}

/* Members, sorted by line, to lines and pieces; `label` (strokes) gets that of each stroke. */
static od_status fill_lines(od_page *page, int count, const member *members, int *label,
                            od_error *error) {
  od_status status = OD_OK;
  int begin = 0;
  while (begin < count && members[begin].line < 0) begin++;
  while (begin < count && !status) {
    int end = begin;
    while (end < count && members[end].line == members[begin].line) end++;
    od_text_line *line = &page->lines[page->line_count];
    status = measure_line(page, end - begin, members + begin, line, error);
    line->first = begin; /* of the members, until the lines are sorted */
    page->line_count += line->height > 0;
    begin = end;
  }
  if (status) return status;
  sort_lines(page->line_count, page->lines);
  for (int i = 0; i < page->line_count; i++) {
    od_text_line *line = &page->lines[i];
    const int first = page->piece_count;
    for (int k = line->first; k < line->first + line->count; k++) {
      label[members[k].number] = page->piece_count + 1;
      add_piece(page, &members[k].stroke);
    }
    line->first = first;
  }
  return OD_OK;
}

/* From the labels of strokes to those of pieces. */
static void relabel(od_page *page, const int *label) {
  int32_t *pixels = page->strokes.labels;
  for (size_t i = 0; i < (size_t)page->h * (size_t)page->w; i++)
    if (pixels[i]) pixels[i] = label[pixels[i] - 1];
}

static od_status find_lines(od_page *page, member *members, int *label, od_error *error) {
  int height, count = 0;
  od_status status =
      od_typical_height(page->strokes.count, page->strokes.items, page->h, &height, error);
  if (status) return status;
  for (int i = 0; i < page->strokes.count; i++) {
    const od_foreground_component *stroke = &page->strokes.items[i];
    if (od_max(tall_of(stroke), stroke->right - stroke->left) < speck * height) continue;
    members[count] = (member){*stroke, i, count, -1, tall_of(stroke) >= least_binding * height};
    count++;
  }
  qsort(members, (size_t)count, sizeof *members, by_left);
  int tallest = 0;
  for (int i = 0; i < count; i++) {
    members[i].parent = i;
    tallest = od_max(tallest, tall_of(&members[i].stroke));
  }
  bind_neighbours(count, members, tallest);
  bind_parts(count, members, od_min(tallest, 2 * height));
  number_lines(count, members);
  bind_small(count, members);
  qsort(members, (size_t)count, sizeof *members, by_line);
  status = fill_lines(page, count, members, label, error);
  if (!status) relabel(page, label);
  return status;
}

od_status od_page_find_lines(od_page *page, od_error *error) {
  const size_t most_lines = (size_t)page->strokes.count + 1;
  page->piece_room = OD_MAX_SEGMENTS;
  page->lines = od_allocate(most_lines, sizeof *page->lines);
  page->pieces = od_allocate((size_t)page->piece_room, sizeof *page->pieces);
  member *members = od_allocate(most_lines, sizeof *members);
  int *label = od_allocate(most_lines, sizeof *label);
  od_status status = page->lines && page->pieces && members && label
                         ? find_lines(page, members, label, error)
                         : od_fail_memory(error, "the lines of a page");
  od_release(members);
  od_release(label);
  return status;
}
