/* A coarse grid over an image, for quantities that vary slowly: one number per cell, in arrays
 * nodes (rows, columns) of the caller, filtered over windows and interpolated between the cells'
 * centres. */
#ifndef OD_DIGIT_COARSE_GRID_H
#define OD_DIGIT_COARSE_GRID_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"

enum { OD_MAX_CELL_SIZE = 8 };

typedef struct od_coarse_grid {
  int h, w; /* the image's sides */
  int size; /* a cell's side: 1, 2, 4 or 8 */
  int rows, columns;
  int radius; /* of the window, in cells */
} od_coarse_grid;

/* The grid over an image (h, w) for windows of `window` >= 1 pixels. */
od_coarse_grid od_coarse_grid_for(int h, int w, int window);

static inline size_t od_coarse_grid_count(const od_coarse_grid *grid) {
  return (size_t)grid->rows * (size_t)grid->columns;
}

/* Row i of the grid covers image rows size * i to before this one. */
static inline int od_coarse_grid_row_end(const od_coarse_grid *grid, int i) {
  const int end = (i + 1) * grid->size;
  return end < grid->h ? end : grid->h;
}

/* Pixels of cell (i, j). */
int od_coarse_grid_area(const od_coarse_grid *grid, int i, int j);

/* Bytes of scratch memory of the filters below. */
size_t od_coarse_grid_scratch(const od_coarse_grid *grid);

/* Filter nodes over windows of 2 radius + 1 cells a side, in place: maximum, minimum, sum, and mean
 * over the part of the window inside the grid. */
void od_coarse_grid_max(const od_coarse_grid *grid, int radius, float *nodes, void *scratch);
void od_coarse_grid_min(const od_coarse_grid *grid, int radius, float *nodes, void *scratch);
void od_coarse_grid_sum(const od_coarse_grid *grid, int radius, float *nodes, void *scratch);
void od_coarse_grid_mean(const od_coarse_grid *grid, int radius, float *nodes, void *scratch);

/* Floats of a row that od_coarse_grid_interpolate writes: a few more than the image's width. */
static inline size_t od_coarse_grid_row_size(const od_coarse_grid *grid) {
  return (size_t)grid->w + 2 * OD_MAX_CELL_SIZE;
}

/* row (od_coarse_grid_row_size): image row y, bilinear between the cells' centres. */
void od_coarse_grid_interpolate(const od_kernels *kernels, const od_coarse_grid *grid,
                                const float *nodes, int y, float *row);

#endif
