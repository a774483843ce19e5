#include "digit/preprocess.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "image/bit_rows.h"
#include "image/limits.h"
#include "digit/component_selection.h"
#include "digit/components.h"
#include "digit/foreground.h"
#include "digit/resample.h"
#include "digit/ruling_lines.h"
#include "digit/stroke_width.h"
#include "digit/box_sides.h"

enum {
  WORK_SIDE = 128,       /* larger images are reduced to this */
  MAX_PADDING = 20,      /* pixels of background added at each side of a tight crop */
  MAX_SIDE = 192,        /* of a reduced image with padding, rounded up to whole words of bits */
  RULING_LINE_SLACK = 2, /* pixels at each end where a ruling line may be too thick or too faint */
  SHADE = 40,            /* foreground levels from here on, and up to 255 - SHADE, may be shades */
  MAX_DILATION = 5       /* radius: half a thin stroke's width in a digit of WORK_SIDE pixels */
};

/* With so many parts, means of integers are exact. */
static const uint64_t parts = (uint64_t)1 << 40;

/* Minimum height of a digit in an image that it fills, as a proportion. */
static const double min_digit_height = 0.9;

/* Width of MNIST's thinner strokes, in pixels of the 20x20 box. */
static const double thin_stroke = 1.5;

/* Range of the background, in contrasts, above which the light is uneven. */
static const double max_unevenness = 0.5;

/* The position of a result in an image, as in od_preprocess_steps. */
typedef struct position {
  double left, top, side;
} position;

/* The image being processed. */
typedef struct work {
  od_image_workspace *workspace;
  int h, w;
  size_t n;            /* h * w */
  uint8_t *gray;       /* (h, w) */
  uint8_t *background; /* (h, w) */
  uint8_t *foreground; /* (h, w) */
  uint8_t *digit;      /* (h, w), the foreground of the digit alone */
  uint8_t *scratch;    /* (h, w) */
  od_foreground_components components;
  bool keep[OD_MAX_DIGIT_COMPONENTS];
  bool has_lines;       /* box sides or ruling lines were removed */
  bool has_long_stroke; /* of the digit, from side to side */
  bool is_uneven;       /* the light is */
  int padding;          /* pixels added at each side */
} work;

/* A part of the original image; `stride` is the distance of its rows. */
typedef struct source {
  int h, w, stride;
  const uint8_t *pixels;
} source;

/* ---- reduction ---- */

static int reduction_factor(const source *from) {
  return (od_max(from->h, from->w) + WORK_SIDE - 1) / WORK_SIDE;
}

/* sums (n) += row (n) */
static void add_row(int n, const uint8_t *restrict row, uint16_t *restrict sums) {
  for (int x = 0; x < n; x++) sums[x] = (uint16_t)(sums[x] + row[x]);
}

/* gray (h, w) = the means of squares of factor x factor pixels, or of the part inside the image.
 * Columns are summed first; a factor is at most 128, so the sums fit into 16 bits. */
static void reduce(const source *from, work *w) {
  const int factor = reduction_factor(from);
  const int rows = od_min(factor, from->h), columns = od_min(factor, from->w);
  const uint64_t area = (uint64_t)(rows * columns), inverse = (parts + area - 1) / area;
  uint16_t sums[OD_MAX_IMAGE_SIDE];
  for (int y = 0; y < w->h; y++) {
    const uint8_t *row = from->pixels + (size_t)(y * factor) * (size_t)from->stride;
    uint8_t *gray = w->gray + y * w->w;
    if (rows == 2 && columns == 2) {
      w->workspace->kernels->image.halve((size_t)w->w, row, row + from->stride, gray);
      continue;
    }
    memset(sums, 0, (size_t)(w->w * columns) * sizeof *sums);
    for (int i = 0; i < rows; i++)
      add_row(w->w * columns, row + (size_t)i * (size_t)from->stride, sums);
    for (int x = 0; x < w->w; x++) {
      uint64_t sum = area / 2;
      for (int j = 0; j < columns; j++) sum += sums[x * columns + j];
      gray[x] = (uint8_t)(sum * inverse / parts); /* exact: sum < 2^23, area <= 2^14 */
    }
  }
}

/* ---- the digit's foreground ---- */

static od_status find_components(work *w, od_error *error) {
  return od_find_foreground_components(w->workspace, w->h, w->w, w->foreground, 1,
                                       OD_MAX_DIGIT_COMPONENTS, &w->components, error);
}

/* Remove the ruling lines that run from side to side; shorter ones belong to the digit, as the base
 * of a 2 in a narrow image. A component that touches both sides and is nearly as high as the image
 * is not a ruling line but a digit cropped without a margin; a vertical one is a ruling line only
 * beside other components, as it may be a 1. */
static od_status remove_ruling_lines(work *w, od_error *error) {
  const double width = od_stroke_width(w->workspace->kernels, w->h, w->w, w->foreground);
  od_ruling_line_limits limits = {od_max(3, (int)(1.4 * width + 0.5)), 0, 0};
  for (int k = 0; k < w->components.count; k++) {
    const od_foreground_component *c = &w->components.items[k];
    const bool full_width = c->left == 0 && c->right == w->w;
    const bool full_height = c->top == 0 && c->bottom == w->h;
    const bool is_high = c->bottom - c->top >= min_digit_height * w->h;
    if (full_width && !is_high && !w->has_long_stroke)
      limits.min_horizontal = w->w - 2 * RULING_LINE_SLACK;
    if (full_height && !full_width && w->components.count > 1)
      limits.min_vertical = w->h - 2 * RULING_LINE_SLACK;
  }
  bool found;
  const od_status status =
      od_remove_ruling_lines(w->workspace, w->h, w->w, w->foreground, limits, &found, error);
  if (status || !found) return status;
  w->has_lines = true;
  od_foreground_components_release(&w->components);
  return find_components(w, error);
}

/* mask (h, w): 255 for the pixels of the selected components, else 0. */
static void mark_selected(const work *w, uint8_t *mask) {
  uint8_t of_label[1 + OD_MAX_DIGIT_COMPONENTS] = {0};
  for (int k = 0; k < w->components.count; k++) of_label[1 + k] = w->keep[k] ? 255 : 0;
  for (size_t i = 0; i < w->n; i++) mask[i] = of_label[w->components.labels[i]];
}

/* digit (n) = the foreground of the selected pixels, and weak foreground that touches them.
 * `above`, `mask` and `below` are three rows (n) of the mask. */
static void cut_out_row(int n, const uint8_t *above, const uint8_t *mask, const uint8_t *below,
                        const uint8_t *foreground, uint8_t *digit) {
  uint8_t line[MAX_SIDE + 2], *near = line + 1;
  for (int x = 0; x < n; x++) near[x] = above[x] | mask[x] | below[x];
  near[-1] = near[n] = 0;
  for (int x = 0; x < n; x++) {
    const uint8_t weak = foreground[x] < OD_FOREGROUND_WEAK ? 255 : 0;
    digit[x] = foreground[x] & (mask[x] | ((near[x - 1] | near[x] | near[x + 1]) & weak));
  }
}

/* digit = the foreground of the selected components, with their anti-aliased edges. */
static void cut_out(work *w) {
  const int n = w->w;
  const uint8_t *mask = w->scratch;
  mark_selected(w, w->scratch);
  for (int y = 0; y < w->h; y++)
    cut_out_row(n, mask + od_max(y - 1, 0) * n, mask + y * n, mask + od_min(y + 1, w->h - 1) * n,
                w->foreground + y * n, w->digit + y * n);
}

/* Whether much of the foreground is a shade: intermediate levels that hardly change. */
static bool is_shaded(const work *w) {
  int shade = 0, all = 0;
  for (int y = 0; y < w->h - 2; y += 4) {
    const uint8_t *row = w->foreground + y * w->w, *below = row + 2 * w->w;
    for (int x = 0; x < w->w - 2; x += 2) {
      const int level = row[x];
      if (level < SHADE) continue;
      all++;
      shade += level < 255 - SHADE && abs(level - row[x + 2]) < SHADE / 2 &&
               abs(level - below[x]) < SHADE / 2;
    }
  }
  return 4 * shade > all;
}

/* Whether the level of the background varies by a large part of the contrast. */
static bool is_uneven(const work *w, const od_foreground_stats *stats) {
  uint8_t min = 255, max = 0;
  for (size_t i = 0; i < w->n; i++) {
    min = w->background[i] < min ? w->background[i] : min;
    max = w->background[i] > max ? w->background[i] : max;
  }
  return max - min > max_unevenness * stats->contrast;
}

/* Find the foreground in a window wider than any stroke; or in a smaller one, over which the light
 * varies less, where the light is uneven. */
static od_status find_foreground(work *w, od_error *error) {
  const int longer = od_max(w->h, w->w);
  od_foreground_maps maps = {.foreground = w->foreground, .background = w->background};
  od_foreground_stats stats;
  od_status status = od_find_foreground(w->workspace, w->h, w->w, w->gray,
                                        od_max(4, 6 * longer / 10), &maps, &stats, error);
  w->is_uneven = !status && stats.contrast > 0 && (is_uneven(w, &stats) || is_shaded(w));
  if (!w->is_uneven) return status;
  maps.has_steps = true;
  maps.polarity = stats.dark ? OD_DARK_FOREGROUND : OD_LIGHT_FOREGROUND;
  return od_find_foreground(w->workspace, w->h, w->w, w->gray, od_max(4, 2 * longer / 10), &maps,
                            &stats, error);
}

/* Find the digit's foreground; without any, w->components.count is 0. */
static od_status isolate(work *w, od_error *error) {
  memset(w->digit, 0, w->n);
  od_status status = find_foreground(w, error);
  if (status) return status;
  w->has_lines = false;
  w->has_long_stroke = false;
  if (!w->padding)
    w->has_lines = od_remove_box_sides(w->h, w->w, w->foreground, &w->has_long_stroke);
  status = find_components(w, error);
  if (!status) status = remove_ruling_lines(w, error);
  if (status || w->components.count == 0) return status;
  od_select_digit_components(&w->components, w->h, w->w, w->keep);
  cut_out(w);
  return OD_OK;
}

/* Isolate the digit of a part of the original image, reduced to WORK_SIDE. */
static od_status isolate_part(const source *from, work *w, od_error *error) {
  const int factor = reduction_factor(from);
  od_foreground_components_release(&w->components);
  w->h = od_max(1, from->h / factor);
  w->w = od_max(1, from->w / factor);
  w->n = (size_t)w->h * (size_t)w->w;
  w->padding = 0;
  reduce(from, w);
  return isolate(w, error);
}

/* ---- tight crops ---- */

static bool is_foreground(const work *w, int y, int x) {
  return w->foreground[y * w->w + x] >= OD_FOREGROUND_WEAK;
}

/* Whether the image is a crop without a margin: much of it, or of its border, is foreground, and no
 * box sides or ruling lines. */
static bool is_tight(const work *w) {
  int area = 0, border = 0;
  if (w->has_lines || w->is_uneven) return false;
  for (size_t i = 0; i < w->n; i++) area += w->foreground[i] >= OD_FOREGROUND_WEAK;
  for (int x = 0; x < w->w; x++) border += is_foreground(w, 0, x) + is_foreground(w, w->h - 1, x);
  for (int y = 0; y < w->h; y++) border += is_foreground(w, y, 0) + is_foreground(w, y, w->w - 1);
  return 10 * area > 3 * (int)w->n || 10 * border > 2 * (w->h + w->w);
}

/* Add a margin of the level of the background around the image. */
static void pad(work *w) {
  const int padding = od_min(MAX_PADDING, od_max(w->h, w->w) / 8 + 2);
  const int padded_h = w->h + 2 * padding, padded_w = w->w + 2 * padding;
  for (int y = 0; y < padded_h; y++) {
    const int from = od_max(0, od_min(w->h - 1, y - padding)) * w->w;
    uint8_t *row = w->scratch + y * padded_w;
    memset(row, w->background[from], (size_t)padding);
    memcpy(row + padding, from == (y - padding) * w->w ? w->gray + from : w->background + from,
           (size_t)w->w);
    memset(row + padding + w->w, w->background[from + w->w - 1], (size_t)padding);
  }
  w->h = padded_h;
  w->w = padded_w;
  w->n = (size_t)padded_h * (size_t)padded_w;
  w->padding = padding;
  memcpy(w->gray, w->scratch, w->n);
}

/* Isolate the digit of a tight crop again, with a margin. */
static od_status isolate_padded(work *w, od_error *error) {
  od_foreground_components_release(&w->components);
  pad(w);
  return isolate(w, error);
}

/* ---- to 28x28 ---- */

/* The bounding box of the digit, which has foreground. */
static od_foreground_component bounding_box(const work *w) {
  od_foreground_component box = {w->w, w->h, 0, 0, 0, 0, 0, 0};
  uint64_t row[MAX_SIDE / 64], all[MAX_SIDE / 64] = {0};
  for (int y = 0; y < w->h; y++) {
    uint64_t any = 0;
    w->workspace->kernels->image.threshold_bits((size_t)w->w, w->digit + y * w->w, 1, row);
    for (size_t i = 0; i < od_bit_words(w->w); i++) {
      all[i] |= row[i];
      any |= row[i];
    }
    if (!any) continue;
    box.top = od_min(box.top, y);
    box.bottom = y + 1;
  }
  for (int i = 0; i < MAX_SIDE / 64; i++) {
    if (!all[i]) continue;
    box.left = od_min(box.left, 64 * i + __builtin_ctzll(all[i]));
    box.right = 64 * (i + 1) - __builtin_clzll(all[i]);
  }
  return box;
}

static int longer_side(od_foreground_component box) {
  return od_max(box.right - box.left, box.bottom - box.top);
}

/* Reduce `from` to the digit's part of the image, with a margin, if that gives a better resolution;
 * return whether it does. */
static bool zoom_in(const work *w, source *from) {
  const int factor = reduction_factor(from);
  const od_foreground_component box = bounding_box(w);
  const int longer = longer_side(box);
  if (factor == 1 || 2 * longer > WORK_SIDE) return false;
  const int margin = longer / 3 + 2;
  const int left = od_max(0, box.left - margin) * factor,
            top = od_max(0, box.top - margin) * factor;
  from->w = od_min(from->w, (box.right + margin) * factor) - left;
  from->h = od_min(from->h, (box.bottom + margin) * factor) - top;
  from->pixels += (size_t)top * (size_t)from->stride + (size_t)left;
  return true;
}

/* Dilate digit (h, w) by a square of 2 radius + 1 pixels, in place. */
static void dilate(work *w, int radius) {
  const od_image_kernels *kernels = &w->workspace->kernels->image;
  const size_t bytes = (size_t)w->w, count = (size_t)(2 * radius + 1);
  uint8_t line[MAX_SIDE + 2 * MAX_DILATION] = {0};
  const uint8_t *rows[2 * MAX_DILATION + 1];
  for (size_t k = 0; k < count; k++) rows[k] = line + k;
  for (int y = 0; y < w->h; y++) {
    memcpy(line + radius, w->digit + y * w->w, bytes);
    kernels->max_of_rows(bytes, count, rows, w->scratch + y * w->w);
  }
  for (int y = 0; y < w->h; y++) {
    size_t near = 0;
    for (int k = od_max(y - radius, 0); k <= od_min(y + radius, w->h - 1); k++)
      rows[near++] = w->scratch + k * w->w;
    kernels->max_of_rows(bytes, near, rows, w->digit + y * w->w);
  }
}

/* Thicken the strokes to those of MNIST's thinner digits; otherwise the thin strokes of a large
 * image would almost vanish in 28x28. */
static void thicken(work *w) {
  const int longer = longer_side(bounding_box(w));
  const double width = od_stroke_width(w->workspace->kernels, w->h, w->w, w->digit);
  const int radius = (int)((thin_stroke * longer / OD_DIGIT_BOX - width) / 2 + 0.5);
  if (radius >= 1) dilate(w, od_min(radius, MAX_DILATION));
}

/* Copy digit (h, w), 0 to 1, in rows of OD_DIGIT_BOX, to (*x0, *y0) of result (28, 28), so that
 * its centre of mass is on pixel (14, 14), as in MNIST, or as near as the digit fits. */
static void centre(int h, int w, const float *digit, float *result, int *x0, int *y0) {
  enum { SIDE = OD_DIGIT_SIDE };
  double mass = 0, sum_y = 0, sum_x = 0;
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      const double level = (double)digit[y * OD_DIGIT_BOX + x];
      mass += level;
      sum_y += level * y;
      sum_x += level * x;
    }
  const int top = (int)fmin(fmax(round(SIDE / 2 - sum_y / mass), 0), SIDE - h);
  const int left = (int)fmin(fmax(round(SIDE / 2 - sum_x / mass), 0), SIDE - w);
  for (int y = 0; y < h; y++)
    memcpy(result + (top + y) * SIDE + left, digit + y * OD_DIGIT_BOX, (size_t)w * sizeof *result);
  *x0 = left;
  *y0 = top;
}

/* Fit the digit into result (28, 28), with 20 pixels for the longer side of its box. Return the
 * position of the result in the processed image. */
static position fit(const work *w, float *result) {
  const od_foreground_component box = bounding_box(w);
  const double ratio = (double)longer_side(box) / OD_DIGIT_BOX;
  const int digit_h = (int)ceil((box.bottom - box.top) / ratio - 1e-6);
  const int digit_w = (int)ceil((box.right - box.left) / ratio - 1e-6);
  float weights[2 * (MAX_SIDE + 4 * OD_DIGIT_SIDE)], digit[OD_DIGIT_BOX * OD_DIGIT_BOX];
  od_resample_axis rows, columns;
  od_resample_fill(box.top, ratio, w->h, weights, &rows);
  od_resample_fill(box.left, ratio, w->w, weights + od_resample_max_weights(w->h), &columns);
  for (int i = 0; i < digit_h; i++) {
    float row[MAX_SIDE] = {0};
    for (int k = 0; k < rows.count[i]; k++) {
      const uint8_t *from = w->digit + (rows.first[i] + k) * w->w;
      for (int x = box.left; x < box.right; x++) row[x] += rows.weights[i][k] * (float)from[x];
    }
    for (int j = 0; j < digit_w; j++) {
      float sum = 0;
      for (int k = 0; k < columns.count[j]; k++)
        sum += columns.weights[j][k] * row[columns.first[j] + k];
      digit[i * OD_DIGIT_BOX + j] = sum > 255 ? 1 : sum / 255;
    }
  }
  int x0, y0;
  centre(digit_h, digit_w, digit, result, &x0, &y0);
  return (position){box.left - x0 * ratio, box.top - y0 * ratio, ratio};
}

/* ---- all steps ---- */

/* Fill result (28, 28), which is all 0, and its position in the original image. */
static od_status run(source from, work *w, float *result, position *where, od_error *error) {
  const uint8_t *pixels = from.pixels;
  od_status status = isolate_part(&from, w, error);
  if (!status && w->components.count && zoom_in(w, &from)) status = isolate_part(&from, w, error);
  if (!status && w->components.count && is_tight(w)) status = isolate_padded(w, error);
  if (status || !w->components.count) return status;
  thicken(w);
  *where = fit(w, result);
  const double factor = reduction_factor(&from);
  const ptrdiff_t skipped = from.pixels - pixels;
  where->left = factor * (where->left - w->padding) + (double)(skipped % from.stride);
  where->top = factor * (where->top - w->padding) + (double)(skipped / from.stride);
  where->side *= factor;
  return OD_OK;
}

static od_status copy_steps(const work *w, position where, od_preprocess_steps *steps,
                            od_error *error) {
  steps->gray = od_allocate(4 * w->n, 1);
  if (!steps->gray) return od_fail_memory(error, "the steps of preprocessing an image");
  steps->h = w->h;
  steps->w = w->w;
  steps->background = steps->gray + w->n;
  steps->foreground = steps->background + w->n;
  steps->digit = steps->foreground + w->n;
  memcpy(steps->gray, w->gray, w->n);
  memcpy(steps->background, w->background, w->n);
  memcpy(steps->foreground, w->foreground, w->n);
  memcpy(steps->digit, w->digit, w->n);
  steps->left = where.left;
  steps->top = where.top;
  steps->side = where.side;
  return OD_OK;
}

void od_preprocess_steps_release(od_preprocess_steps *steps) {
  od_release(steps->gray);
  *steps = (od_preprocess_steps){0};
}

od_status od_preprocess_digit(od_image_workspace *workspace, int h, int w, int stride,
                              const uint8_t *image, od_preprocess_steps *steps, float *result,
                              od_error *error) {
  od_status status = od_check_sides("image", h, w, error);
  if (status) return status;
  work state = {.workspace = workspace};
  const size_t room = (size_t)(od_min(h, WORK_SIDE) + 2 * MAX_PADDING) *
                      (size_t)(od_min(w, WORK_SIDE) + 2 * MAX_PADDING);
  state.gray = od_allocate(room, 5);
  if (!state.gray) return od_fail_memory(error, "preprocessing an image");
  state.background = state.gray + room;
  state.foreground = state.background + room;
  state.digit = state.foreground + room;
  state.scratch = state.digit + room;
  memset(result, 0, OD_DIGIT_SIDE * OD_DIGIT_SIDE * sizeof *result);
  position where = {0, 0, 0};
  status = run((source){h, w, stride, image}, &state, result, &where, error);
  if (!status && steps) status = copy_steps(&state, where, steps, error);
  od_foreground_components_release(&state.components);
  od_release(state.gray);
  return status;
}
