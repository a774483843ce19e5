/* Image operations of OpenCV 5, with the same results to the byte except where documented. Each
 * file is named for the cv2 function that it implements.
 *
 * The functions read an od_view and write an od_target of the caller (view.h). An
 * od_image_workspace chooses kernels and threads; a result depends on neither. Sides are 1 to
 * OD_MAX_IMAGE_SIDE (limits.h).
 *
 * Errors of all functions: OD_ERROR_ARGUMENT for sides out of range, a result of another size or a
 * parameter out of its range; OD_ERROR_MEMORY. */
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

/* Kernels, threads and scratch memory of the functions; for one call at a time. Set kernels and
 * pool, leave the rest 0, and release it at the end. The scratch memory grows to what a call needs
 * and is kept for the next one. */
typedef struct od_image_workspace {
  const od_kernels *kernels;
  od_thread_pool *pool; /* for large images; NULL: only the caller's thread */
  void *scratch;
  size_t scratch_bytes;
} od_image_workspace;

void od_image_workspace_release(od_image_workspace *workspace); /* its scratch memory */

/* How an image continues beyond its border. */
typedef enum od_border {
  OD_BORDER_CONSTANT,   /* abc|vvv */
  OD_BORDER_REPLICATE,  /* abc|ccc */
  OD_BORDER_REFLECT,    /* abc|cba */
  OD_BORDER_REFLECT_101 /* abc|ba */
} od_border;

/* ---- cvtColor ---- */

typedef enum od_channels { OD_RGB, OD_BGR, OD_RGBA, OD_BGRA } od_channels;

/* Convert a colour image (h, w, channels) to gray: `pixels` is the view of its first channel, and
 * its channels lie `channel` bytes apart. Gray is (9798 R + 19235 G + 3735 B + 16384) >> 15. An
 * image with alpha is first composited over the gray level `background`, each channel to
 * (a c + (255 - a) background + 127) / 255. */
od_status od_gray(od_image_workspace *workspace, const od_view *pixels, ptrdiff_t channel,
                  od_channels channels, uint8_t background, const od_target *gray, od_error *error);

/* ---- threshold ---- */

/* result = image > threshold ? above : below. A threshold below 0 gives `above` everywhere. The
 * result may be the image. */
od_status od_threshold(od_image_workspace *workspace, const od_view *image, int threshold,
                       uint8_t above, uint8_t below, const od_target *result, od_error *error);

/* Count the pixels of each level. */
void od_histogram(const od_view *image, uint64_t histogram[256]);

/* Return Otsu's threshold (Otsu, 1979) of a histogram of at least one pixel: foreground is
 * pixel > threshold. The operations and their rounding are in the order of OpenCV's own code, which
 * decides between thresholds that are equally good; Intel's IPP, which OpenCV's wheels use, can
 * decide otherwise. An image of one level gives 0. */
uint8_t od_otsu(const uint64_t histogram[256]);

/* ---- adaptiveThreshold ---- */

typedef enum od_adaptive_method { OD_ADAPTIVE_MEAN, OD_ADAPTIVE_GAUSSIAN } od_adaptive_method;

typedef struct od_adaptive {
  od_adaptive_method method;
  int block_size;       /* side of the window, odd, 3 to OD_MAX_BLOCK */
  int bound;            /* cv2's C is -bound */
  uint8_t above, below; /* levels of the result */
} od_adaptive;

/* result = image - mean > bound ? above : below, with the mean, or Gaussian-weighted mean, of the
 * window around the pixel; beyond the border the edge pixels repeat. */
od_status od_adaptive_threshold(od_image_workspace *workspace, const od_view *image,
                                const od_adaptive *adaptive, const od_target *result,
                                od_error *error);

/* ---- resize ---- */

typedef enum od_interpolation { OD_INTERPOLATION_LINEAR, OD_INTERPOLATION_AREA } od_interpolation;

/* Resize the image to the result's sides. Linear: between the two nearest pixels along each axis,
 * with weights of 11 bits. Area, preferable for reduction: the mean of the pixels that a result
 * pixel covers; if a side grows, linear with the pixels aligned at their edges. Halving both sides
 * averages 2 x 2 pixels with either. */
od_status od_resize(od_image_workspace *workspace, const od_view *image,
                    od_interpolation interpolation, const od_target *result, od_error *error);

/* ---- GaussianBlur ---- */

typedef struct od_gaussian {
  int ksize_y, ksize_x;    /* both odd, 1 to OD_MAX_TAPS */
  double sigma_y, sigma_x; /* 0 or less: from the size, 0.15 ksize + 0.35 or, up to 9, a table */
} od_gaussian;

/* Convolve with a Gaussian in OpenCV's fixed point: taps in 256ths, rounded once. A constant border
 * is 0. */
od_status od_gaussian_blur(od_image_workspace *workspace, const od_view *image,
                           const od_gaussian *gaussian, od_border border, const od_target *result,
                           od_error *error);

/* ---- getStructuringElement, erode, dilate ---- */

typedef enum od_morph_shape { OD_MORPH_RECT, OD_MORPH_CROSS, OD_MORPH_ELLIPSE } od_morph_shape;

/* Fill mask (h, w) with 1 inside the shape and 0 outside; a cross has its arms in the middle. */
void od_get_structuring_element(od_morph_shape shape, int h, int w, uint8_t *mask);

/* mask (h, w) is not 0 for the neighbours that count, of which there is at least one;
 * mask[anchor_y, anchor_x] lies over the pixel itself. */
typedef struct od_structuring_element {
  int h, w; /* 1 to OD_MAX_ELEMENT */
  int anchor_y, anchor_x;
  const uint8_t *mask;
} od_structuring_element;

/* Minimum and maximum level under the structuring element. `border_value` is the level of a
 * constant border; 255 for erosion and 0 for dilation, cv2's defaults, have no effect. The time for
 * full rectangles grows little with their size. */
od_status od_erode(od_image_workspace *workspace, const od_view *image,
                   const od_structuring_element *element, od_border border, uint8_t border_value,
                   const od_target *result, od_error *error);
od_status od_dilate(od_image_workspace *workspace, const od_view *image,
                    const od_structuring_element *element, od_border border, uint8_t border_value,
                    const od_target *result, od_error *error);

/* ---- connectedComponentsWithStats ---- */

typedef struct od_component {
  int32_t left, top, width, height; /* bounding box */
  int64_t area;                     /* pixels */
  double x, y;                      /* centroid, in pixels from the centre of the first pixel */
} od_component;

/* Find the components of the non-zero pixels, 8-connected or 4-connected, numbered from 1 in raster
 * order of their first pixels. components (count) are the caller's to od_release; number 0 is the
 * background: without a background pixel it has area 0, a box of zeros and centroid NaN.
 * labels (h, w), which may be NULL, gets each pixel's number. */
od_status od_connected_components(od_image_workspace *workspace, const od_view *image,
                                  int connectivity, int32_t *labels, od_component **components,
                                  int32_t *count, od_error *error);

/* ---- moments ---- */

/* Spatial moments, the sums of x^i y^j level; central moments mu, about the centroid; and
 * normalized central moments nu. */
typedef struct od_moments {
  double m00, m10, m01, m20, m11, m02, m30, m21, m12, m03;
  double mu20, mu11, mu02, mu30, mu21, mu12, mu03;
  double nu20, nu11, nu02, nu30, nu21, nu12, nu03;
} od_moments;

/* binary: every level but 0 counts as 1. The spatial moments are exact up to 2^53. */
od_status od_image_moments(od_image_workspace *workspace, const od_view *image, bool binary,
                           od_moments *moments, od_error *error);

/* ---- warpAffine ---- */

/* result (y, x) is the image at (matrix[0] x + matrix[1] y + matrix[2], matrix[3] x +
 * matrix[4] y + matrix[5]), interpolated linearly. The matrix maps the result to the image;
 * od_invert_affine computes it from the forward map. `border_value` is the level of a constant
 * border. */
od_status od_warp_affine(od_image_workspace *workspace, const od_view *image,
                         const double matrix[6], od_border border, uint8_t border_value,
                         const od_target *result, od_error *error);

/* cv2.invertAffineTransform: the inverse of an affine map; zeros if it is singular. */
void od_invert_affine(const double matrix[6], double inverse[6]);

/* ---- warpPerspective ---- */

/* result (y, x) is the image at the point that the homography `matrix` (homography.h) maps (x, y)
 * to, interpolated linearly; points at infinity and beyond are `border_value`. The rounding is not
 * OpenCV's: there are 256 steps between two pixels, and points are interpolated along rows. */
od_status od_warp_perspective(od_image_workspace *workspace, const od_view *image,
                              const double matrix[9], od_border border, uint8_t border_value,
                              const od_target *result, od_error *error);

/* ---- deskew (a sample of OpenCV, not a function of cv2) ---- */

/* Shear a light digit on black by its skew, mu11 / mu02, about the middle row. *skew is 0 if mu02
 * is too small. */
od_status od_deskew(od_image_workspace *workspace, const od_view *image, const od_target *result,
                    double *skew, od_error *error);

/* ---- normalize ---- */

/* Scale the levels to the range alpha..beta, as with NORM_MINMAX; results are clipped to 0..255.
 * alpha, beta: -OD_MAX_END to OD_MAX_END, in either order; other numbers are OD_ERROR_ARGUMENT. */
#define OD_MAX_END 1e6
od_status od_normalize(od_image_workspace *workspace, const od_view *image, double alpha,
                       double beta, const od_target *result, od_error *error);

OD_END_DECLS

#endif
