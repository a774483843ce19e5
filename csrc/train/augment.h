/* Random augmentation of one-channel images: a list of steps that each image passes through in
 * order. Pixels are in [0, 1].
 *
 * Each geometric step resamples the image once with bilinear interpolation, as Keras' layers do;
 * OD_AUGMENT_AFFINE combines scale, shear, rotation and translation in one resampling. All random
 * numbers of an image come from its own stream. The caller owns all memory. */
#ifndef OD_TRAIN_AUGMENT_H
#define OD_TRAIN_AUGMENT_H

#include <stdbool.h>

#include "base/api.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/status.h"

OD_BEGIN_DECLS

/* The comments name the member of od_augment_step that holds a kind's parameters. */
typedef enum od_augment_kind {
  OD_AUGMENT_ROTATION,     /* range: fraction of a full turn, counter-clockwise; -1 to 1 */
  OD_AUGMENT_TRANSLATION,  /* translation */
  OD_AUGMENT_ZOOM,         /* range: +0.1 shows 10 % more in both directions; -0.99 to 1 */
  OD_AUGMENT_CONTRAST,     /* range: change of the factor about 1; -1 to 1; the result is clipped
                              at 0 only, as by Keras' default */
  OD_AUGMENT_SHEAR,        /* range: horizontal shear, pixels to the right per pixel up; -4 to 4 */
  OD_AUGMENT_AFFINE,       /* affine: scale, then shear, then rotation, then translation */
  OD_AUGMENT_ELASTIC,      /* elastic: a smooth random displacement field */
  OD_AUGMENT_STROKE,       /* range: from -1 (one pixel of erosion) to 1 (one of dilation) */
  OD_AUGMENT_BRIGHTNESS,   /* range: number added; -1 to 1; clipped to [0, 1] */
  OD_AUGMENT_NOISE,        /* range: sigma of normal noise; 0 to 1; clipped to [0, 1] */
  OD_AUGMENT_ERASE,        /* range: fraction of the area, filled with `value`; 0 to 1. The height
                              is 1/3 to 3 times the width, where that fits */
  OD_AUGMENT_BLUR,         /* range: sigma of a Gaussian in pixels; 0 to 3 */
  OD_AUGMENT_BACKGROUND,   /* background: a background that is not black */
  OD_AUGMENT_TEXTURE,      /* texture: strokes of uneven intensity */
  OD_AUGMENT_STRAY_STROKE, /* stray_stroke: a stroke of brightness value / 2 to `value` along one
                              edge */
  OD_AUGMENT_INVERT,       /* 1 - x */
  OD_AUGMENT_KINDS
} od_augment_kind;

/* The name of a kind in messages and in Python, for example "stray_stroke". */
const char *od_augment_kind_name(od_augment_kind kind);

/* Pixels outside the image. */
typedef enum od_fill {
  OD_FILL_REFLECT,  /* (d c b a | a b c d | d c b a), Keras' default */
  OD_FILL_CONSTANT, /* `value` */
  OD_FILL_NEAREST   /* the edge pixel */
} od_fill;

/* A number is drawn uniformly from low to high. */
typedef struct od_range {
  double low, high;
} od_range;

/* Shifts as fractions of the height, downward, and of the width, to the right; -1 to 1. */
typedef struct od_translation_parameters {
  od_range height, width;
} od_translation_parameters;

typedef struct od_affine_parameters {
  double degrees;   /* largest angle either way, to 180 */
  double translate; /* largest shift either way as a fraction of the side, to 1 */
  od_range scale;   /* 0.1 to 10 */
  double shear;     /* largest shear either way in degrees, to 75 */
} od_affine_parameters;

typedef struct od_elastic_parameters {
  double displacement; /* root mean square length in pixels, 0 to 100 */
  double sigma;        /* smoothness in pixels, 1 to 100 */
} od_elastic_parameters;

typedef struct od_background_parameters {
  od_range tone; /* brightness of the background, 0 to 1 */
  double uneven; /* fraction of the tone that varies smoothly over the image, 0 to 1 */
} od_background_parameters;

typedef struct od_texture_parameters {
  od_range amount; /* fraction of the brightness removed where least remains, 0 to 1 */
  double spacing;  /* distance of such places in pixels, 1 to 100 */
} od_texture_parameters;

typedef struct od_stray_stroke_parameters {
  od_range width; /* in pixels, 0.1 to 20 */
  double reach;   /* largest distance from the edge as a fraction of the side, 0 to 1 */
} od_stray_stroke_parameters;

typedef struct od_augment_step {
  od_augment_kind kind;
  double probability; /* of applying the step to an image, 0 to 1 */
  od_fill fill;       /* geometric kinds */
  double value;       /* OD_FILL_CONSTANT, OD_AUGMENT_ERASE and OD_AUGMENT_STRAY_STROKE; 0 to 1 */
  union {             /* by kind */
    od_range range;
    od_translation_parameters translation;
    od_affine_parameters affine;
    od_elastic_parameters elastic;
    od_background_parameters background;
    od_texture_parameters texture;
    od_stray_stroke_parameters stray_stroke;
  };
} od_augment_step;

enum { OD_MAX_AUGMENT_STEPS = 32, OD_MAX_AUGMENT_SIDE = 512 };

typedef struct od_augment {
  int count;
  od_augment_step steps[OD_MAX_AUGMENT_STEPS];
} od_augment;

/* Check every number of the list. Errors: OD_ERROR_ARGUMENT names the step. */
od_status od_augment_check(const od_augment *augment, od_error *error);

/* Bytes of scratch memory that od_augment_image uses for images (h, w). */
size_t od_augment_scratch_size(int h, int w);

/* Apply the list to image (h, w), in place; 1 <= h, w <= OD_MAX_AUGMENT_SIDE. `scratch` holds
 * od_augment_scratch_size(h, w) bytes, aligned to OD_ALIGNMENT. */
void od_augment_image(const od_augment *augment, od_rng *rng, int h, int w, od_real *image,
                      void *scratch);

OD_END_DECLS

#endif
