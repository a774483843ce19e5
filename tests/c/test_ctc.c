/* Networks that read lines: their loss against all ways written out, its gradient against
 * central differences, and lines of any width against a network made for that width. */
#include "base/memory.h"
#include "base/rng.h"
#include "check.h"
#include "networks.h"
#include "nn/gradient.h"
#include "nn/calibration.h"
#include "nn/workspace.h"
#include "nn/ctc.h"
#include "tables.h"

enum { MOST_COLUMNS = 5, CLASSES = 4, BLANK = CLASSES - 1 };

static od_rng rng;

static int draw(int low, int high) { /* both included */
  return low + (int)od_rng_below(&rng, (uint64_t)(high - low + 1));
}

static int draw_labels(int columns, uint8_t *labels) {
  int length;
  do {
    length = draw(0, columns);
    for (int i = 0; i < length; i++) labels[i] = (uint8_t)draw(0, BLANK - 1);
  } while (od_ctc_min_columns(labels, (size_t)length, BLANK) > (size_t)columns);
  return length;
}

/* The probability of all ways, each a number in base CLASSES, that come to the labels. */
static double sum_ways(int columns, const double *scores, const uint8_t *labels, int length) {
  double total = 0;
  long ways = 1;
  for (int t = 0; t < columns; t++) ways *= CLASSES;
  for (long way = 0; way < ways; way++) {
    double probability = 1;
    int count = 0, before = BLANK;
    bool same = true;
    long left = way;
    for (int t = 0; t < columns; t++, left /= CLASSES) {
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

static double loss_of(int columns, const double *scores, const uint8_t *labels, int length,
                      od_real *gradient) {
  od_real numbers[MOST_COLUMNS * CLASSES];
  bool right;
  for (int i = 0; i < columns * CLASSES; i++) numbers[i] = (od_real)scores[i];
  void *scratch = od_allocate(od_ctc_scratch((size_t)columns, CLASSES), 1);
  const double loss = od_ctc_loss((size_t)columns, CLASSES, numbers, labels, (size_t)length, 1,
                                   gradient, scratch, &right);
  od_release(scratch);
  return loss;
}

static void test_loss(void) {
  for (int i = 0; i < 100; i++) {
    const int columns = draw(1, MOST_COLUMNS);
    double scores[MOST_COLUMNS * CLASSES];
    uint8_t labels[MOST_COLUMNS + 1];
    od_real gradient[MOST_COLUMNS * CLASSES];
    for (int k = 0; k < columns * CLASSES; k++) scores[k] = (double)(float)od_rng_range(&rng, -4, 4);
    const int length = draw_labels(columns, labels);
    labels[length] = BLANK;
    CHECK_CASE("case %d, %d columns, %d labels", i, columns, length);
    const double loss = loss_of(columns, scores, labels, length + (length < columns), gradient);
    const double expected = -log(sum_ways(columns, scores, labels, length));
    CHECK(fabs(loss - expected) <= 1e-6 * (1 + fabs(expected)));
    const double step = 1e-3;
    for (int k = 0; k < columns * CLASSES; k++) {
      const double at = scores[k];
      scores[k] = at + step;
      const double above = -log(sum_ways(columns, scores, labels, length));
      scores[k] = at - step;
      const double below = -log(sum_ways(columns, scores, labels, length));
      scores[k] = at;
      CHECK(fabs((above - below) / (2 * step) - (double)gradient[k]) < 1e-5);
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
  CHECK_INT(od_ctc_min_columns((const uint8_t[]){1, 1, 2, 2, 2}, 5, BLANK), 8);
  CHECK_INT(od_ctc_min_columns((const uint8_t[]){1, 1, BLANK, 2, 2}, 5, BLANK), 3);
  CHECK_INT(od_ctc_min_columns(NULL, 0, BLANK), 0);
}

static void test_reading(void) {
  const od_real scores[] = {0, 9, 0, 0, 0, 9, 0, 0, 0, 0, 0, 9, 0, 9, 0, 0, 9, 0, 0, 0, 0, 0, 0, 9};
  uint8_t labels[6];
  CHECK_INT(od_ctc_best_path(6, CLASSES, scores, labels), 3);
  CHECK_INT(labels[0], 1);
  CHECK_INT(labels[1], 1);
  CHECK_INT(labels[2], 0);
}

/* ---- networks ---- */

static od_network *make_reader(int width) {
  const od_layer layers[] = {conv(8, 3, 1, true, true),
                             POOL,
                             without_bias(conv(9, 3, 1, true, false)),
                             batch_norm(0.9),
                             RELU,
                             pool(2, 1),
                             COLUMNS,
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

typedef struct lines {
  size_t size;
  const float *pixels;
} lines;

static void load_line(void *context, int index, int worker, od_real *pixels) {
  const lines *from = context;
  (void)worker;
  for (size_t i = 0; i < from->size; i++)
    pixels[i] = (od_real)from->pixels[(size_t)index * from->size + i];
}

static void test_gradient(void) {
  enum { LINES = 9, WIDTH = 12, LENGTH = 4 };
  od_network *network = make_reader(WIDTH);
  static float pixels[LINES * 8 * WIDTH];
  uint8_t labels[LINES * LENGTH];
  memset(labels, BLANK, sizeof labels);
  for (size_t i = 0; i < sizeof pixels / sizeof *pixels; i++)
    pixels[i] = (float)od_rng_range(&rng, -1, 1);
  for (int i = 0; i < LINES; i++)
    for (int k = 0, length = draw(0, 3); k < length; k++)
      labels[i * LENGTH + k] = (uint8_t)draw(0, BLANK - 1);
  lines context = {8 * WIDTH, pixels};
  od_batch batch = {load_line, &context, labels, LENGTH, NULL, LINES, 1};
  od_gradient *gradient;
  od_error error = {{0}};
  CHECK_INT(od_gradient_create(network, last_table(), OD_FLOAT32, LINES, 2, &gradient, &error), OD_OK);
  const size_t n = od_network_trainable_size(network);
  od_real *values = od_allocate(n, sizeof *values), *unused = od_allocate(n, sizeof *unused);
  od_real *weights = od_network_values(network);
  od_gradient_run(gradient, NULL, &batch, 0, values);
  const double step = sizeof(od_real) == sizeof(double) ? 1e-6 : 1e-2;
  const double tolerance = sizeof(od_real) == sizeof(double) ? 1e-6 : 5e-2;
  for (size_t i = 0; i < n; i += 7) {
    const od_real at = weights[i];
    weights[i] = at + (od_real)step;
    const double above = od_gradient_run(gradient, NULL, &batch, 0, unused).loss;
    weights[i] = at - (od_real)step;
    const double below = od_gradient_run(gradient, NULL, &batch, 0, unused).loss;
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

/* A network for lines of 40 pixels reads one of `width` as a network for those does. */
static void test_widths(void) {
  enum { WIDEST = 40 };
  od_network *wide = make_reader(WIDEST);
  runner inference, other;
  od_error error = {{0}};
  uint8_t pixels[2 * 8 * WIDEST];
  for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)draw(0, 255);
  CHECK_INT(runner_create(wide, last_table(), OD_FLOAT32, 2, &inference, &error), OD_OK);
  CHECK_INT(od_model_columns_of(inference.model, WIDEST + 1), 0);
  CHECK_INT(od_model_columns_of(inference.model, 1), 0);
  for (int width = 2; width <= WIDEST; width++) {
    od_network *narrow = make_reader(width);
    const int columns = od_network_columns(narrow);
    od_real got[2 * WIDEST * CLASSES], expected[2 * WIDEST * CLASSES];
    CHECK_CASE("width %d", width);
    CHECK_INT(od_model_columns_of(inference.model, width), columns);
    CHECK_INT(runner_create(narrow, last_table(), OD_FLOAT32, 1, &other, &error), OD_OK);
    const size_t size = 8 * (size_t)width;
    const od_images images = {.bytes = pixels, .count = 2, .size = size, .scale = 1.0 / 255};
    runner_run(&other, NULL, &images, true, expected);
    const od_line_image strips[] = {{pixels, width, got}, {pixels + size, width, got + columns * CLASSES}};
    od_model_run_lines(inference.model, inference.workspace, NULL, 2, strips, 1.0 / 255, true);
    if (columns > 1)
      for (int i = 0; i < 2 * columns * CLASSES; i++) CHECK(got[i] == expected[i]);
    runner_destroy(&other);
    od_network_destroy(narrow);
  }
  runner_destroy(&inference);
  od_network_destroy(wide);
}

int main(void) {
  od_rng_seed(&rng, 44, 0);
  RUN(test_loss);
  RUN(test_extremes);
  RUN(test_reading);
  RUN(test_gradient);
  RUN(test_widths);
  return check_end();
}
