/* The gradients of kernels and biases, after the backward pass of all slices. Of a convolution or
 * layer norm each slice has left partial sums; a dense layer's are one product over the batch. Each
 * task makes some of the numbers, always in the same order of images. */
#include <string.h>

#include "nn/gradient_state.h"

/* What one task makes: sums of all slices, rows of a dense kernel. */
enum { SUMS = 4096, DENSE_ROWS = 64 };

static int count_tasks(const od_op *op) {
  if (has_partial_sums(op)) return (int)((op->kernel_size + op->bias_size + SUMS - 1) / SUMS);
  if (op->kind == OD_DENSE) return (op->in.c + DENSE_ROWS - 1) / DENSE_ROWS;
  return 0;
}

/* In the partial sums a bias follows its kernel. */
static void add_up_slices(const od_pass *pass, int i, size_t begin) {
  const od_gradient *g = pass->g;
  const od_op *op = &g->plan.ops[i];
  size_t kernel = op->kernel_size, size = kernel + op->bias_size;
  size_t n = size - begin < SUMS ? size - begin : SUMS, end = begin + n;
  size_t kernel_end = end < kernel ? end : kernel, bias_begin = begin > kernel ? begin : kernel;
  od_real *sum = g->partials + g->states[i].partial_at; /* the first slice's */
  for (int slice = 1; slice < slices_of(pass->g, pass->batch->count); slice++)
    g->kernels->add(n, sum + (size_t)slice * g->partial_size + begin, sum + begin);
  if (begin < kernel_end && op->kind == OD_LAYER_NORM)
    memcpy(pass->values + op->kernel_at + begin, sum + begin, (kernel_end - begin) * sizeof *sum);
  else if (begin < kernel_end)
    od_conv_unpack_gradient(op, sum, begin, kernel_end, pass->values + op->kernel_at);
  for (size_t at = bias_begin; at < end; at++) pass->values[op->bias_at + at - kernel] = sum[at];
}

static void multiply_dense(const od_pass *pass, int i, size_t begin) {
  const od_gradient *g = pass->g;
  const od_op *op = &g->plan.ops[i];
  size_t end = begin + DENSE_ROWS, rows = (size_t)op->in.c;
  const od_dense_args args = {.op = op,
                              .kernels = g->kernels,
                              .n = (size_t)pass->batch->count,
                              .x = input_of(g, i, 0),
                              .dy = g->states[i].dy,
                              .dkernel = pass->values + op->kernel_at,
                              .dbias = op->bias ? pass->values + op->bias_at : NULL};
  od_dense_backward_kernel(&args, begin, end < rows ? end : rows);
}

static void add_up_task(void *context, int task, int worker) {
  const od_pass *pass = context;
  const od_op *ops = pass->g->plan.ops;
  (void)worker;
  int i = 0;
  while (task >= count_tasks(&ops[i])) task -= count_tasks(&ops[i++]);
  if (has_partial_sums(&ops[i]))
    add_up_slices(pass, i, (size_t)task * SUMS);
  else
    multiply_dense(pass, i, (size_t)task * DENSE_ROWS);
}

od_status od_gradient_reduce(od_pass *pass) {
  const od_plan *plan = &pass->g->plan;
  int tasks = 0;
  for (int i = 0; i < plan->count; i++) tasks += count_tasks(&plan->ops[i]);
  return od_thread_pool_run(&pass->pool, add_up_task, pass, tasks);
}
