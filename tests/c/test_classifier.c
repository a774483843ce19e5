/* digit/: the classifier against its definition, test-time augmentation, and pictures of single
 * digits to input. */
#include "base/math.h"
#include "check.h"
#include "digit/classifier.h"
#include "digit/input.h"
#include "digit/preprocess.h"
#include "digit/tta.h"
#include "networks.h"
#include "tables.h"

enum { SIZE = OD_DIGIT_SIDE * OD_DIGIT_SIDE, COUNT = 21, CLASSES = OD_DIGITS + 1 };

static od_rng rng;
static od_tta *tta;

static uint8_t random_byte(void) { return (uint8_t)od_rng_below(&rng, 256); }

/* A network of random weights, of 10 or 11 classes. */
static od_network *make_network(int classes) {
  const od_layer layers[] = {POOL, conv(4, 3, 1, true, true), POOL, FLATTEN, dense(classes, false)};
  od_network *network;
  if (od_network_create((od_shape){OD_DIGIT_SIDE, OD_DIGIT_SIDE, 1}, layers, 5, &network, NULL))
    exit(EXIT_FAILURE);
  randomize(network, 7);
  return network;
}

static void fill_images(uint8_t *images) {
  for (int i = 0; i < COUNT * SIZE; i++) images[i] = od_rng_below(&rng, 3) ? 0 : random_byte();
  memset(images + 4 * SIZE, 90, SIZE); /* an image of one level */
}

/* ---- the definition ---- */

typedef struct answer {
  double probabilities[OD_DIGITS], digit_score, confidence;
  int digit;
} answer;

/* The image at (y, x), bilinear; 0 outside. */
static double sample_at(const uint8_t *image, double y, double x) {
  const int top = (int)floor(y), left = (int)floor(x);
  double sum = 0;
  for (int row = top; row <= top + 1; row++)
    for (int column = left; column <= left + 1; column++) {
      if (row < 0 || row >= OD_DIGIT_SIDE || column < 0 || column >= OD_DIGIT_SIDE) continue;
      sum += (1 - fabs(y - row)) * (1 - fabs(x - column)) * image[row * OD_DIGIT_SIDE + column];
    }
  return sum;
}

static void warp(const uint8_t *image, int which, od_real *warped) {
  const double pi = 3.14159265358979323846, angle = 8 * pi / 180;
  const double matrices[OD_TTA_WARPS][4] = {{cos(angle), -sin(angle), sin(angle), cos(angle)},
                                            {cos(angle), sin(angle), -sin(angle), cos(angle)},
                                            {1 / 0.9, 0, 0, 1 / 0.9},
                                            {1 / 1.1, 0, 0, 1 / 1.1},
                                            {1, 0, 0.15, 1},
                                            {1, 0, -0.15, 1}};
  const double *m = matrices[which];
  for (int y = 0; y < OD_DIGIT_SIDE; y++)
    for (int x = 0; x < OD_DIGIT_SIDE; x++)
      warped[y * OD_DIGIT_SIDE + x] =
          (od_real)(sample_at(image, m[0] * (y - 13.5) + m[1] * (x - 13.5) + 13.5,
                              m[2] * (y - 13.5) + m[3] * (x - 13.5) + 13.5) /
                    255);
}

static void scores_of(const runner *model, const od_real *pixels, double temperature,
                      double *scores) {
  od_real found[CLASSES], *input = od_workspace_input(model->workspace, 0);
  memcpy(input, pixels, SIZE * sizeof *input);
  od_model_run_slice(model->model, model->workspace, 0, 1, found);
  for (int c = 0; c < od_model_classes(model->model); c++)
    scores[c] = (double)found[c] / temperature;
}

/* The expected answer for one image, by the definition in digit/classifier.h. */
static answer define(const runner *model, const uint8_t *image, double temperature,
                     double tta_threshold) {
  answer a = {.digit_score = 1};
  od_real pixels[SIZE];
  double scores[CLASSES], all[CLASSES];
  bool uniform = true;
  for (int i = 0; i < SIZE; i++) {
    pixels[i] = (od_real)image[i] / 255;
    uniform = uniform && image[i] == image[0];
  }
  scores_of(model, pixels, temperature, scores);
  od_softmax_double(OD_DIGITS, scores, a.probabilities);
  if (od_model_classes(model->model) == CLASSES) {
    od_softmax_double(CLASSES, scores, all);
    a.digit_score = uniform ? 0 : 1 - all[OD_NON_DIGIT];
  }
  a.digit = (int)od_argmax_double(OD_DIGITS, a.probabilities);
  if (a.probabilities[a.digit] < tta_threshold) {
    double logs[OD_DIGITS];
    for (int d = 0; d < OD_DIGITS; d++) logs[d] = 2 * log(fmax(a.probabilities[d], 1e-7));
    for (int k = 0; k < OD_TTA_WARPS; k++) {
      double probabilities[OD_DIGITS];
      warp(image, k, pixels);
      scores_of(model, pixels, temperature, scores);
      od_softmax_double(OD_DIGITS, scores, probabilities);
      for (int d = 0; d < OD_DIGITS; d++) logs[d] += log(fmax(probabilities[d], 1e-7));
    }
    for (int d = 0; d < OD_DIGITS; d++) logs[d] /= 2 + OD_TTA_WARPS;
    od_softmax_double(OD_DIGITS, logs, a.probabilities);
    a.digit = (int)od_argmax_double(OD_DIGITS, a.probabilities);
  }
  a.confidence = a.probabilities[a.digit] * a.digit_score;
  return a;
}

static void check_answers(const od_classifier *classifier, const runner *model,
                          const uint8_t *images, double reject) {
  int64_t digits[COUNT];
  od_real probabilities[COUNT * OD_DIGITS];
  double digit_scores[COUNT], confidences[COUNT];
  const od_images batch = {.bytes = images, .count = COUNT, .size = SIZE, .scale = 1.0 / 255};
  const od_classification result = {digits, probabilities, digit_scores, confidences, reject};
  od_classify(classifier, model->workspace, NULL, &batch, &result);
  for (int i = 0; i < COUNT; i++) {
    const answer want = define(model, images + i * SIZE, classifier->temperature,
                               classifier->tta ? classifier->tta_threshold : 0);
    for (int d = 0; d < OD_DIGITS; d++)
      CHECK_NEAR(probabilities[i * OD_DIGITS + d], want.probabilities[d], 2e-5);
    CHECK_NEAR(digit_scores[i], want.digit_score, 2e-5);
    CHECK_NEAR(confidences[i], want.confidence, 4e-5);
    CHECK_INT(digits[i], confidences[i] < reject ? -1 : want.digit);
  }
}

static void test_definition(void) {
  uint8_t images[COUNT * SIZE];
  fill_images(images);
  for (int classes = OD_DIGITS; classes <= CLASSES; classes++) {
    od_network *network = make_network(classes);
    for (int t = 0; table(t); t++) {
      runner model;
      if (!CHECK_INT(runner_create(network, table(t), OD_FLOAT32, 1, &model, NULL), OD_OK)) break;
      for (int k = 0; k < 4; k++) {
        const od_classifier classifier = {model.model, k & 2 ? tta : NULL, 0.9, k & 1 ? 2.5 : 1};
        CHECK_CASE("%d classes, table %d, case %d", classes, t, k);
        check_answers(&classifier, &model, images, k == 3 ? 0.3 : 0);
      }
      runner_destroy(&model);
    }
    od_network_destroy(network);
  }
}

/* The same bits at any number of threads, and in a batch as alone. */
static void test_threads(void) {
  uint8_t images[COUNT * SIZE];
  od_real alone[COUNT * OD_DIGITS], together[COUNT * OD_DIGITS];
  od_network *network = make_network(CLASSES);
  runner model;
  fill_images(images);
  CHECK_INT(runner_create(network, last_table(), OD_FLOAT32, 3, &model, NULL), OD_OK);
  const od_classifier classifier = {model.model, tta, 0.9, 1};
  for (int i = 0; i < COUNT; i++) {
    const od_images one = {.bytes = images + i * SIZE, .count = 1, .size = SIZE, .scale = 1. / 255};
    const od_classification result = {.probabilities = alone + i * OD_DIGITS};
    od_classify(&classifier, model.workspace, NULL, &one, &result);
  }
  for (int threads = 1; threads <= 4; threads++) { /* the workspace has room for 3 */
    od_thread_pool *workers;
    CHECK_INT(od_thread_pool_create(threads, &workers, NULL), OD_OK);
    const od_images all = {.bytes = images, .count = COUNT, .size = SIZE, .scale = 1. / 255};
    const od_classification result = {.probabilities = together};
    od_classify(&classifier, model.workspace, workers, &all, &result);
    CHECK(memcmp(alone, together, sizeof alone) == 0);
    od_thread_pool_destroy(workers);
  }
  runner_destroy(&model);
  od_network_destroy(network);
}

static void test_all_classes(void) {
  uint8_t images[COUNT * SIZE];
  od_real all[COUNT * CLASSES];
  od_network *network = make_network(CLASSES);
  runner model;
  fill_images(images);
  CHECK_INT(runner_create(network, last_table(), OD_FLOAT32, 1, &model, NULL), OD_OK);
  const od_classifier classifier = {model.model, NULL, 0, 2};
  const od_images batch = {.bytes = images, .count = COUNT, .size = SIZE, .scale = 1. / 255};
  od_classify_all(&classifier, model.workspace, NULL, &batch, all);
  for (int i = 0; i < COUNT; i++) {
    double scores[CLASSES], want[CLASSES];
    od_real pixels[SIZE];
    for (int k = 0; k < SIZE; k++) pixels[k] = (od_real)images[i * SIZE + k] / 255;
    scores_of(&model, pixels, 2, scores);
    od_softmax_double(CLASSES, scores, want);
    for (int c = 0; c < CLASSES; c++) CHECK_NEAR(all[i * CLASSES + c], want[c], 2e-5);
  }
  runner_destroy(&model);
  od_network_destroy(network);
}

static void test_is_classifier(void) {
  const od_shape right = {28, 28, 1};
  CHECK(od_is_classifier(right, 10, 1) && od_is_classifier(right, 11, 1));
  CHECK(!od_is_classifier(right, 9, 1) && !od_is_classifier(right, 12, 1));
  CHECK(!od_is_classifier(right, 10, 2) && !od_is_classifier((od_shape){28, 28, 3}, 10, 1));
  CHECK(!od_is_classifier((od_shape){27, 28, 1}, 10, 1));
}

/* ---- input ---- */

enum { SIDE = 40 };

/* An image of a cross; RGB values are gray. */
static void draw_cross(int channels, uint8_t foreground, uint8_t background, uint8_t alpha,
                       uint8_t *pixels) {
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++, pixels += channels) {
      const bool inside = y > 6 && y < 34 && x > 10 && x < 30;
      const bool stroke = inside && (abs(y - 20) < 2 || abs(x - 20) < 2);
      for (int c = 0; c < channels && c < 3; c++) pixels[c] = stroke ? foreground : background;
      if (channels == 4) pixels[3] = stroke ? 255 : alpha;
    }
}

static void input_of(const od_picture *picture, float *input) {
  od_image_workspace workspace = {.kernels = last_table()};
  CHECK_INT(od_picture_to_input(&workspace, picture, input, NULL), OD_OK);
  od_image_workspace_release(&workspace);
}

static void test_forms_of_a_picture(void) {
  uint8_t pixels[4 * SIDE * SIDE];
  float floats[SIDE * SIDE], want[SIZE], got[SIZE];
  od_image_workspace workspace = {.kernels = last_table()};
  draw_cross(1, 20, 230, 0, pixels);
  CHECK_INT(od_preprocess_digit(&workspace, SIDE, SIDE, SIDE, pixels, NULL, want, NULL), OD_OK);
  input_of(&(od_picture){.bytes = pixels, .h = SIDE, .w = SIDE, .channels = 1}, got);
  CHECK(memcmp(want, got, sizeof want) == 0);
  for (int i = 0; i < SIDE * SIDE; i++) floats[i] = (float)pixels[i] / 255;
  input_of(&(od_picture){.floats = floats, .scale = 1, .h = SIDE, .w = SIDE, .channels = 1}, got);
  CHECK(memcmp(want, got, sizeof want) == 0);
  draw_cross(3, 20, 230, 0, pixels);
  input_of(&(od_picture){.bytes = pixels, .h = SIDE, .w = SIDE, .channels = 3}, got);
  CHECK(memcmp(want, got, sizeof want) == 0);
  draw_cross(4, 20, 230, 255, pixels);
  input_of(&(od_picture){.bytes = pixels, .h = SIDE, .w = SIDE, .channels = 4}, got);
  CHECK(memcmp(want, got, sizeof want) == 0);
  od_image_workspace_release(&workspace);
}

static void test_background(void) {
  uint8_t pixels[4 * SIDE * SIDE], gray[SIDE * SIDE];
  od_image_workspace workspace = {.kernels = last_table()};
  const od_picture picture = {.bytes = pixels, .h = SIDE, .w = SIDE, .channels = 4};
  draw_cross(4, 0, 0, 0, pixels); /* black on transparent: the background is white */
  CHECK_INT(od_picture_to_gray(&workspace, &picture, gray, NULL), OD_OK);
  CHECK_INT(gray[0], 255);
  CHECK_INT(gray[20 * SIDE + 20], 0);
  draw_cross(4, 255, 0, 0, pixels); /* white on transparent: the background is black */
  CHECK_INT(od_picture_to_gray(&workspace, &picture, gray, NULL), OD_OK);
  CHECK_INT(gray[0], 0);
  CHECK_INT(gray[20 * SIDE + 20], 255);
  od_image_workspace_release(&workspace);
}

/* Bits of 0 and 1 are 0 and 255, and floats round to even. */
static void test_values(void) {
  const float halves[] = {0.5f, 1.5f, 2.5f, 254.5f, 255.2f, -0.2f};
  const uint8_t bits[] = {0, 1, 1, 0, 1, 0}, want_bits[] = {0, 255, 255, 0, 255, 0};
  const uint8_t want_halves[] = {0, 2, 2, 254, 255, 0};
  uint8_t gray[6];
  od_image_workspace workspace = {.kernels = last_table()};
  const od_picture of_bits = {.bytes = bits, .h = 2, .w = 3, .channels = 1};
  const od_picture of_halves = {.floats = halves, .scale = 1. / 255, .h = 3, .w = 2, .channels = 1};
  CHECK_INT(od_picture_to_gray(&workspace, &of_bits, gray, NULL), OD_OK);
  CHECK(memcmp(gray, want_bits, sizeof gray) == 0);
  CHECK_INT(od_picture_to_gray(&workspace, &of_halves, gray, NULL), OD_OK);
  CHECK(memcmp(gray, want_halves, sizeof gray) == 0);
  od_image_workspace_release(&workspace);
}

/* A canonical picture of 28x28 is used as it is. */
static void test_canonical_picture(void) {
  uint8_t pixels[SIZE] = {0};
  float floats[SIZE], got[SIZE];
  for (int i = 0; i < 200; i++) pixels[200 + i] = random_byte();
  pixels[300] = 250;
  input_of(&(od_picture){.bytes = pixels, .h = 28, .w = 28, .channels = 1}, got);
  for (int i = 0; i < SIZE; i++) CHECK_NEAR(got[i], pixels[i] / 255., 1e-7);
  for (int i = 0; i < SIZE; i++) floats[i] = (float)pixels[i] / 255 * 0.99f;
  input_of(&(od_picture){.floats = floats, .scale = 1, .h = 28, .w = 28, .channels = 1}, got);
  CHECK(memcmp(floats, got, sizeof got) == 0);
}

static void test_many_pictures(void) {
  enum { PICTURES = 37 };
  static uint8_t pixels[PICTURES][3 * SIDE * SIDE];
  static float want[PICTURES * SIZE], got[PICTURES * SIZE];
  od_picture pictures[PICTURES];
  od_error error = {{0}};
  for (int i = 0; i < PICTURES; i++) {
    const int channels = i % 2 ? 3 : 1;
    draw_cross(channels, random_byte(), random_byte(), 0, pixels[i]);
    pictures[i] = (od_picture){.bytes = pixels[i], .h = SIDE, .w = SIDE, .channels = channels};
    input_of(&pictures[i], want + i * SIZE);
  }
  for (int threads = 1; threads <= 3; threads++) {
    od_thread_pool *workers;
    CHECK_INT(od_thread_pool_create(threads, &workers, NULL), OD_OK);
    memset(got, 0, sizeof got);
    CHECK_INT(od_pictures_to_inputs(last_table(), workers, PICTURES, pictures, got, &error), OD_OK);
    CHECK(memcmp(want, got, sizeof got) == 0);
    od_thread_pool_destroy(workers);
  }
  pictures[5].w = 0;
  CHECK_INT(od_pictures_to_inputs(last_table(), NULL, PICTURES, pictures, got, &error),
            OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "width");
}

int main(void) {
  od_rng_seed(&rng, 12, 0);
  if (od_tta_create(&tta, NULL)) return EXIT_FAILURE;
  RUN(test_definition);
  RUN(test_threads);
  RUN(test_all_classes);
  RUN(test_is_classifier);
  RUN(test_forms_of_a_picture);
  RUN(test_background);
  RUN(test_values);
  RUN(test_canonical_picture);
  RUN(test_many_pictures);
  od_tta_destroy(tta);
  return check_end();
}
