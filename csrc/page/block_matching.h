/* Refinement of a homography by block matching: where the blocks of one image are in another one,
 * warped to it, and the homography that these displacements have in common. Private to page/.
 *
 * A block of a ruling line tells its displacement across the line only, so displacements are
 * weighted by the structure tensor of their block. Blocks that something was written over, or whose
 * print is missing, are outliers of an iteratively reweighted fit (Geman and McClure). */
#ifndef OD_PAGE_BLOCK_MATCHING_H
#define OD_PAGE_BLOCK_MATCHING_H

#include "base/status.h"
#include "image/image.h"

/* Foreground without gaps, of the same scale. */
typedef struct od_image_pair {
  od_view reference, image;
} od_image_pair;

typedef struct od_block_search {
  int side;       /* of the blocks, in pixels */
  int reach;      /* the largest displacement that is searched, in pixels */
  int max_blocks; /* if there are more, some are left out evenly */
} od_block_search;

typedef struct od_block_fit {
  int blocks;      /* blocks of the reference with print */
  int found;       /* those that are in the image at their place */
  double residual; /* root mean square of the distance of these from their place, in pixels */
} od_block_fit;

/* Improve matrix, which maps pixels of the reference to those of the image, by one search and fit,
 * and set *fit to what was found. Errors: OD_ERROR_MEMORY. */
od_status od_match_blocks(od_image_workspace *workspace, const od_image_pair *pair,
                          const od_block_search *search, double matrix[9], od_block_fit *fit,
                          od_error *error);

#endif
