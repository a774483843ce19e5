/* What lies beyond a picture's border. */
#ifndef OD_IMAGE_BORDER_H
#define OD_IMAGE_BORDER_H

#include "image/image.h"

/* The place of a side (n) that stands for place i, which may be any; -1 for a constant. */
static inline int od_border_place(int i, int n, od_border border) {
  if (i >= 0 && i < n) return i;
  if (border == OD_BORDER_CONSTANT) return -1;
  if (border == OD_BORDER_REPLICATE || n == 1) return i < 0 ? 0 : n - 1;
  const int edge = border == OD_BORDER_REFLECT_101; /* the last pixel is not repeated */
  do
    i = i < 0 ? -i - 1 + edge : 2 * n - 1 - i - edge;
  while (i < 0 || i >= n);
  return i;
}

/* row (before + w + after), whose middle is filled, goes on either way. */
static inline void od_extend_row(uint8_t *row, int before, int w, int after, od_border border,
                                 uint8_t outside) {
  uint8_t *inside = row + before;
  if (border == OD_BORDER_CONSTANT) {
    memset(row, outside, (size_t)before);
    memset(inside + w, outside, (size_t)after);
    return;
  }
  for (int i = -before; i < 0; i++) inside[i] = inside[od_border_place(i, w, border)];
  for (int i = w; i < w + after; i++) inside[i] = inside[od_border_place(i, w, border)];
}

#endif
