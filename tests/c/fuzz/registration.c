/* Registration of pages on forms: any drawings, or a form and its image under a homography. */
#include "fuzz/input.h"
#include "image/homography.h"
#include "page/registration.h"

/* The page is the form, moved, and drawn on. */
static void move_form(fuzz_input *in, od_image_workspace *workspace, const od_view *form,
                      const od_target *page) {
  double matrix[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  for (int i = 0; i < 4; i++) matrix[i % 2 + i / 2 * 3] += (take_byte(in) - 128) / 1024.0;
  matrix[2] = (take_byte(in) - 128) / 16.0;
  matrix[5] = (take_byte(in) - 128) / 16.0;
  matrix[6] = (take_byte(in) - 128) / 1e6;
  require(!od_warp_perspective(workspace, form, matrix, OD_BORDER_CONSTANT, 0, page, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  fuzz_input in = {bytes, size};
  od_image_workspace workspace = {.kernels = take_table(&in), .pool = take_pool(&in)};
  const int h = take_between(&in, 1, 255), w = take_between(&in, 1, 255);
  const int page_h = take_between(&in, 1, 255), page_w = take_between(&in, 1, 255);
  const int kind = take_byte(&in) % 3;
  fuzz_input moved = in;
  for (int i = 0; i < 7; i++) take_byte(&in);
  uint8_t *form = take_picture(&in, h, w, 16), *page = take_picture(&in, page_h, page_w, 8);
  const od_view views[2] = {od_view_of(h, w, form), od_view_of(page_h, page_w, page)};
  if (kind) move_form(&moved, &workspace, &views[0], &(od_target){page, page_h, page_w, page_w, 1});
  od_registration found;
  od_error error = {{0}};
  require(succeeded(od_register_page(&workspace, &views[0], &views[1], &found, &error), &error));
  require(found.found >= 0 && found.found <= 1);
  for (int i = 0; i < 9; i++) require(found.found == 0 || isfinite(found.matrix[i]));
  od_image_workspace_release(&workspace);
  free(form);
  free(page);
  return 0;
}
