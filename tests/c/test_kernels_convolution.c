/* kernels/: max-pools, Winograd's transforms and convolutions fused with max-pools, of every
 * table against the scalar one and against their definitions. */
#include "kernel_cases.h"

/* -- pooling: only comparisons, so the bits are the same -- */

static void test_max_pool(void) {
  static od_real want[4000];
  static uint8_t want_argmax[4000];
  guard guard_argmax = guard_create(4000);
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 4000; i++) {
      size_t h = draw(0, 9), w = draw(0, 9), c = draw(1, draw(0, 3) ? 40 : 3);
      size_t size = h / 2 * (w / 2) * c;
      bool relu = coin(), wanted = coin();
      CHECK_CASE("%s max_pool (%zu, %zu, %zu), relu %d, argmax %d", table(t)->name, h, w, c, relu,
                 wanted);
      od_real *x = block_of(&guard_a, h * w * c), *y = block_of(&guard_c, size);
      uint8_t *argmax = guard_block(&guard_argmax, size, side());
      fill_with_ties(x, h * w * c);
      table(t)->max_pool(h, w, c, x, y, wanted ? argmax : NULL, relu);
      od_kernels_scalar.max_pool(h, w, c, x, want, want_argmax, relu);
      CHECK(same_bits(y, want, size * sizeof *y));
      CHECK(wanted ? same_bits(argmax, want_argmax, size) : guard_is_canary(argmax, size));
      CHECK(guard_intact(&guard_c) && guard_intact(&guard_argmax));
    }
  guard_destroy(&guard_argmax);
}

/* The scalar table against the definition in kernels.h. */
static void test_max_pool_of_scalar(void) {
  for (int i = 0; i < 2000; i++) {
    od_real four[4], y;
    uint8_t argmax;
    fill_with_ties(four, 4);
    bool relu = coin();
    od_kernels_scalar.max_pool(2, 2, 1, four, &y, &argmax, relu);
    int first = 0;
    for (int k = 1; k < 4; k++)
      if (four[k] > four[first]) first = k;
    bool none = relu && !(four[first] > 0);
    CHECK_INT(argmax, none ? 4 : first);
    CHECK_NEAR(y, none ? 0 : four[first], 0);
  }
}

static void test_max_pool_2x1(void) {
  for (int t = 0; cases_of(t); t++)
    for (int n = 1; n < 200; n += 1 + n / 20) {
      od_real top[200], bottom[200], y[201], want[201], dtop[200], dbottom[200];
      uint8_t argmax[201], want_argmax[201];
      CHECK_CASE("%s max_pool_2x1 %d", table(t)->name, n);
      for (int i = 0; i < n; i++) {
        top[i] = (od_real)(float)od_rng_range(&rng, -1, 1);
        bottom[i] = i % 3 ? (od_real)(float)od_rng_range(&rng, -1, 1) : top[i];
      }
      y[n] = 7;
      argmax[n] = 7;
      table(t)->max_pool_2x1((size_t)n, top, bottom, y, argmax);
      od_kernels_scalar.max_pool_2x1((size_t)n, top, bottom, want, want_argmax);
      CHECK(memcmp(y, want, (size_t)n * sizeof *y) == 0 && (double)y[n] == 7);
      CHECK(memcmp(argmax, want_argmax, (size_t)n) == 0 && argmax[n] == 7);
      CHECK(argmax[0] == 0 && (double)y[0] == (double)top[0]); /* the first of equals */
      table(t)->max_unpool_2x1((size_t)n, y, argmax, dtop, dbottom);
      for (int i = 0; i < n; i++) {
        CHECK(dtop[i] == (argmax[i] ? 0 : y[i]));
        CHECK(dbottom[i] == (argmax[i] ? y[i] : 0));
      }
    }
}

static void test_max_unpool_row(void) {
  static od_real want_top[4000], want_bottom[4000];
  guard guard_argmax = guard_create(4000);
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 3000; i++) {
      size_t w = draw(0, 9), c = draw(1, draw(0, 3) ? 40 : 3), size = w / 2 * c;
      CHECK_CASE("%s max_unpool_row (%zu, %zu)", table(t)->name, w, c);
      const od_real *dy = random_block(&guard_a, size);
      uint8_t *argmax = guard_block(&guard_argmax, size, side());
      for (size_t k = 0; k < size; k++) argmax[k] = (uint8_t)draw(0, 4);
      od_real *top = block_of(&guard_b, w * c), *bottom = block_of(&guard_c, w * c);
      table(t)->max_unpool_row(w, c, dy, argmax, top, bottom);
      od_kernels_scalar.max_unpool_row(w, c, dy, argmax, want_top, want_bottom);
      CHECK(same_bits(top, want_top, w * c * sizeof *top));
      CHECK(same_bits(bottom, want_bottom, w * c * sizeof *bottom));
      CHECK(guard_intact(&guard_b) && guard_intact(&guard_c));
      bool equal = true; /* the scalar table against the definition */
      for (size_t k = 0; k < size; k++)
        for (int place = 0; place < 4; place++) {
          const od_real *row = place < 2 ? want_top : want_bottom;
          od_real got = row[(k / c * 2 + (size_t)place % 2) * c + k % c];
          equal = equal && got == (argmax[k] == place ? dy[k] : 0);
        }
      CHECK(equal);
    }
  guard_destroy(&guard_argmax);
}

/* -- Winograd's transforms: additions in a fixed order, so the bits are the scalar table's,
 * which are checked against the matrices of the definition -- */

static const double winograd_b[4][4] = {{1, 0, 0, 0}, {0, 1, -1, 1}, {-1, 1, 1, 0}, {0, 0, 0, -1}};
static const double winograd_a[4][2] = {{1, 0}, {1, 1}, {1, -1}, {0, -1}};

static od_winograd_row draw_row(void) {
  od_winograd_row row = {.tiles = draw(0, 7), .channels = draw(1, draw(0, 3) ? 40 : 4)};
  row.pitch = row.tiles * row.channels + draw(0, 1) * draw(0, 9);
  row.image_row = (2 * row.tiles + 2) * row.channels + draw(0, 1) * draw(0, 9);
  return row;
}

/* Whether the numbers between rows of `used` numbers, `apart` numbers from one to the next, are
 * unchanged. */
static bool gaps_intact(const od_real *x, size_t rows, size_t used, size_t apart) {
  for (size_t r = 0; r + 1 < rows; r++)
    if (!guard_is_canary(x + r * apart + used, (apart - used) * sizeof *x)) return false;
  return true;
}

static void test_winograd_input(void) {
  static od_real scalar[16 * 300];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 800; i++) {
      od_winograd_row row = draw_row();
      size_t c = row.channels, used = row.tiles * c;
      CHECK_CASE("%s winograd_input, %zu tiles of %zu channels", table(t)->name, row.tiles, c);
      const od_real *x = random_block(&guard_a, 3 * row.image_row + (2 * row.tiles + 2) * c);
      od_real *v = block_of(&guard_c, 15 * row.pitch + used);
      table(t)->winograd_input(&row, x, v);
      od_kernels_scalar.winograd_input(&row, x, scalar);
      bool same = true;
      double worst = 0;
      for (size_t place = 0; place < 16; place++) {
        same =
            same && same_bits(v + place * row.pitch, scalar + place * row.pitch, used * sizeof *v);
        for (size_t k = 0; k < used; k++) {
          double sum = 0, magnitude = 0;
          for (size_t r = 0; r < 4; r++)
            for (size_t column = 0; column < 4; column++) {
              double term = winograd_b[r][place / 4] * winograd_b[column][place % 4] *
                            (double)x[r * row.image_row + (2 * (k / c) + column) * c + k % c];
              sum += term;
              magnitude += fabs(term);
            }
          worst = fmax(worst, fabs((double)v[place * row.pitch + k] - sum) / magnitude);
        }
      }
      CHECK(same);
      CHECK_NEAR(worst, 0, 4 * ROUNDING);
      CHECK(gaps_intact(v, 16, used, row.pitch));
      CHECK(guard_intact(&guard_c));
    }
}

static void test_winograd_output(void) {
  static od_real scalar[2 * 700];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 800; i++) {
      od_winograd_row row = draw_row();
      size_t c = row.channels, used = 2 * row.tiles * c;
      bool relu = coin();
      CHECK_CASE("%s winograd_output, %zu tiles of %zu channels, relu %d", table(t)->name,
                 row.tiles, c, relu);
      const od_real *m = random_block(&guard_a, 15 * row.pitch + row.tiles * c);
      const od_real *bias = random_block(&guard_b, c);
      od_real *y = block_of(&guard_c, row.image_row + used);
      table(t)->winograd_output(&row, m, bias, relu, y);
      od_kernels_scalar.winograd_output(&row, m, bias, relu, scalar);
      double worst = 0;
      for (size_t r = 0; r < 2; r++) {
        CHECK(same_bits(y + r * row.image_row, scalar + r * row.image_row, used * sizeof *y));
        for (size_t k = 0; k < used; k++) {
          size_t column = k / c % 2, at = k / (2 * c) * c + k % c;
          double sum = (double)bias[k % c], magnitude = fabs(sum);
          for (size_t place = 0; place < 16; place++) {
            double term = winograd_a[place / 4][r] * winograd_a[place % 4][column] *
                          (double)m[place * row.pitch + at];
            sum += term;
            magnitude += fabs(term);
          }
          if (relu && sum < 0) sum = 0;
          worst = fmax(worst, fabs((double)y[r * row.image_row + k] - sum) / magnitude);
        }
      }
      CHECK_NEAR(worst, 0, 8 * ROUNDING);
      CHECK(gaps_intact(y, 2, used, row.image_row));
      CHECK(guard_intact(&guard_c));
    }
}

/* The max-pool of the results of winograd_output, with its argmax. */
static void test_winograd_output_pool(void) {
  static od_real outputs[2 * 700], pooled[700];
  static uint8_t want_argmax[700];
  guard guard_argmax = guard_create(700);
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 1200; i++) {
      od_winograd_row row = draw_row();
      size_t c = row.channels, used = row.tiles * c;
      bool relu = coin(), wanted = coin();
      row.image_row = 2 * used;
      CHECK_CASE("%s winograd_output_pool, %zu tiles of %zu channels, relu %d, argmax %d",
                 table(t)->name, row.tiles, c, relu, wanted);
      od_real *m = block_of(&guard_a, 15 * row.pitch + used), *bias = block_of(&guard_b, c);
      od_real *y = block_of(&guard_c, used);
      uint8_t *argmax = guard_block(&guard_argmax, used, side());
      fill_with_ties(m, 15 * row.pitch + used);
      fill_with_ties(bias, c);
      table(t)->winograd_output_pool(&row, m, bias, relu, y, wanted ? argmax : NULL);
      od_kernels_scalar.winograd_output(&row, m, bias, false, outputs);
      od_kernels_scalar.max_pool(2, 2 * row.tiles, c, outputs, pooled, want_argmax, relu);
      bool equal = true;
      for (size_t k = 0; k < used; k++) equal = equal && y[k] == pooled[k];
      CHECK(equal);
      CHECK(wanted ? same_bits(argmax, want_argmax, used) : guard_is_canary(argmax, used));
      CHECK(guard_intact(&guard_c) && guard_intact(&guard_argmax));
    }
  guard_destroy(&guard_argmax);
}

/* -- convolutions fused with a max-pool -- */

static od_conv_max_pool draw_conv_max_pool(size_t channels) {
  od_conv_max_pool p = {.rows = draw(1, 5),
                        .columns = draw(1, 5),
                        .size = 1 + 2 * draw(0, 2),
                        .channels = channels,
                        .units = draw(1, draw(0, 3) ? 70 : 4),
                        .relu = coin()};
  p.image_row = (2 * p.columns + p.size - 1) * channels + draw(0, 1) * draw(0, 9);
  return p;
}

static size_t image_size(const od_conv_max_pool *p) {
  return (2 * p->rows + p->size - 2) * p->image_row + (2 * p->columns + p->size - 1) * p->channels;
}

/* The exact output at `place` of a window, in reading order. */
static fine_sum window_output(const od_conv_max_pool *p, const od_real *x, const od_real *kernel,
                              od_real bias, size_t row, size_t column, size_t unit, size_t place) {
  fine_sum sum = fine_start(bias);
  const od_real *corner =
      x + (2 * row + place / 2) * p->image_row + (2 * column + place % 2) * p->channels;
  for (size_t r = 0; r < p->size; r++)
    for (size_t i = 0; i < p->size * p->channels; i++)
      fine_add(&sum, corner[r * p->image_row + i],
               kernel[(r * p->size * p->channels + i) * p->units + unit]);
  return sum;
}

/* Whether y is the maximum of the four outputs, and argmax the place of one as large, up to
 * rounding. Sums of small integers have no rounding: then argmax is the first of equals. */
static bool window_is_correct(const fine_sum outputs[4], bool whole, bool relu, od_real y,
                              const uint8_t *argmax) {
  fine best = outputs[0].value;
  double slack = 0;
  int first = 0;
  for (int k = 0; k < 4; k++) {
    if (outputs[k].value > best) first = k;
    if (outputs[k].value > best) best = outputs[k].value;
    if (!whole) slack = fmax(slack, fine_bound(&outputs[k]));
  }
  fine want = relu && best < 0 ? 0 : best;
  if (!(fabs((double)((fine)y - want)) <= slack)) return false;
  if (!argmax) return true;
  if (whole) return *argmax == (relu && best <= 0 ? 4 : first);
  if (*argmax == 4) return relu && (double)best <= slack;
  return *argmax < 4 && (double)(best - outputs[*argmax].value) <= 2 * slack &&
         (!relu || (double)best > -slack);
}

/* Sets most rows, or all, to 0, so that some windows are zero. */
static void clear_rows(const od_conv_max_pool *p, od_real *x) {
  size_t rows = 2 * p->rows + p->size - 1, used = (2 * p->columns + p->size - 1) * p->channels;
  for (size_t row = 0; row < rows; row++)
    if (draw(0, 9)) memset(x + row * p->image_row, 0, used * sizeof *x);
}

static bool window_is_zero(const od_conv_max_pool *p, const od_real *x, size_t window) {
  const od_real *corner =
      x + 2 * (window / p->columns) * p->image_row + 2 * (window % p->columns) * p->channels;
  for (size_t row = 0; row <= p->size; row++)
    for (size_t i = 0; i < (p->size + 1) * p->channels; i++)
      if (corner[row * p->image_row + i] != 0) return false;
  return true;
}

static void test_conv_max_pool(void) {
  guard guard_argmax = guard_create(MAX_REALS), guard_zero = guard_create(MAX_REALS);
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 500; i++) {
      od_conv_max_pool p = draw_conv_max_pool(draw(1, draw(0, 3) ? 3 : 12));
      bool whole = coin(), wanted = coin(), map = coin(), correct = true, mapped = true;
      size_t windows = p.rows * p.columns, weights = p.size * p.size * p.channels * p.units,
             n = windows * p.units;
      CHECK_CASE(
          "%s conv_max_pool, (%zu, %zu) windows, kernel (%zu, %zu, %zu, %zu), relu %d, "
          "argmax %d",
          table(t)->name, p.rows, p.columns, p.size, p.size, p.channels, p.units, p.relu, wanted);
      od_real *x = random_block(&guard_a, image_size(&p)),
              *kernel = random_block(&guard_b, weights);
      od_real *bias = random_block(&guard_d, p.units), *y = block_of(&guard_c, n);
      uint8_t *argmax = guard_block(&guard_argmax, n, side());
      if (whole) { /* sums of products of -1, 0 and 1 are exact, and often equal */
        for (size_t k = 0; k < image_size(&p); k++) x[k] = (od_real)draw(0, 2) - 1;
        for (size_t k = 0; k < weights; k++) kernel[k] = (od_real)draw(0, 2) - 1;
        for (size_t k = 0; k < p.units; k++) bias[k] = (od_real)draw(0, 2) - 1;
      }
      if (coin()) clear_rows(&p, x);
      uint8_t *zero_tiles = guard_block(&guard_zero, windows, side());
      table(t)->conv_max_pool(&p, x, kernel, bias, y, wanted ? argmax : NULL,
                              map ? zero_tiles : NULL);
      for (size_t k = 0; k < n; k++) {
        size_t unit = k % p.units, window = k / p.units;
        fine_sum outputs[4];
        for (size_t place = 0; place < 4; place++)
          outputs[place] = window_output(&p, x, kernel, bias[unit], window / p.columns,
                                         window % p.columns, unit, place);
        bool exact = whole || window_is_zero(&p, x, window); /* then all four are the bias */
        correct =
            correct && window_is_correct(outputs, exact, p.relu, y[k], wanted ? argmax + k : NULL);
      }
      CHECK(correct);
      for (size_t k = 0; map && k < windows; k++) /* with several channels none is marked */
        mapped = mapped && zero_tiles[k] == (p.channels == 1 && window_is_zero(&p, x, k));
      CHECK(mapped);
      CHECK(map || guard_is_canary(zero_tiles, windows));
      CHECK(guard_intact(&guard_zero));
      CHECK(wanted || guard_is_canary(argmax, n));
      CHECK(guard_intact(&guard_c) && guard_intact(&guard_argmax));
    }
  guard_destroy(&guard_argmax);
  guard_destroy(&guard_zero);
}

static void test_conv_max_pool_gradient(void) {
  guard guard_argmax = guard_create(MAX_REALS);
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 500; i++) {
      od_conv_max_pool p = draw_conv_max_pool(1);
      size_t weights = p.size * p.size * p.units, n = p.rows * p.columns * p.units;
      CHECK_CASE("%s conv_max_pool_gradient, (%zu, %zu) windows, kernel (%zu, %zu, 1, %zu)",
                 table(t)->name, p.rows, p.columns, p.size, p.size, p.units);
      od_real *x = random_block(&guard_a, image_size(&p));
      if (coin()) clear_rows(&p, x);
      od_real *dy = random_block(&guard_b, n), *dkernel = random_block(&guard_c, weights);
      od_real *started = block_of(&guard_d, weights);
      uint8_t *argmax = guard_block(&guard_argmax, n, side());
      for (size_t k = 0; k < n; k++) {
        argmax[k] = (uint8_t)draw(0, 4);
        if (argmax[k] == 4) dy[k] = 0;
      }
      memcpy(started, dkernel, weights * sizeof *dkernel);
      table(t)->conv_max_pool_gradient(&p, x, dy, argmax, dkernel);
      double worst = 0;
      for (size_t w = 0; w < weights; w++) {
        size_t unit = w % p.units, r = w / p.units / p.size, column = w / p.units % p.size;
        fine_sum sum = fine_start(started[w]);
        for (size_t k = unit; k < n; k += p.units) {
          size_t window = k / p.units, place = argmax[k] % 4;
          size_t top = 2 * (window / p.columns) + place / 2 + r;
          size_t left = 2 * (window % p.columns) + place % 2 + column;
          fine_add(&sum, dy[k], x[top * p.image_row + left]);
        }
        worst = fmax(worst, fine_error(&sum, dkernel[w]));
      }
      CHECK_NEAR(worst, 0, 1);
      CHECK(guard_intact(&guard_c));
    }
  guard_destroy(&guard_argmax);
}

/* A row of a depthwise convolution: its definition, the sums exact. */
typedef struct depthwise_case {
  od_depthwise_row row;
  size_t image, kernel, out; /* numbers */
} depthwise_case;

static depthwise_case draw_depthwise(void) {
  const size_t c = draw(1, 40), columns = draw(1, 5), rows = draw(1, 5), dilation = draw(1, 3);
  const size_t stride = draw(1, 3), pixels = draw(1, 9);
  const size_t width = (pixels - 1) * stride + (columns - 1) * dilation + 1 + draw(0, 2);
  depthwise_case d = {.row = {.pixels = pixels,
                              .channels = c,
                              .rows = rows,
                              .columns = columns,
                              .image_row = width * c * dilation,
                              .dilation = dilation * c,
                              .stride = stride * c}};
  d.image = (rows - 1) * d.row.image_row + width * c;
  d.kernel = rows * columns * c;
  d.out = pixels * c;
  return d;
}

/* The numbers that element `tap` of the kernel and output `at` refer to, in image and kernel. */
static size_t image_place(const od_depthwise_row *row, size_t tap, size_t at) {
  return at / row->channels * row->stride + tap / row->columns * row->image_row +
         tap % row->columns * row->dilation + at % row->channels;
}

static void test_depthwise(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 150; i++) {
      const depthwise_case d = draw_depthwise();
      const size_t c = d.row.channels, taps = d.row.rows * d.row.columns;
      const bool relu = coin();
      CHECK_CASE("%s depthwise, case %d", table(t)->name, i);
      od_real *x = random_block(&guard_a, d.image), *kernel = random_block(&guard_b, d.kernel);
      od_real *y = block_of(&guard_c, d.out);
      const od_real *bias = coin() ? random_block(&guard_d, c) : NULL;
      table(t)->depthwise(&d.row, x, kernel, bias, relu, y);
      for (size_t at = 0; at < d.out; at++) {
        fine_sum sum = fine_start(bias ? bias[at % c] : 0);
        for (size_t tap = 0; tap < taps; tap++)
          fine_add(&sum, x[image_place(&d.row, tap, at)], kernel[tap * c + at % c]);
        const double value = (double)sum.value;
        CHECK_NEAR(y[at], relu && value < 0 ? 0 : value, 1.01 * fine_bound(&sum));
      }
      CHECK(guard_intact(&guard_c));
    }
}

static void test_depthwise_backward(void) {
  static fine_sum dx_sums[MAX_REALS];
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 150; i++) {
      const depthwise_case d = draw_depthwise();
      const size_t c = d.row.channels, taps = d.row.rows * d.row.columns;
      CHECK_CASE("%s depthwise_backward, case %d", table(t)->name, i);
      od_real *dx = random_block(&guard_a, d.image), *kernel = random_block(&guard_b, d.kernel);
      od_real *dy = random_block(&guard_c, d.out);
      for (size_t k = 0; k < d.image; k++) dx_sums[k] = fine_start(dx[k]);
      for (size_t at = 0; at < d.out; at++)
        for (size_t tap = 0; tap < taps; tap++)
          fine_add(&dx_sums[image_place(&d.row, tap, at)], dy[at], kernel[tap * c + at % c]);
      table(t)->depthwise_backward(&d.row, kernel, dy, dx);
      for (size_t k = 0; k < d.image; k++)
        CHECK_NEAR(dx[k], (double)dx_sums[k].value, 1.01 * fine_bound(&dx_sums[k]));
      CHECK(guard_intact(&guard_a));
    }
}

static void test_depthwise_gradient(void) {
  for (int t = 0; cases_of(t); t++)
    for (int i = 0; i < 150; i++) {
      const depthwise_case d = draw_depthwise();
      const size_t c = d.row.channels;
      CHECK_CASE("%s depthwise_gradient, case %d", table(t)->name, i);
      od_real *x = random_block(&guard_a, d.image), *dkernel = random_block(&guard_b, d.kernel);
      od_real *dy = random_block(&guard_c, d.out);
      static od_real before[MAX_REALS];
      memcpy(before, dkernel, d.kernel * sizeof *before);
      table(t)->depthwise_gradient(&d.row, x, dy, dkernel);
      for (size_t k = 0; k < d.kernel; k++) {
        fine_sum sum = fine_start(before[k]);
        for (size_t at = k % c; at < d.out; at += c)
          fine_add(&sum, x[image_place(&d.row, k / c, at)], dy[at]);
        CHECK_NEAR(dkernel[k], (double)sum.value, 1.01 * fine_bound(&sum));
      }
      CHECK(guard_intact(&guard_b));
    }
}

int main(void) {
  cases_begin();
  RUN(test_max_pool);
  RUN(test_max_pool_of_scalar);
  RUN(test_max_pool_2x1);
  RUN(test_max_unpool_row);
  RUN(test_winograd_input);
  RUN(test_winograd_output);
  RUN(test_winograd_output_pool);
  RUN(test_conv_max_pool);
  RUN(test_conv_max_pool_gradient);
  RUN(test_depthwise);
  RUN(test_depthwise_backward);
  RUN(test_depthwise_gradient);
  return cases_end();
}
