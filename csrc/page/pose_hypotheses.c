#include "page/pose_hypotheses.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"

enum { SAMPLES = 1000, MIN_SUPPORT = 4, REFINEMENTS = 4 };

/* Distances in pixels: of the two points of a sample at least; from a match to where a similarity,
 * and a homography, puts it; between two poses that are different. */
static const double min_distance = 30, loose = 8, tight = 4, different = 6;

/* How far a sample may be from the frame that its matches were made for. */
static const double max_turn = 0.2, max_stretch = 1.25, whole_turn = 6.28318530717958647693;

/* Two points on either side determine u = a x - b y + c, v = b x + a y + d. */
static bool find_similarity(const od_point_pair *p, const od_point_pair *q, od_match_frame frame,
                            double matrix[9]) {
  const double x = q->x - p->x, y = q->y - p->y, u = q->u - p->u, v = q->v - p->v;
  const double square = x * x + y * y;
  if (square < min_distance * min_distance) return false;
  const double a = (x * u + y * v) / square, b = (x * v - y * u) / square;
  const double stretch = hypot(a, b) / frame.scale;
  const double turn = remainder(atan2(b, a) - frame.angle, whole_turn);
  if (!(stretch > 1 / max_stretch && stretch < max_stretch && fabs(turn) < max_turn)) return false;
  const double similarity[9] = {
      a, -b, p->u - a * p->x + b * p->y, b, a, p->v - b * p->x - a * p->y, 0, 0, 1};
  for (int i = 0; i < 9; i++) matrix[i] = similarity[i];
  return true;
}

/* Set each weight to 1 if the pair agrees with a map, else 0; return how many first points have a
 * pair that does. Of the pairs of a point only the nearest counts. */
static int weigh(int count, od_point_pair *pairs, const double matrix[9], double tolerance) {
  int support = 0;
  for (int i = 0, next; i < count; i = next) {
    int nearest = -1;
    double min = tolerance * tolerance;
    for (next = i; next < count && pairs[next].x == pairs[i].x && pairs[next].y == pairs[i].y;
         next++) {
      double u, v;
      pairs[next].weight = 0;
      if (!od_map_point(matrix, pairs[next].x, pairs[next].y, &u, &v)) continue;
      u -= pairs[next].u, v -= pairs[next].v;
      if (u * u + v * v < min) min = u * u + v * v, nearest = next;
    }
    if (nearest >= 0) pairs[nearest].weight = 1, support++;
  }
  return support;
}

/* Fit a map to the pairs that agree, several times; return its support. */
static int refine(int count, od_point_pair *pairs, double matrix[9]) {
  for (int k = 0; k < REFINEMENTS; k++) {
    const bool affine = k < REFINEMENTS / 2;
    if (weigh(count, pairs, matrix, affine ? loose : 1.5 * tight) < MIN_SUPPORT) return 0;
    double fitted[9];
    if (!od_find_homography(count, pairs, affine ? OD_MODEL_AFFINE : OD_MODEL_HOMOGRAPHY, fitted))
      return 0;
    for (int i = 0; i < 9; i++) matrix[i] = fitted[i];
  }
  return weigh(count, pairs, matrix, tight);
}

static bool are_different(const od_poses *poses, const double a[9], const double b[9]) {
  for (int i = 0; i < 4; i++) {
    const double x = i % 2 ? poses->w : 0, y = i / 2 ? poses->h : 0;
    double u[2], v[2];
    if (!od_map_point(a, x, y, &u[0], &v[0]) || !od_map_point(b, x, y, &u[1], &v[1])) return true;
    if (hypot(u[1] - u[0], v[1] - v[0]) > different) return true;
  }
  return false;
}

/* Add a pose; of similar ones the one of most support is kept. */
static void add_pose(od_poses *poses, const od_pose *pose) {
  int place = 0;
  for (int i = 0; i < poses->count; i++) {
    if (are_different(poses, poses->items[i].matrix, pose->matrix)) continue;
    if (poses->items[i].support >= pose->support) return;
    for (int k = i; k + 1 < poses->count; k++) poses->items[k] = poses->items[k + 1];
    poses->count--;
    i--;
  }
  while (place < poses->count && poses->items[place].support >= pose->support) place++;
  if (place == OD_MAX_POSES) return;
  if (poses->count < OD_MAX_POSES) poses->count++;
  for (int k = poses->count - 1; k > place; k--) poses->items[k] = poses->items[k - 1];
  poses->items[place] = *pose;
}

void od_find_poses(int count, od_point_pair *pairs, od_match_frame frame, od_poses *poses) {
  od_rng rng;
  int best = MIN_SUPPORT - 1;
  od_rng_seed(&rng, 0, 0);
  for (int i = 0; i < SAMPLES && count >= 2; i++) {
    const od_point_pair *p = &pairs[od_rng_below(&rng, (uint64_t)count)];
    const od_point_pair *q = &pairs[od_rng_below(&rng, (uint64_t)count)];
    od_pose pose;
    if (!find_similarity(p, q, frame, pose.matrix)) continue;
    const int support = weigh(count, pairs, pose.matrix, loose);
    if (support < MIN_SUPPORT || 4 * support < 3 * best) continue;
    if (support > best) best = support;
    pose.support = refine(count, pairs, pose.matrix);
    if (pose.support >= MIN_SUPPORT) add_pose(poses, &pose);
  }
}
