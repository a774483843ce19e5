#include "page/line_hypotheses.h"

#include "base/math.h"
#include "base/memory.h"

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
    hypotheses->items[hypotheses->count++] = (od_line_hypothesis){.line = i, .geometry = geometry};
  }
  return width;
}

/* Replaces each hypothesis by those of all scales; returns their width together. */
static size_t add_scales(od_line_hypotheses *hypotheses) {
  size_t width = 0;
  for (int i = hypotheses->count - 1; i >= 0; i--) {
    const od_line_hypothesis first = hypotheses->items[i];
    for (int k = 0; k < OD_MAX_HYPOTHESES; k++) {
      od_line_hypothesis *item = &hypotheses->items[i * OD_MAX_HYPOTHESES + k];
      *item = first;
      item->geometry = od_line_geometry_resize(first.geometry, scales[k].wider, scales[k].higher);
      width += (size_t)item->geometry.width;
    }
  }
  hypotheses->per_line = OD_MAX_HYPOTHESES;
  hypotheses->count *= OD_MAX_HYPOTHESES;
  return width;
}

typedef struct rendering {
  const od_page *page;
  const od_line_hypotheses *hypotheses;
  float *scratch; /* (threads, scratch_size) */
  size_t scratch_size;
} rendering;

static void render(void *context, int index, int worker) {
  const rendering *work = context;
  const od_line_hypothesis *item = &work->hypotheses->items[index];
  od_line_image_render(work->page, &item->geometry,
                       work->scratch + (size_t)worker * work->scratch_size, item->pixels);
}

static od_status render_all(const od_page *page, od_thread_pool *pool,
                            const od_line_hypotheses *hypotheses, od_error *error) {
  const size_t threads = (size_t)od_thread_pool_threads(pool);
  rendering work = {.page = page, .hypotheses = hypotheses};
  for (int i = 0; i < hypotheses->count; i++)
    work.scratch_size =
        od_max_size(work.scratch_size, od_line_image_scratch(&hypotheses->items[i].geometry));
  work.scratch = od_allocate(work.scratch_size, threads * sizeof *work.scratch);
  if (!work.scratch) return od_fail_memory(error, "the line images of a page");
  od_thread_pool_run(pool, render, &work, hypotheses->count);
  od_release(work.scratch);
  return OD_OK;
}

od_status od_hypotheses_render(const od_page *page, od_thread_pool *pool,
                               od_line_hypotheses *hypotheses, od_error *error) {
  hypotheses->items =
      od_allocate((size_t)page->line_count, OD_MAX_HYPOTHESES * sizeof *hypotheses->items);
  if (!hypotheses->items) return od_fail_memory(error, "the line images of a page");
  size_t width = add_first_scale(page, hypotheses);
  if (width <= MAX_MULTI_SCALE_COLUMNS) width = add_scales(hypotheses);
  hypotheses->pixels = od_allocate(width, OD_LINE_HEIGHT);
  if (!hypotheses->pixels) return od_fail_memory(error, "the line images of a page");
  uint8_t *pixels = hypotheses->pixels;
  for (int i = 0; i < hypotheses->count; i++) {
    hypotheses->items[i].pixels = pixels;
    pixels += (size_t)hypotheses->items[i].geometry.width * OD_LINE_HEIGHT;
  }
  return render_all(page, pool, hypotheses, error);
}

/* ---- recognition ---- */

od_status od_hypotheses_recognize(const od_reader *reader, od_thread_pool *pool,
                                  od_line_hypotheses *hypotheses, od_error *error) {
  size_t steps = 0, count = 0;
  for (int i = 0; i < hypotheses->count; i++) {
    od_line_hypothesis *item = &hypotheses->items[i];
    item->steps = od_model_sequence_length_at(reader->recognizer, item->geometry.width);
    steps += (size_t)item->steps;
  }
  od_line_image *images = od_allocate((size_t)hypotheses->count, sizeof *images);
  od_real *probabilities = od_allocate(steps, OD_CTC_CLASSES * sizeof *probabilities);
  hypotheses->probabilities = probabilities;
  if (!images || !probabilities) {
    od_release(images);
    return od_fail_memory(error, "recognizing the lines of a page");
  }
  for (int i = 0; i < hypotheses->count; i++) {
    od_line_hypothesis *item = &hypotheses->items[i];
    item->probabilities = probabilities;
    probabilities += (size_t)item->steps * OD_CTC_CLASSES;
    if (item->steps)
      images[count++] = (od_line_image){item->pixels, item->geometry.width, item->probabilities};
  }
  od_model_run_lines(reader->recognizer, reader->recognizer_workspace, pool, count, images,
                     1.0 / 255, true);
  od_release(images);
  return OD_OK;
}

void od_hypotheses_release(od_line_hypotheses *hypotheses) {
  od_release(hypotheses->items);
  od_release(hypotheses->pixels);
  od_release(hypotheses->probabilities);
  *hypotheses = (od_line_hypotheses){0};
}
