/* The operations of augment.c, with their random numbers already drawn where they need only one.
 * All work in place on a canvas and check nothing. Private to train/. */
#ifndef OD_TRAIN_AUGMENT_OPERATIONS_H
#define OD_TRAIN_AUGMENT_OPERATIONS_H

#include "train/augment.h"

/* The image being augmented, and scratch memory shared by the operations. */
typedef struct od_canvas {
  int h, w;
  od_real *image;  /* (h, w) */
  od_real *padded; /* (h + 3, w + 3): a copy of the image at (1, 1), with a margin */
  float *knots;    /* (h + 4, 2, w): rows of the elastic field's spline */
} od_canvas;

/* Copy the image to `padded`; the margin repeats the edge pixels. */
void od_pad_edge(const od_canvas *canvas);

/* The pixels outside the image for the geometric operations. */
typedef struct od_outside_fill {
  od_fill fill;
  od_real value;
} od_outside_fill;

/* An affine map about the image's centre, from result to source: the result pixel at p (relative
 * to the centre) is the image at zoom * shear * rotation * (p - shift). */
typedef struct od_affine_map {
  double angle;            /* radians, counter-clockwise */
  double shear;            /* pixels to the right per pixel up */
  double zoom;             /* 2 shows twice as much, at half the size */
  double shift_y, shift_x; /* pixels */
} od_affine_map;

/* Resample by the map, bilinear. */
void od_augment_affine(const od_canvas *canvas, const od_affine_map *map, od_outside_fill outside);

/* Resample along a smooth random displacement field, bilinear. */
void od_augment_elastic(const od_canvas *canvas, od_rng *rng,
                        const od_elastic_parameters *parameters, od_outside_fill outside);

/* x = max((x - mean) * factor + mean, 0). */
void od_augment_contrast(const od_canvas *canvas, od_real factor);

/* Blend with the maximum (amount > 0) or minimum (amount < 0) of each pixel and its four
 * neighbours; -1 <= amount <= 1. */
void od_augment_stroke_width(const od_canvas *canvas, od_real amount);

/* x = x + amount, clipped to [0, 1]. */
void od_augment_brightness(const od_canvas *canvas, od_real amount);

/* x = x + sigma * standard normal, clipped to [0, 1]. */
void od_augment_noise(const od_canvas *canvas, od_rng *rng, od_real sigma);

/* Fill a random rectangle, a fraction `area` of the image, with `value`. */
void od_augment_erase(const od_canvas *canvas, od_rng *rng, double area, od_real value);

/* x = 1 - x, clipped to [0, 1]. */
void od_augment_invert(const od_canvas *canvas);

/* Gaussian blur; pixels outside repeat the edge. */
void od_augment_blur(const od_canvas *canvas, double sigma);

/* x = t + (1 - t) x, where t varies smoothly from (1 - uneven) tone to tone. */
void od_augment_background(const od_canvas *canvas, od_rng *rng, od_real tone, od_real uneven);

/* x = x (1 - amount * noise), with linear noise of 0 to 1 between knots `spacing` pixels apart. */
void od_augment_texture(const od_canvas *canvas, od_rng *rng, od_real amount, double spacing);

/* Draw a curved stroke along one edge, no further from it than `reach` times the side, with a
 * brightness of value / 2 to value. */
void od_augment_stray_stroke(const od_canvas *canvas, od_rng *rng, double width, double reach,
                             od_real value);

#endif
