/* Pictures to network inputs. Images are rows of pixels, channels last, bytes. */
#ifndef OD_IMAGE_IMAGE_H
#define OD_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Gray of RGB as OpenCV computes it: (9798 R + 19235 G + 3735 B + 16384) >> 15.
 * rgb (n, 3), gray (n). */
void od_rgb_to_gray(size_t n, const uint8_t *rgb, uint8_t *gray);

/* RGBA over a background gray level, then gray: alpha is composited, never dropped.
 * Each channel is (a c + (255 - a) background + 127) / 255. rgba (n, 4), gray (n). */
void od_rgba_to_gray(size_t n, const uint8_t *rgba, uint8_t background, uint8_t *gray);

/* Otsu's threshold (Otsu, 1979) of image (n): ties take the lowest; foreground is
 * pixel > threshold; a constant image gives 0. */
uint8_t od_otsu_threshold(size_t n, const uint8_t *image);

/* Area resampling of image (h, w) to result (out_h, out_w), in 0..255: each result pixel
 * is the mean of the input under it, weighted by covered area; along an axis that the
 * result is longer on, linear at pixel centres instead.
 * Errors: OD_ERROR_ARGUMENT for sides outside 1..16384; OD_ERROR_MEMORY. */
od_status od_resize_gray(int h, int w, const uint8_t *image, int out_h, int out_w, float *result,
                         od_error *error);

/* Whether image (h, w) has MNIST's form: light ink on black. True when its border is
 * dark and its ink light; then it may be used as it is. */
bool od_is_mnist_like(int h, int w, const uint8_t *image);

/* Any gray picture of one digit, image (h, w), to the 28x28 that MNIST-trained
 * networks expect, result (28, 28) in [0, 1]: polarity found from the border, light and
 * shadow taken away, ink separated by Otsu's threshold, specks and what comes in from
 * outside dropped, the rest stretched to full contrast, strokes thinner than MNIST's
 * thickened, the bounding box fitted into 20x20 keeping the aspect ratio, its centre of
 * mass put on pixel (14, 14). A picture without ink gives all 0.
 * Errors: OD_ERROR_ARGUMENT for sides outside 1..16384; OD_ERROR_MEMORY. */
od_status od_prepare_digit(int h, int w, const uint8_t *image, float *result, od_error *error);

#endif
