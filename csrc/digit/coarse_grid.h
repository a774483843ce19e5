/* A coarse grid over a picture, for what changes slowly: one number a cell, kept in arrays
 * (rows, columns) of the caller, filtered over windows and read between the cells' middles. */
#ifndef OD_DIGIT_COARSE_GRID_H
#define OD_DIGIT_COARSE_GRID_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"

enum { OD_MAX_CELL = 8 };

typedef struct od_coarse_grid {
  int h, w; /* the picture's sides */
  int size; /* a cell's: 1, 2, 4 or 8 */
  int rows, columns;
  int reach; /* cells to each side that make up the window */
} od_coarse_grid;

/* Cells for windows of `window` >= 1 pixels over a picture (h, w). */
od_coarse_grid od_coarse_grid_for(int h, int w, int window);

static inline size_t od_coarse_grid_count(const od_coarse_grid *cells) {
  return (size_t)cells->rows * (size_t)cells->columns;
}

/* The rows of pixels of row i of cells are size * i to before this one. */
static inline int od_coarse_grid_end(const od_coarse_grid *cells, int i) {
  const int end = (i + 1) * cells->size;
  return end < cells->h ? end : cells->h;
}

/* The pixels of cell (i, j). */
int od_coarse_grid_area(const od_coarse_grid *cells, int i, int j);

/* Bytes of scratch that the filters below want. */
size_t od_coarse_grid_scratch(const od_coarse_grid *cells);

/* Filters over windows of 2 reach + 1 cells a side, in place: the greatest, the least, the sum,
 * and the mean of the cells that there are. */
void od_coarse_grid_max(const od_coarse_grid *cells, int reach, float *nodes, void *scratch);
void od_coarse_grid_min(const od_coarse_grid *cells, int reach, float *nodes, void *scratch);
void od_coarse_grid_sum(const od_coarse_grid *cells, int reach, float *nodes, void *scratch);
void od_coarse_grid_mean(const od_coarse_grid *cells, int reach, float *nodes, void *scratch);

/* Floats of a row that od_coarse_grid_read writes: a few more than the picture's width. */
static inline size_t od_coarse_grid_row_room(const od_coarse_grid *cells) {
  return (size_t)cells->w + 2 * OD_MAX_CELL;
}

/* Row y of pixels, linear between the cells' middles: row (od_coarse_grid_row_room). */
void od_coarse_grid_read(const od_kernels *kernels, const od_coarse_grid *cells, const float *nodes, int y,
                   float *row);

#endif
