#include "image/homography.h"

#include <math.h>
#include <string.h>

enum { UNKNOWNS = 8 };

static bool all_finite(int n, const double *values) {
  for (int i = 0; i < n; i++)
    if (!isfinite(values[i])) return false;
  return true;
}

bool od_map_point(const double m[9], double x, double y, double *u, double *v) {
  const double w = m[6] * x + m[7] * y + m[8];
  if (!(w > 1e-9)) return false;
  *u = (m[0] * x + m[1] * y + m[2]) / w;
  *v = (m[3] * x + m[4] * y + m[5]) / w;
  return isfinite(*u) && isfinite(*v);
}

void od_multiply_homographies(const double a[9], const double b[9], double product[9]) {
  double result[9];
  for (int i = 0; i < 9; i++) {
    const int row = i / 3 * 3, column = i % 3;
    result[i] = a[row] * b[column] + a[row + 1] * b[3 + column] + a[row + 2] * b[6 + column];
  }
  memcpy(product, result, sizeof result);
}

bool od_invert_homography(const double m[9], double inverse[9]) {
  const double adjugate[9] = {
      m[4] * m[8] - m[5] * m[7], m[2] * m[7] - m[1] * m[8], m[1] * m[5] - m[2] * m[4],
      m[5] * m[6] - m[3] * m[8], m[0] * m[8] - m[2] * m[6], m[2] * m[3] - m[0] * m[5],
      m[3] * m[7] - m[4] * m[6], m[1] * m[6] - m[0] * m[7], m[0] * m[4] - m[1] * m[3]};
  const double determinant = m[0] * adjugate[0] + m[1] * adjugate[3] + m[2] * adjugate[6];
  double result[9];
  if (!(fabs(determinant) > 1e-12)) return false;
  for (int i = 0; i < 9; i++) result[i] = adjugate[i] / determinant;
  if (!isfinite(determinant) || !all_finite(9, result)) return false;
  memcpy(inverse, result, sizeof result);
  return true;
}

bool od_solve_positive(int n, double *a, double *b) {
  for (int j = 0; j < n; j++) {
    double diagonal = a[j * n + j];
    const double scale = fabs(diagonal);
    for (int k = 0; k < j; k++) diagonal -= a[j * n + k] * a[j * n + k];
    if (!(diagonal > 1e-12 * scale)) return false;
    a[j * n + j] = sqrt(diagonal);
    for (int i = j + 1; i < n; i++) {
      double sum = a[i * n + j];
      for (int k = 0; k < j; k++) sum -= a[i * n + k] * a[j * n + k];
      a[i * n + j] = sum / a[j * n + j];
    }
  }
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < i; k++) b[i] -= a[i * n + k] * b[k];
    b[i] /= a[i * n + i];
  }
  for (int i = n - 1; i >= 0; i--) {
    for (int k = i + 1; k < n; k++) b[i] -= a[k * n + i] * b[k];
    b[i] /= a[i * n + i];
  }
  return true;
}

/* The similarity that moves weighted points to mean 0 and mean distance about 1: x -> scale
 * (x - mean). */
typedef struct normalization {
  double x, y, scale;
} normalization;

static bool normalize(int count, const od_point_pair *pairs, bool target, normalization *n) {
  double total = 0, sum_x = 0, sum_y = 0, spread = 0;
  for (int i = 0; i < count; i++) {
    const od_point_pair *p = &pairs[i];
    total += p->weight;
    sum_x += p->weight * (target ? p->u : p->x);
    sum_y += p->weight * (target ? p->v : p->y);
  }
  if (!(total > 0)) return false;
  n->x = sum_x / total;
  n->y = sum_y / total;
  for (int i = 0; i < count; i++) {
    const od_point_pair *p = &pairs[i];
    spread += p->weight * hypot((target ? p->u : p->x) - n->x, (target ? p->v : p->y) - n->y);
  }
  if (!(spread > 1e-9 * total)) return false;
  n->scale = total / spread;
  return true;
}

/* Add weight * row row^T and weight * row * value to the normal equations. */
static void add_equation(int n, const double *row, double value, double weight, double *a,
                         double *b) {
  for (int i = 0; i < n; i++) {
    b[i] += weight * row[i] * value;
    for (int k = 0; k <= i; k++) a[i * n + k] += weight * row[i] * row[k];
  }
}

bool od_find_homography(int count, const od_point_pair *pairs, od_planar_model model,
                        double matrix[9]) {
  const int n = model == OD_MODEL_AFFINE ? 6 : UNKNOWNS;
  double a[UNKNOWNS * UNKNOWNS] = {0}, b[UNKNOWNS] = {0};
  normalization from, to;
  if (!normalize(count, pairs, false, &from) || !normalize(count, pairs, true, &to)) return false;
  for (int i = 0; i < count; i++) {
    const od_point_pair *p = &pairs[i];
    const double x = from.scale * (p->x - from.x), y = from.scale * (p->y - from.y);
    const double u = to.scale * (p->u - to.x), v = to.scale * (p->v - to.y);
    add_equation(n, (double[]){x, y, 1, 0, 0, 0, -u * x, -u * y}, u, p->weight, a, b);
    add_equation(n, (double[]){0, 0, 0, x, y, 1, -v * x, -v * y}, v, p->weight, a, b);
  }
  if (!od_solve_positive(n, a, b)) return false;
  const double fitted[9] = {
      b[0], b[1], b[2], b[3], b[4], b[5], n == UNKNOWNS ? b[6] : 0, n == UNKNOWNS ? b[7] : 0, 1};
  const double before[9] = {
      from.scale, 0, -from.scale * from.x, 0, from.scale, -from.scale * from.y, 0, 0, 1};
  const double after[9] = {1 / to.scale, 0, to.x, 0, 1 / to.scale, to.y, 0, 0, 1};
  od_multiply_homographies(fitted, before, matrix);
  od_multiply_homographies(after, matrix, matrix);
  if (!(fabs(matrix[8]) > 1e-9)) return false;
  for (int i = 0; i < 9; i++) matrix[i] /= i < 8 ? matrix[8] : 1;
  matrix[8] = 1;
  return all_finite(8, matrix);
}
