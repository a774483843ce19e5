/* Creation and destruction of an od_gradient: all memory of a batch is allocated at the start, so
 * that a run allocates nothing. */
#include "nn/gradient_state.h"
#include "nn/ctc.h"
#include "nn/low_precision.h"

/* 8 GiB, or half of the address space. */
enum { MAX_BATCH_MEBIBYTES = SIZE_MAX >> 21 < 8192 ? (int)(SIZE_MAX >> 21) : 8192 };

static bool allocate_convolution(const od_gradient *g, const od_op *op, od_op_state *state) {
  size_t out = od_shape_size(op->out);
  state->packed = od_allocate(od_conv_packed_size(op), sizeof *state->packed);
  if (!state->packed) return false;
  if (op->finds_zero_tiles &&
      !(state->zero_maps = od_allocate((size_t)g->capacity, zero_map_size(g))))
    return false;
  if (!op->skips_zero_tiles) return true;
  state->zero_y = od_allocate(out, sizeof *state->zero_y);
  state->zero_argmax = od_allocate(out, 1);
  return state->zero_y && state->zero_argmax;
}

static bool allocate_dense(const od_op *op, od_op_state *state) {
  if (op->precision == OD_FLOAT32) return true; /* uses the network's own kernel */
  state->packed = od_allocate(od_dense_packed_size(op), sizeof *state->packed);
  return state->packed;
}

static bool allocate_norm(const od_gradient *g, const od_op *op, od_op_state *state) {
  size_t c = (size_t)op->in.c, slices = (size_t)slices_of(g, g->capacity);
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
  bool conv = op->kind == OD_CONV2D;
  state->y = od_allocate(size, sizeof *state->y);
  state->dy = od_allocate(size, sizeof *state->dy);
  if (!state->y || !state->dy) return false;
  if (pools && !(state->argmax = od_allocate(size, 1))) return false;
  if (i > 0 && (conv || op->kind == OD_DENSE)) {
    size_t packed = conv ? od_conv_packed_backward_size(op) : op->kernel_size;
    state->packed_backward = od_allocate(packed, sizeof *state->packed_backward);
    if (!state->packed_backward) return false;
  }
  if (conv) return allocate_convolution(g, op, state);
  if (op->kind == OD_DENSE) return allocate_dense(op, state);
  return op->kind != OD_BATCH_NORM || allocate_norm(g, op, state);
}

/* Cuts the plan before each batch norm. The first stage, which loads the images, may be empty. */
static void cut_stages(od_gradient *g) {
  g->stages[0] = (od_stage){0, 0};
  g->stage_count = 1;
  for (int i = 0; i < g->plan.count; i++) {
    if (g->plan.ops[i].kind == OD_BATCH_NORM) g->stages[g->stage_count++] = (od_stage){i, i};
    g->stages[g->stage_count - 1].end = i + 1;
  }
}

/* Fails if a batch would take too much memory, before any is allocated. */
static od_status check_size(const od_gradient *g, od_error *error) {
  double image = (double)g->input_size, slice = 0;
  for (int i = 0; i < g->plan.count; i++) {
    const od_op *op = &g->plan.ops[i];
    image += 2.5 * (double)od_shape_size(op->out); /* y, dy and argmax */
    if (has_partial_sums(op)) slice += (double)(op->kernel_size + op->bias_size);
  }
  double numbers = image * g->capacity + slice * slices_of(g, g->capacity);
  double mebibytes = numbers * sizeof(od_real) / (1 << 20);
  if (mebibytes <= MAX_BATCH_MEBIBYTES) return OD_OK;
  return od_fail(error, OD_ERROR_ARGUMENT,
                 "batch_size: %d images take %.0f MiB in this network, expected at most %d MiB",
                 g->capacity, mebibytes, MAX_BATCH_MEBIBYTES);
}

static void reserve_scratch(od_gradient *g, size_t size) {
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
    if (op->kind == OD_DENSE) reserve_scratch(g, od_dense_forward_scratch(op, (size_t)g->slice));
    if (op->kind == OD_BATCH_NORM) reserve_scratch(g, OD_BATCH_NORM_SCRATCH * (size_t)op->in.c);
    if (op->kind == OD_CONV2D) reserve_scratch(g, od_conv_forward_scratch(op));
    if (op->kind == OD_CONV2D) reserve_scratch(g, od_conv_backward_scratch(op));
    if (!has_partial_sums(op)) continue;
    g->states[i].partial_at = g->partial_size;
    g->partial_size += op->kernel_size + op->bias_size;
  }
  if (g->positions > 1 && !g->is_map)
    reserve_scratch(g, od_reals_for(od_ctc_scratch(g->positions, g->classes)));
  g->scratch_size = od_round_to_alignment(g->scratch_size);
  g->partial_size = od_round_to_alignment(g->partial_size);
  g->input = od_allocate(images * g->input_size, sizeof *g->input);
  g->losses = od_allocate(images, sizeof *g->losses);
  g->correct = od_allocate(images, sizeof *g->correct);
  g->scratch = od_allocate(g->scratch_size, (size_t)g->threads * sizeof *g->scratch);
  g->partials =
      od_allocate((size_t)slices_of(g, g->capacity) * sizeof *g->partials, g->partial_size);
  if (!g->input || !g->losses || !g->correct || !g->scratch || !g->partials)
    return od_fail_memory(error, "the activations of a batch");
  return OD_OK;
}

od_status od_gradient_create(od_network *network, const od_kernels *kernels, od_precision precision,
                             int capacity, int threads, od_gradient **gradient, od_error *error) {
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
  const od_shape scores = od_network_output(network);
  g->classes = (size_t)scores.c;
  g->positions = (size_t)scores.h * (size_t)scores.w;
  g->is_map = scores.h > 1;
  g->slice = g->is_map ? MAP_SLICE : SLICE;
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
  od_release(state->argmax);
  od_release(state->packed);
  od_release(state->packed_backward);
  od_release(state->zero_maps);
  od_release(state->zero_y);
  od_release(state->zero_argmax);
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
  od_release(g->correct);
  od_release(g->partials);
  od_release(g->scratch);
  od_release(g);
}
