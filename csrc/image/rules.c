#include "image/rules.h"

#include <stddef.h>
#include <string.h>

#include "image/ink.h"

/* A picture seen along its rows, or along its columns: place i of line j is pixel
 * i * down + j * right. A rule goes from line to line. */
typedef struct view {
  int n, length;
  ptrdiff_t down, right;
  uint8_t *ink, *seen;
} view;

static int least(int a, int b) { return a < b ? a : b; }
static int most(int a, int b) { return a > b ? a : b; }

static bool is_ink(const view *along, int j, int i) {
  return along->ink[i * along->down + j * along->right] >= OD_INK_SOME;
}

/* The ink of line j around place i: first place and last + 1; false where there is none.
 * No more than `limit` pixels are looked at to each side. */
static bool ink_around(const view *along, int j, int i, int limit, int *begin, int *end) {
  if (!is_ink(along, j, i)) return false;
  *begin = i;
  *end = i + 1;
  while (*begin > 0 && i - *begin < limit && is_ink(along, j, *begin - 1)) --*begin;
  while (*end < along->n && *end - i <= limit && is_ink(along, j, *end)) ++*end;
  return true;
}

/* The ink of line j at place i or one beside it. */
static bool ink_near(const view *along, int j, int i, int limit, int *begin, int *end) {
  return ink_around(along, j, i, limit, begin, end) ||
         (i + 1 < along->n && ink_around(along, j, i + 1, limit, begin, end)) ||
         (i > 0 && ink_around(along, j, i - 1, limit, begin, end));
}

/* Takes the line away that starts at place `i` of line `begin` and ends before line `end`,
 * where it is thin, with its soft edges. */
static void erase(const view *along, int begin, int end, int i, int thin) {
  for (int j = begin; j < end; j++) {
    int first, last;
    if (!ink_near(along, j, i, thin, &first, &last) || last - first > thin) continue;
    i = (first + last - 1) / 2;
    for (int k = most(first - 1, 0); k < least(last + 1, along->n); k++)
      along->ink[k * along->down + j * along->right] = 0;
  }
}

/* Follows a thin line from place i of line `start`. Where a stroke crosses it, or it fades, it
 * goes straight on. Returns the line after its last, and counts where it was thin. */
static int follow(const view *along, int start, int i, int thin, int *count) {
  const int longest_gap = 2 * thin, longest_crossing = 10 * thin;
  int end = start, missed = 0, crossed = 0;
  *count = 0;
  for (int j = start; j < along->length; j++) {
    int first, last;
    if (!ink_near(along, j, i, thin, &first, &last)) {
      if (++missed > longest_gap) break;
    } else if (last - first > thin) {
      if (++crossed > longest_crossing) break;
    } else {
      i = (first + last - 1) / 2;
      uint8_t *seen = &along->seen[i * along->down + j * along->right];
      if (*seen) break;
      *seen = 1;
      missed = crossed = 0;
      ++*count;
      end = j + 1;
    }
  }
  return end;
}

static bool erase_along(const view *along, int thin, int least_length) {
  bool found = false;
  for (int j = 0; j + least_length <= along->length; j++)
    for (int i = 0; i < along->n; i++) {
      int first, last, count;
      if (!ink_around(along, j, i, along->n, &first, &last)) continue;
      const int middle = (first + last - 1) / 2;
      i = last;
      if (last - first > thin || along->seen[middle * along->down + j * along->right]) continue;
      const int end = follow(along, j, middle, thin, &count);
      if (end - j < least_length || 2 * count < end - j) continue;
      erase(along, j, end, middle, thin);
      found = true;
    }
  return found;
}

bool od_erase_rules(int h, int w, uint8_t *ink, od_rule_limits limits, uint8_t *seen) {
  bool found = false;
  if (limits.least_level > 0 && limits.least_level <= w) {
    memset(seen, 0, (size_t)h * (size_t)w);
    found = erase_along(&(view){h, w, w, 1, ink, seen}, limits.thin, limits.least_level);
  }
  if (limits.least_upright > 0 && limits.least_upright <= h) {
    memset(seen, 0, (size_t)h * (size_t)w);
    found |= erase_along(&(view){w, h, 1, w, ink, seen}, limits.thin, limits.least_upright);
  }
  return found;
}
