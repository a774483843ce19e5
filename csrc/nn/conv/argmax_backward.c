/* The backward pass of a convolution under a 2x2 max-pool. Of four places in a window
 * at most one has a gradient, in each channel another one, so the products over all
 * places that od_conv_backward does would be three quarters zeros and more. Here the
 * places that have one are listed, and each adds a weighted row to a sum:
 *
 *   the gradient of a kernel row of unit u is the sum over u's places of the gradient
 *   there times the input under the kernel row;
 *   the gradient of the input row under a kernel row at a place is the sum over the
 *   units with a gradient at that place of it times their kernel row.
 *
 * Kernels are laid out unit by unit for this, (C, k, k, c), so that rows are long. */
#include <string.h>

#include "nn/conv/conv.h"

enum { WINDOW = 4, TOGETHER = 64 /* units whose choices are looked at together */ };

/* Lists of terms, each with room for `capacity`. */
typedef struct terms {
  size_t capacity;
  uint32_t *count;  /* (lists) */
  uint32_t *offset; /* (lists, capacity) */
  od_real *value;   /* (lists, capacity) */
} terms;

/* Images and kernels have fewer numbers than an uint32_t counts: see nn/network.c. */
static void add_term(const terms *t, size_t list, size_t offset, od_real value) {
  size_t at = list * t->capacity + t->count[list]++;
  t->offset[at] = (uint32_t)offset;
  t->value[at] = value;
}

static void add_list(const terms *t, size_t list, const od_kernels *kernels, const od_real *base,
                     size_t length, od_real *sum) {
  size_t at = list * t->capacity;
  kernels->add_weighted(t->count[list], t->offset + at, t->value + at, base, length, sum);
}

static size_t windows_of(const od_op *op) { return (size_t)op->out.h * (size_t)op->out.w; }

/* Numbers that lists of terms take; an uint32_t is no larger than an od_real. */
static size_t terms_size(size_t lists, size_t capacity) { return lists * (1 + 2 * capacity); }

static terms make_terms(od_real *memory, size_t lists, size_t capacity) {
  uint32_t *count = (uint32_t *)(void *)(memory + lists * capacity);
  memset(count, 0, lists * sizeof *count);
  return (terms){capacity, count, count + lists, memory};
}

size_t od_argmax_backward_scratch(const od_op *op) {
  size_t units = (size_t)op->conv.c;
  return 2 * od_shape_size(op->padded) + terms_size(units, windows_of(op)) +
         terms_size(WINDOW, units);
}

/* Lists the terms of one window, dy and choice (units): in `by_place` those of the input's
 * gradient, in `by_unit`, if not NULL, those of the kernel's; `corner` is where the window begins. */
static void list_window(const od_op *op, const od_kernels *kernels, const od_real *dy,
                        const uint8_t *choice, size_t corner, const terms *by_place,
                        const terms *by_unit) {
  size_t units = (size_t)op->conv.c, kernel_size = op->kernel_size / units;
  size_t right = (size_t)op->in.c, down = (size_t)op->padded.w * right;
  memset(by_place->count, 0, WINDOW * sizeof *by_place->count);
  for (size_t begin = 0; begin < units; begin += TOGETHER) {
    size_t n = units - begin < TOGETHER ? units - begin : TOGETHER;
    for (size_t place = 0; place < WINDOW; place++) {
      size_t at = corner + place / 2 * down + place % 2 * right;
      uint64_t chosen = kernels->match_bytes(n, choice + begin, (uint8_t)place);
      for (; chosen; chosen &= chosen - 1) {
        size_t u = begin + (size_t)__builtin_ctzll(chosen);
        add_term(by_place, place, u * kernel_size, dy[u]);
        if (by_unit) add_term(by_unit, u, at, dy[u]);
      }
    }
  }
}

void od_argmax_backward(const od_op *op, const od_kernels *kernels, const od_real *x,
                        const od_real *turned, const uint8_t *choice, const od_real *dy,
                        od_real *dx, od_real *dkernel, od_real *scratch) {
  size_t c = (size_t)op->in.c, k = (size_t)op->kernel_w, units = (size_t)op->conv.c;
  size_t kernel_row = k * c, padded_row = (size_t)op->padded.w * c, size = od_shape_size(op->padded);
  od_real *dpadded = scratch + size, *memory = dpadded + size;
  const od_real *padded = dkernel ? od_conv_pad(op, x, scratch) : NULL;
  terms by_place = make_terms(memory, WINDOW, units);
  terms by_unit = make_terms(memory + terms_size(WINDOW, units), units, windows_of(op));
  if (dx) memset(dpadded, 0, size * sizeof *dpadded);
  for (size_t row = 0; row < (size_t)op->out.h; row++)
    for (size_t column = 0; column < (size_t)op->out.w; column++, dy += units, choice += units) {
      size_t corner = 2 * (row * padded_row + column * c);
      list_window(op, kernels, dy, choice, corner, &by_place, dkernel ? &by_unit : NULL);
      for (size_t place = 0; dx && place < WINDOW; place++) {
        od_real *under = dpadded + corner + place / 2 * padded_row + place % 2 * c;
        for (size_t r = 0; by_place.count[place] && r < k; r++)
          add_list(&by_place, place, kernels, turned + r * kernel_row, kernel_row,
                   under + r * padded_row);
      }
    }
  for (size_t u = 0; dkernel && u < units; u++)
    for (size_t r = 0; r < k; r++, dkernel += kernel_row)
      add_list(&by_unit, u, kernels, padded + r * padded_row, kernel_row, dkernel);
  for (size_t i = 0; dx && i < (size_t)op->in.h; i++)
    memcpy(dx + i * (size_t)op->in.w * c,
           dpadded + (i + (size_t)op->top) * padded_row + (size_t)op->left * c,
           (size_t)op->in.w * c * sizeof *dx);
}

void od_argmax_backward_pack(const od_op *op, const od_real *kernel, od_real *by_unit) {
  size_t rows = op->kernel_size / (size_t)op->conv.c, units = (size_t)op->conv.c;
  for (size_t u = 0; u < units; u++)
    for (size_t i = 0; i < rows; i++) by_unit[u * rows + i] = kernel[i * units + u];
}

void od_argmax_backward_collect(const od_op *op, const od_real *dkernel, size_t begin, size_t end,
                       od_real *gradient) {
  size_t rows = op->kernel_size / (size_t)op->conv.c, units = (size_t)op->conv.c;
  for (size_t at = begin; at < end; at++)
    gradient[at % rows * units + at / rows] = dkernel[at];
}
