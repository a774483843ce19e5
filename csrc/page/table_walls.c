#include "page/table_walls.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "page/table_mesh.h"

enum { WALL_SAMPLES = 24, END_SAMPLES = 3, WALL_LEVEL = 32, MAX_PRUNINGS = 40, UNKNOWN = 2 };
/* Proportions of a wall: from which on it is ruled, and between which it is rather crossed by
 * strokes. */
static const double ruled = 0.8, min_stroke = 0.15, max_stroke = 0.7;

typedef struct levels {
  int h, w;
  const uint8_t *foreground; /* (h, w) */
} levels;

/* The level at a point, which may be infinite or not a number; 0 beyond the image. */
static int level_at(const levels *l, double x, double y) {
  if (!(x > -1 && x < l->w && y > -1 && y < l->h)) return 0;
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
 * `reach` of it with background on one side at least. It counts half if both ends of the wall are
 * without a line, as where writing crosses a missing one. */
static double wall_evidence(const levels *l, const double *a, const double *b, double reach) {
  const double dx = b[0] - a[0], dy = b[1] - a[1], length = hypot(dx, dy);
  if (length < 2) return 1;
  const double normal[2] = {-dy / length, dx / length};
  int found = 0, at_ends = 0;
  for (int s = 0; s < WALL_SAMPLES; s++) {
    const double t = 0.12 + 0.76 * (s + 0.5) / WALL_SAMPLES;
    const profile p = profile_at(l, (double[]){a[0] + t * dx, a[1] + t * dy}, normal, reach);
    const bool is_line = p.line >= WALL_LEVEL && 2 * od_min(p.sides[0], p.sides[1]) < p.line;
    found += is_line;
    at_ends += is_line && (s < END_SAMPLES || s >= WALL_SAMPLES - END_SAMPLES);
  }
  return (double)found / WALL_SAMPLES / (at_ends > 0 ? 1 : 2);
}

typedef struct walls {
  const od_table *table;
  double *right; /* (rows, columns): evidence of the wall right of a cell; 1 in the last column */
  double *below; /* (rows, columns); 1 in the last row */
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

/* The median evidence of the walls between cells, by a histogram; 1 without any. */
static double median_evidence(const walls *w) {
  const int rows = w->table->rows, columns = w->table->columns;
  const int count = rows * (columns - 1) + (rows - 1) * columns;
  int counts[WALL_SAMPLES + 1] = {0}, sum = 0;
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < columns; j++) {
      const size_t cell = (size_t)i * (size_t)columns + (size_t)j;
      if (j + 1 < columns) counts[(int)(w->right[cell] * WALL_SAMPLES + 0.5)]++;
      if (i + 1 < rows) counts[(int)(w->below[cell] * WALL_SAMPLES + 0.5)]++;
    }
  }
  for (int k = 0; k <= WALL_SAMPLES && count > 0; k++) {
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

od_status od_find_table_spans(int h, int w, const uint8_t *foreground, double min_ruled,
                              od_table *table, od_error *error) {
  const size_t count = (size_t)table->rows * (size_t)table->columns;
  const levels l = {h, w, foreground};
  double *evidence = od_allocate(2 * count, sizeof *evidence);
  if (!evidence) return od_fail_memory(error, "the walls of a table");
  walls found = {table, evidence, evidence + count};
  find_walls(&found, &l);
  merge_cells(&found, min_ruled * median_evidence(&found));
  od_release(evidence);
  return OD_OK;
}

/* ---- lines that are strokes ---- */

/* The lines of a grid that are left, and the nodes of all. */
typedef struct pruning {
  od_grid *grid;
  levels levels;
  double *nodes; /* (lines, lines, 2): of horizontal and vertical lines */
  int *left[2];  /* (count[k]): indices of the lines that are left */
  int count[2];
  double *score[2]; /* (count[k]): ruled walls less crossed ones */
  int8_t *walls[2]; /* (lines, other lines): of a line from another one to the next that is left:
                       1 if ruled, -1 if strokes cross it, 0 for others, UNKNOWN */
} pruning;

static const double *pruning_node(const pruning *p, int k, int line, int other) {
  const int i = k == 0 ? line : other, j = k == 0 ? other : line;
  return p->nodes + 2 * ((size_t)i * (size_t)p->grid->axes[1].count + (size_t)j);
}

static int8_t *pruning_wall(const pruning *p, int k, int line, int other) {
  return p->walls[k] + (size_t)line * (size_t)p->grid->axes[!k].count + (size_t)other;
}

/* The number of walls of a line that are ruled, less those that strokes cross. */
static double score_line(const pruning *p, int k, int line) {
  const double reach = 1.5 + p->grid->axes[k].lines[line].thickness / 2;
  double score = 0;
  for (int j = 0; j + 1 < p->count[!k]; j++) {
    const int from = p->left[!k][j], to = p->left[!k][j + 1];
    int8_t *wall = pruning_wall(p, k, line, from);
    if (*wall == UNKNOWN) {
      const double part = wall_evidence(&p->levels, pruning_node(p, k, line, from),
                                        pruning_node(p, k, line, to), reach);
      *wall = part >= ruled ? 1 : part > min_stroke && part < max_stroke ? -1 : 0;
    }
    score += *wall;
  }
  return score;
}

/* Compact the lines of axis k that are left; walls across the removed ones become unknown. */
static void remove_lines(pruning *p, int k) {
  int kept = 0;
  for (int i = 0; i < p->count[k]; i++) {
    if (p->left[k][i] >= 0) {
      p->left[k][kept++] = p->left[k][i];
    } else if (kept > 0) {
      for (int j = 0; j < p->count[!k]; j++)
        *pruning_wall(p, !k, p->left[!k][j], p->left[k][kept - 1]) = UNKNOWN;
    }
  }
  p->count[k] = kept;
}

/* Remove the worst lines of axis k: a quarter of those whose score is not positive, at least one.
 */
static bool remove_worst(pruning *p, int k) {
  int failed = 0;
  for (int i = 0; i < p->count[k]; i++) {
    p->score[k][i] = score_line(p, k, p->left[k][i]);
    failed += p->score[k][i] < 0.5;
  }
  if (failed == 0) return false;
  for (int n = (failed + 3) / 4; n > 0; n--) {
    int worst = 0;
    for (int i = 1; i < p->count[k]; i++)
      if (p->score[k][i] < p->score[k][worst]) worst = i;
    p->score[k][worst] = INFINITY;
    p->left[k][worst] = -1;
  }
  remove_lines(p, k);
  return true;
}

/* Whether any line of kind k has a wall between lines j and j + 1 of the other kind. */
static bool has_wall(const pruning *p, int k, int j) {
  for (int i = 0; i < p->count[k]; i++) {
    const int line = p->left[k][i];
    const double reach = 1.5 + p->grid->axes[k].lines[line].thickness / 2;
    if (wall_evidence(&p->levels, pruning_node(p, k, line, p->left[!k][j]),
                      pruning_node(p, k, line, p->left[!k][j + 1]), reach) >= 0.5)
      return true;
  }
  return false;
}

/* Keep only the longest part of axis k that no gap without walls divides. */
static void keep_longest_part(pruning *p, int k) {
  int first = 0, best = 0, length = 0;
  for (int j = 0; j < p->count[k]; j++) {
    if (j + 1 - first > length) {
      length = j + 1 - first;
      best = first;
    }
    if (j + 1 < p->count[k] && !has_wall(p, !k, j)) first = j + 1;
  }
  memmove(p->left[k], p->left[k] + best, (size_t)length * sizeof *p->left[k]);
  p->count[k] = length;
}

/* Keep only the lines of axis k that are left. */
static void apply_pruning(const pruning *p, int k) {
  od_grid_axis *axis = &p->grid->axes[k];
  int moved[OD_MAX_GRID_LINES];
  for (int i = 0; i < axis->count; i++) moved[i] = -1;
  for (int i = 0; i < p->count[k]; i++) moved[p->left[k][i]] = i;
  for (int i = 0; i < axis->segments.count; i++)
    if (axis->line_of[i] >= 0) axis->line_of[i] = moved[axis->line_of[i]];
  for (int i = 0; i < p->count[k]; i++) axis->lines[i] = axis->lines[p->left[k][i]];
  axis->count = p->count[k];
}

static od_status allocate_pruning(pruning *p, od_error *error) {
  const size_t rows = (size_t)p->grid->axes[0].count, columns = (size_t)p->grid->axes[1].count;
  p->nodes = od_allocate(2 * rows * columns, sizeof *p->nodes);
  for (int k = 0; k < 2; k++) {
    p->count[k] = p->grid->axes[k].count;
    p->left[k] = od_allocate((size_t)p->count[k], sizeof *p->left[k]);
    p->score[k] = od_allocate((size_t)p->count[k], sizeof *p->score[k]);
    p->walls[k] = od_allocate(rows * columns, 1);
    if (!p->left[k] || !p->score[k] || !p->walls[k])
      return od_fail_memory(error, "the walls of a table");
    memset(p->walls[k], UNKNOWN, rows * columns);
    for (int i = 0; i < p->count[k]; i++) p->left[k][i] = i;
  }
  return p->nodes ? OD_OK : od_fail_memory(error, "the walls of a table");
}

od_status od_prune_grid(od_grid *grid, const uint8_t *foreground, od_error *error) {
  pruning p = {.grid = grid, .levels = {grid->h, grid->w, foreground}};
  od_mesh mesh = {0};
  od_status status = allocate_pruning(&p, error);
  if (!status) status = od_mesh_create(grid, &mesh, error);
  if (!status) {
    double *node = p.nodes;
    for (int i = 0; i < grid->axes[0].count; i++)
      for (int j = 0; j < grid->axes[1].count; j++, node += 2) od_mesh_node(&mesh, i, j, node);
    for (int n = 0; n < MAX_PRUNINGS; n++) {
      const bool rows = remove_worst(&p, 0), columns = remove_worst(&p, 1);
      if (!rows && !columns) break;
    }
    for (int k = 0; k < 2; k++) keep_longest_part(&p, k);
    for (int k = 0; k < 2; k++) apply_pruning(&p, k);
  }
  od_mesh_release(&mesh);
  od_release(p.nodes);
  for (int k = 0; k < 2; k++) {
    od_release(p.left[k]);
    od_release(p.score[k]);
    od_release(p.walls[k]);
  }
  return status;
}
