#include "page/upside_down.h"

#include "base/math.h"
#include "base/memory.h"
#include "page/ctc_decoding.h"

/* Lines are upright if upside down they have fewer than this proportion of the expected digits, and
 * so many fewer. */
static const double max_proportion = 0.9, min_difference = 0.6;

/* Line images upside down, and memory to recognize and decode them. */
typedef struct reversal {
  int count;
  int *chosen;                /* (max_lines): hypotheses of the largest lines */
  od_line_image *images;      /* (max_lines) */
  uint8_t *pixels;            /* of all images */
  od_real *probabilities;     /* of all images */
  od_decoded_symbol *symbols; /* of one image */
} reversal;

static void reversal_release(reversal *work) {
  od_release(work->chosen);
  od_release(work->images);
  od_release(work->pixels);
  od_release(work->probabilities);
  od_release(work->symbols);
}

/* Chooses the hypotheses of the lines of largest mass, in descending order. */
static void choose_largest(const od_page *page, const od_line_hypotheses *hypotheses, int max_lines,
                           reversal *work) {
  for (int i = 0; i < hypotheses->count; i++) {
    if (!hypotheses->items[i].steps) continue;
    const od_text_line *line = &page->lines[hypotheses->items[i].line];
    const int64_t mass = od_page_mass(page, line->first, line->count);
    int at = work->count;
    for (; at > 0; at--) {
      const od_text_line *other = &page->lines[hypotheses->items[work->chosen[at - 1]].line];
      if (od_page_mass(page, other->first, other->count) >= mass) break;
      if (at < max_lines) work->chosen[at] = work->chosen[at - 1];
    }
    if (at < max_lines) work->chosen[at] = i;
    work->count = od_min(work->count + (at < max_lines), max_lines);
  }
}

static od_status allocate(const od_line_hypotheses *hypotheses, reversal *work, od_error *error) {
  size_t width = 0;
  for (int i = 0; i < work->count; i++)
    width += (size_t)hypotheses->items[work->chosen[i]].geometry.width;
  work->pixels = od_allocate(width, OD_LINE_HEIGHT);
  work->probabilities =
      od_allocate(width / OD_CTC_STRIDE, OD_CTC_CLASSES * sizeof *work->probabilities);
  work->symbols = od_allocate(OD_LINE_MAX_WIDTH / OD_CTC_STRIDE, sizeof *work->symbols);
  if (work->pixels && work->probabilities && work->symbols) return OD_OK;
  return od_fail_memory(error, "the lines of a page upside down");
}

/* A line image upside down has its pixels in reverse order. */
static void reverse_images(const od_line_hypotheses *hypotheses, reversal *work) {
  uint8_t *pixels = work->pixels;
  od_real *probabilities = work->probabilities;
  for (int i = 0; i < work->count; i++) {
    const od_line_hypothesis *item = &hypotheses->items[work->chosen[i]];
    const size_t columns = (size_t)item->geometry.width, size = columns * OD_LINE_HEIGHT;
    for (size_t k = 0; k < size; k++) pixels[k] = item->pixels[size - 1 - k];
    work->images[i] = (od_line_image){pixels, item->geometry.width, probabilities};
    pixels += size;
    probabilities += columns / OD_CTC_STRIDE * OD_CTC_CLASSES;
  }
}

/* Adds the posteriors of the digits on the most probable path to *sum. */
static od_status add_digits(int steps, const od_real *probabilities, od_decoded_symbol *symbols,
                            double *sum, od_error *error) {
  int count = 0;
  const od_status status = od_ctc_decode(steps, probabilities, symbols, &count, error);
  for (int i = 0; i < count; i++)
    if (od_is_digit(&symbols[i])) *sum += symbols[i].posteriors[symbols[i].value];
  return status;
}

od_status od_lines_are_upright(const od_page *page, const od_line_hypotheses *hypotheses,
                               int max_lines, const od_reader *reader, od_thread_pool *pool,
                               bool *upright, od_error *error) {
  reversal work = {.chosen = od_allocate((size_t)max_lines, sizeof *work.chosen),
                   .images = od_allocate((size_t)max_lines, sizeof *work.images)};
  double before = 0, after = 0;
  od_status status = OD_OK;
  *upright = false;
  if (!work.chosen || !work.images)
    status = od_fail_memory(error, "the lines of a page upside down");
  if (!status) choose_largest(page, hypotheses, max_lines, &work);
  if (!status) status = allocate(hypotheses, &work, error);
  if (!status) {
    reverse_images(hypotheses, &work);
    status = od_model_run_lines(reader->recognizer, reader->recognizer_workspace, pool,
                                (size_t)work.count, work.images, 1.0 / 255, true);
  }
  for (int i = 0; i < work.count && !status; i++) {
    const od_line_hypothesis *item = &hypotheses->items[work.chosen[i]];
    status = add_digits(item->steps, item->probabilities, work.symbols, &before, error);
    if (!status)
      status = add_digits(item->steps, work.images[i].scores, work.symbols, &after, error);
  }
  if (!status) *upright = after < max_proportion * before && after + min_difference < before;
  reversal_release(&work);
  return status;
}
