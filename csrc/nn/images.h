/* A batch of images as the caller has them, read in place: bytes or floats,
 * channels-last, one after the other. A pixel's value for the network is
 * data * scale; MNIST's bytes have scale 1 / 255. Views own nothing. */
#ifndef OD_NN_IMAGES_H
#define OD_NN_IMAGES_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"

typedef struct od_images {
  const uint8_t *bytes; /* (count, size), or NULL */
  const float *floats;  /* (count, size), or NULL; one of the two is set */
  size_t count;
  size_t size;          /* numbers an image: h * w * c */
  double scale;
} od_images;

/* Image `index` as numbers for the network: pixels (size). */
void od_images_load(const od_images *images, const od_kernels *kernels, size_t index,
                    od_real *pixels);

#endif
