#include <math.h>

#include "image/bands.h"
#include "image/border.h"
#include "image/image.h"
#include "image/limits.h"

/* OpenCV's registers hold so many results; it computes the places of those that do not fill
 * one in another order, which rounds otherwise now and then. */
enum { LANES = 16, BLOCK = 128 };

void od_invert_affine(const double m[6], double inverse[6]) {
  const double determinant = m[0] * m[4] - m[1] * m[3];
  const double d = determinant != 0 ? 1 / determinant : 0;
  const double a = m[4] * d, b = m[1] * -d, c = m[3] * -d, e = m[0] * d;
  const double place_x = -a * m[2] - b * m[5], place_y = -c * m[2] - e * m[5];
  inverse[0] = a, inverse[1] = b, inverse[2] = place_x;
  inverse[3] = c, inverse[4] = e, inverse[5] = place_y;
}

typedef struct warp_job {
  const od_image_kernels *kernels;
  const od_view *image;
  const od_target *result;
  float matrix[6];
  od_border border;
  uint8_t outside;
} warp_job;

/* Where a block's results come from, and the four pixels there. */
typedef struct warp_block {
  int32_t x[BLOCK], y[BLOCK];            /* the upper left one's place */
  float right[BLOCK], down[BLOCK];       /* how far beyond it, 0 to 1 */
  uint16_t upper[BLOCK], lower[BLOCK];   /* two pixels each, the left one in the low byte */
} warp_block;

static uint16_t pair_of(uint8_t left, uint8_t right) { return (uint16_t)(left | right << 8); }

static uint8_t pixel_at(const warp_job *job, int y, int x) {
  const od_view *image = job->image;
  const int row = od_border_place(y, image->h, job->border);
  const int column = od_border_place(x, image->w, job->border);
  return row < 0 || column < 0 ? job->outside : image->pixels[row * image->row + column * image->column];
}

static bool is_inside(const od_view *image, int y, int x) {
  return x >= 0 && y >= 0 && x < image->w - 1 && y < image->h - 1;
}

/* Two pixels side by side in one load. */
static uint16_t load_pair(const uint8_t *pixel) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  uint16_t pair;
  memcpy(&pair, pixel, sizeof pair);
  return pair;
#else
  return pair_of(pixel[0], pixel[1]);
#endif
}

static inline void fetch_one(const od_view *image, ptrdiff_t row, ptrdiff_t column, size_t i,
                             warp_block *b) {
  const uint8_t *pixel = image->pixels + b->y[i] * row + b->x[i] * column;
  b->upper[i] = column == 1 ? load_pair(pixel) : pair_of(pixel[0], pixel[column]);
  b->lower[i] = column == 1 ? load_pair(pixel + row) : pair_of(pixel[row], pixel[row + column]);
}

static void fetch(const warp_job *job, size_t n, warp_block *b) {
  const od_view *image = job->image;
  const ptrdiff_t row = image->row, column = image->column;
  /* Places go along a line: it is enough that both ends are inside. */
  if (is_inside(image, b->y[0], b->x[0]) && is_inside(image, b->y[n - 1], b->x[n - 1])) {
    if (column == 1)
      for (size_t i = 0; i < n; i++) fetch_one(image, row, 1, i, b);
    else
      for (size_t i = 0; i < n; i++) fetch_one(image, row, column, i, b);
    return;
  }
  for (size_t i = 0; i < n; i++) {
    const int x = b->x[i], y = b->y[i];
    if (is_inside(image, y, x)) {
      fetch_one(image, row, column, i, b);
      continue;
    }
    b->upper[i] = pair_of(pixel_at(job, y, x), pixel_at(job, y, x + 1));
    b->lower[i] = pair_of(pixel_at(job, y + 1, x), pixel_at(job, y + 1, x + 1));
  }
}

static void warp_rows(void *context, int first, int last, void *scratch) {
  const warp_job *job = context;
  const size_t w = (size_t)job->result->w, whole = w / LANES * LANES;
  const float *m = job->matrix;
  warp_block block;
  for (int y = first; y < last; y++) {
    uint8_t *result = od_target_row(job->result, y, scratch);
    for (size_t x = 0; x < w;) {
      const size_t end = x < whole ? whole : w, n = end - x < BLOCK ? end - x : BLOCK;
      job->kernels->warp_places(n, x, (float)y, m, x < whole, block.x, block.right);
      job->kernels->warp_places(n, x, (float)y, m + 3, x < whole, block.y, block.down);
      fetch(job, n, &block);
      job->kernels->mix(n, block.upper, block.lower, block.right, block.down, result + x);
      x += n;
    }
    od_target_finish(job->result, y, result);
  }
}

od_status od_image_warp_affine(od_imaging *imaging, const od_view *image, const double matrix[6],
                         od_border border, uint8_t outside, const od_target *result,
                         od_error *error) {
  od_status status = od_check_sides("image", image->h, image->w, error);
  if (!status) status = od_check_sides("result", result->h, result->w, error);
  if (status) return status;
  warp_job job = {.kernels = &imaging->kernels->image, .image = image, .result = result,
                  .border = border, .outside = outside};
  for (int k = 0; k < 6; k++) job.matrix[k] = (float)matrix[k];
  const size_t w = (size_t)result->w;
  return od_run_bands(imaging, result->h, 4 * w, w, warp_rows, &job, error);
}
