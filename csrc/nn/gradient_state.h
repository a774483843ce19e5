/* The state of an od_gradient: what is kept of a batch, and how the batch is cut into
 * slices and the plan into stages. Private to these files:
 *
 *   gradient.c         a run: forward, loss, backward
 *   gradient_norm.c    the steps of a batch norm, which need the whole batch
 *   gradient_sums.c    the gradients of kernels and biases, from all slices
 *   gradient_memory.c  allocation
 *
 * `i` is the index of an operation of the plan, `slice` that of a slice of the batch, which is
 * also the number of its task. */
#ifndef OD_NN_GRADIENT_STATE_H
#define OD_NN_GRADIENT_STATE_H

#include "nn/gradient.h"
#include "nn/ops.h"

/* Images of a slice: the unit of work of one thread, and of the sum of gradients. Those of maps are
 * large, and batches of them small. */
enum { SLICE = 8, MAP_SLICE = 1 };

/* What an operation keeps of a batch, and the gradients that it receives. */
typedef struct od_op_state {
  od_real *y;                               /* (capacity, out) */
  uint8_t *argmax;                          /* (capacity, out): of a max-pool */
  od_real *dy;                              /* (capacity, out) */
  od_real *packed;                          /* its kernel for the forward pass; NULL: not packed */
  od_real *packed_backward;                 /* its kernel for the gradient of x */
  size_t partial_at;                        /* conv: offset in a slice's partial sums */
  uint8_t *zero_maps;                       /* conv that finds zero tiles: (capacity, H, W) */
  od_real *zero_y;                          /* conv that skips them: (out) of a zero image, … */
  uint8_t *zero_argmax;                     /* … (out) */
  double *mean, *variance, *inverse, *sums; /* batch norm, of the batch: (c) thrice, (2, c) */
  double *slice_sums;                       /* batch norm: (slices, 2, c) */
} od_op_state;

/* Operations of a slice that run on one thread. From the second stage on, the first of them is
 * a batch norm; the first stage has none, and may be empty. */
typedef struct od_stage {
  int begin, end;
} od_stage;

struct od_gradient {
  od_network *network;
  const od_kernels *kernels;
  od_plan plan;
  od_op_state *states; /* (plan.count) */
  od_stage *stages;
  int stage_count;
  int capacity, threads;
  int slice; /* images of a slice */
  size_t input_size, classes;
  size_t positions; /* of the scores: 1, time steps or pixels */
  bool is_map;
  od_real *input;  /* (capacity, input_size) */
  double *losses;  /* (capacity) */
  size_t *correct; /* (capacity) */
  size_t partial_size;
  od_real *partials; /* (slices, partial_size): gradients of convolutions */
  size_t scratch_size;
  od_real *scratch; /* (threads, scratch_size) */
};

/* One call of od_gradient_run, the context of its tasks. */
typedef struct od_pass {
  od_gradient *g;
  od_thread_pool pool;
  const od_batch *batch;
  double smoothing;
  od_real *values;       /* (trainable): the gradient */
  const od_stage *stage; /* the current one */
  size_t counted;        /* images or labelled pixels of the batch */
  double weight;         /* the sum of their weights */
} od_pass;

/* Images begin..begin + count of the batch. */
typedef struct od_span {
  size_t begin, count;
} od_span;

static inline int slices_of(const od_gradient *g, int images) {
  return (images + g->slice - 1) / g->slice;
}

static inline od_span slice_images(const od_pass *pass, int slice) {
  size_t size = (size_t)pass->g->slice, begin = (size_t)slice * size;
  size_t left = (size_t)pass->batch->count - begin;
  return (od_span){begin, left < size ? left : size};
}

/* The input of operation i, from image `at` on. */
static inline od_real *input_of(const od_gradient *g, int i, size_t at) {
  return (i ? g->states[i - 1].y : g->input) + at * od_shape_size(g->plan.ops[i].in);
}

/* The gradient of operation i's input, from image `at` on; NULL before the first. */
static inline od_real *input_gradient_of(const od_gradient *g, int i, size_t at) {
  return i ? g->states[i - 1].dy + at * od_shape_size(g->plan.ops[i].in) : NULL;
}

/* Bytes of an image's map of zero tiles. */
static inline size_t zero_map_size(const od_gradient *g) {
  return (size_t)g->plan.ops[0].out.h * (size_t)g->plan.ops[0].out.w;
}

/* -- gradient_norm.c: batch norm i, in the order of a run. Functions of a slice may run for all
 * slices in parallel; the others combine the results of all slices. -- */

void od_norm_slice_sums(const od_pass *pass, int i, int slice); /* once its input is there */
void od_norm_statistics(const od_pass *pass, int i);
void od_norm_forward(const od_pass *pass, int i, int slice, od_real *scratch);

void od_norm_slice_gradients(const od_pass *pass, int i, int slice); /* once dy is there */
void od_norm_gradient(const od_pass *pass, int i); /* of gamma and beta, to pass->values */
void od_norm_backward(const od_pass *pass, int i, int slice, od_real *scratch);

/* -- gradient_sums.c: the gradients of all kernels and biases, to pass->values, after the
 * backward pass of every slice -- */

od_status od_gradient_reduce(od_pass *pass);

/* Whether each slice adds up the gradient of an operation's numbers for itself. */
static inline bool has_partial_sums(const od_op *op) {
  return op->kind == OD_CONV2D || op->kind == OD_LAYER_NORM;
}

#endif
