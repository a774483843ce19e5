/* nn/: networks in low precision against their definition, computed in double from rounded
 * weights and inputs; their calibration; their gradients. */
#include <math.h>

#include "check.h"
#include "networks.h"
#include "nn/gradient.h"
#include "nn/calibration.h"
#include "nn/workspace.h"
#include "nn/ops.h"
#include "tables.h"

static od_rng rng;

static int draw(int low, int high) { /* both included */
  return low + (int)od_rng_below(&rng, (uint64_t)(high - low + 1));
}

/* Rounds a number to bfloat16: 8 significant bits, ties to even. */
static double to_bfloat16(double x) {
  int exponent;
  double fraction = frexp((double)(float)x, &exponent); /* of a float, in any build */
  return ldexp(rint(ldexp(fraction, 8)), exponent - 8);
}

/* The quantization of a range in 127 steps. */
typedef struct quantization {
  double step, zero;
} quantization;

static quantization quantize_range(double low, double high) {
  double step = high > low ? (high - low) / 127 : 1;
  return (quantization){step, rint(-low / step)};
}

/* Quantizes x, computed in od_real as by the kernels; returns the value. */
static double to_int8(quantization q, double x) {
  od_real scaled = (od_real)x * (od_real)(1 / q.step) + (od_real)q.zero;
  double clipped = fmin(fmax((double)scaled, 0), 127);
  return (rint(clipped) - q.zero) * q.step;
}

typedef struct one_layer {
  od_shape in;
  od_layer layers[4];
  int count;
} one_layer;

/* A convolution and a flatten, or a dense layer. Not a convolution for Winograd's algorithm, which
 * rounds other numbers. */
static one_layer draw_layer(void) {
  static const int sizes[] = {1, 3, 5};
  one_layer one = {.in = {draw(5, 9), draw(5, 9), draw(1, 5)}};
  one.layers[one.count++] = (od_layer){.kind = OD_CONV2D,
                                       .units = draw(1, 3),
                                       .bias = draw(0, 1),
                                       .kernel = {sizes[draw(0, 2)], sizes[draw(0, 2)]},
                                       .stride = draw(1, 2),
                                       .dilation = 1,
                                       .groups = 1,
                                       .same = draw(0, 1)};
  if (draw(0, 3) == 0) {
    one.count = 0;
    one.layers[one.count++] = (od_layer){.kind = OD_FLATTEN};
    one.layers[one.count++] =
        (od_layer){.kind = OD_DENSE, .units = draw(2, 40), .bias = draw(0, 1)};
    return one;
  }
  one.layers[one.count++] = (od_layer){.kind = OD_FLATTEN};
  return one;
}

/* The scores of a network whose only layer with numbers has the rounded `weight`, for the rounded
 * input `x`. */
static void reference_scores(const od_network *network, const double *weight, const double *x,
                             double *scores, double *magnitudes) {
  int index = od_network_layer(network, 0)->kind == OD_FLATTEN ? 1 : 0;
  const od_layer *layer = od_network_layer(network, index);
  od_shape in = od_network_input(network), out = od_network_shape_after(network, index);
  if (layer->kind == OD_DENSE) in = (od_shape){1, 1, (int)od_shape_size(in)};
  const od_tensor *bias = od_network_find(network, index, OD_BIAS);
  bool dense = layer->kind == OD_DENSE;
  int height = dense ? 1 : layer->kernel[0], width = dense ? 1 : layer->kernel[1];
  int stride = layer->kind == OD_DENSE ? 1 : layer->stride, top = 0, left = 0;
  if (layer->kind == OD_CONV2D && layer->same) {
    int rows = (out.h - 1) * stride + height - in.h, columns = (out.w - 1) * stride + width - in.w;
    top = rows > 0 ? rows / 2 : 0;
    left = columns > 0 ? columns / 2 : 0;
  }
  for (int row = 0; row < out.h; row++)
    for (int column = 0; column < out.w; column++)
      for (int u = 0; u < out.c; u++) {
        double sum = bias ? (double)bias->data[u] : 0, magnitude = fabs(sum);
        for (int i = 0; i < height; i++)
          for (int j = 0; j < width; j++)
            for (int c = 0; c < in.c; c++) {
              int y = row * stride + i - top, z = column * stride + j - left;
              if (y < 0 || z < 0 || y >= in.h || z >= in.w) continue;
              double term =
                  x[(y * in.w + z) * in.c + c] * weight[((i * width + j) * in.c + c) * out.c + u];
              sum += term;
              magnitude += fabs(term);
            }
        *scores++ = sum;
        *magnitudes++ = magnitude;
      }
}

/* Rounds the weights, for int8 in steps of each unit. */
static void round_weights(const od_network *network, od_precision precision, double *weight) {
  int index = od_network_layer(network, 0)->kind == OD_FLATTEN ? 1 : 0;
  const od_tensor *kernel = od_network_find(network, index, OD_KERNEL);
  size_t units = (size_t)od_network_layer(network, index)->units;
  for (size_t u = 0; u < units; u++) {
    double max = 0;
    for (size_t i = u; i < kernel->size; i += units) max = fmax(max, fabs((double)kernel->data[i]));
    double step = max > 0 ? max / 127 : 1;
    for (size_t i = u; i < kernel->size; i += units)
      weight[i] = precision == OD_INT8 ? rint((double)kernel->data[i] / step) * step
                                       : to_bfloat16((double)kernel->data[i]);
  }
}

static void test_one_layer(void) {
  enum { IMAGES = 3 };
  od_error error;
  for (int t = 0; table(t); t++)
    for (int i = 0; i < 300; i++) {
      od_rng_seed(&rng, 7, (uint64_t)i); /* the same networks for every table */
      one_layer one = draw_layer();
      od_network *network;
      runner inference;
      od_precision precision = i % 2 ? OD_INT8 : OD_BFLOAT16;
      if (od_network_create(one.in, one.layers, one.count, &network, &error)) continue;
      int index = one.layers[0].kind == OD_FLATTEN ? 1 : 0;
      size_t size = od_shape_size(one.in), classes = (size_t)od_network_classes(network);
      od_network_initialize(network, (uint64_t)i);
      const od_tensor *bias = od_network_find(network, index, OD_BIAS);
      for (size_t u = 0; bias && u < bias->size; u++)
        bias->data[u] = (od_real)od_rng_range(&rng, -1, 1);
      double low = -od_rng_range(&rng, 0, 1), high = od_rng_range(&rng, 0, 2);
      od_network_set_range(network, index, low, high);
      float pixels[IMAGES * 9 * 9 * 5];
      for (size_t k = 0; k < IMAGES * size; k++) /* also outside the range */
        pixels[k] = (float)od_rng_range(&rng, 1.2 * low, 1.2 * high);
      CHECK_CASE("%s, network %d, %s", table(t)->name, i,
                 precision == OD_INT8 ? "int8" : "bfloat16");
      if (!CHECK_INT(runner_create(network, table(t), precision, 1, &inference, &error), OD_OK))
        return;
      od_images images = {.floats = pixels, .count = IMAGES, .size = size, .scale = 1};
      od_real scores[IMAGES * 256];
      runner_run(&inference, NULL, &images, false, scores);
      double weight[5 * 5 * 5 * 9 * 9 * 40], x[9 * 9 * 5], wanted[256], magnitude[256], worst = 0;
      bool rounded = precision == OD_INT8 || one.layers[index].kind == OD_DENSE || one.in.c > 1;
      round_weights(network, precision, weight);
      if (!rounded) { /* a convolution of one channel stays float in bfloat16 */
        const od_tensor *kernel = od_network_find(network, index, OD_KERNEL);
        for (size_t k = 0; k < kernel->size; k++) weight[k] = (double)kernel->data[k];
      }
      for (size_t n = 0; n < IMAGES; n++) {
        for (size_t k = 0; k < size; k++) {
          double value = (double)pixels[n * size + k];
          x[k] = !rounded               ? value
                 : precision == OD_INT8 ? to_int8(quantize_range(low, high), value)
                                        : to_bfloat16(value);
        }
        reference_scores(network, weight, x, wanted, magnitude);
        for (size_t k = 0; k < classes; k++)
          worst = fmax(worst,
                       fabs((double)scores[n * classes + k] - wanted[k]) / (magnitude[k] + 1e-3));
      }
      CHECK_NEAR(worst, 0, 500 * 0x1p-24); /* sums of at most 405 products in float */
      runner_destroy(&inference);
      od_network_destroy(network);
    }
}

/* Networks stay close to float. The error of a bfloat16 layer is a few 2^-9, that of an int8 layer
 * a few 1 / 127, and there are up to four layers. */
static void test_close_to_float(void) {
  od_error error;
  sample what;
  for (int t = 0; table(t); t++)
    for (int index = 0; sample_network(index, &what); index++)
      for (int precision = OD_BFLOAT16; precision <= OD_INT8; precision++) {
        enum { IMAGES = 17 };
        od_network *network = sample_create(&what, (uint64_t)index);
        size_t classes = (size_t)od_network_classes(network), size = IMAGES * classes;
        sample_data data = data_create(what.input, (int)classes, IMAGES, (uint64_t)index);
        od_images images = {.floats = data.pixels, .count = IMAGES, .size = data.size, .scale = 1};
        od_real *precise = od_allocate(size, sizeof *precise),
                *rounded = od_allocate(size, sizeof *rounded);
        runner reference, inference;
        CHECK_CASE("%s: %s, precision %d", table(t)->name, what.name, precision);
        CHECK_INT(od_network_calibrate(network, table(t), NULL, &images, &error), OD_OK);
        if (CHECK_INT(runner_create(network, table(t), OD_FLOAT32, 1, &reference, &error), OD_OK) &&
            CHECK_INT(
                runner_create(network, table(t), (od_precision)precision, 1, &inference, &error),
                OD_OK)) {
          runner_run(&reference, NULL, &images, false, precise);
          runner_run(&inference, NULL, &images, false, rounded);
          double error_norm = 0, norm = 0;
          for (size_t i = 0; i < size; i++) {
            double difference = (double)rounded[i] - (double)precise[i];
            error_norm += difference * difference;
            norm += (double)precise[i] * (double)precise[i];
          }
          CHECK_NEAR(sqrt(error_norm / norm), 0, precision == OD_INT8 ? 0.1 : 0.02);
          runner_destroy(&reference);
          runner_destroy(&inference);
        }
        od_release(precise);
        od_release(rounded);
        data_destroy(&data);
        od_network_destroy(network);
      }
}

static const od_layer pair[] = {{.kind = OD_CONV2D,
                                 .units = 8,
                                 .kernel = {3, 3},
                                 .stride = 1,
                                 .dilation = 1,
                                 .groups = 1,
                                 .same = true,
                                 .bias = true,
                                 .relu = true},
                                {.kind = OD_MAX_POOL2D, .pool = {2, 2}, .step = {2, 2}},
                                {.kind = OD_CONV2D,
                                 .units = 8,
                                 .kernel = {3, 3},
                                 .stride = 1,
                                 .dilation = 1,
                                 .groups = 1,
                                 .same = true,
                                 .bias = true,
                                 .relu = true},
                                {.kind = OD_MAX_POOL2D, .pool = {2, 2}, .step = {2, 2}},
                                {.kind = OD_FLATTEN},
                                {.kind = OD_DENSE, .units = 10, .bias = true}};

/* Skipping of zero tiles changes no bit: a figure in a corner, one in the opposite corner and a
 * zero image give the same scores in one batch and in batches of one. */
static void test_zero_tiles(void) {
  enum { SIDE = 28, IMAGES = 3 };
  static float pixels[IMAGES][SIDE][SIDE];
  od_error error;
  for (int i = 0; i < 5; i++)
    for (int k = 0; k < 5; k++) pixels[0][1 + i][2 + k] = pixels[1][20 + i][21 + k] = 0.7f;
  for (int t = 0; table(t); t++)
    for (int precision = OD_BFLOAT16; precision <= OD_INT8; precision++) {
      od_network *network;
      runner inference;
      if (!CHECK_INT(od_network_create((od_shape){SIDE, SIDE, 1}, pair, 6, &network, &error),
                     OD_OK))
        return;
      od_network_initialize(network, 3);
      od_images images = {
          .floats = &pixels[0][0][0], .count = IMAGES, .size = SIDE * SIDE, .scale = 1};
      CHECK_CASE("%s, precision %d", table(t)->name, precision);
      CHECK_INT(od_network_calibrate(network, table(t), NULL, &images, &error), OD_OK);
      CHECK_INT(runner_create(network, table(t), (od_precision)precision, 1, &inference, &error),
                OD_OK);
      od_real together[IMAGES * 10], alone[10], nearly[10];
      runner_run(&inference, NULL, &images, false, together);
      for (int n = 0; n < IMAGES; n++) {
        images.floats = &pixels[n][0][0];
        images.count = 1;
        runner_run(&inference, NULL, &images, false, alone);
        CHECK(memcmp(alone, together + n * 10, sizeof alone) == 0);
      }
      /* A pixel less than a step makes its window different from zero in float only. */
      pixels[2][14][14] = 1e-30f;
      images.floats = &pixels[2][0][0];
      runner_run(&inference, NULL, &images, false, nearly);
      pixels[2][14][14] = 0;
      double worst = 0;
      for (int k = 0; k < 10; k++)
        worst = fmax(worst, fabs((double)(nearly[k] - together[20 + k])));
      CHECK_NEAR(worst, 0, 1e-5);
      runner_destroy(&inference);
      od_network_destroy(network);
    }
}

/* With a second channel of zeros no zero tiles are looked for: in int8 that gives the same bits,
 * for any size of the second kernel. */
static void test_zero_tiles_of_kernels(void) {
  enum { SIDE = 28, CLASSES = 10 };
  static float one[SIDE * SIDE], two[SIDE * SIDE * 2];
  od_error error;
  for (int size = 3; size <= 5; size += 2) {
    od_layer layers[6];
    memcpy(layers, pair, sizeof layers);
    layers[2].kernel[0] = layers[2].kernel[1] = size;
    for (int t = 0; table(t); t++) {
      od_network *networks[2];
      od_real scores[2][CLASSES];
      CHECK_CASE("%s, a second kernel of %d", table(t)->name, size);
      memset(one, 0, sizeof one);
      for (int i = 0, y = draw(0, 19), x = draw(0, 19); i < 36; i++)
        one[(y + i / 6) * SIDE + x + i % 6] = (float)draw(0, 255) / 255;
      for (int i = 0; i < SIDE * SIDE; i++) two[2 * i] = one[i];
      for (int c = 1; c <= 2; c++) {
        if (!CHECK_INT(
                od_network_create((od_shape){SIDE, SIDE, c}, layers, 6, &networks[c - 1], &error),
                OD_OK))
          return;
        od_network_initialize(networks[c - 1], 3);
      }
      od_network *two_channels = networks[1], *one_channel = networks[0];
      for (int layer = 0; layer < 6; layer += layer == 2 ? 3 : 2) {
        const od_tensor *from = od_network_find(one_channel, layer, OD_KERNEL);
        const od_tensor *to = od_network_find(two_channels, layer, OD_KERNEL);
        memset(to->data, 0, to->size * sizeof *to->data);
        for (size_t i = 0, units = pair[layer].units ? (size_t)pair[layer].units : 1;
             i < from->size; i++)
          to->data[layer ? i : i / units * 2 * units + i % units] = from->data[i];
        memcpy(od_network_find(two_channels, layer, OD_BIAS)->data,
               od_network_find(one_channel, layer, OD_BIAS)->data,
               (size_t)pair[layer].units * sizeof(od_real));
        od_network_set_range(one_channel, layer, layer ? -0.5 : 0, 1);
        od_network_set_range(two_channels, layer, layer ? -0.5 : 0, 1);
      }
      for (int c = 0; c < 2; c++) {
        runner inference;
        od_images image = {.floats = c ? two : one,
                           .count = 1,
                           .size = (size_t)(SIDE * SIDE * (c + 1)),
                           .scale = 1};
        CHECK_INT(runner_create(networks[c], table(t), OD_INT8, 1, &inference, &error), OD_OK);
        runner_run(&inference, NULL, &image, false, scores[c]);
        runner_destroy(&inference);
        od_network_destroy(networks[c]);
      }
      CHECK(memcmp(scores[0], scores[1], sizeof scores[0]) == 0);
    }
  }
}

static void test_calibration(void) {
  od_error error = {{0}};
  od_network *network;
  runner inference;
  double low, high;
  float pixels[4 * 28 * 28];
  for (int i = 0; i < 4 * 28 * 28; i++) pixels[i] = (float)(i % 5) - 1;
  od_images images = {.floats = pixels, .count = 4, .size = 28 * 28, .scale = 0.5};
  if (!CHECK_INT(od_network_create((od_shape){28, 28, 1}, pair, 6, &network, &error), OD_OK))
    return;
  od_network_initialize(network, 1);
  CHECK_INT(runner_create(network, last_table(), OD_INT8, 1, &inference, &error),
            OD_ERROR_ARGUMENT);
  CHECK(inference.model == NULL);
  CHECK_CONTAINS(error.message, "calibrate");
  CHECK(!od_network_range(network, 0, &low, &high));
  CHECK_INT(od_network_calibrate(network, last_table(), NULL, &images, &error), OD_OK);
  CHECK(od_network_range(network, 0, &low, &high));
  CHECK_NEAR(low, -0.5, 0);
  CHECK_NEAR(high, 1.5, 0);
  CHECK(od_network_range(network, 2, &low, &high) && low <= 0 && low >= 0 &&
        high > 0);                                   /* after ReLU */
  CHECK(!od_network_range(network, 1, &low, &high)); /* a max-pool multiplies nothing */
  if (CHECK_INT(runner_create(network, last_table(), OD_INT8, 1, &inference, &error), OD_OK)) {
    runner other;
    od_network_initialize(network, 2); /* clears the ranges */
    CHECK_INT(runner_create(network, last_table(), OD_INT8, 1, &other, &error), OD_ERROR_ARGUMENT);
    runner_destroy(&inference);
  }
  od_network_destroy(network);
}

/* An od_image_source over od_images. */
static void load_image(void *context, int index, int worker, od_real *pixels) {
  const od_images *images = context;
  (void)worker;
  od_images_load(images, &od_kernels_scalar, (size_t)index, pixels);
}

/* The gradient of the rounded pass has nearly the direction of that of the float pass. */
static void test_gradient(void) {
  enum { IMAGES = 13 };
  od_error error;
  sample what;
  for (int t = 0; table(t); t++)
    for (int index = 0; sample_network(index, &what); index++) {
      od_network *network = sample_create(&what, (uint64_t)index);
      sample_data data = data_create(what.input, od_network_classes(network), IMAGES, 4);
      od_images images = {.floats = data.pixels, .count = IMAGES, .size = data.size, .scale = 1};
      size_t size = od_network_trainable_size(network);
      od_real *values[2] = {od_allocate(size, sizeof(od_real)), od_allocate(size, sizeof(od_real))};
      double loss[2], dot = 0, norms[2] = {0};
      for (int p = 0; p < 2; p++) {
        od_gradient *gradient;
        od_batch batch = {load_image, &images, data.labels, 1, NULL, NULL, IMAGES, 9};
        if (!CHECK_INT(od_gradient_create(network, table(t), p ? OD_BFLOAT16 : OD_FLOAT32, IMAGES,
                                          1, &gradient, &error),
                       OD_OK))
          return;
        loss[p] = loss_and_gradient(gradient, NULL, &batch, 0, values[p]).loss;
        od_gradient_destroy(gradient);
      }
      for (size_t i = 0; i < size; i++) {
        dot += (double)values[0][i] * (double)values[1][i];
        for (int p = 0; p < 2; p++) norms[p] += (double)values[p][i] * (double)values[p][i];
      }
      CHECK_CASE("%s: %s", table(t)->name, what.name);
      CHECK_NEAR(loss[1], loss[0], 0.03 * (1 + loss[0]));
      if (size) CHECK(dot >= 0.97 * sqrt(norms[0] * norms[1]));
      od_release(values[0]);
      od_release(values[1]);
      data_destroy(&data);
      od_network_destroy(network);
    }
  od_gradient *gradient;
  od_network *network;
  CHECK_INT(od_network_create((od_shape){28, 28, 1}, pair, 6, &network, &error), OD_OK);
  CHECK_INT(od_gradient_create(network, last_table(), OD_INT8, 1, 1, &gradient, &error),
            OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "int8");
  od_network_destroy(network);
}

/* The gradient of the input of a plan's second operation, dx, in either precision. */
static void input_gradient(const od_kernels *kernels, const od_network *network,
                           od_precision precision, const od_real *kernel, od_real *y,
                           const od_real *dy, od_real *dx) {
  od_plan plan;
  od_error error;
  CHECK_INT(od_plan_make(network, false, precision, -1, &plan, &error), OD_OK);
  const od_op *op = &plan.ops[1];
  size_t out = od_shape_size(op->out);
  od_real *packed = od_allocate(od_conv_packed_backward_size(op), sizeof *packed);
  od_real *scratch = od_allocate(od_conv_backward_scratch(op), sizeof *scratch);
  od_real *dy_copy = od_allocate(out, sizeof *dy_copy); /* is overwritten */
  memcpy(dy_copy, dy, out * sizeof *dy_copy);
  od_conv_pack_backward(op, kernels, kernel, packed);
  od_conv_backward(&(od_conv_args){.op = op,
                                   .kernels = kernels,
                                   .packed = packed,
                                   .y = y,
                                   .dy = dy_copy,
                                   .dx = dx,
                                   .scratch = scratch});
  od_release(packed);
  od_release(scratch);
  od_release(dy_copy);
  od_plan_release(&plan);
}

/* The backward pass of Winograd's algorithm in bfloat16 is close to float; with an odd number of
 * channels it is float. */
static void test_gradient_of_input(void) {
  enum { MAX_SIZE = 20 * 20 * 24, CHANNELS = 12 };
  static const int units[] = {8, 16, 24, 9}, sides[] = {4, 7, 19};
  od_real kernel[9 * CHANNELS * 24], y[MAX_SIZE], dy[MAX_SIZE], dx[2][MAX_SIZE];
  od_error error;
  for (int t = 0; table(t); t++)
    for (int index = 0; index < 24; index++) {
      const int channels = units[index % 4], side = sides[index / 4 % 3], same = index / 12;
      const od_layer layers[] = {conv(CHANNELS, 3, 1, true, true), conv(channels, 3, 1, same, true),
                                 plain(OD_FLATTEN), dense(2, false)};
      od_network *network;
      CHECK_INT(od_network_create((od_shape){side, side + 1, 1}, layers, 4, &network, &error),
                OD_OK);
      for (int i = 0; i < 9 * CHANNELS * channels; i++)
        kernel[i] = (od_real)(od_rng_uniform(&rng) - 0.5);
      for (int i = 0; i < MAX_SIZE; i++) {
        y[i] = (od_real)(od_rng_uniform(&rng) - 0.3);
        dy[i] = (od_real)(od_rng_uniform(&rng) - 0.5);
      }
      input_gradient(table(t), network, OD_FLOAT32, kernel, y, dy, dx[0]);
      input_gradient(table(t), network, OD_BFLOAT16, kernel, y, dy, dx[1]);
      double max = 0, max_error = 0;
      for (int i = 0; i < side * (side + 1) * CHANNELS; i++) {
        max = fmax(max, fabs((double)dx[0][i]));
        max_error = fmax(max_error, fabs((double)dx[1][i] - (double)dx[0][i]));
      }
      CHECK_CASE("%s: %d units, side %d, same %d", table(t)->name, channels, side, same);
      CHECK(max_error < 0.02 * max);
      CHECK(channels % 2 ? max_error == 0 : max_error > 0);
      od_network_destroy(network);
    }
}

int main(void) {
  RUN(test_one_layer);
  RUN(test_close_to_float);
  RUN(test_zero_tiles);
  RUN(test_zero_tiles_of_kernels);
  RUN(test_calibration);
  RUN(test_gradient);
  RUN(test_gradient_of_input);
  return check_end();
}
