/* Two rows at a time, runs of ink are joined to the runs that they touch; a forest of runs
 * (each points towards an older one of its stroke) tells in the end which belong together. */
#include "digit/components.h"

#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "image/row_partition.h"
#include "image/bit_rows.h"
#include "digit/foreground.h"
#include "image/limits.h"

enum { PEN_WORDS = OD_MAX_IMAGE_SIDE / 64 };

typedef struct run {
  int y, begin, end; /* columns begin..end - 1 of row y */
  int parent;        /* a run of the same stroke that is no younger, itself at the root */
  int mass, peak;
} run;

typedef struct run_list {
  int count;
  run *of;
} run_list;

static int find_root(run *runs, int at) {
  while (runs[at].parent != at) {
    runs[at].parent = runs[runs[at].parent].parent;
    at = runs[at].parent;
  }
  return at;
}

/* The older root stays the root, so that roots are in reading order. */
static void join(run *runs, int a, int b) {
  const int first = find_root(runs, a), second = find_root(runs, b);
  if (first < second)
    runs[second].parent = first;
  else
    runs[first].parent = second;
}

/* Records the runs of row y: ends (2 count), first, last + 1 of each. */
static void record_row(const uint8_t *row, int y, int count, const int32_t *ends, run *runs,
                       int number) {
  for (int i = 0; i < count; i++, number++) {
    const int begin = ends[2 * i], end = ends[2 * i + 1];
    int mass = 0, peak = 0;
    for (int x = begin; x < end; x++) {
      mass += row[x];
      peak = row[x] > peak ? row[x] : peak;
    }
    runs[number] = (run){y, begin, end, number, mass, peak};
  }
}

/* Joins the runs [middle, end) of one row to those [begin, middle) of the row above. */
static void join_rows(run *runs, int begin, int middle, int end) {
  int above = begin;
  for (int i = middle; i < end; i++) {
    while (above < middle && runs[above].end < runs[i].begin) above++;
    for (int k = above; k < middle && runs[k].begin <= runs[i].end; k++) join(runs, k, i);
  }
}

/* ends (w + 2) is scratch. */
static void connect(const od_bit_rows *rows, const uint8_t *ink, int32_t *ends, run *runs) {
  int above = 0, here = 0, end = 0;
  for (int y = 0; y < rows->h; y++) {
    const int count = od_bits_find_runs(rows, y, ends);
    above = here;
    here = end;
    end += count;
    record_row(ink + (size_t)y * (size_t)rows->w, y, count, ends, runs, here);
    join_rows(runs, above, here, end);
  }
}

static void add_run(const run *part, od_foreground_component *stroke) {
  const int length = part->end - part->begin;
  if (!stroke->area || part->begin < stroke->left) stroke->left = part->begin;
  if (!stroke->area) stroke->top = part->y;
  if (part->end > stroke->right) stroke->right = part->end;
  stroke->bottom = part->y + 1;
  stroke->area += length;
  stroke->mass += part->mass;
  if (part->peak > stroke->peak) stroke->peak = part->peak;
  stroke->across += length * (part->begin + part->end - 1) / 2;
}

static int count_from(int count, const int *masses, int least_mass) {
  int reached = 0;
  for (int i = 0; i < count; i++) reached += masses[i] >= least_mass;
  return reached;
}

/* The mass that a stroke needs to be among the `limit` heaviest; masses (count) is scratch. */
static int least_mass(int count, const od_foreground_component *strokes, int least_area, int limit, int *masses) {
  int kept = 0, low = 0, high = INT_MAX; /* `limit` reach the one, but not the other */
  for (int i = 0; i < count; i++)
    if (strokes[i].peak >= OD_FOREGROUND_STRONG && strokes[i].area >= least_area)
      masses[kept++] = strokes[i].mass;
  if (kept <= limit) return 0;
  while (high - low > 1) {
    const int middle = low + (high - low) / 2;
    *(count_from(kept, masses, middle) >= limit ? &low : &high) = middle;
  }
  return low;
}

/* Leaves the strokes that stay, in order: number (count) of each, 0 for those that go. */
static int keep_strokes(int count, od_foreground_component *strokes, int least_area, int limit, int *number) {
  const int mass = least_mass(count, strokes, least_area, limit, number);
  int kept = 0;
  for (int i = 0; i < count; i++) {
    const od_foreground_component *stroke = &strokes[i];
    const bool stays = stroke->peak >= OD_FOREGROUND_STRONG && stroke->area >= least_area &&
                       stroke->mass >= mass && kept < limit;
    number[i] = stays ? kept + 1 : 0;
    if (stays) strokes[kept++] = *stroke;
  }
  return kept;
}

/* Numbers roots in order (a run's number is its root's), and sums their runs up. */
static int sum_up(const run_list *runs, int *number, od_foreground_component *strokes) {
  int count = 0;
  for (int i = 0; i < runs->count; i++) {
    const int root = find_root(runs->of, i);
    number[i] = root == i ? count++ : number[root];
    add_run(&runs->of[i], &strokes[number[i]]);
  }
  return count;
}

static void write_labels(int w, const run_list *runs, const int *stroke_of, const int *number,
                         int32_t *label) {
  for (int i = 0; i < runs->count; i++) {
    const run *part = &runs->of[i];
    const int value = number[stroke_of[i]];
    if (!value) continue;
    int32_t *row = label + (size_t)part->y * (size_t)w;
    for (int x = part->begin; x < part->end; x++) row[x] = value;
  }
}

od_status od_find_foreground_components(od_image_workspace *imaging, int h, int w, const uint8_t *ink, int least_area,
                          int limit, od_foreground_components *strokes, od_error *error) {
  od_bit_rows rows = {h, w, od_bit_words(w), NULL};
  const size_t bits = od_aligned((size_t)h * rows.words * sizeof *rows.bits);
  uint8_t *scratch = od_image_workspace_scratch(imaging, bits + ((size_t)w + 2) * sizeof(int32_t));
  *strokes = (od_foreground_components){0};
  if (!scratch) return od_fail_memory(error, "the strokes of a picture");
  rows.bits = (uint64_t *)(void *)scratch;
  od_bits_fill(imaging->kernels, ink, OD_FOREGROUND_WEAK, &rows);
  run_list runs = {.count = (int)od_bits_count_runs(&rows)};
  const size_t most = (size_t)runs.count + 1;
  runs.of = od_allocate(most, sizeof *runs.of);
  int *stroke_of = od_allocate(most, 2 * sizeof *stroke_of), *number = stroke_of + most;
  strokes->of = od_allocate(most, sizeof *strokes->of);
  strokes->label = od_allocate((size_t)h * (size_t)w, sizeof *strokes->label);
  od_status status = OD_OK;
  if (runs.of && stroke_of && strokes->of && strokes->label) {
    connect(&rows, ink, (int32_t *)(void *)(scratch + bits), runs.of);
    const int count = sum_up(&runs, stroke_of, strokes->of);
    strokes->count = keep_strokes(count, strokes->of, least_area, limit, number);
    write_labels(w, &runs, stroke_of, number, strokes->label);
  } else {
    status = od_fail_memory(error, "the strokes of a picture");
    od_foreground_components_release(strokes);
  }
  od_release(runs.of);
  od_release(stroke_of);
  return status;
}

void od_foreground_components_release(od_foreground_components *strokes) {
  od_release(strokes->of);
  od_release(strokes->label);
  *strokes = (od_foreground_components){0};
}

/* Where the bits (words) of a row change, its end included. */
static size_t count_changes(const uint64_t *bits, size_t words, int w) {
  uint64_t changes[PEN_WORDS];
  size_t at_end = w % 64 ? 0 : bits[words - 1] >> 63;
  for (size_t i = 0; i < words; i++) changes[i] = od_bit_changes(bits, i);
  return od_bits_count(words, changes) + at_end;
}

double od_stroke_width(const od_kernels *kernels, int h, int w, const uint8_t *ink) {
  uint64_t rows[2][PEN_WORDS] = {{0}}; /* none is beyond the picture */
  const size_t words = od_bit_words(w);
  size_t area = 0, edges = 0;
  for (int y = 0; y <= h; y++) {
    uint64_t *here = rows[y % 2], *above = rows[(y + 1) % 2];
    if (y < h)
      kernels->image.threshold_bits((size_t)w, ink + (size_t)y * (size_t)w, OD_FOREGROUND_WEAK, here);
    else
      memset(here, 0, words * sizeof *here);
    area += od_bits_count(words, here);
    edges += count_changes(here, words, w);
    for (size_t i = 0; i < words; i++) above[i] ^= here[i];
    edges += od_bits_count(words, above);
  }
  return edges ? 2.0 * (double)area / (double)edges : 0;
}
