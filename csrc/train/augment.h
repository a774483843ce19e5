/* Augmentation of one-channel images, on the fly: a list of random operations that
 * each image goes through in order. Pixels are in [0, 1].
 *
 * The geometric operations resample with bilinear interpolation, one after the
 * other, as Keras' layers do; OD_AUGMENT_AFFINE does several changes in one
 * resampling. Every draw comes from the image's own stream. */
#ifndef OD_TRAIN_AUGMENT_H
#define OD_TRAIN_AUGMENT_H

#include <stdbool.h>

#include "base/api.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/status.h"

OD_BEGIN_DECLS

typedef enum od_augment_kind {
  OD_AUGMENT_ROTATION,    /* a, b: low and high angle as a share of a full turn, counter-clockwise;
                             -1 to 1 */
  OD_AUGMENT_TRANSLATION, /* a, b: low and high shift down as a share of the height; c, d: right,
                             of the width; -1 to 1 */
  OD_AUGMENT_ZOOM,        /* a, b: low and high factor; both axes; +0.1 shows 10 % more;
                             -0.99 to 1 */
  OD_AUGMENT_CONTRAST,    /* a, b: low and high change of the factor about 1; -1 to 1; the result
                             is clipped at 0 only, as Keras' default does */
  OD_AUGMENT_SHEAR,       /* a, b: low and high horizontal shear, in pixels to the right a pixel
                             up; -4 to 4 */
  OD_AUGMENT_AFFINE,      /* scale, then shear, then turn, then shift. a: largest angle in degrees,
                             to 180; b: largest shift, share of the side, to 1; c, d: smallest and
                             largest scale, 0.1 to 10; e: largest shear in degrees, to 75 */
  OD_AUGMENT_ELASTIC,     /* a: rms length of the displacements in pixels, 0 to 100; b: smoothness,
                             sigma in pixels, 1 to 100 */
  OD_AUGMENT_STROKE,      /* a, b: from thinning (-1: one pixel of erosion) to thickening (+1) */
  OD_AUGMENT_BRIGHTNESS,  /* a, b: low and high number added; -1 to 1; clipped to [0, 1] */
  OD_AUGMENT_NOISE,       /* a, b: low and high sigma of normal noise; 0 to 1; clipped to [0, 1] */
  OD_AUGMENT_ERASE,       /* a, b: low and high share of the area, filled with `value`; its height
                             is 1/3 to 3 times its width, where that fits */
  OD_AUGMENT_BLUR,        /* a, b: low and high sigma of a Gaussian in pixels; 0 to 3 */
  OD_AUGMENT_BACKGROUND,       /* a, b: low and high tone of paper that is not black, 0 to 1; c: how
                             uneven it lies, 0 to 1: the share of the tone that varies smoothly */
  OD_AUGMENT_TEXTURE,     /* a, b: low and high share of the light that a pen leaves out where it
                             covers least, 0 to 1; c: spacing of such places in pixels, 1 to 100 */
  OD_AUGMENT_STRAY_STROKE,         /* a stroke of somebody else's ink. a, b: low and high width in pixels,
                             0.1 to 20; c: how far from one edge it may reach, share of the side,
                             0 to 1; `value` of it at most, half of that at least */
  OD_AUGMENT_NEGATIVE,    /* ink becomes paper and paper ink */
  OD_AUGMENT_KINDS
} od_augment_kind;

typedef enum od_fill {
  OD_FILL_REFLECT,  /* (d c b a | a b c d | d c b a), Keras' default */
  OD_FILL_CONSTANT, /* `value` */
  OD_FILL_NEAREST   /* the edge pixel */
} od_fill;

typedef struct od_augment_step {
  od_augment_kind kind;
  double a, b, c, d, e; /* as said at the kind; those not named there are 0 */
  double probability;   /* of doing it to an image, in [0, 1] */
  od_fill fill;         /* geometric kinds */
  double value;         /* OD_FILL_CONSTANT, OD_AUGMENT_ERASE and OD_AUGMENT_STRAY_STROKE */
} od_augment_step;

enum { OD_MAX_AUGMENT_STEPS = 32, OD_MAX_AUGMENT_SIDE = 512 };

typedef struct od_augment {
  int count;
  od_augment_step steps[OD_MAX_AUGMENT_STEPS];
} od_augment;

/* Checks every number of the list. Errors: OD_ERROR_ARGUMENT names the step. */
od_status od_augment_check(const od_augment *augment, od_error *error);

/* Bytes of scratch that od_augment_image wants for (h, w) images. */
size_t od_augment_scratch_size(int h, int w);

/* Puts image (h, w) through the list, in place; 1 <= h, w <= OD_MAX_AUGMENT_SIDE.
 * `scratch` is od_augment_scratch_size(h, w) bytes, aligned to OD_ALIGNMENT. */
void od_augment_image(const od_augment *augment, od_rng *rng, int h, int w, od_real *image,
                      void *scratch);

OD_END_DECLS

#endif
