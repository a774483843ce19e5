#include "nn/conv/conv.h"

#include <string.h>

#include "nn/conv/dilated.h"

size_t od_conv_packed_size(const od_op *op) { return op->forward->packed_size(op); }

static bool in_phases(const od_op *op, const od_conv_algorithm *algorithm) {
  return op->dilation > 1 && !algorithm->dilates;
}

static size_t scratch_of(const od_op *op, const od_conv_algorithm *algorithm) {
  return in_phases(op, algorithm) ? od_conv_dilated_scratch(op, algorithm)
                                  : algorithm->scratch_size(op);
}

size_t od_conv_forward_scratch(const od_op *op) { return scratch_of(op, op->forward); }

void od_conv_pack(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                  const od_real *bias, od_real *packed) {
  op->forward->pack(op, kernels, kernel, bias, packed);
}

void od_conv_forward(const od_conv_args *args) {
  if (in_phases(args->op, args->op->forward))
    od_conv_dilated_forward(args);
  else
    args->op->forward->run(args);
}

void od_conv_zero_output(const od_conv_args pair[2], od_real *x) {
  od_conv_args first = pair[0], second = pair[1];
  memset(x, 0, od_shape_size(first.op->in) * sizeof *x);
  first.x = x;
  second.x = first.y;
  od_conv_forward(&first);
  od_conv_forward(&second);
}

size_t od_conv_packed_backward_size(const od_op *op) { return op->backward->packed_size(op); }

/* The sums of dbias come before the algorithm's own. */
size_t od_conv_backward_scratch(const od_op *op) {
  return (size_t)op->out.c + scratch_of(op, op->backward);
}

void od_conv_pack_backward(const od_op *op, const od_kernels *kernels, const od_real *kernel,
                           od_real *packed) {
  op->backward->pack(op, kernels, kernel, NULL, packed);
}

void od_conv_backward(const od_conv_args *args) {
  const od_op *op = args->op;
  const od_kernels *kernels = args->kernels;
  size_t units = (size_t)op->out.c;
  if (op->relu) kernels->relu_backward(od_shape_size(op->out), args->y, args->dy);
  if (args->dbias) { /* summed an image at a time, as a long sum of small numbers loses digits */
    memset(args->scratch, 0, units * sizeof *args->scratch);
    kernels->add_rows((size_t)op->out.h * (size_t)op->out.w, units, args->dy, args->scratch);
    kernels->add(units, args->scratch, args->dbias);
  }
  od_conv_args rest = *args;
  rest.scratch += units;
  if (in_phases(op, op->backward))
    od_conv_dilated_backward(&rest);
  else
    op->backward->run(&rest);
}

void od_conv_unpack_gradient(const od_op *op, const od_real *dkernel, size_t begin, size_t end,
                             od_real *gradient) {
  if (op->backward->unpack_gradient)
    op->backward->unpack_gradient(op, dkernel, begin, end, gradient);
  else
    memcpy(gradient + begin, dkernel + begin, (end - begin) * sizeof *gradient);
}
