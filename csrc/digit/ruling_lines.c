#include "digit/ruling_lines.h"

#include <stddef.h>
#include <string.h>

#include "base/math.h"
#include "image/row_partition.h"
#include "image/bit_rows.h"
#include "digit/foreground.h"

/* A picture seen along its rows, or along its columns: place i of line j is pixel
 * i * down + j * right. A rule goes from line to line, whose places lie in bits. */
typedef struct view {
  od_bit_rows lines; /* (length, n) */
  uint64_t *seen;    /* (length, words) */
  ptrdiff_t down, right;
  uint8_t *ink;
} view;

/* The first place from i on without ink, but no more than `limit` places on. */
static int ink_end(const uint64_t *line, int i, int n, int limit) {
  const int last = od_min(n, i + limit);
  while (i < last) {
    const uint64_t bare = ~line[i / 64] >> i % 64;
    if (bare) return od_min(i + __builtin_ctzll(bare), last);
    i += 64 - i % 64;
  }
  return last;
}

/* The first place of the ink that ends before i, but no more than `limit` places back. */
static int ink_begin(const uint64_t *line, int i, int limit) {
  const int first = od_max(0, i - limit);
  while (i > first) {
    const uint64_t bare = ~line[(i - 1) / 64] << (63 - (i - 1) % 64);
    if (bare) return od_max(i - __builtin_clzll(bare), first);
    i -= (i - 1) % 64 + 1;
  }
  return first;
}

/* The ink of line j around place i; false where there is none. No more than `limit` pixels
 * are looked at to each side. */
static inline bool ink_around(const view *along, int j, int i, int limit, int *begin, int *end) {
  const uint64_t *line = od_bit_row(&along->lines, j);
  if (!(line[i / 64] >> i % 64 & 1)) return false;
  *begin = ink_begin(line, i, limit);
  *end = ink_end(line, i, along->lines.w, limit + 1);
  return true;
}

/* The ink of line j at place i or one beside it. */
static bool ink_near(const view *along, int j, int i, int limit, int *begin, int *end) {
  return ink_around(along, j, i, limit, begin, end) ||
         (i + 1 < along->lines.w && ink_around(along, j, i + 1, limit, begin, end)) ||
         (i > 0 && ink_around(along, j, i - 1, limit, begin, end));
}

static uint64_t bit(int i) { return (uint64_t)1 << i % 64; }

/* Takes the line away that starts at place `i` of line `begin` and ends before line `end`,
 * where it is thin, with its soft edges. */
static void erase(const view *along, int begin, int end, int i, int thin) {
  for (int j = begin; j < end; j++) {
    int first, last;
    if (!ink_near(along, j, i, thin, &first, &last) || last - first > thin) continue;
    i = (first + last - 1) / 2;
    for (int k = od_max(first - 1, 0); k < od_min(last + 1, along->lines.w); k++) {
      along->ink[k * along->down + j * along->right] = 0;
      along->lines.bits[(size_t)j * along->lines.words + (size_t)k / 64] &= ~bit(k);
    }
  }
}

/* Follows a thin line from place i of line `start`. Where a stroke crosses it, or it fades, it
 * goes straight on. Returns the line after its last, and counts where it was thin. */
static int follow(const view *along, int start, int i, int thin, int *count) {
  const int longest_gap = 2 * thin, longest_crossing = 10 * thin;
  int end = start, missed = 0, crossed = 0;
  *count = 0;
  for (int j = start; j < along->lines.h; j++) {
    int first, last;
    if (!ink_near(along, j, i, thin, &first, &last)) {
      if (++missed > longest_gap) break;
    } else if (last - first > thin) {
      if (++crossed > longest_crossing) break;
    } else {
      i = (first + last - 1) / 2;
      uint64_t *seen = &along->seen[(size_t)j * along->lines.words + (size_t)i / 64];
      if (*seen & bit(i)) break;
      *seen |= bit(i);
      missed = crossed = 0;
      ++*count;
      end = j + 1;
    }
  }
  return end;
}

/* The runs of a line as they are when the walk comes to it; what is erased later lies beside
 * them or is one of them. */
static bool erase_along(const view *along, int thin, int least_length, int32_t *ends) {
  bool found = false;
  for (int j = 0; j + least_length <= along->lines.h; j++) {
    const uint64_t *seen = along->seen + (size_t)j * along->lines.words;
    const int runs = od_bits_find_runs(&along->lines, j, ends);
    for (int k = 0; k < runs; k++) {
      int count;
      const int first = ends[2 * k], last = ends[2 * k + 1], middle = (first + last - 1) / 2;
      if (last - first > thin || seen[middle / 64] & bit(middle)) continue;
      const int end = follow(along, j, middle, thin, &count);
      if (end - j < least_length || 2 * count < end - j) continue;
      erase(along, j, end, middle, thin);
      found = true;
    }
  }
  return found;
}

od_status od_remove_ruling_lines(od_image_workspace *imaging, int h, int w, uint8_t *ink, od_ruling_line_limits limits,
                         bool *found, od_error *error) {
  const bool level = limits.least_level > 0 && limits.least_level <= w;
  const bool upright = limits.least_upright > 0 && limits.least_upright <= h;
  *found = false;
  if (!level && !upright) return OD_OK;
  od_bit_rows rows = {h, w, od_bit_words(w), NULL}, columns = {w, h, od_bit_words(h), NULL};
  const size_t row_bits = od_aligned((size_t)h * rows.words * 8);
  const size_t column_bits = od_aligned((size_t)w * columns.words * 8);
  const size_t seen_bits = row_bits > column_bits ? row_bits : column_bits;
  const size_t ends = ((size_t)od_max(h, w) + 2) * sizeof(int32_t);
  uint8_t *scratch = od_image_workspace_scratch(imaging, row_bits + column_bits + seen_bits + ends);
  if (!scratch) return od_fail_memory(error, "the rules of a picture");
  rows.bits = (uint64_t *)(void *)scratch;
  columns.bits = (uint64_t *)(void *)(scratch + row_bits);
  uint64_t *seen = (uint64_t *)(void *)(scratch + row_bits + column_bits);
  int32_t *runs = (int32_t *)(void *)(scratch + row_bits + column_bits + seen_bits);
  od_bits_fill(imaging->kernels, ink, OD_FOREGROUND_WEAK, &rows);
  if (level) {
    od_bits_transpose(&rows, &columns);
    memset(seen, 0, column_bits);
    *found = erase_along(&(view){columns, seen, w, 1, ink}, limits.thin, limits.least_level, runs);
    if (*found) od_bits_fill(imaging->kernels, ink, OD_FOREGROUND_WEAK, &rows);
  }
  if (upright) {
    memset(seen, 0, row_bits);
    *found |= erase_along(&(view){rows, seen, 1, w, ink}, limits.thin, limits.least_upright, runs);
  }
  return OD_OK;
}
