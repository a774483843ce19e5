/* The weighted sum of a convolution's maps. Channels-last, each of its places is a product of a
 * few numbers, which leaves most of a vector empty. With one input channel, some rows of all maps
 * are as well the product of the kernel, a row a unit, with overlapping stretches of the padded
 * image: then maps come one after the other, and their sum is one product more. Between two rows
 * lie places that see the end of one and the begin of the next, and are left out of the map. */
#include <string.h>

#include "nn/conv/conv.h"

enum { TOGETHER = 4 /* rows of the maps; with all their units they fit the first cache */ };

/* Places from the first of `rows` rows to the last, and those between. */
static size_t stretch(const od_op *op, int rows) {
  return (size_t)(rows - 1) * (size_t)op->padded.w + (size_t)op->conv.w;
}

size_t od_conv_weighted_maps_scratch(const od_op *op) {
  size_t units = (size_t)op->conv.c;
  return od_shape_size(op->padded) + (2 * units + 1) * stretch(op, TOGETHER);
}

/* sum (places): the weighted sum of relu(bias + products) along a stretch of the padded image. */
static void add_stretch(const od_op *op, const od_kernels *kernels, size_t places,
                        const od_real *padded, const od_real *kernel, const od_real *weights,
                        od_real *maps, od_real *sum) {
  size_t units = (size_t)op->conv.c;
  kernels->gemm(&(od_gemm){.rows = units,
                           .columns = places,
                           .outer = (size_t)op->kernel_h,
                           .inner = (size_t)op->kernel_w,
                           .a = kernel,
                           .a_row = 1,
                           .a_outer = (size_t)op->kernel_w * units,
                           .a_inner = units,
                           .b = padded,
                           .b_outer = (size_t)op->padded.w,
                           .b_inner = 1,
                           .c = maps,
                           .c_row = places,
                           .start = OD_START_ADD,
                           .relu = op->relu});
  kernels->gemm(&(od_gemm){.rows = 1,
                           .columns = places,
                           .outer = 1,
                           .inner = units,
                           .a = weights,
                           .a_inner = 1,
                           .b = maps,
                           .b_inner = places,
                           .c = sum,
                           .c_row = places,
                           .start = OD_START_ZERO,
                           .relu = true});
}

void od_conv_weighted_maps(const od_op *op, const od_kernels *kernels, const od_real *x,
                      const od_real *kernel, const od_real *bias, const od_real *weights,
                      od_real *map, od_real *scratch) {
  size_t units = (size_t)op->conv.c, w = (size_t)op->conv.w, padded_row = (size_t)op->padded.w;
  const od_real *padded = od_conv_pad(op, x, scratch);
  const size_t most = units * stretch(op, TOGETHER);
  od_real *start = scratch + od_shape_size(op->padded), *maps = start + most, *sum = maps + most;
  for (int row = 0; row < op->conv.h; row += TOGETHER) {
    int rows = op->conv.h - row < TOGETHER ? op->conv.h - row : TOGETHER;
    size_t places = stretch(op, rows);
    if (row == 0 || rows < TOGETHER)
      for (size_t u = 0; u < units; u++)
        for (size_t i = 0; i < places; i++) start[u * places + i] = bias ? bias[u] : 0;
    memcpy(maps, start, units * places * sizeof *maps);
    add_stretch(op, kernels, places, padded + (size_t)row * padded_row, kernel, weights, maps, sum);
    for (int i = 0; i < rows; i++, map += w)
      memcpy(map, sum + (size_t)i * padded_row, w * sizeof *map);
  }
}
