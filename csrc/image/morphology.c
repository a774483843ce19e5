/* cv2.erode and cv2.dilate: minimum and maximum under a structuring element.
 *
 * A full rectangle is separable: extremes of columns, then of rows; each long window is covered by
 * overlapping shorter ones. Any other element is decomposed into horizontal segments of 2^level
 * pixels; the extremes of all such segments of a row are computed level by level. */
#include <math.h>

#include "base/math.h"
#include "base/memory.h"
#include "image/row_partition.h"
#include "image/border.h"
#include "image/element_folding.h"
#include "image/image.h"
#include "image/limits.h"

typedef void extreme_of(size_t n, size_t count, const uint8_t *const *rows, uint8_t *y);

/* 2^level adjacent pixels of an element, from (v, u) on. */
typedef struct segment {
  int v, u, level;
} segment;

typedef struct filter_job {
  extreme_of *extreme;
  const od_view *image;
  const od_target *result;
  const od_structuring_element *element;
  od_border border;
  uint8_t border_value;
  /* For an element in segments: */
  int levels; /* at least 1 */
  size_t count;
  const segment *segments; /* (count) */
} filter_job;

/* The distance of rows in scratch memory. */
static size_t row_pitch(const filter_job *job) {
  return od_aligned((size_t)job->image->w + (size_t)job->element->w + OD_ALIGNMENT);
}

/* ---- full rectangles ---- */

/* A long window is covered by `parts` overlapping windows of length `part`. */
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

/* Scratch memory of one row partition. */
typedef struct rectangle_memory {
  size_t pitch;
  const uint8_t **rows;    /* pointers to the arguments of an extreme */
  const uint8_t **sources; /* the last rows of the image, in any order */
  uint8_t *outside, *result;
  uint8_t *vertical[2];   /* vertical extremes with their border, of rows 2 k, 2 k + 1 */
  uint8_t *horizontal[2]; /* their horizontal part windows */
  uint8_t *copies;        /* (vertical.part, pitch): sources that are not contiguous */
  uint8_t *parts;         /* (kept_parts(vertical), pitch): vertical part windows */
} rectangle_memory;

static int kept_parts(const window *vertical) { return vertical->length - vertical->part + 1; }

static size_t rectangle_pointers(const od_structuring_element *e) {
  return od_aligned((2 * (size_t)e->h + (size_t)e->w) * sizeof(uint8_t *));
}

static size_t rectangle_scratch(const filter_job *job) {
  return rectangle_pointers(job->element) + (6 + 2 * (size_t)job->element->h) * row_pitch(job);
}

static rectangle_memory rectangle_memory_of(const filter_job *job, const window *vertical,
                                            void *scratch) {
  const od_structuring_element *e = job->element;
  rectangle_memory m = {.pitch = row_pitch(job), .rows = scratch};
  m.sources = m.rows + e->h + e->w;
  m.outside = (uint8_t *)scratch + rectangle_pointers(e);
  m.result = m.outside + m.pitch;
  m.horizontal[0] = m.result + m.pitch;
  m.horizontal[1] = m.horizontal[0] + m.pitch;
  m.copies = m.horizontal[1] + m.pitch;
  m.parts = m.copies + (size_t)vertical->part * m.pitch;
  /* A row's own pixels, after its left border, begin a cache line. */
  m.vertical[0] = m.parts + (size_t)kept_parts(vertical) * m.pitch + OD_ALIGNMENT -
                  (size_t)e->anchor_x % OD_ALIGNMENT;
  m.vertical[1] = m.vertical[0] + m.pitch;
  memset(m.outside, job->border_value, (size_t)job->image->w);
  return m;
}

/* Read source row r of the partition and compute the vertical part window that ends there; once the
 * window is complete, write the extremes of all its rows to `extremes`. */
static void filter_vertical(const filter_job *job, const window *vertical,
                            const rectangle_memory *m, int top, int r, uint8_t *extremes) {
  const size_t w = (size_t)job->image->w;
  const int from = od_border_index(top + r, job->image->h, job->border), slot = r % vertical->part;
  m->sources[slot] =
      from < 0 ? m->outside : od_view_row(job->image, from, m->copies + (size_t)slot * m->pitch);
  if (r < vertical->part - 1) return;
  if (vertical->parts == 1) {
    job->extreme(w, (size_t)vertical->part, m->sources, extremes);
    return;
  }
  const int newest = r - (vertical->part - 1), kept = kept_parts(vertical);
  job->extreme(w, (size_t)vertical->part, m->sources,
               m->parts + (size_t)(newest % kept) * m->pitch);
  const int oldest = r - (vertical->length - 1);
  if (oldest < 0) return;
  for (int k = 0; k < vertical->parts; k++)
    m->rows[k] = m->parts + (size_t)((oldest + part_begin(vertical, k)) % kept) * m->pitch;
  job->extreme(w, (size_t)vertical->parts, m->rows, extremes);
}

/* result (n): the extremes of `count` adjacent pixels of a row, from each of n pixels on. */
static void filter_horizontal(const filter_job *job, const rectangle_memory *m, size_t n, int count,
                              const uint8_t *row, uint8_t *result) {
  for (int k = 0; k < count; k++) m->rows[k] = row + k;
  job->extreme(n, (size_t)count, m->rows, result);
}

/* Reading just written bytes at other offsets is slow, so each horizontal step works one row behind
 * the step before it. */
static void filter_rectangle(void *context, int first, int last, void *scratch,
                             od_interrupt *interrupt) {
  const filter_job *job = context;
  const od_structuring_element *e = job->element;
  const window horizontal = window_of(e->w), vertical = window_of(e->h);
  const rectangle_memory m = rectangle_memory_of(job, &vertical, scratch);
  const int w = job->image->w, top = first - e->anchor_y, delay = horizontal.parts > 1 ? 2 : 1;
  /* y: whose last source row is read */
  for (int y = first - (e->h - 1); y < last + delay && !od_interrupted(interrupt); y++) {
    if (y < last) {
      uint8_t *row = m.vertical[y & 1];
      filter_vertical(job, &vertical, &m, top, y - first + e->h - 1, row + e->anchor_x);
      if (y >= first)
        od_extend_row(row, e->anchor_x, w, e->w - 1 - e->anchor_x, job->border, job->border_value);
    }
    if (delay == 2 && y - 1 >= first && y - 1 < last)
      filter_horizontal(job, &m, (size_t)(w + horizontal.length - horizontal.part), horizontal.part,
                        m.vertical[(y - 1) & 1], m.horizontal[(y - 1) & 1]);
    const int done = y - delay;
    if (done < first) continue;
    uint8_t *result = od_target_row(job->result, done, m.result);
    if (delay == 1) {
      filter_horizontal(job, &m, (size_t)w, horizontal.length, m.vertical[done & 1], result);
    } else {
      for (int k = 0; k < horizontal.parts; k++)
        m.rows[k] = m.horizontal[done & 1] + part_begin(&horizontal, k);
      job->extreme((size_t)w, (size_t)horizontal.parts, m.rows, result);
    }
    od_target_finish(job->result, done, result);
  }
}

/* ---- other elements ---- */

/* Divide a run of pixels into segments of up to 2^max_level, the last of which may overlap the one
 * before it; return how many. */
static size_t divide_run(int v, int u, int length, int max_level, segment *segments) {
  size_t count = 0;
  int level = 0;
  while (level < max_level && 2 << level <= length) level++;
  for (int done = 0, size = 1 << level; done < length; done += size)
    segments[count++] = (segment){v, u + (done + size <= length ? done : length - size), level};
  return count;
}

/* segments (number of non-zero mask pixels): all runs of an element's rows. */
static size_t divide_element(const od_structuring_element *e, int max_level, segment *segments) {
  const uint8_t *row = e->mask;
  size_t count = 0;
  for (int v = 0; v < e->h; v++, row += e->w)
    for (int u = 0, end; u < e->w; u = end) {
      for (end = u; end < e->w && row[end]; end++) {
      }
      count += divide_run(v, u, end - u, max_level, segments + count);
      while (end < e->w && !row[end]) end++;
    }
  return count;
}

/* The cost of a result row, in row reads: one per segment, and three per level, which reads two
 * rows and writes one. */
static uint64_t row_cost(const filter_job *job) {
  return job->count + 3 * (uint64_t)(job->levels - 1);
}

/* Divide the element into segments of the number of levels with the lowest cost. */
static void choose_segments(filter_job *job, segment *segments) {
  enum { MAX_LEVELS = 5 };
  int best = 1;
  uint64_t lowest = UINT64_MAX;
  for (job->levels = 1; job->levels <= MAX_LEVELS; job->levels++) {
    job->count = divide_element(job->element, job->levels - 1, segments);
    if (row_cost(job) >= lowest) continue;
    lowest = row_cost(job);
    best = job->levels;
  }
  job->levels = best;
  job->count = divide_element(job->element, best - 1, segments);
  job->segments = segments;
}

/* Scratch memory of one row partition. */
typedef struct segment_memory {
  size_t pitch;
  const uint8_t **rows; /* (job's count) pointers to the arguments of an extreme */
  uint8_t *result;
  uint8_t *rings; /* (job's levels, element's h, pitch): the last rows of each level */
} segment_memory;

static size_t segment_scratch(const filter_job *job) {
  return od_aligned(job->count * sizeof(uint8_t *)) +
         (2 + (size_t)job->levels * (size_t)job->element->h) * row_pitch(job);
}

static segment_memory segment_memory_of(const filter_job *job, void *scratch) {
  segment_memory m = {.pitch = row_pitch(job), .rows = scratch};
  m.result = (uint8_t *)scratch + od_aligned(job->count * sizeof(uint8_t *));
  /* A row's own pixels, after its left border, begin a cache line. */
  m.rings = m.result + m.pitch + OD_ALIGNMENT - (size_t)job->element->anchor_x % OD_ALIGNMENT;
  return m;
}

/* Copy image row y, which may lie outside, with its left and right border. */
static void pad_row(const filter_job *job, int y, uint8_t *padded) {
  const od_structuring_element *e = job->element;
  const int w = job->image->w, from = od_border_index(y, job->image->h, job->border);
  if (from < 0) {
    memset(padded, job->border_value, (size_t)(w + e->w - 1));
    return;
  }
  const uint8_t *row = od_view_row(job->image, from, padded + e->anchor_x);
  if (row != padded + e->anchor_x) memcpy(padded + e->anchor_x, row, (size_t)w);
  od_extend_row(padded, e->anchor_x, w, e->w - 1 - e->anchor_x, job->border, job->border_value);
}

/* Row `slot` of a level's ring: extremes of 2^level adjacent pixels. */
static uint8_t *level_row(const filter_job *job, const segment_memory *m, int level, int slot) {
  return m->rings + (size_t)(level * job->element->h + slot) * m->pitch;
}

/* Store image row y and its extremes of every level in the rings. */
static void fill_levels(const filter_job *job, const segment_memory *m, int y, int slot) {
  const size_t padded = (size_t)job->image->w + (size_t)job->element->w - 1;
  pad_row(job, y, level_row(job, m, 0, slot));
  for (int level = 1; level < job->levels; level++) {
    const size_t half = (size_t)1 << (level - 1);
    const uint8_t *from = level_row(job, m, level - 1, slot);
    job->extreme(padded - (2 * half - 1), 2, (const uint8_t *[]){from, from + half},
                 level_row(job, m, level, slot));
  }
}

/* result (w): the extremes of the rows of all segments, a part at a time. */
static void find_extremes(const filter_job *job, const uint8_t *const *rows, uint8_t *result,
                          od_interrupt *interrupt) {
  enum { PART_COLUMNS = 1 << 12, PART_ROWS = 1 << 12 };
  const size_t w = (size_t)job->image->w;
  const uint8_t *part[PART_ROWS + 1];
  if (job->count <= PART_ROWS) {
    job->extreme(w, job->count, rows, result);
    return;
  }
  for (size_t x = 0; x < w; x += PART_COLUMNS)
    for (size_t k = 0; k < job->count && !od_interrupted(interrupt); k += PART_ROWS) {
      const size_t n = od_min_size(job->count - k, PART_ROWS);
      for (size_t i = 0; i < n; i++) part[i] = rows[k + i] + x;
      part[n] = result + x;
      job->extreme(od_min_size(w - x, PART_COLUMNS), k ? n + 1 : n, part, result + x);
    }
}

/* Each segment contributes a row of its level, shifted by its position in the element. */
static void filter_segments(void *context, int first, int last, void *scratch,
                            od_interrupt *interrupt) {
  const filter_job *job = context;
  const segment_memory m = segment_memory_of(job, scratch);
  const int h = job->element->h, top = first - job->element->anchor_y;
  int slot = 0; /* of the next row in the rings, which is that of the oldest */
  for (int r = 0; r < last - first + h - 1 && !od_interrupted(interrupt); r++) {
    fill_levels(job, &m, top + r, slot);
    slot = slot + 1 < h ? slot + 1 : 0;
    if (r < h - 1) continue;
    for (size_t k = 0; k < job->count; k++) {
      const segment *s = &job->segments[k];
      const int row = slot + s->v;
      m.rows[k] = level_row(job, &m, s->level, row < h ? row : row - h) + s->u;
    }
    const int y = first + r - (h - 1);
    uint8_t *result = od_target_row(job->result, y, m.result);
    find_extremes(job, m.rows, result, interrupt);
    od_target_finish(job->result, y, result);
  }
}

/* ---- both ---- */

static size_t count_mask(const od_structuring_element *e) {
  size_t count = 0;
  for (size_t i = 0, n = (size_t)e->h * (size_t)e->w; i < n; i++) count += e->mask[i] != 0;
  return count;
}

static od_status check_element(const od_structuring_element *e, od_error *error) {
  if (e->h < 1 || e->h > OD_MAX_ELEMENT || e->w < 1 || e->w > OD_MAX_ELEMENT)
    return od_fail(error, OD_ERROR_ARGUMENT, "kernel: got %d x %d, expected sides from 1 to %d",
                   e->h, e->w, OD_MAX_ELEMENT);
  if (e->anchor_y < 0 || e->anchor_y >= e->h || e->anchor_x < 0 || e->anchor_x >= e->w)
    return od_fail(error, OD_ERROR_ARGUMENT, "anchor: got (%d, %d), expected a place in %d x %d",
                   e->anchor_y, e->anchor_x, e->h, e->w);
  if (count_mask(e) == 0)
    return od_fail(error, OD_ERROR_ARGUMENT, "kernel: got only zeros, expected a non-zero element");
  return OD_OK;
}

/* Filter with an element that is not larger than the reach of the image. */
static od_status run_folded(od_image_workspace *workspace, filter_job *job, od_error *error) {
  const od_structuring_element *e = job->element;
  const size_t w = (size_t)job->image->w, count = count_mask(e);
  if (count == (size_t)e->h * (size_t)e->w)
    return od_run_row_partitions(workspace, job->image->h, w / 4 + 1, rectangle_scratch(job),
                                 filter_rectangle, job, error);
  segment *segments = od_allocate(count, sizeof *segments);
  if (!segments) return od_fail_memory(error, "a structuring element");
  choose_segments(job, segments);
  const od_status status =
      od_run_row_partitions(workspace, job->image->h, w * row_cost(job) / 64 + 1,
                            segment_scratch(job), filter_segments, job, error);
  od_release(segments);
  return status;
}

static od_status run(od_image_workspace *workspace, filter_job *job, od_error *error) {
  const od_view *image = job->image;
  od_structuring_element folded;
  uint8_t *mask = NULL;
  od_status status = od_check_same(image, job->result, error);
  if (!status) status = check_element(job->element, error);
  if (!status)
    status = od_fold_element(job->element, image->h, image->w, job->border, &folded, &mask, error);
  if (status) return status;
  job->element = &folded;
  status = run_folded(workspace, job, error);
  od_release(mask);
  return status;
}

od_status od_erode(od_image_workspace *workspace, const od_view *image,
                   const od_structuring_element *element, od_border border, uint8_t border_value,
                   const od_target *result, od_error *error) {
  filter_job job = {.extreme = workspace->kernels->image.min_of_rows,
                    .image = image,
                    .result = result,
                    .element = element,
                    .border = border,
                    .border_value = border_value};
  return run(workspace, &job, error);
}

od_status od_dilate(od_image_workspace *workspace, const od_view *image,
                    const od_structuring_element *element, od_border border, uint8_t border_value,
                    const od_target *result, od_error *error) {
  filter_job job = {.extreme = workspace->kernels->image.max_of_rows,
                    .image = image,
                    .result = result,
                    .element = element,
                    .border = border,
                    .border_value = border_value};
  return run(workspace, &job, error);
}
