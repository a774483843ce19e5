#include "page/block_matching.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "image/homography.h"

enum { UNKNOWNS = 8, FITS = 12 };

/* Least mean square of the gradient of a block with print, and least correlation of a block that is
 * found. */
static const double min_gradient = 150, min_correlation = 0.5;

/* Greatest distance of a block that is found from its place, in pixels, and least scale of the
 * weights. */
static const double max_distance = 1.5, min_spread = 0.35;

/* A block: its place, structure tensor of trace 1, displacement, correlation and weight. */
typedef struct block {
  int x, y;          /* upper left pixel */
  double xx, xy, yy; /* tensor */
  double u, v;
  double correlation, weight;
} block;

typedef struct matching {
  const od_view *reference;
  const uint8_t *warped; /* (h, w), as the reference */
  od_block_search search;
  block *blocks;
  int count;
} matching;

/* ---- blocks ---- */

/* Set the tensor of a block; return the mean square of its gradient. */
static double find_tensor(const od_view *image, int side, block *b) {
  double xx = 0, xy = 0, yy = 0;
  for (int y = b->y; y < b->y + side; y++) {
    const uint8_t *row = image->pixels + y * image->row;
    for (int x = b->x; x < b->x + side; x++) {
      const int dx = row[x + 1] - row[x - 1];
      const int dy = row[x + image->row] - row[x - image->row];
      xx += dx * dx, xy += dx * dy, yy += dy * dy;
    }
  }
  const double trace = xx + yy;
  if (trace > 0) b->xx = xx / trace, b->xy = xy / trace, b->yy = yy / trace;
  return trace / (4.0 * side * side);
}

/* Find the blocks with print, on a grid that leaves room for the search. */
static od_status find_blocks(matching *m, od_error *error) {
  const od_view *image = m->reference;
  const int side = m->search.side, margin = m->search.reach + 1;
  const int rows = (image->h - 2 * margin) / side, columns = (image->w - 2 * margin) / side;
  if (rows < 1 || columns < 1) return OD_OK;
  m->blocks = od_allocate((size_t)rows * (size_t)columns, sizeof *m->blocks);
  if (!m->blocks) return od_fail_memory(error, "the blocks of a page");
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++) {
      block *b = &m->blocks[m->count];
      *b = (block){.x = margin + j * side, .y = margin + i * side};
      if (find_tensor(image, side, b) >= min_gradient) m->count++;
    }
  if (m->count <= m->search.max_blocks) return OD_OK;
  for (int i = 0; i < m->search.max_blocks; i++)
    m->blocks[i] = m->blocks[(int64_t)i * m->count / m->search.max_blocks];
  m->count = m->search.max_blocks;
  return OD_OK;
}

/* ---- search ---- */

/* Sum of squared differences of a block and its place in the warped image; one of more than `limit`
 * is not exact. */
static int squared_difference(const matching *m, const block *b, int u, int v, int limit) {
  const od_view *image = m->reference;
  const int side = m->search.side;
  int sum = 0;
  for (int y = b->y; y < b->y + side && sum <= limit; y++) {
    const uint8_t *p = image->pixels + y * image->row + b->x;
    const uint8_t *q = m->warped + (y + v) * image->row + b->x + u;
    for (int x = 0; x < side; x++) sum += (p[x] - q[x]) * (p[x] - q[x]);
  }
  return sum;
}

/* The vertex of a parabola through three values, relative to the middle one, in -1/2..1/2. */
static double vertex(double before, double middle, double after) {
  const double curvature = before - 2 * middle + after;
  if (!(curvature > 0)) return 0;
  return fmax(-0.5, fmin(0.5, (before - after) / (2 * curvature)));
}

/* Normalized cross-correlation of a block with its place in the warped image. */
static double correlation_at(const matching *m, const block *b, int u, int v) {
  const od_view *image = m->reference;
  const int side = m->search.side;
  int64_t p = 0, q = 0, pp = 0, qq = 0, pq = 0;
  for (int y = b->y; y < b->y + side; y++)
    for (int x = b->x; x < b->x + side; x++) {
      const int a = image->pixels[y * image->row + x];
      const int c = m->warped[(y + v) * image->row + x + u];
      p += a, q += c, pp += a * a, qq += c * c, pq += a * c;
    }
  const double n = (double)side * side, mean_p = (double)p / n, mean_q = (double)q / n;
  const double variance_p = (double)pp - n * mean_p * mean_p;
  const double variance_q = (double)qq - n * mean_q * mean_q;
  if (!(variance_p > 0 && variance_q > 0)) return 0;
  return ((double)pq - n * mean_p * mean_q) / sqrt(variance_p * variance_q);
}

static void find_displacement(const matching *m, block *b) {
  const int reach = m->search.reach;
  int best_u = 0, best_v = 0; /* in doubt the block stays */
  int min = squared_difference(m, b, 0, 0, INT_MAX);
  for (int v = -reach; v <= reach; v++)
    for (int u = -reach; u <= reach; u++) {
      const int difference = squared_difference(m, b, u, v, min);
      if (difference < min) min = difference, best_u = u, best_v = v;
    }
  b->u = best_u, b->v = best_v;
  b->correlation = correlation_at(m, b, best_u, best_v);
  if (b->correlation < min_correlation) return;
  if (abs(best_u) < reach)
    b->u += vertex(squared_difference(m, b, best_u - 1, best_v, INT_MAX), min,
                   squared_difference(m, b, best_u + 1, best_v, INT_MAX));
  if (abs(best_v) < reach)
    b->v += vertex(squared_difference(m, b, best_u, best_v - 1, INT_MAX), min,
                   squared_difference(m, b, best_u, best_v + 1, INT_MAX));
}

/* ---- fit ---- */

/* Coordinates of a block's middle, about -1 to 1. */
static void normalized(const matching *m, const block *b, double *x, double *y) {
  const double half = fmax(m->reference->w, m->reference->h) / 2.0,
               middle = (m->search.side - 1) / 2.0;
  *x = (b->x + middle - m->reference->w / 2.0) / half;
  *y = (b->y + middle - m->reference->h / 2.0) / half;
}

/* The displacement that a change of the homography gives a point: rows of u and of v. */
static void basis(double x, double y, double u[UNKNOWNS], double v[UNKNOWNS]) {
  const double first[UNKNOWNS] = {1, x, y, 0, 0, 0, x * x, x * y};
  const double second[UNKNOWNS] = {0, 0, 0, 1, x, y, x * y, y * y};
  memcpy(u, first, sizeof first);
  memcpy(v, second, sizeof second);
}

/* Distance of a block from where a change puts it, as far as its tensor tells. */
static double distance_of(const matching *m, const block *b, const double *change) {
  double x, y, rows[2][UNKNOWNS], u = -b->u, v = -b->v;
  normalized(m, b, &x, &y);
  basis(x, y, rows[0], rows[1]);
  for (int i = 0; i < UNKNOWNS; i++) u += rows[0][i] * change[i], v += rows[1][i] * change[i];
  return sqrt(fmax(0, b->xx * u * u + 2 * b->xy * u * v + b->yy * v * v));
}

/* Solve for the change that explains the displacements best; false if nothing determines it. */
static bool solve(const matching *m, double *change) {
  double a[UNKNOWNS * UNKNOWNS] = {0}, rows[2][UNKNOWNS], x, y;
  double total = 0;
  memset(change, 0, UNKNOWNS * sizeof *change);
  for (int n = 0; n < m->count; n++) {
    const block *b = &m->blocks[n];
    if (b->weight == 0) continue;
    normalized(m, b, &x, &y);
    basis(x, y, rows[0], rows[1]);
    const double xu = b->xx * b->u + b->xy * b->v, xv = b->xy * b->u + b->yy * b->v;
    for (int i = 0; i < UNKNOWNS; i++) {
      const double p = b->xx * rows[0][i] + b->xy * rows[1][i];
      const double q = b->xy * rows[0][i] + b->yy * rows[1][i];
      change[i] += b->weight * (rows[0][i] * xu + rows[1][i] * xv);
      for (int k = 0; k <= i; k++)
        a[i * UNKNOWNS + k] += b->weight * (p * rows[0][k] + q * rows[1][k]);
    }
    total += b->weight;
  }
  if (!(total > 0)) return false;
  /* What few blocks do not determine stays; perspective needs more evidence than the rest. */
  for (int i = 0; i < UNKNOWNS; i++) a[i * (UNKNOWNS + 1)] += (i < 6 ? 1e-4 : 1e-3) * total;
  return od_solve_positive(UNKNOWNS, a, change);
}

/* Weight the blocks by their distances; return the scale of the weights. */
static double weigh(matching *m, const double *change, double spread) {
  double sum = 0, weights = 0;
  for (int n = 0; n < m->count; n++) {
    block *b = &m->blocks[n];
    if (b->correlation < min_correlation) {
      b->weight = 0;
      continue;
    }
    const double distance = distance_of(m, b, change), ratio = distance / spread;
    const double robust = 1 / (1 + ratio * ratio);
    b->weight = b->correlation * robust * robust;
    sum += b->weight * distance * distance;
    weights += b->weight;
  }
  return weights > 0 ? fmax(min_spread, 1.5 * sqrt(sum / weights)) : min_spread;
}

/* Fit a change with weights that become stricter. */
static bool fit_change(matching *m, double *change) {
  double spread = m->search.reach;
  memset(change, 0, UNKNOWNS * sizeof *change);
  for (int k = 0; k < FITS; k++) {
    spread = fmin(spread, weigh(m, change, spread));
    if (!solve(m, change)) return false;
  }
  return true;
}

/* The change as a homography of the reference's pixels. */
static void homography_of(const matching *m, const double *c, double change[9]) {
  const double w = m->reference->w, h = m->reference->h, half = fmax(w, h) / 2;
  const double to[9] = {1 / half, 0, -w / 2 / half, 0, 1 / half, -h / 2 / half, 0, 0, 1};
  const double back[9] = {half, 0, w / 2, 0, half, h / 2, 0, 0, 1};
  const double moved[9] = {1 + c[1] / half, c[2] / half,     c[0] / half,
                           c[4] / half,     1 + c[5] / half, c[3] / half,
                           -c[6] / half,    -c[7] / half,    1};
  od_multiply_homographies(moved, to, change);
  od_multiply_homographies(back, change, change);
}

/* Count the blocks that a change puts at their place, and measure how far they are from it. */
static void measure_fit(const matching *m, const double *change, od_block_fit *fit) {
  double squares = 0;
  *fit = (od_block_fit){.blocks = m->count};
  for (int n = 0; n < m->count; n++) {
    const double distance = distance_of(m, &m->blocks[n], change);
    if (m->blocks[n].correlation < min_correlation || distance > max_distance) continue;
    fit->found++;
    squares += distance * distance;
  }
  fit->residual = fit->found ? sqrt(squares / fit->found) : 0;
}

od_status od_match_blocks(od_image_workspace *workspace, const od_image_pair *pair,
                          const od_block_search *search, double matrix[9], od_block_fit *fit,
                          od_error *error) {
  const int h = pair->reference.h, w = pair->reference.w;
  matching m = {.reference = &pair->reference, .search = *search};
  double change[UNKNOWNS], moved[9];
  *fit = (od_block_fit){0};
  uint8_t *warped = od_allocate((size_t)h, (size_t)w);
  if (!warped) return od_fail_memory(error, "a page in its form's frame");
  const od_target target = od_target_of(h, w, warped);
  od_status status =
      od_warp_perspective(workspace, &pair->image, matrix, OD_BORDER_CONSTANT, 0, &target, error);
  m.warped = warped;
  if (!status) status = find_blocks(&m, error);
  if (!status) {
    for (int n = 0; n < m.count; n++) find_displacement(&m, &m.blocks[n]);
    if (fit_change(&m, change)) {
      measure_fit(&m, change, fit);
      homography_of(&m, change, moved);
      od_multiply_homographies(matrix, moved, matrix);
      for (int i = 0; i < 9; i++) matrix[i] /= i < 8 ? matrix[8] : 1;
      matrix[8] = 1;
    } else {
      fit->blocks = m.count;
    }
  }
  od_release(m.blocks);
  od_release(warped);
  return status;
}
