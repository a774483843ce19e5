#include <math.h>

#include "image/border.h"
#include "image/image.h"
#include "image/limits.h"
#include "image/row_partition.h"

enum { SPAN = 16 };

typedef struct warp_job {
  const od_view *image;
  const od_target *result;
  double matrix[9];
  od_border border;
  uint8_t border_value;
} warp_job;

static int level_at(const warp_job *job, int64_t x, int64_t y) {
  const od_view *image = job->image;
  const int column = od_border_index((int)x, image->w, job->border);
  const int row = od_border_index((int)y, image->h, job->border);
  if (column < 0 || row < 0) return job->border_value;
  return image->pixels[row * image->row + column * image->column];
}

/* The level at (u, v), in 1/65536 of a pixel. */
static inline uint8_t sample(const warp_job *job, int64_t u, int64_t v) {
  const od_view *image = job->image;
  const int64_t x = u >> 16, y = v >> 16;
  const int a = (int)(u >> 8 & 255), b = (int)(v >> 8 & 255);
  int p, q, r, t;
  if (x >= 0 && y >= 0 && x + 1 < image->w && y + 1 < image->h) {
    const uint8_t *pixel = image->pixels + y * image->row + x * image->column;
    p = pixel[0], q = pixel[image->column];
    r = pixel[image->row], t = pixel[image->row + image->column];
  } else {
    p = level_at(job, x, y), q = level_at(job, x + 1, y);
    r = level_at(job, x, y + 1), t = level_at(job, x + 1, y + 1);
  }
  const int above = 256 * p + a * (q - p), below = 256 * r + a * (t - r);
  return (uint8_t)((256 * above + b * (below - above) + 32768) >> 16);
}

/* Map pixel x of row y to 1/65536 of a pixel; false if it is at infinity or far beyond the image.
 */
static bool map_pixel(const warp_job *job, int x, int y, int64_t point[2]) {
  const double *m = job->matrix, limit = 2.0 * OD_MAX_IMAGE_SIDE;
  const double w = m[6] * x + m[7] * y + m[8];
  const double u = (m[0] * x + m[1] * y + m[2]) / w, v = (m[3] * x + m[4] * y + m[5]) / w;
  if (!(w > 1e-9 && fabs(u) < limit && fabs(v) < limit)) return false;
  point[0] = (int64_t)floor(65536 * u + 0.5);
  point[1] = (int64_t)floor(65536 * v + 0.5);
  return true;
}

/* Points are computed every SPAN pixels and interpolated in between, which is off by less than a
 * hundredth of a pixel unless the perspective is extreme. */
static void warp_rows(void *context, int first, int last, void *scratch, od_interrupt *interrupt) {
  const warp_job *job = context;
  const int w = job->result->w;
  for (int y = first; y < last && !od_interrupted(interrupt); y++) {
    uint8_t *row = od_target_row(job->result, y, scratch);
    for (int x = 0; x < w; x += SPAN) {
      const int n = w - x < SPAN ? w - x : SPAN;
      int64_t point[2], end[2], step[2];
      if (!map_pixel(job, x, y, point) || !map_pixel(job, x + SPAN, y, end)) {
        memset(row + x, job->border_value, (size_t)n);
        continue;
      }
      for (int d = 0; d < 2; d++) step[d] = (end[d] - point[d]) / SPAN;
      for (int k = 0; k < n; k++)
        row[x + k] = sample(job, point[0] + k * step[0], point[1] + k * step[1]);
    }
    od_target_finish(job->result, y, row);
  }
}

od_status od_warp_perspective(od_image_workspace *workspace, const od_view *image,
                              const double matrix[9], od_border border, uint8_t border_value,
                              const od_target *result, od_error *error) {
  od_status status = od_check_sides("image", image->h, image->w, error);
  if (!status) status = od_check_sides("result", result->h, result->w, error);
  if (status) return status;
  warp_job job = {.image = image, .result = result, .border = border, .border_value = border_value};
  for (int k = 0; k < 9; k++) job.matrix[k] = matrix[k];
  const size_t w = (size_t)result->w;
  return od_run_row_partitions(workspace, result->h, 8 * w, w, warp_rows, &job, error);
}
