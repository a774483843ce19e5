#include <math.h>

#include "base/math.h"
#include "nn/fold_batch_norm.h"
#include "nn/model_state.h"
#include "nn/ops.h"

static size_t packed_size(const od_op *op) {
  switch (op->kind) {
    case OD_CONV2D:
      return od_conv_packed_size(op);
    case OD_DENSE:
      return od_dense_packed_size(op);
    default:
      return op->kernel_size;
  }
}

/* Gives every operation a place in the model's block of values, whose size it returns, and sets
 * the other sizes; *largest_kernel is that of the largest kernel before it is packed. */
static size_t lay_out(od_model *model, size_t *largest_kernel) {
  size_t values = 0;
  *largest_kernel = 0;
  model->widest = model->input_size;
  for (int i = 0; i < model->plan.count; i++) {
    od_op *op = &model->plan.ops[i];
    const od_folded_size folded = od_folded_sizes(op);
    op->kernel_at = values;
    op->kernel_size = folded.kernel;
    *largest_kernel = od_max_size(*largest_kernel, op->kernel_size);
    values += packed_size(op);
    op->bias = folded.bias > 0;
    op->bias_at = values;
    op->bias_size = folded.bias;
    values += op->bias_size;
    model->widest = od_max_size(model->widest, od_shape_size(op->out));
    if (op->kind == OD_CONV2D)
      model->scratch_size = od_max_size(model->scratch_size, od_conv_forward_scratch(op));
    if (op->kind == OD_DENSE)
      model->scratch_size =
          od_max_size(model->scratch_size, od_dense_forward_scratch(op, model->slice));
    if (op->finds_zero_tiles) model->map_size = (size_t)op->out.h * (size_t)op->out.w;
  }
  return values;
}

/* Whether every operation in int8 has the range of its input. */
static od_status check_ranges(const od_model *model, const od_network *network, od_error *error) {
  double low, high;
  for (int i = 0; i < model->plan.count; i++)
    if (model->plan.ops[i].precision == OD_INT8 &&
        !od_network_range(network, model->plan.ops[i].layer, &low, &high))
      return od_fail(
          error, OD_ERROR_ARGUMENT,
          "precision: int8 needs the range of every layer's input, and layer %d (%s) has "
          "none: calibrate the network first",
          model->plan.ops[i].layer, od_layer_kind_name(model->plan.ops[i].kind));
  return OD_OK;
}

/* The quantization steps of an operation's input. */
static void set_quantization(od_op *op, const od_network *network) {
  const double steps = 127;
  double low, high;
  if (op->precision != OD_INT8) return;
  od_network_range(network, op->layer, &low, &high);
  op->step = high > low ? (high - low) / steps : 1;
  op->zero = rint(-low / op->step);
}

/* Folds, quantizes and packs all weights; `folded` has room for the largest kernel. */
static void pack(od_model *model, const od_network *network, od_real *folded) {
  for (int i = 0; i < model->plan.count; i++) {
    od_op *op = &model->plan.ops[i];
    od_real *kernel = model->values + op->kernel_at, *bias = model->values + op->bias_at;
    const bool multiplies = op->kind == OD_CONV2D || op->kind == OD_DENSE;
    od_fold_batch_norm(op, network, multiplies ? folded : kernel, bias);
    set_quantization(op, network);
    if (op->kind == OD_CONV2D)
      od_conv_pack(op, model->kernels, folded, op->bias ? bias : NULL, kernel);
    if (op->kind == OD_DENSE)
      od_dense_pack(op, model->kernels, folded, op->bias ? bias : NULL, kernel);
  }
}

/* The output of the operation that skips zero tiles, for an image of zeros; scratch
 * (2 * widest + scratch_size). */
static void compute_zero_output(od_model *model, od_real *scratch) {
  const od_op *pair = model->plan.ops;
  od_real *x = scratch, *y = x + model->widest;
  od_conv_args args[2];
  for (int i = 0; i < 2; i++)
    args[i] = (od_conv_args){.op = &pair[i],
                             .kernels = model->kernels,
                             .packed = model->values + pair[i].kernel_at,
                             .bias = pair[i].bias ? model->values + pair[i].bias_at : NULL,
                             .y = i ? model->zero_output : y,
                             .scratch = y + model->widest};
  od_conv_zero_output(args, x);
}

static od_status fill(od_model *model, const od_network *network, od_error *error) {
  size_t largest_kernel;
  const size_t values = lay_out(model, &largest_kernel);
  const size_t scratch_size = 2 * model->widest + model->scratch_size;
  od_status status = check_ranges(model, network, error);
  if (status) return status;
  model->values = od_allocate(values, sizeof *model->values);
  model->zero_output = od_allocate(model->widest, sizeof *model->zero_output);
  od_real *scratch = od_allocate(od_max_size(largest_kernel, scratch_size), sizeof *scratch);
  if (model->values && model->zero_output && scratch) {
    pack(model, network, scratch);
    if (model->map_size) compute_zero_output(model, scratch);
  } else {
    status = od_fail_memory(error, "a model");
  }
  od_release(scratch);
  return status;
}

od_status od_model_create(const od_network *network, const od_kernels *kernels,
                          od_precision precision, od_model **result, od_error *error) {
  *result = NULL;
  od_model *model = od_allocate(1, sizeof *model);
  if (!model) return od_fail_memory(error, "a model");
  model->kernels = kernels;
  model->input_size = od_shape_size(od_network_input(network));
  model->classes = (size_t)od_network_classes(network);
  model->output = od_network_output(network);
  model->positions = od_shape_size(model->output) / model->classes;
  model->slice =
      model->positions > 1 ? 1 : OD_MODEL_SLICE; /* lines are large, without dense layers */
  od_status status = od_plan_make(network, true, precision, -1, &model->plan, error);
  if (!status) status = fill(model, network, error);
  if (!status && model->output.h > 1) status = od_map_lay_out(model, error);
  if (status) {
    od_model_destroy(model);
    return status;
  }
  *result = model;
  return OD_OK;
}

void od_model_destroy(od_model *model) {
  if (!model) return;
  od_plan_release(&model->plan);
  od_release(model->values);
  od_release(model->zero_output);
  od_release(model->map_at);
  od_release(model);
}

const od_kernels *od_model_kernels(const od_model *model) { return model->kernels; }

od_shape od_model_input(const od_model *model) { return model->plan.ops[0].in; }

int od_model_classes(const od_model *model) { return (int)model->classes; }

od_shape od_model_output(const od_model *model) { return model->output; }

int od_model_sequence_length(const od_model *model) {
  return model->output.h > 1 ? 1 : model->output.w;
}

int od_model_sequence_length_at(const od_model *model, int width) {
  const od_shape in = model->plan.ops[0].in;
  return width > in.w ? 0 : od_plan_output_at(&model->plan, in.h, width).w;
}

od_shape od_model_map_shape(const od_model *model, int h, int w) {
  return od_plan_output_at(&model->plan, h, w);
}
