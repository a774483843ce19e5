/* Pictures to run on: digits of seven strokes, as one writes them on forms. */
#ifndef DRAWING_H
#define DRAWING_H

#include <stdint.h>

#include "base/rng.h"

typedef struct picture {
  int h, w;
  uint8_t *pixels; /* (h, w) */
} picture;

/* A picture of one level; release with picture_release. */
picture picture_create(int h, int w, uint8_t level);
void picture_release(picture *p);

/* Adds noise of up to +-amplitude levels, and a slope of `slope` levels from left to right. */
void draw_light(picture *p, int amplitude, int slope, od_rng *rng);

/* A line from (x0, y0) to (x1, y1) with round ends. */
void draw_line(picture *p, const double from[2], const double to[2], double width, uint8_t level);

/* A digit of this height, its left top corner at (x, y), slanted and shaken a little. */
void draw_digit(picture *p, int digit, const double corner[2], double height, uint8_t level,
                od_rng *rng);

/* A table of lines: rows and columns of cells of height and width `side`. */
void draw_grid(picture *p, int rows, int columns, int side, const int corner[2], uint8_t level);

#endif
