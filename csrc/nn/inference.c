#include "nn/inference.h"

#include <math.h>
#include <string.h>

#include "base/math.h"
#include "nn/fold_batch_norm.h"
#include "nn/ops.h"

/* Images that go through the layers together: enough for dense layers to reuse their
 * weights, few enough for their activations to stay in the second-level cache. */
enum { SLICE = 8 };

struct od_inference {
  const od_kernels *kernels;
  od_plan plan;
  od_real *values;                /* kernels, ready to run, and biases, where plan.ops say */
  od_real *folded;                /* the largest kernel, while it is made ready */
  size_t input_size, widest;      /* numbers an image, at the input and at most */
  size_t classes, columns, largest_kernel;
  size_t slice;                   /* images that go through the layers together */
  od_op *fitted;                  /* (threads, plan.count): the plan for a line's width */
  int threads;
  od_real *blank;                 /* (out) of the operation that skips blank places */
  size_t map_size;                /* bytes of an image's map of them */
  size_t scratch_size;            /* numbers of scratch that the operations want */
  size_t workspace_size;          /* numbers a worker */
  od_real *workspaces;            /* (threads, workspace_size) */
  double *seen;                   /* (threads, plan.count, 2): least and largest input so far;
                                     NULL but in a calibration */
};

typedef struct inference_run {
  od_inference *inference;
  const od_images *images;
  bool softmax;
  od_real *scores;
} inference_run;

static size_t prepared_size(const od_op *op) {
  switch (op->kind) {
    case OD_CONV2D: return od_conv_packed_size(op);
    case OD_DENSE: return od_dense_packed_size(op);
    default: return op->kernel_size;
  }
}

/* Gives every operation a place in the inference's own block, of the size returned, and
 * finds the other sizes. */
static size_t lay_out(od_inference *inf) {
  size_t values = 0;
  inf->widest = inf->input_size;
  for (int i = 0; i < inf->plan.count; i++) {
    od_op *op = &inf->plan.ops[i];
    od_folded_size folded = od_folded_sizes(op);
    op->kernel_at = values;
    op->kernel_size = folded.kernel;
    inf->largest_kernel = od_max_size(inf->largest_kernel, op->kernel_size);
    values += prepared_size(op);
    op->bias = folded.bias > 0;
    op->bias_at = values;
    op->bias_size = folded.bias;
    values += op->bias_size;
    inf->widest = od_max_size(inf->widest, od_shape_size(op->out));
    if (op->kind == OD_CONV2D)
      inf->scratch_size = od_max_size(inf->scratch_size, od_conv_forward_scratch(op));
    if (op->kind == OD_DENSE)
      inf->scratch_size = od_max_size(inf->scratch_size, od_dense_forward_scratch(op, inf->slice));
    if (op->finds_zero_tiles) inf->map_size = (size_t)op->out.h * (size_t)op->out.w;
  }
  return values;
}

/* Whether all that is to be computed in bytes has a range. */
static od_status check_ranges(const od_inference *inf, const od_network *network,
                              od_error *error) {
  double low, high;
  for (int i = 0; i < inf->plan.count; i++)
    if (inf->plan.ops[i].precision == OD_INT8 &&
        !od_network_range(network, inf->plan.ops[i].layer, &low, &high))
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "precision: int8 wants the range of every layer's input, and layer %d (%s) has "
                     "none: calibrate the network first",
                     inf->plan.ops[i].layer, od_layer_kind_name(inf->plan.ops[i].kind));
  return OD_OK;
}

od_status od_inference_create(const od_network *network, const od_kernels *kernels,
                              od_precision precision, int threads, od_inference **inference,
                              od_error *error) {
  *inference = NULL;
  od_inference *inf = od_allocate(1, sizeof *inf);
  if (!inf) return od_fail_memory(error, "an inference");
  inf->kernels = kernels;
  inf->threads = threads;
  inf->input_size = od_shape_size(od_network_input(network));
  inf->classes = (size_t)od_network_classes(network);
  inf->columns = od_shape_size(od_network_shape_after(network, od_network_layer_count(network) - 1)) / inf->classes;
  inf->slice = inf->columns > 1 ? 1 : SLICE; /* lines are large, and have no dense layers */
  od_status status = od_plan_make(network, true, precision, -1, &inf->plan, error);
  if (!status) {
    size_t values = lay_out(inf);
    inf->workspace_size =
        od_round_to_alignment(inf->slice * (2 * inf->widest + inf->map_size) + inf->scratch_size);
    inf->values = od_allocate(values, sizeof *inf->values);
    inf->folded = od_allocate(inf->largest_kernel, sizeof *inf->folded);
    inf->blank = od_allocate(inf->widest, sizeof *inf->blank);
    inf->workspaces =
        od_allocate(inf->workspace_size, (size_t)threads * sizeof *inf->workspaces);
    inf->fitted = od_allocate((size_t)threads * (size_t)inf->plan.count, sizeof *inf->fitted);
    if (!inf->values || !inf->folded || !inf->blank || !inf->workspaces || !inf->fitted)
      status = od_fail_memory(error, "an inference's buffers");
  }
  if (!status) status = od_inference_refresh(inf, network, error);
  if (status) {
    od_inference_destroy(inf);
    return status;
  }
  *inference = inf;
  return OD_OK;
}

void od_inference_destroy(od_inference *inf) {
  if (!inf) return;
  od_plan_release(&inf->plan);
  od_release(inf->values);
  od_release(inf->folded);
  od_release(inf->blank);
  od_release(inf->workspaces);
  od_release(inf->fitted);
  od_release(inf->seen);
  od_release(inf);
}

/* n images through one operation: x (n, in) -> y (n, out). maps (n, map_size), or NULL,
 * go from an operation that finds blank places to the next. */
static void forward(const od_inference *inf, const od_op *op, size_t n, const od_real *x,
                    od_real *y, uint8_t *maps, od_real *scratch) {
  const od_kernels *kernels = inf->kernels;
  size_t in = od_shape_size(op->in), out = od_shape_size(op->out);
  const od_real *kernel = inf->values + op->kernel_at;
  const od_real *bias = op->bias ? inf->values + op->bias_at : NULL;
  switch (op->kind) {
    case OD_CONV2D:
      for (size_t i = 0; i < n; i++) {
        od_zero_tiles blank = {maps ? maps + i * inf->map_size : NULL, inf->blank, NULL};
        od_conv_forward(&(od_conv_args){.op = op,
                                        .kernels = kernels,
                                        .packed = kernel,
                                        .bias = bias,
                                        .x = x + i * in,
                                        .y = y + i * out,
                                        .zero_tiles = maps ? &blank : NULL,
                                        .scratch = scratch});
      }
      break;
    case OD_DENSE:
      od_dense_forward(&(od_dense_args){.op = op,
                                        .kernels = kernels,
                                        .n = n,
                                        .packed = kernel,
                                        .bias = bias,
                                        .x = x,
                                        .y = y,
                                        .scratch = scratch});
      break;
    case OD_RELU:
      kernels->relu(n * out, x, y);
      break;
    case OD_MAX_POOL2D:
      for (size_t i = 0; i < n; i++) od_max_pool_forward(op, kernels, x + i * in, y + i * out, NULL);
      break;
    case OD_GLOBAL_AVERAGE_POOL2D:
      for (size_t i = 0; i < n; i++) od_global_average_pool_forward(op, kernels, x + i * in, y + i * out);
      break;
    case OD_MAP_TO_SEQUENCE:
      for (size_t i = 0; i < n; i++) od_map_to_sequence_forward(op, x + i * in, y + i * out);
      break;
    case OD_BATCH_NORM:
      kernels->scale_shift(n * out / (size_t)op->out.c, (size_t)op->out.c, x, kernel, bias, y,
                           false);
      break;
    default: /* a plan for inference has no other */
      break;
  }
}

/* The output of a blank image, for the operation that skips blank places. */
static void compute_blank(od_inference *inf) {
  if (!inf->map_size) return;
  const od_op *pair = inf->plan.ops;
  od_real *x = inf->workspaces, *y = x + inf->slice * inf->widest, *scratch = y + inf->slice * inf->widest;
  od_conv_args args[2];
  for (int i = 0; i < 2; i++)
    args[i] = (od_conv_args){.op = &pair[i],
                             .kernels = inf->kernels,
                             .packed = inf->values + pair[i].kernel_at,
                             .bias = pair[i].bias ? inf->values + pair[i].bias_at : NULL,
                             .y = i ? inf->blank : y,
                             .scratch = scratch};
  od_conv_zero_output(args, x);
}

/* The steps of an operation's input. */
static void take_range(od_op *op, const od_network *network) {
  const double steps = 127;
  double low, high;
  if (op->precision != OD_INT8) return;
  od_network_range(network, op->layer, &low, &high);
  op->step = high > low ? (high - low) / steps : 1;
  op->zero = rint(-low / op->step);
}

od_status od_inference_refresh(od_inference *inf, const od_network *network, od_error *error) {
  od_status status = check_ranges(inf, network, error);
  if (status) return status;
  for (int i = 0; i < inf->plan.count; i++) {
    od_op *op = &inf->plan.ops[i];
    od_real *kernel = inf->values + op->kernel_at, *bias = inf->values + op->bias_at;
    bool multiplies = op->kind == OD_CONV2D || op->kind == OD_DENSE;
    od_fold_batch_norm(op, network, multiplies ? inf->folded : kernel, bias);
    take_range(op, network);
    if (op->kind == OD_CONV2D)
      od_conv_pack(op, inf->kernels, inf->folded, op->bias ? bias : NULL, kernel);
    if (op->kind == OD_DENSE)
      od_dense_pack(op, inf->kernels, inf->folded, op->bias ? bias : NULL, kernel);
  }
  compute_blank(inf);
  return OD_OK;
}

static void see(const od_inference *inf, int worker, int i, size_t n, const od_real *x) {
  double *range = inf->seen + 2 * (worker * inf->plan.count + i);
  for (size_t k = 0; k < n; k++) { /* not fmin, on which GCC 12 for AArch64 breaks down here */
    double value = (double)x[k];
    if (value < range[0]) range[0] = value;
    if (value > range[1]) range[1] = value;
  }
}

/* A worker's two buffers, which change places with each operation, and what comes behind. */
typedef struct desk {
  od_real *x, *y, *scratch;
  uint8_t *maps;
} desk;

static desk worker_desk(const od_inference *inf, int worker) {
  od_real *x = inf->workspaces + (size_t)worker * inf->workspace_size;
  od_real *y = x + inf->slice * inf->widest, *scratch = y + inf->slice * inf->widest;
  return (desk){x, y, scratch, (uint8_t *)(scratch + inf->scratch_size)};
}

/* n inputs in work->x through all operations, to scores (n, columns, classes). */
static void run_ops(const od_inference *inf, const od_op *ops, size_t n, size_t columns,
                    bool softmax, int worker, desk *work, od_real *scores) {
  for (int i = 0; i < inf->plan.count; i++) {
    if (inf->seen) see(inf, worker, i, n * od_shape_size(ops[i].in), work->x);
    forward(inf, &ops[i], n, work->x, work->y, work->maps, work->scratch);
    od_real *swapped = work->x;
    work->x = work->y;
    work->y = swapped;
  }
  memcpy(scores, work->x, n * columns * inf->classes * sizeof *scores);
  for (size_t i = 0; softmax && i < n * columns; i++, scores += inf->classes)
    od_softmax(inf->classes, scores, scores);
}

static void run_slice(void *context, int slice, int worker) {
  inference_run *r = context;
  const od_inference *inf = r->inference;
  size_t begin = (size_t)slice * inf->slice, n = r->images->count - begin;
  if (n > inf->slice) n = inf->slice;
  desk work = worker_desk(inf, worker);
  for (size_t i = 0; i < n; i++)
    od_images_load(r->images, inf->kernels, begin + i, work.x + i * inf->input_size);
  run_ops(inf, inf->plan.ops, n, inf->columns, r->softmax, worker, &work,
          r->scores + begin * inf->columns * inf->classes);
}

void od_inference_run(od_inference *inf, od_thread_pool *pool, const od_images *images, bool softmax,
                      od_real *scores) {
  inference_run r = {inf, images, softmax, scores};
  if (od_thread_pool_threads(pool) > inf->threads) pool = NULL;
  od_thread_pool_run(pool, run_slice, &r, (int)((images->count + inf->slice - 1) / inf->slice));
}

typedef struct strips_run {
  od_inference *inference;
  const od_line_image *strips;
  double scale;
  bool softmax;
} strips_run;

static void run_strip(void *context, int index, int worker) {
  const strips_run *r = context;
  const od_inference *inf = r->inference;
  const od_line_image *strip = &r->strips[index];
  od_op *ops = inf->fitted + (size_t)worker * (size_t)inf->plan.count;
  od_plan_fit(&inf->plan, strip->width, ops);
  desk work = worker_desk(inf, worker);
  const size_t columns = (size_t)ops[inf->plan.count - 1].out.w;
  inf->kernels->bytes_to_real(od_shape_size(ops[0].in), strip->pixels, (od_real)r->scale, work.x);
  run_ops(inf, ops, 1, columns, r->softmax, worker, &work, strip->scores);
}

int od_inference_columns(const od_inference *inf, int width) {
  od_op *ops = inf->fitted;
  if (width > inf->plan.ops[0].in.w || !od_plan_fit(&inf->plan, width, ops)) return 0;
  return ops[inf->plan.count - 1].out.w;
}

void od_inference_run_lines(od_inference *inf, od_thread_pool *pool, size_t count,
                             const od_line_image *strips, double scale, bool softmax) {
  strips_run r = {inf, strips, scale, softmax};
  if (od_thread_pool_threads(pool) > inf->threads) pool = NULL;
  od_thread_pool_run(pool, run_strip, &r, (int)count);
}

od_status od_inference_calibrate(od_network *network, const od_kernels *kernels, od_thread_pool *pool,
                                 const od_images *images, od_error *error) {
  od_inference *inf;
  int threads = od_thread_pool_threads(pool);
  od_status status = od_inference_create(network, kernels, OD_FLOAT32, threads, &inf, error);
  if (status) return status;
  size_t ops = (size_t)inf->plan.count;
  od_real *scores = od_allocate(images->count, inf->columns * inf->classes * sizeof *scores);
  inf->seen = od_allocate((size_t)threads * ops, 2 * sizeof *inf->seen); /* 0 is always seen */
  if (!scores || !inf->seen) status = od_fail_memory(error, "a calibration");
  if (!status) od_inference_run(inf, pool, images, false, scores);
  for (size_t i = 0; !status && i < ops; i++) {
    double low = 0, high = 0;
    for (size_t worker = 0; worker < (size_t)threads; worker++) {
      low = fmin(low, inf->seen[2 * (worker * ops + i)]);
      high = fmax(high, inf->seen[2 * (worker * ops + i) + 1]);
    }
    od_network_set_range(network, inf->plan.ops[i].layer, low, high);
  }
  od_release(scores);
  od_inference_destroy(inf);
  return status;
}
