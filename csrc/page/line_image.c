#include "page/line_image.h"

#include "base/math.h"

#include <math.h>
#include <string.h>

/* Rows of a line image that the band of text takes, and columns of background at each end. */
static const double text_rows = 22, margin = 8;
/* Maximum slope, and the regularization of its fit: a prior for the slope of the page with the
 * weight of segments so many heights away. */
static const double max_slope = 0.35, level_weight = 1.5;
/* Minimum height of segments that count in the fit, in heights of the line. */
static const double min_height = 0.6;
/* Proportion of the foreground above the band of text, and below it. */
static const double outside = 0.02;

/* Minimum foreground of a line that the edge of the page may cut, in that of the largest line; the
 * minimum width of one that reaches from edge to edge, in heights of the page: narrower ones are
 * ruling lines; and the proportion of its width in which strokes touch an edge that cuts it above
 * or below: a comma or a slash only reaches it. */
static const double min_mass = 0.5, min_cut_width = 0.3, min_contact = 0.05;

enum { MIN_WIDTH = 8 };

/* ---- geometry ---- */

/* Slope of the regression line through the centres of high segments, weighted by their mass. */
static double find_slope(const od_page *page, const od_text_line *line) {
  const od_segment *segments = page->segments + line->first;
  double mass = 0, x = 0, y = 0, xx = 0, xy = 0; /* x and y from the line's corner */
  for (int i = 0; i < line->count; i++) {
    const od_segment *s = &segments[i];
    if (s->bottom - s->top < min_height * line->height) continue;
    const double weight = (double)s->mass;
    const double dx = s->mean_x - line->left, dy = 0.5 * (s->top + s->bottom) - line->top;
    mass += weight;
    x += weight * dx;
    y += weight * dy;
    xx += weight * dx * dx;
    xy += weight * dx * dy;
  }
  if (mass <= 0) return page->slope;
  const double reach = level_weight * line->height, prior = mass * reach * reach;
  const double slope = (xy - x * y / mass + page->slope * prior) / (xx - x * x / mass + prior);
  return fmax(-max_slope, fmin(max_slope, slope));
}

/* The rows, at column line->left of a line with `slope`, between which most of the line's
 * foreground lies. */
static void find_band(const od_page *page, const od_text_line *line, double slope, double *top,
                      double *bottom) {
  enum { BINS = 256 };
  double mass[BINS] = {0}, total = 0;
  const double rise = slope * (line->right - line->left);
  const double first = line->top - fmax(rise, 0), last = line->bottom - fmin(rise, 0);
  const double step = fmax(1, (last - first) / (BINS - 1));
  const int32_t first_label = line->first + 1, last_label = line->first + line->count;
  for (int y = line->top; y < line->bottom; y++) {
    const size_t row = (size_t)y * (size_t)page->w;
    for (int x = line->left; x < line->right; x++) {
      const int32_t label = page->components.labels[row + (size_t)x];
      if (label < first_label || label > last_label) continue;
      const double bin = (y + 0.5 - slope * (x + 0.5 - line->left) - first) / step;
      const int i = bin < 0 ? 0 : bin >= BINS ? BINS - 1 : (int)bin;
      mass[i] += page->foreground[row + (size_t)x];
      total += page->foreground[row + (size_t)x];
    }
  }
  int upper = 0, lower = BINS - 1;
  for (double sum = mass[0]; sum <= outside * total && upper < BINS - 1; sum += mass[upper])
    upper++;
  for (double sum = mass[lower]; sum <= outside * total && lower > upper; sum += mass[lower])
    lower--;
  *top = first + upper * step;
  *bottom = first + (lower + 1) * step;
}

/* `width` rounded up to a multiple of OD_CTC_STRIDE, within the limits. */
static int round_width(double width) {
  const int columns =
      width < OD_LINE_MAX_WIDTH ? od_max(MIN_WIDTH, (int)ceil(width)) : OD_LINE_MAX_WIDTH;
  return (columns + OD_CTC_STRIDE - 1) / OD_CTC_STRIDE * OD_CTC_STRIDE;
}

/* Whether the edge of the page may cut strokes of a line, as that of a tight crop does. Lines that
 * are small beside others are remains of neighbours. */
static bool may_be_cut(const od_page *page, const od_text_line *line) {
  if (line->left > 0 && line->top > 0 && line->right < page->w && line->bottom < page->h)
    return false;
  if (line->top <= 0 && line->bottom >= page->h &&
      line->right - line->left < min_cut_width * page->h)
    return false;
  const int64_t mass = od_page_mass(page, line->first, line->count);
  for (int i = 0; i < page->line_count; i++) {
    const od_text_line *other = &page->lines[i];
    if ((double)mass < min_mass * (double)od_page_mass(page, other->first, other->count))
      return false;
  }
  return true;
}

/* Whether the line's strokes touch row y, the first or the last of the page, as if it cuts them. */
static bool is_cut_by(const od_page *page, const od_text_line *line, int y) {
  const int32_t *labels = page->components.labels + (size_t)y * (size_t)page->w;
  int contact = 0;
  for (int x = line->left; x < line->right; x++)
    contact += labels[x] > line->first && labels[x] <= line->first + line->count;
  return contact >= min_contact * (line->right - line->left);
}

/* The median level of the page under a line image. */
static int paper_level(const od_page *page, const od_line_geometry *geometry) {
  const double width = geometry->width * geometry->scale_x;
  const double height = OD_LINE_HEIGHT * geometry->scale_y, rise = geometry->slope * width;
  const int left = od_max(0, (int)geometry->left);
  const int right = od_min(page->w, (int)(geometry->left + width));
  const int top = od_max(0, (int)(geometry->top + fmin(rise, 0)));
  const int bottom = od_min(page->h, (int)(geometry->top + height + fmax(rise, 0)));
  const int step = od_max(1, (int)geometry->scale_x);
  size_t histogram[256] = {0}, count = 0, sum = 0;
  int level = 0;
  for (int y = top; y < bottom; y += step)
    for (int x = left; x < right; x += step, count++)
      histogram[page->image[(size_t)y * (size_t)page->w + (size_t)x]]++;
  while (level < 255 && 2 * (sum += histogram[level]) <= count) level++;
  return level;
}

od_line_geometry od_line_geometry_find(const od_page *page, const od_text_line *line) {
  double top, bottom;
  od_line_geometry geometry = {.slope = find_slope(page, line),
                               .first_label = line->first + 1,
                               .last_label = line->first + line->count};
  find_band(page, line, geometry.slope, &top, &bottom);
  const double scale = fmax(bottom - top, 4) / text_rows;
  geometry.scale_x = geometry.scale_y = scale;
  geometry.left = line->left - margin * scale;
  const double middle = 0.5 * (top + bottom);
  geometry.top = middle - 0.5 * OD_LINE_HEIGHT * scale - geometry.slope * margin * scale;
  geometry.width = round_width((line->right - line->left) / scale + 2 * margin);
  if (may_be_cut(page, line)) {
    geometry.cut_beside = true;
    geometry.cut_above = is_cut_by(page, line, 0);
    geometry.cut_below = is_cut_by(page, line, page->h - 1);
    geometry.paper = paper_level(page, &geometry);
  }
  return geometry;
}

od_line_geometry od_line_geometry_resize(od_line_geometry geometry, double wider, double higher) {
  const double before = geometry.scale_y;
  wider = fmin(wider, OD_LINE_MAX_WIDTH / (double)geometry.width);
  geometry.scale_x /= wider;
  geometry.scale_y /= higher;
  geometry.top += 0.5 * OD_LINE_HEIGHT * (before - geometry.scale_y);
  geometry.width = round_width(geometry.width * wider);
  return geometry;
}

/* ---- resampling ---- */

/* First page pixel under the triangle filter of an image pixel with this centre. */
static int first_tap(double centre, double scale) {
  return (int)ceil(centre - fmax(scale, 1) - 0.5);
}

static int tap_count(double scale) { return (int)(2 * fmax(scale, 1)) + 1; }

/* Weights (taps) of the triangle filter from first_tap on; its support is two image pixels, but at
 * least two page pixels. */
static void compute_coeffs(double centre, double scale, int taps, float *weights) {
  const double support = fmax(scale, 1), first = first_tap(centre, scale) + 0.5;
  double sum = 0;
  for (int i = 0; i < taps; i++) sum += fmax(0, 1 - fabs(first + i - centre) / support);
  for (int i = 0; i < taps; i++)
    weights[i] = (float)(fmax(0, 1 - fabs(first + i - centre) / support) / sum);
}

/* Page columns under a line image, those that its filters touch included. */
static void find_columns(const od_line_geometry *geometry, int *first, int *count) {
  const double support = fmax(geometry->scale_x, 1) + 1;
  const double right = geometry->left + geometry->width * geometry->scale_x;
  *first = (int)floor(geometry->left - support);
  *count = (int)ceil(right + support) + 2 - *first;
}

size_t od_line_image_scratch(const od_line_geometry *geometry) {
  int first, count;
  find_columns(geometry, &first, &count);
  return (size_t)count + (size_t)tap_count(geometry->scale_y) +
         (size_t)geometry->width * (size_t)tap_count(geometry->scale_x);
}

/* The level of the pixel (x, y), which is not on the page. */
static int level_beyond(const od_page *page, const od_line_geometry *geometry, int y, int x) {
  const bool cut = y < 0          ? geometry->cut_above
                   : y >= page->h ? geometry->cut_below
                                  : geometry->cut_beside;
  y = od_max(0, od_min(page->h - 1, y));
  x = od_max(0, od_min(page->w - 1, x));
  const size_t row = (size_t)y * (size_t)page->w;
  const int last = od_min(page->w - 1, x + 1); /* the soft edges of strokes have no label */
  for (int k = od_max(0, x - 1); k <= last && cut; k++) {
    const int32_t label = page->components.labels[row + (size_t)k];
    if (label >= geometry->first_label && label <= geometry->last_label) return geometry->paper;
  }
  return page->image[row + (size_t)x];
}

/* Adds weight times columns begin..end - 1 of row y of the page to sums. */
static void add_columns(const od_page *page, const od_line_geometry *geometry, int y, float weight,
                        int begin, int end, float *sums) {
  const bool on_page = y >= 0 && y < page->h;
  const uint8_t *row = page->image + (on_page ? (size_t)y * (size_t)page->w : 0);
  int x = begin;
  for (; x < (on_page ? od_min(end, 0) : end); x++)
    *sums++ += weight * (float)level_beyond(page, geometry, y, x);
  for (; x < od_min(end, page->w); x++) *sums++ += weight * (float)row[x];
  for (; x < end; x++) *sums++ += weight * (float)level_beyond(page, geometry, y, x);
}

/* Adds weight times a row that runs along the line's slope to sums (count), which start at page
 * column `first`. The row is `row` at the left end of the line; columns take the nearest one. */
static void add_sloped_row(const od_page *page, const od_line_geometry *geometry, int row,
                           float weight, int first, int count, float *sums) {
  const double start = geometry->slope * (first + 0.5 - geometry->left);
  const double step = fabs(geometry->slope);
  for (int i = 0; i < count;) {
    const double offset = start + geometry->slope * i;
    const double nearest = floor(offset + 0.5);
    /* up to the column where the nearest row changes */
    const double remaining = 0.5 + (geometry->slope > 0 ? nearest - offset : offset - nearest);
    const int end =
        remaining < step * (count - i) ? i + od_max(1, (int)ceil(remaining / step)) : count;
    add_columns(page, geometry, row + (int)nearest, weight, first + i, first + end, sums + i);
    i = end;
  }
}

/* Resamples sums horizontally with weights (width, taps) from the first taps (width) on, to a row
 * of the line image. */
static void resample_row(int width, const float *sums, int taps, const int *first_taps,
                         const float *weights, bool dark, uint8_t *row) {
  for (int x = 0; x < width; x++, weights += taps) {
    const float *from = sums + first_taps[x];
    float level = 0;
    for (int k = 0; k < taps; k++) level += weights[k] * from[k];
    const int rounded = (int)(level + 0.5f);
    row[x] = (uint8_t)(dark ? rounded : 255 - rounded);
  }
}

void od_line_image_render(const od_page *page, const od_line_geometry *geometry, float *scratch,
                          uint8_t *image) {
  int first, count, first_taps[OD_LINE_MAX_WIDTH];
  find_columns(geometry, &first, &count);
  const int vertical_taps = tap_count(geometry->scale_y);
  const int horizontal_taps = tap_count(geometry->scale_x);
  float *sums = scratch, *vertical = sums + count, *horizontal = vertical + vertical_taps;
  for (int x = 0; x < geometry->width; x++) {
    const double centre = geometry->left + (x + 0.5) * geometry->scale_x;
    first_taps[x] = first_tap(centre, geometry->scale_x) - first;
    compute_coeffs(centre, geometry->scale_x, horizontal_taps, horizontal + x * horizontal_taps);
  }
  for (int y = 0; y < OD_LINE_HEIGHT; y++) {
    const double centre = geometry->top + (y + 0.5) * geometry->scale_y;
    const int row = first_tap(centre, geometry->scale_y);
    compute_coeffs(centre, geometry->scale_y, vertical_taps, vertical);
    memset(sums, 0, (size_t)count * sizeof *sums);
    for (int k = 0; k < vertical_taps; k++)
      if (vertical[k] > 0) add_sloped_row(page, geometry, row + k, vertical[k], first, count, sums);
    resample_row(geometry->width, sums, horizontal_taps, first_taps, horizontal, page->dark,
                 image + y * geometry->width);
  }
  od_line_image_normalize((size_t)OD_LINE_HEIGHT * (size_t)geometry->width, image);
}

/* ---- levels ---- */

void od_line_image_normalize(size_t size, uint8_t *levels) {
  enum { MIN_CONTRAST = 20, DARKEST = 50 /* one in so many pixels */ };
  size_t histogram[256] = {0}, sum = 0;
  uint8_t table[256];
  int background = 0, foreground = -1;
  for (size_t i = 0; i < size; i++) histogram[levels[i]]++;
  for (; 2 * (sum + histogram[background]) < size; background++) {
    sum += histogram[background];
    if (foreground < 0 && sum * DARKEST >= size) foreground = background;
  }
  if (foreground < 0) foreground = background;
  const int contrast = od_max(background - foreground, MIN_CONTRAST);
  for (int level = 0; level < 256; level++) {
    const int scaled = ((background - level) * OD_LINE_FOREGROUND + contrast / 2) / contrast;
    table[level] = (uint8_t)(level < background ? od_min(scaled, 255) : 0);
  }
  for (size_t i = 0; i < size; i++) levels[i] = table[levels[i]];
}
