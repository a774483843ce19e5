/* Batch normalisation (Ioffe and Szegedy, 2015). Statistics are summed in double; both ways,
 * each channel's numbers then lie on a line. */
#include <string.h>

#include "nn/ops.h"

void od_batch_norm_sums(const od_kernels *kernels, size_t rows, size_t c, const od_real *x,
                        double *sums) {
  memset(sums, 0, 2 * c * sizeof *sums);
  kernels->column_sums(rows, c, x, sums);
}

void od_batch_norm_forward(const od_kernels *kernels, size_t rows, size_t c, const od_norm *norm,
                           const od_real *x, od_real *y, od_real *scratch) {
  od_real *middle = scratch, *of_x = middle + c;
  for (size_t i = 0; i < c; i++) {
    middle[i] = (od_real)norm->mean[i];
    of_x[i] = (od_real)((double)norm->gamma[i] * norm->inverse[i]);
  }
  const od_channel_affine lines = {.middle = middle, .of_x = of_x, .shift = norm->beta};
  kernels->add_lines(rows, c, &lines, x, NULL, y);
}

void od_batch_norm_backward_sums(const od_kernels *kernels, size_t rows, size_t c,
                                 const od_norm *norm, const od_real *x, const od_real *dy,
                                 double *sums) {
  memset(sums, 0, 2 * c * sizeof *sums);
  kernels->column_products(rows, c, x, dy, norm->mean, sums);
  for (size_t i = 0; i < c; i++) sums[c + i] *= norm->inverse[i];
}

void od_batch_norm_backward(const od_kernels *kernels, size_t rows, size_t c, const od_norm *norm,
                            const double *sums, double count, const od_real *x, const od_real *dy,
                            od_real *dx, od_real *scratch) {
  od_real *middle = scratch, *of_x = middle + c, *shift = of_x + c, *of_dy = shift + c;
  for (size_t i = 0; i < c; i++) {
    const double scale = (double)norm->gamma[i] * norm->inverse[i];
    middle[i] = (od_real)norm->mean[i];
    of_dy[i] = (od_real)scale;
    of_x[i] = (od_real)(-scale * norm->inverse[i] * sums[c + i] / count);
    shift[i] = (od_real)(-scale * sums[i] / count);
  }
  const od_channel_affine lines = {.middle = middle, .of_x = of_x, .shift = shift, .of_dy = of_dy};
  kernels->add_lines(rows, c, &lines, x, dy, dx);
}
