#include <math.h>

#include "image/row_partition.h"
#include "image/border.h"
#include "image/image.h"
#include "image/limits.h"

/* OpenCV computes LANES results per register, and the source coordinates of those after the last
 * full register in another order, which can round differently. */
enum { LANES = 16, BLOCK = 128 };

void od_invert_affine(const double m[6], double inverse[6]) {
  const double determinant = m[0] * m[4] - m[1] * m[3];
  const double d = determinant != 0 ? 1 / determinant : 0;
  const double a = m[4] * d, b = m[1] * -d, c = m[3] * -d, e = m[0] * d;
  const double shift_x = -a * m[2] - b * m[5], shift_y = -c * m[2] - e * m[5];
  inverse[0] = a, inverse[1] = b, inverse[2] = shift_x;
  inverse[3] = c, inverse[4] = e, inverse[5] = shift_y;
}

typedef struct warp_job {
  const od_image_kernels *kernels;
  const od_view *image;
  const od_target *result;
  float matrix[6];
  od_border border;
  uint8_t border_value;
} warp_job;

/* The four source pixels of each result of a block. */
typedef struct warp_block {
  int32_t x[BLOCK], y[BLOCK];         /* of the upper left pixel */
  float part_x[BLOCK], part_y[BLOCK]; /* fractions of the way to the next pixel, 0 to 1 */
  uint32_t pixels[BLOCK];             /* in the kernel's order */
} warp_block;

static inline uint32_t pair_of(uint8_t left, uint8_t right) { return left | (uint32_t)right << 8; }

/* Load two adjacent pixels at once. */
static inline uint32_t load_pair(const uint8_t *pixel) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  uint16_t pair;
  memcpy(&pair, pixel, sizeof pair);
  return pair;
#else
  return pair_of(pixel[0], pixel[1]);
#endif
}

/* Fetch the pixels of results first to end - 1 of a block, which all lie inside. */
static inline void fetch_inside(const od_view *image, ptrdiff_t column, size_t first, size_t end,
                                warp_block *b) {
  const ptrdiff_t row = image->row;
  for (size_t i = first; i < end; i++) {
    const uint8_t *above = image->pixels + b->y[i] * row + b->x[i] * column, *below = above + row;
    const uint32_t upper = column == 1 ? load_pair(above) : pair_of(above[0], above[column]);
    const uint32_t lower = column == 1 ? load_pair(below) : pair_of(below[0], below[column]);
    b->pixels[i] = upper | lower << 16;
  }
}

/* Two pixels of a row; index -1 is outside. */
static uint32_t pair_at(const warp_job *job, int row, int left, int right) {
  if (row < 0) return pair_of(job->border_value, job->border_value);
  const uint8_t *pixels = job->image->pixels + row * job->image->row;
  const ptrdiff_t column = job->image->column;
  return pair_of(left < 0 ? job->border_value : pixels[left * column],
                 right < 0 ? job->border_value : pixels[right * column]);
}

/* Fetch pixels that may lie outside. */
static void fetch_border(const warp_job *job, size_t first, size_t end, warp_block *b) {
  const int h = job->image->h, w = job->image->w;
  for (size_t i = first; i < end; i++) {
    const int above = od_border_index(b->y[i], h, job->border);
    const int below = od_border_index(b->y[i] + 1, h, job->border);
    const int left = od_border_index(b->x[i], w, job->border);
    const int right = od_border_index(b->x[i] + 1, w, job->border);
    b->pixels[i] = pair_at(job, above, left, right) | pair_at(job, below, left, right) << 16;
  }
}

static bool is_inside(const od_view *image, int y, int x) {
  return x >= 0 && y >= 0 && x < image->w - 1 && y < image->h - 1;
}

/* The sources of a block lie on a line, so those inside follow each other. */
static void fetch(const warp_job *job, size_t n, warp_block *b) {
  const od_view *image = job->image;
  size_t first = 0, end = n;
  while (first < n && !is_inside(image, b->y[first], b->x[first])) first++;
  while (end > first && !is_inside(image, b->y[end - 1], b->x[end - 1])) end--;
  fetch_border(job, 0, first, b);
  if (image->column == 1)
    fetch_inside(image, 1, first, end, b);
  else
    fetch_inside(image, image->column, first, end, b);
  fetch_border(job, end, n, b);
}

static void warp_rows(void *context, int first, int last, void *scratch, od_interrupt *interrupt) {
  const warp_job *job = context;
  const size_t w = (size_t)job->result->w, whole = w / LANES * LANES;
  const float *m = job->matrix;
  warp_block block;
  for (int y = first; y < last && !od_interrupted(interrupt); y++) {
    uint8_t *result = od_target_row(job->result, y, scratch);
    for (size_t x = 0; x < w;) {
      const size_t end = x < whole ? whole : w, n = end - x < BLOCK ? end - x : BLOCK;
      job->kernels->warp_coordinates(n, x, (float)y, m, x < whole, block.x, block.part_x);
      job->kernels->warp_coordinates(n, x, (float)y, m + 3, x < whole, block.y, block.part_y);
      fetch(job, n, &block);
      job->kernels->bilinear(n, block.pixels, block.part_x, block.part_y, result + x);
      x += n;
    }
    od_target_finish(job->result, y, result);
  }
}

od_status od_warp_affine(od_image_workspace *workspace, const od_view *image,
                         const double matrix[6], od_border border, uint8_t border_value,
                         const od_target *result, od_error *error) {
  od_status status = od_check_sides("image", image->h, image->w, error);
  if (!status) status = od_check_sides("result", result->h, result->w, error);
  if (status) return status;
  warp_job job = {.kernels = &workspace->kernels->image,
                  .image = image,
                  .result = result,
                  .border = border,
                  .border_value = border_value};
  for (int k = 0; k < 6; k++) job.matrix[k] = (float)matrix[k];
  const size_t w = (size_t)result->w;
  return od_run_row_partitions(workspace, result->h, 4 * w, w, warp_rows, &job, error);
}
