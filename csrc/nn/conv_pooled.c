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

/* A list of terms. A term of value 0 is written, but the next one takes its place. */
typedef struct terms {
  size_t count;
  uint32_t *offset;
  od_real *value;
} terms;

static void add_term(terms *t, size_t offset, od_real value) {
  t->offset[t->count] = (uint32_t)offset;
  t->value[t->count] = value;
  t->count += value != 0;
}

static size_t windows_of(const od_op *op) { return (size_t)op->out.h * (size_t)op->out.w; }

/* Numbers that a list of up to `most` terms takes; an uint32_t is no larger than an od_real. */
static size_t terms_size(size_t most) { return 2 * (most + 1); }

static terms make_terms(od_real *memory, size_t most) {
  return (terms){0, (uint32_t *)(void *)memory, memory + most + 1};
}

size_t od_pooled_backward_scratch(const od_op *op) {
  size_t windows = windows_of(op), units = (size_t)op->conv.c;
  return 2 * od_shape_size(op->padded) + terms_size(windows > units ? windows : units);
}

static void kernel_gradient(const od_op *op, const od_kernels *kernels, const od_real *padded,
                            const od_real *dy, const uint8_t *choice, od_real *dkernel,
                            od_real *memory) {
  size_t c = (size_t)op->in.c, k = (size_t)op->kernel, units = (size_t)op->conv.c;
  size_t padded_row = (size_t)op->padded.w * c, columns = (size_t)op->out.w;
  const size_t places[WINDOW + 1] = {0, c, padded_row, padded_row + c, 0};
  for (size_t u = 0; u < units; u++) {
    terms t = make_terms(memory, windows_of(op));
    for (size_t row = 0; row < (size_t)op->out.h; row++)
      for (size_t column = 0; column < columns; column++) {
        size_t at = (row * columns + column) * units + u, first = 2 * (row * padded_row + column * c);
        add_term(&t, first + places[choice[at]], choice[at] == NOWHERE ? 0 : dy[at]);
      }
    for (size_t r = 0; r < k; r++, dkernel += k * c)
      kernels->add_weighted(t.count, t.offset, t.value, padded + r * padded_row, k * c, dkernel);
  }
}

/* dpadded has the shape of the padded input. */
static void input_gradient(const od_op *op, const od_kernels *kernels, const od_real *by_unit,
                           const od_real *dy, const uint8_t *choice, od_real *dpadded,
                           od_real *memory) {
  size_t c = (size_t)op->in.c, k = (size_t)op->kernel, units = (size_t)op->conv.c;
  size_t padded_row = (size_t)op->padded.w * c;
  memset(dpadded, 0, od_shape_size(op->padded) * sizeof *dpadded);
  for (size_t row = 0; row < (size_t)op->out.h; row++)
    for (size_t column = 0; column < (size_t)op->out.w; column++, dy += units, choice += units) {
      for (size_t place = 0; place < WINDOW; place++) {
        terms t = make_terms(memory, units);
        od_real *under = dpadded + (2 * row + place / 2) * padded_row + (2 * column + place % 2) * c;
        for (size_t u = 0; u < units; u++)
          add_term(&t, u * k * k * c, choice[u] == place ? dy[u] : 0);
        for (size_t r = 0; t.count && r < k; r++)
          kernels->add_weighted(t.count, t.offset, t.value, by_unit + r * k * c, k * c,
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
  const od_real *padded = od_conv_pad(op, x, scratch);
  kernel_gradient(op, kernels, padded, dy, choice, dkernel, memory);
  if (!dx) return;
  input_gradient(op, kernels, by_unit, dy, choice, dpadded, memory);
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
