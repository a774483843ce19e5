#include "page/crop.h"

#include "base/math.h"
#include "digit/preprocess.h"

/* Around a digit's box, of its longer side. */
static const double margin_share = 0.15;

od_status od_crop_digit(const od_page *page, const od_read_digit *digit, od_image_workspace *imaging,
                        float *result, od_error *error) {
  const int longer = od_max(digit->right - digit->left, digit->bottom - digit->top);
  const int margin = od_max(1, (int)(margin_share * longer + 0.5));
  const int left = od_max(digit->left - margin, 0), right = od_min(digit->right + margin, page->w);
  const int top = od_max(digit->top - margin, 0), bottom = od_min(digit->bottom + margin, page->h);
  const uint8_t *pixels = page->image + (size_t)top * (size_t)page->w + (size_t)left;
  return od_preprocess_digit(imaging, bottom - top, right - left, page->w, pixels, NULL, result,
                          error);
}
