#include <math.h>

#include "image/row_partition.h"
#include "image/image.h"
#include "image/limits.h"

enum { BLOCK = 64 };

/* Add the sums of p, x p, x^2 p and x^3 p over `n` <= BLOCK pixels p from column `begin` on. */
static void add_block(const od_image_kernels *kernels, size_t n, const uint8_t *pixels,
                      uint64_t begin, uint64_t sums[4]) {
  uint32_t block[4]; /* with x counted from `begin` */
  kernels->moments(n, pixels, block);
  sums[0] += block[0];
  sums[1] += block[1] + begin * block[0];
  sums[2] += block[2] + 2 * begin * block[1] + begin * begin * block[0];
  sums[3] += block[3] + 3 * begin * block[2] + 3 * begin * begin * block[1] +
             begin * begin * begin * block[0];
}

static void central_moments(od_moments *m) {
  const double inverse = fabs(m->m00) > 0 ? 1 / m->m00 : 0;
  const double cx = m->m10 * inverse, cy = m->m01 * inverse;
  m->mu20 = m->m20 - m->m10 * cx;
  m->mu11 = m->m11 - m->m10 * cy;
  m->mu02 = m->m02 - m->m01 * cy;
  m->mu30 = m->m30 - cx * (3 * m->mu20 + cx * m->m10);
  m->mu21 = m->m21 - cx * (2 * m->mu11 + cx * m->m01) - cy * m->mu20;
  m->mu12 = m->m12 - cy * (2 * m->mu11 + cy * m->m10) - cx * m->mu02;
  m->mu03 = m->m03 - cy * (3 * m->mu02 + cy * m->m01);
  const double second = inverse * inverse, third = second * sqrt(fabs(inverse));
  m->nu20 = m->mu20 * second;
  m->nu11 = m->mu11 * second;
  m->nu02 = m->mu02 * second;
  m->nu30 = m->mu30 * third;
  m->nu21 = m->mu21 * third;
  m->nu12 = m->mu12 * third;
  m->nu03 = m->mu03 * third;
}

od_status od_image_moments(od_image_workspace *workspace, const od_view *image, bool binary,
                           od_moments *moments, od_error *error) {
  const od_status status = od_check_sides("image", image->h, image->w, error);
  *moments = (od_moments){0};
  if (status) return status;
  const size_t w = (size_t)image->w;
  uint8_t *copy = od_image_workspace_scratch(workspace, 2 * w);
  if (!copy) return od_fail_memory(error, "an image's row");
  uint8_t *ones = copy + w;
  const od_image_kernels *kernels = &workspace->kernels->image;
  od_moments *m = moments;
  for (int row = 0; row < image->h; row++) {
    if (od_thread_pool_check(workspace->pool)) return OD_STOPPED;
    const uint8_t *pixels = od_view_row(image, row, copy);
    if (binary) {
      kernels->threshold(w, pixels, 0, 1, 0, ones);
      pixels = ones;
    }
    uint64_t sums[4] = {0};
    for (size_t x = 0; x < w; x += BLOCK)
      add_block(kernels, w - x < BLOCK ? w - x : BLOCK, pixels + x, x, sums);
    const double y = row, s0 = (double)sums[0], s1 = (double)sums[1], s2 = (double)sums[2];
    m->m00 += s0;
    m->m10 += s1;
    m->m20 += s2;
    m->m30 += (double)sums[3];
    m->m01 += y * s0;
    m->m11 += y * s1;
    m->m21 += y * s2;
    m->m02 += y * y * s0;
    m->m12 += y * y * s1;
    m->m03 += y * y * y * s0;
  }
  central_moments(m);
  return OD_OK;
}
