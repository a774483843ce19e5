/* Tables: the grid of ruling lines in an image, as a mesh of the intersections of its lines.
 *
 * Ruling lines are tracked through the foreground (table_lines.c), at any thickness, with gaps and
 * slants up to about 40 degrees. The horizontal ones pass through a vanishing point, and so do the
 * vertical ones; in coordinates in which both kinds are parallel, the largest connected set of
 * crossing lines is the grid (table_grid.c). The mesh follows each line, so that the page may be
 * curled (table_mesh.c), and tells which cells are merged. od_rectify_table samples the cells as
 * upright rectangles (table_rectify.c). */
#ifndef OD_PAGE_TABLE_H
#define OD_PAGE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "image/image.h"

enum {
  OD_TABLE_MAX_SIDE = 1000, /* rows or columns of a table */
  OD_TABLE_MAX_CELLS = 40000,
  OD_TABLE_ROW_HEIGHT = 48,
  OD_TABLE_MAX_PIXELS = 6000000
};

typedef struct od_table_options {
  int rows, columns; /* 0: as many as there are ruling lines for */
} od_table_options;

/* Release with od_table_release. */
typedef struct od_table {
  int rows, columns;  /* 0 without a table */
  double *nodes;      /* (rows + 1, columns + 1, 2): x, y of the intersections */
  int32_t *spans;     /* (rows, columns, 2): rows and columns of the cell that starts here; 0, 0 if
                         the place is part of a merged cell that starts elsewhere */
  int32_t *thickness; /* (rows + columns + 2): of the horizontal, then the vertical lines */
} od_table;

/* Find the table in foreground (h, w), levels as of od_find_foreground. Given numbers of rows and
 * columns hold: lines that are missing are interpolated, and table->rows is 0 if that is
 * impossible; with both given no cells are merged. Errors: OD_ERROR_ARGUMENT for numbers outside
 * 0..OD_TABLE_MAX_SIDE or more than OD_TABLE_MAX_CELLS cells, and sides
 * outside 1..OD_MAX_IMAGE_SIDE; OD_ERROR_MEMORY. */
od_status od_find_table(od_image_workspace *workspace, int h, int w, const uint8_t *foreground,
                        const od_table_options *options, od_table *table, od_error *error);
void od_table_release(od_table *table);

/* Where cells are in a rectified image: row i has the pixels tops[i] .. tops[i + 1] - 1, column j
 * those of lefts[j] .. lefts[j + 1] - 1, the last `gap` of both excepted. */
typedef struct od_table_layout {
  int32_t *tops;  /* (rows + 1), first 0 */
  int32_t *lefts; /* (columns + 1), first 0 */
  int gap;
} od_table_layout;

/* Set the numbers of a layout, so that rows are at least about OD_TABLE_ROW_HEIGHT pixels high and
 * the rectified image has at most OD_TABLE_MAX_PIXELS. False if the table does not fit in as many
 * at a scale of 1/100. */
bool od_lay_out_table(const od_table *table, od_table_layout *layout);

/* Sample the cells of an image without gaps, or of its foreground, as upright rectangles.
 * rectified (tops[rows], lefts[columns]) is written within the cells only. Errors: OD_ERROR_MEMORY.
 */
od_status od_rectify_table(od_image_workspace *workspace, od_view image, const od_table *table,
                           const od_table_layout *layout, uint8_t *rectified, od_error *error);

/* Erase the ruling lines from a rectified foreground. */
void od_erase_table_lines(const od_table *table, const od_table_layout *layout, uint8_t *rectified);

#endif
