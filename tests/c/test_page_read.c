/* Reading random images of any size with networks of random weights: symbols lie within the image
 * and meet the constraints. tests/test_reading.py checks accuracy. */
#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "check.h"
#include "guard.h"
#include "interrupts.h"
#include "networks.h"
#include "page/detector.h"
#include "page/read.h"
#include "tables.h"

enum { MAX_SIDE = 130 };

static od_rng rng;
static guard guard_in;

static int draw(int low, int high) { /* both included */
  return low + (int)od_rng_below(&rng, (uint64_t)(high - low + 1));
}

/* Random walks and straight lines of random stroke widths on a noisy background, or noise alone. */
static const uint8_t *random_page(int h, int w) {
  uint8_t *image = guard_block(&guard_in, (size_t)(h * w), draw(0, 1) ? GUARD_BELOW : GUARD_ABOVE);
  int noise = draw(0, 3) ? draw(0, 20) : 255, strokes = draw(0, 12);
  int foreground = draw(0, 1) ? 20 : 240;
  for (int i = 0; i < h * w; i++) {
    int level = 255 - foreground + draw(-noise, noise) / 2;
    image[i] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
  }
  for (int k = 0; k < strokes; k++) {
    int y = draw(0, h - 1), x = draw(0, w - 1), straight = draw(0, 4) == 0, radius = draw(0, 2);
    for (int i = draw(5, 150); i > 0; i--) {
      for (int row = y - radius; row <= y + radius; row++)
        for (int column = x - radius; column <= x + radius; column++)
          if (row >= 0 && row < h && column >= 0 && column < w)
            image[row * w + column] = (uint8_t)foreground;
      x += straight ? 1 : draw(-1, 1);
      y += straight ? 0 : draw(-1, 1);
    }
  }
  return image;
}

/* ---- networks ---- */

static runner make_network(od_shape input, int count, const od_layer *layers) {
  od_network *network;
  runner result;
  od_error error = {{0}};
  if (od_network_create(input, layers, count, &network, &error)) exit(EXIT_FAILURE);
  randomize(network, 3);
  if (runner_create(network, last_table(), OD_FLOAT32, 2, &result, &error)) exit(EXIT_FAILURE);
  od_network_destroy(network);
  return result;
}

/* A recognizer that finds digits everywhere. */
static runner make_recognizer(void) {
  const od_layer layers[] = {conv(4, 3, 1, true, true),
                             POOL,
                             conv(8, 3, 1, true, true),
                             POOL,
                             SEQUENCE,
                             conv(OD_CTC_CLASSES, 1, 1, true, false)};
  return make_network((od_shape){OD_LINE_HEIGHT, OD_LINE_MAX_WIDTH, 1}, 6, layers);
}

static runner make_classifier(int classes) {
  const od_layer layers[] = {POOL, conv(4, 3, 1, true, true), POOL, FLATTEN, dense(classes, false)};
  return make_network((od_shape){OD_DIGIT_SIDE, OD_DIGIT_SIDE, 1}, 5, layers);
}

static const od_fusion fusion = {.isolated = {0.5, 0.5, -3, 0.8, 0.4, 1},
                                 .touching = {0.8, 0.2, -3, 0.8, 0.4, 1},
                                 .prior_mean = 0.9,
                                 .prior_strength = 4,
                                 .min_probability = 0.1};

/* Everything that an od_reader refers to. */
typedef struct networks {
  runner recognizer, classifier;
  od_classifier of_classifier;
  od_reader reader;
} networks;

/* Without classes, a reader without a classifier. `result` must not be moved. */
static void make_reader(int classes, networks *result) {
  *result = (networks){.recognizer = make_recognizer()};
  result->reader = (od_reader){.kernels = last_table(),
                               .recognizer = result->recognizer.model,
                               .recognizer_workspace = result->recognizer.workspace,
                               .fusion = &fusion};
  if (!classes) return;
  result->classifier = make_classifier(classes);
  result->of_classifier = (od_classifier){.model = result->classifier.model, .temperature = 1};
  result->reader.classifier = &result->of_classifier;
  result->reader.classifier_workspace = result->classifier.workspace;
}

static void release_reader(networks *result) {
  runner_destroy(&result->recognizer);
  runner_destroy(&result->classifier);
}

/* ---- reading ---- */

static bool is_probability(float p) { return p >= 0 && p <= 1.0001f; }

static void check_symbols(int h, int w, int count, const od_symbol *symbols) {
  bool valid = true;
  for (int i = 0; i < count; i++) {
    const od_symbol *s = &symbols[i];
    valid = valid && (i == 0 || s[-1].line <= s->line);
    valid = valid && 0 <= s->value && s->value < OD_SYMBOLS;
    valid = valid && is_probability(s->confidence) && is_probability(s->symbol_probability);
    valid = valid && s->confidence <= s->symbol_probability + 1e-4f;
    valid = valid && 0 <= s->left && s->left < s->right && s->right <= w;
    valid = valid && 0 <= s->top && s->top < s->bottom && s->bottom <= h;
  }
  CHECK(valid);
}

/* Whether the automaton accepts the values of symbols. */
static bool accepts(const od_automaton *automaton, int count, const od_symbol *symbols) {
  int state = 0;
  for (int k = 0; k < count; k++) {
    int i = automaton->first[state];
    while (i < automaton->first[state + 1] && automaton->symbols[i] != symbols[k].value) i++;
    if (i == automaton->first[state + 1]) return false;
    state = automaton->targets[i];
  }
  return automaton->accepting[state];
}

/* The alternatives of a line follow each other, in descending order of probability. */
static void check_alternatives(const od_read_options *options, const od_reading *reading) {
  const od_symbol *symbols = reading->symbols;
  bool valid = true;
  int in_line = 0;
  for (int i = 0; i < reading->alternative_count; i++) {
    const od_alternative *a = &reading->alternatives[i];
    const bool same = i && a[-1].line == a->line;
    in_line = same ? in_line + 1 : 1;
    valid = valid && in_line <= options->alternatives;
    valid = valid && (!same || a[-1].log_probability >= a->log_probability);
    valid = valid && a->length > 0 && accepts(options->automaton, a->length, symbols);
    for (int k = 0; k < a->length; k++) valid = valid && (symbols++)->line == a->line;
  }
  CHECK(valid);
  CHECK(!options->automaton || symbols == reading->symbols + reading->count);
}

/* The stages take some time, and together no more than the call did. */
static void check_seconds(const od_read_seconds *seconds, bool has_classifier, double elapsed) {
  CHECK(seconds->segment > 0 && seconds->recognize > 0);
  CHECK(has_classifier ? seconds->classify > 0 : seconds->classify == 0);
  CHECK(seconds->segment + seconds->recognize + seconds->classify <= elapsed);
}

static void read_page(int h, int w, const uint8_t *image, const od_reader *reader,
                      od_thread_pool *pool, const od_read_options *options) {
  od_reader any_kernels = *reader;
  od_reading reading;
  od_error error = {{0}};
  if (draw(0, 1)) any_kernels.kernels = table(0);
  const double start = od_clock_seconds();
  const od_status status = od_read(&any_kernels, h, w, image, options, pool, &reading, &error);
  if (!CHECK_INT(status, OD_OK)) {
    printf("%s\n", error.message);
    return;
  }
  check_seconds(&reading.seconds, reader->classifier, od_clock_seconds() - start);
  check_symbols(h, w, reading.count, reading.symbols);
  check_alternatives(options, &reading);
  od_reading_release(&reading);
}

static void check_crops(int h, int w, const uint8_t *image, const od_reader *reader,
                        od_thread_pool *pool) {
  od_symbol_crops found;
  od_error error;
  if (!CHECK_INT(od_read_crops(reader, h, w, image, pool, &found, &error), OD_OK)) return;
  check_symbols(h, w, found.count, found.symbols);
  bool valid = true;
  for (int i = 0; i < found.count * OD_DIGIT_SIDE * OD_DIGIT_SIDE; i++)
    valid = valid && is_probability(found.crops[i]);
  CHECK(valid);
  od_symbol_crops_release(&found);
}

static void check_features(int h, int w, const uint8_t *image, const od_reader *reader,
                           od_thread_pool *pool) {
  od_symbol_features found;
  od_error error;
  if (!CHECK_INT(od_read_features(reader, h, w, image, pool, &found, &error), OD_OK)) return;
  check_symbols(h, w, found.count, found.symbols);
  bool valid = true;
  for (int i = 0; i < found.count; i++) {
    const od_fusion_features *f = &found.features[i];
    for (int d = 0; d < OD_DIGITS; d++)
      valid = valid && f->recognizer[d] <= 1e-4 && f->classifier[d] <= 1e-4;
    valid = valid && f->foreground <= 1e-9;
  }
  CHECK(valid);
  od_symbol_features_release(&found);
}

static void read_random_pages(int classes) {
  static const char *const words[] = {"12", "123", "7", "99999999999999999999999999999999"};
  static const bool accepting[] = {false, false, true, true};
  static const od_transition transitions[] = {
      {0, 3, 1}, {0, 5, 1}, {1, 0, 2}, {2, 7, 3}, {3, 1, 0}};
  od_automaton *lexicon, *loop;
  od_thread_pool *pool;
  od_error error;
  networks all;
  make_reader(classes, &all);
  CHECK_INT(od_automaton_create_lexicon(4, words, &lexicon, &error), OD_OK);
  CHECK_INT(od_automaton_create(4, accepting, 5, transitions, &loop, &error), OD_OK);
  CHECK_INT(od_thread_pool_create(2, &pool, &error), OD_OK);
  for (int i = 0; i < 150; i++) {
    const int h = draw(1, MAX_SIDE), w = draw(1, MAX_SIDE);
    CHECK_CASE("page %d, (%d, %d), classifier of %d", i, h, w, classes);
    const uint8_t *image = random_page(h, w);
    od_thread_pool *some = i % 2 ? pool : NULL;
    read_page(h, w, image, &all.reader, some, &(od_read_options){0});
    read_page(h, w, image, &all.reader, some, &(od_read_options){lexicon, 1});
    read_page(h, w, image, &all.reader, some, &(od_read_options){loop, draw(1, 32)});
    check_crops(h, w, image, &all.reader, some);
    if (classes) check_features(h, w, image, &all.reader, some);
    CHECK(guard_intact(&guard_in));
  }
  od_automaton_destroy(lexicon);
  od_automaton_destroy(loop);
  od_thread_pool_destroy(pool);
  release_reader(&all);
}

static void test_random_pages(void) {
  read_random_pages(0);
  read_random_pages(OD_DIGITS);
  read_random_pages(OD_DIGITS + 1);
}

static void test_extreme_shapes(void) {
  const int shapes[][2] = {{1, 16384}, {16384, 1}, {2, 9000}, {3000, 7}, {600, 600}};
  guard pages = guard_create(600 * 600);
  networks all;
  make_reader(OD_DIGITS + 1, &all);
  for (int i = 0; i < 5; i++) {
    const int h = shapes[i][0], w = shapes[i][1];
    size_t n = (size_t)h * (size_t)w;
    uint8_t *image = guard_block(&pages, n, GUARD_ABOVE);
    CHECK_CASE("(%d, %d)", h, w);
    for (size_t k = 0; k < n; k++) image[k] = (uint8_t)draw(0, 255);
    read_page(h, w, image, &all.reader, NULL, &(od_read_options){0});
  }
  release_reader(&all);
  guard_destroy(&pages);
}

/* ---- threads ---- */

enum { SHARED_PAGES = 12, SHARED_SIDE = 100 };

typedef struct shared_read {
  const od_reader *readers; /* (workers): their workspaces differ, their models do not */
  const uint8_t *pages;     /* (SHARED_PAGES, SHARED_SIDE, SHARED_SIDE) */
  od_reading readings[SHARED_PAGES];
} shared_read;

static void read_shared(void *context, int task, int worker) {
  shared_read *work = context;
  od_error error;
  od_read(&work->readers[worker], SHARED_SIDE, SHARED_SIDE,
          work->pages + task * SHARED_SIDE * SHARED_SIDE, &(od_read_options){0}, NULL,
          &work->readings[task], &error);
}

/* Threads read with the same models, each with workspaces of its own. */
static void test_shared_models(void) {
  static uint8_t pages[SHARED_PAGES][SHARED_SIDE * SHARED_SIDE];
  networks all;
  od_workspace *workspaces[2];
  od_thread_pool *pool;
  od_error error;
  make_reader(OD_DIGITS + 1, &all);
  CHECK_INT(od_workspace_create(all.recognizer.model, 1, &workspaces[0], &error), OD_OK);
  CHECK_INT(od_workspace_create(all.classifier.model, 1, &workspaces[1], &error), OD_OK);
  CHECK_INT(od_thread_pool_create(2, &pool, &error), OD_OK);
  od_reader readers[2] = {all.reader, all.reader};
  readers[1].recognizer_workspace = workspaces[0];
  readers[1].classifier_workspace = workspaces[1];
  for (int i = 0; i < SHARED_PAGES; i++)
    memcpy(pages[i], random_page(SHARED_SIDE, SHARED_SIDE), sizeof pages[i]);
  shared_read together = {.readers = readers, .pages = pages[0]}, alone = together;
  od_thread_pool_run(pool, read_shared, &together, SHARED_PAGES);
  od_thread_pool_run(NULL, read_shared, &alone, SHARED_PAGES);
  for (int i = 0; i < SHARED_PAGES; i++) {
    od_reading *a = &together.readings[i], *b = &alone.readings[i];
    CHECK_CASE("page %d", i);
    if (CHECK_INT(a->count, b->count))
      CHECK(memcmp(a->symbols, b->symbols, (size_t)a->count * sizeof *a->symbols) == 0);
    od_reading_release(a);
    od_reading_release(b);
  }
  od_thread_pool_destroy(pool);
  od_workspace_destroy(workspaces[0]);
  od_workspace_destroy(workspaces[1]);
  release_reader(&all);
}

/* A reading that is interrupted at any poll ends with OD_STOPPED and nothing to release; the
 * readers and their workspaces then read as before. */
static void test_interrupts(void) {
  enum { SIDE = 120 };
  networks all;
  od_thread_pool *pool;
  od_error error;
  int stopped = 0;
  make_reader(OD_DIGITS + 1, &all);
  CHECK_INT(od_thread_pool_create(2, &pool, &error), OD_OK);
  const uint8_t *page = random_page(SIDE, SIDE);
  od_reading expected, reading;
  const od_read_options options = {0};
  CHECK_INT(od_read(&all.reader, SIDE, SIDE, page, &options, pool, &expected, &error), OD_OK);
  for (int polls = 0, step = 1;; polls += step, step += polls > 300) {
    countdown left = {polls};
    od_interrupt interrupt = interrupt_after(&left);
    od_thread_pool attached = od_thread_pool_attach(pool, polls % 2, &interrupt);
    CHECK_CASE("after %d polls", polls);
    const od_status status =
        od_read(&all.reader, SIDE, SIDE, page, &options, &attached, &reading, &error);
    if (status == OD_OK || !CHECK_INT(status, OD_STOPPED)) break;
    CHECK(!reading.symbols && !reading.qualities && !reading.alternatives);
    stopped++;
  }
  CHECK(stopped > 10);
  if (CHECK_INT(reading.count, expected.count))
    CHECK(memcmp(reading.symbols, expected.symbols,
                 (size_t)reading.count * sizeof *reading.symbols) == 0);
  od_reading_release(&reading);
  od_reading_release(&expected);
  od_thread_pool_destroy(pool);
  release_reader(&all);
}

static void check_invalid(const od_reader *reader, const char *name) {
  const uint8_t image[16] = {0};
  od_reading reading;
  od_error error = {{0}};
  CHECK_INT(od_read(reader, 4, 4, image, &(od_read_options){0}, NULL, &reading, &error),
            OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, name);
}

static void test_invalid_readers(void) {
  const uint8_t image[16] = {0};
  od_symbol_features features;
  od_error error = {{0}};
  networks all;
  for (int classes = 9; classes <= 12; classes += 3) {
    make_reader(classes, &all);
    check_invalid(&all.reader, "classifier");
    release_reader(&all);
  }
  make_reader(0, &all);
  od_automaton *one;
  CHECK_INT(od_automaton_create_lexicon(1, (const char *const[]){"7"}, &one, &error), OD_OK);
  for (int alternatives = 0; alternatives <= OD_MAX_ALTERNATIVES + 1;
       alternatives += OD_MAX_ALTERNATIVES + 1) {
    od_reading reading;
    const od_read_options options = {one, alternatives};
    CHECK_INT(od_read(&all.reader, 4, 4, image, &options, NULL, &reading, &error),
              OD_ERROR_ARGUMENT);
    CHECK_CONTAINS(error.message, alternatives ? "alternatives: got 33" : "alternatives: got 0");
  }
  od_automaton_destroy(one);
  release_reader(&all);
  make_reader(OD_DIGITS, &all);
  all.reader.fusion = NULL;
  check_invalid(&all.reader, "fusion");
  CHECK_INT(od_read_features(&all.reader, 4, 4, image, NULL, &features, &error), OD_OK);
  od_symbol_features_release(&features);
  all.reader.classifier = NULL;
  CHECK_INT(od_read_features(&all.reader, 4, 4, image, NULL, &features, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "classifier: got none, expected one");
  all.reader.detector = all.recognizer.model;
  check_invalid(&all.reader, "detector: got a network from (32, 1024, 1) to (1, 256, 17)");
  all.reader.recognizer = all.classifier.model;
  check_invalid(&all.reader, "recognizer");
  release_reader(&all);
}

/* Detectors whose strides are wrong for all pictures but of their input's size. */
static void test_detectors_of_other_strides(void) {
  const od_layer wide[] = {conv(OD_PIXEL_CLASSES, 7, 7, true, false)};
  const od_layer narrow[] = {conv(OD_PIXEL_CLASSES, 7, 1, false, false)};
  const od_shape input = {8, 8, 1};
  networks all;
  make_reader(0, &all);
  for (int i = 0; i < 2; i++) {
    runner detector = make_network(input, 1, i ? narrow : wide);
    all.reader.detector = detector.model;
    all.reader.detector_workspace = detector.workspace;
    CHECK_CASE("detector %d", i);
    check_invalid(&all.reader,
                  i ? "detector: got a map of 30 x 30" : "detector: got a map of 6 x 6");
    check_invalid(&all.reader, "pixels for a picture of 36 x 36, expected one of 9 x 9");
    runner_destroy(&detector);
  }
  release_reader(&all);
}

int main(void) {
  od_rng_seed(&rng, 43, 0);
  guard_in = guard_create(MAX_SIDE * MAX_SIDE);
  RUN(test_random_pages);
  RUN(test_extreme_shapes);
  RUN(test_shared_models);
  RUN(test_interrupts);
  RUN(test_invalid_readers);
  RUN(test_detectors_of_other_strides);
  guard_destroy(&guard_in);
  return check_end();
}
