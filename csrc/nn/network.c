#include "nn/network.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"

enum { LAYER_TENSORS = 4 /* at most */, MAX_SIDE = 1024 };
static const size_t max_values = (size_t)1 << 26; /* weights: 256 MiB of floats */
static const size_t max_image = (size_t)1 << 22;  /* in and between layers: 16 MiB */

typedef struct layer_slot {
  od_layer layer;
  od_shape out;
  bool has_range;
  double low, high; /* of the input */
  char name[32];
} layer_slot;

struct od_network {
  od_shape input;
  int count, tensor_count;
  layer_slot *layers; /* (count) */
  od_tensor *tensors; /* (tensor_count): trainable ones first */
  od_real *values;
  size_t trainable, total;
};

static const char *const role_names[OD_ROLES] = {[OD_KERNEL] = "kernel",
                                                 [OD_BIAS] = "bias",
                                                 [OD_GAMMA] = "gamma",
                                                 [OD_BETA] = "beta",
                                                 [OD_MOVING_MEAN] = "moving_mean",
                                                 [OD_MOVING_VARIANCE] = "moving_variance"};

static void add_tensor(od_network *net, int layer, od_role role, int rank, const int *shape) {
  od_tensor *tensor = &net->tensors[net->tensor_count++];
  snprintf(tensor->name, sizeof tensor->name, "%.30s.%s", net->layers[layer].name,
           role_names[role]);
  tensor->layer = layer;
  tensor->role = role;
  tensor->rank = rank;
  uint64_t size = 1;
  for (int i = 0; i < rank; i++) {
    tensor->shape[i] = shape[i];
    size *= (uint64_t)shape[i];
  }
  tensor->size = size > max_values ? max_values + 1 : (size_t)size; /* see list_tensors */
  tensor->trainable = role != OD_MOVING_MEAN && role != OD_MOVING_VARIANCE;
  tensor->decays = role == OD_KERNEL;
}

static void add_trainable_tensors(od_network *net, int index, od_shape in) {
  const od_layer *layer = &net->layers[index].layer;
  int units = layer->units, channels = in.c;
  if (layer->kind == OD_CONV2D)
    add_tensor(net, index, OD_KERNEL, 4,
               (int[]){layer->kernel[0], layer->kernel[1], in.c / layer->groups, units});
  if (layer->kind == OD_DENSE) add_tensor(net, index, OD_KERNEL, 2, (int[]){in.c, units});
  if ((layer->kind == OD_CONV2D || layer->kind == OD_DENSE) && layer->bias)
    add_tensor(net, index, OD_BIAS, 1, &units);
  if (layer->kind == OD_BATCH_NORM || layer->kind == OD_LAYER_NORM) {
    add_tensor(net, index, OD_GAMMA, 1, &channels);
    add_tensor(net, index, OD_BETA, 1, &channels);
  }
}

static void add_statistics(od_network *net, int index, od_shape in) {
  if (net->layers[index].layer.kind != OD_BATCH_NORM) return;
  int channels = in.c;
  add_tensor(net, index, OD_MOVING_MEAN, 1, &channels);
  add_tensor(net, index, OD_MOVING_VARIANCE, 1, &channels);
}

/* Sets the shapes and names of all layers; fails if one does not fit. */
static od_status connect_layers(od_network *net, const od_layer *layers, od_error *error) {
  int counts[OD_LAYER_KINDS] = {0};
  od_shape shape = net->input;
  for (int i = 0; i < net->count; i++) {
    layer_slot *slot = &net->layers[i];
    slot->layer = layers[i];
    od_status status = od_layer_output(&slot->layer, i, shape, &slot->out, error);
    if (status) return status;
    shape = slot->out;
    if (od_shape_product(shape) > max_image)
      return od_fail(error, OD_ERROR_ARGUMENT, "layer %d (%s): output (%d, %d, %d) is too large", i,
                     od_layer_kind_name(layers[i].kind), shape.h, shape.w, shape.c);
    snprintf(slot->name, sizeof slot->name, "%s_%d", od_layer_kind_name(slot->layer.kind),
             ++counts[slot->layer.kind]);
  }
  return OD_OK;
}

/* Fails if layers 0 to `end` pad a side along which scores of this shape are many: inputs of other
 * lengths would have more of them than their length divided by the strides. */
static od_status check_padding(od_shape scores, const od_layer *layers, int end, od_error *error) {
  for (int i = 0; i <= end; i++) {
    const int *padding = layers[i].padding;
    if (layers[i].kind != OD_ZERO_PADDING2D) continue;
    if (scores.h > 1)
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "layer %d (zero_padding2d): a network that labels pixels has none, expected "
                     "padding \"same\" instead",
                     i);
    if (scores.w > 1 && (padding[2] || padding[3]))
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "layer %d (zero_padding2d): a network of time steps pads no columns, expected "
                     "padding \"same\" instead",
                     i);
  }
  return OD_OK;
}

/* Fails if the last layer does not give class scores. */
static od_status check_scores(const od_network *net, const od_layer *layers, od_error *error) {
  int end = net->count - 1; /* a flatten changes no score */
  od_shape shape = net->layers[end].out;
  const int max_classes = shape.h > 1 ? OD_IGNORE_LABEL : OD_MAX_CLASSES;
  if (shape.c < 2 || shape.c > max_classes)
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "layer %d (%s), the last: gives (%d, %d, %d), expected a flat vector of 2 to "
                   "%d class scores, or one for each time step or pixel",
                   end, od_layer_kind_name(layers[end].kind), shape.h, shape.w, shape.c,
                   max_classes);
  while (end > 0 && layers[end].kind == OD_FLATTEN) end--;
  const od_layer *last = &layers[end];
  if (last->kind == OD_RELU || last->kind == OD_DROPOUT || last->kind == OD_ACTIVATION ||
      ((last->kind == OD_CONV2D || last->kind == OD_DENSE) && last->relu))
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "layer %d (%s), the last: class scores must not go through relu, dropout or an "
                   "activation",
                   end, od_layer_kind_name(last->kind));
  return check_padding(shape, layers, end, error);
}

/* Names the tensors and counts their numbers, in net->total. */
static od_status list_tensors(od_network *net, od_error *error) {
  od_shape in = net->input;
  for (int i = 0; i < net->count; in = net->layers[i++].out) add_trainable_tensors(net, i, in);
  int trainable = net->tensor_count;
  in = net->input;
  for (int i = 0; i < net->count; in = net->layers[i++].out) add_statistics(net, i, in);
  for (int t = 0; t < net->tensor_count; t++) {
    net->total += net->tensors[t].size;
    if (t < trainable) net->trainable = net->total;
    if (net->total > max_values)
      return od_fail(error, OD_ERROR_ARGUMENT, "layers: %s makes more than %zu numbers",
                     net->tensors[t].name, max_values);
  }
  return OD_OK;
}

static od_status allocate_values(od_network *net, od_error *error) {
  net->values = od_allocate(net->total, sizeof *net->values);
  if (!net->values) return od_fail_memory(error, "the network's weights");
  od_real *next = net->values;
  for (int t = 0; t < net->tensor_count; t++) {
    net->tensors[t].data = next;
    next += net->tensors[t].size;
  }
  return OD_OK;
}

/* Sets biases and shifts to 0, scales and variances to 1: a batch norm is the identity. */
static void initialize_vector(const od_tensor *tensor) {
  if (tensor->role == OD_KERNEL) return;
  bool one = tensor->role == OD_GAMMA || tensor->role == OD_MOVING_VARIANCE;
  for (size_t i = 0; i < tensor->size; i++) tensor->data[i] = one;
}

/* Creates all of a network but its values, which may be large. */
static od_status lay_out(od_shape input, const od_layer *layers, int count, bool scores,
                         od_network **network, od_error *error) {
  *network = NULL;
  if (count < 1 || count > OD_MAX_LAYERS)
    return od_fail(error, OD_ERROR_ARGUMENT, "layers: got %d of them, expected 1 to %d", count,
                   OD_MAX_LAYERS);
  if (input.h < 1 || input.w < 1 || input.c < 1 || input.h > MAX_SIDE || input.w > MAX_SIDE ||
      input.c > MAX_SIDE)
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "input_shape: got (%d, %d, %d), expected three numbers from 1 to %d", input.h,
                   input.w, input.c, MAX_SIDE);
  if (od_shape_product(input) > max_image)
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "input_shape: got (%d, %d, %d), expected at most %zu numbers", input.h, input.w,
                   input.c, max_image);
  od_network *net = od_allocate(1, sizeof *net);
  if (!net) return od_fail_memory(error, "the network");
  net->input = input;
  net->count = count;
  net->layers = od_allocate((size_t)count, sizeof *net->layers);
  net->tensors = od_allocate((size_t)count * LAYER_TENSORS, sizeof *net->tensors);
  od_status status = OD_OK;
  if (!net->layers || !net->tensors) status = od_fail_memory(error, "the network's layers");
  if (!status) status = connect_layers(net, layers, error);
  if (!status && scores) status = check_scores(net, layers, error);
  if (!status) status = list_tensors(net, error);
  if (status) {
    od_network_destroy(net);
    return status;
  }
  *network = net;
  return OD_OK;
}

static od_status create(od_shape input, const od_layer *layers, int count, bool scores,
                        od_network **network, od_error *error) {
  od_network *net;
  od_status status = lay_out(input, layers, count, scores, &net, error);
  if (!status) status = allocate_values(net, error);
  *network = status ? NULL : net;
  if (status) {
    od_network_destroy(net);
    return status;
  }
  for (int t = 0; t < net->tensor_count; t++) initialize_vector(&net->tensors[t]);
  return OD_OK;
}

od_status od_network_count_weights(od_shape input, const od_layer *layers, int count,
                                   size_t *weights, od_error *error) {
  od_network *net;
  const od_status status = lay_out(input, layers, count, true, &net, error);
  *weights = status ? 0 : net->total;
  od_network_destroy(net);
  return status;
}

od_status od_network_create(od_shape input, const od_layer *layers, int count, od_network **network,
                            od_error *error) {
  return create(input, layers, count, true, network, error);
}

od_status od_network_create_until(const od_network *whole, int last, od_network **network,
                                  od_error *error) {
  *network = NULL;
  od_layer *layers = od_allocate((size_t)last + 2, sizeof *layers);
  if (!layers) return od_fail_memory(error, "the network's layers");
  for (int i = 0; i <= last; i++) layers[i] = whole->layers[i].layer;
  layers[last + 1].kind = OD_FLATTEN;
  int count = last == OD_MAX_LAYERS - 1 ? last + 1 : last + 2; /* so many layers end flat already */
  od_status status = create(whole->input, layers, count, false, network, error);
  od_release(layers);
  for (int t = 0; !status && t < (*network)->tensor_count; t++) {
    od_tensor *tensor = &(*network)->tensors[t];
    const od_tensor *same = od_network_find(whole, tensor->layer, tensor->role);
    memcpy(tensor->data, same->data, tensor->size * sizeof *tensor->data);
  }
  return status;
}

void od_network_destroy(od_network *net) {
  if (!net) return;
  od_release(net->layers);
  od_release(net->tensors);
  od_release(net->values);
  od_release(net);
}

void od_network_initialize(od_network *net, uint64_t seed) {
  od_network_clear_ranges(net);
  for (int t = 0; t < net->tensor_count; t++) {
    const od_tensor *tensor = &net->tensors[t];
    initialize_vector(tensor);
    if (tensor->role != OD_KERNEL) continue;
    const od_layer *layer = &net->layers[tensor->layer].layer;
    int in = tensor->shape[tensor->rank - 2], out = tensor->shape[tensor->rank - 1];
    if (layer->kind == OD_CONV2D) out /= layer->groups; /* outputs of one input */
    double window = (double)tensor->size / ((double)in * out);
    double limit = sqrt(6.0 / (window * in + window * out));
    od_rng rng;
    od_rng_seed(&rng, seed, (uint64_t)t);
    for (size_t i = 0; i < tensor->size; i++)
      tensor->data[i] = (od_real)od_rng_range(&rng, -limit, limit);
  }
}

od_shape od_network_input(const od_network *net) { return net->input; }
od_shape od_network_output(const od_network *net) { return net->layers[net->count - 1].out; }
int od_network_classes(const od_network *net) { return od_network_output(net).c; }
int od_network_sequence_length(const od_network *net) {
  const od_shape out = od_network_output(net);
  return out.h > 1 ? 1 : out.w;
}
int od_network_layer_count(const od_network *net) { return net->count; }
const od_layer *od_network_layer(const od_network *net, int index) {
  return &net->layers[index].layer;
}
od_shape od_network_shape_after(const od_network *net, int index) { return net->layers[index].out; }
const char *od_network_layer_name(const od_network *net, int index) {
  return net->layers[index].name;
}
int od_network_tensor_count(const od_network *net) { return net->tensor_count; }
const od_tensor *od_network_tensor(const od_network *net, int index) {
  return &net->tensors[index];
}
const od_tensor *od_network_find(const od_network *net, int layer, od_role role) {
  for (int t = 0; t < net->tensor_count; t++) {
    const od_tensor *tensor = &net->tensors[t];
    if (tensor->layer == layer && tensor->role == role) return tensor;
  }
  return NULL;
}
bool od_network_range(const od_network *net, int layer, double *low, double *high) {
  *low = net->layers[layer].low;
  *high = net->layers[layer].high;
  return net->layers[layer].has_range;
}
void od_network_set_range(od_network *net, int layer, double low, double high) {
  layer_slot *slot = &net->layers[layer];
  slot->has_range = true;
  slot->low = low;
  slot->high = high;
}
void od_network_clear_ranges(od_network *net) {
  for (int i = 0; i < net->count; i++) net->layers[i].has_range = false;
}
od_real *od_network_values(od_network *net) { return net->values; }
const od_real *od_network_values_const(const od_network *net) { return net->values; }
size_t od_network_trainable_size(const od_network *net) { return net->trainable; }
size_t od_network_total_size(const od_network *net) { return net->total; }
