#include "page/detector.h"

#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "digit/foreground.h"
#include "image/row_partition.h"
#include "nn/map.h"

/* Scales are 1, 1/2, 1/4 …: from the first with at most so many pixels, while the shorter side has
 * so many. */
enum { MAX_SCALES = 4, MAX_PIXELS = 10000000, MIN_SIDE = 40 };

/* Writing belongs to a number if this proportion of its probability does. */
static const double min_number = 0.1;

/* Heights of writing, in pixels of a scale, that suit the network; it takes lower writing for what
 * it looks like, and higher for background. Scales at which a number or other writing has the best
 * heights count so many times as much as others: first where a scale alone shows a number of such
 * a height, then for groups of all scales. */
enum { MIN_HEIGHT = 14, MAX_HEIGHT = 100 };
enum { BEST_MIN_HEIGHT = 20, BEST_MAX_HEIGHT = 64, BEST_WEIGHT = 4 };

/* In and beside what is erased, levels of at least this are; elsewhere, softer foreground than
 * OD_FOREGROUND_WEAK is texture of the background, which stays. In and beside numbers, all is KEPT.
 */
enum { MIN_LEVEL = 24, KEPT = 0 };

/* Background around the page, so that writing at its sides is seen as elsewhere. */
enum { MARGIN = 4 * OD_DETECTOR_STRIDE };

/* The foreground at a scale, with sides that are multiples of the stride. */
typedef struct scaled_foreground {
  int h, w;
  uint8_t *pixels; /* (h + 2 MARGIN, w + 2 MARGIN): 0 around them */
} scaled_foreground;

/* The output of the network at a scale, with the margin. */
typedef struct scale_map {
  od_shape shape;
  uint8_t *probabilities; /* (shape), whose channels are od_pixel_class: of 255 */
  uint8_t *weights; /* (shape.h, shape.w): BEST_WEIGHT in numbers of the best heights, else 1 */
} scale_map;

/* A connected group of cells: its bounding box and the sums of its probabilities. */
typedef struct cell_group {
  int parent; /* in the union-find */
  int left, top, right, bottom;
  int64_t number, writing; /* at the scales that suit its height */
} cell_group;

/* Cells are blocks of pixels of the page, those of its class map: the pixels of the map of the
 * finest scale. */
typedef struct detection {
  od_page *page;
  const od_model *model;
  od_workspace *workspace;
  od_thread_pool *pool;
  int scales;
  scale_map maps[MAX_SCALES]; /* from the finest; each has half the resolution of the one before */
  uint8_t *erased_from; /* (rows, columns): the level from which foreground is erased; or KEPT */
  cell_group *groups;   /* (pixels of the finest map, which are more than cells): scratch */
} detection;

bool od_is_detector(const od_model *model) {
  const od_shape input = od_model_input(model), output = od_model_output(model);
  return input.c == 1 && output.h > 1 && output.c == OD_PIXEL_CLASSES &&
         input.h == output.h * OD_DETECTOR_STRIDE && input.w == output.w * OD_DETECTOR_STRIDE;
}

/* ---- scales ---- */

static int padded(int side) {
  return (side + OD_DETECTOR_STRIDE - 1) / OD_DETECTOR_STRIDE * OD_DETECTOR_STRIDE;
}

static size_t pitch_of(const scaled_foreground *at) { return (size_t)at->w + 2 * MARGIN; }

static uint8_t *row_of(const scaled_foreground *at, int y) {
  return at->pixels + (size_t)(y + MARGIN) * pitch_of(at) + MARGIN;
}

static od_status create_scale(int h, int w, scaled_foreground *result, od_error *error) {
  *result = (scaled_foreground){padded(h), padded(w), NULL};
  result->pixels = od_allocate((size_t)result->h + 2 * MARGIN, pitch_of(result));
  return result->pixels ? OD_OK : od_fail_memory(error, "the foreground of a page at a scale");
}

static od_status copy_foreground(const od_page *page, scaled_foreground *result, od_error *error) {
  const size_t w = (size_t)page->w;
  od_status status = create_scale(page->h, page->w, result, error);
  for (int y = 0; !status && y < page->h; y++)
    memcpy(row_of(result, y), page->foreground + (size_t)y * w, w);
  return status;
}

/* Replaces levels by the means of blocks of 2x2. */
static od_status halve(scaled_foreground *fine, od_error *error) {
  scaled_foreground coarse;
  od_status status = create_scale(fine->h / 2, fine->w / 2, &coarse, error);
  if (status) return status;
  for (int y = 0; y < fine->h / 2; y++) {
    const uint8_t *upper = row_of(fine, 2 * y), *lower = row_of(fine, 2 * y + 1);
    uint8_t *row = row_of(&coarse, y);
    for (int x = 0; x < fine->w / 2; x++)
      row[x] =
          (uint8_t)((upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1] + 2) / 4);
  }
  od_release(fine->pixels);
  *fine = coarse;
  return OD_OK;
}

static od_status run_scale(detection *work, const scaled_foreground *at, od_error *error) {
  const int h = at->h + 2 * MARGIN, w = at->w + 2 * MARGIN;
  const od_shape shape = od_model_map_shape(work->model, h, w);
  if (shape.h != h / OD_DETECTOR_STRIDE || shape.w != w / OD_DETECTOR_STRIDE)
    return od_fail(
        error, OD_ERROR_ARGUMENT,
        "detector: got a map of %d x %d pixels for a picture of %d x %d, expected one of "
        "%d x %d",
        shape.h, shape.w, h, w, h / OD_DETECTOR_STRIDE, w / OD_DETECTOR_STRIDE);
  scale_map *map = &work->maps[work->scales++];
  map->shape = shape;
  map->probabilities = od_allocate(od_shape_size(map->shape), 1);
  if (!map->probabilities) return od_fail_memory(error, "detecting the numbers of a page");
  const od_map_picture picture = {.pixels = at->pixels,
                                  .pitch = pitch_of(at),
                                  .h = h,
                                  .w = w,
                                  .scale = 1.0 / 255,
                                  .bytes = map->probabilities};
  return od_model_run_map(work->model, work->workspace, work->pool, &picture);
}

/* Allocates the cells of a map of `at`, whose pixels are `scale` pixels of the page. */
static od_status create_cells(detection *work, const scaled_foreground *at, int scale,
                              od_error *error) {
  const int rows = at->h / OD_DETECTOR_STRIDE, columns = at->w / OD_DETECTOR_STRIDE;
  const od_status status =
      od_class_map_create(OD_DETECTOR_STRIDE * scale, rows, columns, &work->page->class_map, error);
  if (status) return status;
  work->erased_from = od_allocate((size_t)rows * (size_t)columns, 1);
  return work->erased_from ? OD_OK : od_fail_memory(error, "detecting the numbers of a page");
}

static od_status run_scales(detection *work, od_error *error) {
  scaled_foreground at;
  int scale = 1;
  od_status status = copy_foreground(work->page, &at, error);
  for (; !status && (double)at.h * at.w > MAX_PIXELS; scale *= 2) status = halve(&at, error);
  if (!status) status = create_cells(work, &at, scale, error);
  for (int i = 0; !status && i < MAX_SCALES; i++) {
    if (i > 0) status = halve(&at, error);
    if (status || (i > 0 && od_min(at.h, at.w) < MIN_SIDE)) break;
    status = run_scale(work, &at, error);
  }
  od_release(at.pixels);
  return status;
}

/* ---- cells ---- */

/* The proportion of a number in the probability that cells are foreground. */
static double number_proportion(double number, double other) {
  return number > 0 ? number / (number + other) : 0;
}

/* Returns the index of the pixel of cell (i, j) in the map of a scale. */
static size_t pixel_of(const detection *work, int i, int j, int scale) {
  const int border = MARGIN / OD_DETECTOR_STRIDE;
  const od_shape shape = work->maps[scale].shape;
  const int y = od_min((i >> scale) + border, shape.h - 1);
  const int x = od_min((j >> scale) + border, shape.w - 1);
  return (size_t)y * (size_t)shape.w + (size_t)x;
}

/* Adds `weight` times the probabilities of a pixel to sums (OD_PIXEL_CLASSES). */
static void add_pixel(const scale_map *map, size_t pixel, int weight, int *sums) {
  for (int c = 0; c < OD_PIXEL_CLASSES; c++)
    sums[c] += weight * map->probabilities[pixel * OD_PIXEL_CLASSES + (size_t)c];
}

static od_pixel_class class_of(const int *sums) {
  const int writing = sums[OD_PIXEL_NUMBER] + sums[OD_PIXEL_WRITING];
  if (sums[OD_PIXEL_BACKGROUND] > writing + sums[OD_PIXEL_RULING_LINE]) return OD_PIXEL_BACKGROUND;
  if (sums[OD_PIXEL_RULING_LINE] > writing) return OD_PIXEL_RULING_LINE;
  return sums[OD_PIXEL_NUMBER] > sums[OD_PIXEL_WRITING] ? OD_PIXEL_NUMBER : OD_PIXEL_WRITING;
}

static int find_root(cell_group *groups, int i) {
  while (groups[i].parent != i) {
    groups[i].parent = groups[groups[i].parent].parent;
    i = groups[i].parent;
  }
  return i;
}

/* Classes of cells that are grouped. */
enum { WRITTEN = 1 << OD_PIXEL_NUMBER | 1 << OD_PIXEL_WRITING, RULED = 1 << OD_PIXEL_RULING_LINE };

static bool is_of(const od_class_map *cells, int i, int j, unsigned classes) {
  if (i < 0 || j < 0 || j >= cells->columns) return false;
  return classes >> cells->classes[od_cell(cells, i, j)] & 1;
}

/* Adds the group `from` to `to`. */
static void add_group(cell_group *groups, int from, int to) {
  cell_group *a = &groups[to], *b = &groups[from];
  b->parent = to;
  a->left = od_min(a->left, b->left);
  a->top = od_min(a->top, b->top);
  a->right = od_max(a->right, b->right);
  a->bottom = od_max(a->bottom, b->bottom);
}

/* Groups connected cells of some classes. groups (rows, columns) of other cells are not set. */
static void group_cells(const od_class_map *cells, unsigned classes, cell_group *groups) {
  static const int neighbours[4][2] = {{0, -1}, {-1, -1}, {-1, 0}, {-1, 1}};
  for (int i = 0; i < cells->rows; i++)
    for (int j = 0; j < cells->columns; j++) {
      if (!is_of(cells, i, j, classes)) continue;
      const int index = i * cells->columns + j;
      groups[index] = (cell_group){index, j, i, j + 1, i + 1, 0, 0};
      for (int k = 0; k < 4; k++) {
        const int y = i + neighbours[k][0], x = j + neighbours[k][1];
        if (!is_of(cells, y, x, classes)) continue;
        const int other = find_root(groups, y * cells->columns + x);
        const int root = find_root(groups, index);
        if (other != root) add_group(groups, root, other);
      }
    }
}

/* Returns the weight of a scale at which writing has this height. */
static int weight_of(int height) {
  return height >= BEST_MIN_HEIGHT && height <= BEST_MAX_HEIGHT ? BEST_WEIGHT : 1;
}

/* Sets the weights of a scale's pixels by the numbers that it shows alone. cells (shape) are of
 * background, groups (shape) is scratch. */
static void weigh_pixels(scale_map *map, od_class_map *cells, cell_group *groups) {
  const size_t count = (size_t)map->shape.h * (size_t)map->shape.w;
  for (size_t i = 0; i < count; i++) {
    int sums[OD_PIXEL_CLASSES] = {0};
    add_pixel(map, i, 1, sums);
    cells->classes[i] = (uint8_t)class_of(sums);
  }
  group_cells(cells, WRITTEN, groups);
  for (size_t i = 0; i < count; i++) {
    const uint8_t *pixel = map->probabilities + i * OD_PIXEL_CLASSES;
    if (!(WRITTEN >> cells->classes[i] & 1)) continue;
    cell_group *group = &groups[find_root(groups, (int)i)];
    group->number += pixel[OD_PIXEL_NUMBER];
    group->writing += pixel[OD_PIXEL_WRITING];
  }
  for (size_t i = 0; i < count; i++) {
    map->weights[i] = 1;
    if (!(WRITTEN >> cells->classes[i] & 1)) continue;
    const cell_group *group = &groups[find_root(groups, (int)i)];
    if (group->number > group->writing)
      map->weights[i] = (uint8_t)weight_of(OD_DETECTOR_STRIDE * (group->bottom - group->top));
  }
}

/* Sets the weights of all scales, and allocates the groups. */
static od_status weigh_scales(detection *work, od_error *error) {
  const od_shape finest = work->maps[0].shape;
  od_status status = OD_OK;
  work->groups = od_allocate((size_t)finest.h * (size_t)finest.w, sizeof *work->groups);
  if (!work->groups) return od_fail_memory(error, "detecting the numbers of a page");
  for (int i = 0; !status && i < work->scales; i++) {
    scale_map *map = &work->maps[i];
    const int h = map->shape.h, w = map->shape.w;
    od_class_map cells;
    status = od_class_map_create(OD_DETECTOR_STRIDE, h, w, &cells, error);
    map->weights = od_allocate((size_t)h, (size_t)w);
    if (!status && map->weights)
      weigh_pixels(map, &cells, work->groups);
    else if (!status)
      status = od_fail_memory(error, "detecting the numbers of a page");
    od_class_map_release(&cells);
  }
  return status;
}

/* Sets sums (OD_PIXEL_CLASSES) to those of the probabilities of cell (i, j) of a group, at the
 * scales that suit the group's height. */
static void sum_suitable(const detection *work, const cell_group *group, int i, int j, int *sums) {
  const int height = OD_DETECTOR_STRIDE * (group->bottom - group->top);
  int scale = 0;
  memset(sums, 0, OD_PIXEL_CLASSES * sizeof *sums);
  while (scale + 1 < work->scales && height >> scale > MAX_HEIGHT) scale++;
  do {
    add_pixel(&work->maps[scale], pixel_of(work, i, j, scale), weight_of(height >> scale), sums);
    scale++;
  } while (scale < work->scales && height >> scale >= MIN_HEIGHT);
}

/* Groups the cells of numbers and other writing, and sums their probabilities. */
static void group_writing(const detection *work, cell_group *groups) {
  const od_class_map *cells = &work->page->class_map;
  int sums[OD_PIXEL_CLASSES];
  group_cells(cells, WRITTEN, groups);
  for (int i = 0; i < cells->rows; i++)
    for (int j = 0; j < cells->columns; j++) {
      if (!is_of(cells, i, j, WRITTEN)) continue;
      cell_group *group = &groups[find_root(groups, i * cells->columns + j)];
      sum_suitable(work, group, i, j, sums);
      group->number += sums[OD_PIXEL_NUMBER];
      group->writing += sums[OD_PIXEL_WRITING];
    }
}

/* Returns the median height, in cells, of the groups of numbers; 0 if there are none. */
static int number_height(const detection *work, cell_group *groups, int *counts) {
  const od_class_map *cells = &work->page->class_map;
  int total = 0, sum = 0, height = 0;
  memset(counts, 0, ((size_t)cells->rows + 1) * sizeof *counts);
  for (int i = 0; i < cells->rows * cells->columns; i++) {
    if (!(WRITTEN >> cells->classes[i] & 1)) continue;
    const cell_group *group = &groups[i];
    if (group->parent != i || group->number <= group->writing) continue;
    counts[group->bottom - group->top]++;
    total++;
  }
  while (height < cells->rows && 2 * sum < total) sum += counts[++height];
  return height;
}

/* Takes a level ruling line for writing if it is no longer than numbers are high, as the bars of
 * fives and sevens are; returns whether there is one. The groups of writing stay. */
static bool find_short_lines(const detection *work, int max_length, cell_group *groups) {
  const od_class_map *cells = &work->page->class_map;
  bool found = false;
  group_cells(cells, RULED, groups);
  for (int i = 0; i < cells->rows * cells->columns; i++) {
    if (cells->classes[i] != OD_PIXEL_RULING_LINE) continue;
    const cell_group *group = &groups[find_root(groups, i)];
    const int w = group->right - group->left, h = group->bottom - group->top;
    if (w > max_length || h > w) continue;
    cells->classes[i] = OD_PIXEL_WRITING;
    found = true;
  }
  return found;
}

/* Decides between number and other writing by a cell and its group alike, so that the strokes of a
 * digit are kept together, and other strokes that cross it are not kept. */
static void vote(const detection *work, cell_group *groups) {
  const od_class_map *cells = &work->page->class_map;
  int sums[OD_PIXEL_CLASSES];
  for (int i = 0; i < cells->rows; i++)
    for (int j = 0; j < cells->columns; j++) {
      if (!is_of(cells, i, j, WRITTEN)) continue;
      const int cell = i * cells->columns + j;
      const cell_group *group = &groups[find_root(groups, cell)];
      sum_suitable(work, group, i, j, sums);
      const double own = number_proportion(sums[OD_PIXEL_NUMBER], sums[OD_PIXEL_WRITING]);
      const double all = number_proportion((double)group->number, (double)group->writing);
      const double number = 0.5 * (own + all);
      cells->numbers[cell] = (uint8_t)(255 * number + 0.5);
      cells->classes[cell] = number > min_number ? OD_PIXEL_NUMBER : OD_PIXEL_WRITING;
    }
}

/* Sets the level from which foreground is erased in background cells around cell (i, j), and in
 * itself. */
static void set_around(const detection *work, int i, int j, uint8_t level) {
  const od_class_map *cells = &work->page->class_map;
  for (int y = od_max(i - 1, 0); y <= od_min(i + 1, cells->rows - 1); y++)
    for (int x = od_max(j - 1, 0); x <= od_min(j + 1, cells->columns - 1); x++)
      if (is_of(cells, y, x, 1 << OD_PIXEL_BACKGROUND) || (y == i && x == j))
        work->erased_from[od_cell(cells, y, x)] = level;
}

/* The soft edges of strokes are kept and erased with them. */
static void set_levels(const detection *work) {
  const od_class_map *cells = &work->page->class_map;
  memset(work->erased_from, OD_FOREGROUND_WEAK, (size_t)cells->rows * (size_t)cells->columns);
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < cells->rows; i++)
      for (int j = 0; j < cells->columns; j++) {
        const bool number = is_of(cells, i, j, 1 << OD_PIXEL_NUMBER);
        if (pass == 0 && !number && !is_of(cells, i, j, 1 << OD_PIXEL_BACKGROUND))
          set_around(work, i, j, MIN_LEVEL);
        if (pass == 1 && number) set_around(work, i, j, KEPT);
      }
}

static od_status classify_cells(const detection *work, od_error *error) {
  const od_class_map *cells = &work->page->class_map;
  uint8_t *classes = cells->classes;
  int sums[OD_PIXEL_CLASSES];
  for (int i = 0; i < cells->rows; i++)
    for (int j = 0; j < cells->columns; j++) {
      memset(sums, 0, sizeof sums);
      for (int k = 0; k < work->scales; k++) {
        const size_t pixel = pixel_of(work, i, j, k);
        add_pixel(&work->maps[k], pixel, work->maps[k].weights[pixel], sums);
      }
      *classes++ = (uint8_t)class_of(sums);
    }
  int *counts = od_allocate((size_t)cells->rows + 1, sizeof *counts);
  if (!counts) return od_fail_memory(error, "detecting the numbers of a page");
  group_writing(work, work->groups);
  if (find_short_lines(work, number_height(work, work->groups, counts), work->groups))
    group_writing(work, work->groups);
  vote(work, work->groups);
  od_release(counts);
  set_levels(work);
  return OD_OK;
}

/* ---- erasing ---- */

/* Erases foreground from `level` on in n pixels. */
static void erase_cell(od_page *page, size_t at, int n, uint8_t level) {
  uint8_t *restrict foreground = page->foreground + at, *restrict erased = page->erased + at;
  const uint8_t *restrict background = page->background + at;
  for (int i = 0; i < n; i++) {
    const bool kept = foreground[i] < level;
    erased[i] = kept ? erased[i] : background[i];
    foreground[i] = kept ? foreground[i] : 0;
  }
}

static void erase_rows(void *job, int first, int last, void *scratch, od_interrupt *interrupt) {
  const detection *work = job;
  od_page *page = work->page;
  const int side = page->class_map.side;
  (void)scratch;
  (void)interrupt;
  for (int y = first; y < last; y++) {
    const size_t row = (size_t)y * (size_t)page->w;
    const uint8_t *from = work->erased_from + (size_t)(y / side) * (size_t)page->class_map.columns;
    for (int x = 0; x < page->w; x += side, from++) {
      const int n = od_min(side, page->w - x);
      if (*from != KEPT) erase_cell(page, row + (size_t)x, n, *from);
    }
  }
}

static od_status erase(detection *work, od_error *error) {
  od_page *page = work->page;
  const od_status status = od_page_own_image(page, error);
  if (status) return status;
  return od_run_row_partitions(&page->workspace, page->h, (size_t)page->w, 0, erase_rows, work,
                               error);
}

od_status od_page_keep_numbers(od_page *page, const od_model *detector, od_workspace *workspace,
                               od_thread_pool *pool, od_error *error) {
  detection work = {.page = page, .model = detector, .workspace = workspace, .pool = pool};
  od_status status = run_scales(&work, error);
  if (!status) status = weigh_scales(&work, error);
  if (!status) status = classify_cells(&work, error);
  if (!status) status = erase(&work, error);
  for (int i = 0; i < work.scales; i++) {
    od_release(work.maps[i].probabilities);
    od_release(work.maps[i].weights);
  }
  od_release(work.erased_from);
  od_release(work.groups);
  od_release(page->background);
  page->background = NULL;
  return status;
}
