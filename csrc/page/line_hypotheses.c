#include "page/line_hypotheses.h"

#include <math.h>

#include "base/math.h"
#include "base/memory.h"
#include "page/ctc_decoding.h"

/* Maximum width of all line images at their first scale together: so many columns, and one more for
 * so many pixels of the page. */
enum { MAX_COLUMNS = 8000, PIXELS_PER_COLUMN = 60 };
/* Up to this width all scales are used, beyond it only the first. */
enum { MAX_MULTI_SCALE_COLUMNS = 6000 };
static const struct {
  double wider, higher;
} scales[OD_MAX_HYPOTHESES] = {{1, 1}, {1.15, 1}, {1.25, 1.25}, {0.8, 0.8}};
/* Minimum height of lines that are read, in pixels. */
static const double min_height = 5;
/* Probability of the most probable path of the first hypothesis at which a line has no others. */
static const double confident = 0.6;

/* How frequent separators are on pages, in their frequency in the recognizer's training images,
 * two thirds of which have some. */
static const od_real prior_ratios[OD_SYMBOLS - OD_DIGITS] = {
    [OD_POINT - OD_DIGITS] = (od_real)0.3, [OD_COMMA - OD_DIGITS] = (od_real)0.3,
    [OD_MINUS - OD_DIGITS] = (od_real)0.3, [OD_PLUS - OD_DIGITS] = (od_real)0.3,
    [OD_SLASH - OD_DIGITS] = (od_real)0.1, [OD_COLON - OD_DIGITS] = (od_real)0.1};

/* ---- line images ---- */

/* Adds the first hypothesis of each line; returns their width together. */
static size_t add_first_scale(const od_page *page, od_line_hypotheses *hypotheses) {
  const double max_width = MAX_COLUMNS + (double)page->h * page->w / PIXELS_PER_COLUMN;
  size_t width = 0;
  hypotheses->per_line = 1;
  for (int i = 0; i < page->line_count; i++) {
    if (page->lines[i].height < min_height) continue;
    const od_line_geometry geometry = od_line_geometry_find(page, &page->lines[i]);
    if ((double)(width + (size_t)geometry.width) > max_width) break;
    width += (size_t)geometry.width;
    hypotheses->items[hypotheses->count++] =
        (od_line_hypothesis){.line = i, .geometry = geometry, .agreement = 1};
  }
  return width;
}

/* Replaces each hypothesis by those of `per_line` scales; returns their width together. */
static size_t add_scales(int per_line, od_line_hypotheses *hypotheses) {
  size_t width = 0;
  for (int i = hypotheses->count - 1; i >= 0; i--) {
    const od_line_hypothesis first = hypotheses->items[i];
    for (int k = 0; k < per_line; k++) {
      od_line_hypothesis *item = &hypotheses->items[i * per_line + k];
      *item = first;
      item->geometry = od_line_geometry_resize(first.geometry, scales[k].wider, scales[k].higher);
      width += (size_t)item->geometry.width;
    }
  }
  hypotheses->per_line = per_line;
  hypotheses->count *= per_line;
  return width;
}

od_status od_hypotheses_create(const od_page *page, int max_per_line,
                               od_line_hypotheses *hypotheses, od_error *error) {
  hypotheses->items =
      od_allocate((size_t)page->line_count, (size_t)max_per_line * sizeof *hypotheses->items);
  if (!hypotheses->items) return od_fail_memory(error, "the line images of a page");
  size_t width = add_first_scale(page, hypotheses);
  if (width <= MAX_MULTI_SCALE_COLUMNS) width = add_scales(max_per_line, hypotheses);
  hypotheses->pixels = od_allocate(width, OD_LINE_HEIGHT);
  hypotheses->probabilities =
      od_allocate(width / OD_CTC_STRIDE, OD_CTC_CLASSES * sizeof *hypotheses->probabilities);
  if (!hypotheses->pixels || !hypotheses->probabilities)
    return od_fail_memory(error, "the line images of a page");
  uint8_t *pixels = hypotheses->pixels;
  od_real *probabilities = hypotheses->probabilities;
  for (int i = 0; i < hypotheses->count; i++) {
    const size_t columns = (size_t)hypotheses->items[i].geometry.width;
    hypotheses->items[i].pixels = pixels;
    hypotheses->items[i].probabilities = probabilities;
    pixels += columns * OD_LINE_HEIGHT;
    probabilities += columns / OD_CTC_STRIDE * OD_CTC_CLASSES;
  }
  return OD_OK;
}

/* ---- recognition ---- */

typedef struct rendering {
  const od_page *page;
  od_line_image *images;       /* (count) */
  od_line_hypothesis **chosen; /* (count) */
  float *scratch;              /* (threads, scratch_size) */
  size_t scratch_size;
} rendering;

static void render(void *context, int index, int worker) {
  const rendering *work = context;
  const od_line_hypothesis *item = work->chosen[index];
  od_line_image_render(work->page, &item->geometry,
                       work->scratch + (size_t)worker * work->scratch_size, item->pixels);
}

/* Corrects the probabilities for the prior of separators (Saerens, Latinne and Decaestecker, 2002).
 */
static void correct_prior(const od_line_hypothesis *item) {
  od_real *p = item->probabilities;
  for (int t = 0; t < item->steps; t++, p += OD_CTC_CLASSES) {
    od_real sum = 0;
    for (int s = OD_DIGITS; s < OD_SYMBOLS; s++) p[s] *= prior_ratios[s - OD_DIGITS];
    for (int c = 0; c < OD_CTC_CLASSES; c++) sum += p[c];
    for (int c = 0; c < OD_CTC_CLASSES; c++) p[c] /= sum;
  }
}

/* Sets item->steps; they must fit into item->probabilities. */
static od_status find_steps(const od_model *recognizer, od_line_hypothesis *item, od_error *error) {
  const int width = item->geometry.width;
  const int steps = od_model_sequence_length_at(recognizer, width);
  if (steps > width / OD_CTC_STRIDE)
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "recognizer: got a network of %d time steps for a line image of %d columns, "
                   "expected at most %d",
                   steps, width, width / OD_CTC_STRIDE);
  item->steps = steps;
  return OD_OK;
}

/* Renders and recognizes the chosen hypotheses (count). */
static od_status recognize(const od_reader *reader, od_thread_pool *pool, int count,
                           rendering *work, od_error *error) {
  const size_t threads = (size_t)od_thread_pool_threads(pool);
  size_t images = 0;
  for (int i = 0; i < count; i++)
    work->scratch_size =
        od_max_size(work->scratch_size, od_line_image_scratch(&work->chosen[i]->geometry));
  work->scratch = od_allocate(work->scratch_size, threads * sizeof *work->scratch);
  if (!work->scratch) return od_fail_memory(error, "the line images of a page");
  od_status status = od_thread_pool_run(pool, render, work, count);
  od_release(work->scratch);
  for (int i = 0; i < count && !status; i++) {
    od_line_hypothesis *item = work->chosen[i];
    status = find_steps(reader->recognizer, item, error);
    if (item->steps)
      work->images[images++] =
          (od_line_image){item->pixels, item->geometry.width, item->probabilities};
  }
  if (status) return status;
  status = od_model_run_lines(reader->recognizer, reader->recognizer_workspace, pool, images,
                              work->images, 1.0 / 255, true);
  if (status) return status;
  for (int i = 0; i < count; i++) correct_prior(work->chosen[i]);
  return OD_OK;
}

static double blank_probability(const od_line_hypothesis *item, int t) {
  if (t < 0 || t >= item->steps) return 1;
  return (double)item->probabilities[(size_t)t * OD_CTC_CLASSES + OD_CTC_BLANK];
}

/* Whether the most probable path of a hypothesis is far more probable than all others, and no time
 * step apart from its symbols may be one. */
static bool is_confident(const od_line_hypothesis *item) {
  double probability = 1;
  for (int t = 0; t < item->steps; t++) {
    const od_real *p = item->probabilities + (size_t)t * OD_CTC_CLASSES;
    const size_t class = od_argmax(OD_CTC_CLASSES, p);
    probability *= (double)p[class];
    if (class == OD_CTC_BLANK && 1 - blank_probability(item, t) >= OD_LOW_CONFIDENCE &&
        fmin(blank_probability(item, t - 1), blank_probability(item, t + 1)) >= 0.5)
      return false;
  }
  return probability >= confident;
}

od_status od_hypotheses_recognize(const od_page *page, const od_reader *reader,
                                  od_thread_pool *pool, od_line_hypotheses *hypotheses,
                                  od_error *error) {
  const size_t max_count = (size_t)hypotheses->count;
  rendering work = {.page = page,
                    .images = od_allocate(max_count, sizeof *work.images),
                    .chosen = od_allocate(max_count, sizeof *work.chosen)};
  od_status status =
      work.images && work.chosen ? OD_OK : od_fail_memory(error, "recognizing the lines of a page");
  for (int others = 0; others < 2 && !status; others++) {
    int count = 0;
    for (int i = 0; i < hypotheses->count; i++) {
      const int first = i - i % hypotheses->per_line;
      if (others ? i != first && !is_confident(&hypotheses->items[first]) : i == first)
        work.chosen[count++] = &hypotheses->items[i];
    }
    if (count) status = recognize(reader, pool, count, &work, error);
  }
  od_release(work.images);
  od_release(work.chosen);
  return status;
}

void od_hypotheses_release(od_line_hypotheses *hypotheses) {
  od_release(hypotheses->items);
  od_release(hypotheses->pixels);
  od_release(hypotheses->probabilities);
  *hypotheses = (od_line_hypotheses){0};
}
