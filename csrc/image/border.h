/* Pixels beyond the border of an image. */
#ifndef OD_IMAGE_BORDER_H
#define OD_IMAGE_BORDER_H

#include "image/image.h"

/* Return which pixel of a side (n) stands for pixel i, which may be any number; -1 for a constant
 * border. As cv2.borderInterpolate. */
static inline int od_border_index(int i, int n, od_border border) {
  if (i >= 0 && i < n) return i;
  if (border == OD_BORDER_CONSTANT) return -1;
  if (border == OD_BORDER_REPLICATE || n == 1) return i < 0 ? 0 : n - 1;
  const int edge = border == OD_BORDER_REFLECT_101; /* the last pixel is not repeated */
  const int period = 2 * (n - edge);
  i = (i % period + period) % period;
  return i < n ? i : period - i - 1 + edge;
}

/* Fill both ends of row (before + w + after), whose middle is given. */
static inline void od_extend_row(uint8_t *row, int before, int w, int after, od_border border,
                                 uint8_t border_value) {
  uint8_t *inside = row + before;
  if (border == OD_BORDER_CONSTANT) {
    memset(row, border_value, (size_t)before);
    memset(inside + w, border_value, (size_t)after);
    return;
  }
  for (int i = -before; i < 0; i++) inside[i] = inside[od_border_index(i, w, border)];
  for (int i = w; i < w + after; i++) inside[i] = inside[od_border_index(i, w, border)];
}

#endif
