/* nn/gradcam: on every network and every layer with maps, scores as the definitions of the
 * layers give them, and maps as small steps of the definitions do. */
#include "check.h"
#include "nn/gradcam.h"
#include "reference.h"
#include "tables.h"

enum { MOST_NUMBERS = 4096, MOST_CHANNELS = 256 };

static bool looks_at(const sample *what, int layer) {
  for (; layer >= 0; layer--) {
    od_layer_kind kind = what->layers[layer].kind;
    if (kind == OD_CONV2D) return true;
    if (kind != OD_BATCH_NORM && kind != OD_RELU && kind != OD_MAX_POOL2D) return false;
  }
  return false;
}

/* The score of the class by layers after `layer`, all places of one channel of maps moved. */
static double moved_score(const od_network *network, int layer, int digit, const double *maps,
                          size_t channel, double step, double *scratch) {
  od_shape shape = od_network_shape_after(network, layer);
  size_t size = od_shape_size(shape), c = (size_t)shape.c;
  memcpy(scratch, maps, size * sizeof *scratch);
  for (size_t at = channel; at < size; at += c) scratch[at] += step;
  reference_run(network, layer + 1, od_network_layer_count(network), false, 1, scratch);
  return scratch[digit];
}

/* The map before its ReLU, want (h, w). Moving all places of a channel together moves the score
 * by the sum of their gradients; the layers are linear in pieces, so that a small step is exact
 * to rounding. False where a number lies on a kink, so that there is no gradient. */
static bool reference_map(const od_network *network, int layer, int digit, const float *pixels,
                          double *want) {
  const double step = 1e-7;
  od_shape shape = od_network_shape_after(network, layer);
  size_t c = (size_t)shape.c, places = (size_t)shape.h * (size_t)shape.w;
  size_t widest = reference_widest(network);
  double *maps = calloc(widest, sizeof *maps), *scratch = calloc(widest, sizeof *scratch);
  for (size_t i = 0; i < od_shape_size(od_network_input(network)); i++)
    maps[i] = (double)pixels[i];
  reference_run(network, 0, layer + 1, false, 1, maps);
  double here = moved_score(network, layer, digit, maps, 0, 0, scratch);
  bool smooth = true;
  memset(want, 0, places * sizeof *want);
  for (size_t channel = 0; channel < c; channel++) {
    double up = moved_score(network, layer, digit, maps, channel, step, scratch) - here;
    double down = here - moved_score(network, layer, digit, maps, channel, -step, scratch);
    smooth = smooth && fabs(up - down) <= 1e-5 * step + 1e-13;
    double change = (up + down) / (2 * step);
    for (size_t at = 0; at < places; at++)
      want[at] += change / (double)places * maps[at * c + channel];
  }
  free(maps);
  free(scratch);
  return smooth;
}

/* What a class and an image should give. */
typedef struct answer {
  int digit;
  const float *pixels;
  double scores[MOST_CHANNELS];
  double map[MOST_NUMBERS];
  bool smooth;
} answer;

/* How far got is from want, relative to the largest; below `low`, `low` counts. */
static double distance(size_t n, const od_real *got, const double *want, double low) {
  double largest = 1e-3, worst = 0;
  for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs(want[i]));
  for (size_t i = 0; i < n; i++) worst = fmax(worst, fabs((double)got[i] - fmax(want[i], low)));
  return worst / largest;
}

static void check_map(const od_network *network, const od_kernels *kernels, int layer,
                      const answer *want) {
  od_gradcam *cam;
  od_error error = {{0}};
  if (!CHECK_INT(od_gradcam_create(network, kernels, layer, &cam, &error), OD_OK)) return;
  size_t classes = (size_t)od_network_classes(network);
  od_shape input = od_network_input(network);
  od_images images = {.floats = want->pixels, .count = 1, .size = od_shape_size(input),
                      .scale = 1};
  od_real scores[MOST_CHANNELS], map[MOST_NUMBERS], heat[MOST_NUMBERS];
  od_gradcam_forward(cam, &images, 0, scores);
  od_gradcam_map(cam, want->digit, map);
  CHECK_NEAR(distance(classes, scores, want->scores, -INFINITY), 0, 200 * ROUNDING);
  if (want->smooth)
    CHECK_NEAR(distance(od_shape_size(od_gradcam_shape(cam)), map, want->map, 0), 0, 1e-5);

  od_gradcam_upsample(cam, map, heat);
  for (int i = 0; i < input.h * input.w; i++) CHECK(heat[i] >= 0 && heat[i] <= 1);
  od_gradcam_destroy(cam);
}

static void check_refused(const od_network *network, int layer, const char *part) {
  od_gradcam *cam = (od_gradcam *)&cam;
  od_error error = {{0}};
  CHECK_INT(od_gradcam_create(network, &od_kernels_scalar, layer, &cam, &error),
            OD_ERROR_ARGUMENT);
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
      if (!looks_at(&what, layer)) {
        check_refused(network, layer, "no maps");
        continue;
      }
      answer want = {.digit = layer % classes, .pixels = data.pixels};
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
  CHECK(maps > 200 && kinks < maps / 10); /* those of images with blank places */
}

static void check_best(const od_layer *layers, int count, int best) {
  od_network *network;
  od_error error = {{0}};
  if (!CHECK_INT(od_network_create((od_shape){12, 12, 1}, layers, count, &network, &error), OD_OK))
    return;
  CHECK_INT(od_gradcam_default_layer(network), best);
  check_refused(network, -1, "layer: got -1");
  check_refused(network, count, "layer: got");
  od_network_destroy(network);
}

static void test_best_layer(void) {
  const od_layer scores = dense(3, false), first = conv(4, 3, 1, true, false);
  check_best((od_layer[]){FLATTEN, scores}, 2, -1);
  check_best((od_layer[]){first, FLATTEN, scores}, 3, 0);
  check_best((od_layer[]){first, batch_norm(0.9), RELU, POOL, FLATTEN, scores}, 6, 2);
  check_best((od_layer[]){first, POOL, first, RELU, dropout(0.1), FLATTEN, scores}, 7, 3);
}

int main(void) {
  RUN(test_against_definitions);
  RUN(test_best_layer);
  return check_end();
}
