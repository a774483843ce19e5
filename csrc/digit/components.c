/* Run-length union-find: the runs of each row are joined to the runs of the row above that they
 * touch, in a disjoint-set forest of runs. */
#include "digit/components.h"

#include "base/memory.h"
#include "image/row_partition.h"
#include "image/bit_rows.h"
#include "digit/foreground.h"

typedef struct run {
  int y, begin, end; /* columns begin..end - 1 of row y */
  int parent;        /* an earlier run of the same component; a root is its own parent */
  int mass, peak;
} run;

typedef struct run_list {
  int count;
  run *items;
} run_list;

static int find_root(run *runs, int index) {
  while (runs[index].parent != index) {
    runs[index].parent = runs[runs[index].parent].parent;
    index = runs[index].parent;
  }
  return index;
}

/* The earlier root remains the root, so that roots are in raster order. */
static void join(run *runs, int a, int b) {
  const int first = find_root(runs, a), second = find_root(runs, b);
  if (first < second)
    runs[second].parent = first;
  else
    runs[first].parent = second;
}

/* Record the `count` runs of row y as runs[index] and following; ends (2 count) has first and
 * last + 1 of each. */
static void record_row(const uint8_t *row, int y, int count, const int32_t *ends, run *runs,
                       int index) {
  for (int i = 0; i < count; i++, index++) {
    const int begin = ends[2 * i], end = ends[2 * i + 1];
    int mass = 0, peak = 0;
    for (int x = begin; x < end; x++) {
      mass += row[x];
      peak = row[x] > peak ? row[x] : peak;
    }
    runs[index] = (run){y, begin, end, index, mass, peak};
  }
}

/* Join the runs [middle, end) of one row to those [begin, middle) of the row above. */
static void join_rows(run *runs, int begin, int middle, int end) {
  int above = begin;
  for (int i = middle; i < end; i++) {
    while (above < middle && runs[above].end < runs[i].begin) above++;
    for (int k = above; k < middle && runs[k].begin <= runs[i].end; k++) join(runs, k, i);
  }
}

/* ends (w + 2) is scratch. Ends early if the pool's call was interrupted. */
static void connect(const od_thread_pool *pool, const od_bit_rows *rows, const uint8_t *foreground,
                    int32_t *ends, run *runs) {
  int above = 0, begin = 0, end = 0;
  for (int y = 0; y < rows->h && !od_thread_pool_check(pool); y++) {
    const int count = od_bits_find_runs(rows, y, ends);
    above = begin;
    begin = end;
    end += count;
    record_row(foreground + (size_t)y * (size_t)rows->w, y, count, ends, runs, begin);
    join_rows(runs, above, begin, end);
  }
}

static void add_run(const run *r, od_foreground_component *component) {
  const int length = r->end - r->begin;
  if (!component->area || r->begin < component->left) component->left = r->begin;
  if (!component->area) component->top = r->y;
  if (r->end > component->right) component->right = r->end;
  component->bottom = r->y + 1;
  component->area += length;
  component->mass += r->mass;
  if (r->peak > component->peak) component->peak = r->peak;
  component->column_sum += (int64_t)length * (r->begin + r->end - 1) / 2;
}

static int count_from(int count, const int64_t *masses, int64_t min_mass) {
  int reached = 0;
  for (int i = 0; i < count; i++) reached += masses[i] >= min_mass;
  return reached;
}

static bool is_strong(const od_foreground_component *component, int min_area) {
  return component->peak >= OD_FOREGROUND_STRONG && component->area >= min_area;
}

/* Return the mass of the component of rank `limit` by mass, or 0 if there are no more; masses
 * (count) is scratch. */
static int64_t find_min_mass(int count, const od_foreground_component *components, int min_area,
                             int limit, int64_t *masses) {
  int kept = 0;
  int64_t low = 0, high = 1; /* `limit` components reach low, but not high */
  for (int i = 0; i < count; i++) {
    if (!is_strong(&components[i], min_area)) continue;
    masses[kept++] = components[i].mass;
    if (components[i].mass >= high) high = components[i].mass + 1;
  }
  if (kept <= limit) return 0;
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    *(count_from(kept, masses, middle) >= limit ? &low : &high) = middle;
  }
  return low;
}

/* Remove the components that are left out, in place, and return how many remain; labels (count)
 * gets the label of each, 0 for those removed. masses (count) is scratch. */
static int keep_components(int count, od_foreground_component *components, int min_area, int limit,
                           int64_t *masses, int *labels) {
  const int64_t min_mass = find_min_mass(count, components, min_area, limit, masses);
  int kept = 0;
  for (int i = 0; i < count; i++) {
    const od_foreground_component *component = &components[i];
    const bool keep = is_strong(component, min_area) && component->mass >= min_mass && kept < limit;
    labels[i] = keep ? kept + 1 : 0;
    if (keep) components[kept++] = *component;
  }
  return kept;
}

/* Number the roots in order and accumulate their runs; component_of (runs) gets each run's
 * component. Return the number of components. */
static int accumulate_runs(const run_list *runs, int *component_of,
                           od_foreground_component *components) {
  int count = 0;
  for (int i = 0; i < runs->count; i++) {
    const int root = find_root(runs->items, i);
    component_of[i] = root == i ? count++ : component_of[root];
    add_run(&runs->items[i], &components[component_of[i]]);
  }
  return count;
}

static void write_labels(int w, const run_list *runs, const int *component_of, const int *labels,
                         int32_t *image) {
  for (int i = 0; i < runs->count; i++) {
    const run *r = &runs->items[i];
    const int label = labels[component_of[i]];
    if (!label) continue;
    int32_t *row = image + (size_t)r->y * (size_t)w;
    for (int x = r->begin; x < r->end; x++) row[x] = label;
  }
}

od_status od_find_foreground_components(od_image_workspace *workspace, int h, int w,
                                        const uint8_t *foreground, int min_area, int limit,
                                        od_foreground_components *components, od_error *error) {
  od_bit_rows rows = {h, w, od_bit_words(w), NULL};
  const size_t bits = od_aligned((size_t)h * rows.words * sizeof *rows.bits);
  uint8_t *scratch =
      od_image_workspace_scratch(workspace, bits + ((size_t)w + 2) * sizeof(int32_t));
  *components = (od_foreground_components){0};
  if (!scratch) return od_fail_memory(error, "the connected components of an image");
  rows.bits = (uint64_t *)(void *)scratch;
  od_bits_fill(workspace->kernels, foreground, OD_FOREGROUND_WEAK, &rows);
  run_list runs = {.count = (int)od_bits_count_runs(&rows)};
  const size_t room = (size_t)runs.count + 1;
  runs.items = od_allocate(room, sizeof *runs.items);
  int *component_of = od_allocate(room, 2 * sizeof *component_of);
  int64_t *masses = od_allocate(room, sizeof *masses);
  components->items = od_allocate(room, sizeof *components->items);
  components->labels = od_allocate((size_t)h * (size_t)w, sizeof *components->labels);
  od_status status = OD_OK;
  if (runs.items && component_of && masses && components->items && components->labels) {
    connect(workspace->pool, &rows, foreground, (int32_t *)(void *)(scratch + bits), runs.items);
    status = od_thread_pool_check(workspace->pool);
  } else {
    status = od_fail_memory(error, "the connected components of an image");
  }
  if (!status) {
    int *labels = component_of + room;
    const int count = accumulate_runs(&runs, component_of, components->items);
    components->count = keep_components(count, components->items, min_area, limit, masses, labels);
    write_labels(w, &runs, component_of, labels, components->labels);
  } else {
    od_foreground_components_release(components);
  }
  od_release(runs.items);
  od_release(component_of);
  od_release(masses);
  return status;
}

void od_foreground_components_release(od_foreground_components *components) {
  od_release(components->items);
  od_release(components->labels);
  *components = (od_foreground_components){0};
}
