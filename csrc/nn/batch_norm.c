/* Batch normalization (Ioffe and Szegedy, 2015). Statistics are summed in double; both passes
 * are then an affine map of each channel. */
#include <string.h>

#include "nn/ops.h"

void od_batch_norm_sums(const od_batch_norm_args *args, double *sums) {
  memset(sums, 0, 2 * args->c * sizeof *sums);
  args->kernels->column_sums(args->rows, args->c, args->x, sums);
}

void od_batch_norm_forward(const od_batch_norm_args *args, od_real *y) {
  const size_t c = args->c;
  od_real *mean = args->scratch, *x_scale = mean + c;
  for (size_t i = 0; i < c; i++) {
    mean[i] = (od_real)args->mean[i];
    x_scale[i] = (od_real)((double)args->gamma[i] * args->inverse[i]);
  }
  const od_channel_affine affine = {.mean = mean, .x_scale = x_scale, .shift = args->beta};
  args->kernels->channel_affine(args->rows, c, &affine, args->x, NULL, y);
}

void od_batch_norm_backward_sums(const od_batch_norm_args *args, double *sums) {
  const size_t c = args->c;
  memset(sums, 0, 2 * c * sizeof *sums);
  args->kernels->column_products(args->rows, c, args->x, args->dy, args->mean, sums);
  for (size_t i = 0; i < c; i++) sums[c + i] *= args->inverse[i];
}

void od_batch_norm_backward(const od_batch_norm_args *args, const double *sums, double count,
                            od_real *dx) {
  const size_t c = args->c;
  od_real *mean = args->scratch, *x_scale = mean + c, *shift = x_scale + c, *dy_scale = shift + c;
  for (size_t i = 0; i < c; i++) {
    const double scale = (double)args->gamma[i] * args->inverse[i];
    mean[i] = (od_real)args->mean[i];
    dy_scale[i] = (od_real)scale;
    x_scale[i] = (od_real)(-scale * args->inverse[i] * sums[c + i] / count);
    shift[i] = (od_real)(-scale * sums[i] / count);
  }
  const od_channel_affine affine = {
      .mean = mean, .x_scale = x_scale, .shift = shift, .dy_scale = dy_scale};
  args->kernels->channel_affine(args->rows, c, &affine, args->x, args->dy, dx);
}
