/* The class of foreground in cells, blocks of pixels of a page, as the detector finds it. Private
 * to page/. */
#ifndef OD_PAGE_CLASS_MAP_H
#define OD_PAGE_CLASS_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef enum od_pixel_class {
  OD_PIXEL_BACKGROUND,
  OD_PIXEL_NUMBER,
  OD_PIXEL_WRITING, /* other writing, print and drawings */
  OD_PIXEL_RULING_LINE,
  OD_PIXEL_CLASSES
} od_pixel_class;

/* Cells are `side` pixels wide and high. */
typedef struct od_class_map {
  int side, rows, columns;
  uint8_t *classes; /* (rows, columns) of od_pixel_class; NULL without a detector */
  uint8_t *numbers; /* (rows, columns): 255 * number / (number + other writing) */
} od_class_map;

/* Cells in rows top .. bottom and columns left .. right; none if one of them is in reverse. */
typedef struct od_cell_window {
  int left, top, right, bottom;
} od_cell_window;

/* Creates a map of background. Release it also after an error: OD_ERROR_MEMORY. */
od_status od_class_map_create(int side, int rows, int columns, od_class_map *map, od_error *error);
void od_class_map_release(od_class_map *map);

/* Returns the cells under a box of pixels, whose right and bottom are exclusive. */
od_cell_window od_cells_under(const od_class_map *map, int left, int top, int right, int bottom);

/* Returns the index of cell (i, j). */
static inline size_t od_cell(const od_class_map *map, int i, int j) {
  return (size_t)i * (size_t)map->columns + (size_t)j;
}

#endif
