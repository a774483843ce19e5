/* The backward pass of a convolution under a 2x2 max-pool. Of four places in a window at most one
 * has a gradient, in each channel another one, so in products over all places, as those of
 * direct.c, three quarters of the numbers would be zeros. Here the places that have one are
 * listed, and each adds a weighted row to a sum:
 *
 *   the gradient of a kernel row of unit u is the sum over u's places of the gradient
 *   there times the input under the kernel row;
 *   the gradient of the input row under a kernel row at a place is the sum over the
 *   units with a gradient at that place of it times their kernel row.
 *
 * The packed kernel and dkernel are laid out unit by unit for this, (C, k, k, c), so that rows
 * are long. */
#include <string.h>

#include "nn/conv/algorithm.h"
#include "nn/conv/padding.h"

enum { WINDOW = 4, MATCHED = 64 /* units whose argmax is compared at a time */ };

/* Lists of terms, each with room for `capacity`. */
typedef struct term_lists {
  size_t capacity;
  uint32_t *count;  /* (lists) */
  uint32_t *offset; /* (lists, capacity) */
  od_real *value;   /* (lists, capacity) */
} term_lists;

/* Numbers of scratch of lists; an uint32_t is no larger than an od_real. */
static size_t lists_size(size_t lists, size_t capacity) { return lists * (1 + 2 * capacity); }

static term_lists make_lists(od_real *memory, size_t lists, size_t capacity) {
  uint32_t *count = (uint32_t *)(void *)(memory + lists * capacity);
  memset(count, 0, lists * sizeof *count);
  return (term_lists){capacity, count, count + lists, memory};
}

/* An offset fits: images and kernels have fewer than 2^32 numbers, see nn/network.c. */
static void add_term(const term_lists *t, size_t list, size_t offset, od_real value) {
  size_t at = list * t->capacity + t->count[list]++;
  t->offset[at] = (uint32_t)offset;
  t->value[at] = value;
}

/* sum (length) += the rows of `base` at the offsets of a list, weighted by its values. */
static void add_list(const term_lists *t, size_t list, const od_kernels *kernels,
                     const od_real *base, size_t length, od_real *sum) {
  size_t at = list * t->capacity;
  kernels->add_weighted(t->count[list], t->offset + at, t->value + at, base, length, sum);
}

static size_t window_count(const od_op *op) { return (size_t)op->out.h * (size_t)op->out.w; }

static size_t scratch_size(const od_op *op) {
  size_t units = (size_t)op->conv.c;
  return 2 * od_shape_size(op->padded) + lists_size(units, window_count(op)) +
         lists_size(WINDOW, units);
}

/* The lists of a pass: for the input's gradient, and, if not NULL, for the kernel's. */
typedef struct window_lists {
  const term_lists *by_place; /* (4 places), capacity (C): of one window */
  const term_lists *by_unit;  /* (C), capacity (windows) */
} window_lists;

/* Lists the terms of one window, dy and argmax (C), which begins at `corner`. */
static void list_window(const od_conv_args *args, const od_real *dy, const uint8_t *argmax,
                        size_t corner, const window_lists *lists) {
  const od_op *op = args->op;
  size_t units = (size_t)op->conv.c, kernel_size = op->kernel_size / units;
  size_t right = (size_t)op->in.c, down = (size_t)op->padded.w * right;
  memset(lists->by_place->count, 0, WINDOW * sizeof *lists->by_place->count);
  for (size_t begin = 0; begin < units; begin += MATCHED) {
    size_t n = units - begin < MATCHED ? units - begin : MATCHED;
    for (size_t place = 0; place < WINDOW; place++) {
      size_t at = corner + place / 2 * down + place % 2 * right;
      uint64_t matches = args->kernels->match_bytes(n, argmax + begin, (uint8_t)place);
      for (; matches; matches &= matches - 1) {
        size_t u = begin + (size_t)__builtin_ctzll(matches);
        add_term(lists->by_place, place, u * kernel_size, dy[u]);
        if (lists->by_unit) add_term(lists->by_unit, u, at, dy[u]);
      }
    }
  }
}

/* Adds a window's part of the input's gradient to dpadded, from `corner` on. */
static void add_window_gradient(const od_conv_args *args, const term_lists *by_place,
                                od_real *corner) {
  const od_op *op = args->op;
  size_t c = (size_t)op->in.c, k = (size_t)op->kernel_w;
  size_t kernel_row = k * c, padded_row = (size_t)op->padded.w * c;
  for (size_t place = 0; place < WINDOW; place++) {
    od_real *input = corner + place / 2 * padded_row + place % 2 * c;
    for (size_t r = 0; by_place->count[place] && r < k; r++)
      add_list(by_place, place, args->kernels, args->packed + r * kernel_row, kernel_row,
               input + r * padded_row);
  }
}

static void run(const od_conv_args *args) {
  const od_op *op = args->op;
  size_t c = (size_t)op->in.c, k = (size_t)op->kernel_w, units = (size_t)op->conv.c;
  size_t kernel_row = k * c, padded_row = (size_t)op->padded.w * c;
  size_t size = od_shape_size(op->padded);
  od_real *dpadded = args->scratch + size, *memory = dpadded + size, *dkernel = args->dkernel;
  const od_real *padded = dkernel ? od_conv_pad(op, args->x, args->scratch) : NULL;
  const term_lists by_place = make_lists(memory, WINDOW, units);
  const term_lists by_unit =
      make_lists(memory + lists_size(WINDOW, units), units, window_count(op));
  const window_lists lists = {&by_place, dkernel ? &by_unit : NULL};
  if (args->dx) memset(dpadded, 0, size * sizeof *dpadded);
  for (size_t row = 0, at = 0; row < (size_t)op->out.h; row++)
    for (size_t column = 0; column < (size_t)op->out.w; column++, at += units) {
      size_t corner = 2 * (row * padded_row + column * c);
      list_window(args, args->dy + at, args->argmax + at, corner, &lists);
      if (args->dx) add_window_gradient(args, &by_place, dpadded + corner);
    }
  for (size_t u = 0; dkernel && u < units; u++)
    for (size_t r = 0; r < k; r++, dkernel += kernel_row)
      add_list(&by_unit, u, args->kernels, padded + r * padded_row, kernel_row, dkernel);
  if (args->dx) od_conv_crop(dpadded, op->padded, args->dx, op->in, op->top, op->left);
}

/* -- between (k, k, c, C) and (C, k, k, c) -- */

static size_t packed_size(const od_op *op) { return op->kernel_size; }

static void pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                 const od_real *bias, od_real *packed) {
  size_t rows = op->kernel_size / (size_t)op->conv.c, units = (size_t)op->conv.c;
  (void)kernels, (void)bias;
  for (size_t u = 0; u < units; u++)
    for (size_t i = 0; i < rows; i++) packed[u * rows + i] = kernel[i * units + u];
}

static void unpack_gradient(const od_op *op, const od_real *dkernel, size_t begin, size_t end,
                            od_real *gradient) {
  size_t rows = op->kernel_size / (size_t)op->conv.c, units = (size_t)op->conv.c;
  for (size_t at = begin; at < end; at++) gradient[at % rows * units + at / rows] = dkernel[at];
}

const od_conv_algorithm od_conv_argmax_backward = {.packed_size = packed_size,
                                                   .pack = pack,
                                                   .scratch_size = scratch_size,
                                                   .run = run,
                                                   .unpack_gradient = unpack_gradient};
