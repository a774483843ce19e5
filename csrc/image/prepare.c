#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "image/image.h"
#include "image/limits.h"

enum {
  RESULT_SIDE = 28,
  /* the box that the digit is fitted into */
  DIGIT_SIDE = 20,
  /* larger pictures are first made this small */
  WORK_SIDE = 512,
  /* the copy in which paper is told from strokes */
  COARSE_SIDE = 64,
  /* the box in which thin strokes are thickened, and the most that needs */
  PEN_SIDE = 80,
  PEN_AREA = (PEN_SIDE + 16) * (PEN_SIDE + 16),
  LEVELS = 256,
  /* between ink and paper, in levels; below it there is no ink */
  LEAST_CONTRAST = 20
};

/* MNIST's thinner strokes, in pixels of the 20x20 box. */
static const double thin_stroke = 1.5;

/* The picture at work. `ink` ends as how much ink each pixel holds, 0 to 255. */
typedef struct picture {
  int h, w;
  size_t n;         /* h * w */
  int32_t *label;   /* (h, w), the component of each pixel, 0 for none */
  int32_t *stack;   /* (h, w), pixels yet to visit */
  float *smooth;    /* (h, w), a resized picture */
  uint8_t *ink;     /* (h, w) */
  uint8_t *other;   /* (h, w), for steps that need a second picture */
  uint8_t *between; /* (h, w), for steps that go by rows, then by columns */
} picture;

/* h, w made smaller, keeping the aspect ratio, so that neither is above `side`. */
static void limit_sides(int side, int *h, int *w) {
  const int longer = *h > *w ? *h : *w;
  if (longer <= side) return;
  *h = *h * side / longer > 0 ? *h * side / longer : 1;
  *w = *w * side / longer > 0 ? *w * side / longer : 1;
}

static void to_bytes(size_t n, const float *levels, uint8_t *bytes) {
  for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)(levels[i] + 0.5f);
}

/* The lowest level that `share` of the counted pixels do not exceed. */
static int quantile(const size_t *histogram, double share) {
  size_t all = 0, so_far = 0;
  for (int level = 0; level < LEVELS; level++) all += histogram[level];
  for (int level = 0; level < LEVELS; level++) {
    so_far += histogram[level];
    if (so_far > 0 && (double)so_far >= share * (double)all) return level;
  }
  return 0;
}

/* Makes ink the light side: paper is what most of the border shows, and ink is the
 * side of it to which the picture goes further. */
static void find_polarity(picture *work) {
  const int h = work->h, w = work->w;
  size_t border[LEVELS] = {0};
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++)
      if (y == 0 || x == 0 || y == h - 1 || x == w - 1) border[work->ink[y * w + x]]++;
  const int paper = quantile(border, 0.5);
  double darker = 0, lighter = 0;
  for (size_t i = 0; i < work->n; i++) {
    const int difference = work->ink[i] - paper;
    if (difference < 0)
      darker += difference * difference;
    else
      lighter += difference * difference;
  }
  if (darker > lighter)
    for (size_t i = 0; i < work->n; i++) work->ink[i] = (uint8_t)(255 - work->ink[i]);
}

/* The least (sign 1) or most (sign -1) of x (n, step apart) within `reach` of each
 * place, where there is any x. */
static void extreme_along(int n, int step, int reach, int sign, const uint8_t *x, uint8_t *result) {
  for (int i = 0; i < n; i++) {
    const int last = i + reach < n ? i + reach : n - 1;
    int best = x[i * step];
    for (int k = i - reach > 0 ? i - reach : 0; k <= last; k++)
      if (sign * x[k * step] < sign * best) best = x[k * step];
    result[i * step] = (uint8_t)best;
  }
}

/* The same over squares; `between` (h, w) is scratch. */
static void extreme_around(int h, int w, int reach, int sign, uint8_t *image, uint8_t *between) {
  for (int y = 0; y < h; y++) extreme_along(w, 1, reach, sign, image + y * w, between + y * w);
  for (int x = 0; x < w; x++) extreme_along(h, w, reach, sign, between + x, image + x);
}

/* Takes the paper's level away, which light and shadow change from place to place: what
 * is left of a coarse copy after a morphological opening that strokes do not survive. */
static od_status subtract_paper(picture *work, od_error *error) {
  uint8_t coarse[COARSE_SIDE * COARSE_SIDE], between[COARSE_SIDE * COARSE_SIDE];
  int h = work->h, w = work->w;
  limit_sides(COARSE_SIDE, &h, &w);
  od_status status = od_resize_gray(work->h, work->w, work->ink, h, w, work->smooth, error);
  if (status) return status;
  to_bytes((size_t)h * (size_t)w, work->smooth, coarse);
  const int reach = ((h > w ? h : w) + 4) / 5;
  extreme_around(h, w, reach, 1, coarse, between);
  extreme_around(h, w, reach, -1, coarse, between);
  status = od_resize_gray(h, w, coarse, work->h, work->w, work->smooth, error);
  if (status) return status;
  for (size_t i = 0; i < work->n; i++) {
    const float above = (float)work->ink[i] - work->smooth[i];
    work->ink[i] = above > 0 ? (uint8_t)(above + 0.5f) : 0;
  }
  return OD_OK;
}

/* What is known of a connected component of ink. */
typedef struct component {
  double mass;
  int border; /* its pixels on the picture's border */
} component;

/* Whether it comes in from outside, a neighbour or a table's edge, rather than being a
 * digit that fills its picture: it weighs less than what lies inside, or runs along a side. */
static bool is_intruder(const component *found, double inside, int side) {
  return found->border > 0 && (found->mass < inside || 2 * found->border > side);
}

/* Floods the component of pixel `start`, 8-connected and above `threshold`. */
static component flood(picture *work, int threshold, int32_t start, int32_t label) {
  const int h = work->h, w = work->w;
  component found = {0};
  int32_t waiting = 0;
  work->label[start] = label;
  work->stack[waiting++] = start;
  while (waiting > 0) {
    const int32_t pixel = work->stack[--waiting];
    const int y = pixel / w, x = pixel % w;
    found.mass += work->ink[pixel];
    found.border += y == 0 || x == 0 || y == h - 1 || x == w - 1;
    for (int ny = y > 0 ? y - 1 : 0; ny <= y + 1 && ny < h; ny++)
      for (int nx = x > 0 ? x - 1 : 0; nx <= x + 1 && nx < w; nx++) {
        const int32_t next = ny * w + nx;
        if (work->label[next] || work->ink[next] <= threshold) continue;
        work->label[next] = label;
        work->stack[waiting++] = next;
      }
  }
  return found;
}

/* Leaves only the digit's ink: no specks, nothing that comes in from outside as long as
 * there is something inside. A pixel beside the digit's keeps its faint ink. */
static od_status keep_digit(picture *work, int threshold, od_error *error) {
  const int h = work->h, w = work->w;
  int32_t count = 0;
  double largest = 0, inside = 0; /* the largest masses */
  component *found = od_allocate((size_t)((h + 1) / 2) * (size_t)((w + 1) / 2), sizeof *found);
  if (!found) return od_fail_memory(error, "the components of a picture");
  memset(work->label, 0, work->n * sizeof *work->label);
  for (int32_t i = 0; i < (int32_t)work->n; i++) {
    if (work->label[i] || work->ink[i] <= threshold) continue;
    found[count] = flood(work, threshold, i, count + 1);
    largest = fmax(largest, found[count].mass);
    if (!found[count].border) inside = fmax(inside, found[count].mass);
    count++;
  }
  if (inside >= 0.1 * largest) {
    largest = inside;
    for (int32_t i = 0; i < count; i++) {
      if (is_intruder(&found[i], inside, h < w ? h : w)) found[i].mass = 0;
      largest = fmax(largest, found[i].mass);
    }
  }
  memset(work->other, 0, work->n);
  for (size_t i = 0; i < work->n; i++) {
    if (!work->label[i]) continue;
    if (found[work->label[i] - 1].mass < 0.05 * largest)
      work->ink[i] = 0;
    else
      work->other[i] = 1;
  }
  extreme_around(h, w, 1, -1, work->other, work->between);
  for (size_t i = 0; i < work->n; i++)
    if (!work->other[i]) work->ink[i] = 0;
  od_release(found);
  return OD_OK;
}

/* The level that half of the pixels up to `threshold` do not exceed: bare paper. */
static int paper_level(const picture *work, int threshold) {
  size_t paper[LEVELS] = {0};
  for (size_t i = 0; i < work->n; i++) paper[work->ink[i]] += work->ink[i] <= threshold;
  return quantile(paper, 0.5);
}

/* Stretches paper to 0 and full ink to 255; false when there is no ink. */
static bool stretch(picture *work, int paper, int threshold) {
  size_t ink[LEVELS] = {0};
  for (size_t i = 0; i < work->n; i++) ink[work->ink[i]] += work->ink[i] > threshold;
  const int contrast = quantile(ink, 0.75) - paper;
  if (contrast < LEAST_CONTRAST) return false;
  for (size_t i = 0; i < work->n; i++) {
    const int level = (work->ink[i] - paper) * 255 / contrast;
    work->ink[i] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
  }
  return true;
}

typedef struct rectangle {
  int top, left, h, w;
} rectangle;

/* The box around all ink; there is some. */
static rectangle bounding_box(const picture *work) {
  int top = work->h, left = work->w, bottom = -1, right = -1;
  for (int y = 0; y < work->h; y++)
    for (int x = 0; x < work->w; x++) {
      if (!work->ink[y * work->w + x]) continue;
      top = y < top ? y : top;
      left = x < left ? x : left;
      bottom = y > bottom ? y : bottom;
      right = x > right ? x : right;
    }
  return (rectangle){top, left, bottom - top + 1, right - left + 1};
}

/* Twice the area over the outline: the width of strokes, in pixels. */
static double stroke_width(const picture *work) {
  size_t area = 0, edges = 0;
  for (int y = 0; y < work->h; y++)
    for (int x = 0; x < work->w; x++) {
      const uint8_t *here = work->ink + y * work->w + x;
      const bool is_ink = *here >= 128;
      area += is_ink;
      edges += is_ink && x == 0;
      edges += is_ink && y == 0;
      edges += is_ink != (x + 1 < work->w && here[1] >= 128);
      edges += is_ink != (y + 1 < work->h && here[work->w] >= 128);
    }
  return edges ? 2.0 * (double)area / (double)edges : 0;
}

/* The box's part of the picture, fitted into side x side: work->smooth (h, w). */
static od_status fit_box(picture *work, rectangle box, int side, int *h, int *w, od_error *error) {
  const int longer = box.h > box.w ? box.h : box.w;
  for (int y = 0; y < box.h; y++)
    memcpy(work->other + y * box.w, work->ink + (box.top + y) * work->w + box.left, (size_t)box.w);
  *h = (int)fmax(1, round((double)box.h * side / longer));
  *w = (int)fmax(1, round((double)box.w * side / longer));
  return od_resize_gray(box.h, box.w, work->other, *h, *w, work->smooth, error);
}

/* A thin pen in a large picture would leave next to nothing in 28x28: thickens strokes to
 * what MNIST's thinner ones have. Gives the box of the result. */
static od_status thicken(picture *work, rectangle *box, od_error *error) {
  const int longer = box->h > box->w ? box->h : box->w;
  const double width = stroke_width(work) * PEN_SIDE / longer;
  const int reach = (int)((thin_stroke * PEN_SIDE / DIGIT_SIDE - width) / 2 + 0.5);
  if (reach < 1) return OD_OK;
  int h, w;
  const od_status status = fit_box(work, *box, PEN_SIDE, &h, &w, error);
  if (status) return status;
  work->h = h + 2 * reach;
  work->w = w + 2 * reach;
  work->n = (size_t)work->h * (size_t)work->w;
  memset(work->ink, 0, work->n);
  for (int y = 0; y < h; y++)
    to_bytes((size_t)w, work->smooth + y * w, work->ink + (y + reach) * work->w + reach);
  extreme_around(work->h, work->w, reach, -1, work->ink, work->between);
  *box = bounding_box(work);
  return OD_OK;
}

/* Puts digit (h, w), levels 0 to 255, into result (28, 28) with its centre of mass on pixel
 * (14, 14), as MNIST has it, or as near as the digit fits. */
static void centre(int h, int w, const float *digit, float *result) {
  double mass = 0, down = 0, right = 0;
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      const double ink = digit[y * w + x];
      mass += ink;
      down += ink * y;
      right += ink * x;
    }
  const int top = (int)fmin(fmax(round(RESULT_SIDE / 2 - down / mass), 0), RESULT_SIDE - h);
  const int left = (int)fmin(fmax(round(RESULT_SIDE / 2 - right / mass), 0), RESULT_SIDE - w);
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) result[(top + y) * RESULT_SIDE + left + x] = digit[y * w + x] / 255;
}

static od_status prepare(picture *work, float *result, od_error *error) {
  find_polarity(work);
  od_status status = subtract_paper(work, error);
  if (status) return status;
  const int threshold = od_otsu_threshold(work->n, work->ink);
  const int paper = paper_level(work, threshold);
  status = keep_digit(work, threshold, error);
  if (status || !stretch(work, paper, threshold)) return status;
  rectangle box = bounding_box(work);
  status = thicken(work, &box, error);
  if (status) return status;
  int h, w;
  status = fit_box(work, box, DIGIT_SIDE, &h, &w, error);
  if (!status) centre(h, w, work->smooth, result);
  return status;
}

od_status od_prepare_digit(int h, int w, const uint8_t *image, float *result, od_error *error) {
  od_status status = od_check_sides("image", h, w, error);
  if (status) return status;
  picture work = {.h = h, .w = w};
  limit_sides(WORK_SIDE, &work.h, &work.w);
  work.n = (size_t)work.h * (size_t)work.w;
  const size_t most = work.n > PEN_AREA ? work.n : PEN_AREA;
  work.label = od_allocate(most, 2 * sizeof *work.label + sizeof *work.smooth + 3);
  if (!work.label) return od_fail_memory(error, "preparing a picture");
  work.stack = work.label + most;
  work.smooth = (float *)(work.stack + most);
  work.ink = (uint8_t *)(work.smooth + most);
  work.other = work.ink + most;
  work.between = work.other + most;
  memset(result, 0, RESULT_SIDE * RESULT_SIDE * sizeof *result);
  status = od_resize_gray(h, w, image, work.h, work.w, work.smooth, error);
  if (!status) {
    to_bytes(work.n, work.smooth, work.ink);
    status = prepare(&work, result, error);
  }
  od_release(work.label);
  return status;
}
