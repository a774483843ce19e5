/* Gray levels of colours that differ in hue but hardly in luminance, such as red on green or yellow
 * on white. */
#ifndef OD_DIGIT_COLOUR_H
#define OD_DIGIT_COLOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/thread_pool.h"

/* The principal axis of the differences between neighbouring colours of pixels (h, w, channels);
 * channels is 3 or 4: RGB, and an alpha that is ignored. Return whether the luminance has so little
 * of their variance that a projection onto the axis is the better gray level. The axis has length
 * 1 and does not point against the luminance. */
bool od_find_colour_axis(int h, int w, int channels, const uint8_t *pixels, double axis[3]);

/* gray (h, w): the projection of the colours onto the axis; the minimum is 0 and the maximum 255.
 * Return OD_OK, or OD_STOPPED if the pool, which may be NULL, was interrupted. */
od_status od_project_colours(const od_thread_pool *pool, int h, int w, int channels,
                             const uint8_t *pixels, const double axis[3], uint8_t *gray);

#endif
