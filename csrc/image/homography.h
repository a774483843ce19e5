/* Homographies: 3 x 3 matrices, row by row, that map points (x, y, 1) of one plane to another. */
#ifndef OD_IMAGE_HOMOGRAPHY_H
#define OD_IMAGE_HOMOGRAPHY_H

#include <stdbool.h>

#include "base/api.h"

OD_BEGIN_DECLS

/* Set *u and *v to the point that (x, y) is mapped to; false if it lies at infinity or beyond, or
 * its coordinates overflow. */
bool od_map_point(const double matrix[9], double x, double y, double *u, double *v);

/* product = first after second: it maps a point by `second`, then by `first`. The product may be
 * one of the two. */
void od_multiply_homographies(const double first[9], const double second[9], double product[9]);

/* False, and the inverse unchanged, if the matrix is singular or its inverse is not finite. The
 * inverse may be the matrix. */
bool od_invert_homography(const double matrix[9], double inverse[9]);

/* A point of one plane, the one it is mapped to, and the weight of the pair. */
typedef struct od_point_pair {
  double x, y, u, v, weight;
} od_point_pair;

typedef enum od_planar_model { OD_MODEL_AFFINE, OD_MODEL_HOMOGRAPHY } od_planar_model;

/* Fit a map to pairs (count) by weighted least squares: Hartley's normalization, then the direct
 * linear transformation with the last element 1. False if the pairs do not determine it, or its
 * numbers overflow. */
bool od_find_homography(int count, const od_point_pair *pairs, od_planar_model model,
                        double matrix[9]);

/* Solve the symmetric positive definite system a x = b of n <= 8 unknowns by Cholesky's
 * factorization; a (n, n) is overwritten, b becomes x. False if it is singular. */
bool od_solve_positive(int n, double *a, double *b);

OD_END_DECLS

#endif
