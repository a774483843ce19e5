/* A 3x3 convolution of stride 1 by Winograd's F(2x2, 3x3), after Lavin and Gray (2016):
 * every 2x2 tile of the output comes from a 4x4 tile of the padded input; both and the
 * kernel are transformed so that the convolution is a product at each of 16 places,
 * which over all tiles makes 16 matrix products. The tile is also the window of a fused
 * max-pool, so that is done while the four outputs are in registers. */
#include <string.h>

#include "nn/conv/conv.h"
#include "nn/low_precision.h"

enum { PLACES = 16, TILES = 64 /* at a time, at least: enough rows for the products */ };

enum { RUN_SIZE = 3 /* numbers of scratch that hold a run */ };

static size_t tile_columns(const od_op *op) { return ((size_t)op->conv.w + 1) / 2; }

static size_t rows_at_a_time(const od_op *op) {
  size_t rows = ((size_t)op->conv.h + 1) / 2, wanted = TILES / tile_columns(op);
  if (wanted < 1) wanted = 1;
  return wanted < rows ? wanted : rows;
}

static od_shape tiled_shape(const od_op *op) {
  return (od_shape){(op->conv.h + 1) / 2 * 2 + 2, (op->conv.w + 1) / 2 * 2 + 2, op->in.c};
}

size_t od_winograd_scratch(const od_op *op) {
  size_t tiles = rows_at_a_time(op) * tile_columns(op), units = (size_t)op->conv.c;
  return od_shape_size(tiled_shape(op)) + PLACES * tiles * ((size_t)op->in.c + units) +
         (4 * tile_columns(op) + 1) * units + RUN_SIZE * tiles;
}

size_t od_winograd_packed_size(const od_op *op) {
  return PLACES * (size_t)op->in.c * (size_t)op->conv.c;
}

/* G t in place, n numbers side by side: (t0, t1, t2, -) -> (t0, (t0 + t1 + t2) / 2,
 * (t0 - t1 + t2) / 2, t2). */
static void spread_over_places(size_t n, const od_real *restrict t0, od_real *restrict t1,
                               od_real *restrict t2, od_real *restrict t3) {
  for (size_t i = 0; i < n; i++) {
    od_real ends = t0[i] + t2[i], middle = t1[i];
    t3[i] = t2[i];
    t1[i] = (ends + middle) / 2;
    t2[i] = (ends - middle) / 2;
  }
}

/* Kernels (16, c, C) in place as words of bfloat16, (16, c / 2, C): what is written lies
 * before what is still to be read. */
static void pack_pairs(const od_op *op, const od_kernels *kernels, od_real *transformed) {
  size_t units = (size_t)op->conv.c, pairs = PLACES * (size_t)op->in.c / 2;
  uint32_t *words = (uint32_t *)(void *)transformed;
  for (size_t i = 0; i < pairs; i++, words += units) {
    const od_real *rows = transformed + 2 * i * units;
    od_low_precision_pair(kernels, units, rows, rows + units, words);
  }
}

/* U = G g G^T of each kernel g: its columns, then its rows. */
void od_winograd_pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                        od_real *transformed) {
  size_t size = (size_t)op->in.c * (size_t)op->conv.c, row = 4 * size;
  for (size_t k = 0; k < 3; k++) {
    od_real *t = transformed + k * size;
    for (size_t r = 0; r < 3; r++)
      memcpy(t + r * row, kernel + (3 * r + k) * size, size * sizeof *t);
    spread_over_places(size, t, t + row, t + 2 * row, t + 3 * row);
  }
  for (size_t r = 0; r < 4; r++) {
    od_real *t = transformed + r * row;
    spread_over_places(size, t, t + size, t + 2 * size, t + 3 * size);
  }
  if (op->precision == OD_BFLOAT16) pack_pairs(op, kernels, transformed);
}

/* Two rows of the output, of which `rows` x conv.w are wanted. */
static void output_rows(const od_op *op, const od_kernels *kernels, const od_winograd_row *row,
                        const od_real *m, const od_real *bias, size_t rows, od_real *y,
                        od_real *two_rows) {
  size_t width = (size_t)op->conv.w * (size_t)op->conv.c;
  od_winograd_row whole = *row;
  whole.image_row = 2 * row->tiles * row->channels;
  kernels->winograd_output(&whole, m, bias, op->relu, two_rows);
  for (size_t r = 0; r < rows; r++)
    memcpy(y + r * width, two_rows + r * whole.image_row, width * sizeof *y);
}

/* Tiles of one row, side by side, that are to be computed. */
typedef struct tile_run {
  uint32_t row, column, tiles;
} tile_run;

/* The runs of tile row `row`, without the tiles that are blank on the map; how many. `blank`
 * (columns) is scratch. */
static size_t find_runs(const od_op *op, const od_kernels *kernels, const uint8_t *map,
                        size_t row, size_t columns, uint8_t *blank, tile_run *runs) {
  size_t count = 0;
  bool open = false;
  if (map) od_conv_find_zero_tiles(op, kernels, map, row, columns, blank);
  for (size_t column = 0; column < columns; column++) {
    bool wanted = !map || !blank[column];
    if (wanted && !open) runs[count++] = (tile_run){(uint32_t)row, (uint32_t)column, 0};
    if (wanted) runs[count - 1].tiles++;
    open = wanted;
  }
  return count;
}

/* A run's tiles from the padded input to v, from tile `at` on, as floats or bfloat16. */
static void transform_input(const od_op *op, const od_kernels *kernels, const tile_run *tiles,
                            size_t most, const od_real *padded, size_t at, od_real *v) {
  size_t c = (size_t)op->in.c, image_row = (size_t)tiled_shape(op).w * c;
  od_winograd_row row = {tiles->tiles, c, most * c, image_row};
  const od_real *from = padded + 2 * tiles->row * image_row + 2 * tiles->column * c;
  if (op->precision == OD_BFLOAT16)
    kernels->bfloat->winograd_input(&row, from, (uint16_t *)(void *)v + at * c);
  else
    kernels->winograd_input(&row, from, v + at * c);
}

/* The product at one of the 16 places: m (tiles, C) = v (tiles, c) times `transformed` (c, C). */
static void multiply_place(const od_op *op, const od_kernels *kernels, size_t place, size_t most,
                           size_t tiles, const od_real *v, const od_real *transformed,
                           const od_real *zeros, od_real *m) {
  size_t c = (size_t)op->in.c, units = (size_t)op->conv.c;
  m += place * most * units;
  if (op->precision == OD_BFLOAT16)
    kernels->bfloat->product(
        &(od_dot_product){.rows = tiles,
                          .columns = units,
                          .outer = 1,
                          .words = c / 2,
                          .a = (const uint16_t *)(const void *)v + place * most * c,
                          .a_row = c * sizeof(uint16_t),
                          .b = (const uint32_t *)(const void *)transformed + place * c / 2 * units,
                          .c = m,
                          .c_row = units,
                          .bias = zeros});
  else
    kernels->gemm(&(od_gemm){.rows = tiles,
                             .columns = units,
                             .outer = 1,
                             .inner = c,
                             .a = v + place * most * c,
                             .a_row = c,
                             .a_inner = 1,
                             .b = transformed + place * c * units,
                             .b_inner = units,
                             .c = m,
                             .c_row = units,
                             .start = OD_START_ZERO});
}

void od_winograd_forward(const od_op *op, const od_kernels *kernels, const od_real *x,
                         const od_real *transformed, const od_real *bias, od_real *y,
                         uint8_t *choice, const od_zero_tiles *blank, od_real *scratch) {
  size_t c = (size_t)op->in.c, units = (size_t)op->conv.c, group = rows_at_a_time(op);
  size_t most = group * tile_columns(op);
  od_real *padded = scratch, *v = padded + od_shape_size(tiled_shape(op));
  od_real *m = v + PLACES * most * c, *two_rows = m + PLACES * most * units;
  od_real *zeros = two_rows + 4 * tile_columns(op) * units;
  tile_run *runs = (tile_run *)(void *)(zeros + units);
  memset(zeros, 0, units * sizeof *zeros);
  if (!bias) bias = zeros;
  od_conv_place(x, op->in, padded, tiled_shape(op), op->top, op->left, 1);
  size_t rows = (size_t)(op->pool ? op->conv.h / 2 : (op->conv.h + 1) / 2);
  size_t columns = (size_t)(op->pool ? op->conv.w / 2 : (op->conv.w + 1) / 2);
  const uint8_t *map = op->skips_zero_tiles && blank ? blank->map : NULL;
  if (map) { /* then only the other places are written again */
    memcpy(y, blank->y, od_shape_size(op->out) * sizeof *y);
    if (choice) memcpy(choice, blank->choice, od_shape_size(op->out));
  }
  for (size_t begin = 0; begin < rows; begin += group) {
    size_t end = begin + group < rows ? begin + group : rows, count = 0, tiles = 0;
    for (size_t row = begin; row < end; row++)
      count += find_runs(op, kernels, map, row, columns, (uint8_t *)m /* still free */,
                         runs + count);
    for (size_t i = 0; i < count; tiles += runs[i++].tiles)
      transform_input(op, kernels, &runs[i], most, padded, tiles, v);
    for (size_t place = 0; place < PLACES; place++)
      multiply_place(op, kernels, place, most, tiles, v, transformed, zeros, m);
    const od_real *from = m;
    for (size_t i = 0; i < count; from += runs[i++].tiles * units) {
      od_winograd_row out = {runs[i].tiles, units, most * units, 0};
      size_t row = runs[i].row, left = (size_t)op->conv.h - 2 * row;
      if (op->pool) {
        size_t at = (row * columns + runs[i].column) * units;
        kernels->winograd_output_pool(&out, from, bias, op->relu, y + at,
                                      choice ? choice + at : NULL);
      } else {
        output_rows(op, kernels, &out, from, bias, left < 2 ? left : 2,
                    y + 2 * row * (size_t)op->conv.w * units, two_rows);
      }
    }
  }
}
