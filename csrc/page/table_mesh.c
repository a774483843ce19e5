/* A line of the grid deviates from the straight line of its pencil, as the page is curled. The
 * deviations of its points are averaged in bins along the image; between and beyond the bins with
 * points they are interpolated, for a line without points from its neighbours. */
#include "page/table_mesh.h"

#include <math.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"

enum { BINS = 64, NODE_STEPS = 4 };

static double bin_of(const od_mesh *m, int k, double along) {
  const double side = k == 0 ? m->grid->w : m->grid->h;
  return fmin(fmax((along / side + 0.5) * BINS - 0.5, 0), BINS - 1);
}

/* ---- deviations ---- */

static void add_points(od_mesh *m, int k, double *weights) {
  const od_grid_axis *axis = &m->grid->axes[k];
  for (int i = 0; i < axis->segments.count; i++) {
    const od_ruling_line *segment = &axis->segments.lines[i];
    if (axis->line_of[i] < 0) continue;
    const od_grid_line *line = &axis->lines[axis->line_of[i]];
    const size_t row = (size_t)axis->line_of[i] * BINS;
    for (int j = 0; j < segment->count; j++) {
      const od_line_point *p = &axis->segments.points[segment->first + j];
      const size_t bin = row + (size_t)(bin_of(m, k, p->along) + 0.5);
      m->deviations[k][bin] +=
          od_pencil_coordinate(&axis->pencil, p->along, p->across) - line->position;
      weights[bin] += 1;
    }
  }
}

/* Interpolate the bins (BINS) of a line without points; false if it has none. */
static bool fill_bins(double *deviations, double *weights) {
  int previous = -1;
  for (int b = 0; b < BINS; b++) {
    if (weights[b] < 1) continue;
    deviations[b] /= weights[b];
    for (int c = previous + 1; c < b; c++) {
      const double part = previous < 0 ? 1 : (double)(c - previous) / (b - previous);
      deviations[c] = previous < 0
                          ? deviations[b]
                          : deviations[previous] + part * (deviations[b] - deviations[previous]);
    }
    previous = b;
  }
  for (int c = previous + 1; c < BINS && previous >= 0; c++) deviations[c] = deviations[previous];
  return previous >= 0;
}

static void smooth_bins(double *deviations) {
  double previous = deviations[0];
  for (int b = 0; b < BINS; b++) {
    const double value = deviations[b];
    deviations[b] = (previous + 2 * value + deviations[od_min(b + 1, BINS - 1)]) / 4;
    previous = value;
  }
}

/* Interpolate the deviations of lines without points from the nearest lines with points. */
static void fill_lines(od_mesh *m, int k, double *weights, bool *filled) {
  const od_grid_axis *axis = &m->grid->axes[k];
  for (int i = 0; i < axis->count; i++) {
    double *row = m->deviations[k] + (size_t)i * BINS;
    filled[i] = fill_bins(row, weights + (size_t)i * BINS);
    if (filled[i]) smooth_bins(row);
  }
  for (int i = 0; i < axis->count; i++) {
    int before = i, after = i;
    if (filled[i]) continue;
    while (before >= 0 && !filled[before]) before--;
    while (after < axis->count && !filled[after]) after++;
    if (before < 0) before = after;
    if (after >= axis->count) after = before;
    if (before < 0 || before >= axis->count) continue;
    const double from = axis->lines[before].position, to = axis->lines[after].position;
    const double part = after > before ? (axis->lines[i].position - from) / (to - from) : 0;
    for (int b = 0; b < BINS; b++) {
      const double *rows = m->deviations[k];
      m->deviations[k][i * BINS + b] =
          (1 - part) * rows[before * BINS + b] + part * rows[after * BINS + b];
    }
  }
}

static double deviation_at(const od_mesh *m, int k, int line, double along) {
  const double *row = m->deviations[k] + (size_t)line * BINS;
  const double bin = bin_of(m, k, along);
  const int b = od_min((int)bin, BINS - 2);
  return row[b] + (bin - b) * (row[b + 1] - row[b]);
}

/* ---- nodes ---- */

/* The point, from the centre of the image, with these coordinates in both pencils. */
static void point_at(const od_grid *grid, double u, double v, double *x, double *y) {
  const od_pencil *rows = &grid->axes[0].pencil, *columns = &grid->axes[1].pencil;
  const double a = rows->p + rows->q * v, c = columns->p + columns->q * u;
  *x = (u + v * c) / (1 - a * c);
  *y = v + *x * a;
}

void od_mesh_node(const od_mesh *m, int i, int j, double *node) {
  const od_grid *grid = m->grid;
  const double v = grid->axes[0].lines[i].position, u = grid->axes[1].lines[j].position;
  double x, y;
  point_at(grid, u, v, &x, &y);
  for (int n = 0; n < NODE_STEPS; n++)
    point_at(grid, u + deviation_at(m, 1, j, y), v + deviation_at(m, 0, i, x), &x, &y);
  node[0] = x + grid->w / 2.0;
  node[1] = y + grid->h / 2.0;
}

od_status od_mesh_create(const od_grid *grid, od_mesh *mesh, od_error *error) {
  bool filled[OD_MAX_GRID_LINES];
  *mesh = (od_mesh){.grid = grid};
  for (int k = 0; k < 2; k++) {
    const size_t bins = (size_t)grid->axes[k].count * BINS;
    double *weights = od_allocate(bins, sizeof *weights);
    mesh->deviations[k] = od_allocate(bins, sizeof(double));
    if (!weights || !mesh->deviations[k]) {
      od_release(weights);
      od_mesh_release(mesh);
      return od_fail_memory(error, "the mesh of a table");
    }
    add_points(mesh, k, weights);
    fill_lines(mesh, k, weights, filled);
    od_release(weights);
  }
  return OD_OK;
}

void od_mesh_release(od_mesh *mesh) {
  for (int k = 0; k < 2; k++) od_release(mesh->deviations[k]);
  *mesh = (od_mesh){0};
}
