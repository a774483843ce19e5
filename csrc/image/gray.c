#include "image/image.h"

/* Weights of red, green and blue (ITU-R BT.601) in 15 bits, as OpenCV rounds them. */
static uint8_t gray_of(uint32_t red, uint32_t green, uint32_t blue) {
  return (uint8_t)((9798 * red + 19235 * green + 3735 * blue + (1u << 14)) >> 15);
}

void od_rgb_to_gray(size_t n, const uint8_t *rgb, uint8_t *gray) {
  for (size_t i = 0; i < n; i++, rgb += 3) gray[i] = gray_of(rgb[0], rgb[1], rgb[2]);
}

static uint32_t composite(uint32_t alpha, uint32_t channel, uint32_t background) {
  return (alpha * channel + (255 - alpha) * background + 127) / 255;
}

void od_rgba_to_gray(size_t n, const uint8_t *rgba, uint8_t background, uint8_t *gray) {
  for (size_t i = 0; i < n; i++, rgba += 4)
    gray[i] =
        gray_of(composite(rgba[3], rgba[0], background), composite(rgba[3], rgba[1], background),
                composite(rgba[3], rgba[2], background));
}
