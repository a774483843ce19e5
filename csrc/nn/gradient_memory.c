/* Making and releasing an od_gradient: all memory of a batch is there from the start, so
 * that a run allocates nothing. */
#include "nn/gradient_state.h"
#include "nn/ctc.h"
#include "nn/low_precision.h"

enum { MAX_BATCH_MEBIBYTES = 8192 };

static bool allocate_convolution(const od_gradient *g, const od_op *op, od_op_state *state) {
  size_t out = od_shape_size(op->out);
  state->prepared = od_allocate(od_conv_packed_size(op), sizeof *state->prepared);
  if (!state->prepared) return false;
  if (op->finds_zero_tiles && !(state->maps = od_allocate((size_t)g->capacity, map_size(g))))
    return false;
  if (!op->skips_zero_tiles) return true;
  state->blank = od_allocate(out, sizeof *state->blank);
  state->blank_choice = od_allocate(out, 1);
  return state->blank && state->blank_choice;
}

static bool allocate_dense(const od_op *op, od_op_state *state) {
  if (op->precision == OD_FLOAT32) return true; /* goes with the network's own kernel */
  state->prepared = od_allocate(od_dense_packed_size(op), sizeof *state->prepared);
  return state->prepared;
}

static bool allocate_norm(const od_gradient *g, const od_op *op, od_op_state *state) {
  size_t c = (size_t)op->in.c, slices = (size_t)slices_of(g->capacity);
  state->mean = od_allocate(c, sizeof *state->mean);
  state->variance = od_allocate(c, sizeof *state->variance);
  state->inverse = od_allocate(c, sizeof *state->inverse);
  state->sums = od_allocate(c, 2 * sizeof *state->sums);
  state->slice_sums = od_allocate(slices * c, 2 * sizeof *state->slice_sums);
  return state->mean && state->variance && state->inverse && state->sums && state->slice_sums;
}

static bool allocate_state(const od_gradient *g, int i) {
  const od_op *op = &g->plan.ops[i];
  od_op_state *state = &g->states[i];
  size_t size;
  if (!od_multiply_size((size_t)g->capacity, od_shape_size(op->out), &size)) return false;
  bool pools = op->pool || op->kind == OD_MAX_POOL2D;
  bool turns = i > 0 && (op->kind == OD_CONV2D || op->kind == OD_DENSE);
  state->y = od_allocate(size, sizeof *state->y);
  state->dy = od_allocate(size, sizeof *state->dy);
  if (!state->y || !state->dy) return false;
  if (pools && !(state->choice = od_allocate(size, 1))) return false;
  size_t turned = op->kind == OD_CONV2D ? od_conv_packed_backward_size(op) : op->kernel_size;
  if (turns && !(state->turned = od_allocate(turned, sizeof *state->turned))) return false;
  if (op->kind == OD_CONV2D) return allocate_convolution(g, op, state);
  if (op->kind == OD_DENSE) return allocate_dense(op, state);
  return op->kind != OD_BATCH_NORM || allocate_norm(g, op, state);
}

/* Cuts the plan before each batch norm. The first stage may be empty: it loads. */
static void cut_stages(od_gradient *g) {
  g->stages[0] = (od_stage){0, 0};
  g->stage_count = 1;
  for (int i = 0; i < g->plan.count; i++) {
    if (g->plan.ops[i].kind == OD_BATCH_NORM) g->stages[g->stage_count++] = (od_stage){i, i};
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

static void want_scratch(od_gradient *g, size_t size) {
  if (size > g->scratch_size) g->scratch_size = size;
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
    if (op->kind == OD_DENSE) want_scratch(g, od_dense_forward_scratch(op, SLICE));
    if (op->kind == OD_BATCH_NORM) want_scratch(g, OD_NORM_SCRATCH * (size_t)op->in.c);
    if (op->kind != OD_CONV2D) continue;
    want_scratch(g, od_conv_forward_scratch(op));
    want_scratch(g, od_conv_backward_scratch(op));
    g->states[i].partial_at = g->partial_size;
    g->partial_size += op->kernel_size + op->bias_size;
  }
  if (g->columns > 1) want_scratch(g, od_reals_for(od_ctc_scratch(g->columns, g->classes)));
  g->scratch_size = od_round_to_alignment(g->scratch_size);
  g->partial_size = od_round_to_alignment(g->partial_size);
  g->input = od_allocate(images * g->input_size, sizeof *g->input);
  g->losses = od_allocate(images, sizeof *g->losses);
  g->hits = od_allocate(images, 1);
  g->scratch = od_allocate(g->scratch_size, (size_t)g->threads * sizeof *g->scratch);
  g->partials = od_allocate((size_t)slices_of(g->capacity) * sizeof *g->partials, g->partial_size);
  if (!g->input || !g->losses || !g->hits || !g->scratch || !g->partials)
    return od_fail_memory(error, "the activations of a batch");
  return OD_OK;
}

od_status od_gradient_create(od_network *network, const od_kernels *kernels,
                             od_precision precision, int capacity, int threads,
                             od_gradient **gradient, od_error *error) {
  *gradient = NULL;
  if (precision == OD_INT8)
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "precision: int8 is for prediction, expected float32 or bfloat16 in training");
  od_gradient *g = od_allocate(1, sizeof *g);
  if (!g) return od_fail_memory(error, "the gradient");
  g->network = network;
  g->kernels = kernels;
  g->capacity = capacity;
  g->threads = threads;
  g->input_size = od_shape_size(od_network_input(network));
  g->classes = (size_t)od_network_classes(network);
  g->columns = (size_t)od_network_columns(network);
  od_status status = od_plan_make(network, false, precision, -1, &g->plan, error);
  if (!status) status = check_size(g, error);
  if (!status) status = allocate(g, error);
  if (status) {
    od_gradient_destroy(g);
    return status;
  }
  *gradient = g;
  return OD_OK;
}

static void release_state(const od_op_state *state) {
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

void od_gradient_destroy(od_gradient *g) {
  if (!g) return;
  for (int i = 0; g->states && i < g->plan.count; i++) release_state(&g->states[i]);
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
