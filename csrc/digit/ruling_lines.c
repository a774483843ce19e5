#include "digit/ruling_lines.h"

#include <stddef.h>
#include <string.h>

#include "base/math.h"
#include "image/row_partition.h"
#include "image/bit_rows.h"
#include "digit/foreground.h"

/* An image traversed in steps across a ruling line's direction: pixel i of step j is
 * foreground[i * pixel + j * step]. Steps are the columns for horizontal lines and the rows for
 * vertical ones. */
typedef struct traversal {
  od_bit_rows steps; /* (length, n): the foreground pixels of each step */
  uint64_t *visited; /* (length, words): pixels of lines that were followed */
  ptrdiff_t pixel, step;
  uint8_t *foreground;
} traversal;

/* Return the first pixel from i on that is background, at most `limit` pixels on. */
static int run_end(const uint64_t *bits, int i, int n, int limit) {
  const int last = od_min(n, i + limit);
  while (i < last) {
    const uint64_t background = ~bits[i / 64] >> i % 64;
    if (background) return od_min(i + __builtin_ctzll(background), last);
    i += 64 - i % 64;
  }
  return last;
}

/* Return the first pixel of the run that ends before i, at most `limit` pixels back. */
static int run_begin(const uint64_t *bits, int i, int limit) {
  const int first = od_max(0, i - limit);
  while (i > first) {
    const uint64_t background = ~bits[(i - 1) / 64] << (63 - (i - 1) % 64);
    if (background) return od_max(i - __builtin_clzll(background), first);
    i -= (i - 1) % 64 + 1;
  }
  return first;
}

/* Find the run of step j around pixel i, up to `limit` pixels either way; false if the pixel is
 * background. */
static inline bool run_around(const traversal *t, int j, int i, int limit, int *begin, int *end) {
  const uint64_t *bits = od_bit_row(&t->steps, j);
  if (!(bits[i / 64] >> i % 64 & 1)) return false;
  *begin = run_begin(bits, i, limit);
  *end = run_end(bits, i, t->steps.w, limit + 1);
  return true;
}

/* The same for pixel i or one of its neighbours. */
static bool run_near(const traversal *t, int j, int i, int limit, int *begin, int *end) {
  return run_around(t, j, i, limit, begin, end) ||
         (i + 1 < t->steps.w && run_around(t, j, i + 1, limit, begin, end)) ||
         (i > 0 && run_around(t, j, i - 1, limit, begin, end));
}

static uint64_t bit(int i) { return (uint64_t)1 << i % 64; }

/* Erase the line from pixel i of step `begin` to before step `end`, where it is thin, with its
 * anti-aliased edges. */
static void erase(const traversal *t, int begin, int end, int i, int max_thickness) {
  for (int j = begin; j < end; j++) {
    int first, last;
    if (!run_near(t, j, i, max_thickness, &first, &last) || last - first > max_thickness) continue;
    i = (first + last - 1) / 2;
    for (int k = od_max(first - 1, 0); k < od_min(last + 1, t->steps.w); k++) {
      t->foreground[k * t->pixel + j * t->step] = 0;
      t->steps.bits[(size_t)j * t->steps.words + (size_t)k / 64] &= ~bit(k);
    }
  }
}

/* Follow a thin line from pixel i of step `start`, straight on through short gaps and crossing
 * strokes. Return the step after its last one; *count is the number of thin steps. */
static int follow(const traversal *t, int start, int i, int max_thickness, int *count) {
  const int max_gap = 2 * max_thickness, max_crossing = 10 * max_thickness;
  int end = start, gap = 0, crossing = 0;
  *count = 0;
  for (int j = start; j < t->steps.h; j++) {
    int first, last;
    if (!run_near(t, j, i, max_thickness, &first, &last)) {
      if (++gap > max_gap) break;
    } else if (last - first > max_thickness) {
      if (++crossing > max_crossing) break;
    } else {
      i = (first + last - 1) / 2;
      uint64_t *visited = &t->visited[(size_t)j * t->steps.words + (size_t)i / 64];
      if (*visited & bit(i)) break;
      *visited |= bit(i);
      gap = crossing = 0;
      ++*count;
      end = j + 1;
    }
  }
  return end;
}

/* Erase all lines of at least `min_length` steps; return whether there were any. ends is scratch:
 * the runs of a step as found before its lines are followed, as erasing removes only those runs and
 * pixels beside them. */
static bool erase_lines(const traversal *t, int max_thickness, int min_length, int32_t *ends) {
  bool found = false;
  for (int j = 0; j + min_length <= t->steps.h; j++) {
    const uint64_t *visited = t->visited + (size_t)j * t->steps.words;
    const int runs = od_bits_find_runs(&t->steps, j, ends);
    for (int k = 0; k < runs; k++) {
      int count;
      const int first = ends[2 * k], last = ends[2 * k + 1], middle = (first + last - 1) / 2;
      if (last - first > max_thickness || visited[middle / 64] & bit(middle)) continue;
      const int end = follow(t, j, middle, max_thickness, &count);
      if (end - j < min_length || 2 * count < end - j) continue;
      erase(t, j, end, middle, max_thickness);
      found = true;
    }
  }
  return found;
}

od_status od_remove_ruling_lines(od_image_workspace *workspace, int h, int w, uint8_t *foreground,
                                 od_ruling_line_limits limits, bool *found, od_error *error) {
  const bool horizontal = limits.min_horizontal > 0 && limits.min_horizontal <= w;
  const bool vertical = limits.min_vertical > 0 && limits.min_vertical <= h;
  *found = false;
  if (!horizontal && !vertical) return OD_OK;
  od_bit_rows rows = {h, w, od_bit_words(w), NULL}, columns = {w, h, od_bit_words(h), NULL};
  const size_t row_bits = od_aligned((size_t)h * rows.words * 8);
  const size_t column_bits = od_aligned((size_t)w * columns.words * 8);
  const size_t visited_bits = row_bits > column_bits ? row_bits : column_bits;
  const size_t ends_bytes = ((size_t)od_max(h, w) + 2) * sizeof(int32_t);
  uint8_t *scratch =
      od_image_workspace_scratch(workspace, row_bits + column_bits + visited_bits + ends_bytes);
  if (!scratch) return od_fail_memory(error, "the ruling lines of an image");
  rows.bits = (uint64_t *)(void *)scratch;
  columns.bits = (uint64_t *)(void *)(scratch + row_bits);
  uint64_t *visited = (uint64_t *)(void *)(scratch + row_bits + column_bits);
  int32_t *ends = (int32_t *)(void *)(scratch + row_bits + column_bits + visited_bits);
  od_bits_fill(workspace->kernels, foreground, OD_FOREGROUND_WEAK, &rows);
  if (horizontal) {
    od_bits_transpose(&rows, &columns);
    memset(visited, 0, column_bits);
    *found = erase_lines(&(traversal){columns, visited, w, 1, foreground}, limits.max_thickness,
                         limits.min_horizontal, ends);
    if (*found) od_bits_fill(workspace->kernels, foreground, OD_FOREGROUND_WEAK, &rows);
  }
  if (vertical) {
    memset(visited, 0, row_bits);
    *found |= erase_lines(&(traversal){rows, visited, 1, w, foreground}, limits.max_thickness,
                          limits.min_vertical, ends);
  }
  return OD_OK;
}
