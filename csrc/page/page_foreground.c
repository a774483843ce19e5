#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "digit/foreground.h"
#include "digit/ruling_lines.h"
#include "digit/stroke_width.h"
#include "page/page.h"

/* Window of the local background, in pixels: larger than the stroke width, smaller than the
 * distance over which illumination changes. */
enum { MIN_WINDOW = 8, MAX_WINDOW = 96 };

od_status od_median_height(int count, const od_foreground_component *components, int h, int *height,
                           od_error *error) {
  double total = 0, sum = 0;
  double *mass = od_allocate((size_t)h + 1, sizeof *mass); /* of the components of each height */
  if (!mass) return od_fail_memory(error, "the heights of components");
  for (int i = 0; i < count; i++) {
    mass[components[i].bottom - components[i].top] += (double)components[i].mass;
    total += (double)components[i].mass;
  }
  *height = 0;
  while (*height < h && 2 * sum < total) sum += mass[++*height];
  od_release(mass);
  return OD_OK;
}

static od_status find_components(od_page *page, od_error *error) {
  page->stroke_width = od_stroke_width(page->workspace.kernels, page->h, page->w, page->foreground);
  const int min_area = od_max(3, (int)(0.6 * page->stroke_width * page->stroke_width));
  return od_find_foreground_components(&page->workspace, page->h, page->w, page->foreground,
                                       min_area, OD_MAX_COMPONENTS, &page->components, error);
}

od_status od_find_page_foreground(od_image_workspace *workspace, int h, int w, const uint8_t *image,
                                  const od_foreground_maps *maps, bool *dark, od_error *error) {
  const int window = od_max(MIN_WINDOW, od_min(MAX_WINDOW, 6 * od_min(h, w) / 10));
  od_foreground_stats stats;
  od_status status = od_find_foreground(workspace, h, w, image, window, maps, &stats, error);
  if (!status) *dark = stats.dark;
  return status;
}

od_status od_page_find_foreground(od_page *page, bool with_background, od_error *error) {
  const size_t size = (size_t)page->h * (size_t)page->w;
  page->foreground = od_allocate(size, 1);
  if (with_background) page->background = od_allocate(size, 1);
  if (!page->foreground || (with_background && !page->background))
    return od_fail_memory(error, "the foreground of a page");
  const od_foreground_maps maps = {
      .foreground = page->foreground, .background = page->background, .has_steps = true};
  return od_find_page_foreground(&page->workspace, page->h, page->w, page->image, &maps,
                                 &page->dark, error);
}

od_status od_page_own_image(od_page *page, od_error *error) {
  const size_t size = (size_t)page->h * (size_t)page->w;
  if (page->erased) return OD_OK;
  page->erased = od_allocate(size, 1);
  if (!page->erased) return od_fail_memory(error, "the image of a page");
  memcpy(page->erased, page->image, size);
  page->image = page->erased;
  return OD_OK;
}

od_status od_page_find_components(od_page *page, od_error *error) {
  od_status status = find_components(page, error);
  if (status || page->components.count == 0) return status;
  int height;
  status =
      od_median_height(page->components.count, page->components.items, page->h, &height, error);
  if (status) return status;
  const int thickness = od_max(3, (int)(1.4 * page->stroke_width + 0.5));
  const int length = od_max(5 * height / 2, 24);
  bool found;
  status =
      od_remove_ruling_lines(&page->workspace, page->h, page->w, page->foreground,
                             (od_ruling_line_limits){thickness, length, length}, &found, error);
  if (status || !found) return status;
  od_foreground_components_release(&page->components);
  return find_components(page, error);
}

void od_page_release_layout(od_page *page) {
  od_foreground_components_release(&page->components);
  od_release(page->lines);
  od_release(page->segments);
  page->line_count = page->segment_count = 0;
  page->lines = NULL;
  page->segments = NULL;
}

void od_page_release(od_page *page) {
  od_page_release_layout(page);
  od_class_map_release(&page->class_map);
  od_release(page->rotated);
  od_release(page->foreground);
  od_release(page->background);
  od_release(page->erased);
  od_image_workspace_release(&page->workspace);
  *page = (od_page){0};
}
