#include "base/math.h"
#include "digit/classifier.h"
#include "drawing.h"
#include "models.h"
#include "nn/calibration.h"
#include "nn/gradcam.h"
#include "paths.h"
#include "train/trainer.h"

enum { PIXELS = OD_DIGIT_SIDE * OD_DIGIT_SIDE, BATCH = 32, IMAGES = 2 * BATCH };

/* Light digits on black, and their labels. */
typedef struct digits {
  uint8_t pixels[IMAGES * PIXELS], labels[IMAGES];
} digits;

static digits images; /* filled by draw_digits */

static void draw_digits(void) {
  od_rng rng;
  od_rng_seed(&rng, 2, 0);
  for (int i = 0; i < IMAGES; i++) {
    picture p = {OD_DIGIT_SIDE, OD_DIGIT_SIDE, images.pixels + i * PIXELS};
    images.labels[i] = (uint8_t)(i % OD_DIGITS);
    draw_digit(&p, i % OD_DIGITS, (double[]){8, 4}, 20, 255, &rng);
  }
}

static od_images first_images(size_t count) {
  return (od_images){.bytes = images.pixels, .count = count, .size = PIXELS, .scale = 1.0 / 255};
}

/* ---- predict ---- */

typedef struct prediction {
  runner model;
  od_classifier classifier;
  od_images images;
  int64_t digits[BATCH];
  double confidences[BATCH];
} prediction;

static void classify(void *context) {
  prediction *p = context;
  const od_classification result = {.digits = p->digits, .confidences = p->confidences};
  od_classify(&p->classifier, p->model.workspace, NULL, &p->images, &result);
}

static void calibrate(od_network *network, const od_kernels *kernels) {
  const od_images all = first_images(IMAGES);
  od_error error;
  require(od_network_calibrate(network, kernels, NULL, &all, &error), &error);
}

static void predict(const od_kernels *kernels, od_precision precision, size_t count,
                    const od_tta *tta) {
  draw_digits();
  od_network *network = default_network();
  if (precision == OD_INT8) calibrate(network, kernels);
  prediction p = {.model = runner_of(network, kernels, precision), .images = first_images(count)};
  p.classifier = (od_classifier){p.model.model, tta, .tta_threshold = 1, .temperature = 1};
  measure(classify, &p);
  for (size_t i = 0; i < count; i++)
    expect(p.digits[i] >= 0 && p.digits[i] < OD_DIGITS && p.confidences[i] > 0, "digits");
  runner_destroy(&p.model);
}

static void path_predict_one(const od_kernels *kernels) { predict(kernels, OD_FLOAT32, 1, NULL); }

static void path_predict_one_with_tta(const od_kernels *kernels) {
  od_tta *tta;
  od_error error;
  require(od_tta_create(&tta, &error), &error);
  predict(kernels, OD_FLOAT32, 1, tta);
  od_tta_destroy(tta);
}

static void path_predict_batch(const od_kernels *kernels) {
  predict(kernels, OD_FLOAT32, BATCH, NULL);
}

static void path_predict_batch_int8(const od_kernels *kernels) {
  predict(kernels, OD_INT8, BATCH, NULL);
}

/* ---- train ---- */

typedef struct training {
  od_trainer *trainer;
  od_train_data data;
} training;

static const od_train_config seed_recipe = {
    .epochs = 1,
    .batch_size = BATCH,
    .seed = 1,
    .optimizer = {.kind = OD_ADAM, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7},
    .schedule = {.kind = OD_CONSTANT, .peak = 1e-3, .divisor = 1, .final_divisor = 1},
    .augment = {4,
                {{OD_AUGMENT_ROTATION, 1, OD_FILL_REFLECT, 0, {{-0.1, 0.1}}},
                 {OD_AUGMENT_TRANSLATION,
                  1,
                  OD_FILL_REFLECT,
                  0,
                  {.translation = {{-0.1, 0.1}, {-0.1, 0.1}}}},
                 {OD_AUGMENT_ZOOM, 1, OD_FILL_REFLECT, 0, {{-0.1, 0.1}}},
                 {OD_AUGMENT_CONTRAST, 1, OD_FILL_REFLECT, 0, {{0, 0.1}}}}}};

static void train(void *context) {
  training *t = context;
  od_error error;
  require(od_trainer_run(t->trainer, NULL, &t->data, NULL, NULL, &error), &error);
}

/* An epoch of two steps, with the augmentation of the recipe "seed". */
static void path_training_step(const od_kernels *kernels) {
  training t = {.data = {.images = first_images(IMAGES), .labels = images.labels}};
  od_network *network = seed_network();
  const od_real before = od_network_values(network)[0];
  od_error error;
  draw_digits();
  require(od_trainer_create(network, kernels, 1, &seed_recipe, &t.trainer, &error), &error);
  measure(train, &t);
  expect(od_network_values(network)[0] != before, "other weights");
  od_trainer_destroy(t.trainer);
  od_network_destroy(network);
}

/* ---- explain ---- */

typedef struct explanation {
  od_gradcam *gradcam;
  od_real heatmap[PIXELS];
} explanation;

static void explain(void *context) {
  explanation *e = context;
  const od_images one = first_images(1);
  od_real scores[OD_DIGITS + 1], map[PIXELS];
  od_gradcam_forward(e->gradcam, &one, 0, scores);
  od_gradcam_map(e->gradcam, (int)od_argmax(OD_DIGITS, scores), map);
  od_gradcam_upsample(e->gradcam, map, e->heatmap);
}

static void path_gradcam(const od_kernels *kernels) {
  explanation e;
  od_network *network = default_network();
  od_error error;
  draw_digits();
  require(
      od_gradcam_create(network, kernels, od_gradcam_default_layer(network), &e.gradcam, &error),
      &error);
  measure(explain, &e);
  od_real max = 0;
  for (int i = 0; i < PIXELS; i++) max = e.heatmap[i] > max ? e.heatmap[i] : max;
  expect(max > 0, "a heat map");
  od_gradcam_destroy(e.gradcam);
  od_network_destroy(network);
}

const path network_paths[] = {{"predict_one", path_predict_one},
                              {"predict_one_with_tta", path_predict_one_with_tta},
                              {"predict_batch", path_predict_batch},
                              {"predict_batch_int8", path_predict_batch_int8},
                              {"training_step", path_training_step},
                              {"gradcam", path_gradcam},
                              {NULL, NULL}};
