/* Canonical input: images in MNIST's form, a light digit on black, which a classifier can take
 * without preprocessing. */
#ifndef OD_DIGIT_CANONICAL_H
#define OD_DIGIT_CANONICAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Larger images are never canonical. */
enum { OD_MAX_CANONICAL_SIDE = 64 };

/* Whether image (h, w) is canonical. Three conditions, of which the last is for 28x28 pixels, other
 * sizes in proportion:
 * - along at least two sides more than a quarter of the pixels are black (below 33);
 * - some pixel is foreground (128 or more);
 * - the bounding box of the pixels of 64 or more is longer than 16; and it is longer than 21, as
 *   with noise or lines, or the centre of mass of the pixels that are not black is at most 2 from
 *   (14, 14) on both axes. */
bool od_is_canonical(int h, int w, const uint8_t *image);

/* Whether a batch (count, h, w), count >= 1, is canonical: nine in ten images of an evenly spread
 * sample of up to 32 are. Floats are compared as the bytes that 255 / top times the number rounds
 * to; all of them must be in [0, top], so NaN is never canonical. */
bool od_are_canonical(size_t count, int h, int w, const uint8_t *images);
bool od_are_canonical_floats(size_t count, int h, int w, float top, const float *images);

#endif
