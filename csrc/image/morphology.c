/* Erosion and dilation: the lowest and the highest level under a footprint. */
#include <math.h>

#include "base/memory.h"
#include "image/bands.h"
#include "image/border.h"
#include "image/image.h"
#include "image/limits.h"

void od_fill_shape(od_footprint_shape shape, int h, int w, uint8_t *cells) {
  const int middle_y = h / 2, middle_x = w / 2;
  for (int y = 0; y < h; y++, cells += w) {
    int first = 0, last = w - 1;
    if (shape == OD_SHAPE_CROSS && y != middle_y) first = last = middle_x;
    if (shape == OD_SHAPE_ELLIPSE) {
      const int up = y - middle_y;
      const double inside = middle_y ? (double)(middle_y * middle_y - up * up) /
                                           ((double)middle_y * middle_y) : 0;
      const int reach = inside < 0 ? -1 : (int)lrint(middle_x * sqrt(inside));
      first = middle_x - reach > 0 ? middle_x - reach : 0;
      last = middle_x + reach < w ? middle_x + reach : w - 1;
      if (reach < 0) last = first - 1;
    }
    for (int x = 0; x < w; x++) cells[x] = x >= first && x <= last;
  }
}

typedef void extreme_of(size_t n, size_t count, const uint8_t *const *rows, uint8_t *y);

/* 2^level cells of a footprint side by side, from (v, u) on. */
typedef struct piece {
  int v, u, level;
} piece;

typedef struct filter_job {
  extreme_of *extreme;
  const od_view *image;
  const od_target *result;
  const od_footprint *footprint;
  od_border border;
  uint8_t outside;
  bool full;           /* whether all cells count; else the pieces cover those that do */
  int levels;          /* of pieces, at least 1 */
  size_t count;
  const piece *pieces; /* (count) */
} filter_job;

/* A long window is `parts` overlapping ones of `part` side by side: few enough to look at
 * them all. */
typedef struct window {
  int length, part, parts;
} window;

static window window_of(int length) {
  enum { SHORT = 12 };
  if (length <= SHORT) return (window){length, length, 1};
  const int part = (int)ceil(sqrt(length));
  return (window){length, part, (length + part - 1) / part};
}

static int part_begin(const window *w, int k) {
  const int begin = k * w->part;
  return begin + w->part <= w->length ? begin : w->length - w->part;
}

/* Memory of one band; rings hold the last rows, row r in place r % height. */
typedef struct filter_memory {
  size_t pitch;           /* from one row to the next */
  const uint8_t **rows;   /* pointers into them, for an extreme to be taken of */
  uint8_t *padded, *parts, *result;
  uint8_t *ring, *second; /* (footprint's h, pitch); for pieces, as many rings as levels */
} filter_memory;

static size_t most_pointers(const filter_job *job) {
  return job->full ? (size_t)job->footprint->h + (size_t)job->footprint->w : job->count;
}

static size_t filter_scratch(const filter_job *job, size_t pitch) {
  return od_aligned(most_pointers(job) * sizeof(uint8_t *)) +
         (3 + (job->full ? 2 : (size_t)job->levels) * (size_t)job->footprint->h) * pitch;
}

static size_t filter_pitch(const filter_job *job) {
  return od_aligned((size_t)job->image->w + (size_t)job->footprint->w + OD_ALIGNMENT);
}

static filter_memory filter_memory_of(const filter_job *job, void *scratch) {
  filter_memory m = {.pitch = filter_pitch(job), .rows = scratch};
  m.padded = (uint8_t *)scratch + od_aligned(most_pointers(job) * sizeof(uint8_t *));
  m.parts = m.padded + m.pitch;
  m.result = m.parts + m.pitch;
  m.ring = m.result + m.pitch;
  m.second = m.ring + (size_t)job->footprint->h * m.pitch;
  /* A row's own pixels, behind its left border, begin a cache line. */
  const size_t before = (size_t)job->footprint->anchor_x % OD_ALIGNMENT;
  m.padded += OD_ALIGNMENT - before;
  m.ring += OD_ALIGNMENT - before;
  return m;
}

/* Picture row y, which may lie outside, with the border to the left and to the right. */
static void pad_row(const filter_job *job, int y, uint8_t *padded) {
  const od_footprint *f = job->footprint;
  const int w = job->image->w, from = od_border_place(y, job->image->h, job->border);
  if (from < 0) {
    memset(padded, job->outside, (size_t)(w + f->w - 1));
    return;
  }
  const uint8_t *row = od_view_row(job->image, from, padded + f->anchor_x);
  if (row != padded + f->anchor_x) memcpy(padded + f->anchor_x, row, (size_t)w);
  od_extend_row(padded, f->anchor_x, w, f->w - 1 - f->anchor_x, job->border, job->outside);
}

/* The extreme of a window's length of pixels along a padded row. */
static void filter_across(const filter_job *job, const window *across, const filter_memory *m,
                          const uint8_t *padded, uint8_t *result) {
  const size_t w = (size_t)job->image->w;
  uint8_t *to = across->parts == 1 ? result : m->parts;
  const size_t n = across->parts == 1 ? w : w + (size_t)(across->length - across->part);
  for (int k = 0; k < across->part; k++) m->rows[k] = padded + k;
  job->extreme(n, (size_t)across->part, m->rows, to);
  if (across->parts == 1) return;
  for (int k = 0; k < across->parts; k++) m->rows[k] = m->parts + part_begin(across, k);
  job->extreme(w, (size_t)across->parts, m->rows, result);
}

/* A full footprint of few rows, over a picture whose pixels lie side by side: down first,
 * from the rows where they are, then across. A row is looked at across when the next one
 * has come down, as what was just written is slow to read at other places. */
static void filter_low(void *context, int first, int last, void *scratch) {
  const filter_job *job = context;
  const filter_memory m = filter_memory_of(job, scratch);
  const od_footprint *f = job->footprint;
  const od_view *image = job->image;
  const window across = window_of(f->w);
  const int w = image->w;
  uint8_t *padded[2] = {m.padded, m.ring};
  memset(m.second, job->outside, (size_t)w);
  for (int y = first; y <= last; y++) {
    if (y < last) {
      for (int k = 0; k < f->h; k++) {
        const int from = od_border_place(y - f->anchor_y + k, image->h, job->border);
        m.rows[k] = from < 0 ? m.second : image->pixels + from * image->row;
      }
      job->extreme((size_t)w, (size_t)f->h, m.rows, padded[y % 2] + f->anchor_x);
      od_extend_row(padded[y % 2], f->anchor_x, w, f->w - 1 - f->anchor_x, job->border,
                    job->outside);
    }
    if (y == first) continue;
    uint8_t *result = od_target_row(job->result, y - 1, m.result);
    filter_across(job, &across, &m, padded[(y - 1) % 2], result);
    od_target_finish(job->result, y - 1, result);
  }
}

/* The place after `at` in a ring of n. */
static int next_place(int at, int n) { return at + 1 < n ? at + 1 : 0; }

/* A full footprint: across, then down. */
static void filter_full(void *context, int first, int last, void *scratch) {
  const filter_job *job = context;
  const filter_memory m = filter_memory_of(job, scratch);
  const window across = window_of(job->footprint->w), down = window_of(job->footprint->h);
  const size_t w = (size_t)job->image->w;
  const int top = first - job->footprint->anchor_y;
  int place = 0; /* of the row that comes next, in the ring of rows */
  int part_place = 0; /* of the part that ends with it, in the ring of parts */
  for (int r = 0; r < last - first + down.length - 1; r++) { /* rows from the top on */
    pad_row(job, top + r, m.padded);
    filter_across(job, &across, &m, m.padded, m.ring + (size_t)place * m.pitch);
    place = next_place(place, down.part);
    if (r < down.part - 1) continue;
    const int y = first + r - (down.length - 1);
    uint8_t *result = y < first ? m.result : od_target_row(job->result, y, m.result);
    uint8_t *part = down.parts == 1 ? result : m.second + (size_t)part_place * m.pitch;
    for (int k = 0; k < down.part; k++) m.rows[k] = m.ring + (size_t)k * m.pitch;
    job->extreme(w, (size_t)down.part, m.rows, part);
    part_place = next_place(part_place, down.length);
    if (y < first) continue;
    if (down.parts > 1) {
      /* The window's first part is as far back as the ring has places but for `part`. */
      const int oldest = part_place - 1 - (down.length - down.part);
      for (int k = 0; k < down.parts; k++) {
        const int at = oldest + part_begin(&down, k);
        m.rows[k] = m.second + (size_t)(at < 0 ? at + down.length : at) * m.pitch;
      }
      job->extreme(w, (size_t)down.parts, m.rows, result);
    }
    od_target_finish(job->result, y, result);
  }
}

/* A run of cells as pieces of up to 2^highest, the last of which may overlap the one before;
 * how many. */
static size_t cut_run(int v, int u, int length, int highest, piece *pieces) {
  size_t count = 0;
  int level = 0;
  while (level < highest && 2 << level <= length) level++;
  for (int done = 0, size = 1 << level; done < length; done += size)
    pieces[count++] = (piece){v, u + (done + size <= length ? done : length - size), level};
  return count;
}

/* pieces (cells that count): all runs of a footprint's rows. */
static size_t cut_footprint(const od_footprint *f, int highest, piece *pieces) {
  const uint8_t *row = f->cells;
  size_t count = 0;
  for (int v = 0; v < f->h; v++, row += f->w)
    for (int u = 0, end; u < f->w; u = end) {
      for (end = u; end < f->w && row[end]; end++) {}
      count += cut_run(v, u, end - u, highest, pieces + count);
      while (end < f->w && !row[end]) end++;
    }
  return count;
}

/* Rows to look at for a row of the result: for every level two to write a third, which takes
 * as long, and for every piece one. */
static size_t looks(const filter_job *job) { return job->count + 3 * (size_t)(job->levels - 1); }

/* Cuts the footprint into pieces of as many levels as cost least. */
static void choose_pieces(filter_job *job, piece *pieces) {
  enum { MOST_LEVELS = 5 };
  int best = 1;
  size_t least = SIZE_MAX;
  for (job->levels = 1; job->levels <= MOST_LEVELS; job->levels++) {
    job->count = cut_footprint(job->footprint, job->levels - 1, pieces);
    if (looks(job) >= least) continue;
    least = looks(job);
    best = job->levels;
  }
  job->levels = best;
  job->count = cut_footprint(job->footprint, best - 1, pieces);
  job->pieces = pieces;
}

/* Where the ring of a level has place `at`: extremes of 2^level pixels each. */
static uint8_t *level_row(const filter_job *job, const filter_memory *m, int level, int at) {
  return m->ring + (size_t)(level * job->footprint->h + at) * m->pitch;
}

/* Row y of the picture and its extremes into the rings. */
static void fill_levels(const filter_job *job, const filter_memory *m, int y, int at) {
  const size_t padded = (size_t)job->image->w + (size_t)job->footprint->w - 1;
  pad_row(job, y, level_row(job, m, 0, at));
  for (int level = 1; level < job->levels; level++) {
    const size_t half = (size_t)1 << (level - 1);
    const uint8_t *from = level_row(job, m, level - 1, at);
    job->extreme(padded - (2 * half - 1), 2, (const uint8_t *[]){from, from + half},
                 level_row(job, m, level, at));
  }
}

/* Any footprint: all of its pieces, each a row of its level moved by its place. */
static void filter_pieces(void *context, int first, int last, void *scratch) {
  const filter_job *job = context;
  const filter_memory m = filter_memory_of(job, scratch);
  const int h = job->footprint->h, top = first - job->footprint->anchor_y;
  int place = 0; /* of the row that comes next, in the rings; then of the oldest */
  for (int r = 0; r < last - first + h - 1; r++) {
    fill_levels(job, &m, top + r, place);
    place = next_place(place, h);
    if (r < h - 1) continue;
    for (size_t k = 0; k < job->count; k++) {
      const piece *p = &job->pieces[k];
      const int at = place + p->v;
      m.rows[k] = level_row(job, &m, p->level, at < h ? at : at - h) + p->u;
    }
    const int y = first + r - (h - 1);
    uint8_t *result = od_target_row(job->result, y, m.result);
    job->extreme((size_t)job->image->w, job->count, m.rows, result);
    od_target_finish(job->result, y, result);
  }
}

static size_t count_cells(const od_footprint *f) {
  size_t count = 0;
  for (size_t i = 0, all = (size_t)f->h * (size_t)f->w; i < all; i++) count += f->cells[i] != 0;
  return count;
}

od_status od_extreme_filter(od_imaging *imaging, const od_view *image, od_extreme extreme,
                            const od_footprint *footprint, od_border border, uint8_t outside,
                            const od_target *result, od_error *error) {
  const od_status status = od_check_same(image, result, error);
  const od_footprint *f = footprint;
  if (status) return status;
  if (f->h < 1 || f->h > OD_MAX_FOOTPRINT || f->w < 1 || f->w > OD_MAX_FOOTPRINT)
    return od_fail(error, OD_ERROR_ARGUMENT, "kernel: got %d x %d cells, expected 1 to %d a side",
                   f->h, f->w, OD_MAX_FOOTPRINT);
  if (f->anchor_y < 0 || f->anchor_y >= f->h || f->anchor_x < 0 || f->anchor_x >= f->w)
    return od_fail(error, OD_ERROR_ARGUMENT, "anchor: got (%d, %d), expected a cell of %d x %d",
                   f->anchor_y, f->anchor_x, f->h, f->w);
  const od_image_kernels *kernels = &imaging->kernels->image;
  const size_t w = (size_t)image->w, cells = count_cells(f);
  if (cells == 0)
    return od_fail(error, OD_ERROR_ARGUMENT, "kernel: got only zeros, expected a cell that counts");
  filter_job job = {.extreme = extreme == OD_LOWEST ? kernels->lowest_of : kernels->highest_of,
                    .image = image, .result = result, .footprint = f, .border = border,
                    .outside = outside, .full = cells == (size_t)f->h * (size_t)f->w};
  if (job.full) {
    const bool low = image->column == 1 && window_of(f->h).parts == 1;
    return od_run_bands(imaging, image->h, w / 4 + 1, filter_scratch(&job, filter_pitch(&job)),
                        low ? filter_low : filter_full, &job, error);
  }
  piece *pieces = od_allocate(cells, sizeof *pieces);
  if (!pieces) return od_fail_memory(error, "a kernel's cells");
  choose_pieces(&job, pieces);
  const od_status done = od_run_bands(imaging, image->h, w * looks(&job) / 64 + 1,
                                      filter_scratch(&job, filter_pitch(&job)), filter_pieces,
                                      &job, error);
  od_release(pieces);
  return done;
}
