/* nn/ctc and line recognizers: the loss against the sum over all paths, its gradient against
 * central differences, and line images of any width against a network for that width. */
#include "base/memory.h"
#include "base/rng.h"
#include "check.h"
#include "networks.h"
#include "nn/gradient.h"
#include "nn/calibration.h"
#include "nn/workspace.h"
#include "nn/ctc.h"
#include "tables.h"

enum { MAX_STEPS = 5, CLASSES = 4, BLANK = CLASSES - 1 };

static od_rng rng;

static int draw(int low, int high) { /* both included */
  return low + (int)od_rng_below(&rng, (uint64_t)(high - low + 1));
}

static int draw_labels(int steps, uint8_t *labels) {
  int length;
  do {
    length = draw(0, steps);
    for (int i = 0; i < length; i++) labels[i] = (uint8_t)draw(0, BLANK - 1);
  } while (od_ctc_min_steps(labels, (size_t)length, BLANK) > (size_t)steps);
  return length;
}

/* The probability of all paths, each a number in base CLASSES, that give the labels. */
static double sum_paths(int steps, const double *scores, const uint8_t *labels, int length) {
  double total = 0;
  long paths = 1;
  for (int t = 0; t < steps; t++) paths *= CLASSES;
  for (long path = 0; path < paths; path++) {
    double probability = 1;
    int count = 0, before = BLANK;
    bool same = true;
    long left = path;
    for (int t = 0; t < steps; t++, left /= CLASSES) {
      int class = (int)(left % CLASSES);
      double sum = 0;
      for (int k = 0; k < CLASSES; k++) sum += exp(scores[t * CLASSES + k]);
      probability *= exp(scores[t * CLASSES + class]) / sum;
      if (class != before && class != BLANK) {
        same = same && count < length && labels[count] == class;
        count++;
      }
      before = class;
    }
    if (same && count == length) total += probability;
  }
  return total;
}

static double loss_of(int steps, const double *scores, const uint8_t *labels, int length,
                      od_real *gradient) {
  od_real numbers[MAX_STEPS * CLASSES];
  bool correct;
  for (int i = 0; i < steps * CLASSES; i++) numbers[i] = (od_real)scores[i];
  void *scratch = od_allocate(od_ctc_scratch((size_t)steps, CLASSES), 1);
  const od_ctc_args args = {.steps = (size_t)steps,
                            .classes = CLASSES,
                            .scores = numbers,
                            .labels = labels,
                            .length = (size_t)length,
                            .weight = 1,
                            .gradient = gradient,
                            .scratch = scratch};
  const double loss = od_ctc_loss(&args, &correct);
  od_release(scratch);
  return loss;
}

static void test_loss(void) {
  for (int i = 0; i < 100; i++) {
    const int steps = draw(1, MAX_STEPS);
    double scores[MAX_STEPS * CLASSES];
    uint8_t labels[MAX_STEPS + 1];
    od_real gradient[MAX_STEPS * CLASSES];
    for (int k = 0; k < steps * CLASSES; k++) scores[k] = (double)(float)od_rng_range(&rng, -4, 4);
    const int length = draw_labels(steps, labels);
    labels[length] = BLANK;
    CHECK_CASE("case %d, %d steps, %d labels", i, steps, length);
    const double loss = loss_of(steps, scores, labels, length + (length < steps), gradient);
    const double expected = -log(sum_paths(steps, scores, labels, length));
    CHECK(fabs(loss - expected) <= 1e-6 * (1 + fabs(expected)));
    const double delta = 1e-3;
    for (int k = 0; k < steps * CLASSES; k++) {
      const double at = scores[k];
      scores[k] = at + delta;
      const double above = -log(sum_paths(steps, scores, labels, length));
      scores[k] = at - delta;
      const double below = -log(sum_paths(steps, scores, labels, length));
      scores[k] = at;
      CHECK(fabs((above - below) / (2 * delta) - (double)gradient[k]) < 1e-5);
    }
  }
}

static void test_extremes(void) {
  const double scores[] = {900, -900, 0, 0, -900, 900, 0, 0, 0, 0, 0, 900};
  const uint8_t likely[] = {0, 1}, unlikely[] = {1, 0, 1};
  od_real gradient[12];
  CHECK(loss_of(3, scores, likely, 2, gradient) < 1e-6);
  CHECK(isfinite(loss_of(3, scores, unlikely, 3, gradient)));
  for (int i = 0; i < 12; i++) CHECK(isfinite((double)gradient[i]));
  CHECK_INT(od_ctc_min_steps((const uint8_t[]){1, 1, 2, 2, 2}, 5, BLANK), 8);
  CHECK_INT(od_ctc_min_steps((const uint8_t[]){1, 1, BLANK, 2, 2}, 5, BLANK), 3);
  CHECK_INT(od_ctc_min_steps(NULL, 0, BLANK), 0);
}

static void test_best_path(void) {
  const od_real scores[] = {0, 9, 0, 0, 0, 9, 0, 0, 0, 0, 0, 9, 0, 9, 0, 0, 9, 0, 0, 0, 0, 0, 0, 9};
  uint8_t labels[6];
  CHECK_INT(od_ctc_best_path(6, CLASSES, scores, labels), 3);
  CHECK_INT(labels[0], 1);
  CHECK_INT(labels[1], 1);
  CHECK_INT(labels[2], 0);
}

/* -- networks -- */

static od_network *make_recognizer(int width) {
  const od_layer layers[] = {conv(8, 3, 1, true, true),
                             POOL,
                             without_bias(conv(9, 3, 1, true, false)),
                             batch_norm(0.9),
                             RELU,
                             pool(2, 1),
                             SEQUENCE,
                             rectangular(conv(10, 3, 1, true, true), 1, 3),
                             conv(CLASSES, 1, 1, true, false)};
  od_network *network;
  od_error error = {{0}};
  if (od_network_create((od_shape){8, width, 1}, layers, (int)(sizeof layers / sizeof *layers),
                        &network, &error)) {
    printf("%s\n", error.message);
    exit(EXIT_FAILURE);
  }
  randomize(network, 5);
  return network;
}

typedef struct line_images {
  size_t size;
  const float *pixels;
} line_images;

static void load_line(void *context, int index, int worker, od_real *pixels) {
  const line_images *from = context;
  (void)worker;
  for (size_t i = 0; i < from->size; i++)
    pixels[i] = (od_real)from->pixels[(size_t)index * from->size + i];
}

static void test_gradient(void) {
  enum { LINES = 9, WIDTH = 12, LENGTH = 4 };
  od_network *network = make_recognizer(WIDTH);
  static float pixels[LINES * 8 * WIDTH];
  uint8_t labels[LINES * LENGTH];
  memset(labels, BLANK, sizeof labels);
  for (size_t i = 0; i < sizeof pixels / sizeof *pixels; i++)
    pixels[i] = (float)od_rng_range(&rng, -1, 1);
  for (int i = 0; i < LINES; i++)
    for (int k = 0, length = draw(0, 3); k < length; k++)
      labels[i * LENGTH + k] = (uint8_t)draw(0, BLANK - 1);
  line_images context = {8 * WIDTH, pixels};
  od_batch batch = {load_line, &context, labels, LENGTH, NULL, NULL, LINES, 1};
  od_gradient *gradient;
  od_error error = {{0}};
  CHECK_INT(od_gradient_create(network, last_table(), OD_FLOAT32, LINES, 2, &gradient, &error),
            OD_OK);
  const size_t n = od_network_trainable_size(network);
  od_real *values = od_allocate(n, sizeof *values), *unused = od_allocate(n, sizeof *unused);
  od_real *weights = od_network_values(network);
  loss_and_gradient(gradient, NULL, &batch, 0, values);
  const double step = sizeof(od_real) == sizeof(double) ? 1e-6 : 1e-2;
  const double tolerance = sizeof(od_real) == sizeof(double) ? 1e-6 : 5e-2;
  for (size_t i = 0; i < n; i += 7) {
    const od_real at = weights[i];
    weights[i] = at + (od_real)step;
    const double above = loss_and_gradient(gradient, NULL, &batch, 0, unused).loss;
    weights[i] = at - (od_real)step;
    const double below = loss_and_gradient(gradient, NULL, &batch, 0, unused).loss;
    weights[i] = at;
    CHECK_CASE("number %zu", i);
    CHECK(fabs((above - below) / (2 * step) - (double)values[i]) <=
          tolerance * (1 + fabs((double)values[i])));
  }
  od_release(values);
  od_release(unused);
  od_gradient_destroy(gradient);
  od_network_destroy(network);
}

/* A network for line images 40 pixels wide gives the scores of a network for `width` on one of
 * that width. */
static void test_widths(void) {
  enum { WIDEST = 40 };
  od_network *wide = make_recognizer(WIDEST);
  runner inference, other;
  od_error error = {{0}};
  uint8_t pixels[2 * 8 * WIDEST];
  for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)draw(0, 255);
  CHECK_INT(runner_create(wide, last_table(), OD_FLOAT32, 2, &inference, &error), OD_OK);
  CHECK_INT(od_model_sequence_length_at(inference.model, WIDEST + 1), 0);
  CHECK_INT(od_model_sequence_length_at(inference.model, 1), 0);
  for (int width = 2; width <= WIDEST; width++) {
    od_network *narrower = make_recognizer(width);
    const int steps = od_network_sequence_length(narrower);
    od_real got[2 * WIDEST * CLASSES], expected[2 * WIDEST * CLASSES];
    CHECK_CASE("width %d", width);
    CHECK_INT(od_model_sequence_length_at(inference.model, width), steps);
    CHECK_INT(runner_create(narrower, last_table(), OD_FLOAT32, 1, &other, &error), OD_OK);
    const size_t size = 8 * (size_t)width;
    const od_images images = {.bytes = pixels, .count = 2, .size = size, .scale = 1.0 / 255};
    runner_run(&other, NULL, &images, true, expected);
    const od_line_image lines[] = {{pixels, width, got},
                                   {pixels + size, width, got + steps * CLASSES}};
    od_model_run_lines(inference.model, inference.workspace, NULL, 2, lines, 1.0 / 255, true);
    if (steps > 1)
      for (int i = 0; i < 2 * steps * CLASSES; i++) CHECK(got[i] == expected[i]);
    runner_destroy(&other);
    od_network_destroy(narrower);
  }
  runner_destroy(&inference);
  od_network_destroy(wide);
}

int main(void) {
  od_rng_seed(&rng, 44, 0);
  RUN(test_loss);
  RUN(test_extremes);
  RUN(test_best_path);
  RUN(test_gradient);
  RUN(test_widths);
  return check_end();
}
