#include "digit/preprocess.h"

#include <math.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "image/bit_rows.h"
#include "image/image.h"
#include "digit/foreground.h"
#include "image/limits.h"
#include "digit/ruling_lines.h"
#include "digit/components.h"
#include "digit/window.h"

enum {
  RESULT_SIDE = OD_WINDOW_SIDE,
  /* larger pictures are first made this small */
  WORK_SIDE = 128,
  /* strokes that are looked at, the heaviest ones */
  MOST_STROKES = 64,
  /* of a rule, so many pixels before a side may be too thick or too faint to be taken for one */
  RULE_START = 2,
  /* strokes are thickened by no more to each side: half of a thin one's width, were the digit as
   * large as the picture at work */
  MOST_REACH = 5
};

/* In so many shares, means of pixels are exact. */
static const uint64_t shares = (uint64_t)1 << 40;

/* MNIST's thinner strokes, in pixels of the 20x20 box. */
static const double thin_stroke = 1.5;

/* Where a picture of other pixels lies in this one, as in od_preprocess_steps. */
typedef struct place {
  double left, top, side;
} place;

/* The picture at work. */
typedef struct picture {
  od_image_workspace *imaging;
  int h, w;
  size_t n;       /* h * w */
  uint8_t *gray;  /* (h, w) */
  uint8_t *paper; /* (h, w) */
  uint8_t *ink;   /* (h, w) */
  uint8_t *digit; /* (h, w), the ink of the digit alone */
  uint8_t *other; /* (h, w), for steps that need a second picture */
  od_foreground_components strokes;
  bool keep[MOST_STROKES];
} picture;

/* A part of the picture that was handed in; `stride` is that picture's width. */
typedef struct source {
  int h, w, stride;
  const uint8_t *pixels;
} source;

static int shrink_factor(const source *from) {
  return (od_max(from->h, from->w) + WORK_SIDE - 1) / WORK_SIDE;
}

/* Adds row (n) to sums (n) down its columns. */
static void add_row(int n, const uint8_t *restrict row, uint16_t *restrict sums) {
  for (int x = 0; x < n; x++) sums[x] = (uint16_t)(sums[x] + row[x]);
}

/* The means of squares of pixels, or of what there is of them: gray (work h, work w). Down the
 * columns first; a factor has at most 128 rows, so that sums fit 16 bits. */
static void shrink(const source *from, picture *work) {
  const int factor = shrink_factor(from);
  const int tall = od_min(factor, from->h), wide = od_min(factor, from->w);
  const uint64_t area = (uint64_t)(tall * wide), inverse = (shares + area - 1) / area;
  uint16_t sums[OD_MAX_IMAGE_SIDE];
  for (int y = 0; y < work->h; y++) {
    const uint8_t *rows = from->pixels + (size_t)(y * factor) * (size_t)from->stride;
    uint8_t *gray = work->gray + y * work->w;
    if (tall == 2 && wide == 2) {
      work->imaging->kernels->image.halve((size_t)work->w, rows, rows + from->stride, gray);
      continue;
    }
    memset(sums, 0, (size_t)(work->w * wide) * sizeof *sums);
    for (int i = 0; i < tall; i++)
      add_row(work->w * wide, rows + (size_t)i * (size_t)from->stride, sums);
    for (int x = 0; x < work->w; x++) {
      uint64_t sum = area / 2;
      for (int j = 0; j < wide; j++) sum += sums[x * wide + j];
      gray[x] = (uint8_t)(sum * inverse / shares); /* exact: sum < 2^23, area <= 2^14 */
    }
  }
}

static od_status find_strokes(picture *work, od_error *error) {
  return od_find_foreground_components(work->imaging, work->h, work->w, work->ink, 1, MOST_STROKES,
                         &work->strokes, error);
}

/* ---- rules ---- */

static bool reaches_across(const picture *work, const od_foreground_component *stroke) {
  return stroke->left == 0 && stroke->right == work->w;
}

static bool reaches_down(const picture *work, const od_foreground_component *stroke) {
  return stroke->top == 0 && stroke->bottom == work->h;
}

/* Takes out the rules that run from side to side. What ends before a side is the digit's own, as
 * the base of a two in a narrow picture. A stroke that reaches all sides is no rule but a digit
 * cut out without a margin; an upright one is a rule only beside other ink, as it may be a one. */
static od_status erase_rules(picture *work, od_error *error) {
  const double pen = od_stroke_width(work->imaging->kernels, work->h, work->w, work->ink);
  od_ruling_line_limits limits = {od_max(3, (int)(1.4 * pen + 0.5)), 0, 0};
  for (int k = 0; k < work->strokes.count; k++) {
    const od_foreground_component *stroke = &work->strokes.of[k];
    const bool across = reaches_across(work, stroke), down = reaches_down(work, stroke);
    if (across && !down) limits.least_level = work->w - 2 * RULE_START;
    if (down && !across && work->strokes.count > 1) limits.least_upright = work->h - 2 * RULE_START;
  }
  bool found;
  const od_status status =
      od_remove_ruling_lines(work->imaging, work->h, work->w, work->ink, limits, &found, error);
  if (status || !found) return status;
  od_foreground_components_release(&work->strokes);
  return find_strokes(work, error);
}

/* ---- the digit's strokes ---- */

/* The stroke that is the digit, or most of it: heavy and near the middle. */
static int main_stroke(const picture *work) {
  int best = -1;
  double most_weight = 0;
  for (int k = 0; k < work->strokes.count; k++) {
    const od_foreground_component *stroke = &work->strokes.of[k];
    const double across = (double)stroke->across / stroke->area / work->w - 0.5;
    const double down = 0.5 * (stroke->top + stroke->bottom) / work->h - 0.5;
    const double apart = 2 * fabs(across) + fabs(down);
    const double weight = stroke->mass * exp(-2 * apart * apart);
    if (best < 0 || weight > most_weight) {
      best = k;
      most_weight = weight;
    }
  }
  return best;
}

/* Whether `part` is another stroke of the digit that has the box of `whole`: not a speck, a
 * dot beside it, a neighbour's end or a rule that come in from outside. */
static bool belongs(const picture *work, const od_foreground_component *part, const od_foreground_component *whole) {
  const int wide = part->right - part->left, tall = part->bottom - part->top;
  const int whole_wide = whole->right - whole->left, whole_tall = whole->bottom - whole->top;
  const int shared = od_max(0, od_min(part->right, whole->right) - od_max(part->left, whole->left));
  const int gap = od_max(0, od_max(part->left - whole->right, whole->left - part->right));
  const bool at_side = part->left == 0 || part->right == work->w;
  const bool at_end = part->top == 0 || part->bottom == work->h;
  if (33 * part->mass < whole->mass) return false;
  if (at_side && (shared < wide || 2 * part->mass < whole->mass)) return false;
  if (at_end && (at_side || (10 * tall < 3 * whole_tall && (wide > 2 * tall || shared < wide))))
    return false;
  if (20 * gap > 3 * od_max(whole_wide, whole_tall)) return false;
  const bool is_low = part->top + part->bottom > 2 * whole->top + 6 * whole_tall / 5;
  return !(is_low && 10 * shared < 3 * wide && 10 * tall < 3 * whole_tall);
}

/* Marks the digit's strokes, heaviest first, as each widens the box of the whole. */
static void choose_strokes(picture *work) {
  const int count = work->strokes.count;
  bool seen[MOST_STROKES] = {false};
  memset(work->keep, 0, sizeof work->keep);
  int next = main_stroke(work);
  od_foreground_component whole = work->strokes.of[next];
  work->keep[next] = seen[next] = true;
  for (int turn = 1; turn < count; turn++) {
    next = -1;
    for (int k = 0; k < count; k++)
      if (!seen[k] && (next < 0 || work->strokes.of[k].mass > work->strokes.of[next].mass))
        next = k;
    seen[next] = true;
    const od_foreground_component *part = &work->strokes.of[next];
    if (!belongs(work, part, &whole)) continue;
    work->keep[next] = true;
    whole.left = od_min(whole.left, part->left);
    whole.top = od_min(whole.top, part->top);
    whole.right = od_max(whole.right, part->right);
    whole.bottom = od_max(whole.bottom, part->bottom);
  }
}

/* Which pixels are of the chosen strokes: 255 or 0. kept (h, w). */
static void mark_kept(const picture *work, uint8_t *kept) {
  uint8_t of_label[1 + MOST_STROKES] = {0};
  for (int k = 0; k < work->strokes.count; k++) of_label[1 + k] = work->keep[k] ? 255 : 0;
  for (size_t i = 0; i < work->n; i++) kept[i] = of_label[work->strokes.label[i]];
}

/* What is kept of a row (n) and of those beside it; digit (n) gets the ink of what is kept here,
 * and the faint ink of what is near. */
static void cut_out_row(int n, const uint8_t *above, const uint8_t *kept, const uint8_t *below,
                        const uint8_t *ink, uint8_t *digit) {
  uint8_t line[WORK_SIDE + 2], *near = line + 1;
  for (int x = 0; x < n; x++) near[x] = above[x] | kept[x] | below[x];
  near[-1] = near[n] = 0;
  for (int x = 0; x < n; x++) {
    const uint8_t faint = ink[x] < OD_FOREGROUND_WEAK ? 255 : 0;
    digit[x] = ink[x] & (kept[x] | ((near[x - 1] | near[x] | near[x + 1]) & faint));
  }
}

/* The ink of the chosen strokes, and the faint ink of the pixels around them. */
static void cut_out(picture *work) {
  const int w = work->w;
  const uint8_t *kept = work->other;
  mark_kept(work, work->other);
  for (int y = 0; y < work->h; y++)
    cut_out_row(w, kept + od_max(y - 1, 0) * w, kept + y * w, kept + od_min(y + 1, work->h - 1) * w,
                work->ink + y * w, work->digit + y * w);
}

/* ---- into 28x28 ---- */

/* The box around all ink of the digit; there is some. */
static od_foreground_component bounding_box(const picture *work) {
  od_foreground_component box = {work->w, work->h, 0, 0, 0, 0, 0, 0};
  uint64_t row[WORK_SIDE / 64], all[WORK_SIDE / 64] = {0};
  for (int y = 0; y < work->h; y++) {
    uint64_t any = 0;
    work->imaging->kernels->image.threshold_bits((size_t)work->w, work->digit + y * work->w, 1, row);
    for (size_t i = 0; i < od_bit_words(work->w); i++) {
      all[i] |= row[i];
      any |= row[i];
    }
    if (!any) continue;
    box.top = od_min(box.top, y);
    box.bottom = y + 1;
  }
  for (int i = 0; i < WORK_SIDE / 64; i++) {
    if (!all[i]) continue;
    box.left = od_min(box.left, 64 * i + __builtin_ctzll(all[i]));
    box.right = 64 * (i + 1) - __builtin_clzll(all[i]);
  }
  return box;
}

/* digit (h, w) to the most of what is within `reach`, by way of work->other. */
static void widen(picture *work, int reach) {
  const od_image_kernels *kernels = &work->imaging->kernels->image;
  const int h = work->h, w = work->w;
  const size_t bytes = (size_t)w, count = (size_t)(2 * reach + 1);
  uint8_t line[WORK_SIDE + 2 * MOST_REACH] = {0};
  const uint8_t *rows[2 * MOST_REACH + 1];
  for (size_t k = 0; k < count; k++) rows[k] = line + k;
  for (int y = 0; y < h; y++) {
    memcpy(line + reach, work->digit + y * w, bytes);
    kernels->max_of_rows(bytes, count, rows, work->other + y * w);
  }
  for (int y = 0; y < h; y++) {
    size_t near = 0;
    for (int k = od_max(y - reach, 0); k <= od_min(y + reach, h - 1); k++)
      rows[near++] = work->other + k * w;
    kernels->max_of_rows(bytes, near, rows, work->digit + y * w);
  }
}

/* A thin pen in a large picture would leave next to nothing in 28x28: thickens strokes to
 * what MNIST's thinner ones have. */
static void thicken(picture *work) {
  const od_foreground_component box = bounding_box(work);
  const int longer = od_max(box.right - box.left, box.bottom - box.top);
  const double width = od_stroke_width(work->imaging->kernels, work->h, work->w, work->digit);
  const int reach = (int)((thin_stroke * longer / OD_WINDOW_DIGIT - width) / 2 + 0.5);
  if (reach >= 1) widen(work, od_min(reach, MOST_REACH));
}

/* Puts digit (h, w), 0 to 1, in rows of OD_WINDOW_DIGIT, into result (28, 28) with its centre of
 * mass on pixel (14, 14), as MNIST has it, or as near as the digit fits: from *x0 and *y0 on. */
static void centre(int h, int w, const float *digit, float *result, int *x0, int *y0) {
  double mass = 0, down = 0, right = 0;
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      const double ink = (double)digit[y * OD_WINDOW_DIGIT + x];
      mass += ink;
      down += ink * y;
      right += ink * x;
    }
  const int top = (int)fmin(fmax(round(RESULT_SIDE / 2 - down / mass), 0), RESULT_SIDE - h);
  const int left = (int)fmin(fmax(round(RESULT_SIDE / 2 - right / mass), 0), RESULT_SIDE - w);
  for (int y = 0; y < h; y++)
    memcpy(result + (top + y) * RESULT_SIDE + left, digit + y * OD_WINDOW_DIGIT,
           (size_t)w * sizeof *result);
  *x0 = left;
  *y0 = top;
}

/* The digit into result (28, 28), which lies there in the picture at work: the longer side of
 * its box becomes 20 pixels. */
static place fit(const picture *work, float *result) {
  const od_foreground_component box = bounding_box(work);
  const double ratio = (double)od_max(box.right - box.left, box.bottom - box.top) / OD_WINDOW_DIGIT;
  const int tall = (int)ceil((box.bottom - box.top) / ratio - 1e-6);
  const int wide = (int)ceil((box.right - box.left) / ratio - 1e-6);
  float weights[2 * (WORK_SIDE + 4 * RESULT_SIDE)], digit[OD_WINDOW_DIGIT * OD_WINDOW_DIGIT];
  od_window_axis rows, columns;
  od_window_fill(box.top, ratio, work->h, weights, &rows);
  od_window_fill(box.left, ratio, work->w, weights + od_window_room(work->h), &columns);
  for (int i = 0; i < tall; i++) {
    float row[WORK_SIDE] = {0};
    for (int k = 0; k < rows.count[i]; k++) {
      const uint8_t *ink = work->digit + (rows.first[i] + k) * work->w;
      for (int x = box.left; x < box.right; x++) row[x] += rows.weights[i][k] * (float)ink[x];
    }
    for (int j = 0; j < wide; j++) {
      float sum = 0;
      for (int k = 0; k < columns.count[j]; k++)
        sum += columns.weights[j][k] * row[columns.first[j] + k];
      digit[i * OD_WINDOW_DIGIT + j] = sum > 255 ? 1 : sum / 255;
    }
  }
  int x0, y0;
  centre(tall, wide, digit, result, &x0, &y0);
  return (place){box.left - x0 * ratio, box.top - y0 * ratio, ratio};
}

/* Up to the digit's own ink; there may be none. */
static od_status isolate(picture *work, od_error *error) {
  od_foreground_stats facts;
  const int window = od_max(4, 6 * od_max(work->h, work->w) / 10);
  memset(work->digit, 0, work->n);
  od_status status = od_find_foreground(work->imaging, work->h, work->w, work->gray, window, work->ink,
                                 work->paper, &facts, error);
  if (!status) status = find_strokes(work, error);
  if (!status) status = erase_rules(work, error);
  if (status || work->strokes.count == 0) return status;
  choose_strokes(work);
  cut_out(work);
  return OD_OK;
}

/* Isolates the digit of a part of the picture, at a size that work->gray has room for. */
static od_status isolate_part(const source *from, picture *work, od_error *error) {
  const int factor = shrink_factor(from);
  od_foreground_components_release(&work->strokes);
  work->h = od_max(1, from->h / factor);
  work->w = od_max(1, from->w / factor);
  work->n = (size_t)work->h * (size_t)work->w;
  shrink(from, work);
  return isolate(work, error);
}

/* Where a digit is small in a large picture, that part of it, with a margin, at a better size. */
static bool look_closer(const picture *work, source *from) {
  const int factor = shrink_factor(from);
  const od_foreground_component box = bounding_box(work);
  const int longer = od_max(box.right - box.left, box.bottom - box.top);
  if (factor == 1 || 2 * longer > WORK_SIDE) return false;
  const int margin = longer / 3 + 2;
  const int left = od_max(0, box.left - margin) * factor, top = od_max(0, box.top - margin) * factor;
  from->w = od_min(from->w, (box.right + margin) * factor) - left;
  from->h = od_min(from->h, (box.bottom + margin) * factor) - top;
  from->pixels += (size_t)top * (size_t)from->stride + (size_t)left;
  return true;
}

static od_status prepare(source from, picture *work, float *result, place *where,
                         od_error *error) {
  const uint8_t *pixels = from.pixels;
  od_status status = isolate_part(&from, work, error);
  if (!status && work->strokes.count && look_closer(work, &from))
    status = isolate_part(&from, work, error);
  if (status || !work->strokes.count) return status;
  thicken(work);
  *where = fit(work, result);
  const double factor = shrink_factor(&from);
  const ptrdiff_t skipped = from.pixels - pixels;
  where->left = factor * where->left + (double)(skipped % from.stride);
  where->top = factor * where->top + (double)(skipped / from.stride);
  where->side *= factor;
  return OD_OK;
}

static od_status give_steps(const picture *work, place where, od_preprocess_steps *steps,
                            od_error *error) {
  steps->gray = od_allocate(4 * work->n, 1);
  if (!steps->gray) return od_fail_memory(error, "the steps of preparing a picture");
  steps->h = work->h;
  steps->w = work->w;
  steps->paper = steps->gray + work->n;
  steps->ink = steps->paper + work->n;
  steps->digit = steps->ink + work->n;
  memcpy(steps->gray, work->gray, work->n);
  memcpy(steps->paper, work->paper, work->n);
  memcpy(steps->ink, work->ink, work->n);
  memcpy(steps->digit, work->digit, work->n);
  steps->left = where.left;
  steps->top = where.top;
  steps->side = where.side;
  return OD_OK;
}

void od_preprocess_steps_release(od_preprocess_steps *steps) {
  od_release(steps->gray);
  *steps = (od_preprocess_steps){0};
}

od_status od_preprocess_digit(od_image_workspace *imaging, int h, int w, int stride, const uint8_t *image,
                           od_preprocess_steps *steps, float *result, od_error *error) {
  od_status status = od_check_sides("image", h, w, error);
  if (status) return status;
  picture work = {.imaging = imaging};
  const size_t room = (size_t)od_min(h, WORK_SIDE) * (size_t)od_min(w, WORK_SIDE);
  work.gray = od_allocate(room, 5);
  if (!work.gray) return od_fail_memory(error, "preparing a picture");
  work.paper = work.gray + room;
  work.ink = work.paper + room;
  work.digit = work.ink + room;
  work.other = work.digit + room;
  memset(result, 0, RESULT_SIDE * RESULT_SIDE * sizeof *result);
  place where = {0, 0, 0};
  status = prepare((source){h, w, stride, image}, &work, result, &where, error);
  if (!status && steps) status = give_steps(&work, where, steps, error);
  od_foreground_components_release(&work.strokes);
  od_release(work.gray);
  return status;
}
