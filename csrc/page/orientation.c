#include "page/orientation.h"

#include <math.h>

#include "base/math.h"
#include "base/memory.h"
#include "image/limits.h"

/* Slopes up to this are left to the geometry of each line. */
static const double min_slope = 0.06;
/* Maximum size of a rotated image: so many times that of the source, and so many pixels more. */
static const double max_growth = 3, max_extra = 100000;

/* Minimum width of the one row of a page, in heights of its digits. */
static const double min_row_width = 2;

static const double pi = 3.14159265358979323846;

/* ---- rotation ---- */

/* Sides of an image (h, w) rotated by an angle of this cosine and sine. */
static void rotated_sides(int h, int w, double cosine, double sine, double *height, double *width) {
  *height = ceil(h * fabs(cosine) + w * fabs(sine) - 1e-6);
  *width = ceil(w * fabs(cosine) + h * fabs(sine) - 1e-6);
}

/* Cosine and sine, exact for multiples of 90 degrees. */
static void find_direction(double degrees, double *cosine, double *sine) {
  const double turns = degrees / 90;
  *cosine = cos(degrees * pi / 180);
  *sine = sin(degrees * pi / 180);
  if (fabs(turns - floor(turns + 0.5)) > 1e-9) return;
  *cosine = floor(*cosine + 0.5);
  *sine = floor(*sine + 0.5);
}

/* Sets the map of `rotated`, whose pixels `matrix` maps to those of `source`, which may be rotated
 * itself. */
static void map_to_source(const od_page *source, const double matrix[6], od_page *rotated) {
  static const double identity[6] = {1, 0, 0, 0, 1, 0};
  const double *m = source->rotated ? source->to_source : identity;
  rotated->source_h = source->rotated ? source->source_h : source->h;
  rotated->source_w = source->rotated ? source->source_w : source->w;
  for (int i = 0; i < 6; i++) {
    const int row = i / 3 * 3, column = i % 3;
    rotated->to_source[i] =
        m[row] * matrix[column] + m[row + 1] * matrix[3 + column] + (column == 2 ? m[row + 2] : 0);
  }
}

/* Samples the class map of `source` for its rotation, whose pixels `matrix` maps to its own. */
static od_status rotate_class_map(const od_page *source, const double matrix[6], od_page *rotated,
                                  od_error *error) {
  const od_class_map *from = &source->class_map;
  if (!from->classes) return OD_OK;
  const int side = from->side;
  od_class_map *to = &rotated->class_map;
  const od_status status = od_class_map_create(side, (rotated->h + side - 1) / side,
                                               (rotated->w + side - 1) / side, to, error);
  for (int i = 0; !status && i < to->rows; i++)
    for (int j = 0; j < to->columns; j++) {
      const double x = (j + 0.5) * side - 0.5, y = (i + 0.5) * side - 0.5;
      const int column = (int)floor((matrix[0] * x + matrix[1] * y + matrix[2] + 0.5) / side);
      const int row = (int)floor((matrix[3] * x + matrix[4] * y + matrix[5] + 0.5) / side);
      if (row < 0 || row >= from->rows || column < 0 || column >= from->columns) continue;
      to->classes[od_cell(to, i, j)] = from->classes[od_cell(from, row, column)];
      to->numbers[od_cell(to, i, j)] = from->numbers[od_cell(from, row, column)];
    }
  return status;
}

od_status od_page_rotate(const od_page *source, double degrees, od_page *rotated, od_error *error) {
  double cosine, sine, height, width;
  find_direction(degrees, &cosine, &sine);
  rotated_sides(source->h, source->w, cosine, sine, &height, &width);
  const int h = (int)height, w = (int)width;
  const size_t size = (size_t)h * (size_t)w;
  *rotated = (od_page){.h = h, .w = w, .dark = source->dark, .stroke_width = source->stroke_width};
  rotated->workspace.kernels = source->workspace.kernels;
  rotated->workspace.pool = source->workspace.pool;
  rotated->rotated = od_allocate(size, 1);
  rotated->foreground = od_allocate(size, 1);
  if (!rotated->rotated || !rotated->foreground) return od_fail_memory(error, "a rotated page");
  rotated->image = rotated->rotated;
  const double x = 0.5 * (w - 1), y = 0.5 * (h - 1);
  const double matrix[6] = {cosine, -sine,  0.5 * (source->w - 1) - cosine * x + sine * y,
                            sine,   cosine, 0.5 * (source->h - 1) - sine * x - cosine * y};
  map_to_source(source, matrix, rotated);
  const od_view image = od_view_of(source->h, source->w, source->image);
  const od_view foreground = od_view_of(source->h, source->w, source->foreground);
  const od_target image_target = od_target_of(h, w, rotated->rotated);
  const od_target foreground_target = od_target_of(h, w, rotated->foreground);
  od_status status = od_warp_affine(&rotated->workspace, &image, matrix, OD_BORDER_REPLICATE, 0,
                                    &image_target, error);
  if (!status)
    status = od_warp_affine(&rotated->workspace, &foreground, matrix, OD_BORDER_CONSTANT, 0,
                            &foreground_target, error);
  if (!status) status = rotate_class_map(source, matrix, rotated, error);
  const int min_area = od_max(3, (int)(0.6 * source->stroke_width * source->stroke_width));
  if (!status)
    status = od_find_foreground_components(&rotated->workspace, h, w, rotated->foreground, min_area,
                                           OD_MAX_COMPONENTS, &rotated->components, error);
  return status;
}

double od_page_find_skew(const od_page *page) {
  double height, width;
  if (fabs(page->slope) < min_slope) return 0;
  const double scale = 1 / sqrt(1 + page->slope * page->slope);
  rotated_sides(page->h, page->w, scale, page->slope * scale, &height, &width);
  const double size = (double)page->h * page->w;
  if (fmax(height, width) > OD_MAX_IMAGE_SIDE || height * width > max_growth * size + max_extra)
    return 0;
  return atan(page->slope) * 180 / pi;
}

/* ---- boxes ---- */

static void extend(const od_page *page, double x, double y, od_symbol *symbol) {
  const double *m = page->to_source;
  const int column = (int)floor(m[0] * x + m[1] * y + m[2] + 0.5);
  const int row = (int)floor(m[3] * x + m[4] * y + m[5] + 0.5);
  const int left = od_max(0, od_min(page->source_w - 1, column));
  const int top = od_max(0, od_min(page->source_h - 1, row));
  symbol->left = od_min(symbol->left, left);
  symbol->top = od_min(symbol->top, top);
  symbol->right = od_max(symbol->right, left + 1);
  symbol->bottom = od_max(symbol->bottom, top + 1);
}

/* Replaces a box by the bounding box of its mapped corners, or by none if `empty`. */
static void map_box(const od_page *page, bool empty, od_symbol *symbol) {
  const od_symbol box = *symbol;
  symbol->left = symbol->top = OD_MAX_IMAGE_SIDE;
  symbol->right = symbol->bottom = 0;
  for (int i = 0; i < 4 && !empty; i++)
    extend(page, i % 2 ? box.right - 1 : box.left, i / 2 ? box.bottom - 1 : box.top, symbol);
}

/* Extends a box by another one. */
static void unite(const od_symbol *other, od_symbol *symbol) {
  symbol->left = od_min(symbol->left, other->left);
  symbol->top = od_min(symbol->top, other->top);
  symbol->right = od_max(symbol->right, other->right);
  symbol->bottom = od_max(symbol->bottom, other->bottom);
}

/* Symbols of different alternatives may share segments. */
od_status od_page_map_boxes(const od_page *page, int count, const od_segment_range *ranges,
                            od_symbol *symbols, od_error *error) {
  if (!page->rotated) return OD_OK;
  const size_t segments = (size_t)page->segment_count;
  od_symbol *boxes = od_allocate(segments, sizeof *boxes); /* of segments of symbols */
  bool *used = od_allocate(segments, sizeof *used);
  const bool allocated = boxes && used;
  for (int i = 0; i < count && allocated; i++)
    for (int k = 0; k < ranges[i].count; k++) used[ranges[i].first + k] = true;
  for (size_t i = 0; i < segments && allocated; i++) map_box(page, true, &boxes[i]);
  const int32_t *label = page->components.labels;
  for (int y = 0; y < page->h && allocated; y++)
    for (int x = 0; x < page->w; x++, label++)
      if (*label && used[*label - 1]) extend(page, x, y, &boxes[*label - 1]);
  for (int i = 0; i < count && allocated; i++) {
    map_box(page, ranges[i].count > 0, &symbols[i]);
    for (int k = 0; k < ranges[i].count; k++) unite(&boxes[ranges[i].first + k], &symbols[i]);
  }
  od_release(boxes);
  od_release(used);
  return allocated ? OD_OK : od_fail_memory(error, "the boxes of a rotated page");
}

/* ---- lines ---- */

static int64_t mass_of(const od_page *page, const od_text_line *line) {
  return od_page_mass(page, line->first, line->count);
}

void od_page_keep_lines(od_page *page, int count) {
  while (page->line_count > count) {
    int lightest = 0;
    int64_t min_mass = mass_of(page, &page->lines[0]);
    for (int i = 1; i < page->line_count; i++) {
      const int64_t mass = mass_of(page, &page->lines[i]);
      if (mass < min_mass) lightest = i, min_mass = mass;
    }
    page->line_count--;
    for (int i = lightest; i < page->line_count; i++) page->lines[i] = page->lines[i + 1];
  }
}

bool od_page_is_one_row(const od_page *page) {
  int64_t total = 0, max_mass = 0;
  double width = 0; /* in heights, of the line of that mass */
  for (int i = 0; i < page->line_count; i++) {
    const od_text_line *line = &page->lines[i];
    const int64_t mass = mass_of(page, line);
    total += mass;
    if (mass <= max_mass) continue;
    max_mass = mass;
    width = (line->right - line->left) / line->height;
  }
  return width >= min_row_width && 2 * max_mass > total;
}
