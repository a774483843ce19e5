/* Over-segmentation: splits segments along minimum-cost seams where digits may touch. A seam runs
 * from top to bottom of a segment and crosses few foreground pixels. In each window of columns the
 * cheapest is found by dynamic programming, as in seam carving (Avidan and Shamir, 2007); of seams
 * that split the foreground alike the cheapest is kept. Cuts within a digit do no harm but take
 * time: symbol_boxes.c assigns several segments to one symbol. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "page/page.h"

/* In heights of the line's digits. */
static const double min_width = 0.35;  /* of a segment that is split */
static const double end_margin = 0.08; /* between a seam and the segment's ends */
static const double window_step = 0.08, window_reach = 0.2;
/* Foreground pixels that a seam may cross, in stroke widths, and that each part has at least, in
 * squares of the stroke width. */
static const double max_crossed = 4, min_part = 0.9;

enum { FOREGROUND_COST = 8, SLANT_COST = 1, MAX_SEAMS = 64 };

typedef struct seam {
  int cost;    /* of foreground pixels crossed and slant */
  int crossed; /* foreground pixels */
  int before;  /* foreground pixels to its left */
  int *path;   /* (segment height): the first column to its right */
} seam;

typedef struct splitter {
  od_page *page;
  od_segment *segments; /* (max_parts): the parts so far */
  int count;
  int *cost;    /* (2, w + 2) */
  int8_t *step; /* (max_height, w): column offset of the path's previous row */
  int *before;  /* (max_height, w): pixels of the segment to the left in the row */
  int area;     /* pixels of the segment that is split */
  int *paths;   /* (MAX_SEAMS, max_height) */
  seam seams[MAX_SEAMS];
  int seam_count;
} splitter;

static bool has_label(const od_page *page, int label, int y, int x) {
  return page->components.labels[(size_t)y * (size_t)page->w + (size_t)x] == label;
}

/* ---- seams ---- */

/* Accumulates the costs of paths through columns left..right - 1 of a segment, row by row:
 * work->step gets the steps; returns the costs (right - left) of paths that end in each column. */
static const int *accumulate_costs(const splitter *work, const od_segment *segment, int label,
                                   int left, int right) {
  const od_page *page = work->page;
  const int width = right - left, height = segment->bottom - segment->top;
  int *above = work->cost + 1, *here = above + page->w + 2;
  for (int x = 0; x < width; x++) above[x] = 0;
  for (int y = 0; y < height; y++) {
    int8_t *step = work->step + (size_t)y * (size_t)page->w;
    const int32_t *row =
        page->components.labels + (size_t)(segment->top + y) * (size_t)page->w + left;
    above[-1] = above[width] = 1 << 28;
    for (int x = 0; x < width; x++) {
      const int from_left = above[x - 1] + SLANT_COST, from_right = above[x + 1] + SLANT_COST;
      int min_cost = above[x];
      int8_t offset = 0;
      if (from_left < min_cost) min_cost = from_left, offset = -1;
      if (from_right < min_cost) min_cost = from_right, offset = 1;
      here[x] = min_cost + (row[x] == label ? FOREGROUND_COST : 0);
      step[x] = offset;
    }
    int *swap = above;
    above = here;
    here = swap;
  }
  return above;
}

/* Finds the minimum-cost seam through columns left..right - 1 of a segment. */
static void find_seam(const splitter *work, const od_segment *segment, int label, int left,
                      int right, seam *found) {
  const size_t w = (size_t)work->page->w;
  const int *cost = accumulate_costs(work, segment, label, left, right);
  int x = 0;
  for (int k = 1; k < right - left; k++)
    if (cost[k] < cost[x]) x = k;
  found->cost = cost[x];
  found->crossed = found->before = 0;
  for (int y = segment->bottom - segment->top - 1; y >= 0; y--) {
    found->path[y] = left + x;
    found->crossed += has_label(work->page, label, segment->top + y, left + x);
    found->before += work->before[(size_t)y * w + (size_t)(left + x)];
    x += work->step[(size_t)y * w + (size_t)x];
  }
}

/* Fills work->before and work->area for a segment. */
static void count_pixels(splitter *work, const od_segment *segment, int label) {
  const od_page *page = work->page;
  work->area = 0;
  for (int y = segment->top; y < segment->bottom; y++) {
    int *before = work->before + (size_t)(y - segment->top) * (size_t)page->w;
    int sum = 0;
    for (int x = segment->left; x < segment->right; x++) {
      before[x] = sum;
      sum += has_label(page, label, y, x);
    }
    work->area += sum;
  }
}

/* Keeps the seam at the end of the list if it is cheaper than all that split the foreground alike,
 * up to min_area pixels; these are removed. */
static void keep_seam(splitter *work, double min_area) {
  const seam *candidate = &work->seams[work->seam_count];
  if (candidate->before < min_area || work->area - candidate->before < min_area) return;
  for (int i = 0; i < work->seam_count; i++)
    if (abs(work->seams[i].before - candidate->before) < min_area &&
        work->seams[i].cost <= candidate->cost)
      return;
  const seam kept = *candidate;
  int count = 0;
  for (int i = 0; i < work->seam_count; i++) {
    if (abs(work->seams[i].before - kept.before) < min_area) continue;
    const seam other = work->seams[i];
    work->seams[i] = work->seams[count]; /* swapped, as each owns a path */
    work->seams[count++] = other;
  }
  const seam removed = work->seams[count];
  work->seams[count] = kept;
  if (count < work->seam_count) work->seams[work->seam_count] = removed;
  work->seam_count = count + 1;
}

static int by_pixels_before(const void *a, const void *b) {
  const seam *first = a, *second = b;
  return (first->before > second->before) - (first->before < second->before);
}

/* Fills work->seams with the seams of a segment, from left to right. */
static void find_seams(splitter *work, const od_segment *segment, int label, double height) {
  const int width = segment->right - segment->left;
  const int reach = od_max(2, (int)(window_reach * height));
  const int margin = od_max(1, (int)(end_margin * height));
  const double stroke_width = work->page->stroke_width;
  const double limit = fmax(3, max_crossed * stroke_width);
  const double step = fmax(1, window_step * height);
  work->seam_count = 0;
  if (width < min_width * height) return;
  count_pixels(work, segment, label);
  for (double x = margin; x <= width - margin && work->seam_count < MAX_SEAMS - 1; x += step) {
    const int centre = segment->left + (int)x;
    const int left = od_max(segment->left + margin / 2, centre - reach);
    const int right = od_min(segment->right - margin / 2, centre + reach + 1);
    seam *found = &work->seams[work->seam_count];
    find_seam(work, segment, label, left, right, found);
    if (found->crossed <= limit) keep_seam(work, min_part * stroke_width * stroke_width);
  }
  qsort(work->seams, (size_t)work->seam_count, sizeof *work->seams, by_pixels_before);
}

/* ---- splitting ---- */

/* Splits a segment along work->seams and appends the parts, which may be empty. Pixels get minus
 * the label of their part, to tell them from those of segments not split yet. */
static void split_segment(splitter *work, const od_segment *segment, int label) {
  const od_page *page = work->page;
  const int first = work->count;
  od_segment *parts = work->segments + first;
  work->count += work->seam_count + 1;
  for (int k = 0; k <= work->seam_count; k++)
    parts[k] = (od_segment){.left = page->w, .top = page->h};
  for (int y = segment->top; y < segment->bottom; y++) {
    int32_t *row = page->components.labels + (size_t)y * (size_t)page->w;
    const uint8_t *foreground = page->foreground + (size_t)y * (size_t)page->w;
    for (int x = segment->left; x < segment->right; x++) {
      if (row[x] != label) continue;
      int k = 0;
      for (int i = 0; i < work->seam_count; i++) k += x >= work->seams[i].path[y - segment->top];
      od_segment *part = &parts[k];
      row[x] = -(first + k + 1);
      part->left = od_min(part->left, x);
      part->right = od_max(part->right, x + 1);
      part->top = od_min(part->top, y);
      part->bottom = od_max(part->bottom, y + 1);
      part->area++;
      part->mass += foreground[x];
      part->mean_x += x;
    }
  }
  for (int k = 0; k <= work->seam_count; k++)
    if (parts[k].area) parts[k].mean_x /= parts[k].area;
}

typedef struct position {
  double x;
  int segment;
} position;

static int by_x(const void *a, const void *b) {
  const position *first = a, *second = b;
  if (first->x < second->x || first->x > second->x) return first->x < second->x ? -1 : 1;
  return (first->segment > second->segment) - (first->segment < second->segment);
}

/* Appends the parts from `first` on that are not empty to sorted (count), ordered from left to
 * right; label (max_parts) gets the new label of each. Returns the new count. */
static int sort_segments(const splitter *work, int first, position *positions, od_segment *sorted,
                         int *label, int count) {
  int parts = 0;
  for (int i = first; i < work->count; i++)
    if (work->segments[i].area) positions[parts++] = (position){work->segments[i].mean_x, i};
  qsort(positions, (size_t)parts, sizeof *positions, by_x);
  for (int k = 0; k < parts; k++) {
    label[positions[k].segment] = count + k + 1;
    sorted[count + k] = work->segments[positions[k].segment];
  }
  return count + parts;
}

static void split_lines(splitter *work, position *positions, od_segment *sorted, int *label) {
  od_page *page = work->page;
  int count = 0;
  for (int i = 0; i < page->line_count; i++) {
    od_text_line *line = &page->lines[i];
    const int first_part = work->count, first = count;
    for (int k = line->first; k < line->first + line->count; k++) {
      const int remaining = page->segment_count - k;
      work->seam_count = 0;
      if (work->count + MAX_SEAMS + remaining <= OD_MAX_SEGMENTS)
        find_seams(work, &page->segments[k], k + 1, line->height);
      split_segment(work, &page->segments[k], k + 1);
    }
    count = sort_segments(work, first_part, positions, sorted, label, count);
    line->first = first;
    line->count = count - first;
  }
  page->segment_count = count;
  int32_t *pixels = page->components.labels;
  for (size_t i = 0; i < (size_t)page->h * (size_t)page->w; i++)
    pixels[i] = pixels[i] < 0 ? label[-pixels[i] - 1] : 0;
}

od_status od_page_split_touching(od_page *page, od_error *error) {
  splitter work = {.page = page};
  int max_height = 1;
  for (int i = 0; i < page->segment_count; i++)
    max_height = od_max(max_height, page->segments[i].bottom - page->segments[i].top);
  const size_t height = (size_t)max_height, w = (size_t)page->w;
  const size_t max_parts = (size_t)od_min(MAX_SEAMS * page->segment_count, OD_MAX_SEGMENTS);
  work.segments = od_allocate(max_parts, sizeof *work.segments);
  work.cost = od_allocate(2 * (w + 2), sizeof *work.cost);
  work.step = od_allocate(height * w, sizeof *work.step);
  work.before = od_allocate(height * w, sizeof *work.before);
  work.paths = od_allocate(MAX_SEAMS * height, sizeof *work.paths);
  position *positions = od_allocate(max_parts, sizeof *positions);
  int *label = od_allocate(max_parts, sizeof *label);
  od_segment *sorted = od_allocate(max_parts, sizeof *sorted);
  od_status status = OD_OK;
  if (work.segments && work.cost && work.step && work.before && work.paths && positions && label &&
      sorted) {
    for (size_t i = 0; i < MAX_SEAMS; i++) work.seams[i].path = work.paths + i * height;
    split_lines(&work, positions, sorted, label);
    od_release(page->segments);
    page->segments = sorted;
    sorted = NULL;
  } else {
    status = od_fail_memory(error, "the segmentation of a page");
  }
  od_release(work.segments);
  od_release(work.cost);
  od_release(work.step);
  od_release(work.before);
  od_release(work.paths);
  od_release(positions);
  od_release(label);
  od_release(sorted);
  return status;
}
