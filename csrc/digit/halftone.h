/* Halftones: pictures of black and white only in which gray levels are dithered, by error diffusion
 * or an ordered pattern, as one-bit scanners and fax machines make them. */
#ifndef OD_DIGIT_HALFTONE_H
#define OD_DIGIT_HALFTONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "image/image.h"

/* Whether image (h, w) has two levels, and many isolated pixels: a twentieth of the pixels of the
 * rarer level or more differ from all four neighbours. In clean one-bit images about none do. */
bool od_is_halftone(int h, int w, const uint8_t *image);

/* Restore the gray levels of a halftone image (h, w), in place, by a Gaussian blur that averages
 * its dots. Errors: OD_ERROR_ARGUMENT for sides outside 1..16384; OD_ERROR_MEMORY. */
od_status od_smooth_halftone(od_image_workspace *workspace, int h, int w, uint8_t *image,
                             od_error *error);

#endif
