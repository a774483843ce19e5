/* Walls: the parts of the lines of a grid between two crossing lines. Which of them are ruled tells
 * lines from strokes of writing, and merged cells from others. Private to the files of tables. */
#ifndef OD_PAGE_TABLE_WALLS_H
#define OD_PAGE_TABLE_WALLS_H

#include "page/table_grid.h"

/* Remove lines whose walls are rather strokes of writing, which cover parts of them. foreground
 * (h, w) is that of the grid. Errors: OD_ERROR_MEMORY. */
od_status od_prune_grid(od_grid *grid, const uint8_t *foreground, od_error *error);

/* Set table->spans from its nodes and thickness. Cells are merged if the proportion of the wall
 * between them that is ruled is below min_ruled times the median one. Errors: OD_ERROR_MEMORY. */
od_status od_find_table_spans(int h, int w, const uint8_t *foreground, double min_ruled,
                              od_table *table, od_error *error);

#endif
