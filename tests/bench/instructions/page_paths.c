#include "base/memory.h"
#include "digit/foreground.h"
#include "drawing.h"
#include "models.h"
#include "page/ctc_decoding.h"
#include "page/detector.h"
#include "page/orientation.h"
#include "page/page.h"
#include "page/read.h"
#include "page/registration.h"
#include "page/table.h"
#include "paths.h"

/* ---- a page of numbers ---- */

enum { H = 450, W = 400, LINES = 6, DIGITS = 7 };

static picture draw_page(int lines) {
  od_rng rng;
  od_rng_seed(&rng, 3, 0);
  picture page = picture_create(30 + 70 * lines, W, 225);
  for (int i = 0; i < lines; i++)
    for (int k = 0; k < DIGITS; k++)
      draw_digit(&page, (i + 3 * k) % 10, (double[]){40 + 42 * k, 30 + 70 * i}, 36, 40, &rng);
  draw_light(&page, 6, 30, &rng);
  return page;
}

/* ---- layout analysis ---- */

static void lay_out(void *context) {
  od_page *page = context;
  od_error error;
  require(od_page_find_foreground(page, false, &error), &error);
  require(od_page_find_components(page, &error), &error);
  require(od_page_split_rows(page, &error), &error);
  require(od_page_find_lines(page, &error), &error);
  require(od_page_split_touching(page, &error), &error);
}

static void path_page_layout(const od_kernels *kernels) {
  picture drawn = draw_page(LINES);
  od_page page = {.h = drawn.h, .w = W, .image = drawn.pixels, .workspace = {.kernels = kernels}};
  measure(lay_out, &page);
  expect(page.line_count == LINES && page.segment_count >= LINES * DIGITS, "lines of segments");
  od_page_release(&page);
  picture_release(&drawn);
}

/* ---- line recognizer ---- */

enum { LINE_WIDTH = 240 };

typedef struct recognition {
  runner model;
  od_line_image line;
} recognition;

static void recognize(void *context) {
  recognition *r = context;
  od_model_run_lines(r->model.model, r->model.workspace, NULL, 1, &r->line, 1.0 / 255, true);
}

static picture draw_line_image(void) {
  od_rng rng;
  od_rng_seed(&rng, 4, 0);
  picture line = picture_create(OD_LINE_HEIGHT, LINE_WIDTH, 0);
  for (int k = 0; k < 8; k++) draw_digit(&line, k, (double[]){8 + 29 * k, 4}, 24, 255, &rng);
  return line;
}

static void path_line_recognizer(const od_kernels *kernels) {
  enum { STEPS = LINE_WIDTH / OD_CTC_STRIDE };
  od_real probabilities[STEPS * OD_CTC_CLASSES];
  picture drawn = draw_line_image();
  recognition r = {runner_of(recognizer_network(), kernels, OD_FLOAT32),
                   {drawn.pixels, LINE_WIDTH, probabilities}};
  measure(recognize, &r);
  double sum = 0;
  for (int i = 0; i < STEPS * OD_CTC_CLASSES; i++) sum += (double)probabilities[i];
  expect(fabs(sum - STEPS) < 0.01, "probabilities");
  runner_destroy(&r.model);
  picture_release(&drawn);
}

/* ---- CTC decoding under a pattern ---- */

enum { TIME_STEPS = 120 };

typedef struct decoding {
  od_real probabilities[TIME_STEPS * OD_CTC_CLASSES];
  od_automaton *pattern;
  od_texts texts;
} decoding;

/* Two groups of four digits with a point or a slash between them: \d{4}[./]\d{4}. */
static od_automaton *create_pattern(void) {
  enum { STATES = 10 };
  bool accepting[STATES] = {false};
  od_transition transitions[STATES * OD_DIGITS];
  od_automaton *pattern;
  od_error error;
  int count = 0;
  accepting[STATES - 1] = true;
  for (int state = 0; state < STATES - 1; state++) {
    for (int symbol = 0; symbol < OD_SYMBOLS; symbol++) {
      const bool separator = symbol == OD_POINT || symbol == OD_SLASH;
      if (state == 4 ? separator : symbol < OD_DIGITS)
        transitions[count++] = (od_transition){state, symbol, state + 1};
    }
  }
  require(od_automaton_create(STATES, accepting, count, transitions, &pattern, &error), &error);
  return pattern;
}

/* Random probabilities, in every tenth time step without a blank. */
static void draw_probabilities(od_real *probabilities) {
  od_rng rng;
  od_rng_seed(&rng, 5, 0);
  for (int t = 0; t < TIME_STEPS; t++) {
    od_real *row = probabilities + t * OD_CTC_CLASSES, sum = 0;
    for (int c = 0; c < OD_CTC_CLASSES; c++) row[c] = (od_real)od_rng_range(&rng, 0.001, 1);
    row[OD_CTC_BLANK] = t % 10 == 5 ? (od_real)0.01 : 40;
    for (int c = 0; c < OD_CTC_CLASSES; c++) sum += row[c];
    for (int c = 0; c < OD_CTC_CLASSES; c++) row[c] /= sum;
  }
}

static void decode(void *context) {
  decoding *d = context;
  od_error error;
  require(od_ctc_find_texts(TIME_STEPS, d->probabilities, d->pattern, 8, &d->texts, &error),
          &error);
}

static void path_ctc_decoding_with_pattern(const od_kernels *kernels) {
  (void)kernels;
  decoding d = {.pattern = create_pattern()};
  draw_probabilities(d.probabilities);
  measure(decode, &d);
  expect(d.texts.count == 8 && d.texts.items[0].length == 9, "texts of the pattern");
  od_texts_release(&d.texts);
  od_automaton_destroy(d.pattern);
}

/* ---- whole page ---- */

static const od_fusion fusion = {.isolated = {0.5, 0.5, -3, 0.8, 0.4, 1},
                                 .touching = {0.8, 0.2, -3, 0.8, 0.4, 1},
                                 .prior_mean = 0.9,
                                 .prior_strength = 4};

typedef struct page_reading {
  picture page;
  od_reader reader;
  od_reading found;
} page_reading;

static void read_page(void *context) {
  page_reading *r = context;
  const od_read_options options = {0};
  od_error error;
  require(od_read(&r->reader, r->page.h, W, r->page.pixels, &options, NULL, &r->found, &error),
          &error);
}

static void path_read_page(const od_kernels *kernels) {
  runner detector = runner_of(detector_network(), kernels, OD_FLOAT32);
  runner recognizer = runner_of(recognizer_network(), kernels, OD_FLOAT32);
  runner digits = runner_of(default_network(), kernels, OD_FLOAT32);
  const od_classifier classifier = {.model = digits.model, .temperature = 1};
  page_reading r = {draw_page(2),
                    {.kernels = kernels,
                     .detector = detector.model,
                     .detector_workspace = detector.workspace,
                     .recognizer = recognizer.model,
                     .recognizer_workspace = recognizer.workspace,
                     .classifier = &classifier,
                     .classifier_workspace = digits.workspace,
                     .fusion = &fusion,
                     .shortcuts = {.one_reading = true}},
                    {0}};
  measure(read_page, &r);
  expect(r.found.line_count == 2 && r.found.count > 4, "lines of symbols");
  od_reading_release(&r.found);
  picture_release(&r.page);
  runner_destroy(&detector);
  runner_destroy(&recognizer);
  runner_destroy(&digits);
}

/* ---- table ---- */

typedef struct table_search {
  od_image_workspace workspace;
  picture page, foreground;
  od_table table;
} table_search;

static void find_table(void *context) {
  table_search *s = context;
  const od_table_options options = {0};
  od_error error;
  require(od_find_table(&s->workspace, s->foreground.h, s->foreground.w, s->foreground.pixels,
                        &options, &s->table, &error),
          &error);
}

/* The foreground of a page that the caller has drawn. */
static picture find_foreground(od_image_workspace *workspace, const picture *page) {
  picture foreground = picture_create(page->h, page->w, 0);
  const od_foreground_maps maps = {.foreground = foreground.pixels, .has_steps = true};
  bool dark;
  od_error error;
  require(od_find_page_foreground(workspace, page->h, page->w, page->pixels, &maps, &dark, &error),
          &error);
  return foreground;
}

static void path_table(const od_kernels *kernels) {
  enum { ROWS = 8, COLUMNS = 6, SIDE = 50 };
  table_search s = {.workspace = {.kernels = kernels}, .page = picture_create(H, W, 225)};
  od_rng rng;
  od_rng_seed(&rng, 6, 0);
  draw_grid(&s.page, ROWS, COLUMNS, SIDE, (int[]){40, 30}, 60);
  for (int i = 0; i < ROWS; i++) {
    for (int j = 0; j < COLUMNS; j++) {
      const double x = 48 + SIDE * j + od_rng_range(&rng, 0, 26), y = 45 + SIDE * i;
      draw_digit(&s.page, (i + j) % 10, (double[]){x, y}, 20, 40, &rng);
    }
  }
  draw_light(&s.page, 6, 30, &rng);
  s.foreground = find_foreground(&s.workspace, &s.page);
  measure(find_table, &s);
  expect(s.table.rows == ROWS && s.table.columns == COLUMNS, "the table");
  od_table_release(&s.table);
  od_image_workspace_release(&s.workspace);
  picture_release(&s.page);
  picture_release(&s.foreground);
}

/* ---- form ---- */

typedef struct form_search {
  od_image_workspace workspace;
  picture form, page; /* foreground levels */
  od_registration registration;
} form_search;

static picture draw_form(int shift_x, int shift_y) {
  od_rng rng;
  od_rng_seed(&rng, 7, 0);
  picture form = picture_create(H, W, 0);
  for (int n = 0; n < 40; n++) {
    const int x = shift_x + 20 + (int)od_rng_below(&rng, 300);
    const int y = shift_y + 20 + (int)od_rng_below(&rng, 400);
    if (n % 4 == 0) draw_grid(&form, 1, 1 + n / 8, 24, (int[]){x, y}, 255);
    draw_digit(&form, n % 10, (double[]){x, y}, 14, 255, &rng);
  }
  return form;
}

static void register_form(void *context) {
  form_search *s = context;
  const od_view form = od_view_of(H, W, s->form.pixels), page = od_view_of(H, W, s->page.pixels);
  od_error error;
  require(od_register_page(&s->workspace, &form, &page, &s->registration, &error), &error);
}

static void path_register_form(const od_kernels *kernels) {
  form_search s = {
      .workspace = {.kernels = kernels}, .form = draw_form(0, 0), .page = draw_form(9, 6)};
  measure(register_form, &s);
  expect(s.registration.found > 0.8 && fabs(s.registration.matrix[2] - 9) < 1, "the form");
  od_image_workspace_release(&s.workspace);
  picture_release(&s.form);
  picture_release(&s.page);
}

const path page_paths[] = {{"page_layout", path_page_layout},
                           {"line_recognizer", path_line_recognizer},
                           {"ctc_decoding_with_pattern", path_ctc_decoding_with_pattern},
                           {"read_page", path_read_page},
                           {"table", path_table},
                           {"register_form", path_register_form},
                           {NULL, NULL}};
