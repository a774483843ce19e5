/* Geometric augmentations: resampling by an affine map or along an elastic field. */
#include <math.h>
#include <string.h>

#include "train/augment_operations.h"

/* The margin of `padded`: one pixel before the image and two after it. Coordinates are clamped to
 * one pixel outside, where the pixel after that is read too, with weight 0. */
enum { BEFORE = 1, MARGIN = 3 };

static size_t padded_width(const od_canvas *canvas) { return (size_t)canvas->w + MARGIN; }

void od_pad_edge(const od_canvas *canvas) {
  size_t h = (size_t)canvas->h, w = (size_t)canvas->w, stride = padded_width(canvas);
  for (size_t row = 0; row < h; row++) {
    const od_real *from = canvas->image + row * w;
    od_real *to = canvas->padded + (row + BEFORE) * stride;
    to[0] = from[0];
    memcpy(to + BEFORE, from, w * sizeof *to);
    to[w + 1] = to[w + 2] = from[w - 1];
  }
  od_real *first = canvas->padded + stride, *last = canvas->padded + h * stride;
  memcpy(canvas->padded, first, stride * sizeof *first);
  memcpy(last + stride, last, stride * sizeof *last);
  memcpy(last + 2 * stride, last, stride * sizeof *last);
}

static void pad_value(const od_canvas *canvas, od_real value) {
  size_t h = (size_t)canvas->h, w = (size_t)canvas->w, stride = padded_width(canvas);
  for (size_t i = 0; i < (h + MARGIN) * stride; i++) canvas->padded[i] = value;
  for (size_t row = 0; row < h; row++)
    memcpy(canvas->padded + (row + BEFORE) * stride + BEFORE, canvas->image + row * w,
           w * sizeof *canvas->padded);
}

static void pad(const od_canvas *canvas, od_outside_fill outside) {
  if (outside.fill == OD_FILL_CONSTANT)
    pad_value(canvas, outside.value);
  else
    od_pad_edge(canvas);
}

/* Round to the nearest integer, for |x| < 2^22: adding 1.5 * 2^23 leaves no bits for a fraction.
 * Unlike rintf, this vectorizes on every instruction set. */
static float round_nearest(float x) {
  const float magic = 12582912.0f;
  return (x + magic) - magic;
}

/* Map coordinates x (n) into an axis of `length` pixels that continues as its reflection,
 * d c b a | a b c d | d c b a, with period 2 * length. How round_nearest breaks a tie does not
 * matter, as ties lie on the plateau of an edge pixel. */
static void reflect(int n, int length, float *x) {
  const float period = 2.0f * (float)length, frequency = 1.0f / period;
  for (int i = 0; i < n; i++) {
    float from_edge = x[i] + 0.5f;
    from_edge -= period * round_nearest(from_edge * frequency);
    x[i] = fabsf(from_edge) - 0.5f;
  }
}

/* Split coordinates x (n) along an axis of `length` pixels: pixel (n) gets the index in `padded`,
 * and x the fraction of the way to the next pixel. */
static void locate(int n, int length, od_fill fill, float *restrict x, int32_t *restrict pixel) {
  const float last = (float)(length + BEFORE);
  if (fill == OD_FILL_REFLECT) reflect(n, length, x);
  for (int i = 0; i < n; i++) {
    float position = x[i] + BEFORE;
    position = position > 0 ? position : 0;
    position = position < last ? position : last;
    pixel[i] = (int32_t)position;
    x[i] = position - (float)pixel[i];
  }
}

/* Compute one row of the result; x, y (w) are its pixels' source coordinates in the image.
 * Overwrites x and y. */
static void resample_row(const od_canvas *canvas, od_fill fill, float *x, float *y,
                         od_real *restrict result) {
  const int32_t stride = canvas->w + MARGIN;
  int32_t columns[OD_MAX_AUGMENT_SIDE], rows[OD_MAX_AUGMENT_SIDE];
  locate(canvas->w, canvas->w, fill, x, columns);
  locate(canvas->w, canvas->h, fill, y, rows);
  for (int i = 0; i < canvas->w; i++) {
    const od_real *above = canvas->padded + (rows[i] * stride + columns[i]);
    const od_real *below = above + stride;
    const od_real top = above[0] + x[i] * (above[1] - above[0]);
    const od_real bottom = below[0] + x[i] * (below[1] - below[0]);
    result[i] = top + y[i] * (bottom - top);
  }
}

/* Compute the result of a map that is separable: x (w) are the source coordinates of its columns,
 * y (h) of its rows. Overwrites x and y. */
static void resample_separable(const od_canvas *canvas, od_fill fill, float *x, float *y) {
  const int h = canvas->h, w = canvas->w;
  const size_t stride = padded_width(canvas);
  int32_t columns[OD_MAX_AUGMENT_SIDE], rows[OD_MAX_AUGMENT_SIDE];
  od_real blended[OD_MAX_AUGMENT_SIDE + MARGIN];
  locate(w, w, fill, x, columns);
  locate(h, h, fill, y, rows);
  for (int row = 0; row < h; row++) {
    const od_real *above = canvas->padded + (size_t)rows[row] * stride, *below = above + stride;
    od_real *restrict result = canvas->image + (size_t)row * (size_t)w;
    for (size_t i = 0; i < stride; i++) blended[i] = above[i] + y[row] * (below[i] - above[i]);
    for (int i = 0; i < w; i++) {
      const od_real *left = blended + columns[i];
      result[i] = left[0] + x[i] * (left[1] - left[0]);
    }
  }
}

/* x[i] = start + step * i, i < n. */
static void ramp(int n, double start, double step, float *x) {
  const float first = (float)start, slope = (float)step;
  for (int i = 0; i < n; i++) x[i] = first + slope * (float)i;
}

void od_augment_affine(const od_canvas *canvas, const od_affine_map *map, od_outside_fill outside) {
  const int h = canvas->h, w = canvas->w;
  const double c = cos(map->angle), s = sin(map->angle), zoom = map->zoom;
  const double xx = zoom * (c + map->shear * s), xy = zoom * (map->shear * c - s);
  const double yx = zoom * s, yy = zoom * c;
  /* (x0, y0) is the source of the result's first pixel. */
  const double centre_x = 0.5 * (w - 1), centre_y = 0.5 * (h - 1);
  const double from_x = -centre_x - map->shift_x, from_y = -centre_y - map->shift_y;
  const double x0 = centre_x + xx * from_x + xy * from_y;
  const double y0 = centre_y + yx * from_x + yy * from_y;
  float x[OD_MAX_AUGMENT_SIDE], y[OD_MAX_AUGMENT_SIDE];
  pad(canvas, outside);
  if (map->angle == 0 && map->shear == 0) {
    ramp(w, x0, xx, x);
    ramp(h, y0, yy, y);
    resample_separable(canvas, outside.fill, x, y);
    return;
  }
  for (int row = 0; row < h; row++) {
    ramp(w, x0 + row * xy, xx, x);
    ramp(w, y0 + row * yy, yx, y);
    resample_row(canvas, outside.fill, x, y, canvas->image + (size_t)row * (size_t)w);
  }
}

/* The elastic field, after Simard, Steinkraus and Platt (2003): uniform noise smoothed by a
 * Gaussian. As in U-Net (Ronneberger, Fischer and Brox, 2015) the noise lies on a coarse grid of
 * knots and is interpolated, here by cubic B-splines: with knots sqrt(3) * sigma apart the spline
 * has the variance of the Gaussian and nearly its form. */
#define KNOT_SPACING 1.7320508075688772f /* in sigma */

/* The four knots that contribute to a pixel along one axis, from `first`, and their weights. The
 * weights are scaled so that knots of variance 1 give values of variance 1 averaged over
 * positions: the square of the spline has the integral 151 / 315. */
typedef struct spline_position {
  int first;
  float weight[4];
} spline_position;

static spline_position position_on_spline(float coordinate) {
  const float scale = 1.4443290f / 6; /* sqrt(315 / 151), times 1 / 6 of the spline */
  const int first = (int)coordinate;
  const float t = coordinate - (float)first, u = 1 - t;
  return (spline_position){first,
                           {scale * u * u * u, scale * (4 - 3 * t * t * (1 + u)),
                            scale * (4 - 3 * u * u * (1 + t)), scale * t * t * t}};
}

/* A uniform number of mean 0 and variance 1 from 32 random bits. */
static float uniform_from_bits(uint32_t bits) {
  return (float)(int32_t)bits * (float)(0x1p-31 * 1.7320508075688772);
}

/* Draw one row of knots for each component and interpolate it at the columns (w):
 * result (2, w). */
static void draw_knots(od_rng *rng, int w, const spline_position *columns, float *result) {
  float knots[2][OD_MAX_AUGMENT_SIDE + 4];
  for (int k = 0; k < columns[w - 1].first + 4; k++) {
    const uint64_t bits = od_rng_next(rng);
    knots[0][k] = uniform_from_bits((uint32_t)bits);
    knots[1][k] = uniform_from_bits((uint32_t)(bits >> 32));
  }
  for (int component = 0; component < 2; component++)
    for (int i = 0; i < w; i++) {
      const float *weight = columns[i].weight, *knot = knots[component] + columns[i].first;
      result[component * w + i] =
          weight[0] * knot[0] + weight[1] * knot[1] + weight[2] * knot[2] + weight[3] * knot[3];
    }
}

/* result (n) = start + step * i + the weighted sum of four knot rows (n), `pitch` apart. */
static void displace(int n, const float *weight, const float *knots, size_t pitch, float start,
                     float step, float *restrict result) {
  const float *a = knots, *b = a + pitch, *c = b + pitch, *d = c + pitch;
  for (int i = 0; i < n; i++)
    result[i] = start + step * (float)i +
                (weight[0] * a[i] + weight[1] * b[i] + weight[2] * c[i] + weight[3] * d[i]);
}

void od_augment_elastic(const od_canvas *canvas, od_rng *rng,
                        const od_elastic_parameters *parameters, od_outside_fill outside) {
  const int h = canvas->h, w = canvas->w;
  const float per_pixel = 1 / ((float)parameters->sigma * KNOT_SPACING);
  const float component_rms = (float)parameters->displacement * 0.70710678f;
  const size_t pitch = 2 * (size_t)w;
  spline_position columns[OD_MAX_AUGMENT_SIDE];
  float x[OD_MAX_AUGMENT_SIDE], y[OD_MAX_AUGMENT_SIDE];
  int drawn = 0;
  pad(canvas, outside);
  for (int i = 0; i < w; i++) columns[i] = position_on_spline((float)i * per_pixel);
  for (int row = 0; row < h; row++) {
    spline_position position = position_on_spline((float)row * per_pixel);
    for (; drawn < position.first + 4; drawn++)
      draw_knots(rng, w, columns, canvas->knots + (size_t)drawn * pitch);
    for (int k = 0; k < 4; k++) position.weight[k] *= component_rms;
    const float *knots = canvas->knots + (size_t)position.first * pitch;
    displace(w, position.weight, knots, pitch, 0, 1, x);
    displace(w, position.weight, knots + w, pitch, (float)row, 0, y);
    resample_row(canvas, outside.fill, x, y, canvas->image + (size_t)row * (size_t)w);
  }
}
