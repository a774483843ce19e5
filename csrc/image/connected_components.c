/* cv2.connectedComponentsWithStats by run-length union-find: each row becomes bits, the bits become
 * runs, and runs that touch runs of the row above join their sets. */
#include <math.h>

#include "base/memory.h"
#include "image/row_partition.h"
#include "image/bit_rows.h"
#include "image/image.h"
#include "image/limits.h"

/* Set the bits of the non-zero pixels. */
static void fill_bits(const od_kernels *kernels, const od_view *image, uint8_t *copy,
                      const od_bit_rows *rows) {
  for (int y = 0; y < rows->h; y++)
    kernels->image.threshold_bits((size_t)rows->w, od_view_row(image, y, copy), 1,
                                  rows->bits + (size_t)y * rows->words);
}

/* A disjoint-set forest: the parent of a set is an earlier one or, of a root, itself. */
static int32_t find_root(int32_t *parent, int32_t set) {
  while (parent[set] != set) {
    parent[set] = parent[parent[set]];
    set = parent[set];
  }
  return set;
}

static int32_t join(int32_t *parent, int32_t a, int32_t b) {
  a = find_root(parent, a);
  b = find_root(parent, b);
  if (a < b) return parent[b] = a;
  return parent[a] = b;
}

typedef struct labelling {
  const od_thread_pool *pool; /* whose call may be interrupted */
  od_bit_rows rows;
  int reach;        /* maximum horizontal gap of connected runs: 1 with diagonals, else 0 */
  int32_t *set;     /* (runs): the set of each run */
  int32_t *parent;  /* (runs): of sets */
  int32_t *ends[2]; /* (w + 2): the runs of two rows */
} labelling;

/* Whether the call was interrupted, for item i of many. */
static bool is_stopped(const labelling *l, int32_t i) {
  enum { ITEMS = 1 << 16 };
  return i % ITEMS == 0 && od_thread_pool_check(l->pool);
}

/* Assign a set to every run; return the number of sets, joined ones included. */
static int32_t join_runs(const labelling *l) {
  int32_t sets = 0, *set = l->set, *set_above = l->set;
  int above = 0;
  for (int y = 0; y < l->rows.h && !od_thread_pool_check(l->pool); y++) {
    const int32_t *previous = l->ends[(y + 1) % 2];
    int32_t *current = l->ends[y % 2];
    const int runs = od_bits_find_runs(&l->rows, y, current);
    for (int run = 0, k = 0; run < runs; run++) {
      const int32_t first = current[2 * run] - l->reach, end = current[2 * run + 1] + l->reach;
      int32_t own = -1;
      while (k < above && previous[2 * k + 1] <= first) k++;
      for (int touching = k; touching < above && previous[2 * touching] < end; touching++)
        own = own < 0 ? find_root(l->parent, set_above[touching])
                      : join(l->parent, own, set_above[touching]);
      if (own < 0) {
        own = sets++;
        l->parent[own] = own;
      }
      set[run] = own;
    }
    set_above = set;
    set += runs;
    above = runs;
  }
  return sets;
}

/* Number the sets from 1 in the order of their first runs: parent becomes the label. */
static int32_t number_sets(const labelling *l, int32_t sets) {
  int32_t count = 0, *parent = l->parent;
  for (int32_t i = 0; i < sets && !is_stopped(l, i); i++)
    parent[i] = parent[i] == i ? ++count : parent[parent[i]];
  return count;
}

static void start_component(od_component *c) {
  *c = (od_component){.left = INT32_MAX, .top = INT32_MAX, .width = -1, .height = -1};
}

/* Until finish_component, width and height are the last column and row, and x and y are sums. */
static void add_run(od_component *c, int y, int32_t first, int32_t last) {
  const int64_t length = last - first + 1;
  c->left = first < c->left ? first : c->left;
  c->width = last > c->width ? last : c->width;
  c->top = y < c->top ? y : c->top;
  c->height = y > c->height ? y : c->height;
  c->area += length;
  c->x += (double)((first + last) * length / 2);
  c->y += (double)(y * length);
}

static void finish_component(od_component *c) {
  if (c->area == 0) {
    *c = (od_component){.x = NAN, .y = NAN};
    return;
  }
  c->width += 1 - c->left;
  c->height += 1 - c->top;
  c->x /= (double)c->area;
  c->y /= (double)c->area;
}

/* Write labels (h, w), unless that is NULL, and accumulate the components; 0 is the background. */
static void label_runs(const labelling *l, int32_t *labels, od_component *components) {
  const int32_t w = l->rows.w, *set = l->set;
  for (int y = 0; y < l->rows.h && !od_thread_pool_check(l->pool); y++) {
    int32_t *ends = l->ends[0], done = 0;
    const int runs = od_bits_find_runs(&l->rows, y, ends);
    for (int run = 0; run < runs; run++) {
      const int32_t first = ends[2 * run], end = ends[2 * run + 1], label = l->parent[*set++];
      if (done < first) add_run(&components[0], y, done, first - 1);
      add_run(&components[label], y, first, end - 1);
      if (labels) {
        for (int32_t x = done; x < first; x++) labels[x] = 0;
        for (int32_t x = first; x < end; x++) labels[x] = label;
      }
      done = end;
    }
    if (done < w) add_run(&components[0], y, done, w - 1);
    if (labels) {
      for (int32_t x = done; x < w; x++) labels[x] = 0;
      labels += w;
    }
  }
}

od_status od_connected_components(od_image_workspace *workspace, const od_view *image,
                                  int connectivity, int32_t *labels, od_component **components,
                                  int32_t *count, od_error *error) {
  const od_status status = od_check_sides("image", image->h, image->w, error);
  *components = NULL;
  *count = 0;
  if (status) return status;
  if (connectivity != 4 && connectivity != 8)
    return od_fail(error, OD_ERROR_ARGUMENT, "connectivity: got %d, expected 4 or 8", connectivity);
  const size_t h = (size_t)image->h, w = (size_t)image->w, words = od_bit_words(image->w);
  const size_t line = od_aligned((w + 2) * sizeof(int32_t)), bits = od_aligned(h * words * 8);
  uint8_t *scratch = od_image_workspace_scratch(workspace, bits + 2 * line + w);
  if (!scratch) return od_fail_memory(error, "the connected components of an image");
  labelling l = {.pool = workspace->pool,
                 .rows = {image->h, image->w, words, (uint64_t *)(void *)scratch},
                 .reach = connectivity == 8};
  l.ends[0] = (int32_t *)(void *)(scratch + bits);
  l.ends[1] = (int32_t *)(void *)(scratch + bits + line);
  fill_bits(workspace->kernels, image, scratch + bits + 2 * line, &l.rows);
  const size_t runs = od_bits_count_runs(&l.rows);
  l.set = od_allocate(runs, 2 * sizeof *l.set);
  int32_t found = 0;
  if (l.set) {
    l.parent = l.set + runs;
    found = number_sets(&l, join_runs(&l));
    *components = od_allocate((size_t)found + 1, sizeof **components);
  }
  if (*components) {
    for (int32_t i = 0; i <= found && !is_stopped(&l, i); i++) start_component(&(*components)[i]);
    label_runs(&l, labels, *components);
    for (int32_t i = 0; i <= found && !is_stopped(&l, i); i++) finish_component(&(*components)[i]);
    *count = found + 1;
  }
  od_release(l.set);
  if (od_thread_pool_check(workspace->pool)) {
    od_release(*components);
    *components = NULL;
    return OD_STOPPED;
  }
  return *components ? OD_OK : od_fail_memory(error, "the connected components of an image");
}
