/* Inside of augment.c: the operations themselves, each with its numbers already
 * drawn. All work in place on a canvas and check nothing. */
#ifndef OD_TRAIN_AUGMENT_OPERATIONS_H
#define OD_TRAIN_AUGMENT_OPERATIONS_H

#include "train/augment.h"

/* The image being changed, and scratch memory that the operations share. */
typedef struct od_canvas {
  int h, w;
  od_real *image;  /* (h, w) */
  od_real *padded; /* (h + 3, w + 3): a copy of the image at (1, 1), with a margin */
  float *splines;  /* (h + 4, 2, w): rows of the elastic field's knots */
} od_canvas;

/* Copies the image to `padded`; the margin repeats the edge pixels. */
void od_pad_edge(const od_canvas *canvas);

/* What the geometric operations put outside the image. */
typedef struct od_outside_fill {
  od_fill fill;
  od_real value;
} od_outside_fill;

/* A change of shape about the image's centre, seen from the result: a result pixel
 * at p (from the centre) comes from zoom * shear * rotation * (p - shift). */
typedef struct od_affine {
  double angle;       /* radians, counter-clockwise */
  double shear;       /* pixels to the right for each pixel up */
  double zoom;        /* 2 shows twice as much, at half the size */
  double down, right; /* the shift, in pixels */
} od_affine;

/* One bilinear resampling. */
void od_warp_affine(const od_canvas *canvas, const od_affine *affine, od_outside_fill outside);

/* One bilinear resampling along a smooth random field; see OD_AUGMENT_ELASTIC. */
void od_warp_elastic(const od_canvas *canvas, od_rng *rng, double rms, double sigma,
                     od_outside_fill outside);

/* x = max((x - mean) * factor + mean, 0). */
void od_scale_contrast(const od_canvas *canvas, od_real factor);

/* Blends with the maximum (amount > 0) or minimum (amount < 0) over each pixel and
 * its four neighbours; -1 <= amount <= 1. */
void od_change_stroke_width(const od_canvas *canvas, od_real amount);

/* x = x + amount, clipped to [0, 1]. */
void od_add_brightness(const od_canvas *canvas, od_real amount);

/* x = x + sigma * standard normal, clipped to [0, 1]. */
void od_add_noise(const od_canvas *canvas, od_rng *rng, od_real sigma);

/* Fills a random rectangle of `share` of the area with `value`. */
void od_erase(const od_canvas *canvas, od_rng *rng, double share, od_real value);

/* x = 1 - x, clipped to [0, 1]. */
void od_invert(const od_canvas *canvas);

/* Gaussian blur; the edge pixels go on outside. */
void od_blur(const od_canvas *canvas, double sigma);

/* x = tone + (1 - tone) x, with a tone that falls to (1 - uneven) of itself at places. */
void od_add_background(const od_canvas *canvas, od_rng *rng, od_real tone, od_real uneven);

/* x = x (1 - amount * noise), noise of 0 to 1 between knots `spacing` pixels apart. */
void od_add_texture(const od_canvas *canvas, od_rng *rng, od_real amount, double spacing);

/* Draws a bent stroke from end to end along one edge, no further from it than `reach` of
 * the side; as bright as value / 2 to value. */
void od_add_stray_stroke(const od_canvas *canvas, od_rng *rng, double width, double reach, od_real value);

#endif
