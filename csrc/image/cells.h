/* A coarse grid over a picture, for what changes slowly: one number a cell, kept in arrays
 * (rows, columns) of the caller, filtered over windows and read between the cells' middles. */
#ifndef OD_IMAGE_CELLS_H
#define OD_IMAGE_CELLS_H

#include <stddef.h>
#include <stdint.h>

#include "arch/kernels.h"

enum { OD_LARGEST_CELL = 8 };

typedef struct od_cells {
  int h, w; /* the picture's sides */
  int size; /* a cell's: 1, 2, 4 or 8 */
  int rows, columns;
  int reach; /* cells to each side that make up the window */
} od_cells;

/* Cells for windows of `window` >= 1 pixels over a picture (h, w). */
od_cells od_cells_for(int h, int w, int window);

static inline size_t od_cells_count(const od_cells *cells) {
  return (size_t)cells->rows * (size_t)cells->columns;
}

/* The rows of pixels of row i of cells are size * i to before this one. */
static inline int od_cells_end(const od_cells *cells, int i) {
  const int end = (i + 1) * cells->size;
  return end < cells->h ? end : cells->h;
}

/* The pixels of cell (i, j). */
int od_cells_area(const od_cells *cells, int i, int j);

/* Bytes of scratch that the filters below want. */
size_t od_cells_scratch(const od_cells *cells);

/* Filters over windows of 2 reach + 1 cells a side, in place: the greatest, the least, the sum,
 * and the mean of the cells that there are. */
void od_cells_greatest(const od_cells *cells, int reach, float *nodes, void *scratch);
void od_cells_least(const od_cells *cells, int reach, float *nodes, void *scratch);
void od_cells_sum(const od_cells *cells, int reach, float *nodes, void *scratch);
void od_cells_mean(const od_cells *cells, int reach, float *nodes, void *scratch);

/* Floats of a row that od_cells_read writes: a few more than the picture's width. */
static inline size_t od_cells_row_room(const od_cells *cells) {
  return (size_t)cells->w + 2 * OD_LARGEST_CELL;
}

/* Row y of pixels, linear between the cells' middles: row (od_cells_row_room). */
void od_cells_read(const od_kernels *kernels, const od_cells *cells, const float *nodes, int y,
                   float *row);

#endif
