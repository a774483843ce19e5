/* Halftones: smoothing a picture of two levels, or of any. */
#include "digit/halftone.h"
#include "fuzz/input.h"

/* Keeps two levels, by error diffusion or an ordered pattern. */
static void dither(int h, int w, uint8_t *image, bool ordered) {
  static const int pattern[4] = {51, 153, 204, 102};
  int error = 0;
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      const int wanted = image[y * w + x] + (ordered ? 0 : error);
      const int level = wanted > (ordered ? pattern[y % 2 * 2 + x % 2] : 127) ? 255 : 0;
      error = wanted - level;
      image[y * w + x] = (uint8_t)level;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  fuzz_input in = {bytes, size};
  const od_kernels *kernels = take_table(&in);
  const int h = take_between(&in, 1, 160), w = take_between(&in, 1, 160), kind = take_byte(&in) % 4;
  uint8_t *image = take_picture(&in, h, w, 6);
  if (kind < 3) dither(h, w, image, kind == 1);
  od_image_workspace workspace = {.kernels = kernels, .pool = take_pool(&in)};
  od_error error = {{0}};
  if (od_is_halftone(h, w, image) || kind == 3)
    require(succeeded(od_smooth_halftone(&workspace, h, w, image, &error), &error));
  od_image_workspace_release(&workspace);
  free(image);
  return 0;
}
