#include "nn/plan.h"

#include "nn/conv/algorithm.h"

/* "same" padding as TensorFlow places it: the smaller half before. */
static int padding_before(bool same, int in, int out, int kernel, int stride) {
  int total = (out - 1) * stride + kernel - in;
  return same && total > 0 ? total / 2 : 0;
}

/* Pixels from the first to the last under a side of the kernel. */
static int extent(const od_op *op, int side) { return (side - 1) * op->dilation + 1; }

void od_plan_measure(od_op *op) {
  op->padded.h = (op->conv.h - 1) * op->stride + extent(op, op->kernel_h);
  op->padded.w = (op->conv.w - 1) * op->stride + extent(op, op->kernel_w);
  op->padded.c = op->in.c;
  if (op->first) {
    op->dilated = (od_shape){(op->conv.h - 1) * op->stride + 1, (op->conv.w - 1) * op->stride + 1,
                             op->conv.c};
  } else {
    op->dilated = (od_shape){op->in.h + op->kernel_h - 1, op->in.w + op->kernel_w - 1, op->conv.c};
    op->dilated_top = op->kernel_h - 1 - op->top;
    op->dilated_left = op->kernel_w - 1 - op->left;
  }
}

/* The geometry of a convolution from op->in to op->conv. */
static void measure_convolution(od_op *op) {
  op->top = padding_before(op->same, op->in.h, op->conv.h, extent(op, op->kernel_h), op->stride);
  op->left = padding_before(op->same, op->in.w, op->conv.w, extent(op, op->kernel_w), op->stride);
  od_plan_measure(op);
}

static void plan_convolution(od_op *op, const od_layer *layer) {
  op->kernel_h = layer->kernel[0];
  op->kernel_w = layer->kernel[1];
  op->stride = layer->stride;
  op->dilation = layer->dilation;
  op->groups = layer->groups;
  op->conv = op->out;
  measure_convolution(op);
}

bool od_is_pool(od_layer_kind kind) { return kind == OD_MAX_POOL2D || kind == OD_AVERAGE_POOL2D; }

static void measure_pool(od_op *op) {
  op->top = padding_before(op->same, op->in.h, op->out.h, op->pool_h, op->step_h);
  op->left = padding_before(op->same, op->in.w, op->out.w, op->pool_w, op->step_w);
}

static void plan_pool(od_op *op, const od_layer *layer) {
  op->pool_h = layer->pool[0];
  op->pool_w = layer->pool[1];
  op->step_h = layer->step[0];
  op->step_w = layer->step[1];
  measure_pool(op);
}

/* A global max-pool is one window as large as the image, of smaller ones too. */
static void plan_global_pool(od_op *op) {
  op->kind = OD_MAX_POOL2D;
  op->same = true;
  op->pool_h = op->step_h = op->in.h;
  op->pool_w = op->step_w = op->in.w;
}

static void plan_padding(od_op *op, const od_layer *layer) {
  op->top = layer->padding[0];
  op->below = layer->padding[1];
  op->left = layer->padding[2];
  op->right = layer->padding[3];
}

/* Sets what depends on the kind of the layer. */
static void plan_kind(od_op *op, const od_layer *layer) {
  if (op->kind == OD_CONV2D) plan_convolution(op, layer);
  if (od_is_pool(op->kind)) plan_pool(op, layer);
  if (op->kind == OD_GLOBAL_MAX_POOL2D) plan_global_pool(op);
  if (op->kind == OD_ZERO_PADDING2D) plan_padding(op, layer);
}

static bool has_numbers(const od_op *op) { return op->kind == OD_CONV2D || op->kind == OD_DENSE; }

/* A convolution of one channel would leave three quarters of a word of bfloat16 empty: it stays
 * float32, except for int8, which is faster all the same. So does a depthwise one, which adds no
 * products of several channels. */
static void choose_precision(od_op *op, od_precision precision) {
  bool wasteful = op->kind == OD_CONV2D && op->in.c == 1 && precision == OD_BFLOAT16;
  bool depthwise = op->kind == OD_CONV2D && op->groups > 1;
  op->precision = wasteful || depthwise ? OD_FLOAT32 : precision;
}

/* The algorithms of a convolution, once it is fused. Winograd's multiplies pairs of channels in
 * bfloat16, and has no int8 version. */
static void choose_algorithms(od_op *op) {
  /* With fewer channels the transforms, or the lists of places, cost more than they save. */
  enum { WINOGRAD_CHANNELS = 8, ARGMAX_ROW = 32 };
  bool precise = op->precision == OD_FLOAT32;
  bool pairs = op->precision == OD_BFLOAT16 && op->in.c % 2 == 0;
  bool winograd = op->kernel_h == 3 && op->kernel_w == 3 && op->stride == 1 &&
                  op->in.c >= WINOGRAD_CHANNELS && op->conv.c >= WINOGRAD_CHANNELS &&
                  (precise || pairs);
  op->forward = precise ? &od_conv_direct : &od_conv_low_precision;
  op->backward = &od_conv_direct_backward;
  if (winograd) op->forward = &od_conv_winograd;
  if (winograd && !op->pool) op->backward = &od_conv_winograd_backward;
  if (op->pool && op->kernel_w * op->in.c >= ARGMAX_ROW) op->backward = &od_conv_argmax_backward;
  if (op->groups > 1) {
    op->forward = &od_conv_depthwise;
    op->backward = &od_conv_depthwise_backward;
  }
}

/* Whether a layer is a max-pool of 2x2 windows side by side. */
static bool halves(const od_layer *layer) {
  return layer->pool[0] == 2 && layer->pool[1] == 2 && layer->step[0] == 2 && layer->step[1] == 2 &&
         !layer->same;
}

/* Whether such a max-pool can be fused into a convolution. */
static bool takes_pool(const od_op *conv) {
  return conv->stride == 1 && conv->dilation == 1 && conv->groups == 1 && !conv->pool &&
         conv->kernel_h == conv->kernel_w;
}

/* Fuses `layer` into the operation before it, if that gives the same result; returns whether. */
static bool fuse(od_op *before, const od_layer *layer, int index, od_shape out, bool inference) {
  if (!has_numbers(before)) return false;
  if (layer->kind == OD_RELU && !before->pool) {
    before->relu = true;
    return true;
  }
  if (layer->kind == OD_MAX_POOL2D && before->kind == OD_CONV2D && takes_pool(before) &&
      halves(layer)) {
    before->pool = true;
    before->out = out;
    return true;
  }
  bool same_channels = out.c == before->out.c; /* false if a flatten lies between */
  if (layer->kind == OD_BATCH_NORM && inference && same_channels && !before->relu &&
      !before->pool && before->norm < 0) {
    before->norm = index;
    return true;
  }
  return false;
}

/* The place of a layer's numbers: kernel and bias, or of a batch norm gamma and beta. */
static void locate_numbers(od_op *op, const od_network *network) {
  bool norm = op->kind == OD_BATCH_NORM || op->kind == OD_LAYER_NORM;
  const od_real *values = od_network_values_const(network);
  const od_tensor *kernel = od_network_find(network, op->layer, norm ? OD_GAMMA : OD_KERNEL);
  const od_tensor *bias = od_network_find(network, op->layer, norm ? OD_BETA : OD_BIAS);
  if (kernel) {
    op->kernel_at = (size_t)(kernel->data - values);
    op->kernel_size = kernel->size;
  }
  if (bias) {
    op->bias_at = (size_t)(bias->data - values);
    op->bias_size = bias->size;
  }
}

/* Handwriting is mostly background. Where the input of a first convolution of one channel is
 * zero, its output is its bias; where the input of a second one comes only from such places, its
 * output is the one of an all-zero image, and need not be computed for every image. */
static void find_zero_tile_pair(od_plan *plan) {
  if (plan->count < 2) return;
  od_op *first = &plan->ops[0], *second = &plan->ops[1];
  bool finds = first->kind == OD_CONV2D && first->pool && first->in.c == 1;
  bool skips = second->kind == OD_CONV2D && second->pool && second->forward != &od_conv_direct;
  first->finds_zero_tiles = second->skips_zero_tiles = finds && skips;
}

od_status od_plan_make(const od_network *network, bool inference, od_precision precision, int kept,
                       od_plan *plan, od_error *error) {
  int layers = od_network_layer_count(network);
  plan->count = 0;
  plan->ops = od_allocate((size_t)layers, sizeof *plan->ops);
  if (!plan->ops) return od_fail_memory(error, "the plan of the network");
  od_shape in = od_network_input(network);
  for (int i = 0; i < layers; i++) {
    const od_layer *layer = od_network_layer(network, i);
    od_shape out = od_network_shape_after(network, i);
    bool dropped = layer->kind == OD_FLATTEN || (layer->kind == OD_DROPOUT && inference);
    od_op *before = plan->count ? &plan->ops[plan->count - 1] : NULL;
    bool may_fuse = before && !(before->layer <= kept && i > kept);
    if (dropped || (may_fuse && fuse(before, layer, i, out, inference))) {
      in = out;
      continue;
    }
    od_op *op = &plan->ops[plan->count];
    op->kind = layer->kind;
    op->layer = i;
    op->norm = -1;
    op->in = in;
    op->out = out;
    op->first = plan->count == 0;
    op->bias = layer->bias;
    op->relu = layer->relu;
    op->same = layer->same;
    op->function = layer->function;
    op->alpha = layer->alpha;
    op->epsilon = layer->epsilon;
    plan_kind(op, layer);
    if (has_numbers(op)) choose_precision(op, precision);
    locate_numbers(op, network);
    plan->count++;
    in = out;
  }
  for (int i = 0; i < plan->count; i++)
    if (plan->ops[i].kind == OD_CONV2D) choose_algorithms(&plan->ops[i]);
  const od_shape scores = od_network_output(network);
  if (scores.h == 1 && scores.w == 1) find_zero_tile_pair(plan);
  return OD_OK;
}

/* The places of a window along a side; 0 if the side is too short. */
static int places(int length, int window, int step, bool same) {
  const int side = same ? 1 : window;
  return length < side ? 0 : (length - side) / step + 1;
}

/* The length of the output along one side; 0 if the input is too short. */
static int output_length(const od_op *op, int length, int kernel, int pool, int step) {
  if (op->kind == OD_CONV2D) length = places(length, extent(op, kernel), op->stride, op->same);
  if (op->pool) return length / 2;
  return od_is_pool(op->kind) ? places(length, pool, step, op->same) : length;
}

/* Fits an operation to inputs (h, w); a side of its output is 0 where they are too small. */
static void fit(od_op *op, int h, int w) {
  op->in.h = h;
  op->in.w = w;
  if (op->kind == OD_CONV2D) {
    op->conv.h = places(h, extent(op, op->kernel_h), op->stride, op->same);
    op->conv.w = places(w, extent(op, op->kernel_w), op->stride, op->same);
    measure_convolution(op);
  }
  op->out.h = output_length(op, h, op->kernel_h, op->pool_h, op->step_h);
  op->out.w = output_length(op, w, op->kernel_w, op->pool_w, op->step_w);
  if (op->kind == OD_MAP_TO_SEQUENCE) op->out.h = 1;
  if (op->kind == OD_GLOBAL_AVERAGE_POOL2D) op->out.h = op->out.w = 1;
  if (od_is_pool(op->kind)) measure_pool(op);
  if (op->kind == OD_ZERO_PADDING2D) {
    op->out.h += op->top + op->below;
    op->out.w += op->left + op->right;
  }
}

void od_plan_fit(const od_plan *plan, int h, int w, od_op *ops) {
  for (int i = 0; i < plan->count; i++) {
    ops[i] = plan->ops[i];
    fit(&ops[i], h, w);
    h = ops[i].out.h;
    w = ops[i].out.w;
  }
}

od_shape od_plan_output_at(const od_plan *plan, int h, int w) {
  od_shape out = {h, w, 0};
  for (int i = 0; i < plan->count && out.h > 0 && out.w > 0; i++) {
    od_op op = plan->ops[i];
    fit(&op, out.h, out.w);
    out = op.out;
  }
  return out;
}

void od_plan_release(od_plan *plan) {
  od_release(plan->ops);
  plan->ops = NULL;
  plan->count = 0;
}
