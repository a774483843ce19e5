/* Descriptions of networks: any list of layers either fails with a message, or makes a network that
 * trains one step and predicts, in any precision, without a NaN. */
#include "fuzz/input.h"
#include "networks.h"
#include "nn/calibration.h"
#include "nn/gradcam.h"
#include "nn/gradient.h"
#include "nn/map.h"

enum { MAX_LAYERS = 12, MAX_NUMBERS = 20000, BATCH = 3 };

static od_layer take_layer(fuzz_input *in) {
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

static void require_numbers(size_t count, const od_real *values) {
  for (size_t i = 0; i < count; i++) require(!isnan(values[i]));
}

/* Trains one step. */
static void train(od_network *network, const od_kernels *kernels, od_precision precision) {
  size_t pixels = od_shape_size(od_network_input(network));
  const size_t outputs = od_shape_size(od_network_output(network));
  const size_t weights = od_network_trainable_size(network);
  od_gradient *gradient;
  od_error error = {{0}};
  if (!succeeded(od_gradient_create(network, kernels, precision, BATCH, 1, &gradient, &error),
                 &error))
    return;
  uint8_t *labels = block_of(BATCH * outputs);
  od_real *values = block_of(weights * sizeof *values);
  memset(labels, 0, BATCH * outputs);
  labels[1] = 1;
  labels[2] = (uint8_t)(od_network_classes(network) - 1);
  const od_batch batch = {.source = source,
                          .context = &pixels,
                          .labels = labels,
                          .length = 1,
                          .count = BATCH,
                          .seed = 1};
  require(!isnan(loss_and_gradient(gradient, NULL, &batch, 0.1, values).loss));
  require_numbers(weights, values);
  free(labels);
  free(values);
  od_gradient_destroy(gradient);
}

static void predict(const od_network *network, const od_kernels *kernels, od_precision precision,
                    const od_images *images) {
  const size_t count = images->count * od_shape_size(od_network_output(network));
  runner inference;
  od_error error = {{0}};
  if (!succeeded(runner_create(network, kernels, precision, 1, &inference, &error), &error)) return;
  od_real *scores = block_of(count * sizeof *scores);
  runner_run(&inference, NULL, images, true, scores);
  require_numbers(count, scores);
  free(scores);
  runner_destroy(&inference);
}

/* The activation map of one image, of any layer that has one. */
static void explain(const od_network *network, const od_kernels *kernels, int layer,
                    const od_images *images) {
  od_gradcam *gradcam;
  od_error error = {{0}};
  if (!succeeded(od_gradcam_create(network, kernels, layer, &gradcam, &error), &error)) return;
  const size_t places = od_shape_size(od_gradcam_shape(gradcam));
  od_real *scores = block_of(od_shape_size(od_network_output(network)) * sizeof *scores);
  od_real *map = block_of(places * sizeof *map), *image = block_of(images->size * sizeof *image);
  od_gradcam_forward(gradcam, images, 0, scores);
  od_gradcam_map(gradcam, 0, map);
  require_numbers(places, map);
  od_gradcam_upsample(gradcam, map, image);
  free(scores);
  free(map);
  free(image);
  od_gradcam_destroy(gradcam);
}

/* A network that labels pixels, on a picture of other sides. */
static void label_pixels(const od_network *network, const od_kernels *kernels, int h, int w) {
  const od_shape input = od_network_input(network);
  runner inference;
  od_error error = {{0}};
  if (!succeeded(runner_create(network, kernels, OD_FLOAT32, 1, &inference, &error), &error))
    return;
  const od_shape map = od_model_map_shape(inference.model, h, w);
  if (map.h && map.w && od_shape_size(map) < MAX_NUMBERS) {
    const size_t pitch = (size_t)(w * input.c), numbers = od_shape_size(map);
    uint8_t *pixels = block_of((size_t)h * pitch),
            *labels = block_of((size_t)map.h * (size_t)map.w);
    od_real *scores = block_of(numbers * sizeof *scores);
    memset(pixels, 77, (size_t)h * pitch);
    od_model_run_map(inference.model, inference.workspace, NULL,
                     &(od_map_picture){.pixels = pixels,
                                       .pitch = pitch,
                                       .h = h,
                                       .w = w,
                                       .scale = 1 / 255.0,
                                       .scores = scores,
                                       .labels = labels});
    require_numbers(numbers, scores);
    free(pixels);
    free(labels);
    free(scores);
  }
  runner_destroy(&inference);
}

static bool is_small(const od_network *network) {
  size_t widest = od_shape_size(od_network_input(network));
  for (int i = 0; i < od_network_layer_count(network); i++) {
    const size_t n = od_shape_size(od_network_shape_after(network, i));
    widest = n > widest ? n : widest;
  }
  return widest <= MAX_NUMBERS && od_network_total_size(network) <= MAX_NUMBERS;
}

static void run(od_network *network, fuzz_input options) {
  const od_kernels *kernels = take_table(&options);
  const int what = take_byte(&options) % 8;
  const od_precision precision = (od_precision)(take_byte(&options) % 3);
  const size_t pixels = od_shape_size(od_network_input(network));
  const od_shape output = od_network_output(network);
  float *floats = block_of(BATCH * pixels * sizeof *floats);
  for (size_t i = 0; i < BATCH * pixels; i++) floats[i] = (float)(i % 5) / 5;
  const od_images images = {.floats = floats, .count = BATCH, .size = pixels, .scale = 1};
  od_network_initialize(network, 1);
  if (what < 3) train(network, kernels, precision);
  if (precision == OD_INT8) require(!od_network_calibrate(network, kernels, NULL, &images, NULL));
  if (what > 1) predict(network, kernels, precision, &images);
  if (what == 6) explain(network, kernels, take_byte(&options) % 16 - 2, &images);
  if (what == 7 && output.h > 1)
    label_pixels(network, kernels, take_between(&options, 1, 60), take_between(&options, 1, 60));
  free(floats);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  fuzz_input in = {bytes, size};
  const fuzz_input options = in;
  for (int i = 0; i < 5; i++) take_byte(&in);
  const od_shape shape = {take_number(&in), take_number(&in), take_number(&in)};
  od_layer layers[MAX_LAYERS];
  int count = 0;
  while (in.left && count < MAX_LAYERS) layers[count++] = take_layer(&in);
  od_network *network;
  od_error error = {{0}};
  if (!succeeded(od_network_create(shape, layers, count, &network, &error), &error)) {
    require(network == NULL);
    return 0;
  }
  if (is_small(network)) run(network, options);
  od_network_destroy(network);
  return 0;
}
