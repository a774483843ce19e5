/* Classifies a digit and reads a page with the networks of a file that ../wasm.py writes, and
 * measures both: read FILE INSTRUCTION_SET SECONDS. It runs natively and in WebAssembly.
 *
 * The file consists of words between white space; announced bytes follow after one more character:
 *
 *   network 28 28 1 2 0        three of them: detector, recognizer, classifier. The input's shape,
 *   conv2d 32 3 3 1 ...        the number of layers, the precision; of each layer its kind and
 *   ...                        the members that read_layer reads;
 *   values 320 <floats>        all numbers of the network,
 *   ranges 1                   and the ranges of its layers' inputs
 *   conv2d_1 0 1
 *   fusion 0.5 ...             the members of od_fusion
 *   digit 28 28 <bytes>
 *   page 700 500 <bytes>                                                              */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ocrdigit.h"

enum { FUSION_NUMBERS = sizeof(od_fusion) / sizeof(double) };

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("read: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(EXIT_FAILURE);
}

static void require(od_status status, const od_error *error) {
  if (status) die("%s", error->message);
}

/* -- the file -- */

/* Reads by scanf's format; exits if there are not `count` values. */
#define READ(file, count, ...)                                               \
  do {                                                                       \
    if (fscanf(file, __VA_ARGS__) != (count)) die("bad file: %d", __LINE__); \
  } while (0)

static void read_word(FILE *file, const char *word) {
  char found[16];
  READ(file, 1, "%15s", found);
  if (strcmp(found, word) != 0) die("the file has '%s', expected '%s'", found, word);
}

/* Reads n * size bytes after one character of space. */
static void read_bytes(FILE *file, void *bytes, size_t n, size_t size) {
  if (fgetc(file) == EOF || fread(bytes, size, n, file) != n) die("the file ends early");
}

static od_layer read_layer(FILE *file) {
  char kind[32];
  int same, bias, relu, k = 0;
  od_layer layer = {.groups = 1};
  READ(file, 1, "%31s", kind);
  while (k < OD_LAYER_KINDS && strcmp(kind, od_layer_kind_name((od_layer_kind)k)) != 0) k++;
  layer.kind = (od_layer_kind)k; /* an unknown one is refused */
  READ(file, 10, "%d %d %d %d %d %d %d %d %d %d", &layer.units, &layer.kernel[0], &layer.kernel[1],
       &layer.stride, &layer.dilation, &layer.pool[0], &layer.pool[1], &same, &bias, &relu);
  READ(file, 3, "%lf %lf %lf", &layer.rate, &layer.momentum, &layer.epsilon);
  memcpy(layer.step, layer.pool, sizeof layer.step);
  layer.same = same;
  layer.bias = bias;
  layer.relu = relu;
  return layer;
}

static void read_range(FILE *file, od_network *network) {
  char name[32];
  double low, high;
  READ(file, 3, "%31s %lf %lf", name, &low, &high);
  for (int i = 0; i < od_network_layer_count(network); i++)
    if (strcmp(od_network_layer_name(network, i), name) == 0)
      od_network_set_range(network, i, low, high);
}

typedef struct runner {
  od_model *model;
  od_workspace *workspace;
} runner;

static runner read_network(FILE *file, const od_kernels *kernels) {
  od_layer layers[OD_MAX_LAYERS];
  od_shape input;
  od_network *network;
  od_error error;
  runner made;
  size_t size;
  int count, precision, ranges;
  read_word(file, "network");
  READ(file, 5, "%d %d %d %d %d", &input.h, &input.w, &input.c, &count, &precision);
  if (count < 1 || count > OD_MAX_LAYERS) die("%d layers", count);
  for (int i = 0; i < count; i++) layers[i] = read_layer(file);
  require(od_network_create(input, layers, count, &network, &error), &error);
  read_word(file, "values");
  READ(file, 1, "%zu", &size);
  if (size != od_network_total_size(network)) die("%zu numbers do not fit the layers", size);
  read_bytes(file, od_network_values(network), size, sizeof(od_real));
  read_word(file, "ranges");
  READ(file, 1, "%d", &ranges);
  for (int i = 0; i < ranges; i++) read_range(file, network);
  require(od_model_create(network, kernels, (od_precision)precision, &made.model, &error), &error);
  require(od_workspace_create(made.model, 1, &made.workspace, &error), &error);
  od_network_destroy(network);
  return made;
}

static od_fusion read_fusion(FILE *file) {
  double numbers[FUSION_NUMBERS];
  od_fusion fusion;
  read_word(file, "fusion");
  for (int i = 0; i < FUSION_NUMBERS; i++) READ(file, 1, "%lf", &numbers[i]);
  memcpy(&fusion, numbers, sizeof fusion);
  return fusion;
}

static uint8_t *read_image(FILE *file, const char *name, int *h, int *w) {
  read_word(file, name);
  READ(file, 2, "%d %d", h, w);
  if (*h < 1 || *w < 1) die("%s: %d x %d", name, *h, *w);
  uint8_t *pixels = od_allocate((size_t)*h, (size_t)*w);
  if (!pixels) die("no memory for an image of %d x %d", *h, *w);
  read_bytes(file, pixels, (size_t)*h, (size_t)*w);
  return pixels;
}

/* -- what is measured -- */

typedef struct job {
  od_reader reader;
  od_classifier classifier;
  od_fusion fusion;
  uint8_t *digit, *page;
  int h, w; /* of the page */
} job;

/* Prints the digit and, in full, its probabilities. */
static void classify(const job *j, bool print) {
  od_real probabilities[OD_DIGITS];
  int64_t digit;
  const od_images image = {.bytes = j->digit,
                           .count = 1,
                           .size = (size_t)OD_DIGIT_SIDE * OD_DIGIT_SIDE,
                           .scale = 1.0 / 255};
  const od_classification result = {.digits = &digit, .probabilities = probabilities};
  od_error error = {{0}};
  require(od_classify(&j->classifier, j->reader.classifier_workspace, NULL, &image, &result),
          &error);
  if (!print) return;
  printf("digit\t%lld\nprobabilities\t", (long long)digit);
  for (int i = 0; i < OD_DIGITS; i++) printf("%.9g ", (double)probabilities[i]);
  printf("\n");
}

/* Prints the symbols, a line of the page after the other, and their boxes and confidences. */
static void read_page(const job *j, bool print) {
  const od_read_options options = {0};
  od_reading reading;
  od_error error;
  require(od_read(&j->reader, j->h, j->w, j->page, &options, NULL, &reading, &error), &error);
  if (print) printf("text\t");
  for (int i = 0; print && i < reading.count; i++) {
    const bool next = i && reading.symbols[i].line != reading.symbols[i - 1].line;
    printf("%s%c", next ? " " : "", "0123456789.,-+/:"[reading.symbols[i].value]);
  }
  if (print) printf("\nsymbols\t");
  for (int i = 0; print && i < reading.count; i++) {
    const od_symbol *s = &reading.symbols[i];
    printf("%d,%d,%d,%d,%.6f ", s->left, s->top, s->right, s->bottom, (double)s->confidence);
  }
  if (print) printf("\n");
  od_reading_release(&reading);
}

/* Prints the shortest time of one call among those of so many seconds. */
static void measure(const char *name, void (*call)(const job *, bool), const job *j, double limit) {
  const double begin = od_clock_seconds();
  double best = 1e9;
  call(j, true);
  for (int n = 0; n < 3 || od_clock_seconds() - begin < limit; n++) {
    const double start = od_clock_seconds();
    call(j, false);
    const double seconds = od_clock_seconds() - start;
    if (seconds < best) best = seconds;
  }
  printf("%s seconds\t%.9f\n", name, best);
}

int main(int argc, char **argv) {
  od_error error;
  const od_kernels *kernels;
  int side[2];
  if (argc != 4) die("expected FILE INSTRUCTION_SET SECONDS");
  FILE *file = fopen(argv[1], "rb");
  if (!file) die("%s cannot be read", argv[1]);
  require(od_kernels_select(argv[2], &kernels, &error), &error);
  const runner detector = read_network(file, kernels), recognizer = read_network(file, kernels);
  const runner classifier = read_network(file, kernels);
  job j = {.classifier = {.model = classifier.model, .temperature = 1},
           .fusion = read_fusion(file)};
  j.digit = read_image(file, "digit", &side[0], &side[1]);
  if (side[0] != OD_DIGIT_SIDE || side[1] != OD_DIGIT_SIDE) die("the digit is not 28 x 28");
  j.page = read_image(file, "page", &j.h, &j.w);
  j.reader = (od_reader){kernels,
                         detector.model,
                         detector.workspace,
                         recognizer.model,
                         recognizer.workspace,
                         &j.classifier,
                         classifier.workspace,
                         &j.fusion,
                         {false, false}};
  measure("prediction", classify, &j, atof(argv[3]));
  measure("page", read_page, &j, atof(argv[3]));
  return EXIT_SUCCESS; /* the system releases the memory */
}
