#include "page/comb_lines.h"

#include <math.h>

#include "base/memory.h"
#include "page/table_lines.h"

/* The offset of a pixel `aside` of pixel k of a line; SIZE_MAX outside of the page. */
static size_t pixel_at(const od_page *page, const od_comb_line *line, int k, int aside) {
  const int x = (int)lround(line->upright ? line->x + line->slant * k + aside : line->x + k);
  const int y = (int)lround(line->upright ? line->y - k : line->y + line->slant * k + aside);
  return y < 0 || y >= page->h || x < 0 || x >= page->w ? SIZE_MAX
                                                        : (size_t)y * (size_t)page->w + (size_t)x;
}

/* Whether a stroke touches pixel k of a line on one side, -1 or 1. */
static bool is_touched(const od_page *page, const od_comb_line *line, int k, int side) {
  for (int i = 1; i <= 2; i++) {
    const size_t at = pixel_at(page, line, k, side * (line->half + i));
    if (at == SIZE_MAX || page->foreground[at] < OD_LINE_LEVEL) return false;
  }
  return true;
}

/* The level of the image beside pixel k of a line. */
static int level_beside(const od_page *page, const od_comb_line *line, int k, int side) {
  for (int i = line->half + 2; i >= 0; i--) {
    const size_t at = pixel_at(page, line, k, side * i);
    if (at != SIZE_MAX) return page->image[at];
  }
  return 0;
}

/* Erases pixel k of a line across, unless a stroke crosses it; the image gets the level of a side
 * that is background. */
static void erase_across(od_page *page, const od_comb_line *line, int k) {
  const bool before = is_touched(page, line, k, -1), after = is_touched(page, line, k, 1);
  if (before && after) return;
  const int first = level_beside(page, line, k, -1), last = level_beside(page, line, k, 1);
  const int level = before ? last : after ? first : (first + last + 1) / 2;
  for (int i = -line->half - !before; i <= line->half + !after; i++) {
    const size_t at = pixel_at(page, line, k, i);
    if (at == SIZE_MAX) continue;
    page->foreground[at] = 0;
    page->erased[at] = (uint8_t)level;
  }
}

od_status od_page_erase_comb_lines(od_page *page, const od_comb_lines *lines, od_error *error) {
  if (!lines->count) return OD_OK;
  const od_status status = od_page_own_image(page, error);
  for (int i = 0; !status && i < lines->count; i++)
    for (int k = 0; k < lines->items[i].length; k++) erase_across(page, &lines->items[i], k);
  return status;
}

void od_page_mark_comb_lines(od_page *page, const od_comb_lines *lines) {
  const od_class_map *map = &page->class_map;
  if (!map->classes) return;
  for (int i = 0; i < lines->count; i++)
    for (int k = 0; k < lines->items[i].length; k++) {
      const size_t at = pixel_at(page, &lines->items[i], k, 0);
      if (at == SIZE_MAX) continue;
      const int row = (int)(at / (size_t)page->w) / map->side;
      const int column = (int)(at % (size_t)page->w) / map->side;
      if (row < map->rows && column < map->columns)
        map->classes[od_cell(map, row, column)] = OD_PIXEL_RULING_LINE;
    }
}

void od_comb_lines_release(od_comb_lines *lines) {
  od_release(lines->items);
  *lines = (od_comb_lines){0};
}
