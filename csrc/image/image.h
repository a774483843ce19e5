/* Pictures: from colour to gray, larger and smaller, smoothed, black and white, cut into
 * components, and at last to network inputs.
 *
 * The functions on an od_view are named for those of OpenCV 5 and give its results to the
 * byte; where that is not so, it is said. They read pixels where they lie and write an
 * od_target of the caller (view.h). An od_image_workspace says which kernels and threads they
 * use; a result depends on neither. Sides are 1 to OD_MAX_IMAGE_SIDE (limits.h). */
#ifndef OD_IMAGE_IMAGE_H
#define OD_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/api.h"
#include "kernels/kernels.h"
#include "base/thread_pool.h"
#include "base/status.h"
#include "image/view.h"

OD_BEGIN_DECLS

/* What the functions work with. One call at a time uses an od_image_workspace; the scratch memory,
 * which grows to what a call needs, is kept for the next one. Set kernels and pool, leave
 * the rest 0, and release it in the end. */
typedef struct od_image_workspace {
  const od_kernels *kernels;
  od_thread_pool *pool; /* for large pictures; NULL: the caller's thread alone */
  void *scratch;
  size_t scratch_bytes;
} od_image_workspace;

void od_image_workspace_release(od_image_workspace *imaging); /* its scratch memory */

/* ---- gray ---- */

typedef enum od_channels { OD_RGB, OD_BGR, OD_RGBA, OD_BGRA } od_channels;

/* A colour picture (h, w, channels): `pixels` is the view of its first channel, and its
 * channels lie `channel` bytes apart. Gray is (9798 R + 19235 G + 3735 B + 16384) >> 15; a
 * picture with alpha is first composited over the gray level `background`, each
 * channel to (a c + (255 - a) background + 127) / 255.
 * Errors of this and of all that follow: OD_ERROR_ARGUMENT for sides out of range, a result
 * of another size, or a parameter out of its range; OD_ERROR_MEMORY. */
od_status od_gray(od_image_workspace *imaging, const od_view *pixels, ptrdiff_t channel,
                  od_channels channels, uint8_t background, const od_target *gray,
                  od_error *error);

/* ---- black and white ---- */

/* result = image > threshold ? above : below, for black on white as well as for white
 * on black. A threshold below 0 gives `above` everywhere. The result may be the image. */
od_status od_threshold(od_image_workspace *imaging, const od_view *image, int threshold, uint8_t above,
                       uint8_t below, const od_target *result, od_error *error);

/* How many pixels have each level. */
void od_histogram(const od_view *image, uint64_t histogram[256]);

/* Otsu's threshold (Otsu, 1979): foreground is pixel > threshold. Computed in the order
 * that OpenCV's own code has, rounding included, which decides where thresholds are
 * equally good (Intel's IPP, which OpenCV's wheels use, decides such ties otherwise).
 * An image of one level gives 0. */
uint8_t od_otsu(const od_view *image);

typedef enum od_mean { OD_MEAN_BOX, OD_MEAN_GAUSSIAN } od_mean;

/* The mean of the block_size x block_size pixels around each, an odd 3 to
 * OD_MAX_BLOCK; beyond the border the picture goes on as its last pixels. */
od_status od_local_mean(od_image_workspace *imaging, const od_view *image, od_mean mean, int block_size,
                        const od_target *result, od_error *error);

/* result = image - local mean > bound ? above : below, where cv2's C is -bound. */
od_status od_adaptive_threshold(od_image_workspace *imaging, const od_view *image, od_mean mean,
                                int block_size, int bound, uint8_t above, uint8_t below,
                                const od_target *result, od_error *error);

/* ---- larger and smaller ---- */

typedef enum od_interpolation { OD_INTERPOLATION_LINEAR, OD_INTERPOLATION_AREA } od_interpolation;

/* image resized to the result's sides. Linear: between the two nearest pixels either way,
 * with weights of 11 bits. Area, the better one for smaller pictures: the mean of what a
 * result pixel covers; where a side grows, linear from edge to edge. Half of both
 * sides is the mean of 2 x 2 pixels either way. */
od_status od_resize(od_image_workspace *imaging, const od_view *image, od_interpolation interpolation,
                    const od_target *result, od_error *error);

/* ---- smoothing ---- */

/* How a picture goes on beyond its border: abc|ddd, abcd|dcb, abcd|cba, or as one value. */
typedef enum od_border {
  OD_BORDER_CONSTANT,
  OD_BORDER_REPLICATE,
  OD_BORDER_REFLECT,
  OD_BORDER_REFLECT_101
} od_border;

/* A Gaussian over kernels (ksize_y, ksize_x), both odd, 1 to OD_MAX_TAPS, in fixed point as
 * OpenCV has it: taps in 256ths, one rounding. A sigma of 0 or less is made from the size:
 * 0.15 ksize + 0.35, or a table's up to 9. A constant border is 0. */
od_status od_gaussian_blur(od_image_workspace *imaging, const od_view *image, int ksize_y, int ksize_x,
                           double sigma_y, double sigma_x, od_border border,
                           const od_target *result, od_error *error);

/* ---- morphology ---- */

typedef enum od_footprint_shape { OD_SHAPE_RECT, OD_SHAPE_CROSS, OD_SHAPE_ELLIPSE } od_footprint_shape;

/* Fills cells (h, w) with 1 inside the shape and 0 outside, as cv2.getStructuringElement;
 * a cross has its arms in the middle. */
void od_fill_shape(od_footprint_shape shape, int h, int w, uint8_t *cells);

/* A kernel: which pixels around one count. cells (h, w), not 0 for those that do, at least
 * one of them; cell (anchor_y, anchor_x) lies over the pixel itself. */
typedef struct od_footprint {
  int h, w; /* 1 to OD_MAX_FOOTPRINT */
  int anchor_y, anchor_x;
  const uint8_t *cells;
} od_footprint;

typedef enum od_extreme { OD_LOWEST, OD_HIGHEST } od_extreme;

/* The lowest level under the footprint is an erosion, the highest a dilation; one after
 * the other they are an opening or a closing. `outside` is the level of a constant border:
 * 255 for erosions and 0 for dilations leave it without effect, as is cv2's default.
 * Full footprints, of any size, cost little more than small ones. */
od_status od_extreme_filter(od_image_workspace *imaging, const od_view *image, od_extreme extreme,
                            const od_footprint *footprint, od_border border, uint8_t outside,
                            const od_target *result, od_error *error);

/* ---- connected components ---- */

typedef struct od_component {
  int32_t left, top, width, height; /* its box */
  int64_t area;                     /* pixels */
  double x, y;                      /* its centre of mass, in pixels from the first one's centre */
} od_component;

/* The components of the pixels that are not 0, 8-connected or 4-connected, numbered from 1
 * in the order of their first pixels, row by row. components (count) are the caller's to
 * od_release; number 0 is the background: where every pixel is in a component it has
 * area 0, a box of zeros and no centre (NaN). labels (h, w), which may be NULL, gets each pixel's number. */
od_status od_connected_components(od_image_workspace *imaging, const od_view *image, int connectivity,
                                  int32_t *labels, od_component **components, int32_t *count,
                                  od_error *error);

/* ---- moments, warps, contrast ---- */

/* As cv2.moments: sums of x^i y^j level, the same about the centre of mass, and those
 * made independent of the size. */
typedef struct od_moments {
  double m00, m10, m01, m20, m11, m02, m30, m21, m12, m03;
  double mu20, mu11, mu02, mu30, mu21, mu12, mu03;
  double nu20, nu11, nu02, nu30, nu21, nu12, nu03;
} od_moments;

/* binary: every level but 0 counts as 1. Sums are of whole numbers, exact to 2^53. */
od_status od_image_moments(od_image_workspace *imaging, const od_view *image, bool binary,
                           od_moments *moments, od_error *error);

/* result (y, x) is the image at (matrix[0] x + matrix[1] y + matrix[2], matrix[3] x +
 * matrix[4] y + matrix[5]), linear between pixels: the way back from the result, which
 * od_invert_affine makes of the way there. `outside` is the level of a constant border. */
od_status od_image_warp_affine(od_image_workspace *imaging, const od_view *image, const double matrix[6],
                         od_border border, uint8_t outside, const od_target *result,
                         od_error *error);

/* The inverse of an affine map; of one that has none, everything from one place. */
void od_invert_affine(const double matrix[6], double inverse[6]);

/* A light digit on black, upright: rows moved against each other by its slant, mu11 / mu02,
 * about the middle row. *skew is that slant, 0 for what has none. */
od_status od_deskew(od_image_workspace *imaging, const od_view *image, const od_target *result,
                    double *skew, od_error *error);

/* The image's levels stretched to alpha..beta, as cv2.normalize with NORM_MINMAX. */
od_status od_normalize(od_image_workspace *imaging, const od_view *image, double alpha, double beta,
                       const od_target *result, od_error *error);

/* ---- to network inputs ---- */

/* Gray of RGB as OpenCV computes it: (9798 R + 19235 G + 3735 B + 16384) >> 15.
 * rgb (n, 3), gray (n). */
void od_rgb_to_gray(size_t n, const uint8_t *rgb, uint8_t *gray);

/* RGBA over a background gray level, then gray: alpha is composited, never dropped.
 * Each channel is (a c + (255 - a) background + 127) / 255. rgba (n, 4), gray (n). */
void od_rgba_to_gray(size_t n, const uint8_t *rgba, uint8_t background, uint8_t *gray);

/* Otsu's threshold (Otsu, 1979) of image (n): ties take the lowest; foreground is
 * pixel > threshold; a constant image gives 0. */
uint8_t od_otsu_threshold(size_t n, const uint8_t *image);
/* The same, where it is known how many of the n pixels have each level. */
uint8_t od_otsu_of_histogram(size_t n, const size_t histogram[256]);

/* Area resampling of image (h, w) to result (out_h, out_w), in 0..255: each result pixel
 * is the mean of the input under it, weighted by covered area; along an axis that the
 * result is longer on, linear at pixel centres instead.
 * Errors: OD_ERROR_ARGUMENT for sides outside 1..16384; OD_ERROR_MEMORY. */
od_status od_resize_gray(int h, int w, const uint8_t *image, int out_h, int out_w, float *result,
                         od_error *error);

/* Whether image (h, w) has MNIST's form, light ink on black, and may be used as it is: black
 * (below 33) shows along two sides at least, over more than a quarter of each, and some pixel
 * is light (from 128 on). */
bool od_is_canonical(int h, int w, const uint8_t *image);

/* Whether a batch (count, h, w), count from 1, may be used as it is: nine in ten of a sample
 * of up to 32, evenly spread, are MNIST-like. Floats are looked at as the bytes that
 * 255 / top times they round to, and all of them must be in [0, top]; NaN is not. */
bool od_are_canonical(size_t count, int h, int w, const uint8_t *images);
bool od_are_canonical_floats(size_t count, int h, int w, float top, const float *images);

OD_END_DECLS

#endif
