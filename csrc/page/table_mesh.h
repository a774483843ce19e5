/* The mesh of a grid: its lines as they run on a curled page. Private to the files of tables. */
#ifndef OD_PAGE_TABLE_MESH_H
#define OD_PAGE_TABLE_MESH_H

#include "page/table_grid.h"

/* Set table->nodes, table->thickness and table->spans, which are allocated, from a grid of
 * table->rows + 1 horizontal and table->columns + 1 vertical lines. Errors: OD_ERROR_MEMORY. */
od_status od_make_table_mesh(const od_grid *grid, const uint8_t *foreground, od_table *table,
                             od_error *error);

#endif
