#include "digit/canonical.h"

enum {
  BLACK_END = 33,   /* pixels below are black */
  FOREGROUND = 128, /* pixels from here on are foreground */
  SIDES = 4,
  SAMPLE = 32 /* images of a batch that are checked, at most */
};

/* `count` pixels of an image from `first` on, `step` apart. */
typedef struct line {
  size_t first, count, step;
} line;

/* The top, bottom, left or right side of an image (rows, columns). */
static line side_of(size_t rows, size_t columns, int k) {
  const line sides[SIDES] = {{0, columns, 1},
                             {(rows - 1) * columns, columns, 1},
                             {0, rows, columns},
                             {columns - 1, rows, columns}};
  return sides[k];
}

/* Whether at least three quarters of a side's pixels are not black. */
static bool is_covered(line side, size_t not_black) { return 4 * not_black >= 3 * side.count; }

/* A light background covers all sides, or all but one that a stroke touches. If two sides are
 * black, black is the background: classifiers tolerate light along the other sides, but
 * preprocessing would take the light for the background and lose the digit. */
static bool decide(int covered_sides, size_t foreground) {
  return covered_sides < 3 && foreground > 0;
}

/* Count the pixels of a line that are at least `level`. */
static size_t count_from(int level, line of, const uint8_t *image) {
  uint32_t count = 0; /* vectorizes better than 64 bits */
  for (size_t i = 0; i < of.count; i++) count += image[of.first + i * of.step] >= level;
  return count;
}

bool od_is_canonical(int h, int w, const uint8_t *image) {
  const size_t rows = (size_t)h, columns = (size_t)w;
  int covered = 0;
  for (int k = 0; k < SIDES; k++) {
    const line side = side_of(rows, columns, k);
    covered += is_covered(side, count_from(BLACK_END, side, image));
  }
  return decide(covered, count_from(FOREGROUND, (line){0, rows * columns, 1}, image));
}

/* The same comparisons for numbers in [0, top], as the bytes that they times `factor`, 255 / top,
 * round to, ties to even: 32.5 becomes 32, still black, and 127.5 becomes 128, foreground. */
static bool is_not_black(float x, float factor) { return x * factor > (float)BLACK_END - 0.5f; }
static bool is_foreground(float x, float factor) { return x * factor >= (float)FOREGROUND - 0.5f; }
static bool is_outside(float x, float top) { return !(x >= 0 && x <= top); } /* NaN too */

static size_t count_not_black(float factor, line of, const float *image) {
  uint32_t count = 0;
  for (size_t i = 0; i < of.count; i++)
    count += is_not_black(image[of.first + i * of.step], factor);
  return count;
}

static bool is_canonical_floats(size_t rows, size_t columns, float top, const float *image) {
  const size_t n = rows * columns;
  const float factor = 255 / top;
  uint32_t foreground = 0, outside = 0;
  for (size_t i = 0; i < n; i++) {
    foreground += is_foreground(image[i], factor);
    outside += is_outside(image[i], top);
  }
  if (outside) return false;
  int covered = 0;
  for (int k = 0; k < SIDES; k++) {
    const line side = side_of(rows, columns, k);
    covered += is_covered(side, count_not_black(factor, side, image));
  }
  return decide(covered, foreground);
}

static bool are_inside(float top, size_t n, const float *x) {
  uint32_t outside = 0;
  for (size_t i = 0; i < n; i++) outside += is_outside(x[i], top);
  return !outside;
}

/* The distance of the sampled images of a batch. */
static size_t stride_of(size_t count) { return (count + SAMPLE - 1) / SAMPLE; }

static bool are_enough(size_t canonical, size_t sampled) { return 10 * canonical >= 9 * sampled; }

bool od_are_canonical(size_t count, int h, int w, const uint8_t *images) {
  const size_t n = (size_t)h * (size_t)w, stride = stride_of(count);
  size_t canonical = 0, sampled = 0;
  for (size_t i = 0; i < count; i += stride, sampled++)
    canonical += od_is_canonical(h, w, images + i * n);
  return are_enough(canonical, sampled);
}

bool od_are_canonical_floats(size_t count, int h, int w, float top, const float *images) {
  const size_t rows = (size_t)h, columns = (size_t)w, n = rows * columns;
  const size_t stride = stride_of(count);
  size_t canonical = 0, sampled = 0;
  for (size_t i = 0; i < count; i += stride, sampled++)
    canonical += is_canonical_floats(rows, columns, top, images + i * n);
  if (!are_enough(canonical, sampled)) return false;
  if (count == 1) return true; /* all its numbers have been checked */
  for (size_t i = 0; i < count; i++)
    if (!are_inside(top, n, images + i * n)) return false;
  return true;
}
