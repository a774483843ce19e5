#include "nn/conv/dilated.h"

#include <string.h>

#include "base/math.h"

/* A phase image in a whole one: its pixel (y, x) is pixel (top + y * step, left + x * step). */
typedef struct lattice {
  int top, left, step;
} lattice;

static int phase_length(int length, int phase, int step) {
  return length > phase ? (length - 1 - phase) / step + 1 : 0;
}

/* The convolution of the phase that begins with output (y, x). Its input comes padded. */
static od_op phase_op(const od_op *op, int y, int x) {
  od_op phase = *op;
  phase.dilation = 1;
  phase.same = false;
  phase.top = phase.left = 0;
  phase.conv.h = phase_length(op->conv.h, y, op->dilation);
  phase.conv.w = phase_length(op->conv.w, x, op->dilation);
  phase.out = phase.conv;
  phase.in.h = phase.conv.h + op->kernel_h - 1;
  phase.in.w = phase.conv.w + op->kernel_w - 1;
  od_plan_measure(&phase);
  return phase;
}

/* Columns begin..end of a phase image that lie inside a row of `width` pixels. */
static void inside(const lattice *l, int columns, int width, int *begin, int *end) {
  *begin = l->left < 0 ? (-l->left + l->step - 1) / l->step : 0;
  *end = od_min(columns, phase_length(width, l->left, l->step));
  *end = od_max(*begin, *end);
}

/* phase (shape) from image (whole), with zeros for what lies outside. */
static void gather(const od_real *image, od_shape whole, const lattice *l, od_shape shape,
                   od_real *phase) {
  const size_t c = (size_t)shape.c, row = (size_t)shape.w * c;
  int begin, end;
  inside(l, shape.w, whole.w, &begin, &end);
  for (int y = 0; y < shape.h; y++, phase += row) {
    const int from = l->top + y * l->step;
    if (from < 0 || from >= whole.h || begin == end) {
      memset(phase, 0, row * sizeof *phase);
      continue;
    }
    const od_real *source = image + (size_t)from * (size_t)whole.w * c;
    memset(phase, 0, (size_t)begin * c * sizeof *phase);
    for (int x = begin; x < end; x++)
      memcpy(phase + (size_t)x * c, source + (size_t)(l->left + x * l->step) * c,
             c * sizeof *phase);
    memset(phase + (size_t)end * c, 0, (size_t)(shape.w - end) * c * sizeof *phase);
  }
}

/* The inverse: what lies inside of image is written. */
static void scatter(const od_real *phase, od_shape shape, const lattice *l, od_real *image,
                    od_shape whole) {
  const size_t c = (size_t)shape.c;
  int begin, end;
  inside(l, shape.w, whole.w, &begin, &end);
  for (int y = 0; y < shape.h; y++) {
    const int to = l->top + y * l->step;
    if (to < 0 || to >= whole.h) continue;
    od_real *target = image + (size_t)to * (size_t)whole.w * c;
    const od_real *row = phase + (size_t)y * (size_t)shape.w * c;
    for (int x = begin; x < end; x++)
      memcpy(target + (size_t)(l->left + x * l->step) * c, row + (size_t)x * c, c * sizeof *row);
  }
}

/* A phase's input and output, then the algorithm's scratch; the first phase is the largest. */
size_t od_conv_dilated_scratch(const od_op *op, const od_conv_algorithm *algorithm) {
  const od_op phase = phase_op(op, 0, 0);
  return 2 * (od_shape_size(phase.in) + od_shape_size(phase.conv)) +
         algorithm->scratch_size(&phase);
}

static lattice input_lattice(const od_op *op, int y, int x) {
  return (lattice){y - op->top, x - op->left, op->dilation};
}

static void forward_phase(const od_conv_args *args, int y, int x) {
  const od_op *op = args->op, phase = phase_op(op, y, x);
  const lattice in = input_lattice(op, y, x), out = {y, x, op->dilation};
  od_conv_args part = *args;
  od_real *input = args->scratch;
  part.op = &phase;
  part.x = input;
  part.y = input + od_shape_size(phase.in);
  part.scratch = part.y + od_shape_size(phase.conv);
  gather(args->x, op->in, &in, phase.in, input);
  op->forward->run(&part);
  scatter(part.y, phase.conv, &out, args->y, op->conv);
}

void od_conv_dilated_forward(const od_conv_args *args) {
  const od_op *op = args->op;
  for (int y = 0; y < od_min(op->dilation, op->conv.h); y++)
    for (int x = 0; x < od_min(op->dilation, op->conv.w); x++) forward_phase(args, y, x);
}

static void backward_phase(const od_conv_args *args, int y, int x) {
  const od_op *op = args->op, phase = phase_op(op, y, x);
  const lattice in = input_lattice(op, y, x), out = {y, x, op->dilation};
  const size_t in_size = od_shape_size(phase.in);
  od_conv_args part = *args;
  od_real *input = args->scratch, *gradient = input + in_size;
  part.op = &phase;
  part.x = input;
  part.dx = args->dx ? gradient : NULL;
  part.dy = gradient + in_size;
  part.scratch = part.dy + od_shape_size(phase.conv);
  if (args->dkernel) gather(args->x, op->in, &in, phase.in, input);
  gather(args->dy, op->conv, &out, phase.conv, part.dy);
  op->backward->run(&part);
  if (args->dx) scatter(gradient, phase.in, &in, args->dx, op->in);
}

void od_conv_dilated_backward(const od_conv_args *args) {
  const od_op *op = args->op;
  /* without a window over them, some pixels belong to no phase */
  if (args->dx) memset(args->dx, 0, od_shape_size(op->in) * sizeof *args->dx);
  for (int y = 0; y < od_min(op->dilation, op->conv.h); y++)
    for (int x = 0; x < od_min(op->dilation, op->conv.w); x++) backward_phase(args, y, x);
}
