/* The paper's level is looked for twice. First from above: the lightest that any place
 * near shows, which no stroke can pull down. What is clearly darker than that is ink; the
 * mean of all the rest is then the paper itself, texture and all. Both are smooth, so they
 * are computed on a grid of cells and read between their middles.
 *
 * Each step goes over all pixels once, by rows of cells that threads share out. */
#include "digit/foreground.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "image/row_partition.h"
#include "digit/coarse_grid.h"
#include "image/limits.h"

enum { LEVELS = 256, LANES = 16 };

/* Full ink is at least so many levels from its paper. */
static const double least_contrast = 14;
/* Ink is at least this share of the strongest ink of the whole picture. */
static const double least_share = 0.3;
/* Ink begins at this share of full contrast at the most, or at so many standard deviations of
 * the paper; from there to 255, levels are stretched by as much as this takes off the other
 * end. So OD_FOREGROUND_WEAK stands for 0.38 of full contrast on even paper, and 0.45 at the most. */
static const double most_ink_begins = 0.18, begins_noise = 2, ink_stretch = 1.56;
/* Standard deviations of bare paper that a stroke stands out by. */
static const double noise_margin = 2.2;

/* Levels below the paper that part it from ink. */
typedef struct bounds {
  int clear;    /* up to here is paper for certain, */
  int level;    /* from here on ink */
  double grain; /* standard deviation of bare paper, without its lines and shades */
} bounds;

/* The picture at work. Arrays of `nodes` are (rows, columns) of the cells. */
typedef struct work {
  od_image_workspace *imaging;
  od_coarse_grid cells;
  const uint8_t *image;   /* (h, w), ink dark */
  uint8_t *flipped;       /* (h, w), what `image` is where ink was light; else NULL */
  uint8_t *ink;           /* (h, w) */
  uint8_t *bare;          /* (h, w), the paper's level; may be NULL */
  float *paper;           /* (nodes) */
  float *full;            /* (nodes), contrast of full ink */
  float *sum, *weight;    /* (nodes) */
  int32_t *powers;        /* (nodes, 3) */
  double *squares;        /* (rows) */
  void *scratch;          /* od_coarse_grid_scratch */
  bounds bounds;
  float scale, shift;     /* from levels below the paper to ink */
  atomic_size_t counts[LEVELS]; /* a histogram that all threads add to */
} work;

static od_status work_create(work *w, od_error *error) {
  const size_t nodes = od_coarse_grid_count(&w->cells);
  const size_t numbers = (4 + 3) * nodes * sizeof(float);
  const size_t rows = (size_t)w->cells.rows * sizeof(double);
  uint8_t *block = od_allocate(od_aligned(numbers) + rows + od_coarse_grid_scratch(&w->cells), 1);
  if (!block) return od_fail_memory(error, "finding the ink of a picture");
  w->paper = (float *)(void *)block;
  w->full = w->paper + nodes;
  w->sum = w->full + nodes;
  w->weight = w->sum + nodes;
  w->powers = (int32_t *)(void *)(w->weight + nodes);
  w->squares = (double *)(void *)(block + od_aligned(numbers));
  w->scratch = w->squares + w->cells.rows;
  return OD_OK;
}

static void work_release(work *w) {
  od_release(w->paper);
  od_release(w->flipped);
}

/* ---- passes over the pixels ---- */

/* Runs `band` on rows of cells, with scratch memory of so many rows of floats. */
static od_status run_pass(work *w, od_row_partition *band, size_t lines, od_error *error) {
  const size_t line = od_aligned(od_coarse_grid_row_room(&w->cells) * sizeof(float));
  return od_run_row_partitions(w->imaging, w->cells.rows, (size_t)w->cells.size * (size_t)w->cells.w,
                      lines * line, band, w, error);
}

static float *line_of(const work *w, void *scratch, size_t i) {
  const size_t line = od_aligned(od_coarse_grid_row_room(&w->cells) * sizeof(float));
  return (float *)(void *)((uint8_t *)scratch + i * line);
}

static size_t place_of(const work *w, int y) { return (size_t)y * (size_t)w->cells.w; }

/* Sums of columns (w) over the cells of a row: cell j is columns first..end - 1. */
static int32_t sum_columns(const work *w, const int32_t *columns, int j) {
  const int first = j * w->cells.size, end = od_min(first + w->cells.size, w->cells.w);
  int32_t sum = 0;
  for (int x = first; x < end; x++) sum += columns[x];
  return sum;
}

/* The sums of the first three powers of the cells' pixels, less 128. */
static void add_up_cells(void *context, int first, int last, void *scratch) {
  work *w = context;
  const size_t n = (size_t)w->cells.w;
  int32_t *sums[3];
  for (size_t k = 0; k < 3; k++) sums[k] = (int32_t *)(void *)line_of(w, scratch, k);
  for (int i = first; i < last; i++) {
    for (int k = 0; k < 3; k++) memset(sums[k], 0, n * sizeof(int32_t));
    for (int y = i * w->cells.size; y < od_coarse_grid_end(&w->cells, i); y++)
      w->imaging->kernels->image.add_powers(n, w->image + place_of(w, y), sums[0], sums[1],
                                            sums[2]);
    int32_t *powers = w->powers + 3 * (size_t)i * (size_t)w->cells.columns;
    for (int j = 0; j < w->cells.columns; j++)
      for (int k = 0; k < 3; k++) *powers++ = sum_columns(w, sums[k], j);
  }
}

static void add_counts(work *w, const uint32_t *counts) {
  for (int level = 0; level < LEVELS; level++)
    if (counts[level])
      atomic_fetch_add_explicit(&w->counts[level], counts[level], memory_order_relaxed);
}

static void take_counts(work *w, size_t *histogram) {
  for (int level = 0; level < LEVELS; level++) {
    histogram[level] = atomic_load_explicit(&w->counts[level], memory_order_relaxed);
    atomic_store_explicit(&w->counts[level], 0, memory_order_relaxed);
  }
}

/* What is below the paper, one byte a pixel, and how often each level is. */
static void subtract_paper(void *context, int first, int last, void *scratch) {
  work *w = context;
  const od_kernels *kernels = w->imaging->kernels;
  const int n = w->cells.w;
  float *paper = line_of(w, scratch, 0);
  uint32_t counts[4][LEVELS] = {{0}}; /* neighbours are alike: counted apart, they need not wait */
  for (int y = first * w->cells.size; y < od_coarse_grid_end(&w->cells, last - 1); y++) {
    uint8_t *below = w->ink + place_of(w, y);
    od_coarse_grid_read(kernels, &w->cells, w->paper, y, paper);
    kernels->image.subtract_from((size_t)n, w->image + place_of(w, y), paper, below);
    for (int x = 0; x < n; x++) counts[x & 3][below[x]]++;
  }
  for (int k = 0; k < 4; k++) add_counts(w, counts[k]);
}

/* Adds the pixels of row (n) that are at most `clear` below the paper, and counts them. */
static void add_bare_row(int n, const uint8_t *restrict row, const uint8_t *restrict below,
                         uint8_t clear, uint16_t *restrict total, uint16_t *restrict bare) {
  for (int x = 0; x < n; x++) {
    const uint8_t mask = below[x] <= clear ? 255 : 0;
    total[x] = (uint16_t)(total[x] + (row[x] & mask));
    bare[x] = (uint16_t)(bare[x] + (mask & 1));
  }
}

/* The sum and the number of the cells' pixels that are paper for certain. */
static void add_up_bare(void *context, int first, int last, void *scratch) {
  work *w = context;
  const int n = w->cells.w, size = w->cells.size;
  uint16_t *total = (uint16_t *)(void *)line_of(w, scratch, 0), *bare = total + n;
  for (int i = first; i < last; i++) {
    memset(total, 0, 2 * (size_t)n * sizeof *total);
    for (int y = i * size; y < od_coarse_grid_end(&w->cells, i); y++)
      add_bare_row(n, w->image + place_of(w, y), w->ink + place_of(w, y),
                   (uint8_t)w->bounds.clear, total, bare);
    for (int j = 0; j < w->cells.columns; j++) {
      const size_t at = (size_t)i * (size_t)w->cells.columns + (size_t)j;
      int sum = 0, count = 0;
      for (int x = j * size; x < od_min((j + 1) * size, n); x++) {
        sum += total[x];
        count += bare[x];
      }
      w->sum[at] = (float)sum;
      w->weight[at] = (float)count;
    }
  }
}

static void widen_row(int n, const uint8_t *restrict row, uint8_t *restrict deepest) {
  for (int x = 0; x < n; x++) deepest[x] = row[x] > deepest[x] ? row[x] : deepest[x];
}

/* Counts the levels of row (n) but for those that are 0, of which most are. */
static void count_levels(int n, const uint8_t *row, uint32_t *counts) {
  int x = 0;
  for (; x + 8 <= n; x += 8) {
    uint64_t eight;
    memcpy(&eight, row + x, sizeof eight);
    if (!eight) continue;
    for (int k = 0; k < 8; k++) counts[row[x + k]]++;
  }
  for (; x < n; x++) counts[row[x]]++;
}

/* What is below the paper once more; full (nodes) gets the most of each cell, `squares` those of
 * what was no ink before, and the levels of what was are counted, but for 0. */
static void measure_ink(void *context, int first, int last, void *scratch) {
  work *w = context;
  const od_kernels *kernels = w->imaging->kernels;
  const int n = w->cells.w, size = w->cells.size;
  float *paper = line_of(w, scratch, 0);
  uint8_t *deepest = (uint8_t *)line_of(w, scratch, 1), *core = deepest + n;
  uint32_t counts[LEVELS] = {0};
  for (int i = first; i < last; i++) {
    memset(deepest, 0, (size_t)n);
    w->squares[i] = 0;
    for (int y = i * size; y < od_coarse_grid_end(&w->cells, i); y++) {
      float squares[LANES] = {0};
      uint8_t *below = w->ink + place_of(w, y);
      od_coarse_grid_read(kernels, &w->cells, w->paper, y, paper);
      kernels->image.subtract_again((size_t)n, w->image + place_of(w, y), paper,
                                 (uint8_t)w->bounds.level, below, core, squares);
      count_levels(n, core, counts);
      widen_row(n, below, deepest);
      for (int k = 0; k < LANES; k++) w->squares[i] += (double)squares[k];
    }
    for (int j = 0; j < w->cells.columns; j++) {
      uint8_t peak = 0;
      for (int x = j * size; x < od_min((j + 1) * size, n); x++)
        peak = deepest[x] > peak ? deepest[x] : peak;
      w->full[(size_t)i * (size_t)w->cells.columns + (size_t)j] = (float)peak;
    }
  }
  counts[0] = 0;
  add_counts(w, counts);
}

static void draw_paper(int n, uint8_t flip, const float *restrict level, uint8_t *restrict paper) {
  for (int x = 0; x < n; x++) paper[x] = (uint8_t)((uint8_t)(int)(level[x] + 0.5f) ^ flip);
}

/* From levels below the paper to shares of full ink, in place. */
static void stretch_ink(void *context, int first, int last, void *scratch) {
  work *w = context;
  const od_kernels *kernels = w->imaging->kernels;
  float *line = line_of(w, scratch, 0);
  for (int y = first * w->cells.size; y < od_coarse_grid_end(&w->cells, last - 1); y++) {
    od_coarse_grid_read(kernels, &w->cells, w->full, y, line);
    kernels->image.normalize_contrast((size_t)w->cells.w, line, w->scale, w->shift, w->ink + place_of(w, y));
    if (!w->bare) continue;
    od_coarse_grid_read(kernels, &w->cells, w->paper, y, line);
    draw_paper(w->cells.w, w->flipped ? 255 : 0, line, w->bare + place_of(w, y));
  }
}

/* ---- what the cells say ---- */

/* Sums of powers of differences, for their skewness. */
typedef struct moments {
  double squares, cubes;
} moments;

/* Adds those of a cell's pixels from `level`; powers (3) and level are less 128. */
static void add_moments(double n, const int32_t *powers, double level, moments *sums) {
  const double p = powers[0], pp = powers[1], ppp = powers[2];
  sums->squares += pp - level * (2 * p - n * level);
  sums->cubes += ppp - level * (3 * pp - level * (3 * p - n * level));
}

static double skewness(moments sums, double n) {
  return sums.squares > 0 ? sums.cubes * sqrt(n) / (sums.squares * sqrt(sums.squares)) : 0;
}

/* Which side of the paper ink is on: the one to which a few pixels go far. Both from what is
 * near, which uneven light does not deceive, and from the mean of all, which a bold pen does
 * not. Leaves the means of cells in w->paper. */
static bool ink_is_dark(work *w) {
  const od_coarse_grid *cells = &w->cells;
  const double n = (double)cells->h * (double)cells->w;
  double all = 0;
  moments near = {0, 0}, far = {0, 0};
  for (int i = 0, at = 0; i < cells->rows; i++)
    for (int j = 0; j < cells->columns; j++, at++) {
      const int area = od_coarse_grid_area(cells, i, j);
      w->paper[at] = (float)(w->powers[3 * at] + 128 * area) / (float)area;
      all += w->powers[3 * at];
    }
  memcpy(w->full, w->paper, od_coarse_grid_count(cells) * sizeof(float));
  od_coarse_grid_mean(cells, od_max(1, cells->reach / 2), w->full, w->scratch);
  for (int i = 0, at = 0; i < cells->rows; i++)
    for (int j = 0; j < cells->columns; j++, at++) {
      const int area = od_coarse_grid_area(cells, i, j);
      add_moments(area, w->powers + 3 * at, (double)w->full[at] - 128, &near);
      add_moments(area, w->powers + 3 * at, all / n, &far);
    }
  return skewness(near, n) + skewness(far, n) <= 0;
}

/* Turns light ink on dark paper round. */
static od_status flip(work *w, od_error *error) {
  const size_t n = (size_t)w->cells.h * (size_t)w->cells.w;
  w->flipped = od_allocate(n, 1);
  if (!w->flipped) return od_fail_memory(error, "finding the ink of a picture");
  for (size_t i = 0; i < n; i++) w->flipped[i] = (uint8_t)(255 - w->image[i]);
  for (size_t i = 0; i < od_coarse_grid_count(&w->cells); i++) w->paper[i] = 255 - w->paper[i];
  w->image = w->flipped;
  return OD_OK;
}

/* The paper from above: w->paper holds the cells' means. A closing lifts what is darker than its
 * surroundings and narrower than the window. */
static void paper_from_above(work *w) {
  od_coarse_grid_max(&w->cells, w->cells.reach, w->paper, w->scratch);
  od_coarse_grid_min(&w->cells, w->cells.reach, w->paper, w->scratch);
  od_coarse_grid_mean(&w->cells, od_max(1, w->cells.reach / 2), w->paper, w->scratch);
}

/* The lowest level that `share` of the counted pixels do not exceed. */
static int quantile(const size_t *histogram, double share) {
  size_t all = 0, so_far = 0;
  for (int level = 0; level < LEVELS; level++) all += histogram[level];
  for (int level = 0; level < LEVELS; level++) {
    so_far += histogram[level];
    if (so_far > 0 && (double)so_far >= share * (double)all) return level;
  }
  return LEVELS - 1;
}

/* From a histogram of what is below the paper: Otsu's threshold, but clear of the spread that
 * paper itself has. */
static bounds find_bounds(size_t n, const size_t *histogram) {
  /* Of a normal distribution, these two are 0.76 standard deviations apart. Both are paper
   * even where half of a picture is ink. */
  const int middle = quantile(histogram, 0.3), lower = quantile(histogram, 0.1);
  const int spread = middle + 4 * od_max(1, middle - lower);
  const int level = od_min(254, od_max(od_otsu_of_histogram(n, histogram), spread));
  return (bounds){od_min(level / 2, spread), level, (middle - lower) / 0.76};
}

/* The paper from within: the mean of what is no ink, over windows; w->sum and w->weight hold
 * sums and numbers of the cells' pixels. Where a window is all ink, it is the mean of all. */
static void paper_from_within(work *w) {
  double all = 0, count = 0;
  for (size_t i = 0; i < od_coarse_grid_count(&w->cells); i++) {
    all += (double)w->sum[i];
    count += (double)w->weight[i];
  }
  const double mean = count > 0 ? all / count : 255;
  od_coarse_grid_sum(&w->cells, w->cells.reach, w->sum, w->scratch);
  od_coarse_grid_sum(&w->cells, w->cells.reach, w->weight, w->scratch);
  for (size_t i = 0; i < od_coarse_grid_count(&w->cells); i++)
    w->paper[i] = (float)(((double)w->sum[i] + mean) / ((double)w->weight[i] + 1));
}

/* The picture's contrast and noise. `below` counts what was below the first paper, w->counts what
 * of that was ink is below the second one, but for 0. */
static void measure(work *w, const size_t *below, od_foreground_stats *facts) {
  size_t core[LEVELS], bare = 0, ink = 0, counted = 0;
  double squares = 0;
  take_counts(w, core);
  for (int level = 0; level < LEVELS; level++) {
    *(level <= w->bounds.level ? &bare : &ink) += below[level];
    counted += core[level];
  }
  core[0] = ink - counted;
  for (int i = 0; i < w->cells.rows; i++) squares += w->squares[i];
  facts->noise = bare > 0 ? sqrt(squares / (double)bare) : 0;
  const int typical = quantile(core, 0.75);
  facts->contrast = ink == 0 || typical < least_contrast ? 0 : typical;
}

/* From the cells' peaks to what full ink is around each: the strongest near by, but never so
 * little that ink would begin inside the paper's noise or far below the picture's ink. */
static void full_around(work *w, const od_foreground_stats *facts) {
  const double floor =
      fmax(fmax(least_contrast, least_share * facts->contrast), noise_margin * facts->noise / 0.45);
  const double grain = w->bounds.grain;
  od_coarse_grid_max(&w->cells, w->cells.reach, w->full, w->scratch);
  od_coarse_grid_mean(&w->cells, w->cells.reach, w->full, w->scratch);
  for (size_t i = 0; i < od_coarse_grid_count(&w->cells); i++) {
    /* A peak is above what most of a stroke has, by the paper's grain and a little more. */
    const double peak = (double)w->full[i], usual = fmax(0.85 * peak, peak - 2.5 * grain);
    const double local = fmin(1.06 * usual, facts->contrast); /* the mean took a little */
    w->full[i] = (float)fmax(local, floor);
  }
  const double begins =
      fmin(begins_noise * grain / fmax(facts->contrast, 1), most_ink_begins);
  w->scale = (float)(255 / (1 - ink_stretch * begins));
  w->shift = (float)begins * w->scale;
}

static od_status find_ink(work *w, od_foreground_stats *facts, od_error *error) {
  const size_t n = (size_t)w->cells.h * (size_t)w->cells.w;
  size_t below[LEVELS];
  od_status status = run_pass(w, add_up_cells, 3, error);
  if (status) return status;
  facts->dark = ink_is_dark(w);
  if (!facts->dark) status = flip(w, error);
  if (status) return status;
  paper_from_above(w);
  status = run_pass(w, subtract_paper, 1, error);
  if (status) return status;
  take_counts(w, below);
  w->bounds = find_bounds(n, below);
  status = run_pass(w, add_up_bare, 1, error);
  if (status) return status;
  paper_from_within(w);
  status = run_pass(w, measure_ink, 2, error);
  if (status) return status;
  measure(w, below, facts);
  full_around(w, facts);
  status = run_pass(w, stretch_ink, 1, error);
  if (!status && facts->contrast <= 0) memset(w->ink, 0, n);
  return status;
}

od_status od_find_foreground(od_image_workspace *imaging, int h, int w, const uint8_t *image, int window,
                      uint8_t *ink, uint8_t *paper, od_foreground_stats *facts, od_error *error) {
  od_status status = od_check_sides("image", h, w, error);
  if (status) return status;
  if (window < 1)
    return od_fail(error, OD_ERROR_ARGUMENT, "window: got %d, expected at least 1", window);
  work finding = {.imaging = imaging, .image = image, .ink = ink, .bare = paper};
  finding.cells = od_coarse_grid_for(h, w, window);
  status = work_create(&finding, error);
  if (!status) status = find_ink(&finding, facts, error);
  work_release(&finding);
  return status;
}
