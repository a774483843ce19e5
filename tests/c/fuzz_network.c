/* A libFuzzer target: any list of layers either fails with a message or makes a network that trains
 * one step and predicts. Build and run with `make fuzz`. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "networks.h"
#include "nn/gradient.h"

enum { MAX_LAYERS = 12, MAX_NUMBERS = 20000, BATCH = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

typedef struct input {
  const uint8_t *bytes;
  size_t left;
} input;

static int take_byte(input *in) {
  if (!in->left) return 0;
  in->left--;
  return *in->bytes++;
}

/* Mostly small numbers, sometimes any. */
static int take_number(input *in) {
  int first = take_byte(in);
  if (first < 250) return first % 40;
  unsigned any = 0;
  for (int i = 0; i < 4; i++) any = any << 8 | (unsigned)take_byte(in);
  return (int)any;
}

static double take_fraction(input *in) {
  int byte = take_byte(in);
  return byte == 255 ? NAN : byte == 254 ? INFINITY : byte == 253 ? -1.0 : byte / 252.0;
}

static od_layer take_layer(input *in) {
  static const int kernels[] = {1, 3, 5, 3, 1, 5};
  od_layer layer = {.kind = (od_layer_kind)(take_byte(in) % (OD_LAYER_KINDS + 1)),
                    .units = take_number(in)};
  int shape = take_byte(in), flags = take_byte(in);
  layer.kernel[0] = shape % 8 < 6 ? kernels[shape % 8] : take_number(in);
  layer.kernel[1] = flags & 16 ? layer.kernel[0] : kernels[shape % 6];
  layer.pool[0] = shape % 8 == 6 ? take_number(in) : 2;
  layer.pool[1] = 1 + (flags >> 5) % 3;
  layer.step[0] = layer.step[1] = shape % 8 == 7 ? take_number(in) : 1 + shape % 2;
  layer.groups = flags & 128 ? take_number(in) : 1;
  for (int i = 0; i < 4; i++) layer.padding[i] = shape >> i & 1 ? take_number(in) : 0;
  layer.function = (od_activation)(shape % (OD_ACTIVATIONS + 1));
  layer.alpha = take_fraction(in);
  layer.stride = shape / 8 % 4 < 3 ? 1 + shape / 8 % 2 : take_number(in);
  layer.dilation = shape / 2 % 8 < 6 ? 1 : take_number(in);
  layer.same = flags & 1;
  layer.bias = flags & 2;
  layer.relu = flags & 4;
  layer.rate = take_fraction(in);
  layer.momentum = take_fraction(in);
  layer.epsilon = flags & 8 ? 1e-3 : take_fraction(in);
  return layer;
}

static void source(void *context, int index, int worker, od_real *pixels) {
  size_t n = *(const size_t *)context;
  (void)worker;
  for (size_t i = 0; i < n; i++) pixels[i] = (od_real)((i * 7 + (size_t)index) % 11) / 11;
}

/* Trains one step and predicts, unless that takes much memory. */
static void run(od_network *network) {
  size_t pixels = od_shape_size(od_network_input(network)), widest = pixels;
  int classes = od_network_classes(network);
  size_t outputs = od_shape_size(od_network_output(network));
  for (int i = 0; i < od_network_layer_count(network); i++) {
    size_t n = od_shape_size(od_network_shape_after(network, i));
    widest = n > widest ? n : widest;
  }
  if (widest > MAX_NUMBERS || od_network_total_size(network) > MAX_NUMBERS) return;
  const od_kernels *kernels;
  od_gradient *gradient;
  runner inference;
  if (od_kernels_select(NULL, &kernels, NULL)) abort();
  od_network_initialize(network, 1);
  od_real *values = od_allocate(od_network_trainable_size(network), sizeof *values);
  od_real *scores = od_allocate(BATCH * outputs, sizeof *scores);
  float *images = calloc(BATCH * pixels, sizeof *images);
  if (!values || !scores || !images) abort();
  if (!od_gradient_create(network, kernels, OD_FLOAT32, BATCH, 1, &gradient, NULL)) {
    uint8_t *labels = calloc(BATCH, outputs);
    if (!labels) abort();
    labels[1] = 1;
    labels[2] = (uint8_t)(classes - 1);
    od_batch batch = {source, &pixels, labels, 1, NULL, NULL, BATCH, 1};
    od_loss loss = od_gradient_run(gradient, NULL, &batch, 0.1, values);
    if (isnan(loss.loss)) abort();
    for (size_t i = 0; i < od_network_trainable_size(network); i++)
      if (isnan(values[i])) abort();
    free(labels);
    od_gradient_destroy(gradient);
  }
  if (!runner_create(network, kernels, OD_FLOAT32, 1, &inference, NULL)) {
    od_images batch = {.floats = images, .count = BATCH, .size = pixels, .scale = 1};
    runner_run(&inference, NULL, &batch, true, scores);
    for (size_t i = 0; i < BATCH * outputs; i++)
      if (isnan(scores[i])) abort();
    runner_destroy(&inference);
  }
  od_release(values);
  od_release(scores);
  free(images);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  input in = {bytes, size};
  od_shape shape = {take_number(&in), take_number(&in), take_number(&in)};
  od_layer layers[MAX_LAYERS];
  int count = 0;
  while (in.left && count < MAX_LAYERS) layers[count++] = take_layer(&in);
  od_network *network;
  od_error error = {{0}};
  if (od_network_create(shape, layers, count, &network, &error)) {
    if (network || !error.message[0]) abort();
    return 0;
  }
  run(network);
  od_network_destroy(network);
  return 0;
}
