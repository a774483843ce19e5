/* Removal of print: any picture, foreground and print. What is erased is in the foreground. */
#include "fuzz/input.h"
#include "page/print_removal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  fuzz_input in = {bytes, size};
  od_image_workspace workspace = {.kernels = take_table(&in), .pool = take_pool(&in)};
  const int h = take_between(&in, 1, 120), w = take_between(&in, 1, 120);
  const int slack = take_byte(&in) % 4 ? take_byte(&in) % 6 : take_number(&in);
  const size_t pixels = (size_t)h * (size_t)w;
  uint8_t *image = take_picture(&in, h, w, 3), *print = take_picture(&in, h, w, 5);
  uint8_t *foreground = take_picture(&in, h, w, 8);
  uint8_t *erased = block_of(pixels), *writing = block_of(pixels);
  const od_filled_form form = {h, w, image, foreground, print, slack};
  od_error error = {{0}};
  if (succeeded(od_erase_print(&workspace, &form, erased, writing, &error), &error))
    for (size_t i = 0; i < pixels; i++) require(writing[i] <= foreground[i]);
  else
    require(slack < 0 || slack > OD_MAX_PRINT_SLACK);
  od_image_workspace_release(&workspace);
  free(image);
  free(print);
  free(foreground);
  free(erased);
  free(writing);
  return 0;
}
