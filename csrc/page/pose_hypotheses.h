/* Hypotheses of where one page lies in the picture of another: homographies that many matches of
 * keypoints agree with, by RANSAC. Private to page/. */
#ifndef OD_PAGE_POSE_HYPOTHESES_H
#define OD_PAGE_POSE_HYPOTHESES_H

#include "image/homography.h"

enum { OD_MAX_POSES = 4 };

typedef struct od_pose {
  double matrix[9];
  int support; /* keypoints that agree */
} od_pose;

/* Different poses, in descending order of support. */
typedef struct od_poses {
  int h, w; /* sides of the page */
  int count;
  od_pose items[OD_MAX_POSES];
} od_poses;

/* The rotation, in radians, and the scale that the matches were made for. */
typedef struct od_match_frame {
  double angle, scale;
} od_match_frame;

/* Add the poses that pairs (count), sorted by their first points, agree with. A sample is two
 * pairs, which determine a similarity; one that gains support is refined to an affine map and then
 * to a homography. The sampling is deterministic. pairs' weights are changed. */
void od_find_poses(int count, od_point_pair *pairs, od_match_frame frame, od_poses *poses);

#endif
