#include "digit/canonical.h"

#include <stdlib.h>
#include <string.h>

#include "base/math.h"

enum {
  BLACK_END = 33,   /* pixels below are black */
  STROKE = 64,      /* pixels from here on are inside the bounding box */
  FOREGROUND = 128, /* some pixel is from here on */
  SAMPLE = 32       /* images of a batch that are checked, at most */
};

/* Sizes in pixels of an image whose longer side is SIDE. MNIST's digits are 20 long, and their
 * centre of mass is within 0.6 of the image's. Nine of its 60,000 training images have a bounding
 * box of at most MAX_SMALL, and none of them is further from the centre than MAX_OFFSET. */
enum { SIDE = 28, MAX_SMALL = 16, MAX_DIGIT = 21, MAX_OFFSET = 2 };

/* Measurements of an image, made row by row. */
typedef struct measures {
  int top, bottom;             /* rows of the bounding box; bottom is exclusive */
  int covered;                 /* sides of which at least three quarters are not black */
  int left_count, right_count; /* pixels of a side that are not black */
  int64_t mass, sum_y, sum_x;  /* of the pixels that are not black, and times their coordinates */
  uint8_t max[OD_MAX_CANONICAL_SIDE]; /* of each column */
} measures;

static bool is_covered(int not_black, int count) { return 4 * not_black >= 3 * count; }

/* Measure row y (w) of an image with h rows. */
static void add_row(int h, int w, int y, const uint8_t *restrict row, measures *m) {
  uint32_t mass = 0, sum = 0, count = 0;
  uint8_t max = 0;
  for (int x = 0; x < w; x++) {
    const uint32_t not_black = row[x] >= BLACK_END, level = not_black ? row[x] : 0;
    count += not_black;
    mass += level;
    sum += level * (uint32_t)x;
  }
  for (int x = 0; x < w; x++) {
    m->max[x] = row[x] > m->max[x] ? row[x] : m->max[x];
    max = row[x] > max ? row[x] : max;
  }
  m->left_count += row[0] >= BLACK_END;
  m->right_count += row[w - 1] >= BLACK_END;
  if (y == 0) m->covered += is_covered((int)count, w);
  if (y == h - 1) m->covered += is_covered((int)count, w);
  if (max >= STROKE) {
    m->top = od_min(m->top, y);
    m->bottom = y + 1;
  }
  m->mass += mass;
  m->sum_x += sum;
  m->sum_y += (int64_t)mass * y;
}

static int width(int w, const measures *m) {
  int left = 0, right = w;
  while (left < w && m->max[left] < STROKE) left++;
  while (right > left && m->max[right - 1] < STROKE) right--;
  return right - left;
}

static uint8_t max_of(int n, const uint8_t *values) {
  uint8_t max = 0;
  for (int i = 0; i < n; i++) max = values[i] > max ? values[i] : max;
  return max;
}

/* Whether the centre of mass is more than MAX_OFFSET from the middle of an axis of n pixels. */
static bool is_off_centre(int n, int side, int64_t mass, int64_t sum) {
  return SIDE * llabs(2 * sum - n * mass) > 2 * MAX_OFFSET * side * mass;
}

/* A light background covers all sides, or all but one that a stroke touches. If two sides are
 * black, black is the background: classifiers tolerate light along the other sides, but
 * preprocessing would take the light for the background and lose the digit. */
static bool decide(int h, int w, measures *m) {
  const int side = od_max(h, w), longer = od_max(m->bottom - m->top, width(w, m));
  const bool is_off =
      is_off_centre(h, side, m->mass, m->sum_y) || is_off_centre(w, side, m->mass, m->sum_x);
  m->covered += is_covered(m->left_count, h) + is_covered(m->right_count, h);
  if (m->covered >= 3 || max_of(w, m->max) < FOREGROUND) return false;
  return SIDE * longer > MAX_SMALL * side && !(is_off && SIDE * longer <= MAX_DIGIT * side);
}

static bool is_small(int h, int w) {
  return h <= OD_MAX_CANONICAL_SIDE && w <= OD_MAX_CANONICAL_SIDE;
}

bool od_is_canonical(int h, int w, const uint8_t *image) {
  if (!is_small(h, w)) return false;
  measures m = {.top = h};
  for (int y = 0; y < h; y++) add_row(h, w, y, image + y * w, &m);
  return decide(h, w, &m);
}

/* Round to nearest, ties to even; x in 0..2^22. The sum has no fractional bits. */
static float round_to_even(float x) {
  const float no_fraction = 8388608; /* 2^23 */
  return (x + no_fraction) - no_fraction;
}

static bool is_outside(float x, float top) { return !(x >= 0 && x <= top); } /* NaN too */

static bool are_inside(float top, size_t n, const float *x) {
  uint32_t outside = 0;
  for (size_t i = 0; i < n; i++) outside += is_outside(x[i], top);
  return !outside;
}

/* Numbers in [0, top] as the bytes that they times 255 / top round to. */
static bool is_canonical_floats(int h, int w, float top, const float *image) {
  const float factor = 255 / top;
  uint8_t row[OD_MAX_CANONICAL_SIDE];
  measures m = {.top = h};
  if (!is_small(h, w) || !are_inside(top, (size_t)h * (size_t)w, image)) return false;
  for (int y = 0; y < h; y++) {
    for (int x = 0; x < w; x++) row[x] = (uint8_t)round_to_even(image[y * w + x] * factor);
    add_row(h, w, y, row, &m);
  }
  return decide(h, w, &m);
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
  const size_t n = (size_t)h * (size_t)w, stride = stride_of(count);
  size_t canonical = 0, sampled = 0;
  for (size_t i = 0; i < count; i += stride, sampled++)
    canonical += is_canonical_floats(h, w, top, images + i * n);
  if (!are_enough(canonical, sampled)) return false;
  if (count == 1) return true; /* all its numbers have been checked */
  for (size_t i = 0; i < count; i++)
    if (!are_inside(top, n, images + i * n)) return false;
  return true;
}
