#include "page/line_image.h"

#include "base/math.h"

#include <math.h>
#include <string.h>

/* A strip's rows to a line's band of ink, and its paper beside that, in columns. */
static const double digit_rows = 22, margin = 8;
/* Lines lean this much at most; and what the fit takes for granted, that they do not,
 * weighs as much as pieces so many heights away. */
static const double steepest = 0.35, level_weight = 1.5;
/* Pieces lower than this part of the line's height say nothing about where it runs. */
static const double least_tall = 0.6;
/* Share of the ink above and below its band. */
static const double outside = 0.02;

enum { LEAST_WIDTH = 8 };

/* The slope of the line through the middles of the tall pieces, weighed by their ink. */
static double find_slope(const od_page *page, const od_text_line *line) {
  const od_segment *pieces = page->pieces + line->first;
  double mass = 0, x = 0, y = 0, xx = 0, xy = 0; /* x and y from the line's corner */
  for (int i = 0; i < line->count; i++) {
    const od_segment *p = &pieces[i];
    if (p->bottom - p->top < least_tall * line->height) continue;
    const double across = p->middle - line->left, down = 0.5 * (p->top + p->bottom) - line->top;
    mass += p->mass;
    x += p->mass * across;
    y += p->mass * down;
    xx += p->mass * across * across;
    xy += p->mass * across * down;
  }
  if (mass <= 0) return 0;
  const double reach = level_weight * line->height;
  const double slope = (xy - x * y / mass) / (xx - x * x / mass + mass * reach * reach);
  return fmax(-steepest, fmin(steepest, slope));
}

/* The band of rows, at column line->left of a line that runs with `slope`, that most of the
 * line's ink lies in. */
static void find_band(const od_page *page, const od_text_line *line, double slope, double *top,
                      double *bottom) {
  enum { ROWS = 256 };
  double mass[ROWS] = {0}, all = 0;
  const double lean = slope * (line->right - line->left);
  const double first = line->top - fmax(lean, 0), last = line->bottom - fmin(lean, 0);
  const double step = fmax(1, (last - first) / (ROWS - 1));
  const int32_t low = line->first + 1, high = line->first + line->count;
  for (int y = line->top; y < line->bottom; y++) {
    const size_t at = (size_t)y * (size_t)page->w;
    for (int x = line->left; x < line->right; x++) {
      const int32_t label = page->strokes.labels[at + (size_t)x];
      if (label < low || label > high) continue;
      const double row = (y + 0.5 - slope * (x + 0.5 - line->left) - first) / step;
      const int bin = row < 0 ? 0 : row >= ROWS ? ROWS - 1 : (int)row;
      mass[bin] += page->ink[at + (size_t)x];
      all += page->ink[at + (size_t)x];
    }
  }
  int upper = 0, lower = ROWS - 1;
  for (double sum = mass[0]; sum <= outside * all && upper < ROWS - 1; sum += mass[upper]) upper++;
  for (double sum = mass[lower]; sum <= outside * all && lower > upper; sum += mass[lower]) lower--;
  *top = first + upper * step;
  *bottom = first + (lower + 1) * step;
}

/* The width of a strip that should be so wide. */
static int whole_columns(double wide) {
  const int width = wide < OD_LINE_MAX_WIDTH ? od_max(LEAST_WIDTH, (int)ceil(wide)) : OD_LINE_MAX_WIDTH;
  return (width + OD_CTC_STRIDE - 1) / OD_CTC_STRIDE * OD_CTC_STRIDE;
}

od_line_geometry od_line_geometry_find(const od_page *page, const od_text_line *line) {
  double top, bottom;
  od_line_geometry place = {.slope = find_slope(page, line)};
  find_band(page, line, place.slope, &top, &bottom);
  place.scale = place.pitch = fmax(bottom - top, 4) / digit_rows;
  place.left = line->left - margin * place.scale;
  const double middle = 0.5 * (top + bottom);
  place.top = middle - 0.5 * OD_LINE_HEIGHT * place.scale - place.slope * margin * place.scale;
  place.width = whole_columns((line->right - line->left) / place.scale + 2 * margin);
  return place;
}

od_line_geometry od_line_geometry_resize(od_line_geometry place, double wider, double higher) {
  const double before = place.scale;
  wider = fmin(wider, OD_LINE_MAX_WIDTH / (double)place.width);
  place.pitch /= wider;
  place.scale /= higher;
  place.top += 0.5 * OD_LINE_HEIGHT * (before - place.scale);
  place.width = whole_columns(place.width * wider);
  return place;
}

/* The first pixel of the page under a pixel of the strip whose centre is there. */
static int first_tap(double centre, double scale) {
  return (int)ceil(centre - fmax(scale, 1) - 0.5);
}

/* The weights (taps) from that pixel on: a triangle as wide as a pixel of the strip, but not
 * narrower than one of the page. */
static void triangle(double centre, double scale, int taps, float *weights) {
  const double support = fmax(scale, 1), first = first_tap(centre, scale) + 0.5;
  double sum = 0;
  for (int i = 0; i < taps; i++) sum += fmax(0, 1 - fabs(first + i - centre) / support);
  for (int i = 0; i < taps; i++)
    weights[i] = (float)(fmax(0, 1 - fabs(first + i - centre) / support) / sum);
}

/* Columns of the page under a strip: from the first that its triangles touch. */
static void columns_under(const od_line_geometry *place, int *first, int *count) {
  const double support = fmax(place->pitch, 1) + 1;
  *first = (int)floor(place->left - support);
  *count = (int)ceil(place->left + place->width * place->pitch + support) + 2 - *first;
}

static int taps_of(double scale) { return (int)(2 * fmax(scale, 1)) + 1; }

size_t od_line_image_scratch(const od_line_geometry *place) {
  int first, count;
  columns_under(place, &first, &count);
  return (size_t)count + (size_t)taps_of(place->scale) +
         (size_t)place->width * (size_t)taps_of(place->pitch);
}

/* Adds weight times columns begin..end - 1 of a row of the page to sums. What is outside of the
 * page is like its edge. */
static void add_part(const od_page *page, int y, float weight, int begin, int end, float *sums) {
  const uint8_t *row = page->image + (size_t)od_max(0, od_min(page->h - 1, y)) * (size_t)page->w;
  int x = begin;
  for (; x < od_min(end, 0); x++) *sums++ += weight * (float)row[0];
  for (; x < od_min(end, page->w); x++) *sums++ += weight * (float)row[x];
  for (; x < end; x++) *sums++ += weight * (float)row[page->w - 1];
}

/* Adds weight times row `row` of the page, each column moved down by what the line has fallen
 * there, to sums (count) of the columns from `first` on. */
static void add_row(const od_page *page, const od_line_geometry *place, int row, float weight,
                    int first, int count, float *sums) {
  const double start = place->slope * (first + 0.5 - place->left), step = fabs(place->slope);
  for (int i = 0; i < count;) {
    const double fallen = start + place->slope * i;
    const double whole = floor(fallen + 0.5);
    /* up to where the nearest row is another one */
    const double left = 0.5 + (place->slope > 0 ? whole - fallen : fallen - whole);
    const int end = left < step * (count - i) ? i + od_max(1, (int)ceil(left / step)) : count;
    add_part(page, row + (int)whole, weight, first + i, first + end, sums + i);
    i = end;
  }
}

/* A row of the strip from sums of the page's columns, by the weights (width, taps). */
static void gather_row(const od_line_geometry *place, int first, const float *sums, int taps,
                       const float *weights, bool dark, uint8_t *row) {
  for (int x = 0; x < place->width; x++, weights += taps) {
    const double centre = place->left + (x + 0.5) * place->pitch;
    const float *from = sums + first_tap(centre, place->pitch) - first;
    float level = 0;
    for (int k = 0; k < taps; k++) level += weights[k] * from[k];
    const int rounded = (int)(level + 0.5f);
    row[x] = (uint8_t)(dark ? rounded : 255 - rounded);
  }
}

void od_line_image_render(const od_page *page, const od_line_geometry *place, float *scratch,
                   uint8_t *strip) {
  int first, count;
  columns_under(place, &first, &count);
  const int taps = taps_of(place->scale), across_taps = taps_of(place->pitch);
  float *sums = scratch, *down = scratch + count, *across = down + taps;
  for (int x = 0; x < place->width; x++)
    triangle(place->left + (x + 0.5) * place->pitch, place->pitch, across_taps,
             across + x * across_taps);
  for (int y = 0; y < OD_LINE_HEIGHT; y++) {
    const double centre = place->top + (y + 0.5) * place->scale;
    const int row = first_tap(centre, place->scale);
    triangle(centre, place->scale, taps, down);
    memset(sums, 0, (size_t)count * sizeof *sums);
    for (int k = 0; k < taps; k++)
      if (down[k] > 0) add_row(page, place, row + k, down[k], first, count, sums);
    gather_row(place, first, sums, across_taps, across, page->dark, strip + y * place->width);
  }
  od_line_image_normalize((size_t)OD_LINE_HEIGHT * (size_t)place->width, strip);
}

void od_line_image_normalize(size_t size, uint8_t *levels) {
  enum { LEAST_SPAN = 20, DARKEST = 50 };
  size_t histogram[256] = {0}, sum = 0;
  uint8_t ink[256];
  int paper = 0, dark = -1;
  for (size_t i = 0; i < size; i++) histogram[levels[i]]++;
  for (; 2 * (sum + histogram[paper]) < size; paper++) {
    sum += histogram[paper];
    if (dark < 0 && sum * DARKEST >= size) dark = paper;
  }
  if (dark < 0) dark = paper;
  const int span = od_max(paper - dark, LEAST_SPAN);
  for (int level = 0; level < 256; level++)
    ink[level] = (uint8_t)(level < paper ? od_min(((paper - level) * OD_LINE_FOREGROUND + span / 2) / span, 255) : 0);
  for (size_t i = 0; i < size; i++) levels[i] = ink[levels[i]];
}
