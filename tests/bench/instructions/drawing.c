#include "drawing.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "paths.h"

picture picture_create(int h, int w, uint8_t level) {
  const picture p = {h, w, od_allocate((size_t)h, (size_t)w)};
  expect(p.pixels, "memory for a picture");
  memset(p.pixels, level, (size_t)h * (size_t)w);
  return p;
}

void picture_release(picture *p) {
  od_release(p->pixels);
  *p = (picture){0};
}

static uint8_t to_level(double value) {
  return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : lround(value));
}

void draw_light(picture *p, int amplitude, int slope, od_rng *rng) {
  for (int y = 0; y < p->h; y++) {
    for (int x = 0; x < p->w; x++) {
      uint8_t *pixel = &p->pixels[y * p->w + x];
      const double light = slope * ((double)x / p->w - 0.5);
      *pixel = to_level(*pixel + light + od_rng_range(rng, -amplitude, amplitude));
    }
  }
}

/* The distance of (x, y) from a line segment. */
static double distance(double x, double y, const double from[2], const double to[2]) {
  const double dx = to[0] - from[0], dy = to[1] - from[1], length = dx * dx + dy * dy;
  double t = length > 0 ? ((x - from[0]) * dx + (y - from[1]) * dy) / length : 0;
  t = t < 0 ? 0 : t > 1 ? 1 : t;
  return hypot(x - from[0] - t * dx, y - from[1] - t * dy);
}

void draw_line(picture *p, const double from[2], const double to[2], double width, uint8_t level) {
  const int left = (int)(fmin(from[0], to[0]) - width), right = (int)(fmax(from[0], to[0]) + width);
  const int top = (int)(fmin(from[1], to[1]) - width), bottom = (int)(fmax(from[1], to[1]) + width);
  for (int y = top < 0 ? 0 : top; y <= bottom && y < p->h; y++) {
    for (int x = left < 0 ? 0 : left; x <= right && x < p->w; x++) {
      const double cover = fmin(fmax(width / 2 + 0.5 - distance(x, y, from, to), 0), 1);
      uint8_t *pixel = &p->pixels[y * p->w + x];
      *pixel = to_level(*pixel + cover * (level - *pixel));
    }
  }
}

void draw_digit(picture *p, int digit, const double corner[2], double height, uint8_t level,
                od_rng *rng) {
  /* The ends of the seven strokes, in half heights, and which of them a digit has. */
  static const double ends[7][4] = {{0, 0, 1, 0}, {0, 0, 0, 1}, {1, 0, 1, 1}, {0, 1, 1, 1},
                                    {0, 1, 0, 2}, {1, 1, 1, 2}, {0, 2, 1, 2}};
  static const uint8_t strokes[10] = {0x77, 0x24, 0x5d, 0x6d, 0x2e, 0x6b, 0x7b, 0x25, 0x7f, 0x6f};
  const double half = height / 2, slant = od_rng_range(rng, 0, 0.2);
  for (int s = 0; s < 7; s++) {
    double points[4];
    if (!(strokes[digit] >> s & 1)) continue;
    for (int i = 0; i < 4; i += 2) {
      points[i] = corner[0] + half * (ends[s][i] + slant * (2 - ends[s][i + 1]));
      points[i + 1] = corner[1] + half * ends[s][i + 1];
    }
    for (int i = 0; i < 4; i++) points[i] += od_rng_range(rng, -0.04, 0.04) * half;
    draw_line(p, points, points + 2, height / 9, level);
  }
}

void draw_grid(picture *p, int rows, int columns, int side, const int corner[2], uint8_t level) {
  const double left = corner[0], top = corner[1];
  const double right = left + columns * side, bottom = top + rows * side;
  for (int i = 0; i <= rows; i++) {
    const double y = top + i * side;
    draw_line(p, (double[]){left, y}, (double[]){right, y}, 2, level);
  }
  for (int j = 0; j <= columns; j++) {
    const double x = left + j * side;
    draw_line(p, (double[]){x, top}, (double[]){x, bottom}, 2, level);
  }
}
