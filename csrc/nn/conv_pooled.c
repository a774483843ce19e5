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

#include "nn/conv.h"

enum { WINDOW = 4, NOWHERE = 4 };

/* The lists of terms: unit by unit, or of one window place by place. */
typedef struct terms {
  uint32_t *count, *offset; /* (lists), (lists, capacity) */
  od_real *value;           /* (lists, capacity) */
  size_t capacity;
} terms;

/* Adds a term to `list`; of zeros it writes no more than the place of the next one. */
static void add_term(const terms *t, size_t list, size_t offset, od_real value) {
  size_t at = list * t->capacity + t->count[list];
  t->offset[at] = (uint32_t)offset;
  t->value[at] = value;
  t->count[list] += value != 0;
}

static size_t windows_of(const od_op *op) { return (size_t)op->out.h * (size_t)op->out.w; }

/* Numbers that a list of terms takes; an uint32_t is no larger than an od_real. */
static size_t terms_size(size_t lists, size_t capacity) { return lists * (1 + 2 * capacity); }

static terms make_terms(od_real *memory, size_t lists, size_t capacity) {
  uint32_t *count = (uint32_t *)(void *)(memory + lists * capacity);
  return (terms){count, count + lists, memory, capacity};
}

size_t od_pooled_backward_scratch(const od_op *op) {
  size_t units = (size_t)op->conv.c;
  return 2 * od_shape_size(op->padded) + terms_size(units, windows_of(op) + 1) +
         terms_size(WINDOW + 1, units + 1);
}

static void kernel_gradient(const od_op *op, const od_kernels *kernels, const od_real *padded,
                            const od_real *dy, const uint8_t *choice, od_real *dkernel,
                            od_real *memory) {
  size_t c = (size_t)op->in.c, k = (size_t)op->kernel, units = (size_t)op->conv.c;
  size_t padded_row = (size_t)op->padded.w * c;
  terms t = make_terms(memory, units, windows_of(op) + 1);
  memset(t.count, 0, units * sizeof *t.count);
  for (size_t row = 0; row < (size_t)op->out.h; row++)
    for (size_t column = 0; column < (size_t)op->out.w; column++, dy += units, choice += units) {
      size_t first = 2 * row * padded_row + 2 * column * c;
      const size_t places[WINDOW + 1] = {first, first + c, first + padded_row,
                                         first + padded_row + c, first};
      for (size_t u = 0; u < units; u++)
        add_term(&t, u, places[choice[u]], choice[u] == NOWHERE ? 0 : dy[u]);
    }
  for (size_t u = 0; u < units; u++)
    for (size_t r = 0; r < k; r++, dkernel += k * c)
      kernels->add_weighted(t.count[u], t.offset + u * t.capacity, t.value + u * t.capacity,
                            padded + r * padded_row, k * c, dkernel);
}

/* dpadded has the shape of the padded input. */
static void input_gradient(const od_op *op, const od_kernels *kernels, const od_real *by_unit,
                           const od_real *dy, const uint8_t *choice, od_real *dpadded,
                           od_real *memory) {
  size_t c = (size_t)op->in.c, k = (size_t)op->kernel, units = (size_t)op->conv.c;
  size_t padded_row = (size_t)op->padded.w * c;
  terms t = make_terms(memory, WINDOW + 1, units + 1);
  memset(dpadded, 0, od_shape_size(op->padded) * sizeof *dpadded);
  for (size_t row = 0; row < (size_t)op->out.h; row++)
    for (size_t column = 0; column < (size_t)op->out.w; column++, dy += units, choice += units) {
      memset(t.count, 0, (WINDOW + 1) * sizeof *t.count);
      for (size_t u = 0; u < units; u++) add_term(&t, choice[u], u * k * k * c, dy[u]);
      for (size_t place = 0; place < WINDOW; place++) {
        od_real *under = dpadded + (2 * row + place / 2) * padded_row + (2 * column + place % 2) * c;
        for (size_t r = 0; t.count[place] && r < k; r++)
          kernels->add_weighted(t.count[place], t.offset + place * t.capacity,
                                t.value + place * t.capacity, by_unit + r * k * c, k * c,
                                under + r * padded_row);
      }
    }
}

void od_pooled_backward(const od_op *op, const od_kernels *kernels, const od_real *x,
                        const od_real *by_unit, const uint8_t *choice, const od_real *dy,
                        od_real *dx, od_real *dkernel, od_real *scratch) {
  size_t c = (size_t)op->in.c, row = (size_t)op->in.w * c;
  od_real *dpadded = scratch + od_shape_size(op->padded);
  od_real *memory = dpadded + od_shape_size(op->padded);
  od_real *window_memory = memory + terms_size((size_t)op->conv.c, windows_of(op) + 1);
  const od_real *padded = od_conv_pad(op, x, scratch);
  kernel_gradient(op, kernels, padded, dy, choice, dkernel, memory);
  if (!dx) return;
  input_gradient(op, kernels, by_unit, dy, choice, dpadded, window_memory);
  for (int i = 0; i < op->in.h; i++)
    memcpy(dx + (size_t)i * row,
           dpadded + ((size_t)(i + op->top) * (size_t)op->padded.w + (size_t)op->left) * c,
           row * sizeof *dx);
}

void od_pooled_turn(const od_op *op, const od_real *kernel, od_real *by_unit) {
  size_t rows = op->kernel_size / (size_t)op->conv.c, units = (size_t)op->conv.c;
  for (size_t u = 0; u < units; u++)
    for (size_t i = 0; i < rows; i++) by_unit[u * rows + i] = kernel[i * units + u];
}

void od_pooled_collect(const od_op *op, const od_real *dkernel, size_t begin, size_t end,
                       od_real *gradient) {
  size_t rows = op->kernel_size / (size_t)op->conv.c, units = (size_t)op->conv.c;
  for (size_t at = begin; at < end; at++)
    gradient[at % rows * units + at / rows] = dkernel[at];
}
