/* The windows are square, so the filters are separable: along the rows, then along the columns,
 * whole rows at a time. */
#include "digit/coarse_grid.h"

#include "base/math.h"

#include <math.h>
#include <string.h>

enum { CELLS_PER_WINDOW = 12 };

od_coarse_grid od_coarse_grid_for(int h, int w, int window) {
  od_coarse_grid grid = {.h = h, .w = w, .size = 1};
  while (grid.size < OD_MAX_CELL_SIZE && window > CELLS_PER_WINDOW * grid.size) grid.size *= 2;
  grid.rows = (h + grid.size - 1) / grid.size;
  grid.columns = (w + grid.size - 1) / grid.size;
  grid.radius = od_max(1, window / (2 * grid.size));
  return grid;
}

int od_coarse_grid_area(const od_coarse_grid *grid, int i, int j) {
  return od_min(grid->size, grid->h - i * grid->size) *
         od_min(grid->size, grid->w - j * grid->size);
}

/* A copy of all nodes, then a row of doubles; a padded row takes at most three rows. */
size_t od_coarse_grid_scratch(const od_coarse_grid *grid) {
  const size_t row = 4 * ((size_t)grid->columns + 1) * sizeof(double);
  return od_coarse_grid_count(grid) * sizeof(float) + row;
}

/* x (n) = the maximum of sign * x within `radius`; padded (3 n) is scratch. */
static void max_along_row(int n, int radius, float sign, float *restrict x,
                          float *restrict padded) {
  const int reach = od_min(radius, n);
  for (int i = 0; i < reach; i++) padded[i] = padded[reach + n + i] = -INFINITY;
  for (int i = 0; i < n; i++) padded[reach + i] = sign * x[i];
  for (int i = 0; i < n; i++) x[i] = padded[i];
  for (int k = 1; k <= 2 * reach; k++) {
    const float *restrict shifted = padded + k;
    for (int i = 0; i < n; i++) x[i] = shifted[i] > x[i] ? shifted[i] : x[i];
  }
}

/* The maximum for sign 1, the minimum for sign -1. */
static void extreme(const od_coarse_grid *grid, int radius, float sign, float *nodes,
                    float *scratch) {
  const int columns = grid->columns;
  for (int i = 0; i < grid->rows; i++)
    max_along_row(columns, radius, sign, nodes + (size_t)i * (size_t)columns, scratch);
  memcpy(scratch, nodes, od_coarse_grid_count(grid) * sizeof *scratch);
  for (int i = 0; i < grid->rows; i++) {
    float *restrict row = nodes + (size_t)i * (size_t)columns;
    for (int k = od_max(i - radius, 0); k <= od_min(i + radius, grid->rows - 1); k++) {
      const float *restrict other = scratch + (size_t)k * (size_t)columns;
      for (int j = 0; j < columns; j++) row[j] = other[j] > row[j] ? other[j] : row[j];
    }
    for (int j = 0; j < columns; j++) row[j] *= sign;
  }
}

void od_coarse_grid_max(const od_coarse_grid *grid, int radius, float *nodes, void *scratch) {
  extreme(grid, radius, 1, nodes, scratch);
}

void od_coarse_grid_min(const od_coarse_grid *grid, int radius, float *nodes, void *scratch) {
  extreme(grid, radius, -1, nodes, scratch);
}

/* Sums of x (n) over windows of 2 radius + 1, cut off at the ends. */
static void sum_along_row(int n, int radius, const float *restrict x, float *restrict sums) {
  double running = 0;
  for (int i = 0; i < od_min(radius, n); i++) running += (double)x[i];
  for (int i = 0; i < n; i++) {
    if (i + radius < n) running += (double)x[i + radius];
    sums[i] = (float)running;
    if (i >= radius) running -= (double)x[i - radius];
  }
}

static void add_row(int n, double sign, const float *restrict row, double *restrict running) {
  for (int j = 0; j < n; j++) running[j] += sign * (double)row[j];
}

void od_coarse_grid_sum(const od_coarse_grid *grid, int radius, float *nodes, void *scratch) {
  const int rows = grid->rows, columns = grid->columns;
  double *running = scratch;
  float *sums = (float *)(void *)(running + columns);
  for (int i = 0; i < rows; i++) {
    const size_t begin = (size_t)i * (size_t)columns;
    sum_along_row(columns, radius, nodes + begin, sums + begin);
  }
  memset(running, 0, (size_t)columns * sizeof *running);
  for (int i = 0; i < od_min(radius, rows); i++)
    add_row(columns, 1, sums + (size_t)i * (size_t)columns, running);
  for (int i = 0; i < rows; i++) {
    float *row = nodes + (size_t)i * (size_t)columns;
    if (i + radius < rows)
      add_row(columns, 1, sums + (size_t)(i + radius) * (size_t)columns, running);
    for (int j = 0; j < columns; j++) row[j] = (float)running[j];
    if (i >= radius) add_row(columns, -1, sums + (size_t)(i - radius) * (size_t)columns, running);
  }
}

void od_coarse_grid_mean(const od_coarse_grid *grid, int radius, float *nodes, void *scratch) {
  od_coarse_grid_sum(grid, radius, nodes, scratch);
  for (int i = 0; i < grid->rows; i++)
    for (int j = 0; j < grid->columns; j++) {
      const int h = od_min(i + radius, grid->rows - 1) - od_max(i - radius, 0) + 1;
      const int w = od_min(j + radius, grid->columns - 1) - od_max(j - radius, 0) + 1;
      nodes[i * grid->columns + j] /= (float)(h * w);
    }
}

/* Find the two nodes along one axis that a pixel lies between; return the weight of the second. */
static float nodes_around(int pixel, int size, int count, int *first, int *second) {
  const float position = ((float)pixel + 0.5f) / (float)size - 0.5f;
  const int node = position < 0 ? -1 : (int)position;
  *first = od_max(node, 0);
  *second = od_min(node + 1, count - 1);
  return position - (float)node;
}

void od_coarse_grid_interpolate(const od_kernels *kernels, const od_coarse_grid *grid,
                                const float *nodes, int y, float *row) {
  int above, below;
  const float part = nodes_around(y, grid->size, grid->rows, &above, &below);
  const size_t columns = (size_t)grid->columns;
  const float *top = nodes + (size_t)above * columns, *bottom = nodes + (size_t)below * columns;
  const float first = top[0] + part * (bottom[0] - top[0]);
  for (int x = 0; x < grid->size / 2; x++) row[x] = first;
  kernels->image.interpolate_nodes(columns, (size_t)grid->size, top, bottom, part,
                                   row + grid->size / 2);
}
