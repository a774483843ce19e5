#include "page/table.h"

#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "image/limits.h"
#include "page/table_grid.h"
#include "page/table_mesh.h"

static od_status check(int h, int w, const od_table_options *options, od_error *error) {
  const int rows = options->rows, columns = options->columns;
  od_status status = od_check_sides("image", h, w, error);
  if (status) return status;
  if (rows < 0 || rows > OD_TABLE_MAX_SIDE)
    return od_fail(error, OD_ERROR_ARGUMENT, "rows: got %d, expected 0 to %d", rows,
                   OD_TABLE_MAX_SIDE);
  if (columns < 0 || columns > OD_TABLE_MAX_SIDE)
    return od_fail(error, OD_ERROR_ARGUMENT, "columns: got %d, expected 0 to %d", columns,
                   OD_TABLE_MAX_SIDE);
  if (rows * columns > OD_TABLE_MAX_CELLS)
    return od_fail(error, OD_ERROR_ARGUMENT, "rows x columns: got %d x %d, expected up to %d cells",
                   rows, columns, OD_TABLE_MAX_CELLS);
  return OD_OK;
}

static od_status allocate(od_table *table, od_error *error) {
  const size_t rows = (size_t)table->rows, columns = (size_t)table->columns;
  table->nodes = od_allocate((rows + 1) * (columns + 1) * 2, sizeof *table->nodes);
  table->spans = od_allocate(rows * columns * 2, sizeof *table->spans);
  table->thickness = od_allocate(rows + columns + 2, sizeof *table->thickness);
  if (table->nodes && table->spans && table->thickness) return OD_OK;
  return od_fail_memory(error, "the cells of a table");
}

/* Whether the grid has the wanted numbers of lines, if any, and at least one cell. */
static bool fit_grid(od_grid *grid, const od_table_options *options) {
  const int wanted[2] = {options->rows, options->columns};
  for (int k = 0; k < 2; k++)
    if (grid->axes[k].count < 2) return false;
  for (int k = 0; k < 2; k++)
    if (wanted[k] > 0 && !od_fit_grid_axis(grid, k, wanted[k] + 1)) return false;
  return (grid->axes[0].count - 1) * (grid->axes[1].count - 1) <= OD_TABLE_MAX_CELLS;
}

od_status od_find_table(od_image_workspace *workspace, int h, int w, const uint8_t *foreground,
                        const od_table_options *options, od_table *table, od_error *error) {
  od_grid grid = {.h = h, .w = w};
  *table = (od_table){0};
  od_status status = check(h, w, options, error);
  for (int k = 0; k < 2 && !status; k++)
    status =
        od_track_ruling_lines(workspace, h, w, foreground, k == 1, &grid.axes[k].segments, error);
  if (!status) status = od_find_grid(&grid, error);
  if (!status && fit_grid(&grid, options)) {
    table->rows = grid.axes[0].count - 1;
    table->columns = grid.axes[1].count - 1;
    status = allocate(table, error);
    if (!status) status = od_make_table_mesh(&grid, foreground, table, error);
  }
  od_grid_release(&grid);
  if (status) od_table_release(table);
  return status;
}

void od_table_release(od_table *table) {
  od_release(table->nodes);
  od_release(table->spans);
  od_release(table->thickness);
  *table = (od_table){0};
}
