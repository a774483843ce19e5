"""The C function of exported networks that makes their input from a picture of a digit."""

from __future__ import annotations

from string import Template

INPUT = (28, 28, 1)
"""The shape of the input that it makes."""

WORK = 2 * 48 * 48
"""Bytes of memory that the function needs: two numbers for each cell of its grid."""

DECLARATION = Template("""\
/* Make the image of a digit for the functions below from a gray picture of 1 to 2,048 rows and
 * columns, whose rows lie `stride` bytes apart: dark on light or light on dark, in even light or
 * not, of any size, alone in the picture but for specks and what reaches in over its border.
 * `work` has ${macro}_WORK bytes, which need no initialization; the stack holds 2 kB, and int has
 * 32 bits. Return 1, or 0 if there is no foreground: then the image is black.
 *
 * A small version of `ocrdigit.preprocess`: background by morphological closing, Otsu's threshold,
 * connected components, MNIST's size and centre of mass. It has no answer to halftones, colours,
 * and ruling lines that touch the digit. */
int ${name}_preprocess(const unsigned char *picture, int rows, int columns, int stride,
                      unsigned char *work, float *image);

""")

FUNCTION = Template("""\
/* -- preprocessing -- */

enum {
  GRID = 48,          /* cells along the longer side of a picture */
  CELLS = GRID * GRID,
  CLOSING_RADIUS = 8, /* cells: strokes are narrower than twice that */
  MEAN_RADIUS = 24,   /* cells */
  SIDE = 28,          /* of an image */
  DIGIT_SIDE = 20,    /* of a digit in it */
  MIN_CONTRAST = 12,  /* gray levels between foreground and background */
  UNLABELLED = 255
};

/* A picture under a grid of square cells, each of a pixel or more. */
typedef struct {
  const unsigned char *pixels;
  int h, w, stride;
  int rows, columns;               /* cells */
  float cell;                      /* the side of a cell in pixels */
  int light;                       /* whether the foreground is light */
  unsigned char *background;       /* (CELLS): its level in each cell */
  unsigned char *labels;           /* (CELLS): of the components, then 1 for those of the digit */
  int threshold, low, high;        /* contrasts: of foreground; of none of it, of all of it */
} gray_picture;

/* What the pixels of a digit add up to. */
typedef struct {
  int top, left, bottom, right;
  float mass, y, x; /* sum of the foreground, centre of mass */
  float thickness;  /* of strokes, in pixels */
} digit_shape;

static int smaller(int a, int b) { return a < b ? a : b; }

static int larger(int a, int b) { return a > b ? a : b; }

/* The first pixel of cell i of `cells`, which together have `pixels`. */
static int cell_begin(const gray_picture *p, int i, int cells, int pixels) {
  return i < cells ? (int)((float)i * p->cell + 0.5f) : pixels;
}

static int row_begin(const gray_picture *p, int i) { return cell_begin(p, i, p->rows, p->h); }

static int column_begin(const gray_picture *p, int j) {
  return cell_begin(p, j, p->columns, p->w);
}

/* The level of a pixel of a dark digit on light. */
static int level_at(const gray_picture *p, int y, int x) {
  const int level = p->pixels[y * p->stride + x];
  return p->light ? 255 - level : level;
}

static int cell_at(const gray_picture *p, int y, int x) {
  const int row = (int)(((float)y + 0.5f) / p->cell), column = (int)(((float)x + 0.5f) / p->cell);
  return smaller(row, p->rows - 1) * GRID + smaller(column, p->columns - 1);
}

/* How much darker than the background a pixel is. */
static int contrast_at(const gray_picture *p, int y, int x) {
  return larger(p->background[cell_at(p, y, x)] - level_at(p, y, x), 0);
}

/* 0 to 1: how much of a pixel is foreground of the digit. */
static float foreground_at(const gray_picture *p, int y, int x) {
  const int contrast = contrast_at(p, y, x);
  if (contrast <= p->low || p->labels[cell_at(p, y, x)] != 1) return 0;
  return contrast >= p->high ? 1 : (float)(contrast - p->low) / (float)(p->high - p->low);
}

static int is_foreground(const gray_picture *p, int y, int x) {
  return y >= 0 && y < p->h && x >= 0 && x < p->w && foreground_at(p, y, x) >= 0.5f;
}

/* The mean level of each cell. */
static void average_cells(const gray_picture *p, unsigned char *cells) {
  for (int i = 0; i < p->rows; i++)
    for (int j = 0; j < p->columns; j++) {
      const int top = row_begin(p, i), bottom = row_begin(p, i + 1);
      const int left = column_begin(p, j), right = column_begin(p, j + 1);
      int sum = 0;
      for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) sum += level_at(p, y, x);
      cells[i * GRID + j] = (unsigned char)(sum / ((bottom - top) * (right - left)));
    }
}

/* Strokes are few, and far from the mean around them: the third moment has their sign. */
static int has_light_strokes(const gray_picture *p, const unsigned char *cells) {
  float moment = 0;
  for (int i = 0; i < p->rows; i++)
    for (int j = 0; j < p->columns; j++) {
      const int bottom = smaller(i + MEAN_RADIUS + 1, p->rows);
      const int right = smaller(j + MEAN_RADIUS + 1, p->columns);
      int sum = 0, n = 0;
      for (int y = larger(i - MEAN_RADIUS, 0); y < bottom; y++)
        for (int x = larger(j - MEAN_RADIUS, 0); x < right; x++, n++) sum += cells[y * GRID + x];
      const float difference = (float)cells[i * GRID + j] - (float)sum / (float)n;
      moment += difference * difference * difference;
    }
  return moment > 0;
}

/* Dilate n cells, `step` apart, along their line; with `erode` all levels are inverted. */
static void dilate_line(int n, int step, int erode, unsigned char *line) {
  const int inverted = erode ? 255 : 0;
  unsigned char before[GRID];
  for (int i = 0; i < n; i++) before[i] = (unsigned char)(line[i * step] ^ inverted);
  for (int i = 0; i < n; i++) {
    int largest = 0;
    for (int k = larger(i - CLOSING_RADIUS, 0); k < smaller(i + CLOSING_RADIUS + 1, n); k++)
      largest = larger(largest, before[k]);
    line[i * step] = (unsigned char)(largest ^ inverted);
  }
}

/* Morphological closing, which leaves the background of dark strokes. */
static void close_cells(const gray_picture *p, unsigned char *cells) {
  for (int erode = 0; erode < 2; erode++) {
    for (int i = 0; i < p->rows; i++) dilate_line(p->columns, 1, erode, cells + i * GRID);
    for (int j = 0; j < p->columns; j++) dilate_line(p->rows, GRID, erode, cells + j);
  }
}

/* Otsu's threshold of the contrasts; return whether the two classes differ. */
static int find_threshold(gray_picture *p) {
  unsigned counts[256] = {0};
  double n = 0, sum = 0, low_n = 0, low_sum = 0, best = 0, low = 0, high = 0;
  for (int y = 0; y < p->h; y++)
    for (int x = 0; x < p->w; x++) counts[contrast_at(p, y, x)]++;
  for (int i = 0; i < 256; i++) {
    n += counts[i];
    sum += (double)counts[i] * i;
  }
  for (int i = 0; i < 255; i++) {
    low_n += counts[i];
    low_sum += (double)counts[i] * i;
    if (low_n <= 0 || low_n >= n) continue;
    const double below = low_sum / low_n, above = (sum - low_sum) / (n - low_n);
    const double variance = low_n * (n - low_n) * (above - below) * (above - below);
    if (variance <= best) continue;
    best = variance;
    low = below;
    high = above;
    p->threshold = i;
  }
  p->low = (int)(low + (p->threshold - low) * 0.6);
  p->high = larger((int)high, p->low + 1);
  return high - low >= MIN_CONTRAST;
}

/* Label the cells through which a stroke may go. */
static void find_strokes(const gray_picture *p) {
  for (int i = 0; i < CELLS; i++) p->labels[i] = 0;
  for (int i = 0; i < p->rows; i++)
    for (int j = 0; j < p->columns; j++) {
      int count = 0;
      for (int y = row_begin(p, i); y < row_begin(p, i + 1); y++)
        for (int x = column_begin(p, j); x < column_begin(p, j + 1); x++)
          count += contrast_at(p, y, x) > p->threshold;
      if (count > 0 && 2 * count >= (int)p->cell) p->labels[i * GRID + j] = UNLABELLED;
    }
}

static int is_beside(const gray_picture *p, int i, int j, int label) {
  for (int y = larger(i - 1, 0); y < smaller(i + 2, p->rows); y++)
    for (int x = larger(j - 1, 0); x < smaller(j + 2, p->columns); x++)
      if (p->labels[y * GRID + x] == label) return 1;
  return 0;
}

/* Label the rest of a component, of which one cell has its label, by scans forth and back. Return
 * its size in quarters of cells, in cells if it reaches the picture's border: it may be cut off. */
static int label_component(const gray_picture *p, int label) {
  const int n = p->rows * p->columns;
  int changed = 1, size = 0, at_border = 0;
  while (changed) {
    changed = 0;
    for (int k = 0; k < 2 * n; k++) {
      const int at = k < n ? k : 2 * n - 1 - k, i = at / p->columns, j = at % p->columns;
      if (p->labels[i * GRID + j] != UNLABELLED || !is_beside(p, i, j, label)) continue;
      p->labels[i * GRID + j] = (unsigned char)label;
      changed = 1;
    }
  }
  for (int i = 0; i < p->rows; i++)
    for (int j = 0; j < p->columns; j++) {
      if (p->labels[i * GRID + j] != label) continue;
      at_border |= i == 0 || j == 0 || i == p->rows - 1 || j == p->columns - 1;
      size++;
    }
  return at_border ? size : 4 * size;
}

/* Label with 1 the components of the digit and the cells beside them, all others with 0. */
static void choose_components(const gray_picture *p) {
  int sizes[UNLABELLED] = {0}, label = 2, largest = 0;
  for (int i = 0; i < CELLS && label < UNLABELLED; i++) {
    if (p->labels[i] != UNLABELLED) continue;
    p->labels[i] = (unsigned char)label;
    sizes[label] = label_component(p, label);
    largest = larger(largest, sizes[label++]);
  }
  for (int i = 0; i < CELLS; i++) {
    const int of = p->labels[i];
    p->labels[i] = of != 0 && of != UNLABELLED && 4 * sizes[of] >= largest;
  }
  for (int i = 0; i < p->rows; i++)
    for (int j = 0; j < p->columns; j++)
      if (!p->labels[i * GRID + j] && is_beside(p, i, j, 1)) p->labels[i * GRID + j] = 2;
  for (int i = 0; i < CELLS; i++) p->labels[i] = p->labels[i] != 0;
}

/* Twice the area by the length of the outline is about the thickness of strokes. */
static digit_shape measure_digit(const gray_picture *p) {
  digit_shape s = {p->h, p->w, -1, -1, 0, 0, 0, 0};
  float area = 0, outline = 0;
  for (int y = 0; y < p->h; y++)
    for (int x = 0; x < p->w; x++) {
      const float foreground = foreground_at(p, y, x);
      s.mass += foreground;
      s.y += foreground * ((float)y + 0.5f);
      s.x += foreground * ((float)x + 0.5f);
      if (!is_foreground(p, y, x)) continue;
      area++;
      outline += !(is_foreground(p, y - 1, x) && is_foreground(p, y + 1, x) &&
                   is_foreground(p, y, x - 1) && is_foreground(p, y, x + 1));
      s.top = smaller(s.top, y);
      s.bottom = larger(s.bottom, y);
      s.left = smaller(s.left, x);
      s.right = larger(s.right, x);
    }
  if (outline <= 0) return s;
  s.y /= s.mass;
  s.x /= s.mass;
  s.thickness = 2 * area / outline;
  return s;
}

/* The mean foreground of the square of side `side` around (y, x). */
static float mean_foreground(const gray_picture *p, float y, float x, float side) {
  const float top = y - side / 2, left = x - side / 2;
  float sum = 0;
  for (int i = larger((int)top, 0); (float)i < top + side && i < p->h; i++)
    for (int j = larger((int)left, 0); (float)j < left + side && j < p->w; j++) {
      const float high = fminf(top + side, (float)i + 1) - fmaxf(top, (float)i);
      const float wide = fminf(left + side, (float)j + 1) - fmaxf(left, (float)j);
      if (high > 0 && wide > 0) sum += high * wide * foreground_at(p, i, j);
    }
  return sum / (side * side);
}

/* Where strokes are thin, each pixel takes a share, 0 to 1, of the largest one beside it. */
static void thicken(float share, float *image) {
  float before[SIDE] = {0}; /* the row above */
  for (int v = 0; v < SIDE; v++) {
    float *row = image + v * SIDE, left = 0;
    for (int u = 0; u < SIDE; u++) {
      float most = fmaxf(left, before[u]);
      if (u + 1 < SIDE) most = fmaxf(most, row[u + 1]);
      if (v + 1 < SIDE) most = fmaxf(most, row[SIDE + u]);
      before[u] = left = row[u];
      row[u] = fmaxf(row[u], share * most);
    }
  }
}

int ${name}_preprocess(const unsigned char *picture, int rows, int columns, int stride,
                      unsigned char *work, float *image) {
  gray_picture p = {picture, rows, columns, stride, rows, columns, 1, 0, work, work + CELLS,
                    0, 0, 0};
  float brightest = 0;
  for (int i = 0; i < SIDE * SIDE; i++) image[i] = 0;
  if (larger(rows, columns) > GRID) {
    p.cell = (float)larger(rows, columns) / GRID;
    p.rows = larger((int)((float)rows / p.cell + 0.5f), 1);
    p.columns = larger((int)((float)columns / p.cell + 0.5f), 1);
  }
  average_cells(&p, p.background);
  p.light = has_light_strokes(&p, p.background);
  if (p.light) average_cells(&p, p.background);
  close_cells(&p, p.background);
  if (!find_threshold(&p)) return 0;
  find_strokes(&p);
  choose_components(&p);

  const digit_shape s = measure_digit(&p);
  if (s.bottom < 0) return 0;
  const float pixel = (float)(larger(s.bottom - s.top, s.right - s.left) + 1) / DIGIT_SIDE;
  for (int v = 0; v < SIDE; v++)
    for (int u = 0; u < SIDE; u++) {
      const float y = s.y + ((float)v - SIDE / 2) * pixel, x = s.x + ((float)u - SIDE / 2) * pixel;
      image[v * SIDE + u] = mean_foreground(&p, y, x, fmaxf(pixel, 1));
      brightest = fmaxf(brightest, image[v * SIDE + u]);
    }
  if (brightest <= 0) return 0;
  thicken(fminf(fmaxf((2.6f - s.thickness / pixel) / 1.2f, 0), 1), image);
  for (int i = 0; i < SIDE * SIDE; i++) image[i] = fminf(image[i] / brightest, 1);
  return 1;
}
""")
