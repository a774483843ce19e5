/* Erosion and dilation: the lowest and the highest level under a footprint. */
#include <math.h>

#include "base/memory.h"
#include "image/row_partition.h"
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
  /* Of a footprint in pieces, which cover the cells that count: */
  int levels;          /* at least 1 */
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

/* Memory of one band for a full footprint. */
typedef struct full_memory {
  size_t pitch;                      /* from one row to the next */
  const uint8_t **rows;              /* pointers, for an extreme to be taken of */
  const uint8_t **sources;           /* the last rows of the picture, in any order */
  uint8_t *outside, *result;
  uint8_t *padded[2], *along[2];     /* what came down, and its parts across: rows 2 k, 2 k + 1 */
  uint8_t *copies;                   /* (down.part, pitch): sources that do not lie side by side */
  uint8_t *parts;                    /* (parts_kept(down), pitch): parts down */
} full_memory;

static int parts_kept(const window *down) { return down->length - down->part + 1; }

static size_t footprint_pitch(const filter_job *job) {
  return od_aligned((size_t)job->image->w + (size_t)job->footprint->w + OD_ALIGNMENT);
}

static size_t full_pointers(const od_footprint *f) {
  return od_aligned((2 * (size_t)f->h + (size_t)f->w) * sizeof(uint8_t *));
}

static size_t full_scratch(const filter_job *job) {
  return full_pointers(job->footprint) +
         (6 + 2 * (size_t)job->footprint->h) * footprint_pitch(job);
}

static full_memory full_memory_of(const filter_job *job, const window *down, void *scratch) {
  const od_footprint *f = job->footprint;
  full_memory m = {.pitch = footprint_pitch(job), .rows = scratch};
  m.sources = m.rows + f->h + f->w;
  m.outside = (uint8_t *)scratch + full_pointers(f);
  m.result = m.outside + m.pitch;
  m.along[0] = m.result + m.pitch;
  m.along[1] = m.along[0] + m.pitch;
  m.copies = m.along[1] + m.pitch;
  m.parts = m.copies + (size_t)down->part * m.pitch;
  /* A row's own pixels, behind its left border, begin a cache line. */
  m.padded[0] = m.parts + (size_t)parts_kept(down) * m.pitch + OD_ALIGNMENT -
                (size_t)f->anchor_x % OD_ALIGNMENT;
  m.padded[1] = m.padded[0] + m.pitch;
  memset(m.outside, job->outside, (size_t)job->image->w);
  return m;
}

/* Takes in row r of those that the band looks at; with it the part down that ends there, and
 * with the last of a window the extreme of all its rows, which goes to `column`. */
static void filter_down(const filter_job *job, const window *down, const full_memory *m, int top,
                        int r, uint8_t *column) {
  const size_t w = (size_t)job->image->w;
  const int from = od_border_place(top + r, job->image->h, job->border), slot = r % down->part;
  m->sources[slot] = from < 0 ? m->outside
                              : od_view_row(job->image, from, m->copies + (size_t)slot * m->pitch);
  if (r < down->part - 1) return;
  if (down->parts == 1) {
    job->extreme(w, (size_t)down->part, m->sources, column);
    return;
  }
  const int newest = r - (down->part - 1), kept = parts_kept(down);
  job->extreme(w, (size_t)down->part, m->sources, m->parts + (size_t)(newest % kept) * m->pitch);
  const int oldest = r - (down->length - 1);
  if (oldest < 0) return;
  for (int k = 0; k < down->parts; k++)
    m->rows[k] = m->parts + (size_t)((oldest + part_begin(down, k)) % kept) * m->pitch;
  job->extreme(w, (size_t)down->parts, m->rows, column);
}

/* The extremes of `count` pixels of a row, from every one of n pixels on. */
static void filter_along(const filter_job *job, const full_memory *m, size_t n, int count,
                         const uint8_t *row, uint8_t *result) {
  for (int k = 0; k < count; k++) m->rows[k] = row + k;
  job->extreme(n, (size_t)count, m->rows, result);
}

/* A full footprint: down, then across. What was just written is slow to read at other places,
 * so that each step across is a row behind the step before it. */
static void filter_full(void *context, int first, int last, void *scratch) {
  const filter_job *job = context;
  const od_footprint *f = job->footprint;
  const window across = window_of(f->w), down = window_of(f->h);
  const full_memory m = full_memory_of(job, &down, scratch);
  const int w = job->image->w, top = first - f->anchor_y, behind = across.parts > 1 ? 2 : 1;
  for (int y = first - (f->h - 1); y < last + behind; y++) { /* its window's last row comes in */
    if (y < last) {
      uint8_t *padded = m.padded[y & 1];
      filter_down(job, &down, &m, top, y - first + f->h - 1, padded + f->anchor_x);
      if (y >= first)
        od_extend_row(padded, f->anchor_x, w, f->w - 1 - f->anchor_x, job->border, job->outside);
    }
    if (behind == 2 && y - 1 >= first && y - 1 < last)
      filter_along(job, &m, (size_t)(w + across.length - across.part), across.part,
                   m.padded[(y - 1) & 1], m.along[(y - 1) & 1]);
    const int done = y - behind;
    if (done < first) continue;
    uint8_t *result = od_target_row(job->result, done, m.result);
    if (behind == 1) {
      filter_along(job, &m, (size_t)w, across.length, m.padded[done & 1], result);
    } else {
      for (int k = 0; k < across.parts; k++)
        m.rows[k] = m.along[done & 1] + part_begin(&across, k);
      job->extreme((size_t)w, (size_t)across.parts, m.rows, result);
    }
    od_target_finish(job->result, done, result);
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

/* Memory of one band for pieces; a ring holds the last rows of a level. */
typedef struct piece_memory {
  size_t pitch;         /* from one row to the next */
  const uint8_t **rows; /* (job's count) of an extreme */
  uint8_t *result;
  uint8_t *rings;       /* (job's levels, footprint's h, pitch) */
} piece_memory;

static size_t piece_scratch(const filter_job *job) {
  return od_aligned(job->count * sizeof(uint8_t *)) +
         (2 + (size_t)job->levels * (size_t)job->footprint->h) * footprint_pitch(job);
}

static piece_memory piece_memory_of(const filter_job *job, void *scratch) {
  piece_memory m = {.pitch = footprint_pitch(job), .rows = scratch};
  m.result = (uint8_t *)scratch + od_aligned(job->count * sizeof(uint8_t *));
  /* A row's own pixels, behind its left border, begin a cache line. */
  m.rings = m.result + m.pitch + OD_ALIGNMENT - (size_t)job->footprint->anchor_x % OD_ALIGNMENT;
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

/* Where the ring of a level has place `at`: extremes of 2^level pixels each. */
static uint8_t *level_row(const filter_job *job, const piece_memory *m, int level, int at) {
  return m->rings + (size_t)(level * job->footprint->h + at) * m->pitch;
}

/* Row y of the picture and its extremes into the rings. */
static void fill_levels(const filter_job *job, const piece_memory *m, int y, int at) {
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
  const piece_memory m = piece_memory_of(job, scratch);
  const int h = job->footprint->h, top = first - job->footprint->anchor_y;
  int place = 0; /* of the row that comes next, in the rings; then of the oldest */
  for (int r = 0; r < last - first + h - 1; r++) {
    fill_levels(job, &m, top + r, place);
    place = place + 1 < h ? place + 1 : 0;
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

od_status od_extreme_filter(od_image_workspace *imaging, const od_view *image, od_extreme extreme,
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
  filter_job job = {.extreme = extreme == OD_LOWEST ? kernels->min_of_rows : kernels->max_of_rows,
                    .image = image, .result = result, .footprint = f, .border = border,
                    .outside = outside};
  if (cells == (size_t)f->h * (size_t)f->w)
    return od_run_row_partitions(imaging, image->h, w / 4 + 1, full_scratch(&job), filter_full, &job,
                        error);
  piece *pieces = od_allocate(cells, sizeof *pieces);
  if (!pieces) return od_fail_memory(error, "a kernel's cells");
  choose_pieces(&job, pieces);
  const od_status done = od_run_row_partitions(imaging, image->h, w * looks(&job) / 64 + 1,
                                      piece_scratch(&job), filter_pieces, &job, error);
  od_release(pieces);
  return done;
}
