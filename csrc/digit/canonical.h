/* Canonical input: images in MNIST's form, a light digit on black, which a classifier can take
 * without preprocessing. */
#ifndef OD_DIGIT_CANONICAL_H
#define OD_DIGIT_CANONICAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether image (h, w) is canonical: along at least two sides more than a quarter of the pixels are
 * black (below 33), and some pixel is foreground (128 or more). */
bool od_is_canonical(int h, int w, const uint8_t *image);

/* Whether a batch (count, h, w), count >= 1, is canonical: nine in ten images of an evenly spread
 * sample of up to 32 are. Floats are compared as the bytes that 255 / top times the number rounds
 * to; all of them must be in [0, top], so NaN is never canonical. */
bool od_are_canonical(size_t count, int h, int w, const uint8_t *images);
bool od_are_canonical_floats(size_t count, int h, int w, float top, const float *images);

#endif
