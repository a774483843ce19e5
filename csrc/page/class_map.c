#include "page/class_map.h"

#include "base/math.h"
#include "base/memory.h"

od_status od_class_map_create(int side, int rows, int columns, od_class_map *map, od_error *error) {
  const size_t count = (size_t)rows * (size_t)columns;
  *map = (od_class_map){.side = side, .rows = rows, .columns = columns};
  map->classes = od_allocate(count, 1);
  map->numbers = od_allocate(count, 1);
  if (map->classes && map->numbers) return OD_OK;
  return od_fail_memory(error, "the class map of a page");
}

void od_class_map_release(od_class_map *map) {
  od_release(map->classes);
  od_release(map->numbers);
  *map = (od_class_map){0};
}

od_cell_window od_cells_under(const od_class_map *map, int left, int top, int right, int bottom) {
  return (od_cell_window){.left = od_max(0, left) / map->side,
                          .top = od_max(0, top) / map->side,
                          .right = od_min((right - 1) / map->side, map->columns - 1),
                          .bottom = od_min((bottom - 1) / map->side, map->rows - 1)};
}
