#include "image/image.h"

enum {
  /* grays from which on a pixel is no paper, and is ink */
  PAPER_END = 33,
  INK = 128,
  /* images of a batch that are looked at, at most */
  SAMPLE = 32
};

/* Whether a picture (h, w) is MNIST-like by its pixels that are no paper, in the ring along
 * its border, and by those that are ink, anywhere. */
static bool decide(size_t rows, size_t columns, size_t bright, size_t ink) {
  const size_t n = rows * columns;
  const size_t ring = rows > 2 && columns > 2 ? 2 * (rows + columns) - 4 : n;
  return 4 * bright <= ring && ink > 0 && 2 * ink < n;
}

/* How many of n pixels, `step` apart, are at least `level`. */
static size_t count_from(int level, size_t n, size_t step, const uint8_t *image) {
  uint32_t count = 0; /* of a width that vectorises well */
  for (size_t i = 0; i < n; i++) count += image[i * step] >= level;
  return count;
}

bool od_is_mnist_like(int h, int w, const uint8_t *image) {
  const size_t rows = (size_t)h, columns = (size_t)w, n = rows * columns;
  size_t bright;
  if (h > 2 && w > 2) {
    bright = count_from(PAPER_END, columns, 1, image) +
             count_from(PAPER_END, columns, 1, image + n - columns) +
             count_from(PAPER_END, rows - 2, columns, image + columns) +
             count_from(PAPER_END, rows - 2, columns, image + 2 * columns - 1);
  } else { /* one row or column is all ring */
    bright = count_from(PAPER_END, n, 1, image);
  }
  return decide(rows, columns, bright, count_from(INK, n, 1, image));
}

/* The same for numbers in [0, top], by the bytes that they times `factor`, 255 / top, round to,
 * ties to even: 32.5 becomes 32, still paper, and 127.5 becomes 128, ink. */
static bool is_no_paper(float x, float factor) { return x * factor > (float)PAPER_END - 0.5f; }
static bool is_ink(float x, float factor) { return x * factor >= (float)INK - 0.5f; }
static bool is_outside(float x, float top) { return !(x >= 0 && x <= top); } /* NaN too */

static size_t count_no_paper(float factor, size_t n, size_t step, const float *image) {
  uint32_t count = 0;
  for (size_t i = 0; i < n; i++) count += is_no_paper(image[i * step], factor);
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
  size_t bright;
  if (rows > 2 && columns > 2) {
    bright = count_no_paper(factor, columns, 1, image) +
             count_no_paper(factor, columns, 1, image + n - columns) +
             count_no_paper(factor, rows - 2, columns, image + columns) +
             count_no_paper(factor, rows - 2, columns, image + 2 * columns - 1);
  } else {
    bright = count_no_paper(factor, n, 1, image);
  }
  return decide(rows, columns, bright, ink);
}

static bool are_inside(float top, size_t n, const float *x) {
  uint32_t outside = 0;
  for (size_t i = 0; i < n; i++) outside += is_outside(x[i], top);
  return !outside;
}

/* Distance between the images of a batch that are looked at. */
static size_t stride_of(size_t count) { return (count + SAMPLE - 1) / SAMPLE; }

static bool are_enough(size_t like, size_t sampled) { return 10 * like >= 9 * sampled; }

bool od_are_mnist_like(size_t count, int h, int w, const uint8_t *images) {
  const size_t n = (size_t)h * (size_t)w, stride = stride_of(count);
  size_t like = 0, sampled = 0;
  for (size_t i = 0; i < count; i += stride, sampled++)
    like += od_is_mnist_like(h, w, images + i * n);
  return are_enough(like, sampled);
}

bool od_are_mnist_like_floats(size_t count, int h, int w, float top, const float *images) {
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
