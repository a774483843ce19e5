/* Windows are square, so filters go along the rows, then down the columns, whole rows at a
 * time. */
#include "digit/coarse_grid.h"

#include "base/math.h"

#include <math.h>
#include <string.h>

enum { CELLS_A_WINDOW = 12 };

od_coarse_grid od_coarse_grid_for(int h, int w, int window) {
  od_coarse_grid cells = {.h = h, .w = w, .size = 1};
  while (cells.size < OD_MAX_CELL && window > CELLS_A_WINDOW * cells.size) cells.size *= 2;
  cells.rows = (h + cells.size - 1) / cells.size;
  cells.columns = (w + cells.size - 1) / cells.size;
  cells.reach = od_max(1, window / (2 * cells.size));
  return cells;
}

int od_coarse_grid_area(const od_coarse_grid *cells, int i, int j) {
  return od_min(cells->size, cells->h - i * cells->size) *
         od_min(cells->size, cells->w - j * cells->size);
}

/* A copy of all nodes; or a padded row, no longer than three of them; or a row of doubles. */
size_t od_coarse_grid_scratch(const od_coarse_grid *cells) {
  const size_t row = 4 * ((size_t)cells->columns + 1) * sizeof(double);
  return od_coarse_grid_count(cells) * sizeof(float) + row;
}

/* x (n) = sign * the greatest of sign * x within `reach`; line (3 n). */
static void greatest_along(int n, int reach, float sign, float *restrict x, float *restrict line) {
  const int within = od_min(reach, n);
  for (int i = 0; i < within; i++) line[i] = line[within + n + i] = -INFINITY;
  for (int i = 0; i < n; i++) line[within + i] = sign * x[i];
  for (int i = 0; i < n; i++) x[i] = line[i];
  for (int k = 1; k <= 2 * within; k++) {
    const float *restrict shifted = line + k;
    for (int i = 0; i < n; i++) x[i] = shifted[i] > x[i] ? shifted[i] : x[i];
  }
}

static void greatest_around(const od_coarse_grid *cells, int reach, float sign, float *nodes,
                            float *copy) {
  const int columns = cells->columns;
  for (int i = 0; i < cells->rows; i++)
    greatest_along(columns, reach, sign, nodes + (size_t)i * (size_t)columns, copy);
  memcpy(copy, nodes, od_coarse_grid_count(cells) * sizeof *copy);
  for (int i = 0; i < cells->rows; i++) {
    float *restrict row = nodes + (size_t)i * (size_t)columns;
    for (int k = od_max(i - reach, 0); k <= od_min(i + reach, cells->rows - 1); k++) {
      const float *restrict other = copy + (size_t)k * (size_t)columns;
      for (int j = 0; j < columns; j++) row[j] = other[j] > row[j] ? other[j] : row[j];
    }
    for (int j = 0; j < columns; j++) row[j] *= sign;
  }
}

void od_coarse_grid_max(const od_coarse_grid *cells, int reach, float *nodes, void *scratch) {
  greatest_around(cells, reach, 1, nodes, scratch);
}

void od_coarse_grid_min(const od_coarse_grid *cells, int reach, float *nodes, void *scratch) {
  greatest_around(cells, reach, -1, nodes, scratch);
}

/* Sums of x (n) over windows of 2 reach + 1, cut off at the ends. */
static void sum_along(int n, int reach, const float *restrict x, float *restrict sums) {
  double running = 0;
  for (int i = 0; i < od_min(reach, n); i++) running += (double)x[i];
  for (int i = 0; i < n; i++) {
    if (i + reach < n) running += (double)x[i + reach];
    sums[i] = (float)running;
    if (i >= reach) running -= (double)x[i - reach];
  }
}

static void add_row(int n, double sign, const float *restrict row, double *restrict running) {
  for (int j = 0; j < n; j++) running[j] += sign * (double)row[j];
}

void od_coarse_grid_sum(const od_coarse_grid *cells, int reach, float *nodes, void *scratch) {
  const int rows = cells->rows, columns = cells->columns;
  double *running = scratch;
  float *copy = (float *)(void *)(running + columns);
  for (int i = 0; i < rows; i++) {
    const size_t at = (size_t)i * (size_t)columns;
    sum_along(columns, reach, nodes + at, copy + at);
  }
  memset(running, 0, (size_t)columns * sizeof *running);
  for (int i = 0; i < od_min(reach, rows); i++)
    add_row(columns, 1, copy + (size_t)i * (size_t)columns, running);
  for (int i = 0; i < rows; i++) {
    float *row = nodes + (size_t)i * (size_t)columns;
    if (i + reach < rows)
      add_row(columns, 1, copy + (size_t)(i + reach) * (size_t)columns, running);
    for (int j = 0; j < columns; j++) row[j] = (float)running[j];
    if (i >= reach) add_row(columns, -1, copy + (size_t)(i - reach) * (size_t)columns, running);
  }
}

void od_coarse_grid_mean(const od_coarse_grid *cells, int reach, float *nodes, void *scratch) {
  od_coarse_grid_sum(cells, reach, nodes, scratch);
  for (int i = 0; i < cells->rows; i++)
    for (int j = 0; j < cells->columns; j++) {
      const int tall = od_min(i + reach, cells->rows - 1) - od_max(i - reach, 0) + 1;
      const int wide = od_min(j + reach, cells->columns - 1) - od_max(j - reach, 0) + 1;
      nodes[i * cells->columns + j] /= (float)(tall * wide);
    }
}

/* Between which nodes a pixel lies along one axis, and how near it is to the second. */
static float between_nodes(int pixel, int size, int count, int *first, int *second) {
  const float place = ((float)pixel + 0.5f) / (float)size - 0.5f;
  const int node = place < 0 ? -1 : (int)place;
  *first = od_max(node, 0);
  *second = od_min(node + 1, count - 1);
  return place - (float)node;
}

void od_coarse_grid_read(const od_kernels *kernels, const od_coarse_grid *cells, const float *nodes, int y,
                   float *row) {
  int above, below;
  const float down = between_nodes(y, cells->size, cells->rows, &above, &below);
  const size_t columns = (size_t)cells->columns;
  const float *top = nodes + (size_t)above * columns, *bottom = nodes + (size_t)below * columns;
  const float first = top[0] + down * (bottom[0] - top[0]);
  for (int x = 0; x < cells->size / 2; x++) row[x] = first;
  kernels->image.interpolate_nodes(columns, (size_t)cells->size, top, bottom, down, row + cells->size / 2);
}
