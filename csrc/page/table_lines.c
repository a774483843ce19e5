/* Lines are tracked through the runs of foreground pixels across them, column by column for
 * horizontal lines. A track predicts its next position by a straight line that is fitted to its
 * latest points with a fixed-memory filter, passes short gaps, and crossing strokes and lines,
 * where the run is long. */
#include "page/table_lines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "image/bit_rows.h"

enum {
  LINE_LEVEL = 40,        /* of foreground: lines may be fainter than writing */
  MAX_RUNS = 1 << 24,     /* of an image with lines: 20 bytes each */
  MAX_TRACKS = 4096,      /* at a time, … */
  MAX_LEVEL_TRACKS = 512, /* … of level lines */
  LEVEL_RUN = 8,          /* pixels in a row, at least, of a line with a slope of up to 7 degrees */
  FILTER_MEMORY = 40,     /* points that a track is fitted to */
  MIN_GAP = 3,            /* gaps and crossings that any track passes */
  MAX_GAP = 20,
  MAX_CROSSING = 48
};

static const double max_roughness = 0.6; /* of texture it is about 1 */

typedef struct track {
  double position, slope; /* at the next step; its change from one step to the next */
  double thickness;
  int start, end; /* the first step, and the one after the last thin one */
  int count;      /* thin steps */
  int gap, crossing;
  int last_point; /* in tracker.points, linked backwards */
} track;

typedef struct linked_point {
  int32_t previous, along; /* previous: -1 for the first */
  float across;
} linked_point;

typedef struct tracker {
  const od_thread_pool *pool; /* whose call may be interrupted */
  od_bit_rows steps;          /* (length, n): foreground pixels of each step */
  int max_thickness, min_length;
  int32_t *ends;    /* (n + 2): the runs of a step */
  uint8_t *claimed; /* (n): whether a run belongs to a track */
  int max_tracks;
  track *tracks; /* (max_tracks): those that can go on, oldest first */
  int track_count;
  linked_point *points;
  int point_count;
  od_ruling_line_set *set;
  int kept_points; /* of set->points */
} tracker;

/* Return the run that is nearest to a position and at most two pixels off, or -1. */
static int nearest_run(const tracker *t, int runs, double position) {
  int low = 0, high = runs; /* the first run that ends after position - 2 */
  while (low < high) {
    const int middle = (low + high) / 2;
    if (t->ends[2 * middle + 1] > position - 1)
      high = middle;
    else
      low = middle + 1;
  }
  int best = -1;
  double nearest = 2;
  for (int k = low; k < runs && t->ends[2 * k] <= position + 2; k++) {
    const double first = t->ends[2 * k], last = t->ends[2 * k + 1] - 1;
    const double distance = position < first ? first - position : fmax(position - last, 0);
    if (distance < nearest) {
      nearest = distance;
      best = k;
    }
  }
  return best;
}

/* The mean deviation of the slope between neighbouring points from the slope of all. */
static double roughness(const od_line_point *points, int count) {
  const od_line_point *last = &points[count - 1];
  const double slope = (last->across - points->across) / fmax(last->along - points->along, 1);
  double sum = 0;
  for (int i = 1; i < count; i++) {
    const double steps = points[i].along - points[i - 1].along;
    sum += fabs(points[i].across - points[i - 1].across - slope * steps) / steps;
  }
  return sum / count;
}

/* Add a finished track to the lines if it is one. */
static void finish(tracker *t, const track *line) {
  od_ruling_line_set *set = t->set;
  const int length = line->end - line->start;
  if (line->count < t->min_length || 5 * line->count < 3 * length ||
      line->count < 3 * line->thickness)
    return;
  set->lines[set->count++] =
      (od_ruling_line){t->kept_points, line->count, line->start, line->end - 1, line->thickness};
  int point = line->last_point;
  for (int i = line->count - 1; i >= 0; i--) {
    const linked_point *from = &t->points[point];
    set->points[t->kept_points + i] = (od_line_point){(float)from->along, from->across};
    point = from->previous;
  }
  if (roughness(set->points + t->kept_points, line->count) > max_roughness)
    set->count--;
  else
    t->kept_points += line->count;
}

static void add_point(tracker *t, track *line, int step, double across) {
  t->points[t->point_count] = (linked_point){line->last_point, step, (float)across};
  line->last_point = t->point_count++;
  line->end = step + 1;
  line->gap = line->crossing = 0;
  ++line->count;
}

/* Move a track over one step; false if it ends. */
static bool advance(tracker *t, track *line, int step, int runs) {
  const int k = nearest_run(t, runs, line->position);
  const int limit = line->count < 8 ? t->max_thickness
                                    : od_min(t->max_thickness, (int)(1.6 * line->thickness + 3));
  if (k < 0) {
    line->position += line->slope;
    return ++line->gap <= od_min(MAX_GAP, MIN_GAP + line->count / 3);
  }
  const int thickness = t->ends[2 * k + 1] - t->ends[2 * k];
  if (thickness > limit || t->claimed[k]) {
    line->position += line->slope;
    return ++line->crossing <= od_min(MAX_CROSSING, MIN_GAP + line->count / 2);
  }
  const double across = (t->ends[2 * k] + t->ends[2 * k + 1] - 1) / 2.0;
  const double n = od_min(line->count, FILTER_MEMORY); /* gains of a least-squares fit */
  const double error = across - line->position;
  line->slope += error * 6 / ((n + 1) * (n + 2));
  line->position += error * 2 * (2 * n + 1) / ((n + 1) * (n + 2)) + line->slope;
  line->thickness += (thickness - line->thickness) / od_min(line->count + 1, FILTER_MEMORY);
  t->claimed[k] = 1;
  add_point(t, line, step, across);
  return fabs(line->slope) < 1.2;
}

static void track_step(tracker *t, int step) {
  const int runs = od_bits_find_runs(&t->steps, step, t->ends);
  memset(t->claimed, 0, (size_t)runs);
  int kept = 0;
  for (int i = 0; i < t->track_count; i++) {
    if (advance(t, &t->tracks[i], step, runs))
      t->tracks[kept++] = t->tracks[i];
    else
      finish(t, &t->tracks[i]);
  }
  t->track_count = kept;
  for (int k = 0; k < runs && t->track_count < t->max_tracks; k++) {
    const int first = t->ends[2 * k], last = t->ends[2 * k + 1];
    if (t->claimed[k] || last - first > t->max_thickness) continue;
    track *line = &t->tracks[t->track_count++];
    *line = (track){.position = (first + last - 1) / 2.0,
                    .thickness = last - first,
                    .start = step,
                    .last_point = -1};
    add_point(t, line, step, line->position);
  }
}

static int compare_lengths(const void *a, const void *b) {
  const od_ruling_line *p = a, *q = b;
  return p->count != q->count ? (p->count < q->count) - (p->count > q->count)
                              : (p->first > q->first) - (p->first < q->first);
}

static void track_all(tracker *t) {
  for (int step = 0; step < t->steps.h && !od_thread_pool_check(t->pool); step++)
    track_step(t, step);
  for (int i = 0; i < t->track_count; i++) finish(t, &t->tracks[i]);
  if (t->set->count <= OD_MAX_RULING_LINES) return;
  qsort(t->set->lines, (size_t)t->set->count, sizeof *t->set->lines, compare_lengths);
  t->set->count = OD_MAX_RULING_LINES;
}

static od_status allocate(tracker *t, int n, size_t runs, od_error *error) {
  t->ends = od_allocate((size_t)n + 2, sizeof *t->ends);
  t->claimed = od_allocate((size_t)n + 2, 1);
  t->tracks = od_allocate((size_t)t->max_tracks, sizeof *t->tracks);
  t->points = od_allocate(runs, sizeof *t->points);
  t->set->lines = od_allocate(runs / (size_t)t->min_length + 1, sizeof *t->set->lines);
  t->set->points = od_allocate(runs, sizeof *t->set->points);
  if (t->ends && t->claimed && t->tracks && t->points && t->set->lines && t->set->points)
    return OD_OK;
  return od_fail_memory(error, "the ruling lines of a page");
}

od_status od_track_ruling_lines(od_image_workspace *workspace, int h, int w,
                                const uint8_t *foreground, od_line_choice choice,
                                od_ruling_line_set *set, od_error *error) {
  const bool vertical = choice == OD_VERTICAL_LINES;
  *set = (od_ruling_line_set){0};
  const int short_side = od_min(h, w);
  tracker t = {.pool = workspace->pool,
               .max_thickness = od_max(8, short_side / 40),
               .min_length = od_max(12, od_min(40, short_side / 30)),
               .max_tracks = choice == OD_LEVEL_LINES ? MAX_LEVEL_TRACKS : MAX_TRACKS,
               .set = set};
  od_bit_rows rows = {h, w, od_bit_words(w), NULL}, columns = {w, h, od_bit_words(h), NULL};
  rows.bits = od_allocate((size_t)h * rows.words, sizeof *rows.bits);
  columns.bits = vertical ? NULL : od_allocate((size_t)w * columns.words, sizeof *columns.bits);
  od_status status = rows.bits && (vertical || columns.bits)
                         ? OD_OK
                         : od_fail_memory(error, "the ruling lines of a page");
  if (!status) {
    od_bits_fill(workspace->kernels, foreground, OD_LINE_LEVEL, &rows);
    if (choice == OD_LEVEL_LINES) od_bits_open_rows(&rows, LEVEL_RUN);
    if (!vertical) od_bits_transpose(&rows, &columns);
    t.steps = vertical ? rows : columns;
    const size_t runs = od_bits_count_runs(&t.steps);
    status = allocate(&t, t.steps.w, runs <= MAX_RUNS ? runs : 0, error);
    if (!status && runs <= MAX_RUNS) track_all(&t);
  }
  od_release(t.ends);
  od_release(t.claimed);
  od_release(t.tracks);
  od_release(t.points);
  od_release(rows.bits);
  od_release(columns.bits);
  if (status) od_ruling_line_set_release(set);
  return status;
}

void od_ruling_line_set_release(od_ruling_line_set *set) {
  od_release(set->lines);
  od_release(set->points);
  *set = (od_ruling_line_set){0};
}
