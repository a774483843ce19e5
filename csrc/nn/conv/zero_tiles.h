/* Skipping of tiles that are zero: handwriting is mostly background, so most windows of a first
 * convolution of one channel have only zeros as input, and most tiles of a second one only such
 * windows. Private to nn/conv. */
#ifndef OD_NN_CONV_ZERO_TILES_H
#define OD_NN_CONV_ZERO_TILES_H

#include "nn/conv/algorithm.h"

/* zero (columns), written: whether the input of the 2x2 outputs (row, column), of stride 1, is
 * marked on the map (h, w), or outside the image. */
void od_find_zero_tiles(const od_op *op, const od_kernels *kernels, const uint8_t *map, size_t row,
                        size_t columns, uint8_t *zero);

/* The map to skip by, or NULL if the pass skips nothing. If not NULL, y and argmax are filled with
 * those of an all-zero image, and only the other tiles need to be written. */
const uint8_t *od_begin_zero_tiles(const od_conv_args *args);

#endif
