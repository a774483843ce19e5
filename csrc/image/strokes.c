/* Two rows at a time, runs of ink are joined to the runs that they touch; a forest of runs
 * (each points towards an older one of its stroke) tells in the end which belong together. */
#include "image/strokes.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "image/ink.h"

typedef struct run {
  int y, begin, end; /* columns begin..end - 1 of row y */
  int parent;        /* a run of the same stroke that is no younger, itself at the root */
  int mass, peak;
} run;

typedef struct run_list {
  int count;
  run *of;
} run_list;

static int count_runs(int h, int w, const uint8_t *ink) {
  int count = 0;
  for (int y = 0; y < h; y++) {
    const uint8_t *row = ink + (size_t)y * (size_t)w;
    count += row[0] >= OD_INK_SOME;
    for (int x = 1; x < w; x++) count += (row[x] >= OD_INK_SOME) & (row[x - 1] < OD_INK_SOME);
  }
  return count;
}

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

/* Records the runs of row y; returns how many there are then. */
static int record_row(int w, const uint8_t *row, int y, run *runs, int count) {
  for (int x = 0; x < w; x++) {
    if (row[x] < OD_INK_SOME) continue;
    run *found = &runs[count];
    *found = (run){.y = y, .begin = x, .parent = count};
    for (; x < w && row[x] >= OD_INK_SOME; x++) {
      found->mass += row[x];
      if (row[x] > found->peak) found->peak = row[x];
    }
    found->end = x;
    count++;
  }
  return count;
}

/* Joins the runs [middle, end) of one row to those [begin, middle) of the row above. */
static void join_rows(run *runs, int begin, int middle, int end) {
  int above = begin;
  for (int i = middle; i < end; i++) {
    while (above < middle && runs[above].end < runs[i].begin) above++;
    for (int k = above; k < middle && runs[k].begin <= runs[i].end; k++) join(runs, k, i);
  }
}

static void connect(int h, int w, const uint8_t *ink, run_list *runs) {
  int above = 0, here = 0, end = 0;
  for (int y = 0; y < h; y++) {
    above = here;
    here = end;
    end = record_row(w, ink + (size_t)y * (size_t)w, y, runs->of, here);
    join_rows(runs->of, above, here, end);
  }
}

static void add_run(const run *part, od_stroke *stroke) {
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

static int by_mass_falling(const void *a, const void *b) {
  const int first = *(const int *)a, second = *(const int *)b;
  return (first < second) - (first > second);
}

/* The mass that a stroke needs to be among the `limit` heaviest. */
static int least_mass(int count, const od_stroke *strokes, int least_area, int limit, int *masses) {
  int kept = 0;
  for (int i = 0; i < count; i++)
    if (strokes[i].peak >= OD_INK_SURE && strokes[i].area >= least_area)
      masses[kept++] = strokes[i].mass;
  if (kept <= limit) return 0;
  qsort(masses, (size_t)kept, sizeof *masses, by_mass_falling);
  return masses[limit - 1];
}

/* Leaves the strokes that stay, in order: number (count) of each, 0 for those that go. */
static int keep_strokes(int count, od_stroke *strokes, int least_area, int limit, int *number) {
  const int mass = least_mass(count, strokes, least_area, limit, number);
  int kept = 0;
  for (int i = 0; i < count; i++) {
    const od_stroke *stroke = &strokes[i];
    const bool stays = stroke->peak >= OD_INK_SURE && stroke->area >= least_area &&
                       stroke->mass >= mass && kept < limit;
    number[i] = stays ? kept + 1 : 0;
    if (stays) strokes[kept++] = *stroke;
  }
  return kept;
}

/* Numbers roots in order (a run's number is its root's), and sums their runs up. */
static int sum_up(const run_list *runs, int *number, od_stroke *strokes) {
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

od_status od_find_strokes(int h, int w, const uint8_t *ink, int least_area, int limit,
                          od_strokes *strokes, od_error *error) {
  run_list runs = {.count = count_runs(h, w, ink)};
  const size_t most = (size_t)runs.count + 1;
  *strokes = (od_strokes){0};
  runs.of = od_allocate(most, sizeof *runs.of);
  int *stroke_of = od_allocate(most, 2 * sizeof *stroke_of), *number = stroke_of + most;
  strokes->of = od_allocate(most, sizeof *strokes->of);
  strokes->label = od_allocate((size_t)h * (size_t)w, sizeof *strokes->label);
  od_status status = OD_OK;
  if (runs.of && stroke_of && strokes->of && strokes->label) {
    connect(h, w, ink, &runs);
    const int count = sum_up(&runs, stroke_of, strokes->of);
    strokes->count = keep_strokes(count, strokes->of, least_area, limit, number);
    write_labels(w, &runs, stroke_of, number, strokes->label);
  } else {
    status = od_fail_memory(error, "the strokes of a picture");
    od_strokes_release(strokes);
  }
  od_release(runs.of);
  od_release(stroke_of);
  return status;
}

void od_strokes_release(od_strokes *strokes) {
  od_release(strokes->of);
  od_release(strokes->label);
  *strokes = (od_strokes){0};
}

double od_pen_width(int h, int w, const uint8_t *ink) {
  size_t area = 0, edges = 0;
  for (int y = 0; y < h; y++) {
    const uint8_t *row = ink + (size_t)y * (size_t)w;
    const uint8_t *below = row + w;
    int row_area = 0, row_edges = (row[0] >= OD_INK_SOME) + (row[w - 1] >= OD_INK_SOME);
    for (int x = 0; x < w; x++) row_area += row[x] >= OD_INK_SOME;
    for (int x = 0; x + 1 < w; x++)
      row_edges += (row[x] >= OD_INK_SOME) != (row[x + 1] >= OD_INK_SOME);
    for (int x = 0; y + 1 < h && x < w; x++)
      row_edges += (row[x] >= OD_INK_SOME) != (below[x] >= OD_INK_SOME);
    if (y == 0 || y + 1 == h) row_edges += row_area; /* none is beyond the picture */
    if (h == 1) row_edges += row_area;
    area += (size_t)row_area;
    edges += (size_t)row_edges;
  }
  return edges ? 2.0 * (double)area / (double)edges : 0;
}
