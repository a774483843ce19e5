#include "nn/layer.h"

size_t od_shape_size(od_shape shape) { return (size_t)shape.h * (size_t)shape.w * (size_t)shape.c; }

uint64_t od_shape_product(od_shape shape) {
  return (uint64_t)shape.h * (uint64_t)shape.w * (uint64_t)shape.c;
}

const char *od_layer_kind_name(od_layer_kind kind) {
  static const char *const names[OD_LAYER_KINDS] = {
      [OD_CONV2D] = "conv2d",
      [OD_DENSE] = "dense",
      [OD_RELU] = "relu",
      [OD_MAX_POOL2D] = "max_pool2d",
      [OD_GLOBAL_AVERAGE_POOL2D] = "global_average_pool2d",
      [OD_BATCH_NORM] = "batch_norm",
      [OD_DROPOUT] = "dropout",
      [OD_FLATTEN] = "flatten",
      [OD_MAP_TO_SEQUENCE] = "map_to_sequence",
      [OD_ACTIVATION] = "activation",
      [OD_AVERAGE_POOL2D] = "average_pool2d",
      [OD_GLOBAL_MAX_POOL2D] = "global_max_pool2d",
      [OD_LAYER_NORM] = "layer_norm",
      [OD_ZERO_PADDING2D] = "zero_padding2d",
  };
  return (unsigned)kind < OD_LAYER_KINDS ? names[kind] : "unknown";
}

/* Returns an error whose message begins with the place: "layer 3 (dense), input (7, 7, 32): ". */
#define REFUSE(...)                                                                              \
  do {                                                                                           \
    od_error reason;                                                                             \
    od_fail(&reason, OD_ERROR_ARGUMENT, __VA_ARGS__);                                            \
    return od_fail(error, OD_ERROR_ARGUMENT, "layer %d (%s), input (%d, %d, %d): %.200s", index, \
                   od_layer_kind_name(layer->kind), in.h, in.w, in.c, reason.message);           \
  } while (0)

static bool is_kernel_side(int side) { return side >= 1 && side <= OD_MAX_KERNEL; }

static bool in_unit_range(double x) { return x >= 0 && x < 1; }

/* Pixels from the first to the last under a side of a kernel. */
static int kernel_extent(int side, int dilation) { return (side - 1) * dilation + 1; }

static od_status conv2d_output(const od_layer *layer, int index, od_shape in, od_shape *out,
                               od_error *error) {
  const int *kernel = layer->kernel;
  if (layer->units < 1 || layer->units > OD_MAX_DIMENSION)
    REFUSE("filters is %d, expected 1 to %d", layer->units, OD_MAX_DIMENSION);
  if (!is_kernel_side(kernel[0]) || !is_kernel_side(kernel[1]))
    REFUSE("kernel_size is %d x %d, expected sides of 1 to %d", kernel[0], kernel[1],
           OD_MAX_KERNEL);
  if (layer->stride < 1 || layer->stride > OD_MAX_STRIDE)
    REFUSE("strides is %d, expected 1 to %d", layer->stride, OD_MAX_STRIDE);
  if (layer->groups != 1 && (layer->groups != in.c || layer->units % in.c))
    REFUSE("groups is %d and filters %d, expected 1 group, or %d and a multiple of it",
           layer->groups, layer->units, in.c);
  if (layer->dilation < 1 || layer->dilation > OD_MAX_DILATION)
    REFUSE("dilation_rate is %d, expected 1 to %d", layer->dilation, OD_MAX_DILATION);
  if (layer->dilation > 1 && layer->stride > 1)
    REFUSE("dilation_rate is %d and strides %d, expected one of them to be 1", layer->dilation,
           layer->stride);
  const int h = kernel_extent(kernel[0], layer->dilation);
  const int w = kernel_extent(kernel[1], layer->dilation);
  if (!layer->same && (in.h < h || in.w < w))
    REFUSE("the image is smaller than the kernel (%d x %d) and padding is \"valid\"", h, w);
  out->h = (in.h - (layer->same ? 1 : h)) / layer->stride + 1;
  out->w = (in.w - (layer->same ? 1 : w)) / layer->stride + 1;
  out->c = layer->units;
  const od_shape padded = {(out->h - 1) * layer->stride + h, (out->w - 1) * layer->stride + w,
                           in.c > out->c ? in.c : out->c};
  if (od_shape_product(padded) > OD_MAX_PADDED)
    REFUSE("the image with padding, %d x %d of %d channels, is too large, expected %d numbers",
           padded.h, padded.w, padded.c, OD_MAX_PADDED);
  return OD_OK;
}

static od_status dense_output(const od_layer *layer, int index, od_shape in, od_shape *out,
                              od_error *error) {
  if (in.h != 1 || in.w != 1)
    REFUSE("a dense layer takes a flat vector: put flatten or global_average_pool2d before it");
  if (layer->units < 1 || layer->units > OD_MAX_DIMENSION)
    REFUSE("units is %d, expected 1 to %d", layer->units, OD_MAX_DIMENSION);
  out->c = layer->units;
  return OD_OK;
}

static bool is_pool_side(int side) { return side >= 1 && side <= OD_MAX_PADDING; }

static od_status pool2d_output(const od_layer *layer, int index, od_shape in, od_shape *out,
                               od_error *error) {
  const int *pool = layer->pool, *step = layer->step;
  if (!is_pool_side(pool[0]) || !is_pool_side(pool[1]))
    REFUSE("pool_size is %d x %d, expected sides of 1 to %d", pool[0], pool[1], OD_MAX_PADDING);
  if (!is_pool_side(step[0]) || !is_pool_side(step[1]))
    REFUSE("strides is %d x %d, expected 1 to %d", step[0], step[1], OD_MAX_PADDING);
  if (!layer->same && (in.h < pool[0] || in.w < pool[1]))
    REFUSE("the image is smaller than the %d x %d window", pool[0], pool[1]);
  out->h = (in.h - (layer->same ? 1 : pool[0])) / step[0] + 1;
  out->w = (in.w - (layer->same ? 1 : pool[1])) / step[1] + 1;
  return OD_OK;
}

static od_status activation_output(const od_layer *layer, int index, od_shape in, od_error *error) {
  if ((unsigned)layer->function >= OD_ACTIVATIONS)
    REFUSE("unknown function %d", (int)layer->function);
  if (layer->function == OD_LEAKY_RELU && !in_unit_range(layer->alpha))
    REFUSE("alpha is %g, expected 0 <= alpha < 1", layer->alpha);
  if (layer->function == OD_ELU && !(layer->alpha >= 0 && layer->alpha <= OD_MAX_ALPHA))
    REFUSE("alpha is %g, expected 0 to %d", layer->alpha, OD_MAX_ALPHA);
  return OD_OK;
}

static od_status zero_padding2d_output(const od_layer *layer, int index, od_shape in, od_shape *out,
                                       od_error *error) {
  const int *padding = layer->padding;
  for (int i = 0; i < 4; i++)
    if (padding[i] < 0 || padding[i] > OD_MAX_PADDING)
      REFUSE("padding is %d, %d, %d, %d, expected 0 to %d each", padding[0], padding[1], padding[2],
             padding[3], OD_MAX_PADDING);
  out->h = in.h + padding[0] + padding[1];
  out->w = in.w + padding[2] + padding[3];
  return OD_OK;
}

static od_status norm_output(const od_layer *layer, int index, od_shape in, od_error *error) {
  if (layer->kind == OD_BATCH_NORM && !in_unit_range(layer->momentum))
    REFUSE("momentum is %g, expected 0 <= momentum < 1", layer->momentum);
  if (!(layer->epsilon > 0 && layer->epsilon < 1))
    REFUSE("epsilon is %g, expected 0 < epsilon < 1", layer->epsilon);
  return OD_OK;
}

od_status od_layer_output(const od_layer *layer, int index, od_shape in, od_shape *out,
                          od_error *error) {
  const uint64_t size = od_shape_product(in);
  *out = in;
  switch (layer->kind) {
    case OD_CONV2D:
      return conv2d_output(layer, index, in, out, error);
    case OD_DENSE:
      return dense_output(layer, index, in, out, error);
    case OD_MAX_POOL2D:
    case OD_AVERAGE_POOL2D:
      return pool2d_output(layer, index, in, out, error);
    case OD_GLOBAL_AVERAGE_POOL2D:
    case OD_GLOBAL_MAX_POOL2D:
      out->h = out->w = 1;
      return OD_OK;
    case OD_BATCH_NORM:
    case OD_LAYER_NORM:
      return norm_output(layer, index, in, error);
    case OD_ACTIVATION:
      return activation_output(layer, index, in, error);
    case OD_ZERO_PADDING2D:
      return zero_padding2d_output(layer, index, in, out, error);
    case OD_DROPOUT:
      if (!in_unit_range(layer->rate)) REFUSE("rate is %g, expected 0 <= rate < 1", layer->rate);
      return OD_OK;
    case OD_FLATTEN:
      if (size > OD_MAX_DIMENSION * 64)
        REFUSE("a vector of %llu numbers is more than the largest of %d", (unsigned long long)size,
               OD_MAX_DIMENSION * 64);
      *out = (od_shape){1, 1, (int)size};
      return OD_OK;
    case OD_MAP_TO_SEQUENCE:
      *out = (od_shape){1, in.w, in.h * in.c};
      return OD_OK;
    case OD_RELU:
      return OD_OK;
    case OD_LAYER_KINDS:
      break;
  }
  REFUSE("unknown kind of layer %d", (int)layer->kind);
}
