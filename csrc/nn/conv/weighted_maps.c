/* The weighted sum of a convolution's maps. Channels-last, each of its places is a product of a
 * few numbers, which leaves most of a vector empty. With one input channel, some rows of all maps
 * are also the product of the kernel, a row a unit, with overlapping stretches of the padded
 * image: then maps come one after the other, and their sum is one product more. Places between two
 * rows, whose windows overlap the end of one and the begin of the next, are left out of the map. */
#include <string.h>

#include "nn/conv/conv.h"
#include "nn/conv/padding.h"

enum { GROUP = 4 /* rows of the maps; with all their units they fit the first cache */ };

/* Places from the first of `rows` rows to the last, and those between. */
static size_t stretch_places(const od_op *op, int rows) {
  return (size_t)(rows - 1) * (size_t)op->padded.w + (size_t)op->conv.w;
}

size_t od_conv_weighted_maps_scratch(const od_op *op) {
  size_t units = (size_t)op->conv.c;
  return od_shape_size(op->padded) + (2 * units + 1) * stretch_places(op, GROUP);
}

/* sum (places): the weighted sum of relu(maps + products) along a stretch of the padded image,
 * where maps (C, places) begin as the biases. */
static void sum_stretch(const od_conv_args *args, size_t places, const od_real *padded,
                        const od_real *weights, od_real *maps, od_real *sum) {
  const od_op *op = args->op;
  size_t units = (size_t)op->conv.c;
  args->kernels->gemm(&(od_gemm){.rows = units,
                                 .columns = places,
                                 .outer = (size_t)op->kernel_h,
                                 .inner = (size_t)op->kernel_w,
                                 .a = args->packed,
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
  args->kernels->gemm(&(od_gemm){.rows = 1,
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

void od_conv_weighted_maps(const od_conv_args *args, const od_real *weights, od_real *map) {
  const od_op *op = args->op;
  size_t units = (size_t)op->conv.c, w = (size_t)op->conv.w, padded_row = (size_t)op->padded.w;
  const od_real *padded = od_conv_pad(op, args->x, args->scratch), *bias = args->bias;
  const size_t size = units * stretch_places(op, GROUP);
  od_real *biases = args->scratch + od_shape_size(op->padded), *maps = biases + size;
  od_real *sum = maps + size;
  for (int row = 0; row < op->conv.h; row += GROUP) {
    int rows = op->conv.h - row < GROUP ? op->conv.h - row : GROUP;
    size_t places = stretch_places(op, rows);
    if (row == 0 || rows < GROUP)
      for (size_t u = 0; u < units; u++)
        for (size_t i = 0; i < places; i++) biases[u * places + i] = bias ? bias[u] : 0;
    memcpy(maps, biases, units * places * sizeof *maps);
    sum_stretch(args, places, padded + (size_t)row * padded_row, weights, maps, sum);
    for (int i = 0; i < rows; i++, map += w)
      memcpy(map, sum + (size_t)i * padded_row, w * sizeof *map);
  }
}
