#include "image/element_folding.h"

#include "base/math.h"
#include "base/memory.h"

/* The offsets low .. low + count - 1 from a pixel along a side that all others are equal to. */
typedef struct reach {
  int low, count;
  bool periodic; /* offsets are equal modulo `count`; else those beyond are equal to the ends */
} reach;

/* The reach along a side (n) of an image. */
static reach reach_of(int n, od_border border) {
  if (border == OD_BORDER_CONSTANT) return (reach){-n, 2 * n + 1, false}; /* the ends: outside */
  if (border == OD_BORDER_REPLICATE || n == 1) return (reach){1 - n, 2 * n - 1, false};
  return (reach){0, border == OD_BORDER_REFLECT ? 2 * n : 2 * n - 2, true};
}

/* The index of an offset in a reach. */
static int index_of(const reach *r, int offset) {
  if (r->periodic) return (offset % r->count + r->count) % r->count;
  return od_min(od_max(offset - r->low, 0), r->count - 1);
}

/* The reach of a side of an element that is not folded. */
static reach whole_side(int length, int anchor) { return (reach){-anchor, length, false}; }

od_status od_fold_element(const od_structuring_element *element, int h, int w, od_border border,
                          od_structuring_element *folded, uint8_t **mask, od_error *error) {
  reach rows = reach_of(h, border), columns = reach_of(w, border);
  *folded = *element;
  *mask = NULL;
  if (element->h <= rows.count && element->w <= columns.count) return OD_OK;
  if (element->h <= rows.count) rows = whole_side(element->h, element->anchor_y);
  if (element->w <= columns.count) columns = whole_side(element->w, element->anchor_x);
  *mask = od_allocate((size_t)rows.count, (size_t)columns.count);
  if (!*mask) return od_fail_memory(error, "a structuring element");
  const uint8_t *from = element->mask;
  for (int v = 0; v < element->h; v++) {
    uint8_t *row = *mask + (size_t)index_of(&rows, v - element->anchor_y) * (size_t)columns.count;
    for (int u = 0; u < element->w; u++, from++)
      if (*from) row[index_of(&columns, u - element->anchor_x)] = 1;
  }
  *folded = (od_structuring_element){rows.count, columns.count, -rows.low, -columns.low, *mask};
  return OD_OK;
}
