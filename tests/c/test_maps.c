/* Networks with a map as output: the loss of labelled pixels and its gradient, and pictures of any
 * size (nn/map.h) against the whole picture in one run. */
#include "base/math.h"
#include "base/thread_pool.h"
#include "check.h"
#include "nn/calibration.h"
#include "nn/gradient.h"
#include "nn/map.h"
#include "reference.h"
#include "tables.h"

enum { IMAGES = 5, CLASSES = 3, CHECKED = 12 };

static const od_shape detector_input = {18, 13, 1};

/* A small detector, with a batch norm; and a network of all other layers that keep rows. */
static int make_detector(od_layer *layers) {
  const od_layer list[] = {conv(8, 3, 2, true, true),
                           batch_norm(0.9),
                           conv(10, 3, 2, true, true),
                           dilated(conv(10, 3, 1, true, true), 2),
                           dilated(conv(8, 3, 1, true, true), 4),
                           conv(CLASSES, 1, 1, true, false)};
  memcpy(layers, list, sizeof list);
  return (int)(sizeof list / sizeof *list);
}

static int make_pooled(od_layer *layers) {
  const od_layer list[] = {conv(6, 5, 1, true, true),
                           POOL,
                           batch_norm(0.9),
                           RELU,
                           rectangular(conv(8, 3, 1, false, true), 1, 3),
                           pool(2, 1),
                           RELU,
                           dilated(conv(9, 3, 1, true, false), 3),
                           POOL,
                           conv(CLASSES, 3, 1, true, false)};
  memcpy(layers, list, sizeof list);
  return (int)(sizeof list / sizeof *list);
}

/* A total stride above that of a step's rows, and padding of more rows than a step has. */
static int make_deep(od_layer *layers) {
  const od_layer list[] = {conv(2, 1, 2, true, false),
                           conv(3, 3, 2, true, false),
                           conv(4, 5, 2, true, true),
                           dilated(conv(8, 3, 1, true, true), 16),
                           dilated(conv(8, 5, 1, true, true), 16),
                           conv(8, 3, 2, true, false),
                           POOL,
                           conv(CLASSES, 1, 1, true, false)};
  memcpy(layers, list, sizeof list);
  return (int)(sizeof list / sizeof *list);
}

static od_network *create(int (*make)(od_layer *), od_shape input) {
  od_layer layers[SAMPLE_LAYERS];
  const int count = make(layers);
  od_network *network;
  od_error error = {{0}};
  if (od_network_create(input, layers, count, &network, &error)) {
    printf("%s\n", error.message);
    exit(EXIT_FAILURE);
  }
  randomize(network, 3);
  return network;
}

/* -- the loss -- */

/* Random labels (n) of pixels, a third of them ignored. */
static uint8_t *draw_labels(size_t n) {
  uint8_t *labels = malloc(n);
  od_rng rng;
  od_rng_seed(&rng, 5, 6);
  for (size_t i = 0; i < n; i++)
    labels[i] = od_rng_below(&rng, 3) ? (uint8_t)od_rng_below(&rng, CLASSES) : OD_IGNORE_LABEL;
  return labels;
}

typedef struct subject {
  od_network *network;
  od_gradient *gradient;
  sample_data data;
  od_batch batch;
  od_real *values;
  size_t pixels;
} subject;

static const double weights[CLASSES] = {0.25, 1, 3};

static subject subject_create(const od_kernels *kernels, int threads, bool weighted) {
  subject s = {.network = create(make_detector, detector_input)};
  const od_shape map = od_network_output(s.network);
  od_error error = {{0}};
  s.pixels = (size_t)map.h * (size_t)map.w;
  s.data = data_create(detector_input, CLASSES, IMAGES, 1);
  free(s.data.labels);
  s.data.labels = draw_labels(IMAGES * s.pixels);
  s.values = od_allocate(od_network_trainable_size(s.network), sizeof *s.values);
  s.batch = (od_batch){.source = data_source,
                       .labels = s.data.labels,
                       .class_weights = weighted ? weights : NULL,
                       .count = IMAGES};
  if (od_gradient_create(s.network, kernels, OD_FLOAT32, IMAGES, threads, &s.gradient, &error)) {
    printf("%s\n", error.message);
    exit(EXIT_FAILURE);
  }
  return s;
}

static void subject_destroy(subject *s) {
  od_gradient_destroy(s->gradient);
  od_release(s->values);
  data_destroy(&s->data);
  od_network_destroy(s->network);
}

static od_loss run(subject *s, od_thread_pool *pool) {
  s->batch.context = &s->data;
  return loss_and_gradient(s->gradient, pool, &s->batch, 0.05, s->values);
}

/* The weighted mean over labelled pixels by its definition, and its counts. */
static od_loss reference_map_loss(const subject *s, bool weighted) {
  const size_t n = IMAGES * s->pixels;
  double *x = calloc((size_t)IMAGES * reference_widest(s->network), sizeof *x), sum = 0;
  od_loss loss = {0};
  for (size_t i = 0; i < IMAGES * s->data.size; i++) x[i] = (double)s->data.pixels[i];
  reference_run(s->network, 0, od_network_layer_count(s->network), true, IMAGES, x);
  for (size_t i = 0; i < n; i++) {
    const uint8_t label = s->data.labels[i];
    if (label == OD_IGNORE_LABEL) continue;
    const double weight = weighted ? weights[label] : 1, *scores = x + i * CLASSES;
    size_t best = od_argmax_double(CLASSES, scores);
    loss.loss += weight * reference_loss(CLASSES, 1, scores, &label, 0.05);
    loss.counted++;
    loss.correct += best == label;
    sum += weight;
  }
  loss.loss /= sum;
  free(x);
  return loss;
}

static void test_loss(void) {
  for (int t = 0; table(t); t++)
    for (int weighted = 0; weighted < 2; weighted++) {
      subject s = subject_create(table(t), 1, weighted);
      CHECK_CASE("%s, weighted %d", table(t)->name, weighted);
      const od_loss want = reference_map_loss(&s, weighted), got = run(&s, NULL);
      CHECK_NEAR(got.loss, want.loss, 5000 * ROUNDING);
      CHECK_INT(got.counted, want.counted);
      CHECK_INT(got.correct, want.correct);
      subject_destroy(&s);
    }
}

/* Without a labelled pixel loss and gradient are 0. */
static void test_all_ignored(void) {
  subject s = subject_create(last_table(), 1, false);
  memset(s.data.labels, OD_IGNORE_LABEL, IMAGES * s.pixels);
  const od_loss loss = run(&s, NULL);
  CHECK_NEAR(loss.loss, 0, 0);
  CHECK_INT(loss.counted, 0);
  for (size_t i = 0; i < od_network_trainable_size(s.network); i++)
    CHECK_NEAR((double)s.values[i], 0, 0);
  subject_destroy(&s);
}

/* The bits are the same at any thread count. */
static void test_thread_counts(void) {
  subject one = subject_create(last_table(), 1, true);
  const size_t bytes = od_network_trainable_size(one.network) * sizeof *one.values;
  const od_loss alone = run(&one, NULL);
  for (int threads = 2; threads <= 3; threads++) {
    subject s = subject_create(last_table(), threads, true);
    od_thread_pool *pool;
    if (!CHECK_INT(od_thread_pool_create(threads, &pool, NULL), OD_OK)) return;
    const od_loss loss = run(&s, pool);
    CHECK(memcmp(&loss.loss, &alone.loss, sizeof loss.loss) == 0);
    CHECK(memcmp(s.values, one.values, bytes) == 0);
    od_thread_pool_destroy(pool);
    subject_destroy(&s);
  }
  subject_destroy(&one);
}

#if defined(OD_DOUBLE)
static double loss_at(subject *s, od_real *number, double value) {
  const od_real kept = *number;
  *number = (od_real)value;
  const double loss = run(s, NULL).loss;
  *number = kept;
  return loss;
}

/* Some numbers of every tensor against central differences at two steps, which differ at a kink of
 * a ReLU. */
static void test_gradient(void) {
  int kinks = 0, checked = 0;
  od_rng rng;
  od_rng_seed(&rng, 1, 2);
  subject s = subject_create(&od_kernels_scalar, 1, true);
  const size_t size = od_network_trainable_size(s.network);
  run(&s, NULL);
  od_real *analytic = od_allocate(size, sizeof *analytic);
  memcpy(analytic, s.values, size * sizeof *analytic);
  for (int t = 0; t < od_network_tensor_count(s.network); t++) {
    const od_tensor *tensor = od_network_tensor(s.network, t);
    for (size_t i = 0; tensor->trainable && i < CHECKED; i++) {
      od_real *number = tensor->data + od_rng_below(&rng, tensor->size);
      const double x = (double)*number, step = 1e-5;
      const double coarse = (loss_at(&s, number, x + step) - loss_at(&s, number, x - step)) / 2e-5;
      const double fine =
          (loss_at(&s, number, x + step / 2) - loss_at(&s, number, x - step / 2)) / 1e-5;
      const bool kink = fabs(fine - coarse) > 1e-8;
      kinks += kink;
      checked += !kink;
      CHECK_CASE("%s", tensor->name);
      if (!kink) CHECK_NEAR((double)analytic[number - od_network_values(s.network)], fine, 1e-8);
    }
  }
  CHECK(checked >= 5 * kinks);
  od_release(analytic);
  subject_destroy(&s);
}
#endif

/* -- pictures of any size -- */

static uint8_t *draw_picture(size_t n) {
  uint8_t *pixels = malloc(n);
  od_rng rng;
  od_rng_seed(&rng, 7, n);
  for (size_t i = 0; i < n; i++)
    pixels[i] = od_rng_below(&rng, 4) ? (uint8_t)od_rng_below(&rng, 256) : 0;
  return pixels;
}

static void calibrate(od_network *network, const od_kernels *kernels) {
  const od_shape in = od_network_input(network);
  uint8_t *pixels = draw_picture(od_shape_size(in));
  const od_images images = {
      .bytes = pixels, .count = 1, .size = od_shape_size(in), .scale = 1.0 / 255};
  CHECK_INT(od_network_calibrate(network, kernels, NULL, &images, NULL), OD_OK);
  free(pixels);
}

/* The largest difference between the scores of a network made for this picture, by od_model_run,
 * and those of one made for another size, by od_model_run_map. */
static double compare(int (*make)(od_layer *), const od_kernels *kernels, od_precision precision,
                      int h, int w) {
  const od_shape in = {h, w, 1};
  od_network *whole = create(make, in), *other = create(make, (od_shape){80, 41, 1});
  calibrate(other, kernels);
  for (int i = 0; i < od_network_layer_count(other); i++) {
    double low, high;
    if (od_network_range(other, i, &low, &high)) od_network_set_range(whole, i, low, high);
  }
  runner one, tiled;
  const od_shape map = od_network_output(whole);
  const size_t size = od_shape_size(map);
  uint8_t *pixels = draw_picture(od_shape_size(in));
  od_real *want = od_allocate(size, sizeof *want), *got = od_allocate(size, sizeof *got);
  double worst = 0;
  CHECK_CASE("%s, precision %d, %d x %d", kernels->name, precision, h, w);
  CHECK_INT(runner_create(whole, kernels, precision, 1, &one, NULL), OD_OK);
  CHECK_INT(runner_create(other, kernels, precision, 1, &tiled, NULL), OD_OK);
  const od_images images = {
      .bytes = pixels, .count = 1, .size = od_shape_size(in), .scale = 1.0 / 255};
  runner_run(&one, NULL, &images, false, want);
  const od_shape shape = od_model_map_shape(tiled.model, h, w);
  CHECK_INT(shape.h, map.h);
  CHECK_INT(shape.w, map.w);
  od_model_run_map(
      tiled.model, tiled.workspace, NULL,
      &(od_map_picture){
          .pixels = pixels, .pitch = (size_t)w, .h = h, .w = w, .scale = 1.0 / 255, .scores = got});
  for (size_t i = 0; i < size; i++) worst = fmax(worst, fabs((double)(got[i] - want[i])));
  od_release(want);
  od_release(got);
  free(pixels);
  runner_destroy(&one);
  runner_destroy(&tiled);
  od_network_destroy(whole);
  od_network_destroy(other);
  return worst;
}

/* Sides that make one part or several, and that end in part of a stride or window. */
static void test_any_size(void) {
  static const int sides[][2] = {{23, 9}, {64, 64}, {131, 90}, {602, 25}, {19, 1024}, {601, 130}};
  int (*const make[])(od_layer *) = {make_detector, make_pooled, make_deep};
  for (int t = 0; table(t); t++)
    for (int precision = OD_FLOAT32; precision <= OD_INT8; precision++)
      for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        const bool large = sides[i][0] * sides[i][1] > 10000;
        if (large && t && table(t + 1)) continue; /* the slowest and the fastest table suffice */
        const double rounding = precision == OD_BFLOAT16 ? 0.05 : 1000 * ROUNDING;
        for (size_t k = 0; k < sizeof make / sizeof *make; k++) {
          if (make[k] == make_deep && sides[i][0] < 64) continue;
          const od_precision type = (od_precision)precision;
          CHECK_NEAR(compare(make[k], table(t), type, sides[i][0], sides[i][1]), 0, rounding);
        }
      }
}

/* All kinds of results, at any number of threads, of a picture with a pitch. */
static void test_results(void) {
  enum { H = 700, W = 1100, PITCH = W + 5 };
  od_network *network = create(make_detector, detector_input);
  runner r;
  CHECK_INT(runner_create(network, last_table(), OD_FLOAT32, 3, &r, NULL), OD_OK);
  const od_shape map = od_model_map_shape(r.model, H, W);
  const size_t pixels = (size_t)map.h * (size_t)map.w, size = pixels * CLASSES;
  uint8_t *picture = draw_picture((size_t)H * PITCH), *bytes = malloc(size),
          *labels = malloc(pixels);
  od_real *first = od_allocate(size, sizeof *first), *scores = od_allocate(size, sizeof *scores);
  od_real *p = od_allocate(size, sizeof *p);
  for (int threads = 1; threads <= 3; threads++) {
    od_thread_pool *pool;
    if (!CHECK_INT(od_thread_pool_create(threads, &pool, NULL), OD_OK)) return;
    od_model_run_map(r.model, r.workspace, pool,
                     &(od_map_picture){picture, PITCH, H, W, 1.0 / 255,
                                       threads > 1 ? scores : first, p, bytes, labels});
    if (threads > 1) CHECK(memcmp(scores, first, size * sizeof *scores) == 0);
    od_thread_pool_destroy(pool);
  }
  int wrong = 0;
  for (size_t i = 0; i < pixels; i++) {
    double want[CLASSES];
    for (size_t k = 0; k < CLASSES; k++) want[k] = (double)scores[i * CLASSES + k];
    wrong += labels[i] != od_argmax_double(CLASSES, want);
    reference_softmax(CLASSES, want);
    for (size_t k = 0; k < CLASSES; k++) {
      wrong += fabs((double)p[i * CLASSES + k] - want[k]) > 100 * ROUNDING;
      wrong += fabs(bytes[i * CLASSES + k] - 255 * want[k]) > 0.51;
    }
  }
  CHECK_INT(wrong, 0);
  od_release(first);
  od_release(scores);
  od_release(p);
  free(picture);
  free(bytes);
  free(labels);
  runner_destroy(&r);
  od_network_destroy(network);
}

/* Scores that are NaN give probabilities that are NaN. */
static void test_nan(void) {
  enum { H = 40, W = 36 };
  od_network *network = create(make_detector, detector_input);
  const od_tensor *kernel =
      od_network_find(network, od_network_layer_count(network) - 1, OD_KERNEL);
  runner r;
  kernel->data[1] = (od_real)NAN;
  CHECK_INT(runner_create(network, last_table(), OD_FLOAT32, 1, &r, NULL), OD_OK);
  const od_shape map = od_model_map_shape(r.model, H, W);
  uint8_t *picture = draw_picture(H * W);
  od_real *p = od_allocate(od_shape_size(map), sizeof *p);
  od_model_run_map(
      r.model, r.workspace, NULL,
      &(od_map_picture){
          .pixels = picture, .pitch = W, .h = H, .w = W, .scale = 1.0 / 255, .probabilities = p});
  size_t numbers = 0;
  for (size_t i = 0; i < od_shape_size(map); i++) numbers += isnan(p[i]) ? 0 : 1;
  CHECK_INT(numbers, 0);
  od_release(p);
  free(picture);
  runner_destroy(&r);
  od_network_destroy(network);
}

/* Windows that multiply to more columns, or to more numbers, than a part may have. */
static void test_too_far(void) {
  static const struct {
    od_shape input;
    int sides[4][2];
    const char *message;
  } cases[] = {
      {{2, 1, 1}, {{1, 1024}, {1, 1024}, {1, 1024}, {1, 4}}, "layer 1 (max_pool2d): 1 columns"},
      {{2, 1, 1}, {{1, 1024}, {1, 65}, {1, 1}, {1, 1}}, "come from 66560, expected at most 65536"},
      {{1024, 8, 512}, {{512, 1024}, {1, 64}, {1, 1}, {1, 1}}, "expected at most 67108864"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    od_layer layers[5];
    od_network *network;
    od_model *model = (od_model *)&model;
    od_error error = {{0}};
    for (int k = 0; k < 4; k++) {
      layers[k] = pool(cases[i].sides[k][0], cases[i].sides[k][1]);
      layers[k].same = true;
    }
    layers[4] = conv(2, 1, 1, true, false);
    CHECK_CASE("case %d", (int)i);
    CHECK_INT(od_network_create(cases[i].input, layers, 5, &network, &error), OD_OK);
    CHECK_INT(od_model_create(network, last_table(), OD_FLOAT32, &model, &error),
              OD_ERROR_ARGUMENT);
    CHECK(model == NULL);
    CHECK_CONTAINS(error.message, cases[i].message);
    od_network_destroy(network);
  }
}

/* Buffers that have room one by one, but not together. */
static void test_too_many_buffers(void) {
  enum { CHANNELS = 14000 };
  od_layer layers[7];
  od_network *network;
  od_model *model = (od_model *)&model;
  od_error error = {{0}};
  layers[0] = conv(CHANNELS, 1, 1, true, false);
  for (int i = 1; i < 6; i++) layers[i] = activation(OD_TANH, 0);
  layers[6] = conv(2, 1, 1, true, false);
  CHECK_INT(od_network_create((od_shape){2, 2, 1}, layers, 7, &network, &error), OD_OK);
  CHECK_INT(od_model_create(network, last_table(), OD_FLOAT32, &model, &error), OD_ERROR_ARGUMENT);
  CHECK(model == NULL);
  CHECK_CONTAINS(error.message, "more than 268435456 numbers in all buffers");
  od_network_destroy(network);
}

static void test_too_small(void) {
  od_network *network = create(make_pooled, (od_shape){40, 41, 1});
  runner r;
  CHECK_INT(runner_create(network, last_table(), OD_FLOAT32, 1, &r, NULL), OD_OK);
  CHECK_INT(od_model_map_shape(r.model, 7, 40).h, 0);
  CHECK_INT(od_model_map_shape(r.model, 40, 4).w, 0);
  CHECK(od_model_map_shape(r.model, 8, 8).h == 1 && od_model_map_shape(r.model, 8, 8).w == 1);
  runner_destroy(&r);
  od_network_destroy(network);
}

int main(void) {
  RUN(test_loss);
  RUN(test_all_ignored);
  RUN(test_thread_counts);
#if defined(OD_DOUBLE)
  RUN(test_gradient);
#endif
  RUN(test_any_size);
  RUN(test_results);
  RUN(test_nan);
  RUN(test_too_far);
  RUN(test_too_many_buffers);
  RUN(test_too_small);
  return check_end();
}
