#include "read/read.h"

#include "base/memory.h"
#include "read/boxes.h"
#include "read/page.h"
#include "read/spell.h"
#include "read/strip.h"

/* Strips of a page together, in columns, at most; and one more for so many pixels. */
enum { MOST_COLUMNS = 8000, COLUMN_AREA = 60 };
/* Lines lower than this many pixels cannot be read. */
static const double least_height = 5;

/* The lines of a page on their way through the network. */
typedef struct work {
  od_page page;
  int count;              /* of lines that are read */
  int *line;              /* (count): which */
  od_strip_place *places; /* (count) */
  od_strip *strips;       /* (count) */
  uint8_t *pixels;        /* of all strips */
  od_real *scores;        /* of all strips' columns */
  float *scratch;         /* (threads, scratch_size) */
  size_t scratch_size;
} work;

static od_status find_lines(work *w, od_error *error) {
  od_status status = od_page_find_ink(&w->page, error);
  if (!status) status = od_page_find_lines(&w->page, error);
  if (!status) status = od_page_cut_pieces(&w->page, error);
  return status;
}

/* Finds the strips' places, sizes and memory. */
static od_status lay_strips(work *w, const od_inference *network, od_pool *pool, od_error *error) {
  const od_page *page = &w->page;
  const size_t lines = (size_t)page->line_count;
  const double room = MOST_COLUMNS + (double)page->h * page->w / COLUMN_AREA;
  double width = 0;
  size_t columns = 0;
  w->line = od_allocate(lines, sizeof *w->line);
  w->places = od_allocate(lines, sizeof *w->places);
  w->strips = od_allocate(lines, sizeof *w->strips);
  if (!w->line || !w->places || !w->strips) return od_fail_memory(error, "the lines of a page");
  for (int i = 0; i < page->line_count; i++) {
    if (page->lines[i].height < least_height) continue;
    const od_strip_place place = od_strip_find(page, &page->lines[i]);
    if (width + place.width > room) break;
    width += place.width;
    columns += (size_t)od_inference_columns(network, place.width);
    const size_t scratch = od_strip_scratch(&place);
    if (scratch > w->scratch_size) w->scratch_size = scratch;
    w->line[w->count] = i;
    w->places[w->count++] = place;
  }
  w->pixels = od_allocate((size_t)width, OD_READ_HEIGHT);
  w->scores = od_allocate(columns, OD_READ_CLASSES * sizeof *w->scores);
  w->scratch = od_allocate(w->scratch_size, (size_t)od_pool_threads(pool) * sizeof *w->scratch);
  if (!w->pixels || !w->scores || !w->scratch) return od_fail_memory(error, "the lines of a page");
  uint8_t *pixels = w->pixels;
  od_real *scores = w->scores;
  for (int i = 0; i < w->count; i++) {
    const int wide = w->places[i].width;
    w->strips[i] = (od_strip){pixels, wide, scores};
    pixels += (size_t)wide * OD_READ_HEIGHT;
    scores += (size_t)od_inference_columns(network, wide) * OD_READ_CLASSES;
  }
  return OD_OK;
}

static void draw(void *context, int index, int worker) {
  const work *w = context;
  uint8_t *strip = w->pixels + (w->strips[index].pixels - w->pixels);
  od_strip_draw(&w->page, &w->places[index], w->scratch + (size_t)worker * w->scratch_size, strip);
}

/* Adds what line `index` of those that are read says to the reading. */
static od_status read_line(const work *w, int index, const od_inference *network,
                           const od_read_limits *limits, od_spelled *spelled, od_reading *reading,
                           od_error *error) {
  const od_strip *strip = &w->strips[index];
  int count;
  od_status status = od_spell(od_inference_columns(network, strip->width), strip->scores, limits,
                              spelled, &count, error);
  if (status || count == 0) return status;
  od_read_digit *digits = reading->digits + reading->count;
  for (int i = 0; i < count; i++) {
    digits[i] = (od_read_digit){.line = w->line[index],
                                .value = spelled[i].value,
                                .confidence = spelled[i].confidence,
                                .is_digit = spelled[i].is_digit};
    for (int d = 0; d < OD_DIGITS; d++) digits[i].probabilities[d] = spelled[i].probabilities[d];
  }
  reading->count += count;
  return od_find_boxes(&w->page, &w->page.lines[w->line[index]], &w->places[index], count, spelled,
                       digits, error);
}

static od_status read_lines(work *w, od_inference *network, od_pool *pool,
                            const od_read_limits *limits, od_reading *reading, od_error *error) {
  const double scale = 1.0 / 255;
  od_pool_run(pool, draw, w, w->count);
  od_inference_run_strips(network, pool, (size_t)w->count, w->strips, scale, true);
  size_t columns = 0;
  for (int i = 0; i < w->count; i++)
    columns += (size_t)od_inference_columns(network, w->strips[i].width);
  od_spelled *spelled = od_allocate(columns, sizeof *spelled);
  reading->digits = od_allocate(columns, sizeof *reading->digits);
  od_status status = spelled && reading->digits ? OD_OK : od_fail_memory(error, "a reading");
  for (int i = 0; i < w->count && !status; i++)
    status = read_line(w, i, network, limits, spelled, reading, error);
  od_release(spelled);
  return status;
}

static void release(work *w) {
  od_page_release(&w->page);
  od_release(w->line);
  od_release(w->places);
  od_release(w->strips);
  od_release(w->pixels);
  od_release(w->scores);
  od_release(w->scratch);
}

od_status od_read(const od_kernels *kernels, int h, int w, const uint8_t *image,
                  od_inference *network, od_pool *pool, const od_read_limits *limits,
                  od_reading *reading, od_error *error) {
  work all = {.page = {.h = h, .w = w, .image = image, .imaging = {.kernels = kernels, .pool = pool}}};
  *reading = (od_reading){0};
  od_status status = find_lines(&all, error);
  if (!status) status = lay_strips(&all, network, pool, error);
  if (!status) status = read_lines(&all, network, pool, limits, reading, error);
  if (status) od_reading_release(reading);
  release(&all);
  return status;
}

void od_reading_release(od_reading *reading) {
  od_release(reading->digits);
  *reading = (od_reading){0};
}
