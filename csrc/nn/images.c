#include "nn/images.h"

void od_images_load(const od_images *images, const od_kernels *kernels, size_t index,
                    od_real *pixels) {
  if (images->bytes) {
    kernels->bytes_to_real(images->size, images->bytes + index * images->size,
                           (od_real)images->scale, pixels);
    return;
  }
  const float *source = images->floats + index * images->size;
  for (size_t i = 0; i < images->size; i++) pixels[i] = (od_real)source[i] * (od_real)images->scale;
}
