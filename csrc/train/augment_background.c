/* Augmentations of background and pen: an uneven background, strokes of uneven intensity, and
 * strokes of neighbouring writing in a crop. */
#include <math.h>

#include "train/augment_operations.h"

/* Smooth noise of 0 to 1, computed row by row from the top: uniform numbers on a grid of knots,
 * bilinear between them. */
typedef struct noise_field {
  od_rng *rng;
  float per_pixel; /* knots */
  int knots, row;  /* knots per row; the index of knot row `above` */
  float above[OD_MAX_AUGMENT_SIDE + 2], below[OD_MAX_AUGMENT_SIDE + 2];
} noise_field;

static void draw_knots(od_rng *rng, int n, float *knots) {
  for (int i = 0; i < n; i++) knots[i] = (float)od_rng_uniform(rng);
}

/* spacing >= 1 */
static void noise_field_begin(noise_field *f, od_rng *rng, int w, double spacing) {
  f->rng = rng;
  f->per_pixel = (float)(1 / spacing);
  f->knots = (int)((float)(w - 1) * f->per_pixel) + 2;
  f->row = 0;
  draw_knots(rng, f->knots, f->above);
  draw_knots(rng, f->knots, f->below);
}

/* values (w) of image row y; calls are in the order y = 0, 1, 2, ... */
static void noise_field_row(noise_field *f, int y, int w, float *values) {
  const float position_y = (float)y * f->per_pixel;
  for (; f->row < (int)position_y; f->row++) {
    for (int i = 0; i < f->knots; i++) f->above[i] = f->below[i];
    draw_knots(f->rng, f->knots, f->below);
  }
  const float part_y = position_y - (float)f->row;
  for (int x = 0; x < w; x++) {
    const float position_x = (float)x * f->per_pixel;
    const int left = (int)position_x;
    const float part_x = position_x - (float)left;
    const float top = f->above[left] + part_x * (f->above[left + 1] - f->above[left]);
    const float bottom = f->below[left] + part_x * (f->below[left + 1] - f->below[left]);
    values[x] = top + part_y * (bottom - top);
  }
}

void od_augment_background(const od_canvas *canvas, od_rng *rng, od_real tone, od_real uneven) {
  const int h = canvas->h, w = canvas->w, side = h > w ? h : w;
  noise_field light;
  float values[OD_MAX_AUGMENT_SIDE];
  noise_field_begin(&light, rng, w, side > 3 ? side / 3.0 : 1);
  for (int y = 0; y < h; y++) {
    od_real *row = canvas->image + (size_t)y * (size_t)w;
    noise_field_row(&light, y, w, values);
    for (int x = 0; x < w; x++) {
      const od_real level = tone * (1 - uneven * values[x]);
      row[x] = level + (1 - level) * row[x];
    }
  }
}

void od_augment_texture(const od_canvas *canvas, od_rng *rng, od_real amount, double spacing) {
  const int h = canvas->h, w = canvas->w;
  noise_field pressure;
  float values[OD_MAX_AUGMENT_SIDE];
  noise_field_begin(&pressure, rng, w, spacing);
  for (int y = 0; y < h; y++) {
    od_real *row = canvas->image + (size_t)y * (size_t)w;
    noise_field_row(&pressure, y, w, values);
    for (int x = 0; x < w; x++) row[x] *= 1 - amount * values[x];
  }
}

/* -- a stray stroke -- */

typedef struct point {
  float x, y;
} point;

/* Draw a quadratic Bezier curve along the top edge: its ends lie on either side of the middle,
 * and each of its three points at any depth down to `depth`. */
static void draw_curve(od_rng *rng, double length, double depth, point curve[3]) {
  static const double places[3][2] = {{-0.1, 0.4}, {0.2, 0.8}, {0.6, 1.1}};
  for (int i = 0; i < 3; i++)
    curve[i] = (point){(float)(length * od_rng_range(rng, places[i][0], places[i][1])),
                       (float)od_rng_range(rng, -1, depth)};
}

/* Move a curve from the top edge to edge 0 to 3: top, left, bottom, right. */
static void move_to_edge(int edge, int h, int w, point curve[3]) {
  for (int i = 0; i < 3; i++) {
    const point p = curve[i];
    if (edge == 1) curve[i] = (point){p.y, p.x};
    if (edge == 2) curve[i] = (point){p.x, (float)(h - 1) - p.y};
    if (edge == 3) curve[i] = (point){(float)(w - 1) - p.y, p.x};
  }
}

static point curve_at(const point curve[3], float t) {
  const float a = (1 - t) * (1 - t), b = 2 * t * (1 - t), c = t * t;
  return (point){a * curve[0].x + b * curve[1].x + c * curve[2].x,
                 a * curve[0].y + b * curve[1].y + c * curve[2].y};
}

/* Brighten the pixels near the line from p to q to at most `value`, anti-aliased. */
static void draw_segment(const od_canvas *canvas, point p, point q, float radius, od_real value) {
  const float dx = q.x - p.x, dy = q.y - p.y, squared = dx * dx + dy * dy;
  const float scale = squared > 0 ? 1 / squared : 0, reach = radius + 1;
  const int top = (int)fmaxf(0, ceilf(fminf(p.y, q.y) - reach));
  const int bottom = (int)fminf((float)(canvas->h - 1), floorf(fmaxf(p.y, q.y) + reach));
  const int left = (int)fmaxf(0, ceilf(fminf(p.x, q.x) - reach));
  const int right = (int)fminf((float)(canvas->w - 1), floorf(fmaxf(p.x, q.x) + reach));
  for (int y = top; y <= bottom; y++) {
    od_real *row = canvas->image + (size_t)y * (size_t)canvas->w;
    for (int x = left; x <= right; x++) {
      const float rx = (float)x - p.x, ry = (float)y - p.y;
      const float t = fminf(1, fmaxf(0, (rx * dx + ry * dy) * scale));
      const float ax = rx - t * dx, ay = ry - t * dy;
      const float cover = radius + 0.5f - sqrtf(ax * ax + ay * ay);
      const od_real level = value * fminf(1, fmaxf(0, cover));
      row[x] = row[x] > level ? row[x] : level;
    }
  }
}

void od_augment_stray_stroke(const od_canvas *canvas, od_rng *rng, double width, double reach,
                             od_real value) {
  enum { SEGMENTS = 8 };
  const int h = canvas->h, w = canvas->w, edge = (int)od_rng_below(rng, 4);
  const bool vertical = edge % 2;
  point curve[3];
  draw_curve(rng, vertical ? h : w, reach * (vertical ? w : h), curve);
  move_to_edge(edge, h, w, curve);
  const od_real level = value * (od_real)od_rng_range(rng, 0.5, 1);
  point start = curve[0];
  for (int i = 1; i <= SEGMENTS; i++) {
    const point end = curve_at(curve, (float)i / SEGMENTS);
    draw_segment(canvas, start, end, (float)(width / 2), level);
    start = end;
  }
}
