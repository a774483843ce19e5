/* A batch of the caller's images, read in place: bytes or floats, channels-last, contiguous. The
 * network's input is data * scale; MNIST's bytes have scale 1 / 255. Views own nothing. */
#ifndef OD_NN_IMAGES_H
#define OD_NN_IMAGES_H

#include <stddef.h>
#include <stdint.h>

#include "base/api.h"
#include "kernels/kernels.h"

OD_BEGIN_DECLS

typedef struct od_images {
  const uint8_t *bytes; /* (count, size), or NULL */
  const float *floats;  /* (count, size), or NULL; one of the two is set */
  size_t count;
  size_t size; /* numbers an image: h * w * c */
  double scale;
} od_images;

/* Loads image `index` as the network's input: pixels (size). */
void od_images_load(const od_images *images, const od_kernels *kernels, size_t index,
                    od_real *pixels);

OD_END_DECLS

#endif
