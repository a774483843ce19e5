/* read/ under stress: any picture of any size, and a network of any numbers, come to digits
 * that lie within the picture, as the limits want them. That numbers are read right is for
 * tests/test_reading.py. */
#include "base/memory.h"
#include "base/rng.h"
#include "check.h"
#include "guard.h"
#include "networks.h"
#include "page/crop.h"
#include "page/read_state.h"
#include "page/read.h"
#include "page/ctc_decoding.h"
#include "page/line_image.h"
#include "tables.h"

enum { LONGEST = 130 };

static od_rng rng;
static guard guard_in;

static int draw(int low, int high) { /* both included */
  return low + (int)od_rng_below(&rng, (uint64_t)(high - low + 1));
}

/* Strokes of a pen that wanders on paper, long lines, noise, or all of it. */
static const uint8_t *random_page(int h, int w) {
  uint8_t *image = guard_block(&guard_in, (size_t)(h * w), draw(0, 1) ? GUARD_BELOW : GUARD_ABOVE);
  int noise = draw(0, 3) ? draw(0, 20) : 255, strokes = draw(0, 12), ink = draw(0, 1) ? 20 : 240;
  for (int i = 0; i < h * w; i++) {
    int level = 255 - ink + draw(-noise, noise) / 2;
    image[i] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
  }
  for (int k = 0; k < strokes; k++) {
    int y = draw(0, h - 1), x = draw(0, w - 1), straight = draw(0, 4) == 0, pen = draw(0, 2);
    for (int i = draw(5, 150); i > 0; i--) {
      for (int row = y - pen; row <= y + pen; row++)
        for (int column = x - pen; column <= x + pen; column++)
          if (row >= 0 && row < h && column >= 0 && column < w)
            image[row * w + column] = (uint8_t)ink;
      x += straight ? 1 : draw(-1, 1);
      y += straight ? 0 : draw(-1, 1);
    }
  }
  return image;
}

/* Networks of random numbers: a reader that finds digits everywhere, and a judge. */
static runner make_network(od_shape input, int count, const od_layer *layers) {
  od_network *network;
  runner inference;
  od_error error = {{0}};
  if (od_network_create(input, layers, count, &network, &error)) exit(EXIT_FAILURE);
  randomize(network, 3);
  if (runner_create(network, last_table(), OD_FLOAT32, 2, &inference, &error))
    exit(EXIT_FAILURE);
  od_network_destroy(network);
  return inference;
}

static runner make_reader(void) {
  const od_layer layers[] = {conv(4, 3, 1, true, true), POOL, conv(8, 3, 1, true, true), POOL,
                             COLUMNS, conv(OD_CTC_CLASSES, 1, 1, true, false)};
  return make_network((od_shape){OD_LINE_HEIGHT, OD_LINE_MAX_WIDTH, 1}, 6, layers);
}

static runner make_judge(int classes) {
  const od_layer layers[] = {POOL, conv(4, 3, 1, true, true), POOL, FLATTEN,
                             dense(classes, false)};
  return make_network((od_shape){OD_DIGIT_SIDE, OD_DIGIT_SIDE, 1}, 5, layers);
}

/* The networks that read; a judge of no classes is none. */
typedef struct readers {
  runner reader, judge;
  int judge_classes;
} readers;

static readers make_readers(int judge_classes) {
  return (readers){make_reader(), judge_classes ? make_judge(judge_classes) : (runner){0}, judge_classes};
}

static void release_readers(readers *networks) {
  runner_destroy(&networks->reader);
  runner_destroy(&networks->judge);
}

/* Both count; what is sure to be none is left out. */
static const od_fusion both = {.apart = {0.5, 0.5, -3, 0.8, 0.4, 1},
                                 .close = {0.8, 0.2, -3, 0.8, 0.4, 1},
                                 .usual = 0.9,
                                 .known = 4,
                                 .least = 0.1};

static bool is_probability(float p) { return p >= 0 && p <= 1.0001f; }

static void check_digits(int h, int w, const od_read_limits *limits, const od_reading *reading) {
  int in_line = 0;
  bool right = true;
  for (int i = 0; i < reading->count; i++) {
    const od_read_digit *d = &reading->digits[i];
    in_line = i && d[-1].line == d->line ? in_line + 1 : 1;
    right = right && (i == 0 || d[-1].line <= d->line);
    bool last = i + 1 == reading->count || d[1].line != d->line;
    if (limits->length && last) right = right && in_line == limits->length;
    right = right && 0 <= d->value && d->value < OD_DIGITS;
    right = right && is_probability(d->confidence) && is_probability(d->is_digit);
    right = right && d->confidence <= d->is_digit + 1e-4f;
    right = right && 0 <= d->left && d->left < d->right && d->right <= w;
    right = right && 0 <= d->top && d->top < d->bottom && d->bottom <= h;
  }
  CHECK(right);
}

static void read_page(int h, int w, const uint8_t *image, const readers *networks, od_thread_pool *pool,
                      const od_read_limits *limits) {
  od_reading reading;
  od_error error = {{0}};
  const od_status status =
      od_read(draw(0, 1) ? table(0) : last_table(), h, w, image, networks->reader.model,
              networks->reader.workspace, networks->judge.model, networks->judge.workspace,
              networks->judge_classes, &both, pool, limits, &reading, &error);
  if (!CHECK_INT(status, OD_OK)) {
    printf("%s\n", error.message);
    return;
  }
  check_digits(h, w, limits, &reading);
  od_reading_release(&reading);
}

static void test_judges_of_other_classes(void) {
  const uint8_t page[16] = {0};
  for (int classes = 9; classes <= 12; classes += 3) {
    readers networks = make_readers(classes);
    od_reading reading;
    od_error error = {{0}};
    CHECK_INT(od_read(last_table(), 4, 4, page, networks.reader.model,
                      networks.reader.workspace, networks.judge.model, networks.judge.workspace, classes, &both,
                      NULL, &(od_read_limits){0}, &reading, &error),
              OD_ERROR_ARGUMENT);
    CHECK_CONTAINS(error.message, "judge_classes");
    release_readers(&networks);
  }
}

static void read_random_pages(int judge_classes) {
  static const char *const words[] = {"7", "12", "123", "99999999999999999999999999999999"};
  od_thread_pool *pool;
  od_error error;
  readers networks = make_readers(judge_classes);
  CHECK_INT(od_thread_pool_create(2, &pool, &error), OD_OK);
  for (int i = 0; i < 150; i++) {
    const int h = draw(1, LONGEST), w = draw(1, LONGEST);
    CHECK_CASE("page %d, (%d, %d), judge of %d", i, h, w, judge_classes);
    const uint8_t *image = random_page(h, w);
    od_thread_pool *some = i % 2 ? pool : NULL;
    read_page(h, w, image, &networks, some, &(od_read_limits){0});
    read_page(h, w, image, &networks, some, &(od_read_limits){.length = draw(1, 6)});
    read_page(h, w, image, &networks, some, &(od_read_limits){.word_count = 4, .words = words});
    read_page(h, w, image, &networks, some,
              &(od_read_limits){.length = 2, .word_count = 4, .words = words});
    CHECK(guard_intact(&guard_in));
  }
  od_thread_pool_destroy(pool);
  release_readers(&networks);
}

static void test_random_pages(void) {
  read_random_pages(0);
  read_random_pages(OD_DIGITS);
  read_random_pages(OD_DIGITS + 1);
}

static void test_extreme_shapes(void) {
  const int shapes[][2] = {{1, 16384}, {16384, 1}, {2, 9000}, {3000, 7}, {600, 600}};
  guard pages = guard_create(600 * 600);
  readers networks = make_readers(OD_DIGITS + 1);
  for (int i = 0; i < 5; i++) {
    const int h = shapes[i][0], w = shapes[i][1];
    size_t n = (size_t)h * (size_t)w;
    uint8_t *image = guard_block(&pages, n, GUARD_ABOVE);
    CHECK_CASE("(%d, %d)", h, w);
    for (size_t k = 0; k < n; k++) image[k] = (uint8_t)draw(0, 255);
    read_page(h, w, image, &networks, NULL, &(od_read_limits){0});
  }
  release_readers(&networks);
  guard_destroy(&pages);
}

/* ---- the judge ---- */

/* A page of three bars: a small upright one, one of 120 rows, and, two columns beside the first, a
 * neighbour. */
enum { BARS = 3, PAGE_HIGH = 340, PAGE_WIDE = 120 };
static const od_read_digit bars[BARS] = {{.left = 10, .top = 10, .right = 14, .bottom = 30},
                                         {.left = 60, .top = 100, .right = 84, .bottom = 220},
                                         {.left = 16, .top = 5, .right = 26, .bottom = 40}};

static void draw_bars(uint8_t *page) {
  memset(page, 230, PAGE_HIGH * PAGE_WIDE);
  for (int k = 0; k < BARS; k++)
    for (int y = bars[k].top; y < bars[k].bottom; y++)
      memset(page + y * PAGE_WIDE + bars[k].left, 40, (size_t)(bars[k].right - bars[k].left));
}

/* Each bar alone comes to 20 rows of 28, four columns wide, whatever stands beside it. */
static void test_crops(void) {
  static uint8_t image[PAGE_HIGH * PAGE_WIDE];
  float crop[OD_DIGIT_SIDE * OD_DIGIT_SIDE];
  const od_page page = {.h = PAGE_HIGH, .w = PAGE_WIDE, .image = image};
  od_image_workspace imaging = {.kernels = last_table()};
  od_error error;
  draw_bars(image);
  for (int k = 0; k < 2; k++) {
    int rows = 0, columns = 0;
    CHECK_INT(od_crop_digit(&page, &bars[k], &imaging, crop, &error), OD_OK);
    for (int i = 0; i < OD_DIGIT_SIDE; i++) {
      rows += crop[i * OD_DIGIT_SIDE + OD_DIGIT_SIDE / 2] > 0.5f;
      columns += crop[OD_DIGIT_SIDE / 2 * OD_DIGIT_SIDE + i] > 0.5f;
    }
    CHECK_CASE("bar %d", k);
    CHECK_INT(rows, 20);
    CHECK_INT(columns, 4);
  }
  od_image_workspace_release(&imaging);
}

/* ---- spelling ---- */

/* Columns that say each class of `classes` with probability p, the others alike. */
static void say_columns(int columns, const uint8_t *classes, double p, od_real *probabilities) {
  for (int t = 0; t < columns; t++)
    for (int c = 0; c < OD_CTC_CLASSES; c++)
      probabilities[t * OD_CTC_CLASSES + c] =
          (od_real)(c == classes[t] ? p : (1 - p) / (OD_CTC_CLASSES - 1));
}

static void check_spelled(const od_real *probabilities, int columns, const od_read_limits *limits,
                          const char *expected) {
  od_decoded_symbol digits[16];
  od_error error = {{0}};
  int count;
  CHECK_INT(od_ctc_decode(columns, probabilities, limits, digits, &count, &error), OD_OK);
  if (!CHECK_INT(count, (int)strlen(expected))) return;
  for (int i = 0; i < count; i++) CHECK_INT(digits[i].value, expected[i] - '0');
}

static void test_spelling(void) {
  enum { COLUMNS_SAID = 8 };
  const uint8_t said[COLUMNS_SAID] = {OD_CTC_BLANK, 4, 4, OD_CTC_BLANK, 4, 7, 7, OD_CTC_BLANK};
  static const char *const words[] = {"42", "447", "4477", "123456789", "0"};
  od_real probabilities[COLUMNS_SAID * OD_CTC_CLASSES];
  say_columns(COLUMNS_SAID, said, 0.9, probabilities);
  check_spelled(probabilities, COLUMNS_SAID, &(od_read_limits){0}, "447");
  check_spelled(probabilities, COLUMNS_SAID, &(od_read_limits){.length = 3}, "447");
  check_spelled(probabilities, COLUMNS_SAID, &(od_read_limits){.length = 2}, "47");
  check_spelled(probabilities, COLUMNS_SAID, &(od_read_limits){.length = 9}, "");
  check_spelled(probabilities, COLUMNS_SAID, &(od_read_limits){.word_count = 5, .words = words}, "447");
  check_spelled(probabilities, COLUMNS_SAID, &(od_read_limits){.word_count = 1, .words = words}, "42");
  check_spelled(probabilities, COLUMNS_SAID,
                &(od_read_limits){.length = 4, .word_count = 5, .words = words}, "4477");
  check_spelled(probabilities, COLUMNS_SAID, &(od_read_limits){.word_count = 1, .words = words + 3}, "");
}

/* What a column says with p is what the digit is sure by. */
static void test_confidence(void) {
  const uint8_t said[] = {OD_CTC_BLANK, 3, OD_CTC_BLANK};
  od_real probabilities[3 * OD_CTC_CLASSES] = {0};
  for (int t = 0; t < 3; t++) probabilities[t * OD_CTC_CLASSES + said[t]] = 1;
  probabilities[OD_CTC_CLASSES + 3] = (od_real)0.6; /* a 3, an 8, or nothing */
  probabilities[OD_CTC_CLASSES + 8] = (od_real)0.3;
  probabilities[OD_CTC_CLASSES + OD_CTC_BLANK] = (od_real)0.1;
  od_decoded_symbol digits[3];
  od_error error = {{0}};
  int count;
  CHECK_INT(od_ctc_decode(3, probabilities, &(od_read_limits){0}, digits, &count, &error), OD_OK);
  if (!CHECK_INT(count, 1)) return;
  CHECK(fabs((double)digits[0].confidence - 0.6) < 1e-5);
  CHECK(fabs((double)digits[0].is_digit - 0.9) < 1e-5);
  CHECK(fabs((double)digits[0].probabilities[8] - 0.3 / 0.9) < 1e-5);
}

/* Has columns say a digit of `said` with probability p, else nothing; those of a dash stay. */
static void hint(int columns, const char *said, double p, od_real *probabilities) {
  for (int t = 0; t < columns; t++) {
    if (said[t] == '-') continue;
    for (int c = 0; c < OD_CTC_CLASSES; c++) probabilities[t * OD_CTC_CLASSES + c] = 0;
    probabilities[t * OD_CTC_CLASSES + said[t] - '0'] = (od_real)p;
    probabilities[t * OD_CTC_CLASSES + OD_CTC_BLANK] = (od_real)(1 - p);
  }
}

/* Without limits, what is less likely a digit than none is found too, but not what only trails a
 * digit, nor what next to nothing speaks for. */
static void test_doubtful(void) {
  enum { COLUMNS_SAID = 14 };
  const uint8_t said[COLUMNS_SAID] = {OD_CTC_BLANK, OD_CTC_BLANK, OD_CTC_BLANK, OD_CTC_BLANK, OD_CTC_BLANK,
                                      OD_CTC_BLANK, 4,        4,        OD_CTC_BLANK, OD_CTC_BLANK,
                                      OD_CTC_BLANK, OD_CTC_BLANK, OD_CTC_BLANK, OD_CTC_BLANK};
  static const struct {
    const char *hints;
    double p;
    const char *found;
  } cases[] = {{"--------------", 0, "4"},      {"---55---------", 0.1, "54"},
               {"---55-----7---", 0.3, "547"},  {"-5-8----------", 0.4, "584"},
               {"---55---------", 0.005, "4"},  {"--------44----", 0.1, "4"},
               {"----44--------", 0.1, "4"},    {"--------47----", 0.3, "47"},
               {"-----------444", 0.2, "44"},   {"--------7-----", 0.4, "4"}};
  od_real probabilities[COLUMNS_SAID * OD_CTC_CLASSES];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CHECK_CASE("case %zu", i);
    say_columns(COLUMNS_SAID, said, 0.9999, probabilities);
    hint(COLUMNS_SAID, cases[i].hints, cases[i].p, probabilities);
    check_spelled(probabilities, COLUMNS_SAID, &(od_read_limits){0}, "4");
    check_spelled(probabilities, COLUMNS_SAID, NULL, cases[i].found);
  }
}

/* ---- looks ---- */

enum { LOOK_COLUMNS = 5, LOOKS = 3 };

/* Three looks of the same number of columns, which say strings of a digit or a blank (-) each
 * with a probability; *settled is the line of them. */
static void settle(const char *const *said, const double *sure, od_real *scores,
                   od_line_hypothesis *settled) {
  od_line_hypothesis lines[LOOKS];
  for (int k = 0; k < LOOKS; k++) {
    uint8_t classes[LOOK_COLUMNS];
    for (int t = 0; t < LOOK_COLUMNS; t++)
      classes[t] = (uint8_t)(said[k][t] == '-' ? OD_CTC_BLANK : said[k][t] - '0');
    lines[k] = (od_line_hypothesis){.line = k, .columns = LOOK_COLUMNS, .scores = scores};
    say_columns(LOOK_COLUMNS, classes, sure[k], scores);
    scores += LOOK_COLUMNS * OD_CTC_CLASSES;
  }
  od_read_job job = {.looks = LOOKS, .line_count = LOOKS, .lines = lines};
  od_error error = {{0}};
  CHECK_INT(od_vote_hypotheses(&job, &error), OD_OK);
  CHECK_INT(job.looks, 1);
  CHECK_INT(job.line_count, 1);
  *settled = lines[0];
}

static void test_looks(void) {
  static const struct {
    const char *said[LOOKS];
    double sure[LOOKS];
    const char *expected;
    int kept;
  } cases[] = {
      {{"-1-7-", "-1-7-", "-1-7-"}, {0.9, 0.5, 0.6}, "17", 0},
      {{"-1-7-", "-1-2-", "-1-2-"}, {0.7, 0.7, 0.7}, "12", 0}, /* two to one, of a digit */
      {{"-1-7-", "-1-2-", "-1-2-"}, {0.98, 0.3, 0.3}, "17", 0},
      {{"-1---", "-1-2-", "1--2-"}, {0.7, 0.7, 0.7}, "12", 1}, /* and of their number */
      {{"-1---", "-1-2-", "1--2-"}, {0.98, 0.5, 0.5}, "1", 0},
      {{"-35--", "-3-3-", "-3-3-"}, {0.5, 0.9, 0.9}, "35", 0}, /* not one 3 */
      {{"-35--", "-3-5-", "-3-5-"}, {0.5, 0.9, 0.9}, "35", 0},
      {{"-----", "--3--", "--3--"}, {0.97, 0.3, 0.3}, "", 0},
      {{"-----", "--3--", "--3--"}, {0.5, 0.9, 0.9}, "3", 1},
  };
  od_real scores[LOOKS * LOOK_COLUMNS * OD_CTC_CLASSES];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    od_line_hypothesis settled;
    CHECK_CASE("case %d", (int)i);
    settle(cases[i].said, cases[i].sure, scores, &settled);
    CHECK_INT(settled.line, cases[i].kept);
    check_spelled(settled.scores, LOOK_COLUMNS, &(od_read_limits){0}, cases[i].expected);
  }
}

/* What the looks say together is the geometric mean of each. */
static void test_looks_mean(void) {
  static const char *const said[] = {"-1---", "-1---", "-1---"};
  static const double sure[] = {0.9, 0.5, 0.6};
  od_real scores[LOOKS * LOOK_COLUMNS * OD_CTC_CLASSES];
  od_decoded_symbol digit[LOOK_COLUMNS];
  od_line_hypothesis settled;
  od_error error = {{0}};
  double says[OD_CTC_CLASSES] = {0}, sum = 0;
  int count;
  for (int k = 0; k < LOOKS; k++) {
    od_real alone[LOOK_COLUMNS * OD_CTC_CLASSES];
    const uint8_t classes[] = {OD_CTC_BLANK, 1, OD_CTC_BLANK, OD_CTC_BLANK, OD_CTC_BLANK};
    say_columns(LOOK_COLUMNS, classes, sure[k], alone);
    CHECK_INT(od_ctc_decode(LOOK_COLUMNS, alone, &(od_read_limits){0}, digit, &count, &error), OD_OK);
    for (int c = 0; c < OD_CTC_CLASSES; c++) says[c] += log(od_symbol_posterior(digit, c)) / LOOKS;
  }
  for (int c = 0; c < OD_CTC_CLASSES; c++) sum += exp(says[c]);
  settle(said, sure, scores, &settled);
  od_real before[LOOK_COLUMNS * OD_CTC_CLASSES];
  const uint8_t classes[] = {OD_CTC_BLANK, 1, OD_CTC_BLANK, OD_CTC_BLANK, OD_CTC_BLANK};
  say_columns(LOOK_COLUMNS, classes, sure[0], before);
  CHECK_INT(od_ctc_decode(LOOK_COLUMNS, before, &(od_read_limits){0}, digit, &count, &error), OD_OK);
  for (int c = 0; c < OD_CTC_CLASSES; c++) {
    const double expected = (double)before[OD_CTC_CLASSES + c] * exp(says[c]) / sum / od_symbol_posterior(digit, c);
    CHECK(fabs((double)settled.scores[OD_CTC_CLASSES + c] - expected) < 1e-4 * expected);
  }
}

static void test_resized_strips(void) {
  const od_line_geometry place = {.left = 5, .top = 7, .scale = 2, .pitch = 2, .width = 400};
  const od_line_geometry wide = od_line_geometry_resize(place, 1.25, 1), wider = od_line_geometry_resize(place, 3, 3);
  const od_line_geometry small = od_line_geometry_resize(place, 0.8, 0.8);
  CHECK_INT(wide.width, 500);
  CHECK(fabs(wide.pitch - 1.6) < 1e-9);
  CHECK(fabs(wide.scale - 2) < 1e-9);
  CHECK_INT(wide.width % OD_CTC_STRIDE, 0);
  CHECK_INT(wider.width, OD_LINE_MAX_WIDTH); /* 1,200 would be too many */
  CHECK(fabs(wider.pitch - 2 * 400.0 / OD_LINE_MAX_WIDTH) < 1e-9);
  CHECK(fabs(wider.scale - 2 / 3.0) < 1e-9);
  CHECK(fabs(small.pitch - 2.5) < 1e-9);
  CHECK(fabs(small.scale - 2.5) < 1e-9);
  CHECK_INT(small.width, 320);
  const double middle = 7 + 0.5 * OD_LINE_HEIGHT * 2;
  CHECK(fabs(small.top + 0.5 * OD_LINE_HEIGHT * 2.5 - middle) < 1e-9);
}

static void test_levels(void) {
  uint8_t levels[200];
  for (int i = 0; i < 200; i++) levels[i] = (uint8_t)(i < 20 ? 50 : i < 30 ? 150 : 200 + i % 2);
  od_line_image_normalize(200, levels);
  CHECK_INT(levels[0], OD_LINE_FOREGROUND);
  CHECK_INT(levels[25], (50 * OD_LINE_FOREGROUND + 75) / 150);
  CHECK_INT(levels[199], 0);
  memset(levels, 77, sizeof levels);
  od_line_image_normalize(200, levels);
  CHECK_INT(levels[100], 0);
}

int main(void) {
  od_rng_seed(&rng, 43, 0);
  guard_in = guard_create(LONGEST * LONGEST);
  RUN(test_random_pages);
  RUN(test_extreme_shapes);
  RUN(test_judges_of_other_classes);
  RUN(test_crops);
  RUN(test_spelling);
  RUN(test_confidence);
  RUN(test_doubtful);
  RUN(test_looks);
  RUN(test_looks_mean);
  RUN(test_resized_strips);
  RUN(test_levels);
  guard_destroy(&guard_in);
  return check_end();
}
