/* A line of the grid deviates from the straight line of its pencil, as the page is curled. The
 * deviations of its points are averaged in bins along the image; between and beyond the bins with
 * points they are interpolated, for a line without points from its neighbours. */
#include "page/table_mesh.h"

#include <math.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"

enum { BINS = 64, NODE_STEPS = 4, WALL_SAMPLES = 24, WALL_LEVEL = 32 };
static const double min_wall = 0.45; /* ruled proportion of a wall, relative to the median wall */

/* Deviations of the lines of both axes, in coordinates of their pencils. */
typedef struct mesh {
  const od_grid *grid;
  double *deviations[2]; /* (lines, BINS) */
  double *weights[2];    /* (lines, BINS): points */
} mesh;

static double bin_of(const mesh *m, int k, double along) {
  const double side = k == 0 ? m->grid->w : m->grid->h;
  return fmin(fmax((along / side + 0.5) * BINS - 0.5, 0), BINS - 1);
}

/* ---- deviations ---- */

static void add_points(mesh *m, int k) {
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
      m->weights[k][bin] += 1;
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
static void fill_lines(mesh *m, int k, bool *filled) {
  const od_grid_axis *axis = &m->grid->axes[k];
  for (int i = 0; i < axis->count; i++) {
    double *row = m->deviations[k] + (size_t)i * BINS;
    filled[i] = fill_bins(row, m->weights[k] + (size_t)i * BINS);
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

static double deviation_at(const mesh *m, int k, int line, double along) {
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

static void find_node(const mesh *m, int i, int j, double *node) {
  const od_grid *grid = m->grid;
  const double v = grid->axes[0].lines[i].position, u = grid->axes[1].lines[j].position;
  double x, y;
  point_at(grid, u, v, &x, &y);
  for (int n = 0; n < NODE_STEPS; n++)
    point_at(grid, u + deviation_at(m, 1, j, y), v + deviation_at(m, 0, i, x), &x, &y);
  node[0] = x + grid->w / 2.0;
  node[1] = y + grid->h / 2.0;
}

/* ---- walls ---- */

typedef struct levels {
  int h, w;
  const uint8_t *foreground; /* (h, w) */
} levels;

static int level_at(const levels *l, double x, double y) {
  const int column = (int)floor(x + 0.5), row = (int)floor(y + 0.5);
  if (column < 0 || row < 0 || column >= l->w || row >= l->h) return 0;
  return l->foreground[(size_t)row * (size_t)l->w + (size_t)column];
}

/* The extreme levels across a wall. */
typedef struct profile {
  int line;     /* maximum within reach of it */
  int sides[2]; /* minima beside it */
} profile;

static profile profile_at(const levels *l, const double point[2], const double normal[2],
                          double reach) {
  const int inner = (int)ceil(reach), outer = (int)ceil(2.5 * reach) + 2;
  profile p = {0, {255, 255}};
  for (int d = -outer; d <= outer; d++) {
    const int level = level_at(l, point[0] + d * normal[0], point[1] + d * normal[1]);
    if (d >= -inner && d <= inner)
      p.line = od_max(p.line, level);
    else
      p.sides[d > 0] = od_min(p.sides[d > 0], level);
  }
  return p;
}

/* Return the proportion of the wall between nodes a and b where a line is: foreground within
 * `reach` of it with background on one side at least. */
static double wall_evidence(const levels *l, const double *a, const double *b, double reach) {
  const double dx = b[0] - a[0], dy = b[1] - a[1], length = hypot(dx, dy);
  if (length < 2) return 1;
  const double normal[2] = {-dy / length, dx / length};
  int found = 0;
  for (int s = 0; s < WALL_SAMPLES; s++) {
    const double t = 0.12 + 0.76 * (s + 0.5) / WALL_SAMPLES;
    const profile p = profile_at(l, (double[]){a[0] + t * dx, a[1] + t * dy}, normal, reach);
    found += p.line >= WALL_LEVEL && 2 * od_min(p.sides[0], p.sides[1]) < p.line;
  }
  return (double)found / WALL_SAMPLES;
}

typedef struct walls {
  const od_table *table;
  double *right; /* (rows, columns): evidence of the wall right of a cell */
  double *below;
} walls;

static const double *node_of(const od_table *table, int i, int j) {
  return table->nodes + 2 * ((size_t)i * ((size_t)table->columns + 1) + (size_t)j);
}

static void find_walls(walls *w, const levels *l) {
  const od_table *t = w->table;
  const int32_t *vertical = t->thickness + t->rows + 1;
  for (int i = 0; i < t->rows; i++) {
    for (int j = 0; j < t->columns; j++) {
      const size_t cell = (size_t)i * (size_t)t->columns + (size_t)j;
      w->right[cell] = w->below[cell] = 1;
      if (j + 1 < t->columns)
        w->right[cell] = wall_evidence(l, node_of(t, i, j + 1), node_of(t, i + 1, j + 1),
                                       1.5 + vertical[j + 1] / 2.0);
      if (i + 1 < t->rows)
        w->below[cell] = wall_evidence(l, node_of(t, i + 1, j), node_of(t, i + 1, j + 1),
                                       1.5 + t->thickness[i + 1] / 2.0);
    }
  }
}

/* The median evidence of walls (count), by a histogram. */
static double median_evidence(const double *evidence, size_t count) {
  size_t counts[WALL_SAMPLES + 1] = {0}, sum = 0;
  for (size_t i = 0; i < count; i++) counts[(int)(evidence[i] * WALL_SAMPLES + 0.5)]++;
  for (int k = 0; k <= WALL_SAMPLES; k++) {
    sum += counts[k];
    if (2 * sum >= count) return (double)k / WALL_SAMPLES;
  }
  return 1;
}

/* ---- merged cells ---- */

/* The largest cell from place (i, j) whose walls inside are missing: grown to the right, then down
 * as long as all of the next row is connected. */
static void grow_cell(const walls *w, int i, int j, double limit, int32_t *span) {
  const od_table *t = w->table;
  const size_t columns = (size_t)t->columns;
  int rows = 1, width = 1;
  while (j + width < t->columns &&
         w->right[(size_t)i * columns + (size_t)(j + width - 1)] < limit &&
         t->spans[2 * ((size_t)i * columns + (size_t)(j + width))] < 0)
    width++;
  for (bool whole = true; whole && i + rows < t->rows;) {
    for (int c = j; c < j + width && whole; c++) {
      const size_t above = (size_t)(i + rows - 1) * columns + (size_t)c;
      whole = w->below[above] < limit && t->spans[2 * (above + columns)] < 0 &&
              (c + 1 == j + width || w->right[above + columns] < limit);
    }
    rows += whole;
  }
  span[0] = rows;
  span[1] = width;
}

static void merge_cells(const walls *w, double limit) {
  const od_table *t = w->table;
  const size_t columns = (size_t)t->columns, count = (size_t)t->rows * columns;
  for (size_t i = 0; i < 2 * count; i++) t->spans[i] = -1;
  for (int i = 0; i < t->rows; i++) {
    for (int j = 0; j < t->columns; j++) {
      int32_t *span = t->spans + 2 * ((size_t)i * columns + (size_t)j);
      if (span[0] >= 0) continue;
      int32_t size[2];
      grow_cell(w, i, j, limit, size);
      for (int r = i; r < i + size[0]; r++)
        for (int c = j; c < j + size[1]; c++)
          memset(t->spans + 2 * ((size_t)r * columns + (size_t)c), 0, 2 * sizeof *span);
      memcpy(span, size, sizeof size);
    }
  }
}

static od_status find_spans(const levels *l, od_table *table, od_error *error) {
  const size_t count = (size_t)table->rows * (size_t)table->columns;
  double *evidence = od_allocate(2 * count, sizeof *evidence);
  if (!evidence) return od_fail_memory(error, "the walls of a table");
  walls w = {table, evidence, evidence + count};
  find_walls(&w, l);
  merge_cells(&w, min_wall * median_evidence(evidence, 2 * count));
  od_release(evidence);
  return OD_OK;
}

/* ---- the mesh ---- */

/* The thickness of lines; of an interpolated one that of the line before it. */
static void copy_thickness(const od_grid_axis *axis, int32_t *thickness) {
  double last = 2;
  for (int i = 0; i < axis->count; i++) {
    if (axis->lines[i].length > 0) last = axis->lines[i].thickness;
    thickness[i] = (int32_t)(last + 0.5);
  }
}

od_status od_make_table_mesh(const od_grid *grid, const uint8_t *foreground, od_table *table,
                             od_error *error) {
  mesh m = {.grid = grid};
  bool filled[OD_MAX_GRID_LINES];
  od_status status = OD_OK;
  for (int k = 0; k < 2; k++) {
    const size_t bins = (size_t)grid->axes[k].count * BINS;
    m.deviations[k] = od_allocate(bins, sizeof(double));
    m.weights[k] = od_allocate(bins, sizeof(double));
    if (!m.deviations[k] || !m.weights[k]) status = od_fail_memory(error, "the mesh of a table");
  }
  for (int k = 0; k < 2 && !status; k++) {
    add_points(&m, k);
    fill_lines(&m, k, filled);
    copy_thickness(&grid->axes[k], table->thickness + (k == 0 ? 0 : table->rows + 1));
  }
  double *node = table->nodes;
  for (int i = 0; i <= table->rows && !status; i++)
    for (int j = 0; j <= table->columns; j++, node += 2) find_node(&m, i, j, node);
  for (int k = 0; k < 2; k++) {
    od_release(m.deviations[k]);
    od_release(m.weights[k]);
  }
  if (status) return status;
  return find_spans(&(levels){grid->h, grid->w, foreground}, table, error);
}
