/* Rotated pages: their foreground, map to the source and class map; and lines upside down. */
#include <string.h>

#include "base/memory.h"
#include "check.h"
#include "networks.h"
#include "page/orientation.h"
#include "page/page.h"
#include "page/upside_down.h"
#include "tables.h"

enum { H = 40, W = 64, SIDE = 4, ROWS = H / SIDE, COLUMNS = W / SIDE };

/* A page with a block of 8x8 pixels, which the detector takes for a number. */
static od_page page_create(void) {
  od_page page = {.h = H, .w = W, .workspace = {.kernels = last_table()}};
  page.foreground = od_allocate(H, W);
  page.erased = od_allocate(H, W);
  page.image = page.erased;
  CHECK_INT(od_class_map_create(SIDE, ROWS, COLUMNS, &page.class_map, NULL), OD_OK);
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 2; j++) {
      page.class_map.classes[(1 + i) * COLUMNS + 3 + j] = OD_PIXEL_NUMBER;
      page.class_map.numbers[(1 + i) * COLUMNS + 3 + j] = 200;
    }
  for (int y = 4; y < 12; y++) memset(page.foreground + y * W + 12, 255, 8);
  return page;
}

/* The cells of a rotated page are those under its foreground. */
static void check_cells(const od_page *page) {
  const od_class_map *cells = &page->class_map;
  int numbers = 0;
  for (int i = 0; i < cells->rows; i++)
    for (int j = 0; j < cells->columns; j++) {
      const int y = i * SIDE + SIDE / 2, x = j * SIDE + SIDE / 2;
      if (y >= page->h || x >= page->w) continue;
      const bool number = cells->classes[i * cells->columns + j] == OD_PIXEL_NUMBER;
      CHECK_INT(number, page->foreground[y * page->w + x] > 127);
      CHECK_INT(cells->numbers[i * cells->columns + j], number ? 200 : 0);
      numbers += number;
    }
  CHECK(numbers >= 3 && numbers <= 6);
}

static void test_class_map(void) {
  static const double angles[] = {90, 180, 270, 8};
  for (int k = 0; k < 4; k++) {
    od_page page = page_create(), rotated;
    if (!CHECK_INT(od_page_rotate(&page, angles[k], &rotated, NULL), OD_OK)) return;
    if (k < 3) CHECK_INT(rotated.h, k == 1 ? H : W);
    check_cells(&rotated);
    od_page_release(&rotated);
    od_page_release(&page);
  }
}

static void test_no_class_map(void) {
  od_page page = page_create(), rotated;
  od_class_map_release(&page.class_map);
  if (!CHECK_INT(od_page_rotate(&page, 90, &rotated, NULL), OD_OK)) return;
  CHECK(!rotated.class_map.classes);
  od_page_release(&rotated);
  od_page_release(&page);
}

/* ---- lines upside down ---- */

enum { LINES = 3, LINE_WIDTH = 64, STEPS = LINE_WIDTH / OD_CTC_STRIDE };

static runner make_recognizer(void) {
  const od_layer layers[] = {conv(4, 3, 1, true, true), POOL, POOL, SEQUENCE,
                             conv(OD_CTC_CLASSES, 1, 1, true, false)};
  od_network *network;
  runner result;
  od_error error = {{0}};
  if (od_network_create((od_shape){OD_LINE_HEIGHT, OD_LINE_MAX_WIDTH, 1}, layers, 5, &network,
                        &error))
    exit(EXIT_FAILURE);
  randomize(network, 3);
  if (runner_create(network, last_table(), OD_FLOAT32, 1, &result, &error)) exit(EXIT_FAILURE);
  od_network_destroy(network);
  return result;
}

/* Lines of noise, as they are and upside down, and what the recognizer finds upside down. */
typedef struct line_case {
  od_text_line lines[LINES];
  od_segment segments[LINES];
  od_line_hypothesis items[LINES];
  uint8_t pixels[LINES][OD_LINE_HEIGHT * LINE_WIDTH], reversed[LINES][OD_LINE_HEIGHT * LINE_WIDTH];
  od_real scores[LINES][STEPS * OD_CTC_CLASSES];
} line_case;

static void make_lines(const runner *recognizer, line_case *at) {
  const int size = OD_LINE_HEIGHT * LINE_WIDTH;
  od_line_image images[LINES];
  for (int i = 0; i < LINES; i++) {
    for (int k = 0; k < size; k++) {
      at->pixels[i][k] = (uint8_t)((i + 3) * k * k / 7 + k);
      at->reversed[i][size - 1 - k] = at->pixels[i][k];
    }
    images[i] = (od_line_image){at->reversed[i], LINE_WIDTH, at->scores[i]};
    at->lines[i] = (od_text_line){.first = i, .count = 1};
    at->segments[i] = (od_segment){.mass = 10 * i + 1};
    at->items[i] = (od_line_hypothesis){.line = i,
                                        .geometry = {.width = LINE_WIDTH},
                                        .pixels = at->pixels[i],
                                        .steps = STEPS,
                                        .probabilities = at->scores[i]};
  }
  od_model_run_lines(recognizer->model, recognizer->workspace, NULL, LINES, images, 1.0 / 255,
                     true);
}

/* Sets the probabilities of a line to a digit at every other time step. */
static void set_certain(line_case *at, int line) {
  for (int t = 0; t < STEPS; t++)
    for (int c = 0; c < OD_CTC_CLASSES; c++)
      at->scores[line][t * OD_CTC_CLASSES + c] = c == (t % 2 ? OD_CTC_BLANK : 3);
}

static bool are_upright(const runner *recognizer, line_case *at, int count, int max_lines) {
  const od_page page = {.line_count = LINES, .lines = at->lines, .segments = at->segments};
  const od_line_hypotheses hypotheses = {.per_line = 1, .count = count, .items = at->items};
  const od_reader reader = {.recognizer = recognizer->model,
                            .recognizer_workspace = recognizer->workspace};
  bool upright = true;
  CHECK_INT(od_lines_are_upright(&page, &hypotheses, max_lines, &reader, NULL, &upright, NULL),
            OD_OK);
  return upright;
}

static void test_upside_down(void) {
  runner recognizer = make_recognizer();
  line_case at = {0};
  make_lines(&recognizer, &at);
  CHECK(!are_upright(&recognizer, &at, LINES, LINES)); /* the same both ways */
  CHECK(!are_upright(&recognizer, &at, 0, LINES));
  set_certain(&at, 0); /* the smallest line is not among the two largest */
  CHECK(!are_upright(&recognizer, &at, LINES, 2));
  CHECK(are_upright(&recognizer, &at, LINES, LINES));
  at.items[0].steps = 0; /* as if it were not recognized */
  CHECK(!are_upright(&recognizer, &at, LINES, LINES));
  set_certain(&at, 2);
  CHECK(are_upright(&recognizer, &at, LINES, 1));
  runner_destroy(&recognizer);
}

int main(void) {
  RUN(test_class_map);
  RUN(test_no_class_map);
  RUN(test_upside_down);
  return check_end();
}
