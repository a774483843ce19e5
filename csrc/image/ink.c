/* The paper's level is looked for twice. First from above: the lightest that any place
 * near shows, which no stroke can pull down. What is clearly darker than that is ink; the
 * mean of all the rest is then the paper itself, texture and all. Both are smooth, so they
 * are computed on a grid of cells and read between its nodes. */
#include "image/ink.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "image/image.h"
#include "image/limits.h"

enum { LEVELS = 256, LARGEST_CELL = 8, CELLS_A_WINDOW = 12, LANES = 8 };

/* Full ink is at least so many levels from its paper. */
static const double least_contrast = 14;
/* Ink is at least this share of the strongest ink of the whole picture. */
static const double least_share = 0.3;
/* Ink begins at this share of full contrast at the most, or at so many standard deviations of
 * the paper; from there to 255, levels are stretched by as much as this takes off the other
 * end. So OD_INK_SOME stands for 0.38 of full contrast on even paper, and 0.45 at the most. */
static const double most_ink_begins = 0.18, begins_noise = 2, ink_stretch = 1.56;
/* Standard deviations of bare paper that a stroke stands out by. */
static const double noise_margin = 2.2;

typedef struct cells {
  int h, w, size; /* the picture's sides and a cell's */
  int rows, columns;
  int reach;        /* cells to each side that make up the window */
  float *paper;     /* (rows, columns) */
  float *full;      /* (rows, columns), contrast of full ink */
  float *sum;       /* (rows, columns) */
  float *weight;    /* (rows, columns) */
  float *scratch;   /* (rows, columns) */
  float *line;      /* (longer of rows, columns) */
  float *low;       /* (w), the paper along a row */
  float *high;      /* (w), the contrast along a row */
  float *between;   /* (columns), a row between two rows of nodes */
  uint16_t *total;  /* (w), sums down the columns of a row of cells */
  uint16_t *bare;   /* (w) */
  uint8_t *deepest; /* (w) */
} cells;

static int least(int a, int b) { return a < b ? a : b; }
static int most(int a, int b) { return a > b ? a : b; }

static od_status cells_create(int h, int w, int window, cells *grid, od_error *error) {
  *grid = (cells){.h = h, .w = w, .size = 1};
  while (grid->size < LARGEST_CELL && window > CELLS_A_WINDOW * grid->size) grid->size *= 2;
  grid->rows = (h + grid->size - 1) / grid->size;
  grid->columns = (w + grid->size - 1) / grid->size;
  grid->reach = most(1, window / (2 * grid->size));
  const size_t nodes = (size_t)grid->rows * (size_t)grid->columns;
  const size_t longer = (size_t)most(grid->rows, grid->columns);
  /* In floats, the last three arrays take 5 / 4 w. */
  const size_t room = 5 * nodes + longer + 4 * ((size_t)w + LARGEST_CELL) + (size_t)grid->columns;
  float *block = od_allocate(room, sizeof *block);
  if (!block) return od_fail_memory(error, "finding the ink of a picture");
  grid->paper = block;
  grid->full = grid->paper + nodes;
  grid->sum = grid->full + nodes;
  grid->weight = grid->sum + nodes;
  grid->scratch = grid->weight + nodes;
  grid->line = grid->scratch + nodes;
  grid->low = grid->line + longer;
  grid->high = grid->low + w + 2 * LARGEST_CELL;
  grid->between = grid->high + w + 2 * LARGEST_CELL;
  grid->total = (uint16_t *)(grid->between + grid->columns);
  grid->bare = grid->total + w;
  grid->deepest = (uint8_t *)(grid->bare + w);
  return OD_OK;
}

static void cells_release(cells *grid) { od_release(grid->paper); }

static size_t node_count(const cells *grid) { return (size_t)grid->rows * (size_t)grid->columns; }

/* ---- rows of pixels ---- */

/* Comparisons as the instructions for the lesser and the greater have them. */
static inline uint8_t to_byte(float level) {
  const float high = level > 0 ? level : 0;
  return (uint8_t)(int)((high < 255 ? high : 255) + 0.5f);
}

/* What row (n) is below the paper (n), as bytes. */
static void subtract_row(int n, const uint8_t *restrict row, uint8_t flip,
                         const float *restrict paper, uint8_t *restrict below) {
  for (int x = 0; x < n; x++) below[x] = to_byte(paper[x] - (float)(row[x] ^ flip));
}

static void add_row(int n, const uint8_t *restrict row, uint16_t *restrict total) {
  for (int x = 0; x < n; x++) total[x] = (uint16_t)(total[x] + row[x]);
}

/* Adds the pixels of row (n) that are at most `clear` below the paper, and counts them. */
static void add_bare_row(int n, const uint8_t *restrict row, uint8_t flip,
                         const uint8_t *restrict below, uint8_t clear, uint16_t *restrict total,
                         uint16_t *restrict bare) {
  for (int x = 0; x < n; x++) {
    const uint8_t mask = below[x] <= clear ? 255 : 0;
    total[x] = (uint16_t)(total[x] + ((row[x] ^ flip) & mask));
    bare[x] = (uint16_t)(bare[x] + (mask & 1));
  }
}

static void widen_row(int n, const uint8_t *restrict row, uint8_t *restrict deepest) {
  for (int x = 0; x < n; x++) deepest[x] = row[x] > deepest[x] ? row[x] : deepest[x];
}

/* Levels below the paper to shares of full ink (n), in place. */
static void stretch_row(int n, float scale, float offset, const float *restrict full,
                        uint8_t *restrict row) {
  for (int x = 0; x < n; x++) row[x] = to_byte((float)row[x] * (scale / full[x]) - offset);
}

/* ---- cells ---- */

/* Loops over pixels are over whole rows, so that they can be vectorised; a row of cells is
 * gathered down its columns first. A cell has at most 8 rows: sums fit 16 bits. */

static int cell_end(const cells *grid, int i) { return least((i + 1) * grid->size, grid->h); }

/* Adds the sums of columns (w) to cells (columns). */
static void add_columns(const cells *grid, const uint16_t *columns, float *sums) {
  for (int j = 0; j < grid->columns; j++) {
    const int begin = j * grid->size, end = least(begin + grid->size, grid->w);
    int sum = 0;
    for (int x = begin; x < end; x++) sum += columns[x];
    sums[j] += (float)sum;
  }
}

/* Adds up image (h, w) by cells: sum (rows, columns). */
static void sum_cells(const cells *grid, const uint8_t *image, float *sum) {
  const int w = grid->w;
  memset(sum, 0, node_count(grid) * sizeof *sum);
  for (int i = 0; i < grid->rows; i++) {
    uint16_t *total = grid->total;
    memset(total, 0, (size_t)w * sizeof *total);
    for (int y = i * grid->size; y < cell_end(grid, i); y++)
      add_row(w, image + (size_t)y * (size_t)w, total);
    add_columns(grid, total, sum + (size_t)i * (size_t)grid->columns);
  }
}

/* The pixels of cell (i, j). */
static float cell_area(const cells *grid, int i, int j) {
  return (float)(least(grid->size, grid->h - i * grid->size) *
                 least(grid->size, grid->w - j * grid->size));
}

/* The greatest (sign 1) or least (sign -1) of x (n, step apart) within `reach`. */
static void extreme_along(int n, int step, int reach, float sign, float *x, float *line) {
  for (int i = 0; i < n; i++) line[i] = sign * x[i * step];
  for (int i = 0; i < n; i++) {
    float best = line[i];
    const int last = least(i + reach, n - 1);
    for (int k = most(i - reach, 0); k <= last; k++) best = line[k] > best ? line[k] : best;
    x[i * step] = sign * best;
  }
}

static void extreme_around(const cells *grid, int reach, float sign, float *nodes) {
  for (int i = 0; i < grid->rows; i++)
    extreme_along(grid->columns, 1, reach, sign, nodes + i * grid->columns, grid->line);
  for (int j = 0; j < grid->columns; j++)
    extreme_along(grid->rows, grid->columns, reach, sign, nodes + j, grid->line);
}

/* Sums of x (n, step apart) over windows of 2 reach + 1, cut off at the ends. */
static void sum_along(int n, int step, int reach, float *x, float *line) {
  double running = 0;
  for (int i = 0; i < n; i++) line[i] = x[i * step];
  for (int i = 0; i < least(reach, n); i++) running += (double)line[i];
  for (int i = 0; i < n; i++) {
    if (i + reach < n) running += (double)line[i + reach];
    x[i * step] = (float)running;
    if (i >= reach) running -= (double)line[i - reach];
  }
}

static void sum_around(const cells *grid, int reach, float *nodes) {
  for (int i = 0; i < grid->rows; i++)
    sum_along(grid->columns, 1, reach, nodes + i * grid->columns, grid->line);
  for (int j = 0; j < grid->columns; j++)
    sum_along(grid->rows, grid->columns, reach, nodes + j, grid->line);
}

/* The means over windows: nodes (rows, columns), each of the same weight. */
static void mean_around(const cells *grid, int reach, float *nodes) {
  sum_around(grid, reach, nodes);
  for (int i = 0; i < grid->rows; i++)
    for (int j = 0; j < grid->columns; j++) {
      const int tall = least(i + reach, grid->rows - 1) - most(i - reach, 0) + 1;
      const int wide = least(j + reach, grid->columns - 1) - most(j - reach, 0) + 1;
      nodes[i * grid->columns + j] /= (float)(tall * wide);
    }
}

/* Between which nodes a pixel lies along one axis, and how near it is to the second. */
static float between_nodes(int pixel, int size, int count, int *first, int *second) {
  const float place = ((float)pixel + 0.5f) / (float)size - 0.5f;
  const int node = place < 0 ? -1 : (int)place;
  *first = most(node, 0);
  *second = least(node + 1, count - 1);
  return place - (float)node;
}

/* The cells of a row from the middle of the first one on, `size` pixels each, linear from node to
 * node: between (columns) to row (up to columns * size). */
static inline void read_cells(int columns, int size, const float *between, float *row) {
  for (int j = 0; j < columns; j++) {
    const float slope = (between[least(j + 1, columns - 1)] - between[j]) / (float)size;
    const float start = size > 1 ? between[j] + 0.5f * slope : between[j];
    for (int x = 0; x < size; x++) row[j * size + x] = start + slope * (float)x;
  }
}

/* Row y of nodes (rows, columns), linear between them: row (w), with room for LARGEST_CELL more
 * to each side. */
static void read_row(const cells *grid, const float *nodes, int y, float *row) {
  int above, below;
  const float down = between_nodes(y, grid->size, grid->rows, &above, &below);
  const float *first = nodes + above * grid->columns, *second = nodes + below * grid->columns;
  float *between = grid->between, *middle = row + grid->size / 2;
  for (int j = 0; j < grid->columns; j++) between[j] = first[j] + down * (second[j] - first[j]);
  for (int x = 0; x < grid->size / 2; x++) row[x] = between[0];
  switch (grid->size) { /* a constant is quicker */
    case 8:
      read_cells(grid->columns, 8, between, middle);
      break;
    case 4:
      read_cells(grid->columns, 4, between, middle);
      break;
    case 2:
      read_cells(grid->columns, 2, between, middle);
      break;
    default:
      read_cells(grid->columns, 1, between, middle);
  }
}

/* Sums of powers of differences, for their skewness. */
typedef struct moments {
  double squares, cubes;
} moments;

/* Of pixels (n) about level (n). Sums go in lanes, as one of floats would go step by step. */
static void add_moments(int n, const uint8_t *pixels, const float *level, moments *sums) {
  float squares[LANES] = {0}, cubes[LANES] = {0};
  int x = 0;
  for (; x + LANES <= n; x += LANES)
    for (int k = 0; k < LANES; k++) {
      const float difference = (float)pixels[x + k] - level[x + k];
      squares[k] += difference * difference;
      cubes[k] += difference * difference * difference;
    }
  for (; x < n; x++) {
    const float difference = (float)pixels[x] - level[x];
    squares[0] += difference * difference;
    cubes[0] += difference * difference * difference;
  }
  for (int k = 0; k < LANES; k++) {
    sums->squares += (double)squares[k];
    sums->cubes += (double)cubes[k];
  }
}

static double skewness(moments sums, double n) {
  return sums.squares > 0 ? sums.cubes * sqrt(n) / (sums.squares * sqrt(sums.squares)) : 0;
}

/* Which side of the paper ink is on: the one to which a few pixels go far. Both from what is
 * near, which uneven light does not deceive, and from the mean of all, which a bold pen does
 * not. Leaves the means of cells in grid->paper. */
static bool ink_is_dark(cells *grid, const uint8_t *image) {
  double all = 0;
  const double n = (double)grid->h * (double)grid->w;
  moments near = {0, 0}, far = {0, 0};
  sum_cells(grid, image, grid->paper);
  for (size_t i = 0; i < node_count(grid); i++) all += (double)grid->paper[i];
  for (int i = 0; i < grid->rows; i++)
    for (int j = 0; j < grid->columns; j++)
      grid->paper[i * grid->columns + j] /= cell_area(grid, i, j);
  memcpy(grid->full, grid->paper, node_count(grid) * sizeof(float));
  mean_around(grid, most(1, grid->reach / 2), grid->full);
  for (int x = 0; x < grid->w; x++) grid->high[x] = (float)(all / n);
  for (int i = 0; i < grid->rows; i++) {
    const float *level = grid->full + (size_t)i * (size_t)grid->columns;
    for (int x = 0; x < grid->w; x++) grid->low[x] = level[x / grid->size];
    for (int y = i * grid->size; y < cell_end(grid, i); y++) {
      const uint8_t *row = image + (size_t)y * (size_t)grid->w;
      add_moments(grid->w, row, grid->high, &far);
      add_moments(grid->w, row, grid->low, &near);
    }
  }
  return skewness(near, n) + skewness(far, n) <= 0;
}

/* The paper from above: paper (rows, columns) holds the cells' means. A closing lifts what
 * is darker than its surroundings and narrower than the window. */
static void paper_from_above(cells *grid) {
  extreme_around(grid, grid->reach, 1, grid->paper);
  extreme_around(grid, grid->reach, -1, grid->paper);
  mean_around(grid, most(1, grid->reach / 2), grid->paper);
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

static bool core_is_empty(const size_t *histogram) {
  for (int level = 0; level < LEVELS; level++)
    if (histogram[level]) return false;
  return true;
}

/* What is below the paper, one byte a pixel: ink (h, w). */
static void subtract_paper(cells *grid, const uint8_t *image, uint8_t flip, uint8_t *ink,
                           size_t *histogram) {
  const int w = grid->w;
  uint32_t counts[4][LEVELS] = {{0}}; /* neighbours are alike: counted apart, they need not wait */
  for (int y = 0; y < grid->h; y++) {
    const uint8_t *row = image + (size_t)y * (size_t)grid->w;
    uint8_t *out = ink + (size_t)y * (size_t)grid->w;
    read_row(grid, grid->paper, y, grid->low);
    subtract_row(w, row, flip, grid->low, out);
    for (int x = 0; x < w; x++) counts[x & 3][out[x]]++;
  }
  for (int level = 0; level < LEVELS; level++)
    histogram[level] =
        (size_t)counts[0][level] + counts[1][level] + counts[2][level] + counts[3][level];
}

/* Levels below the paper that part it from ink. */
typedef struct bounds {
  int clear;    /* up to here is paper for certain, */
  int level;    /* from here on ink */
  double grain; /* standard deviation of bare paper, without its lines and shades */
} bounds;

/* From a histogram of what is below the paper: Otsu's threshold, but clear of the spread that
 * paper itself has. */
static bounds find_bounds(size_t n, const uint8_t *ink, const size_t *histogram) {
  /* Of a normal distribution, these two are 0.76 standard deviations apart. Both are paper
   * even where half of a picture is ink. */
  const int middle = quantile(histogram, 0.3), lower = quantile(histogram, 0.1);
  const int spread = middle + 4 * most(1, middle - lower);
  const int level = least(254, most(od_otsu_threshold(n, ink), spread));
  return (bounds){least(level / 2, spread), level, (middle - lower) / 0.76};
}

/* The paper from within: the mean of what is no ink, over windows. Where a window is all
 * ink, it is the mean of all. */
static void paper_from_within(cells *grid, const uint8_t *image, uint8_t flip, const uint8_t *ink,
                              int clear) {
  const int w = grid->w;
  double all = 0, count = 0;
  memset(grid->sum, 0, node_count(grid) * sizeof(float));
  memset(grid->weight, 0, node_count(grid) * sizeof(float));
  for (int i = 0; i < grid->rows; i++) {
    uint16_t *total = grid->total, *bare = grid->bare;
    memset(total, 0, (size_t)w * sizeof *total);
    memset(bare, 0, (size_t)w * sizeof *bare);
    for (int y = i * grid->size; y < cell_end(grid, i); y++) {
      const size_t at = (size_t)y * (size_t)w;
      add_bare_row(w, image + at, flip, ink + at, (uint8_t)clear, total, bare);
    }
    add_columns(grid, total, grid->sum + (size_t)i * (size_t)grid->columns);
    add_columns(grid, bare, grid->weight + (size_t)i * (size_t)grid->columns);
  }
  for (size_t i = 0; i < node_count(grid); i++) {
    all += (double)grid->sum[i];
    count += (double)grid->weight[i];
  }
  const double mean = count > 0 ? all / count : 255;
  sum_around(grid, grid->reach, grid->sum);
  sum_around(grid, grid->reach, grid->weight);
  for (size_t i = 0; i < node_count(grid); i++)
    grid->paper[i] = (float)(((double)grid->sum[i] + mean) / ((double)grid->weight[i] + 1));
}

/* One row of measure_ink; returns the sum of squares of what is no ink. */
static double measure_row(cells *grid, const uint8_t *row, uint8_t flip, uint8_t *below, int level,
                          size_t *core, double *count) {
  const int w = grid->w;
  float squares[LANES] = {0};
  float *restrict depth = grid->high;
  const float *restrict paper = grid->low;
  int bare = 0, x = 0;
  for (x = 0; x < w; x++) depth[x] = paper[x] - (float)(row[x] ^ flip);
  for (x = 0; x + LANES <= w; x += LANES)
    for (int k = 0; k < LANES; k++)
      squares[k] += below[x + k] <= level ? depth[x + k] * depth[x + k] : 0;
  for (; x < w; x++) squares[0] += below[x] <= level ? depth[x] * depth[x] : 0;
  for (x = 0; x < w; x++) bare += below[x] <= level;
  for (x = 0; bare < w && x < w; x++)
    if (below[x] > level) core[to_byte(depth[x])]++;
  subtract_row(w, row, flip, paper, below);
  widen_row(w, below, grid->deepest);
  *count += bare;
  double sum = 0;
  for (int k = 0; k < LANES; k++) sum += (double)squares[k];
  return sum;
}

/* What is below the paper once more, over ink (h, w), which holds what was below the first
 * one. `core` counts the levels of what was above `level` before; full (rows, columns) gets
 * the most ink of each cell. Returns the standard deviation of the rest. */
static double measure_ink(cells *grid, const uint8_t *image, uint8_t flip, uint8_t *ink, int level,
                          size_t *core) {
  const int w = grid->w;
  double squares = 0, count = 0;
  for (int i = 0; i < grid->rows; i++) {
    memset(grid->deepest, 0, (size_t)w);
    for (int y = i * grid->size; y < cell_end(grid, i); y++) {
      uint8_t *below = ink + (size_t)y * (size_t)w;
      read_row(grid, grid->paper, y, grid->low);
      squares += measure_row(grid, image + (size_t)y * (size_t)w, flip, below, level, core, &count);
    }
    for (int j = 0; j < grid->columns; j++) {
      const int begin = j * grid->size, end = least(begin + grid->size, w);
      uint8_t deepest = 0;
      for (int x = begin; x < end; x++)
        deepest = grid->deepest[x] > deepest ? grid->deepest[x] : deepest;
      grid->full[i * grid->columns + j] = (float)deepest;
    }
  }
  return count > 0 ? sqrt(squares / count) : 0;
}

/* From the cells' peaks to what full ink is around each: the strongest near by, but never so
 * little that ink would begin inside the paper's noise or far below the picture's ink. */
static void full_around(cells *grid, const od_ink_facts *facts, double grain) {
  const double floor =
      fmax(fmax(least_contrast, least_share * facts->contrast), noise_margin * facts->noise / 0.45);
  extreme_around(grid, grid->reach, 1, grid->full);
  mean_around(grid, grid->reach, grid->full);
  for (size_t i = 0; i < node_count(grid); i++) {
    /* A peak is above what most of a stroke has, by the paper's grain and a little more. */
    const double peak = (double)grid->full[i], usual = fmax(0.85 * peak, peak - 2.5 * grain);
    const double local = fmin(1.06 * usual, facts->contrast); /* the mean took a little */
    grid->full[i] = (float)fmax(local, floor);
  }
}

/* From levels below the paper to shares of full ink, in place: ink (h, w). */
static void stretch(cells *grid, double begins, uint8_t *ink, uint8_t *paper) {
  const float scale = (float)(255 / (1 - ink_stretch * begins)), offset = (float)begins * scale;
  for (int y = 0; y < grid->h; y++) {
    uint8_t *row = ink + (size_t)y * (size_t)grid->w;
    read_row(grid, grid->full, y, grid->high);
    stretch_row(grid->w, scale, offset, grid->high, row);
    if (!paper) continue;
    read_row(grid, grid->paper, y, grid->low);
    for (int x = 0; x < grid->w; x++)
      paper[(size_t)y * (size_t)grid->w + (size_t)x] = to_byte(grid->low[x]);
  }
}

static void find_ink(cells *grid, const uint8_t *image, uint8_t *ink, uint8_t *paper,
                     od_ink_facts *facts) {
  size_t below[LEVELS] = {0}, core[LEVELS] = {0};
  facts->dark = ink_is_dark(grid, image);
  const uint8_t flip = facts->dark ? 0 : 255;
  if (flip)
    for (size_t i = 0; i < node_count(grid); i++) grid->paper[i] = 255 - grid->paper[i];
  paper_from_above(grid);
  subtract_paper(grid, image, flip, ink, below);
  const bounds found = find_bounds((size_t)grid->h * (size_t)grid->w, ink, below);
  paper_from_within(grid, image, flip, ink, found.clear);
  facts->noise = measure_ink(grid, image, flip, ink, found.level, core);
  const int typical = quantile(core, 0.75);
  facts->contrast = core_is_empty(core) || typical < least_contrast ? 0 : typical;
  full_around(grid, facts, found.grain);
  const double begins = begins_noise * found.grain / fmax(facts->contrast, 1);
  stretch(grid, fmin(begins, most_ink_begins), ink, paper);
  if (paper && flip)
    for (size_t i = 0; i < (size_t)grid->h * (size_t)grid->w; i++)
      paper[i] = (uint8_t)(255 - paper[i]);
  if (facts->contrast <= 0) memset(ink, 0, (size_t)grid->h * (size_t)grid->w);
}

od_status od_find_ink(int h, int w, const uint8_t *image, int window, uint8_t *ink, uint8_t *paper,
                      od_ink_facts *facts, od_error *error) {
  cells grid;
  od_status status = od_check_sides("image", h, w, error);
  if (!status && window < 1)
    status = od_fail(error, OD_ERROR_ARGUMENT, "window: got %d, expected at least 1", window);
  if (!status) status = cells_create(h, w, window, &grid, error);
  if (status) return status;
  find_ink(&grid, image, ink, paper, facts);
  cells_release(&grid);
  return OD_OK;
}
