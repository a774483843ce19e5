#include <math.h>

#include "image/image.h"

void od_get_structuring_element(od_morph_shape shape, int h, int w, uint8_t *mask) {
  const int middle_y = h / 2, middle_x = w / 2;
  for (int y = 0; y < h; y++, mask += w) {
    int first = 0, last = w - 1;
    if (shape == OD_MORPH_CROSS && y != middle_y) first = last = middle_x;
    if (shape == OD_MORPH_ELLIPSE) {
      const int dy = y - middle_y;
      const double inside =
          middle_y ? (double)(middle_y * middle_y - dy * dy) / ((double)middle_y * middle_y) : 0;
      const int radius = inside < 0 ? -1 : (int)lrint(middle_x * sqrt(inside));
      first = middle_x - radius > 0 ? middle_x - radius : 0;
      last = middle_x + radius < w ? middle_x + radius : w - 1;
      if (radius < 0) last = first - 1;
    }
    for (int x = 0; x < w; x++) mask[x] = x >= first && x <= last;
  }
}
