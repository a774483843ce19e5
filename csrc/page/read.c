#include "page/read.h"

#include "base/memory.h"
#include "page/symbol_boxes.h"
#include "page/read_state.h"

/* Strips of a page together, in columns, at most; and one more for so many pixels. */
enum { MOST_COLUMNS = 8000, COLUMN_AREA = 60 };
/* Strips of more columns together are looked at once; of others, each look has the writing so
 * many times as wide and high. */
enum { MOST_SEEN_AGAIN = 6000 };
static const struct {
  double wider, higher;
} looks[OD_MAX_HYPOTHESES] = {{1, 1}, {1.15, 1}, {1.25, 1.25}, {0.8, 0.8}};
/* Lines lower than this many pixels cannot be read. */
static const double least_height = 5;

/* ---- lines to strips ---- */

static od_status find_lines(od_page *page, od_error *error) {
  od_status status = od_page_find_foreground(page, error);
  if (!status) status = od_page_find_lines(page, error);
  if (!status) status = od_page_split_touching(page, error);
  return status;
}

/* Makes places for several looks at each line of one; returns their width together. */
static size_t look_again(od_read_job *job) {
  size_t width = 0;
  for (int i = job->line_count - 1; i >= 0; i--) {
    const od_line_hypothesis line = job->lines[i];
    for (int k = 0; k < OD_MAX_HYPOTHESES; k++) {
      od_line_hypothesis *look = &job->lines[i * OD_MAX_HYPOTHESES + k];
      *look = line;
      look->place = od_line_geometry_resize(line.place, looks[k].wider, looks[k].higher);
      width += (size_t)look->place.width;
    }
  }
  job->looks = OD_MAX_HYPOTHESES;
  job->line_count *= OD_MAX_HYPOTHESES;
  return width;
}

/* Which lines are read, and the memory for their strips. */
static od_status lay_strips(od_read_job *job, od_error *error) {
  const od_page *page = &job->page;
  const double room = MOST_COLUMNS + (double)page->h * page->w / COLUMN_AREA;
  size_t width = 0;
  job->looks = 1;
  job->lines = od_allocate((size_t)page->line_count, OD_MAX_HYPOTHESES * sizeof *job->lines);
  if (!job->lines) return od_fail_memory(error, "the lines of a page");
  for (int i = 0; i < page->line_count; i++) {
    if (page->lines[i].height < least_height) continue;
    const od_line_geometry place = od_line_geometry_find(page, &page->lines[i]);
    if ((double)(width + (size_t)place.width) > room) break;
    width += (size_t)place.width;
    job->lines[job->line_count++] = (od_line_hypothesis){.line = i, .place = place};
  }
  if (width <= MOST_SEEN_AGAIN) width = look_again(job);
  job->pixels = od_allocate(width, OD_LINE_HEIGHT);
  if (!job->pixels) return od_fail_memory(error, "the lines of a page");
  uint8_t *pixels = job->pixels;
  for (int i = 0; i < job->line_count; i++) {
    job->lines[i].pixels = pixels;
    pixels += (size_t)job->lines[i].place.width * OD_LINE_HEIGHT;
  }
  return OD_OK;
}

typedef struct drawing {
  const od_read_job *job;
  float *scratch; /* (threads, scratch_size) */
  size_t scratch_size;
} drawing;

static void draw(void *context, int index, int worker) {
  const drawing *work = context;
  const od_line_hypothesis *line = &work->job->lines[index];
  od_line_image_render(&work->job->page, &line->place,
                work->scratch + (size_t)worker * work->scratch_size, line->pixels);
}

static od_status draw_strips(const od_read_job *job, od_thread_pool *pool, od_error *error) {
  drawing work = {.job = job};
  for (int i = 0; i < job->line_count; i++) {
    const size_t scratch = od_line_image_scratch(&job->lines[i].place);
    if (scratch > work.scratch_size) work.scratch_size = scratch;
  }
  work.scratch = od_allocate(work.scratch_size, (size_t)od_thread_pool_threads(pool) * sizeof(float));
  if (!work.scratch) return od_fail_memory(error, "the lines of a page");
  od_thread_pool_run(pool, draw, &work, job->line_count);
  od_release(work.scratch);
  return OD_OK;
}

od_status od_read_start(const od_kernels *kernels, int h, int w, const uint8_t *image,
                        od_thread_pool *pool, od_read_job **job, od_error *error) {
  *job = od_allocate(1, sizeof **job);
  if (!*job) return od_fail_memory(error, "reading a picture");
  (*job)->page =
      (od_page){.h = h, .w = w, .image = image, .imaging = {.kernels = kernels, .pool = pool}};
  od_status status = find_lines(&(*job)->page, error);
  if (!status) status = lay_strips(*job, error);
  if (!status) status = draw_strips(*job, pool, error);
  (*job)->page.imaging.pool = NULL; /* the steps to come may have another */
  return status;
}

od_status od_read_lines(od_read_job *job, const od_model *reader, od_workspace *workspace,
                        od_thread_pool *pool, od_error *error) {
  const double scale = 1.0 / 255;
  size_t columns = 0;
  for (int i = 0; i < job->line_count; i++) {
    job->lines[i].columns = od_model_columns_of(reader, job->lines[i].place.width);
    columns += (size_t)job->lines[i].columns;
  }
  job->scores = od_allocate(columns, OD_CTC_CLASSES * sizeof *job->scores);
  od_line_image *strips = od_allocate((size_t)job->line_count, sizeof *strips);
  size_t count = 0;
  od_real *scores = job->scores;
  for (int i = 0; scores && strips && i < job->line_count; i++) {
    od_line_hypothesis *line = &job->lines[i];
    line->scores = scores;
    scores += (size_t)line->columns * OD_CTC_CLASSES;
    if (line->columns) strips[count++] = (od_line_image){line->pixels, line->place.width, line->scores};
  }
  od_status status =
      strips && job->scores ? OD_OK : od_fail_memory(error, "reading the lines of a page");
  if (!status) od_model_run_lines(reader, workspace, pool, count, strips, scale, true);
  if (!status) status = od_vote_hypotheses(job, error);
  od_release(strips);
  return status;
}

/* ---- digits and their places ---- */

/* The digits of a line, as spelled, that are being placed. */
typedef struct row {
  int count;
  od_decoded_symbol *spelled;
  od_read_digit *digits;
  od_segment_run *runs;
} row;

/* Takes out what may be digits but has no ink, or not of its own; whether there was any. */
static bool drop_doubtful(row *all) {
  int kept = 0;
  bool keep[OD_LINE_MAX_WIDTH / OD_CTC_STRIDE]; /* for each digit, of which no column has two */
  for (int i = 0; i < all->count; i++)
    keep[i] = !all->spelled[i].doubtful ||
              (all->runs[i].count && od_is_isolated(all->count, all->digits, i));
  for (int i = 0; i < all->count; i++) {
    if (!keep[i]) continue;
    all->spelled[kept] = all->spelled[i];
    all->digits[kept++] = all->digits[i];
  }
  const bool dropped = kept < all->count;
  all->count = kept;
  return dropped;
}

/* Adds what line `index` of those that are read says. */
static od_status place_line(const od_read_job *job, int index, const od_read_limits *limits,
                            od_symbols *placed, od_error *error) {
  const od_line_hypothesis *line = &job->lines[index];
  row all = {0, placed->spelled + placed->count, placed->digits + placed->count,
             placed->runs + placed->count};
  od_status status =
      od_ctc_decode(line->columns, line->scores, limits, all.spelled, &all.count, error);
  for (int i = 0; i < all.count; i++) {
    const od_decoded_symbol *spelled = &all.spelled[i];
    all.digits[i] = (od_read_digit){.line = line->line,
                                    .value = spelled->value,
                                    .confidence = spelled->confidence,
                                    .is_digit = spelled->is_digit};
    for (int d = 0; d < OD_DIGITS; d++)
      all.digits[i].probabilities[d] = spelled->probabilities[d];
  }
  do {
    if (status || !all.count) return status;
    status = od_find_symbol_boxes(&job->page, &job->page.lines[line->line], &line->place, all.count,
                           all.spelled, all.digits, all.runs, error);
  } while (!status && drop_doubtful(&all));
  for (int i = 0; i < all.count; i++) placed->of[placed->count++] = index;
  return status;
}

od_status od_decode_lines(const od_read_job *job, const od_read_limits *limits, od_symbols *placed,
                          od_error *error) {
  size_t room = 0;
  for (int i = 0; i < job->line_count; i++) room += (size_t)job->lines[i].columns;
  placed->of = od_allocate(room, sizeof *placed->of);
  placed->spelled = od_allocate(room, sizeof *placed->spelled);
  placed->runs = od_allocate(room, sizeof *placed->runs);
  placed->digits = od_allocate(room, sizeof *placed->digits);
  if (!placed->of || !placed->spelled || !placed->runs || !placed->digits)
    return od_fail_memory(error, "the digits of a page");
  od_status status = OD_OK;
  for (int i = 0; i < job->line_count && !status; i++)
    status = place_line(job, i, limits, placed, error);
  return status;
}

void od_symbols_release(od_symbols *placed) {
  od_release(placed->of);
  od_release(placed->spelled);
  od_release(placed->runs);
  od_release(placed->digits);
  *placed = (od_symbols){0};
}

od_status od_read_place(od_read_job *job, const od_read_limits *limits, od_error *error) {
  return od_decode_lines(job, limits, &job->placed, error);
}

/* ---- from beginning to end ---- */

void od_read_take(od_read_job *job, od_reading *reading) {
  *reading = (od_reading){job->placed.count, job->placed.digits};
  job->placed.digits = NULL;
}

void od_read_destroy(od_read_job *job) {
  if (!job) return;
  od_page_release(&job->page);
  od_release(job->lines);
  od_release(job->pixels);
  od_release(job->scores);
  od_symbols_release(&job->placed);
  od_verification_release(&job->court);
  od_release(job);
}

void od_reading_release(od_reading *reading) {
  od_release(reading->digits);
  *reading = (od_reading){0};
}

static od_status judge_all(od_read_job *job, const od_model *judge, od_workspace *workspace,
                           int classes, od_thread_pool *pool, od_error *error) {
  int count;
  od_status status = od_read_crop_next(job, pool, &count, error);
  while (!status && count) {
    od_read_verify(job, judge, workspace, classes, pool);
    status = od_read_crop_next(job, pool, &count, error);
  }
  return status;
}

od_status od_read(const od_kernels *kernels, int h, int w, const uint8_t *image,
                  const od_model *reader, od_workspace *reader_workspace,
                  const od_model *judge, od_workspace *judge_workspace, int judge_classes,
                  const od_fusion *opinions, od_thread_pool *pool, const od_read_limits *limits,
                  od_reading *reading, od_error *error) {
  od_read_job *job;
  *reading = (od_reading){0};
  if (judge && judge_classes != OD_DIGITS && judge_classes != OD_DIGITS + 1)
    return od_fail(error, OD_ERROR_ARGUMENT, "judge_classes: got %d, expected 10 or 11",
                   judge_classes);
  od_status status = od_read_start(kernels, h, w, image, pool, &job, error);
  if (!status) status = od_read_lines(job, reader, reader_workspace, pool, error);
  if (!status) status = od_read_place(job, judge ? NULL : limits, error);
  if (!status && judge) status = judge_all(job, judge, judge_workspace, judge_classes, pool, error);
  if (!status && judge) status = od_read_decide(job, opinions, limits, error);
  if (!status) od_read_take(job, reading);
  od_read_destroy(job);
  return status;
}
