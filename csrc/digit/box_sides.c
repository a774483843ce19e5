/* Each side of the foreground's bounding box is searched for rows, of one of several slants, that
 * are nearly full of foreground. */
#include "digit/box_sides.h"

#include <stddef.h>
#include <string.h>

#include "base/math.h"
#include "digit/foreground.h"

enum {
  SIDES = 4,
  TOP = 0,
  BOTTOM = 1,
  LEFT = 2,
  RIGHT = 3,
  MIN_LENGTH = 8, /* of a box side */
  MAX_SLANT = 6,  /* a box side's ends differ by up to 6 / 100 of its length in depth */
  PADDING = 8,    /* more than half of that at OD_MAX_BOXED_IMAGE */
  BLOCK = 16      /* depths that are counted together */
};

/* Rows and columns first..last - 1. */
typedef struct box {
  int top, left, bottom, right;
} box;

/* One side of the bounding box. Depth is counted inwards from it, length along it. */
typedef struct side {
  int length, depth;
  ptrdiff_t origin, along, inward; /* pixel (j, i) is at origin + j * along + i * inward */
  bool ends_at_image[2];           /* whether the box ends at the image's sides */
  bool is_box_side;
  int slant, inner; /* of the box side; its inner edge has depth inner + shift_at(side, slant, j) */
} side;

static box find_box(int h, int w, const uint8_t *foreground) {
  box found = {h, w, 0, 0};
  uint8_t columns[OD_MAX_BOXED_IMAGE] = {0};
  for (int y = 0; y < h; y++) {
    const uint8_t *row = foreground + y * w;
    uint8_t max = 0;
    for (int x = 0; x < w; x++) {
      max = row[x] > max ? row[x] : max;
      columns[x] = row[x] > columns[x] ? row[x] : columns[x];
    }
    if (max < OD_FOREGROUND_WEAK) continue;
    found.top = od_min(found.top, y);
    found.bottom = y + 1;
  }
  for (int x = 0; x < w; x++) {
    if (columns[x] < OD_FOREGROUND_WEAK) continue;
    found.left = od_min(found.left, x);
    found.right = x + 1;
  }
  return found;
}

/* Whether a distance from a side of n pixels is next to nothing. */
static bool is_at_end(int distance, int n) { return distance <= od_max(1, 3 * n / 100); }

static side side_of(int h, int w, box frame, int k) {
  const int rows = frame.bottom - frame.top, columns = frame.right - frame.left;
  const bool at_top = is_at_end(frame.top, h), at_bottom = is_at_end(h - frame.bottom, h);
  const bool at_left = is_at_end(frame.left, w), at_right = is_at_end(w - frame.right, w);
  const ptrdiff_t first = (ptrdiff_t)frame.top * w + frame.left;
  const ptrdiff_t last_row = (ptrdiff_t)(frame.bottom - 1) * w + frame.left;
  switch (k) {
    case TOP:
      return (side){columns, rows, first, 1, w, {at_left, at_right}, false, 0, 0};
    case BOTTOM:
      return (side){columns, rows, last_row, 1, -w, {at_left, at_right}, false, 0, 0};
    case LEFT:
      return (side){rows, columns, first, w, 1, {at_top, at_bottom}, false, 0, 0};
    default:
      return (side){rows, columns, first + columns - 1, w, -1, {at_top, at_bottom}, false, 0, 0};
  }
}

static int shift_at(const side *s, int slant, int j) {
  const int twice = slant * (2 * j - s->length); /* 200ths */
  return (twice + (twice < 0 ? -100 : 100)) / 200;
}

/* The depth up to which box sides are searched. */
static int zone_of(const side *s) { return s->depth * 36 / 100; }

/* The zone in whole blocks, for speed. */
static int blocks_of(const side *s) { return (zone_of(s) + BLOCK - 1) / BLOCK * BLOCK; }

/* The distance between lines. */
static int pitch_of(const side *s) { return blocks_of(s) + 2 * PADDING; }

/* lines (length, PADDING + blocks + PADDING) = 1 at foreground pixels. */
static void copy_zone(const side *s, const uint8_t *foreground, uint8_t *lines) {
  const int zone = zone_of(s), n = pitch_of(s);
  memset(lines, 0, (size_t)s->length * (size_t)n);
  for (int j = 0; j < s->length; j++)
    for (int i = 0; i < od_min(zone + PADDING, s->depth); i++)
      lines[j * n + PADDING + i] =
          foreground[s->origin + j * s->along + i * s->inward] >= OD_FOREGROUND_WEAK;
}

/* counts (blocks) = the number of foreground pixels at each depth along the slant. */
static void count_pixels(const side *s, int slant, const uint8_t *lines, uint8_t *counts) {
  const int pitch = pitch_of(s);
  for (int block = 0; block < blocks_of(s); block += BLOCK) {
    uint8_t sums[BLOCK] = {0};
    for (int j = 0; j < s->length; j++) {
      const uint8_t *line = lines + j * pitch + PADDING + shift_at(s, slant, j) + block;
      for (int i = 0; i < BLOCK; i++) sums[i] = (uint8_t)(sums[i] + line[i]);
    }
    memcpy(counts + block, sums, sizeof sums);
  }
}

/* Find the innermost rows that are nearly full, which end inside the zone. Return the depth after
 * the last of them, or 0. */
static int find_inner_edge(const side *s, const uint8_t *counts) {
  const int zone = zone_of(s);
  int inner = 0;
  for (int i = 0; i < zone; i++) {
    const int first = i;
    int max = 0;
    while (i < zone && 20 * counts[i] >= 11 * s->length) max = od_max(max, counts[i++]);
    if (i > first && i < zone && 100 * max >= 78 * s->length) inner = i;
  }
  return inner;
}

/* Whether the foreground just outside the inner edge reaches to both ends, which a curved stroke
 * does not. */
static bool reaches_ends(const side *s, const uint8_t *lines) {
  const int n = pitch_of(s), part = od_max(2, s->length / 12);
  int first = 0, last = 0;
  for (int j = 0; j < part; j++) {
    for (int end = 0; end < 2; end++) {
      const int at = end ? s->length - 1 - j : j;
      const uint8_t *edge = lines + at * n + PADDING + s->inner + shift_at(s, s->slant, at);
      *(end ? &last : &first) += edge[-1] | edge[-2] | edge[-3];
    }
  }
  return 2 * first >= part && 2 * last >= part;
}

/* Search a side for a box side, at the slant where the counts vary most. */
static void find_box_side(const uint8_t *foreground, side *s) {
  uint8_t lines[OD_MAX_BOXED_IMAGE * (OD_MAX_BOXED_IMAGE / 2 + 2 * PADDING)];
  uint8_t counts[OD_MAX_BOXED_IMAGE];
  int best = -1;
  if (s->length < MIN_LENGTH) return;
  copy_zone(s, foreground, lines);
  for (int slant = -MAX_SLANT; slant <= MAX_SLANT; slant++) {
    int squares = 0;
    count_pixels(s, slant, lines, counts);
    for (int i = 0; i < zone_of(s); i++) squares += counts[i] * counts[i];
    if (squares <= best) continue;
    best = squares;
    s->slant = slant;
    s->inner = find_inner_edge(s, counts);
  }
  s->is_box_side = s->inner > 0 && reaches_ends(s, lines);
}

/* The depth of the box side's inner edge at j. */
static int edge_at(const side *s, int j) {
  return od_max(0, od_min(s->depth, s->inner + shift_at(s, s->slant, j)));
}

/* Set the foreground outside a box side to 0, with the box side's anti-aliased edge. */
static void erase_outside(const side *s, uint8_t *foreground) {
  for (int j = 0; j < s->length; j++)
    for (int i = 0; i < od_min(edge_at(s, j) + 1, s->depth); i++)
      foreground[s->origin + j * s->along + i * s->inward] = 0;
}

/* Whether the foreground just inside the box side is attached to it, and only in its middle part,
 * from length `first` to before `last`. */
static bool is_attached(const side *s, const uint8_t *foreground, int first, int last,
                        bool *in_middle) {
  const int margin = (last - first) / 10, reach = s->inner <= 2 ? 1 : 3;
  int attached = 0, near_end = 0;
  for (int j = first; j < last; j++) {
    const int edge = edge_at(s, j);
    int i = edge;
    while (i < od_min(edge + reach, s->depth) &&
           foreground[s->origin + j * s->along + i * s->inward] >= OD_FOREGROUND_WEAK)
      i++;
    if (i < edge + reach) continue;
    attached++;
    near_end += j < first + margin || j >= last - margin;
  }
  /* Where a thin line has a step, it is attached to itself over some pixels. */
  const int min_near_end = reach == 1 ? od_max(2, (last - first) / 12) : 1;
  *in_middle = near_end < min_near_end && 5 * attached <= 2 * (last - first);
  return attached > 0;
}

/* The sides that a side's ends meet. */
static void find_neighbours(int k, int *first, int *second) {
  *first = k < LEFT ? LEFT : TOP;
  *second = k < LEFT ? RIGHT : BOTTOM;
}

/* Whether both ends of a box side are at the image's sides or at other box sides. */
static bool is_complete(const side sides[SIDES], int k) {
  int first, second;
  find_neighbours(k, &first, &second);
  return (sides[k].ends_at_image[0] || sides[first].is_box_side) &&
         (sides[k].ends_at_image[1] || sides[second].is_box_side);
}

/* Whether a box side is a stroke of the digit: it is attached to the foreground inside all box
 * sides near an end. *crosses tells whether it may be a ruling line through that foreground
 * instead, with the box `inside`, which reaches a side of the frame without a box side. */
static bool is_stroke(const side sides[SIDES], int k, const uint8_t *foreground, box frame,
                      box inside, bool *crosses) {
  const int reaches[SIDES] = {inside.top - frame.top, frame.bottom - inside.bottom,
                              inside.left - frame.left, frame.right - inside.right};
  int first, second;
  bool in_middle;
  find_neighbours(k, &first, &second);
  const side *s = &sides[k];
  const int begin = sides[first].is_box_side ? sides[first].inner + PADDING / 2 : 0;
  const int end = s->length - (sides[second].is_box_side ? sides[second].inner + PADDING / 2 : 0);
  *crosses = false;
  if (!is_attached(s, foreground, begin, end, &in_middle)) return false;
  for (int i = 0; i < SIDES; i++) *crosses |= !sides[i].is_box_side && reaches[i] <= 0;
  return !in_middle;
}

static int count_box_sides(const side sides[SIDES]) {
  return sides[TOP].is_box_side + sides[BOTTOM].is_box_side + sides[LEFT].is_box_side +
         sides[RIGHT].is_box_side;
}

/* Whether a fifth of the foreground is in the middle of the frame, half its height and width. */
static bool has_digit(int h, int w, const uint8_t *foreground, box frame) {
  const int rows = frame.bottom - frame.top, columns = frame.right - frame.left;
  int all = 0, middle = 0;
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      const bool set = foreground[y * w + x] >= OD_FOREGROUND_WEAK;
      const bool inside = 4 * (y - frame.top) >= rows && 4 * (frame.bottom - 1 - y) >= rows &&
                          4 * (x - frame.left) >= columns && 4 * (frame.right - 1 - x) >= columns;
      all += set;
      middle += set && inside;
    }
  return all > 0 && 5 * middle >= all;
}

bool od_remove_box_sides(int h, int w, uint8_t *foreground, bool *has_stroke) {
  const box frame = find_box(h, w, foreground);
  uint8_t rest[OD_MAX_BOXED_IMAGE * OD_MAX_BOXED_IMAGE];
  side sides[SIDES];
  *has_stroke = false;
  if (frame.bottom <= frame.top) return false;
  for (int k = 0; k < SIDES; k++) {
    sides[k] = side_of(h, w, frame, k);
    find_box_side(foreground, &sides[k]);
  }
  for (int k = 0; k < SIDES; k++)
    sides[k].is_box_side = sides[k].is_box_side && is_complete(sides, k);
  if (!count_box_sides(sides)) return false;
  memcpy(rest, foreground, (size_t)h * (size_t)w);
  for (int k = 0; k < SIDES; k++)
    if (sides[k].is_box_side) erase_outside(&sides[k], rest);
  const box inside = find_box(h, w, rest);
  if (!has_digit(h, w, rest, frame)) return false;
  bool strokes[SIDES] = {false}, crosses[SIDES] = {false};
  for (int k = 0; k < SIDES; k++)
    if (sides[k].is_box_side)
      strokes[k] = is_stroke(sides, k, foreground, frame, inside, &crosses[k]);
  const bool is_box = count_box_sides(sides) >= 3;
  *has_stroke = !is_box && (strokes[TOP] || strokes[BOTTOM]);
  for (int k = 0; k < SIDES; k++)
    sides[k].is_box_side = sides[k].is_box_side && (is_box || !(strokes[k] || crosses[k]));
  for (int k = 0; k < SIDES; k++)
    if (sides[k].is_box_side) erase_outside(&sides[k], foreground);
  return count_box_sides(sides) > 0;
}
