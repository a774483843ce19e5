/* Splits components that reach over several text lines, as where a descender touches the digit
 * below. The digits beside such a component show where its lines meet; it is cut between them in
 * the row that crosses least foreground. */
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "page/page.h"

/* Heights of neighbours that show the lines, in the height of the component. */
static const double min_neighbour = 0.3, max_neighbour = 0.7;
/* Maximum gap to a neighbour, and part of its height that must lie beside the component. */
static const double max_gap = 1.2, min_beside = 0.6;
/* In the median height of the neighbours: minimum distance of the middles of lines, reach of the
 * cut from where lines meet, and minimum height of both parts. */
static const double min_pitch = 0.8, cut_reach = 0.25, min_part = 0.4;
/* A component may be one large digit if its width is between these, in the height of its
 * neighbours and in its own. */
static const double min_large_width = 1.1, max_large_width = 0.9;
/* Foreground pixels that a cut may cross of what may be a large digit, in stroke widths. */
static const double max_crossed_large = 1.2;
/* Minimum area, in the component's height times the stroke width: brackets and bars have less. */
static const double min_area = 1.8;

enum { MAX_NEIGHBOURS = 64, MAX_PASSES = 3 };

typedef struct neighbour {
  int top, bottom;
} neighbour;

static int by_middle(const void *a, const void *b) {
  const neighbour *first = a, *second = b;
  const int middle = first->top + first->bottom, other = second->top + second->bottom;
  if (middle != other) return middle < other ? -1 : 1;
  return (first->top > second->top) - (first->top < second->top);
}

/* The components beside `tall` that show lines, from top to bottom; returns their number. */
static int find_neighbours(const od_foreground_components *all, const od_foreground_component *tall,
                           neighbour *neighbours) {
  const int height = tall->bottom - tall->top;
  int count = 0;
  for (int i = 0; i < all->count && count < MAX_NEIGHBOURS; i++) {
    const od_foreground_component *c = &all->items[i];
    const int own = c->bottom - c->top, width = c->right - c->left;
    const int gap = od_max(c->left - tall->right, tall->left - c->right);
    const int beside = od_min(c->bottom, tall->bottom) - od_max(c->top, tall->top);
    if (own < min_neighbour * height || own > max_neighbour * height) continue;
    if (gap > max_gap * own || -2 * gap > width || beside < min_beside * own) continue;
    neighbours[count++] = (neighbour){c->top, c->bottom};
  }
  qsort(neighbours, (size_t)count, sizeof *neighbours, by_middle);
  return count;
}

static double median_height(int count, const neighbour *neighbours) {
  int heights[MAX_NEIGHBOURS];
  for (int i = 0; i < count; i++) {
    const int height = neighbours[i].bottom - neighbours[i].top;
    int k = i;
    for (; k > 0 && heights[k - 1] > height; k--) heights[k] = heights[k - 1];
    heights[k] = height;
  }
  return heights[count / 2];
}

/* Foreground pixels of a component in row y. */
static int count_pixels(const od_page *page, const od_foreground_component *c, int label, int y) {
  const int32_t *row = page->components.labels + (size_t)y * (size_t)page->w;
  int count = 0;
  for (int x = c->left; x < c->right; x++) count += row[x] == label;
  return count;
}

/* The row in which to cut a component where two lines meet, near row `meet`; -1 if it crosses too
 * much foreground. */
static int find_cut(const od_page *page, int index, double height, double meet) {
  const od_foreground_component *c = &page->components.items[index];
  const int width = c->right - c->left, tall = c->bottom - c->top;
  const bool large = width > min_large_width * height && width < max_large_width * tall;
  const int first = od_max((int)(meet - cut_reach * height), c->top + (int)(min_part * height));
  const int last = od_min((int)(meet + cut_reach * height), c->bottom - (int)(min_part * height));
  const double limit = large ? max_crossed_large * page->stroke_width : width;
  int best = -1;
  double min_cost = 1e300;
  for (int y = first; y <= last; y++) {
    const int crossed = count_pixels(page, c, index + 1, y);
    const double away = (y - meet) / height, cost = crossed + page->stroke_width * away * away;
    if (crossed > limit || cost >= min_cost) continue;
    min_cost = cost;
    best = y;
  }
  return best;
}

/* The component of `label` in rows top..bottom - 1, within the box of `whole`. */
static od_foreground_component measure(const od_page *page, const od_foreground_component *whole,
                                       int label, int top, int bottom) {
  od_foreground_component part = {.left = page->w, .top = page->h};
  for (int y = top; y < bottom; y++) {
    const size_t row = (size_t)y * (size_t)page->w;
    for (int x = whole->left; x < whole->right; x++) {
      if (page->components.labels[row + (size_t)x] != label) continue;
      const int level = page->foreground[row + (size_t)x];
      part.left = od_min(part.left, x);
      part.right = od_max(part.right, x + 1);
      part.top = od_min(part.top, y);
      part.bottom = od_max(part.bottom, y + 1);
      part.area++;
      part.mass += level;
      part.peak = od_max(part.peak, level);
      part.column_sum += x;
    }
  }
  return part;
}

/* Splits a component at row `cut`; the lower part is a new component. */
static void split(od_page *page, int index, int cut) {
  od_foreground_component *whole = &page->components.items[index];
  const int label = page->components.count + 1;
  for (int y = cut; y < whole->bottom; y++) {
    int32_t *row = page->components.labels + (size_t)y * (size_t)page->w;
    for (int x = whole->left; x < whole->right; x++)
      if (row[x] == index + 1) row[x] = label;
  }
  page->components.items[label - 1] = measure(page, whole, label, cut, whole->bottom);
  page->components.count++;
  *whole = measure(page, whole, index + 1, whole->top, cut);
}

/* Splits a component at the first two lines that meet in it; returns whether it was split. */
static bool split_rows(od_page *page, int index) {
  const od_foreground_component *tall = &page->components.items[index];
  neighbour neighbours[MAX_NEIGHBOURS];
  const int count = find_neighbours(&page->components, tall, neighbours);
  if (count < 2) return false;
  const double height = median_height(count, neighbours);
  const int tall_height = tall->bottom - tall->top;
  if (tall_height < 2 * height * (1 - min_part) ||
      tall->area < min_area * tall_height * page->stroke_width)
    return false;
  for (int i = 1; i < count; i++) {
    const neighbour *above = &neighbours[i - 1], *below = &neighbours[i];
    if (below->top + below->bottom - above->top - above->bottom < 2 * min_pitch * height) continue;
    const int cut = find_cut(page, index, height, 0.5 * (above->bottom + below->top));
    if (cut < 0) continue;
    split(page, index, cut);
    return true;
  }
  return false;
}

od_status od_page_split_rows(od_page *page, od_error *error) {
  const int count = page->components.count, max_count = 2 * count;
  od_foreground_component *items = od_allocate((size_t)max_count + 1, sizeof *items);
  if (!items) return od_fail_memory(error, "the components of a page");
  if (count) memcpy(items, page->components.items, (size_t)count * sizeof *items);
  od_release(page->components.items);
  page->components.items = items;
  bool any = true;
  for (int pass = 0; pass < MAX_PASSES && any; pass++) {
    any = false;
    for (int i = 0; i < page->components.count && page->components.count < max_count; i++)
      any |= split_rows(page, i);
  }
  return OD_OK;
}
