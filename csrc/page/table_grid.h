/* The grid of a table: which ruling lines belong to it, and coordinates in which they are parallel.
 * Private to the files of tables. */
#ifndef OD_PAGE_TABLE_GRID_H
#define OD_PAGE_TABLE_GRID_H

#include <stdbool.h>

#include "page/table.h"
#include "page/table_lines.h"

/* Lines through a vanishing point: across = a * along + b with a = p + q * b. */
typedef struct od_pencil {
  double p, q;
} od_pencil;

/* The coordinate of a point that is the same for all points of a line of the pencil: the line's
 * across at along = 0. */
static inline double od_pencil_coordinate(const od_pencil *pencil, double along, double across) {
  return (across - pencil->p * along) / (1 + pencil->q * along);
}

/* A line of the grid. */
typedef struct od_grid_line {
  double position;   /* its coordinate in the pencil */
  double start, end; /* where it was found, in coordinates of the other pencil */
  double thickness;
  double length; /* of its segments; 0 for an interpolated line */
} od_grid_line;

/* One kind of lines, horizontal or vertical. */
typedef struct od_grid_axis {
  od_ruling_line_set segments; /* with the centre of the image as origin */
  int *line_of;                /* (segments.count): index of the segment's line, -1 for none */
  od_pencil pencil;
  int count;
  od_grid_line *lines; /* (count), in order of their positions */
} od_grid_axis;

/* Owns the arrays of its axes; release with od_grid_release. */
typedef struct od_grid {
  int h, w;
  od_grid_axis axes[2]; /* horizontal, vertical lines */
} od_grid;

/* Find the grid of the tracked lines, which axes[k].segments holds; with fewer than two lines of a
 * kind there is none. Errors: OD_ERROR_MEMORY. */
od_status od_find_grid(od_grid *grid, od_error *error);
/* Select or interpolate lines so that axis k has `count` of them. False if that is impossible. */
bool od_fit_grid_axis(od_grid *grid, int k, int count);
void od_grid_release(od_grid *grid);

/* Capacity of od_grid_axis.lines. */
enum { OD_MAX_GRID_LINES = OD_TABLE_MAX_SIDE + 1 };

#endif
