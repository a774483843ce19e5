#include "nn/gradient.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "nn/ops.h"

/* Images of a slice: the unit of work of one thread, and of the sum of gradients. */
enum { SLICE = 8, KERNEL_ROWS = 64, REDUCED = 4096, MAX_BATCH_MEBIBYTES = 8192 };

/* What an operation keeps of a batch, and the gradients that flow into it. */
typedef struct op_state {
  od_real *y;           /* (capacity, out) */
  uint8_t *choice;      /* (capacity, out): of a max-pool */
  od_real *dy;          /* (capacity, out) */
  od_real *prepared;    /* conv: its kernel as the forward pass wants it */
  od_real *turned;      /* its kernel as the gradient of x wants it */
  size_t partial_at;    /* conv: where its gradients lie in a slice's partial sums */
  uint8_t *maps;        /* conv that finds blank places: (capacity, H, W) */
  od_real *blank;       /* conv that skips them: (out) for a blank image, … */
  uint8_t *blank_choice; /* … (out) */
  double *mean, *variance, *inverse, *sums; /* batch norm: (c) thrice, (2, c), of the batch */
  double *slice_sums;   /* batch norm: (slices, 2, c) */
} op_state;

/* Operations that a slice goes through on one thread; from the second stage on, the
 * first of them is a batch norm. */
typedef struct stage {
  int begin, end;
} stage;

struct od_gradient {
  od_network *network;
  const od_kernels *kernels;
  od_plan plan;
  op_state *states;   /* (plan.count) */
  stage *stages;
  int stage_count;
  int capacity, threads;
  size_t input_size, classes;
  od_real *input;     /* (capacity, input_size) */
  double *losses;     /* (capacity) */
  uint8_t *hits;      /* (capacity) */
  size_t partial_size;
  od_real *partials;  /* (slices, partial_size) */
  size_t scratch_size;
  od_real *scratch;   /* (threads, scratch_size) */
};

/* One call of od_gradient_run, as its tasks see it. */
typedef struct run {
  od_gradient *g;
  const od_batch *batch;
  double smoothing;
  od_real *values;
  const stage *stage;
} run;

typedef struct range {
  size_t begin, count;
} range;

static range slice_range(const od_batch *batch, int slice) {
  size_t begin = (size_t)slice * SLICE, left = (size_t)batch->count - begin;
  return (range){begin, left < SLICE ? left : SLICE};
}

static int slices_of(int images) { return (images + SLICE - 1) / SLICE; }

static od_real *worker_scratch(const od_gradient *g, int worker) {
  return g->scratch + (size_t)worker * g->scratch_size;
}

/* The input of operation i for the image or batch row `at`. */
static od_real *input_of(const od_gradient *g, int i, size_t at) {
  return (i ? g->states[i - 1].y : g->input) + at * od_shape_size(g->plan.ops[i].in);
}

/* Where the gradient of operation i's input goes; NULL before the first. */
static od_real *input_gradient_of(const od_gradient *g, int i, size_t at) {
  return i ? g->states[i - 1].dy + at * od_shape_size(g->plan.ops[i].in) : NULL;
}

static size_t rows_of(const od_op *op, size_t images) {
  return images * (size_t)op->in.h * (size_t)op->in.w;
}

static uint64_t dropout_seed(const od_batch *batch, int op, size_t image) {
  return od_rng_mix(od_rng_mix(batch->seed, (uint64_t)op), (uint64_t)image);
}

static size_t map_size(const od_gradient *g) {
  return (size_t)g->plan.ops[0].out.h * (size_t)g->plan.ops[0].out.w;
}

/* -- forward -- */

static void norm_forward(const od_gradient *g, int i, size_t begin, size_t n) {
  const od_op *op = &g->plan.ops[i];
  const op_state *state = &g->states[i];
  const od_real *values = od_network_values_const(g->network);
  const od_real *gamma = values + op->kernel_at, *beta = values + op->bias_at;
  size_t c = (size_t)op->in.c, rows = rows_of(op, n);
  const od_real *x = input_of(g, i, begin);
  od_real *y = state->y + begin * od_shape_size(op->out);
  for (size_t r = 0; r < rows; r++, x += c, y += c)
    for (size_t k = 0; k < c; k++)
      y[k] = (od_real)(((double)x[k] - state->mean[k]) * state->inverse[k]) * gamma[k] + beta[k];
}

static void forward_convolution(const od_gradient *g, int i, const od_real *x, od_real *y,
                                uint8_t *choice, size_t image, int worker) {
  const od_op *op = &g->plan.ops[i];
  const op_state *state = &g->states[i];
  const od_real *bias = op->bias ? od_network_values_const(g->network) + op->bias_at : NULL;
  od_blank blank = {.y = state->blank, .choice = state->blank_choice};
  bool pair = op->finds_blank || op->skips_blank;
  if (pair) blank.map = g->states[0].maps + image * map_size(g);
  od_conv_forward(op, g->kernels, x, state->prepared, bias, y, choice, pair ? &blank : NULL,
                  worker_scratch(g, worker));
}

/* What the second of a pair gives for a blank image; with the weights of this step. */
static void compute_blank(const od_gradient *g) {
  if (!g->plan.count || !g->plan.ops[0].finds_blank) return;
  const od_real *values = od_network_values_const(g->network), *kernels[2], *biases[2];
  const od_op *pair = g->plan.ops;
  const op_state *states = g->states;
  for (int i = 0; i < 2; i++) {
    kernels[i] = states[i].prepared;
    biases[i] = pair[i].bias ? values + pair[i].bias_at : NULL;
  }
  od_conv_blank(pair, g->kernels, kernels, biases, states[1].blank, states[1].blank_choice,
                g->input, states[0].y, worker_scratch(g, 0));
}

static void op_forward(const run *r, int i, size_t begin, size_t n, int worker) {
  const od_gradient *g = r->g;
  const od_kernels *kernels = g->kernels;
  const od_op *op = &g->plan.ops[i];
  const op_state *state = &g->states[i];
  const od_real *values = od_network_values_const(g->network);
  const od_real *kernel = values + op->kernel_at;
  const od_real *bias = op->bias ? values + op->bias_at : NULL;
  size_t in = od_shape_size(op->in), out = od_shape_size(op->out);
  const od_real *x = input_of(g, i, begin);
  od_real *y = state->y + begin * out;
  uint8_t *choice = state->choice ? state->choice + begin * out : NULL;
  switch (op->kind) {
    case OD_CONV2D:
      for (size_t k = 0; k < n; k++)
        forward_convolution(g, i, x + k * in, y + k * out, choice ? choice + k * out : NULL,
                            begin + k, worker);
      break;
    case OD_DENSE:
      od_dense_forward(op, kernels, n, x, kernel, bias, y);
      break;
    case OD_RELU:
      kernels->relu(n * out, x, y);
      break;
    case OD_MAX_POOL2D:
      for (size_t k = 0; k < n; k++)
        kernels->max_pool((size_t)op->in.h, (size_t)op->in.w, (size_t)op->in.c, x + k * in,
                          y + k * out, choice + k * out, false);
      break;
    case OD_GLOBAL_AVERAGE_POOL2D:
      for (size_t k = 0; k < n; k++) od_average_forward(op, kernels, x + k * in, y + k * out);
      break;
    case OD_DROPOUT:
      for (size_t k = 0; k < n; k++)
        od_dropout(out, od_network_layer(g->network, op->layer)->rate,
                   dropout_seed(r->batch, i, begin + k), x + k * in, y + k * out);
      break;
    case OD_BATCH_NORM:
      norm_forward(g, i, begin, n);
      break;
    default: /* a plan has no other */
      break;
  }
}

/* Loss of each image of the slice, and the gradient of its scores. */
static void slice_loss(const run *r, size_t begin, size_t n) {
  const od_gradient *g = r->g;
  od_real unused[256]; /* a network without operations has no gradient to keep */
  int last = g->plan.count - 1;
  for (size_t k = begin; k < begin + n; k++) {
    const od_real *scores = last < 0 ? g->input + k * g->classes : g->states[last].y + k * g->classes;
    od_real *gradient = last < 0 ? unused : g->states[last].dy + k * g->classes;
    size_t label = r->batch->labels[k];
    g->losses[k] = od_cross_entropy(g->classes, scores, label, r->smoothing,
                                    1.0 / r->batch->count, gradient);
    g->hits[k] = od_argmax(g->classes, scores) == label;
  }
}

static void forward_task(void *context, int slice, int worker) {
  const run *r = context;
  const od_gradient *g = r->g;
  range images = slice_range(r->batch, slice);
  if (r->stage == g->stages)
    for (size_t k = images.begin; k < images.begin + images.count; k++)
      r->batch->source(r->batch->context, (int)k, worker, g->input + k * g->input_size);
  for (int i = r->stage->begin; i < r->stage->end; i++)
    op_forward(r, i, images.begin, images.count, worker);
  int next = r->stage->end;
  if (next == g->plan.count) {
    slice_loss(r, images.begin, images.count);
    return;
  }
  const od_op *norm = &g->plan.ops[next];
  size_t c = (size_t)norm->in.c;
  od_batch_norm_sums(rows_of(norm, images.count), c, input_of(g, next, images.begin),
                     g->states[next].slice_sums + (size_t)slice * 2 * c);
}

/* Joins the slices' sums of a batch norm, in order. */
static void join_sums(const run *r, int i) {
  const op_state *state = &r->g->states[i];
  size_t c = (size_t)r->g->plan.ops[i].in.c;
  memset(state->sums, 0, 2 * c * sizeof *state->sums);
  for (int slice = 0; slice < slices_of(r->batch->count); slice++)
    for (size_t k = 0; k < 2 * c; k++)
      state->sums[k] += state->slice_sums[(size_t)slice * 2 * c + k];
}

/* Mean, variance and 1 / deviation of the batch. */
static void finish_statistics(const run *r, int i) {
  const od_op *op = &r->g->plan.ops[i];
  const od_layer *layer = od_network_layer(r->g->network, op->layer);
  const op_state *state = &r->g->states[i];
  size_t c = (size_t)op->in.c;
  double rows = (double)rows_of(op, (size_t)r->batch->count);
  join_sums(r, i);
  for (size_t k = 0; k < c; k++) {
    double mean = state->sums[k] / rows, square = state->sums[c + k] / rows;
    state->mean[k] = mean;
    state->variance[k] = square - mean * mean < 0 ? 0 : square - mean * mean; /* NaN stays */
    state->inverse[k] = 1 / sqrt(state->variance[k] + layer->epsilon);
  }
}

/* Moves the statistics of one batch norm towards the last batch's; a number that would
 * overflow stays. */
static void move_statistics(od_gradient *g, int i) {
  const op_state *state = &g->states[i];
  const od_op *op = &g->plan.ops[i];
  const od_layer *layer = od_network_layer(g->network, op->layer);
  od_real *means = od_network_find(g->network, op->layer, OD_MOVING_MEAN)->data;
  od_real *variances = od_network_find(g->network, op->layer, OD_MOVING_VARIANCE)->data;
  size_t c = (size_t)op->in.c;
  double keep = layer->momentum;
  for (size_t k = 0; k < c; k++) {
    od_real mean = (od_real)(keep * (double)means[k] + (1 - keep) * state->mean[k]);
    od_real variance = (od_real)(keep * (double)variances[k] + (1 - keep) * state->variance[k]);
    if (!isfinite(mean) || !isfinite(variance)) continue;
    means[k] = mean;
    variances[k] = variance;
  }
}

void od_gradient_move_statistics(od_gradient *g) {
  for (int s = 1; s < g->stage_count; s++) move_statistics(g, g->stages[s].begin);
}

/* -- backward -- */

static void op_backward(const run *r, int i, size_t begin, size_t n, int slice, int worker) {
  const od_gradient *g = r->g;
  const od_kernels *kernels = g->kernels;
  const od_op *op = &g->plan.ops[i];
  const op_state *state = &g->states[i];
  size_t in = od_shape_size(op->in), out = od_shape_size(op->out);
  const od_real *x = input_of(g, i, begin), *y = state->y + begin * out;
  od_real *dy = state->dy + begin * out, *dx = input_gradient_of(g, i, begin);
  const uint8_t *choice = state->choice ? state->choice + begin * out : NULL;
  switch (op->kind) {
    case OD_CONV2D: {
      od_real *dkernel = g->partials + (size_t)slice * g->partial_size + state->partial_at;
      od_real *dbias = op->bias ? dkernel + op->kernel_size : NULL;
      memset(dkernel, 0, (op->kernel_size + op->bias_size) * sizeof *dkernel);
      for (size_t k = 0; k < n; k++)
        od_conv_backward(op, kernels, x + k * in, state->turned, y + k * out,
                         choice ? choice + k * out : NULL, dy + k * out, dx ? dx + k * in : NULL,
                         dkernel, dbias, worker_scratch(g, worker));
      break;
    }
    case OD_DENSE:
      if (op->relu) kernels->relu_backward(n * out, y, dy);
      if (dx) od_dense_backward(op, kernels, n, state->turned, dy, dx);
      break;
    case OD_RELU:
      if (!dx) break;
      memcpy(dx, dy, n * out * sizeof *dx);
      kernels->relu_backward(n * out, y, dx);
      break;
    case OD_MAX_POOL2D: {
      size_t w = (size_t)op->in.w, c = (size_t)op->in.c, pooled = (size_t)op->out.w * c;
      if (!dx) break;
      memset(dx, 0, n * in * sizeof *dx); /* an odd last row has no gradient */
      for (size_t k = 0; k < n; k++)
        for (size_t row = 0; row < (size_t)op->out.h; row++) {
          size_t at = k * out + row * pooled;
          od_real *top = dx + k * in + 2 * row * w * c;
          kernels->max_unpool_row(w, c, dy + at, choice + at, top, top + w * c);
        }
      break;
    }
    case OD_GLOBAL_AVERAGE_POOL2D:
      for (size_t k = 0; dx && k < n; k++) od_average_backward(op, dy + k * out, dx + k * in);
      break;
    case OD_DROPOUT:
      for (size_t k = 0; dx && k < n; k++)
        od_dropout(out, od_network_layer(g->network, op->layer)->rate,
                   dropout_seed(r->batch, i, begin + k), dy + k * out, dx + k * in);
      break;
    default: /* a batch norm goes in the steps of norm_* */
      break;
  }
}

static void norm_backward_sums(const run *r, int i, range images, int slice) {
  const od_gradient *g = r->g;
  const od_op *op = &g->plan.ops[i];
  const op_state *state = &g->states[i];
  size_t c = (size_t)op->in.c;
  od_batch_norm_backward_sums(rows_of(op, images.count), c, input_of(g, i, images.begin),
                              state->dy + images.begin * od_shape_size(op->out), state->mean,
                              state->inverse, state->slice_sums + (size_t)slice * 2 * c);
}

static void norm_backward(const run *r, int i, range images) {
  const od_gradient *g = r->g;
  const od_op *op = &g->plan.ops[i];
  const op_state *state = &g->states[i];
  const od_real *gamma = od_network_values_const(g->network) + op->kernel_at;
  double rows = (double)rows_of(op, (size_t)r->batch->count);
  if (!i) return;
  od_batch_norm_backward(rows_of(op, images.count), (size_t)op->in.c,
                         input_of(g, i, images.begin),
                         state->dy + images.begin * od_shape_size(op->out), state->mean,
                         state->inverse, gamma, state->sums, rows,
                         input_gradient_of(g, i, images.begin));
}

static bool starts_with_norm(const od_gradient *g, const stage *s) {
  return s->begin < s->end && g->plan.ops[s->begin].kind == OD_BATCH_NORM;
}

static void backward_task(void *context, int slice, int worker) {
  const run *r = context;
  const od_gradient *g = r->g;
  range images = slice_range(r->batch, slice);
  bool norm = starts_with_norm(g, r->stage);
  if (r->stage->end < g->plan.count) norm_backward(r, r->stage->end, images);
  for (int i = r->stage->end - 1; i >= r->stage->begin + norm; i--)
    op_backward(r, i, images.begin, images.count, slice, worker);
  if (norm) norm_backward_sums(r, r->stage->begin, images, slice);
}

/* The gradients of gamma and beta are the joined sums themselves. */
static void norm_gradient(const run *r, int i) {
  const od_op *op = &r->g->plan.ops[i];
  const op_state *state = &r->g->states[i];
  size_t c = (size_t)op->in.c;
  join_sums(r, i);
  for (size_t k = 0; k < c; k++) {
    r->values[op->bias_at + k] = (od_real)state->sums[k];
    r->values[op->kernel_at + k] = (od_real)state->sums[c + k];
  }
}

/* -- the gradients of kernels, once all slices have gone back -- */

static int reduce_tasks(const od_op *op) {
  if (op->kind == OD_CONV2D)
    return (int)((op->kernel_size + op->bias_size + REDUCED - 1) / REDUCED);
  if (op->kind == OD_DENSE) return (op->in.c + KERNEL_ROWS - 1) / KERNEL_ROWS;
  return 0;
}

/* Adds up the slices' partial sums of some of a convolution's numbers, in order. In the
 * partial sums a bias follows its kernel. */
static void reduce_convolution(const run *r, int i, size_t begin) {
  const od_gradient *g = r->g;
  const od_op *op = &g->plan.ops[i];
  size_t size = op->kernel_size + op->bias_size, n = size - begin < REDUCED ? size - begin : REDUCED;
  size_t end = begin + n, kernel = op->kernel_size;
  size_t kernel_end = end < kernel ? end : kernel, bias_begin = begin > kernel ? begin : kernel;
  od_real *sum = g->partials + g->states[i].partial_at; /* the first slice's */
  for (int slice = 1; slice < slices_of(r->batch->count); slice++)
    g->kernels->add(n, sum + (size_t)slice * g->partial_size + begin, sum + begin);
  if (begin < kernel_end) od_conv_collect(op, sum, begin, kernel_end, r->values + op->kernel_at);
  for (size_t at = bias_begin; at < end; at++) r->values[op->bias_at + at - kernel] = sum[at];
}

static void reduce_dense(const run *r, int i, size_t begin) {
  const od_op *op = &r->g->plan.ops[i];
  size_t end = begin + KERNEL_ROWS, rows = (size_t)op->in.c;
  od_dense_backward_kernel(op, r->g->kernels, (size_t)r->batch->count, begin,
                           end < rows ? end : rows, input_of(r->g, i, 0), r->g->states[i].dy,
                           r->values + op->kernel_at, op->bias ? r->values + op->bias_at : NULL);
}

static void reduce_task(void *context, int task, int worker) {
  const run *r = context;
  (void)worker;
  int i = 0;
  while (task >= reduce_tasks(&r->g->plan.ops[i])) task -= reduce_tasks(&r->g->plan.ops[i++]);
  if (r->g->plan.ops[i].kind == OD_CONV2D)
    reduce_convolution(r, i, (size_t)task * REDUCED);
  else
    reduce_dense(r, i, (size_t)task * KERNEL_ROWS);
}

/* Brings the kernel of operation i into the forms that its passes want. */
static void prepare_task(void *context, int i, int worker) {
  const run *r = context;
  (void)worker;
  const od_op *op = &r->g->plan.ops[i];
  const op_state *state = &r->g->states[i];
  const od_real *kernel = od_network_values_const(r->g->network) + op->kernel_at;
  if (op->kind == OD_CONV2D) {
    od_conv_prepare(op, kernel, state->prepared);
    if (i) od_conv_turn(op, kernel, state->turned);
  }
  if (op->kind == OD_DENSE && i) od_dense_transpose(op, kernel, state->turned);
}

od_loss od_gradient_run(od_gradient *g, od_pool *pool, const od_batch *batch,
                        double label_smoothing, od_real *values) {
  run r = {g, batch, label_smoothing, values, NULL};
  int slices = slices_of(batch->count), reductions = 0;
  if (od_pool_threads(pool) > g->threads) pool = NULL;
  od_pool_run(pool, prepare_task, &r, g->plan.count);
  compute_blank(g);
  for (int s = 0; s < g->stage_count; s++) {
    r.stage = &g->stages[s];
    if (s) finish_statistics(&r, r.stage->begin);
    od_pool_run(pool, forward_task, &r, slices);
  }
  od_loss result = {0, 0};
  for (int k = 0; k < batch->count; k++) {
    result.loss += g->losses[k] / batch->count;
    result.correct += g->hits[k];
  }
  for (int s = g->stage_count - 1; s >= 0; s--) {
    r.stage = &g->stages[s];
    od_pool_run(pool, backward_task, &r, slices);
    if (starts_with_norm(g, r.stage)) norm_gradient(&r, r.stage->begin);
  }
  for (int i = 0; i < g->plan.count; i++) reductions += reduce_tasks(&g->plan.ops[i]);
  od_pool_run(pool, reduce_task, &r, reductions);
  return result;
}

/* -- making and releasing -- */

static bool allocate_state(od_gradient *g, int i) {
  const od_op *op = &g->plan.ops[i];
  op_state *state = &g->states[i];
  size_t images = (size_t)g->capacity, c = (size_t)op->in.c, size;
  if (!od_multiply_size(images, od_shape_size(op->out), &size)) return false;
  bool pools = op->pool || op->kind == OD_MAX_POOL2D;
  bool turns = i > 0 && (op->kind == OD_CONV2D || op->kind == OD_DENSE);
  state->y = od_allocate(size, sizeof *state->y);
  state->dy = od_allocate(size, sizeof *state->dy);
  if (!state->y || !state->dy) return false;
  if (pools && !(state->choice = od_allocate(size, 1))) return false;
  if (turns && !(state->turned = od_allocate(op->kernel_size, sizeof *state->turned)))
    return false;
  if (op->kind == OD_CONV2D &&
      !(state->prepared = od_allocate(od_conv_prepared_size(op), sizeof *state->prepared)))
    return false;
  if (op->finds_blank && !(state->maps = od_allocate(images, map_size(g)))) return false;
  if (op->skips_blank) {
    state->blank = od_allocate(od_shape_size(op->out), sizeof *state->blank);
    state->blank_choice = od_allocate(od_shape_size(op->out), 1);
    if (!state->blank || !state->blank_choice) return false;
  }
  if (op->kind != OD_BATCH_NORM) return true;
  state->mean = od_allocate(c, sizeof(double));
  state->variance = od_allocate(c, sizeof(double));
  state->inverse = od_allocate(c, sizeof(double));
  state->sums = od_allocate(c, 2 * sizeof(double));
  state->slice_sums = od_allocate((size_t)slices_of(g->capacity) * c, 2 * sizeof(double));
  return state->mean && state->variance && state->inverse && state->sums && state->slice_sums;
}

/* Cuts the plan before each batch norm. The first stage may be empty: it loads. */
static void cut_stages(od_gradient *g) {
  g->stages[0] = (stage){0, 0};
  g->stage_count = 1;
  for (int i = 0; i < g->plan.count; i++) {
    if (g->plan.ops[i].kind == OD_BATCH_NORM) g->stages[g->stage_count++] = (stage){i, i};
    g->stages[g->stage_count - 1].end = i + 1;
  }
}

/* Refuses a batch that would fill the memory, before any of it is taken. */
static od_status check_size(const od_gradient *g, od_error *error) {
  double image = (double)g->input_size, slice = 0;
  for (int i = 0; i < g->plan.count; i++) {
    const od_op *op = &g->plan.ops[i];
    image += 2.5 * (double)od_shape_size(op->out); /* y, dy and choices */
    if (op->kind == OD_CONV2D) slice += (double)(op->kernel_size + op->bias_size);
  }
  double numbers = image * g->capacity + slice * slices_of(g->capacity);
  double mebibytes = numbers * sizeof(od_real) / (1 << 20);
  if (mebibytes <= MAX_BATCH_MEBIBYTES) return OD_OK;
  return od_fail(error, OD_ERROR_ARGUMENT,
                 "batch_size: %d images take %.0f MiB in this network, expected at most %d MiB",
                 g->capacity, mebibytes, MAX_BATCH_MEBIBYTES);
}

static od_status allocate(od_gradient *g, od_error *error) {
  size_t images = (size_t)g->capacity, count = (size_t)g->plan.count;
  g->states = od_allocate(count, sizeof *g->states);
  g->stages = od_allocate(count + 1, sizeof *g->stages);
  if (!g->states || !g->stages) return od_fail_memory(error, "the gradient's plan");
  cut_stages(g);
  for (int i = 0; i < g->plan.count; i++) {
    const od_op *op = &g->plan.ops[i];
    if (!allocate_state(g, i)) return od_fail_memory(error, "the activations of a batch");
    if (op->kind != OD_CONV2D) continue;
    size_t forward = od_conv_forward_scratch(op), backward = od_conv_backward_scratch(op);
    if (forward > g->scratch_size) g->scratch_size = forward;
    if (backward > g->scratch_size) g->scratch_size = backward;
    g->states[i].partial_at = g->partial_size;
    g->partial_size += op->kernel_size + op->bias_size;
  }
  g->scratch_size = od_whole_lines(g->scratch_size);
  g->partial_size = od_whole_lines(g->partial_size);
  g->input = od_allocate(images * g->input_size, sizeof *g->input);
  g->losses = od_allocate(images, sizeof *g->losses);
  g->hits = od_allocate(images, 1);
  g->scratch = od_allocate(g->scratch_size, (size_t)g->threads * sizeof *g->scratch);
  g->partials = od_allocate((size_t)slices_of(g->capacity) * sizeof *g->partials, g->partial_size);
  if (!g->input || !g->losses || !g->hits || !g->scratch || !g->partials)
    return od_fail_memory(error, "the activations of a batch");
  return OD_OK;
}

od_status od_gradient_create(od_network *network, const od_kernels *kernels, int capacity,
                             int threads, od_gradient **gradient, od_error *error) {
  *gradient = NULL;
  od_gradient *g = od_allocate(1, sizeof *g);
  if (!g) return od_fail_memory(error, "the gradient");
  g->network = network;
  g->kernels = kernels;
  g->capacity = capacity;
  g->threads = threads;
  g->input_size = od_shape_size(od_network_input(network));
  g->classes = (size_t)od_network_classes(network);
  od_status status = od_plan_make(network, false, &g->plan, error);
  if (!status) status = check_size(g, error);
  if (!status) status = allocate(g, error);
  if (status) {
    od_gradient_destroy(g);
    return status;
  }
  *gradient = g;
  return OD_OK;
}

void od_gradient_destroy(od_gradient *g) {
  if (!g) return;
  for (int i = 0; g->states && i < g->plan.count; i++) {
    const op_state *state = &g->states[i];
    od_release(state->y);
    od_release(state->dy);
    od_release(state->choice);
    od_release(state->prepared);
    od_release(state->turned);
    od_release(state->maps);
    od_release(state->blank);
    od_release(state->blank_choice);
    od_release(state->mean);
    od_release(state->variance);
    od_release(state->inverse);
    od_release(state->sums);
    od_release(state->slice_sums);
  }
  od_release(g->states);
  od_release(g->stages);
  od_plan_release(&g->plan);
  od_release(g->input);
  od_release(g->losses);
  od_release(g->hits);
  od_release(g->partials);
  od_release(g->scratch);
  od_release(g);
}
