/* A 3x3 convolution of stride 1 by Winograd's F(2x2, 3x3), after Lavin and Gray (2016):
 * every 2x2 tile of the output comes from a 4x4 tile of the padded input; both and the
 * kernel are transformed so that the convolution is a product at each of 16 places,
 * which over all tiles makes 16 matrix products. The tile is also the window of a fused
 * max-pool, which is computed while the four outputs are in registers. */
#include <string.h>

#include "base/math.h"
#include "nn/conv/algorithm.h"
#include "nn/conv/padding.h"
#include "nn/conv/zero_tiles.h"
#include "nn/low_precision.h"

enum { PLACES = 16, TILES = 64 /* at a time, at least: enough rows for the products */ };

/* Adjacent tiles of one row that are computed. */
typedef struct tile_run {
  uint32_t row, column, tiles;
} tile_run;

enum { RUN_SIZE = 3 /* numbers of scratch that hold a run */ };

static size_t tile_columns(const od_op *op) { return ((size_t)op->conv.w + 1) / 2; }

static size_t rows_at_a_time(const od_op *op) {
  size_t rows = ((size_t)op->conv.h + 1) / 2, wanted = TILES / tile_columns(op);
  if (wanted < 1) wanted = 1;
  return wanted < rows ? wanted : rows;
}

/* The maximum number of tiles at a time of this convolution, and of smaller ones. */
static size_t max_tiles(const od_op *op) {
  size_t columns = tile_columns(op), tiles = ((size_t)op->conv.h + 1) / 2 * columns;
  return od_min_size(tiles, od_max_size(TILES, columns));
}

static od_shape tiled_shape(const od_op *op) {
  return (od_shape){(op->conv.h + 1) / 2 * 2 + 2, (op->conv.w + 1) / 2 * 2 + 2, op->in.c};
}

/* -- kernel -- */

static size_t packed_size(const od_op *op) {
  return PLACES * (size_t)op->in.c * (size_t)op->conv.c;
}

/* G t in place, n contiguous numbers: (t0, t1, t2, -) -> (t0, (t0 + t1 + t2) / 2,
 * (t0 - t1 + t2) / 2, t2). */
static void transform_kernel(size_t n, const od_real *restrict t0, od_real *restrict t1,
                             od_real *restrict t2, od_real *restrict t3) {
  for (size_t i = 0; i < n; i++) {
    od_real ends = t0[i] + t2[i], middle = t1[i];
    t3[i] = t2[i];
    t1[i] = (ends + middle) / 2;
    t2[i] = (ends - middle) / 2;
  }
}

/* Kernels (16, c, C) in place as words of bfloat16, (16, c / 2, C): writes stay behind
 * reads. */
static void pack_pairs(const od_op *op, const od_kernels *kernels, od_real *packed) {
  size_t units = (size_t)op->conv.c, pairs = PLACES * (size_t)op->in.c / 2;
  uint32_t *words = (uint32_t *)(void *)packed;
  for (size_t i = 0; i < pairs; i++, words += units) {
    const od_real *rows = packed + 2 * i * units;
    od_low_precision_pair(kernels, units, rows, rows + units, words);
  }
}

/* U = G g G^T of each kernel g, its columns, then its rows: (16, c, C), or in bfloat16
 * (16, c / 2, C) words. */
static void pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                 const od_real *bias, od_real *packed) {
  size_t size = (size_t)op->in.c * (size_t)op->conv.c, row = 4 * size;
  (void)bias;
  for (size_t k = 0; k < 3; k++) {
    od_real *t = packed + k * size;
    for (size_t r = 0; r < 3; r++)
      memcpy(t + r * row, kernel + (3 * r + k) * size, size * sizeof *t);
    transform_kernel(size, t, t + row, t + 2 * row, t + 3 * row);
  }
  for (size_t r = 0; r < 4; r++) {
    od_real *t = packed + r * row;
    transform_kernel(size, t, t + size, t + 2 * size, t + 3 * size);
  }
  if (op->precision == OD_BFLOAT16) pack_pairs(op, kernels, packed);
}

/* -- the pass -- */

static size_t scratch_size(const od_op *op) {
  size_t tiles = max_tiles(op), units = (size_t)op->conv.c;
  return od_shape_size(tiled_shape(op)) + PLACES * tiles * ((size_t)op->in.c + units) +
         (4 * tile_columns(op) + 1) * units + RUN_SIZE * tiles;
}

/* A pass and its scratch. */
typedef struct winograd {
  const od_conv_args *args;
  size_t rows, columns; /* tiles of the output */
  size_t group;         /* tile rows at a time */
  size_t capacity;      /* tiles at a time */
  const od_real *bias;  /* (C) */
  od_real *padded;      /* (tiled_shape) */
  od_real *v, *m;       /* (16, capacity, c), or bfloat16; (16, capacity, C) */
  od_real *two_rows;    /* (2, 2 columns, C): of the output */
  od_real *zeros;       /* (C) */
  tile_run *runs;       /* (capacity) */
} winograd;

static winograd begin_pass(const od_conv_args *args) {
  const od_op *op = args->op;
  size_t c = (size_t)op->in.c, units = (size_t)op->conv.c, odd = op->pool ? 0 : 1;
  winograd w = {.args = args,
                .rows = ((size_t)op->conv.h + odd) / 2,
                .columns = ((size_t)op->conv.w + odd) / 2,
                .group = rows_at_a_time(op),
                .padded = args->scratch};
  w.capacity = w.group * tile_columns(op);
  w.v = w.padded + od_shape_size(tiled_shape(op));
  w.m = w.v + PLACES * w.capacity * c;
  w.two_rows = w.m + PLACES * w.capacity * units;
  w.zeros = w.two_rows + 4 * tile_columns(op) * units;
  w.runs = (tile_run *)(void *)(w.zeros + units);
  memset(w.zeros, 0, units * sizeof *w.zeros);
  w.bias = args->bias ? args->bias : w.zeros;
  od_conv_place(args->x, op->in, w.padded, tiled_shape(op), op->top, op->left, 1);
  return w;
}

/* Writes the runs of tile row `row`, without the tiles that are zero on the map; returns
 * their number. */
static size_t find_runs(const winograd *w, const uint8_t *map, size_t row, tile_run *runs) {
  size_t count = 0;
  bool open = false;
  uint8_t *zero = (uint8_t *)w->m; /* (columns): not in use yet */
  if (map) od_find_zero_tiles(w->args->op, w->args->kernels, map, row, w->columns, zero);
  for (size_t column = 0; column < w->columns; column++) {
    bool wanted = !map || !zero[column];
    if (wanted && !open) runs[count++] = (tile_run){(uint32_t)row, (uint32_t)column, 0};
    if (wanted) runs[count - 1].tiles++;
    open = wanted;
  }
  return count;
}

/* A run's tiles from the padded input to v, from tile `at` on. */
static void transform_input(const winograd *w, const tile_run *run, size_t at) {
  const od_op *op = w->args->op;
  const od_kernels *kernels = w->args->kernels;
  size_t c = (size_t)op->in.c, image_row = (size_t)tiled_shape(op).w * c;
  od_winograd_row row = {run->tiles, c, w->capacity * c, image_row};
  const od_real *from = w->padded + 2 * run->row * image_row + 2 * run->column * c;
  if (op->precision == OD_BFLOAT16)
    kernels->bfloat16->winograd_input(&row, from, (uint16_t *)(void *)w->v + at * c);
  else
    kernels->winograd_input(&row, from, w->v + at * c);
}

/* The product at one of the 16 places: m (tiles, C) = v (tiles, c) times the packed (c, C). */
static void multiply_place(const winograd *w, size_t place, size_t tiles) {
  const od_op *op = w->args->op;
  size_t c = (size_t)op->in.c, units = (size_t)op->conv.c, first = place * w->capacity;
  if (op->precision == OD_BFLOAT16) {
    const uint32_t *words = (const uint32_t *)(const void *)w->args->packed;
    w->args->kernels->bfloat16->gemm(
        &(od_low_precision_gemm){.rows = tiles,
                                 .columns = units,
                                 .outer = 1,
                                 .taps = 1,
                                 .words = c / 2,
                                 .a = (const uint16_t *)(const void *)w->v + first * c,
                                 .a_row = c * sizeof(uint16_t),
                                 .b = words + place * c / 2 * units,
                                 .c = w->m + first * units,
                                 .c_row = units,
                                 .bias = w->zeros});
    return;
  }
  w->args->kernels->gemm(&(od_gemm){.rows = tiles,
                                    .columns = units,
                                    .outer = 1,
                                    .inner = c,
                                    .a = w->v + first * c,
                                    .a_row = c,
                                    .a_inner = 1,
                                    .b = w->args->packed + place * c * units,
                                    .b_inner = units,
                                    .c = w->m + first * units,
                                    .c_row = units,
                                    .start = OD_START_ZERO});
}

/* Two rows of the output, of which one may be outside. */
static void output_rows(const winograd *w, const od_winograd_row *row, const od_real *m,
                        size_t tile_row) {
  const od_op *op = w->args->op;
  size_t width = (size_t)op->conv.w * (size_t)op->conv.c, left = (size_t)op->conv.h - 2 * tile_row;
  od_winograd_row whole = *row;
  whole.image_row = 2 * row->tiles * row->channels;
  w->args->kernels->winograd_output(&whole, m, w->bias, op->relu, w->two_rows);
  od_real *y = w->args->y + 2 * tile_row * width;
  for (size_t r = 0; r < 2 && r < left; r++)
    memcpy(y + r * width, w->two_rows + r * whole.image_row, width * sizeof *y);
}

/* A run's outputs from its first tile of m. */
static void transform_output(const winograd *w, const tile_run *run, const od_real *m) {
  const od_conv_args *args = w->args;
  size_t units = (size_t)args->op->conv.c;
  od_winograd_row row = {run->tiles, units, w->capacity * units, 0};
  if (!args->op->pool) { /* without a map, so the run is a whole row */
    output_rows(w, &row, m, run->row);
    return;
  }
  size_t at = (run->row * w->columns + run->column) * units;
  args->kernels->winograd_output_pool(&row, m, w->bias, args->op->relu, args->y + at,
                                      args->argmax ? args->argmax + at : NULL);
}

static void run(const od_conv_args *args) {
  const winograd w = begin_pass(args);
  const uint8_t *map = od_begin_zero_tiles(args);
  size_t units = (size_t)args->op->conv.c;
  for (size_t begin = 0; begin < w.rows; begin += w.group) {
    size_t end = begin + w.group < w.rows ? begin + w.group : w.rows, count = 0, tiles = 0;
    for (size_t row = begin; row < end; row++) count += find_runs(&w, map, row, w.runs + count);
    for (size_t i = 0; i < count; tiles += w.runs[i++].tiles)
      transform_input(&w, &w.runs[i], tiles);
    for (size_t place = 0; place < PLACES; place++) multiply_place(&w, place, tiles);
    const od_real *m = w.m;
    for (size_t i = 0; i < count; m += w.runs[i++].tiles * units)
      transform_output(&w, &w.runs[i], m);
  }
}

const od_conv_algorithm od_conv_winograd = {
    .packed_size = packed_size, .pack = pack, .scratch_size = scratch_size, .run = run};
