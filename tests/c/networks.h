/* Networks to test on: every kind of layer in every possible place, with small and odd shapes.
 * Their numbers and images are random but rounded to float, so that the float and the double build
 * use the same ones. */
#ifndef NETWORKS_H
#define NETWORKS_H

#include "base/rng.h"
#include "check.h"
#include "nn/gradient.h"
#include "nn/workspace.h"
#include "nn/network.h"

static inline od_layer conv(int filters, int kernel, int stride, bool same, bool relu) {
  return (od_layer){.kind = OD_CONV2D,
                    .units = filters,
                    .kernel = {kernel, kernel},
                    .stride = stride,
                    .dilation = 1,
                    .groups = 1,
                    .same = same,
                    .bias = true,
                    .relu = relu};
}
static inline od_layer rectangular(od_layer layer, int height, int width) {
  layer.kernel[0] = height;
  layer.kernel[1] = width;
  return layer;
}
static inline od_layer dilated(od_layer layer, int dilation) {
  layer.dilation = dilation;
  return layer;
}
static inline od_layer pool(int height, int width) {
  return (od_layer){.kind = OD_MAX_POOL2D, .pool = {height, width}, .step = {height, width}};
}
/* A pool of any kind, whose windows may overlap. */
static inline od_layer windows(od_layer_kind kind, int size, int step, bool same) {
  return (od_layer){.kind = kind, .pool = {size, size}, .step = {step, step}, .same = same};
}
static inline od_layer depthwise(od_layer layer, int channels) {
  layer.groups = channels;
  return layer;
}
static inline od_layer activation(od_activation function, double alpha) {
  return (od_layer){.kind = OD_ACTIVATION, .function = function, .alpha = alpha};
}
static inline od_layer layer_norm(void) {
  return (od_layer){.kind = OD_LAYER_NORM, .epsilon = 1e-3};
}
static inline od_layer zero_padding(int top, int bottom, int left, int right) {
  return (od_layer){.kind = OD_ZERO_PADDING2D, .padding = {top, bottom, left, right}};
}
static inline od_layer dense(int units, bool relu) {
  return (od_layer){.kind = OD_DENSE, .units = units, .bias = true, .relu = relu};
}
static inline od_layer without_bias(od_layer layer) {
  layer.bias = false;
  return layer;
}
static inline od_layer plain(od_layer_kind kind) { return (od_layer){.kind = kind}; }
static inline od_layer batch_norm(double momentum) {
  return (od_layer){.kind = OD_BATCH_NORM, .momentum = momentum, .epsilon = 1e-3};
}
static inline od_layer dropout(double rate) { return (od_layer){.kind = OD_DROPOUT, .rate = rate}; }

enum { SAMPLE_LAYERS = 12, SAMPLE_CONVOLUTIONS = 60, SAMPLE_POOLED = 30, SAMPLE_DILATED = 40 };

typedef struct sample {
  const char *name;
  od_shape input;
  int batch;
  double smoothing;
  od_layer layers[SAMPLE_LAYERS]; /* up to the first of kind OD_LAYER_KINDS */
} sample;

#define END plain(OD_LAYER_KINDS)
#define FLATTEN plain(OD_FLATTEN)
#define POOL pool(2, 2)
#define SEQUENCE plain(OD_MAP_TO_SEQUENCE)
#define AVERAGE plain(OD_GLOBAL_AVERAGE_POOL2D)
#define RELU plain(OD_RELU)

/* A convolution of every geometry between two others, so that its gradients of x, kernel and
 * bias are all needed: kernel 1, 3, 5; same, valid; stride 1, 2; five shapes. */
static inline sample sample_convolution(int index) {
  static const int kernels[] = {1, 3, 5}, channels[] = {1, 3, 7, 17, 33}, batches[] = {1, 2, 3};
  static const od_shape shapes[] = {{5, 7, 1}, {6, 6, 3}, {9, 5, 1}, {8, 11, 2}, {7, 8, 7}};
  int kernel = kernels[index % 3], same = index / 3 % 2, stride = 1 + index / 6 % 2;
  int shape = index / 12;
  return (sample){
      .name = "a convolution's geometry",
      .input = shapes[shape],
      .batch = batches[index % 3],
      .layers = {conv(channels[(index + shape) % 5], 3, 1, true, index % 2),
                 conv(channels[(index / 2 + 3 * shape) % 5], kernel, stride, same, index % 2),
                 conv(2, 1, 1, true, false), FLATTEN, dense(3, false), END}};
}

/* The same geometries of stride 1 with a max-pool, which may be fused; with few channels and with
 * many. */
static inline sample sample_pooled(int index) {
  static const int kernels[] = {1, 3, 5}, inputs[] = {7, 12, 33, 8, 3}, units[] = {9, 8, 17, 3, 33};
  static const od_shape shapes[] = {{6, 7, 1}, {7, 9, 1}, {8, 6, 3}, {9, 8, 2}, {10, 11, 1}};
  int kernel = kernels[index % 3], same = index / 3 % 2, shape = index / 6;
  od_layer first = conv(inputs[(index + shape) % 5], 3, 1, true, index % 2);
  od_layer pooled = conv(units[(index / 2 + shape) % 5], kernel, 1, same, index / 2 % 2);
  return (sample){.name = "a pooled convolution's geometry",
                  .input = shapes[shape],
                  .batch = 1 + index % 3,
                  .layers = {first, index % 4 ? pooled : without_bias(pooled), POOL, FLATTEN,
                             dense(3, false), END}};
}

/* Dilated convolutions after another, of which some reach beyond the image, by all algorithms. */
static inline sample sample_dilated(int index) {
  static const int dilations[] = {2, 3, 4, 8, 16}, kernels[] = {3, 1, 5, 3};
  static const int inputs[] = {8, 3, 10, 12}, units[] = {9, 16, 2, 8};
  static const od_shape shapes[] = {{11, 9, 1}, {5, 20, 2}, {17, 18, 1}, {3, 2, 3}};
  int dilation = dilations[index % 5], kernel = kernels[index / 5 % 4], at = index / 2 % 4;
  int extent = (kernel - 1) * dilation + 1;
  bool same = index % 3 || extent > 17;
  od_shape shape = same ? shapes[index % 4] : (od_shape){extent + index % 7, extent + 3, 1};
  od_layer layer = dilated(conv(units[at], kernel, 1, same, index % 2), dilation);
  return (sample){.name = "a dilated convolution",
                  .input = shape,
                  .batch = 1 + index % 3,
                  .layers = {conv(inputs[at], 3, 1, true, index % 2),
                             index % 4 ? layer : without_bias(rectangular(layer, 1, kernel)),
                             index % 8 < 6 ? AVERAGE : POOL, FLATTEN, dense(3, false), END}};
}

/* Writes sample `index`, counted from 0; returns false after the last. */
static inline bool sample_network(int index, sample *out) {
  /* clang-format off */
  const sample fixed[] = {
      {"dense", {1, 1, 7}, 3, 0, {dense(5, false), END}},
      {"dense, no bias", {1, 1, 33}, 5, 0,
       {without_bias(dense(17, true)), without_bias(dense(3, false)), END}},
      {"dense, many inputs", {12, 17, 1}, 9, 0, {FLATTEN, dense(70, true), dense(10, false), END}},
      {"two classes, smoothed", {3, 3, 1}, 4, 0.1, {FLATTEN, dense(6, true), dense(2, false), END}},
      {"256 classes", {2, 2, 3}, 2, 0.2, {FLATTEN, dense(256, false), END}},
      {"flatten only", {1, 2, 2}, 3, 0, {FLATTEN, END}},
      {"relu layers", {5, 5, 2}, 3, 0,
       {conv(3, 3, 1, true, false), RELU, POOL, RELU, FLATTEN, RELU, dense(4, false), END}},
      {"relu first", {4, 4, 3}, 3, 0, {RELU, conv(3, 3, 1, false, false), FLATTEN, END}},
      {"relu after dense", {1, 1, 9}, 3, 0, {dense(8, false), RELU, dense(3, false), END}},
      {"pool first, odd edges", {5, 7, 3}, 3, 0,
       {POOL, conv(5, 3, 1, true, true), POOL, FLATTEN, dense(3, false), END}},
      {"fused pools, odd edges", {11, 9, 1}, 9, 0,
       {conv(7, 3, 1, true, true), POOL, conv(5, 3, 1, true, true), POOL, FLATTEN,
        dense(3, false), END}},
      {"pool after a linear convolution", {6, 7, 2}, 3, 0,
       {conv(4, 3, 1, true, false), POOL, FLATTEN, dense(3, false), END}},
      {"pool, then relu", {6, 6, 1}, 3, 0,
       {conv(4, 5, 1, true, false), POOL, RELU, FLATTEN, dense(3, false), END}},
      {"pool after stride 2", {11, 13, 1}, 3, 0,
       {conv(4, 3, 2, true, true), POOL, FLATTEN, dense(3, false), END}},
      {"pool after pool", {9, 10, 1}, 3, 0,
       {conv(3, 3, 1, true, true), POOL, POOL, FLATTEN, dense(3, false), END}},
      {"pool to one pixel", {2, 3, 2}, 3, 0, {conv(3, 1, 1, true, false), POOL, END}},
      {"average", {4, 3, 7}, 5, 0, {conv(17, 3, 1, true, true), AVERAGE, dense(3, false), END}},
      {"dilated first, and batch norm", {9, 8, 1}, 9, 0,
       {dilated(conv(8, 3, 1, true, false), 2), batch_norm(0.9), RELU,
        dilated(conv(9, 3, 1, true, true), 4), POOL, AVERAGE, dense(3, false), END}},
      {"average last", {5, 4, 1}, 5, 0, {conv(4, 3, 2, true, false), AVERAGE, END}},
      {"average first", {3, 5, 6}, 3, 0, {AVERAGE, dense(3, false), END}},
      {"one pixel", {1, 1, 1}, 7, 0,
       {conv(3, 3, 1, true, true), conv(4, 5, 2, true, false), conv(2, 1, 1, false, false), END}},
      {"one row", {1, 9, 1}, 3, 0,
       {conv(3, 5, 1, true, true), conv(3, 3, 2, true, false), AVERAGE, END}},
      {"one column", {8, 1, 2}, 3, 0,
       {conv(3, 3, 2, true, true), conv(3, 5, 1, true, false), FLATTEN, dense(2, false), END}},
      {"valid to one pixel", {5, 5, 3}, 4, 0, {conv(4, 5, 1, false, false), END}},
      {"kernels larger than a reduction task", {4, 5, 33}, 9, 0,
       {conv(33, 3, 1, true, false), without_bias(conv(17, 3, 1, true, false)), AVERAGE, END}},
      {"a bias in two reduction tasks", {3, 3, 3}, 17, 0,
       {conv(150, 3, 1, true, true), AVERAGE, dense(3, false), END}},
      {"many channels, odd and valid", {7, 9, 8}, 9, 0,
       {conv(11, 3, 1, false, true), without_bias(conv(8, 3, 1, true, false)), batch_norm(0.9),
        conv(9, 3, 1, false, false), AVERAGE, dense(3, false), END}},
      {"many channels, even", {9, 11, 2}, 9, 0,
       {conv(8, 3, 1, true, true), conv(16, 3, 1, false, true),
        without_bias(conv(10, 3, 1, true, false)), AVERAGE, dense(3, false), END}},
      {"many tiles", {17, 21, 1}, 2, 0,
       {conv(8, 3, 1, true, true), conv(10, 3, 1, true, true), conv(8, 3, 1, false, false), AVERAGE,
        dense(3, false), END}},
      {"many channels and a pool, first", {7, 6, 12}, 9, 0,
       {conv(8, 3, 1, true, true), POOL, FLATTEN, dense(3, false), END}},
      {"no bias", {6, 5, 1}, 9, 0,
       {without_bias(conv(7, 3, 1, true, true)), without_bias(conv(3, 3, 2, true, false)), AVERAGE,
        END}},
      {"batch norm first", {4, 4, 3}, 9, 0,
       {batch_norm(0.9), conv(4, 3, 1, true, false), FLATTEN, dense(3, false), END}},
      {"convolution, batch norm, relu, pool", {8, 8, 1}, 9, 0.1,
       {without_bias(conv(5, 3, 1, true, false)), batch_norm(0.9), RELU, POOL,
        conv(7, 3, 1, true, false), batch_norm(0.5), RELU, POOL, FLATTEN, dense(3, false), END}},
      {"batch norm after relu and pool", {8, 6, 1}, 10, 0,
       {conv(3, 3, 1, true, true), batch_norm(0.9), conv(4, 3, 1, true, true), POOL,
        batch_norm(0.9), FLATTEN, dense(3, false), END}},
      {"batch norm of a vector", {1, 1, 6}, 17, 0,
       {dense(5, false), batch_norm(0.9), RELU, dense(4, true), batch_norm(0), dense(3, false),
        END}},
      {"two batch norms", {5, 4, 1}, 9, 0,
       {conv(3, 3, 1, true, false), batch_norm(0.9), batch_norm(0.8), AVERAGE, dense(3, false),
        END}},
      {"flatten before batch norm", {3, 3, 1}, 16, 0,
       {conv(2, 3, 1, true, false), FLATTEN, batch_norm(0.9), dense(3, false), END}},
      {"batch norm last", {3, 4, 2}, 12, 0, {FLATTEN, dense(4, false), batch_norm(0.9), END}},
      {"batch norm after stride 2", {7, 9, 1}, 9, 0,
       {conv(4, 5, 2, true, false), batch_norm(0.9), RELU, conv(3, 3, 2, false, false), FLATTEN,
        dense(3, false), END}},
      {"dropout", {6, 6, 1}, 9, 0,
       {conv(4, 3, 1, true, true), POOL, dropout(0.25), FLATTEN, dense(12, true), dropout(0.5),
        dense(3, false), END}},
      {"dropout first, and of nothing", {4, 5, 2}, 9, 0.1,
       {dropout(0.3), conv(4, 3, 1, true, false), dropout(0), FLATTEN, dense(3, false), END}},
      {"dropout and batch norm", {6, 5, 1}, 11, 0,
       {conv(4, 3, 1, true, false), batch_norm(0.9), RELU, dropout(0.2), AVERAGE, dense(3, false),
        END}},
      {"mostly zero", {20, 17, 1}, 9, 0,
       {conv(9, 3, 1, true, true), POOL, conv(8, 3, 1, true, true), POOL, FLATTEN,
        dense(3, false), END}},
      {"mostly zero, 5x5, valid, no bias", {21, 18, 1}, 4, 0,
       {without_bias(conv(10, 5, 1, false, false)), POOL,
        without_bias(conv(9, 3, 1, false, true)), POOL, FLATTEN, dense(3, false), END}},
      {"rectangular kernels and pools", {9, 8, 3}, 9, 0,
       {rectangular(conv(8, 3, 1, true, true), 1, 3), pool(2, 1),
        rectangular(conv(5, 3, 1, true, false), 5, 1), batch_norm(0.9), RELU, pool(2, 1),
        rectangular(conv(9, 3, 2, false, false), 1, 5), FLATTEN, dense(3, false), END}},
      {"a wide kernel under a square pool", {6, 7, 2}, 9, 0,
       {rectangular(conv(9, 3, 1, true, true), 3, 1), POOL,
        rectangular(conv(4, 3, 1, true, false), 1, 5), pool(2, 1), AVERAGE, dense(3, false), END}},
      {"sequence", {5, 6, 3}, 9, 0,
       {conv(8, 3, 1, true, true), SEQUENCE, rectangular(conv(9, 3, 1, true, true), 1, 3), FLATTEN,
        dense(3, false), END}},
      {"sequence first", {3, 4, 2}, 4, 0, {SEQUENCE, FLATTEN, dense(3, false), END}},
      {"depthwise", {9, 8, 1}, 9, 0,
       {conv(7, 3, 1, true, true), depthwise(conv(7, 3, 1, true, false), 7), batch_norm(0.9), RELU,
        conv(9, 1, 1, true, true), depthwise(conv(18, 3, 2, true, true), 9), AVERAGE,
        dense(3, false), END}},
      {"depthwise first, valid, wide", {8, 9, 3}, 9, 0,
       {depthwise(rectangular(conv(6, 5, 1, false, false), 2, 4), 3),
        without_bias(depthwise(dilated(conv(6, 3, 1, true, true), 2), 6)), POOL, FLATTEN,
        dense(3, false), END}},
      {"kernels of even and large sides", {13, 12, 1}, 4, 0,
       {conv(5, 4, 1, true, true), conv(4, 2, 3, true, false), RELU, conv(6, 7, 1, true, true),
        FLATTEN, dense(3, false), END}},
      {"a large kernel under a pool", {14, 15, 1}, 4, 0,
       {conv(9, 6, 1, false, true), POOL, conv(33, 4, 1, true, true), POOL, FLATTEN,
        dense(3, false), END}},
      {"overlapping max-pools", {11, 10, 2}, 3, 0,
       {conv(5, 3, 1, true, false), windows(OD_MAX_POOL2D, 3, 2, false), RELU,
        windows(OD_MAX_POOL2D, 3, 2, true), windows(OD_MAX_POOL2D, 2, 1, true), FLATTEN,
        dense(3, false), END}},
      {"max-pools with padding and gaps", {9, 7, 3}, 3, 0,
       {windows(OD_MAX_POOL2D, 2, 2, true), conv(4, 3, 1, true, false),
        windows(OD_MAX_POOL2D, 1, 2, false), FLATTEN, dense(3, false), END}},
      {"average pools", {11, 9, 2}, 4, 0,
       {windows(OD_AVERAGE_POOL2D, 2, 2, false), conv(5, 3, 1, true, false),
        windows(OD_AVERAGE_POOL2D, 3, 2, true), windows(OD_AVERAGE_POOL2D, 3, 1, true), FLATTEN,
        dense(3, false), END}},
      {"global maximum", {7, 6, 1}, 5, 0,
       {conv(9, 3, 1, true, false), plain(OD_GLOBAL_MAX_POOL2D), dense(3, false), END}},
      {"smooth activations", {6, 7, 1}, 5, 0,
       {conv(5, 3, 1, true, false), activation(OD_TANH, 0), windows(OD_AVERAGE_POOL2D, 2, 2, false),
        conv(6, 3, 1, true, false), activation(OD_SWISH, 0), FLATTEN, dense(9, false),
        activation(OD_SIGMOID, 0), dense(3, false), END}},
      {"activations with kinks", {6, 7, 1}, 5, 0,
       {conv(5, 3, 1, true, false), activation(OD_LEAKY_RELU, 0.3), conv(6, 3, 1, true, false),
        activation(OD_ELU, 0.7), conv(5, 3, 1, true, false), activation(OD_SELU, 0), FLATTEN,
        dense(9, false), activation(OD_RELU6, 0), dense(3, false), END}},
      {"activation and layer norm first", {5, 4, 3}, 5, 0,
       {activation(OD_TANH, 0), layer_norm(), FLATTEN, layer_norm(), dense(3, false), END}},
      {"layer norms", {6, 5, 1}, 9, 0,
       {conv(7, 3, 1, true, false), layer_norm(), activation(OD_SIGMOID, 0),
        conv(4, 3, 1, true, false), layer_norm(), FLATTEN, dense(8, false), layer_norm(),
        dense(3, false), layer_norm(), END}},
      {"zero padding", {6, 5, 2}, 5, 0,
       {zero_padding(1, 2, 0, 3), conv(4, 3, 2, false, false), zero_padding(0, 0, 1, 1),
        batch_norm(0.9), windows(OD_MAX_POOL2D, 3, 2, false), FLATTEN, dense(3, false), END}},
      {"the seed network, smaller", {12, 12, 1}, 11, 0,
       {conv(8, 3, 1, true, true), POOL, conv(8, 3, 1, true, true), POOL, FLATTEN, dense(16, true),
        dense(10, false), END}},
  };
  /* clang-format on */
  const int count = (int)(sizeof fixed / sizeof *fixed);
  if (index < count)
    *out = fixed[index];
  else if (index < count + SAMPLE_CONVOLUTIONS)
    *out = sample_convolution(index - count);
  else if (index < count + SAMPLE_CONVOLUTIONS + SAMPLE_POOLED)
    *out = sample_pooled(index - count - SAMPLE_CONVOLUTIONS);
  else if (index < count + SAMPLE_CONVOLUTIONS + SAMPLE_POOLED + SAMPLE_DILATED)
    *out = sample_dilated(index - count - SAMPLE_CONVOLUTIONS - SAMPLE_POOLED);
  else
    return false;
  return true;
}

static inline int sample_count(const sample *s) {
  int count = 0;
  while (s->layers[count].kind != OD_LAYER_KINDS) count++;
  return count;
}

static inline bool sample_has(const sample *s, od_layer_kind kind) {
  for (int i = 0; i < sample_count(s); i++)
    if (s->layers[i].kind == kind) return true;
  return false;
}

/* Whether the loss has kinks: a ReLU, one of its relatives, or a max-pool somewhere. */
static inline bool sample_has_kinks(const sample *s) {
  for (int i = 0; i < sample_count(s); i++)
    if (s->layers[i].relu) return true;
  for (int i = 0; i < sample_count(s); i++)
    if (s->layers[i].kind == OD_ACTIVATION && s->layers[i].function <= OD_SELU) return true;
  return sample_has(s, OD_RELU) || sample_has(s, OD_MAX_POOL2D) ||
         sample_has(s, OD_GLOBAL_MAX_POOL2D);
}

/* Random weights that keep activations near 1; biases differ from 0. */
static inline void randomize(od_network *network, uint64_t seed) {
  for (int t = 0; t < od_network_tensor_count(network); t++) {
    const od_tensor *tensor = od_network_tensor(network, t);
    od_rng rng;
    od_rng_seed(&rng, seed, (uint64_t)t);
    double limit = 0.5, centre = 0;
    if (tensor->rank > 1) {
      double inputs = (double)tensor->size / tensor->shape[tensor->rank - 1];
      limit = sqrt(4 / inputs);
    }
    if (strstr(tensor->name, "gamma") || strstr(tensor->name, "variance")) centre = 1;
    for (size_t i = 0; i < tensor->size; i++)
      tensor->data[i] = (od_real)(float)od_rng_range(&rng, centre - limit, centre + limit);
  }
}

static inline od_network *sample_create(const sample *s, uint64_t seed) {
  od_network *network;
  od_error error = {{0}};
  if (od_network_create(s->input, s->layers, sample_count(s), &network, &error)) {
    printf("%s: %s\n", s->name, error.message);
    exit(EXIT_FAILURE);
  }
  randomize(network, seed);
  return network;
}

/* A batch of random images and labels. */
typedef struct sample_data {
  int count;
  size_t size;
  float *pixels;   /* (count, size) in [-1, 1) */
  uint8_t *labels; /* (count) */
} sample_data;

/* Keeps a random rectangle of the image, or nothing, and sets the rest to 0. */
static inline void make_sparse(od_shape shape, bool empty, od_rng *rng, float *image) {
  int top = (int)od_rng_below(rng, (uint64_t)shape.h), h = 1 + (int)od_rng_below(rng, 4);
  int left = (int)od_rng_below(rng, (uint64_t)shape.w), w = 1 + (int)od_rng_below(rng, 4);
  for (int y = 0; y < shape.h; y++)
    for (int x = 0; x < shape.w; x++) {
      bool kept = !empty && y >= top && y < top + h && x >= left && x < left + w;
      if (!kept) memset(image + (y * shape.w + x) * shape.c, 0, (size_t)shape.c * sizeof *image);
    }
}

/* Of large enough images every second is mostly zeros, as handwriting is, and every fourth all
 * zeros: the core may skip zero tiles. */
static inline sample_data data_create(od_shape input, int classes, int count, uint64_t seed) {
  sample_data data = {.count = count, .size = od_shape_size(input)};
  od_rng rng;
  od_rng_seed(&rng, seed, 1000);
  data.pixels = malloc((size_t)count * data.size * sizeof *data.pixels);
  data.labels = malloc((size_t)count);
  for (size_t i = 0; i < (size_t)count * data.size; i++)
    data.pixels[i] = (float)od_rng_range(&rng, -1, 1);
  for (int i = 0; i < count; i++) {
    data.labels[i] = (uint8_t)od_rng_below(&rng, (uint64_t)classes);
    if (input.h * input.w >= 16 && i % 2)
      make_sparse(input, i % 4 == 3, &rng, data.pixels + (size_t)i * data.size);
  }
  return data;
}

static inline void data_destroy(sample_data *data) {
  free(data->pixels);
  free(data->labels);
}

/* An od_image_source over sample_data. */
static inline void data_source(void *context, int index, int worker, od_real *pixels) {
  const sample_data *data = context;
  (void)worker;
  for (size_t i = 0; i < data->size; i++)
    pixels[i] = (od_real)data->pixels[(size_t)index * data->size + i];
}

/* od_gradient_run to its end: the loss, NaN after an error. */
static inline od_loss loss_and_gradient(od_gradient *gradient, const od_thread_pool *pool,
                                        const od_batch *batch, double smoothing, od_real *values) {
  od_loss loss = {.loss = NAN};
  od_gradient_run(gradient, pool, batch, smoothing, values, &loss);
  return loss;
}

/* A model with a workspace. */
typedef struct runner {
  od_model *model;
  od_workspace *workspace;
} runner;

static inline void runner_destroy(runner *r) {
  od_workspace_destroy(r->workspace);
  od_model_destroy(r->model);
  *r = (runner){0};
}

static inline od_status runner_create(const od_network *network, const od_kernels *kernels,
                                      od_precision precision, int threads, runner *r,
                                      od_error *error) {
  *r = (runner){0};
  od_status status = od_model_create(network, kernels, precision, &r->model, error);
  if (!status) status = od_workspace_create(r->model, threads, &r->workspace, error);
  if (status) runner_destroy(r);
  return status;
}

static inline void runner_run(const runner *r, od_thread_pool *pool, const od_images *images,
                              bool softmax, od_real *scores) {
  od_model_run(r->model, r->workspace, pool, images, softmax, scores);
}

#endif
