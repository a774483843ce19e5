#include "page/table.h"

#include <math.h>
#include <stdbool.h>

#include "base/math.h"
#include "base/memory.h"
#include "image/limits.h"
#include "page/table_grid.h"
#include "page/table_mesh.h"
#include "page/table_walls.h"

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

/* The proportion of a wall that is ruled, relative to the median wall, below which cells are
 * merged.
 */
static const double min_ruled = 0.45;

/* Of the lines of a grid before those that are strokes are removed. */
enum { MAX_CROSSINGS = 4 * OD_TABLE_MAX_CELLS };

static bool has_cells(const od_grid *grid) {
  return grid->axes[0].count >= 2 && grid->axes[1].count >= 2;
}

/* Set *fits to whether the grid has the wanted numbers of lines, if any, and at least one cell. */
static od_status fit_grid(od_grid *grid, const uint8_t *foreground, const od_table_options *options,
                          bool *fits, od_error *error) {
  const int wanted[2] = {options->rows, options->columns};
  *fits = has_cells(grid);
  if (!*fits) return OD_OK;
  if (wanted[0] == 0 || wanted[1] == 0) {
    *fits = grid->axes[0].count * grid->axes[1].count <= MAX_CROSSINGS;
    od_status status = *fits ? od_prune_grid(grid, foreground, error) : OD_OK;
    if (status) return status;
    *fits = *fits && has_cells(grid);
  }
  for (int k = 0; k < 2 && *fits; k++)
    if (wanted[k] > 0) *fits = od_fit_grid_axis(grid, k, wanted[k] + 1);
  *fits = *fits && (grid->axes[0].count - 1) * (grid->axes[1].count - 1) <= OD_TABLE_MAX_CELLS;
  return OD_OK;
}

/* The thickness of lines; of an interpolated one that of the line before it. */
static void copy_thickness(const od_grid_axis *axis, int32_t *thickness) {
  double last = 2;
  for (int i = 0; i < axis->count; i++) {
    if (axis->lines[i].length > 0) last = axis->lines[i].thickness;
    thickness[i] = (int32_t)(last + 0.5);
  }
}

/* Whether all nodes, which may be infinite or not a number, are in or near the image. */
static bool nodes_are_near(const od_table *table, int h, int w) {
  const size_t count = ((size_t)table->rows + 1) * ((size_t)table->columns + 1);
  for (const double *node = table->nodes; node < table->nodes + 2 * count; node += 2)
    if (!(fabs(node[0] - w / 2.0) <= 2.0 * w && fabs(node[1] - h / 2.0) <= 2.0 * h)) return false;
  return true;
}

/* Set the nodes, thickness and spans of a table; there is none if nodes are far from the image. */
static od_status make_table(const od_grid *grid, const uint8_t *foreground, double min_part,
                            od_table *table, od_error *error) {
  od_mesh mesh;
  table->rows = grid->axes[0].count - 1;
  table->columns = grid->axes[1].count - 1;
  od_status status = allocate(table, error);
  if (status) return status;
  status = od_mesh_create(grid, &mesh, error);
  if (status) return status;
  double *node = table->nodes;
  for (int i = 0; i <= table->rows; i++)
    for (int j = 0; j <= table->columns; j++, node += 2) od_mesh_node(&mesh, i, j, node);
  od_mesh_release(&mesh);
  if (!nodes_are_near(table, grid->h, grid->w)) {
    od_table_release(table);
    return OD_OK;
  }
  for (int k = 0; k < 2; k++)
    copy_thickness(&grid->axes[k], table->thickness + (k == 0 ? 0 : table->rows + 1));
  return od_find_table_spans(grid->h, grid->w, foreground, min_part, table, error);
}

od_status od_find_table(od_image_workspace *workspace, int h, int w, const uint8_t *foreground,
                        const od_table_options *options, od_table *table, od_error *error) {
  const double min_part = options->rows && options->columns ? 0 : min_ruled;
  od_grid grid = {.h = h, .w = w};
  bool fits = false;
  *table = (od_table){0};
  od_status status = check(h, w, options, error);
  for (int k = 0; k < 2 && !status; k++)
    status = od_track_ruling_lines(workspace, h, w, foreground,
                                   k == 1 ? OD_VERTICAL_LINES : OD_HORIZONTAL_LINES,
                                   &grid.axes[k].segments, error);
  if (!status) status = od_thread_pool_check(workspace->pool);
  if (!status) status = od_find_grid(&grid, error);
  if (!status) status = od_thread_pool_check(workspace->pool);
  if (!status) status = fit_grid(&grid, foreground, options, &fits, error);
  if (!status) status = od_thread_pool_check(workspace->pool);
  if (!status && fits) status = make_table(&grid, foreground, min_part, table, error);
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
