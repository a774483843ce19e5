/* Pictures where they lie: one channel of bytes with any strides, so that cut-outs, mirrored
 * arrays and single channels of colour pictures are read and written in place. The memory is
 * the caller's. Pixel (y, x) is pixels[y * row + x * column]; strides are in bytes and may
 * be negative or, in what is only read, 0. */
#ifndef OD_IMAGE_VIEW_H
#define OD_IMAGE_VIEW_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/api.h"

OD_BEGIN_DECLS

typedef struct od_view { /* to read */
  const uint8_t *pixels;
  int h, w;
  ptrdiff_t row, column;
} od_view;

typedef struct od_target { /* to write; must not overlap what is read, unless said */
  uint8_t *pixels;
  int h, w;
  ptrdiff_t row, column;
} od_target;

/* A picture of h rows of w bytes, one after the other. */
static inline od_view od_view_of(int h, int w, const uint8_t *pixels) {
  const od_view view = {pixels, h, w, w, 1};
  return view;
}
static inline od_target od_target_of(int h, int w, uint8_t *pixels) {
  const od_target target = {pixels, h, w, w, 1};
  return target;
}
static inline od_view od_view_of_target(const od_target *target) {
  const od_view view = {target->pixels, target->h, target->w, target->row, target->column};
  return view;
}

/* Row y as bytes side by side: in place where it is so, else copied to `copy` (w). */
static inline const uint8_t *od_view_row(const od_view *view, int y, uint8_t *copy) {
  const uint8_t *row = view->pixels + y * view->row;
  if (view->column == 1) return row;
  for (int x = 0; x < view->w; x++) copy[x] = row[x * view->column];
  return copy;
}

/* Where to write row y: in place where its bytes lie side by side, else to `copy` (w).
 * od_target_finish then takes it to its place. */
static inline uint8_t *od_target_row(const od_target *target, int y, uint8_t *copy) {
  return target->column == 1 ? target->pixels + y * target->row : copy;
}
static inline void od_target_finish(const od_target *target, int y, const uint8_t *copy) {
  uint8_t *row = target->pixels + y * target->row;
  if (target->column == 1) return;
  for (int x = 0; x < target->w; x++) row[x * target->column] = copy[x];
}

/* Whether rows follow each other without a gap in both, so that many are like one. */
static inline int od_is_contiguous(const od_view *view, const od_target *target) {
  return view->column == 1 && target->column == 1 && view->row == view->w &&
         target->row == target->w && view->w == target->w;
}

OD_END_DECLS

#endif
