#include <math.h>
#include <string.h>

#include "train/augment_operations.h"

/* The margin of `padded`: one pixel before the image and two behind it. Coordinates
 * are clamped to one pixel outside; there the pixel after is read too, with weight 0. */
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

/* The nearest integer, for |x| < 2^22: adding 1.5 * 2^23 leaves no bits for a fraction.
 * Unlike rintf, every instruction set has it as vector code. */
static float nearest(float x) {
  const float magic = 12582912.0f;
  return (x + magic) - magic;
}

/* Folds coordinates x (n) into an axis of `length` pixels that goes on mirrored,
 * d c b a | a b c d | d c b a, which repeats every 2 * length. A tie that `nearest`
 * takes either way lies on the edge pixel's plateau and makes no difference. */
static void reflect(int n, int length, float *x) {
  const float period = 2.0f * (float)length, frequency = 1.0f / period;
  for (int i = 0; i < n; i++) {
    float from_edge = x[i] + 0.5f;
    from_edge -= period * nearest(from_edge * frequency);
    x[i] = fabsf(from_edge) - 0.5f;
  }
}

/* Finds coordinates x (n) along an axis of `length` pixels: pixel (n) is where each lies
 * in `padded`, and x becomes its fraction of the way to the next pixel. */
static void locate(int n, int length, od_fill fill, float *restrict x, int32_t *restrict pixel) {
  const float last = (float)(length + BEFORE);
  if (fill == OD_FILL_REFLECT) reflect(n, length, x);
  for (int i = 0; i < n; i++) {
    float place = x[i] + BEFORE;
    place = place > 0 ? place : 0;
    place = place < last ? place : last;
    pixel[i] = (int32_t)place;
    x[i] = place - (float)pixel[i];
  }
}

/* One row of the result, from anywhere: x, y (w) are where its pixels come from, in
 * pixels of the image. Overwrites x and y. */
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

/* The whole result where rows stay rows and columns columns: x (w) is where each column
 * comes from, y (h) each row. Overwrites x and y. */
static void resample_aligned(const od_canvas *canvas, od_fill fill, float *x, float *y) {
  const int h = canvas->h, w = canvas->w;
  const size_t stride = padded_width(canvas);
  int32_t columns[OD_MAX_AUGMENT_SIDE], rows[OD_MAX_AUGMENT_SIDE];
  od_real between[OD_MAX_AUGMENT_SIDE + MARGIN];
  locate(w, w, fill, x, columns);
  locate(h, h, fill, y, rows);
  for (int row = 0; row < h; row++) {
    const od_real *above = canvas->padded + (size_t)rows[row] * stride, *below = above + stride;
    od_real *restrict result = canvas->image + (size_t)row * (size_t)w;
    for (size_t i = 0; i < stride; i++) between[i] = above[i] + y[row] * (below[i] - above[i]);
    for (int i = 0; i < w; i++) {
      const od_real *left = between + columns[i];
      result[i] = left[0] + x[i] * (left[1] - left[0]);
    }
  }
}

/* start + step * i, i < n. */
static void ramp(int n, double start, double step, float *x) {
  const float first = (float)start, slope = (float)step;
  for (int i = 0; i < n; i++) x[i] = first + slope * (float)i;
}

void od_warp_affine(const od_canvas *canvas, const od_affine *affine, od_outside_fill outside) {
  const int h = canvas->h, w = canvas->w;
  const double c = cos(affine->angle), s = sin(affine->angle), zoom = affine->zoom;
  const double xx = zoom * (c + affine->shear * s), xy = zoom * (affine->shear * c - s);
  const double yx = zoom * s, yy = zoom * c;
  /* Where the result's first pixel comes from. */
  const double centre_x = 0.5 * (w - 1), centre_y = 0.5 * (h - 1);
  const double from_x = -centre_x - affine->right, from_y = -centre_y - affine->down;
  const double x0 = centre_x + xx * from_x + xy * from_y;
  const double y0 = centre_y + yx * from_x + yy * from_y;
  float x[OD_MAX_AUGMENT_SIDE], y[OD_MAX_AUGMENT_SIDE];
  pad(canvas, outside);
  if (affine->angle == 0 && affine->shear == 0) {
    ramp(w, x0, xx, x);
    ramp(h, y0, yy, y);
    resample_aligned(canvas, outside.fill, x, y);
    return;
  }
  for (int row = 0; row < h; row++) {
    ramp(w, x0 + row * xy, xx, x);
    ramp(w, y0 + row * yy, yx, y);
    resample_row(canvas, outside.fill, x, y, canvas->image + (size_t)row * (size_t)w);
  }
}

/* The elastic field, after Simard, Steinkraus and Platt (2003): uniform noise smoothed by
 * a Gaussian. As in U-Net (Ronneberger, Fischer and Brox, 2015) the noise lives on a coarse
 * grid and is interpolated, here by cubic B-splines: with knots sqrt(3) * sigma apart the
 * spline has the variance of the Gaussian and nearly its form. */
#define KNOT_SPACING 1.7320508075688772f /* in sigma */

/* Where a pixel of an axis lies among the knots: the four that reach it, from `first`.
 * The weights are scaled so that knots of variance 1 give, averaged over positions,
 * values of variance 1: the square of the spline has the integral 151 / 315. */
typedef struct spline_place {
  int first;
  float weight[4];
} spline_place;

static spline_place place_on_spline(float position) {
  const float scale = 1.4443290f / 6; /* sqrt(315 / 151), and the spline's own 1 / 6 */
  const int first = (int)position;
  const float t = position - (float)first, u = 1 - t;
  return (spline_place){first,
                        {scale * u * u * u, scale * (4 - 3 * t * t * (1 + u)),
                         scale * (4 - 3 * u * u * (1 + t)), scale * t * t * t}};
}

/* A uniform number of mean 0 and variance 1 from 32 random bits. */
static float uniform_from_bits(uint32_t bits) {
  return (float)(int32_t)bits * (float)(0x1p-31 * 1.7320508075688772);
}

/* Draws one row of knots for each component and spreads it over the columns (w):
 * result (2, w). */
static void draw_knots(od_rng *rng, int w, const spline_place *columns, float *result) {
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

/* result (n) = start + step * i + the sum of four knot rows (n), `pitch` apart. */
static void displace(int n, const float *weight, const float *knots, size_t pitch, float start,
                     float step, float *restrict result) {
  const float *a = knots, *b = a + pitch, *c = b + pitch, *d = c + pitch;
  for (int i = 0; i < n; i++)
    result[i] = start + step * (float)i +
                (weight[0] * a[i] + weight[1] * b[i] + weight[2] * c[i] + weight[3] * d[i]);
}

void od_warp_elastic(const od_canvas *canvas, od_rng *rng, double rms, double sigma,
                     od_outside_fill outside) {
  const int h = canvas->h, w = canvas->w;
  const float per_pixel = 1 / ((float)sigma * KNOT_SPACING);
  const float component_rms = (float)rms * 0.70710678f;
  const size_t pitch = 2 * (size_t)w;
  spline_place columns[OD_MAX_AUGMENT_SIDE];
  float x[OD_MAX_AUGMENT_SIDE], y[OD_MAX_AUGMENT_SIDE];
  int drawn = 0;
  pad(canvas, outside);
  for (int i = 0; i < w; i++) columns[i] = place_on_spline((float)i * per_pixel);
  for (int row = 0; row < h; row++) {
    spline_place place = place_on_spline((float)row * per_pixel);
    for (; drawn < place.first + 4; drawn++)
      draw_knots(rng, w, columns, canvas->splines + (size_t)drawn * pitch);
    for (int k = 0; k < 4; k++) place.weight[k] *= component_rms;
    const float *knots = canvas->splines + (size_t)place.first * pitch;
    displace(w, place.weight, knots, pitch, 0, 1, x);
    displace(w, place.weight, knots + w, pitch, (float)row, 0, y);
    resample_row(canvas, outside.fill, x, y, canvas->image + (size_t)row * (size_t)w);
  }
}
