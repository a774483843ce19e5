/* nn/gradcam: on every network and every layer with maps, scores against the definitions of the
 * layers, and maps against their finite differences. */
#include "check.h"
#include "nn/gradcam.h"
#include "reference.h"
#include "tables.h"

enum { MAX_NUMBERS = 4096, MAX_CHANNELS = 256 };

static bool has_maps(const sample *what, int layer) {
  for (; layer >= 0; layer--) {
    od_layer_kind kind = what->layers[layer].kind;
    if (kind == OD_CONV2D) return true;
    if (kind == OD_DENSE || kind == OD_FLATTEN || kind == OD_DROPOUT ||
        kind == OD_MAP_TO_SEQUENCE || kind == OD_GLOBAL_AVERAGE_POOL2D ||
        kind == OD_GLOBAL_MAX_POOL2D)
      return false;
  }
  return false;
}

/* The score of the class from the output of `layer`, with `step` added at all places of one
 * channel. */
static double shifted_score(const od_network *network, int layer, int digit, const double *maps,
                            size_t channel, double step, double *scratch) {
  od_shape shape = od_network_shape_after(network, layer);
  size_t size = od_shape_size(shape), c = (size_t)shape.c;
  memcpy(scratch, maps, size * sizeof *scratch);
  for (size_t at = channel; at < size; at += c) scratch[at] += step;
  reference_run(network, layer + 1, od_network_layer_count(network), false, 1, scratch);
  return scratch[digit];
}

/* The map before its ReLU, want (h, w). A step at all places of a channel changes the score by
 * the sum of their gradients; the layers are piecewise linear, so that a small step is exact up to
 * rounding. Returns false if a number lies on a kink, where there is no gradient. */
static bool reference_map(const od_network *network, int layer, int digit, const float *pixels,
                          double *want) {
  const double step = 1e-7;
  od_shape shape = od_network_shape_after(network, layer);
  size_t c = (size_t)shape.c, places = (size_t)shape.h * (size_t)shape.w;
  size_t widest = reference_widest(network);
  double *maps = calloc(widest, sizeof *maps), *scratch = calloc(widest, sizeof *scratch);
  for (size_t i = 0; i < od_shape_size(od_network_input(network)); i++) maps[i] = (double)pixels[i];
  reference_run(network, 0, layer + 1, false, 1, maps);
  double unshifted = shifted_score(network, layer, digit, maps, 0, 0, scratch);
  bool smooth = true;
  memset(want, 0, places * sizeof *want);
  for (size_t channel = 0; channel < c; channel++) {
    double up = shifted_score(network, layer, digit, maps, channel, step, scratch) - unshifted;
    double down = unshifted - shifted_score(network, layer, digit, maps, channel, -step, scratch);
    smooth = smooth && fabs(up - down) <= 1e-5 * step + 1e-13;
    double change = (up + down) / (2 * step);
    for (size_t at = 0; at < places; at++)
      want[at] += change / (double)places * maps[at * c + channel];
  }
  free(maps);
  free(scratch);
  return smooth;
}

/* The expected results for a class and an image. */
typedef struct expectation {
  int digit;
  const float *pixels;
  double scores[MAX_CHANNELS];
  double map[MAX_NUMBERS];
  bool smooth;
} expectation;

/* The maximum error of got, relative to the maximum of want, whose numbers are raised to `low`. */
static double max_error(size_t n, const od_real *got, const double *want, double low) {
  double max = 1e-3, worst = 0;
  for (size_t i = 0; i < n; i++) max = fmax(max, fabs(want[i]));
  for (size_t i = 0; i < n; i++) worst = fmax(worst, fabs((double)got[i] - fmax(want[i], low)));
  return worst / max;
}

static void check_map(const od_network *network, const od_kernels *kernels, int layer,
                      const expectation *want) {
  od_gradcam *cam;
  od_error error = {{0}};
  if (!CHECK_INT(od_gradcam_create(network, kernels, layer, &cam, &error), OD_OK)) return;
  size_t classes = (size_t)od_network_classes(network);
  od_shape input = od_network_input(network);
  od_images images = {.floats = want->pixels, .count = 1, .size = od_shape_size(input), .scale = 1};
  od_real scores[MAX_CHANNELS], map[MAX_NUMBERS], image[MAX_NUMBERS];
  od_gradcam_forward(cam, &images, 0, scores);
  od_gradcam_map(cam, want->digit, map);
  CHECK_NEAR(max_error(classes, scores, want->scores, -INFINITY), 0, 200 * ROUNDING);
  if (want->smooth)
    CHECK_NEAR(max_error(od_shape_size(od_gradcam_shape(cam)), map, want->map, 0), 0, 1e-5);

  od_gradcam_upsample(cam, map, image);
  for (int i = 0; i < input.h * input.w; i++) CHECK(image[i] >= 0 && image[i] <= 1);
  od_gradcam_destroy(cam);
}

static void check_refused(const od_network *network, int layer, const char *part) {
  od_gradcam *cam = (od_gradcam *)&cam;
  od_error error = {{0}};
  CHECK_INT(od_gradcam_create(network, &od_kernels_scalar, layer, &cam, &error), OD_ERROR_ARGUMENT);
  CHECK(cam == NULL);
  CHECK_CONTAINS(error.message, part);
}

static void test_against_definitions(void) {
  sample what;
  int maps = 0, kinks = 0;
  for (int index = 0; sample_network(index, &what); index++) {
    od_network *network = sample_create(&what, (uint64_t)index);
    int classes = od_network_classes(network);
    sample_data data = data_create(what.input, classes, 1, (uint64_t)index);
    for (int layer = 0; layer < sample_count(&what); layer++) {
      CHECK_CASE("%s, layer %d", what.name, layer);
      if (!has_maps(&what, layer)) {
        check_refused(network, layer, "no maps");
        continue;
      }
      expectation want = {.digit = layer % classes, .pixels = data.pixels};
      reference_scores(network, false, 1, data.pixels, want.scores);
      want.smooth = reference_map(network, layer, want.digit, data.pixels, want.map);
      maps++;
      kinks += !want.smooth;
      for (int t = 0; table(t); t++) {
        CHECK_CASE("%s: %s, layer %d", table(t)->name, what.name, layer);
        check_map(network, table(t), layer, &want);
      }
    }
    data_destroy(&data);
    od_network_destroy(network);
  }
  CHECK(maps > 200 && kinks < maps / 10); /* kinks come from zero tiles */
}

static void check_default_layer(const od_layer *layers, int count, int expected) {
  od_network *network;
  od_error error = {{0}};
  if (!CHECK_INT(od_network_create((od_shape){12, 12, 1}, layers, count, &network, &error), OD_OK))
    return;
  CHECK_INT(od_gradcam_default_layer(network), expected);
  check_refused(network, -1, "layer: got -1");
  check_refused(network, count, "layer: got");
  od_network_destroy(network);
}

static void test_default_layer(void) {
  const od_layer scores = dense(3, false), first = conv(4, 3, 1, true, false);
  check_default_layer((od_layer[]){FLATTEN, scores}, 2, -1);
  check_default_layer((od_layer[]){first, FLATTEN, scores}, 3, 0);
  check_default_layer((od_layer[]){first, batch_norm(0.9), RELU, POOL, FLATTEN, scores}, 6, 2);
  check_default_layer((od_layer[]){first, POOL, first, RELU, dropout(0.1), FLATTEN, scores}, 7, 3);
}

int main(void) {
  RUN(test_against_definitions);
  RUN(test_default_layer);
  return check_end();
}
