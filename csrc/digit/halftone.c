#include "digit/halftone.h"

#include <string.h>

#include "base/memory.h"

enum { RARER_PER_ISOLATED = 20 };

/* Whole numbers of handwritten digits are read best with it, of dots by Floyd and Steinberg and by
 * Bayer's matrices of 2, 4 and 8, with digits of 20 to 60 pixels. */
static const od_gaussian averaging = {.ksize_y = 7, .ksize_x = 7, .sigma_y = 1, .sigma_x = 1};

/* Whether the n pixels have exactly two levels; rarer is how many have the rarer one. */
static bool has_two_levels(size_t n, const uint8_t *pixels, size_t *rarer) {
  const uint8_t first = pixels[0];
  size_t i = 0, firsts = 0;
  while (i < n && pixels[i] == first) i++;
  if (i == n) return false;
  const uint8_t second = pixels[i];
  for (size_t k = 0; k < n; k++) {
    if (pixels[k] != first && pixels[k] != second) return false;
    firsts += pixels[k] == first;
  }
  *rarer = firsts < n - firsts ? firsts : n - firsts;
  return true;
}

/* How many pixels of a row (w), without its ends, differ from all four neighbours. */
static size_t count_isolated(int w, const uint8_t *above, const uint8_t *row,
                             const uint8_t *below) {
  unsigned count = 0;
  for (int x = 1; x < w - 1; x++) {
    const uint8_t p = row[x];
    count += (p != above[x]) & (p != below[x]) & (p != row[x - 1]) & (p != row[x + 1]);
  }
  return count;
}

bool od_is_halftone(int h, int w, const uint8_t *image) {
  const size_t width = (size_t)w;
  size_t rarer = 0, isolated = 0;
  if (h < 3 || w < 3 || !has_two_levels((size_t)h * width, image, &rarer)) return false;
  for (int y = 1; y < h - 1; y++) {
    const uint8_t *row = image + (size_t)y * width;
    isolated += count_isolated(w, row - width, row, row + width);
  }
  return RARER_PER_ISOLATED * isolated >= rarer;
}

od_status od_smooth_halftone(od_image_workspace *workspace, int h, int w, uint8_t *image,
                             od_error *error) {
  const size_t n = (size_t)h * (size_t)w;
  uint8_t *smooth = od_allocate(n, 1);
  if (!smooth) return od_fail_memory(error, "a smoothed halftone");
  const od_view view = od_view_of(h, w, image);
  const od_target target = od_target_of(h, w, smooth);
  const od_status status =
      od_gaussian_blur(workspace, &view, &averaging, OD_BORDER_REFLECT_101, &target, error);
  if (!status) memcpy(image, smooth, n);
  od_release(smooth);
  return status;
}
