#include "image/image.h"

enum {
  /* grays from which on a pixel is not black, and is ink */
  BLACK_END = 33,
  INK = 128,
  SIDES = 4,
  /* images of a batch that are looked at, at most */
  SAMPLE = 32
};

/* The pixels along a side of a picture: so many, from `first` on, `step` apart. */
typedef struct line {
  size_t first, count, step;
} line;

/* Top, bottom, left and right of a picture (rows, columns). */
static line side_of(size_t rows, size_t columns, int k) {
  const line sides[SIDES] = {{0, columns, 1},
                             {(rows - 1) * columns, columns, 1},
                             {0, rows, columns},
                             {columns - 1, rows, columns}};
  return sides[k];
}

/* Whether hardly any black shows along a side that has so many light pixels. */
static bool is_covered(line side, size_t light) { return 4 * light >= 3 * side.count; }

/* Light paper covers all sides, or all but one along which there is ink. Black that shows along
 * two sides is the ground, whatever light there is along the others: a network can bear with
 * that, but the digit is lost once the light is taken for paper and the ground for ink. */
static bool decide(int covered, size_t ink) { return covered < 3 && ink > 0; }

/* How many of the pixels of a line are at least `level`. */
static size_t count_from(int level, line of, const uint8_t *image) {
  uint32_t count = 0; /* of a width that vectorises well */
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
  return decide(covered, count_from(INK, (line){0, rows * columns, 1}, image));
}

/* The same for numbers in [0, top], by the bytes that they times `factor`, 255 / top, round to,
 * ties to even: 32.5 becomes 32, still black, and 127.5 becomes 128, ink. */
static bool is_not_black(float x, float factor) { return x * factor > (float)BLACK_END - 0.5f; }
static bool is_ink(float x, float factor) { return x * factor >= (float)INK - 0.5f; }
static bool is_outside(float x, float top) { return !(x >= 0 && x <= top); } /* NaN too */

static size_t count_not_black(float factor, line of, const float *image) {
  uint32_t count = 0;
  for (size_t i = 0; i < of.count; i++)
    count += is_not_black(image[of.first + i * of.step], factor);
  return count;
}

static bool is_mnist_like_floats(size_t rows, size_t columns, float top, const float *image) {
  const size_t n = rows * columns;
  const float factor = 255 / top;
  uint32_t ink = 0, outside = 0;
  for (size_t i = 0; i < n; i++) {
    ink += is_ink(image[i], factor);
    outside += is_outside(image[i], top);
  }
  if (outside) return false;
  int covered = 0;
  for (int k = 0; k < SIDES; k++) {
    const line side = side_of(rows, columns, k);
    covered += is_covered(side, count_not_black(factor, side, image));
  }
  return decide(covered, ink);
}

static bool are_inside(float top, size_t n, const float *x) {
  uint32_t outside = 0;
  for (size_t i = 0; i < n; i++) outside += is_outside(x[i], top);
  return !outside;
}

/* Distance between the images of a batch that are looked at. */
static size_t stride_of(size_t count) { return (count + SAMPLE - 1) / SAMPLE; }

static bool are_enough(size_t like, size_t sampled) { return 10 * like >= 9 * sampled; }

bool od_are_canonical(size_t count, int h, int w, const uint8_t *images) {
  const size_t n = (size_t)h * (size_t)w, stride = stride_of(count);
  size_t like = 0, sampled = 0;
  for (size_t i = 0; i < count; i += stride, sampled++)
    like += od_is_canonical(h, w, images + i * n);
  return are_enough(like, sampled);
}

bool od_are_canonical_floats(size_t count, int h, int w, float top, const float *images) {
  const size_t rows = (size_t)h, columns = (size_t)w, n = rows * columns;
  const size_t stride = stride_of(count);
  size_t like = 0, sampled = 0;
  for (size_t i = 0; i < count; i += stride, sampled++)
    like += is_mnist_like_floats(rows, columns, top, images + i * n);
  if (!are_enough(like, sampled)) return false;
  if (count == 1) return true; /* all its numbers have been looked at */
  for (size_t i = 0; i < count; i++)
    if (!are_inside(top, n, images + i * n)) return false;
  return true;
}
