#include "page/page.h"

#include "base/math.h"
#include "base/memory.h"
#include "digit/foreground.h"
#include "digit/ruling_lines.h"
#include "digit/stroke_width.h"

/* The paper is followed over at most so many pixels: more than a stroke is wide, less than
 * light takes to change. */
enum { LARGEST_WINDOW = 96, LEAST_WINDOW = 8 };

od_status od_typical_height(int count, const od_foreground_component *strokes, int h, int *height,
                            od_error *error) {
  double all = 0, so_far = 0;
  double *mass = od_allocate((size_t)h + 1, sizeof *mass); /* of the strokes of each height */
  if (!mass) return od_fail_memory(error, "the heights of strokes");
  for (int i = 0; i < count; i++) {
    mass[strokes[i].bottom - strokes[i].top] += strokes[i].mass;
    all += strokes[i].mass;
  }
  *height = 0;
  while (*height < h && 2 * so_far < all) so_far += mass[++*height];
  od_release(mass);
  return OD_OK;
}

static od_status find_strokes(od_page *page, od_error *error) {
  const int speck = od_max(3, (int)(0.6 * page->pen * page->pen));
  return od_find_foreground_components(&page->imaging, page->h, page->w, page->ink, speck, OD_MAX_COMPONENTS,
                         &page->strokes, error);
}

od_status od_page_find_foreground(od_page *page, od_error *error) {
  const size_t n = (size_t)page->h * (size_t)page->w;
  od_foreground_stats facts;
  od_foreground_maps maps = {0};
  page->ink = od_allocate(n, 2);
  if (!page->ink) return od_fail_memory(error, "the ink of a page");
  page->scratch = page->ink + n;
  maps.foreground = page->ink;
  const int window = od_max(LEAST_WINDOW, od_min(LARGEST_WINDOW, 6 * od_min(page->h, page->w) / 10));
  od_status status = od_find_foreground(&page->imaging, page->h, page->w, page->image, window, &maps,
                                        &facts, error);
  if (status) return status;
  page->dark = facts.dark;
  page->pen = od_stroke_width(page->imaging.kernels, page->h, page->w, page->ink);
  status = find_strokes(page, error);
  if (status || page->strokes.count == 0) return status;
  int height;
  status = od_typical_height(page->strokes.count, page->strokes.items, page->h, &height, error);
  if (status) return status;
  const int long_rule = od_max(5 * height / 2, 24);
  const od_ruling_line_limits limits = {od_max(3, (int)(1.4 * page->pen + 0.5)), long_rule, long_rule};
  bool found;
  status = od_remove_ruling_lines(&page->imaging, page->h, page->w, page->ink, limits, &found, error);
  if (status || !found) return status;
  od_foreground_components_release(&page->strokes);
  page->pen = od_stroke_width(page->imaging.kernels, page->h, page->w, page->ink);
  return find_strokes(page, error);
}

void od_page_release(od_page *page) {
  od_release(page->ink);
  od_foreground_components_release(&page->strokes);
  od_release(page->lines);
  od_release(page->pieces);
  od_image_workspace_release(&page->imaging);
  *page = (od_page){0};
}
