/* Polarity: whether the foreground of an image is darker or lighter than the background. */
#ifndef OD_DIGIT_POLARITY_H
#define OD_DIGIT_POLARITY_H

#include <stdbool.h>
#include <stdint.h>

#include "digit/coarse_grid.h"
#include "kernels/kernels.h"

/* Whether the foreground of the image (grid->h, grid->w) is dark. powers (nodes, 3) are the sums of
 * the first three powers of level - 128 over each cell. means (nodes) gets the cells' means;
 * low, high (nodes), row (od_coarse_grid_row_size) and scratch (od_coarse_grid_scratch) are scratch
 * memory. An inverted image gives the opposite, except for one without any evidence, whose
 * foreground is dark. */
bool od_foreground_is_dark(const od_kernels *kernels, const od_coarse_grid *grid,
                           const uint8_t *image, const int32_t *powers, float *means,
                           float *const buffers[3], void *scratch);

#endif
