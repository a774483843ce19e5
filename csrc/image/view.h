/* Views of images: one channel of bytes with any strides, so that crops, mirrored arrays and single
 * channels of colour images are read and written in place. The memory is the caller's. Pixel
 * (y, x) is pixels[y * row + x * column]; strides are in bytes and may be negative or, for reading,
 * 0. */
#ifndef OD_IMAGE_VIEW_H
#define OD_IMAGE_VIEW_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/api.h"

OD_BEGIN_DECLS

typedef struct od_view { /* for reading */
  const uint8_t *pixels;
  int h, w;
  ptrdiff_t row, column;
} od_view;

typedef struct od_target { /* for writing; overlaps no view of the same call unless documented */
  uint8_t *pixels;
  int h, w;
  ptrdiff_t row, column;
} od_target;

/* An image of h rows of w bytes without gaps. */
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

/* Return row y as contiguous bytes: in place if the view has them so, else copied to `copy` (w). */
static inline const uint8_t *od_view_row(const od_view *view, int y, uint8_t *copy) {
  const uint8_t *row = view->pixels + y * view->row;
  if (view->column == 1) return row;
  for (int x = 0; x < view->w; x++) copy[x] = row[x * view->column];
  return copy;
}

/* Return where to write row y as contiguous bytes: in place if the target has them so, else `copy`
 * (w). od_target_finish then stores the row. */
static inline uint8_t *od_target_row(const od_target *target, int y, uint8_t *copy) {
  return target->column == 1 ? target->pixels + y * target->row : copy;
}
static inline void od_target_finish(const od_target *target, int y, const uint8_t *copy) {
  uint8_t *row = target->pixels + y * target->row;
  if (target->column == 1) return;
  for (int x = 0; x < target->w; x++) row[x * target->column] = copy[x];
}

/* Whether both are without gaps and equally wide, so that many rows can be processed as one. */
static inline int od_is_contiguous(const od_view *view, const od_target *target) {
  return view->column == 1 && target->column == 1 && view->row == view->w &&
         target->row == target->w && view->w == target->w;
}

OD_END_DECLS

#endif
