#include "meter.h"

#include <string.h>

#include "clock.h"
#include "die.h"

static const char *const names[METER_KERNELS] = {"gemm",
                                                 "add_weighted",
                                                 "match_bytes",
                                                 "winograd_input",
                                                 "winograd_output",
                                                 "winograd_output_pool",
                                                 "conv_max_pool",
                                                 "conv_max_pool_gradient",
                                                 "max_pool",
                                                 "max_unpool_row",
                                                 "relu",
                                                 "relu_backward",
                                                 "add",
                                                 "add_rows",
                                                 "scale_shift",
                                                 "bytes_to_real",
                                                 "squared_norm",
                                                 "adam",
                                                 "sgd",
                                                 "blend",
                                                 "bfloat16.round",
                                                 "bfloat16.gemm",
                                                 "bfloat16.winograd_input",
                                                 "int8.quantize",
                                                 "int8.gemm",
                                                 "int8.gemm_max_pool"};

const char *meter_name(meter_kernel kernel) { return names[kernel]; }

/* A cache line, and when a kernel last touched it. */
typedef struct line {
  uintptr_t key;       /* the line's number and the kernel's; 0: a free place */
  uint64_t call, take; /* the numbers of that call and of that meter_take */
} line;

enum { LINE = 64, PLACES = 1 << 20, ANY = METER_KERNELS };

static struct {
  const od_kernels *real;
  meter_mode mode;
  meter_kernel doubled;
  double overhead;
  uint64_t call, take;
  meter_reading readings[METER_KERNELS + 1];
  line *lines; /* (PLACES): an open hash table */
  size_t used;
} meter;

/* -- counting -- */

static line *find_line(uintptr_t number, int kernel) {
  uintptr_t key = number * (METER_KERNELS + 1) + (uintptr_t)kernel + 1;
  size_t at = (size_t)(key * 0x9e3779b97f4a7c15u >> 44) % PLACES;
  while (meter.lines[at].key && meter.lines[at].key != key) at = (at + 1) % PLACES;
  if (!meter.lines[at].key && ++meter.used > PLACES * 3 / 4)
    die("a part touches too many cache lines for the meter");
  meter.lines[at].key = key;
  return &meter.lines[at];
}

static void touch_line(uintptr_t number, int kernel) {
  line *touched = find_line(number, kernel);
  meter_reading *reading = &meter.readings[kernel];
  if (touched->call != meter.call) reading->moved += LINE;
  if (touched->take != meter.take) reading->touched += LINE;
  touched->call = meter.call;
  touched->take = meter.take;
}

/* The lines of n things of `size` bytes at `block`; NULL is nothing. */
static void touch(meter_kernel kernel, const void *block, size_t n, size_t size) {
  uintptr_t first = (uintptr_t)block / LINE, last = ((uintptr_t)block + n * size - 1) / LINE;
  if (!block || !n) return;
  for (uintptr_t number = first; number <= last; number++) {
    touch_line(number, (int)kernel);
    touch_line(number, ANY);
  }
}

#define TOUCH(KERNEL, ARRAY, N) touch(KERNEL, ARRAY, N, sizeof *(ARRAY))

/* Begins a call; returns whether it is to be counted. */
static bool begin_call(meter_kernel kernel, double multiply_adds) {
  if (meter.mode != METER_COUNTING) return false;
  meter.call++;
  for (int i = 0; i < 2; i++) {
    meter_reading *reading = &meter.readings[i ? ANY : (int)kernel];
    reading->calls++;
    reading->multiply_adds += multiply_adds;
  }
  return true;
}

/* Runs a call of the real kernel, timed or twice according to the mode. */
#define MEASURE(KERNEL, ...)                          \
  do {                                                \
    bool timed = meter.mode == METER_TIMING;          \
    uint64_t began = timed ? clock_ticks_exact() : 0; \
    __VA_ARGS__;                                      \
    if (timed) time_call(KERNEL, began);              \
    if (meter.doubled == (KERNEL)) {                  \
      __VA_ARGS__;                                    \
    }                                                 \
  } while (0)

static void time_call(meter_kernel kernel, uint64_t began) {
  double ticks = (double)(clock_ticks_exact() - began);
  meter.readings[kernel].calls++;
  meter.readings[kernel].ticks += ticks - meter.overhead;
}

/* -- the kernels -- */

static void metered_gemm(const od_gemm *p) {
  double products = (double)p->rows * (double)p->columns * (double)p->outer * (double)p->inner;
  if (begin_call(METER_GEMM, products)) {
    for (size_t o = 0; o < p->outer; o++)
      for (size_t i = 0; i < p->inner; i++) {
        for (size_t m = 0; m < p->rows; m++)
          TOUCH(METER_GEMM, p->a + m * p->a_row + o * p->a_outer + i * p->a_inner, 1);
        TOUCH(METER_GEMM, p->b + o * p->b_outer + i * p->b_inner, p->columns);
      }
    for (size_t m = 0; m < p->rows; m++) TOUCH(METER_GEMM, p->c + m * p->c_row, p->columns);
    if (p->start == OD_START_BIAS) TOUCH(METER_GEMM, p->bias, p->columns);
  }
  MEASURE(METER_GEMM, meter.real->gemm(p));
}

static void metered_add_weighted(size_t n, const uint32_t *offset, const od_real *value,
                                 const od_real *base, size_t length, od_real *out) {
  if (begin_call(METER_ADD_WEIGHTED, (double)n * (double)length)) {
    for (size_t e = 0; e < n; e++) TOUCH(METER_ADD_WEIGHTED, base + offset[e], length);
    TOUCH(METER_ADD_WEIGHTED, offset, n);
    TOUCH(METER_ADD_WEIGHTED, value, n);
    TOUCH(METER_ADD_WEIGHTED, out, length);
  }
  MEASURE(METER_ADD_WEIGHTED, meter.real->add_weighted(n, offset, value, base, length, out));
}

static uint64_t metered_match_bytes(size_t n, const uint8_t *bytes, uint8_t value) {
  uint64_t matches;
  if (begin_call(METER_MATCH_BYTES, 0)) TOUCH(METER_MATCH_BYTES, bytes, n);
  MEASURE(METER_MATCH_BYTES, matches = meter.real->match_bytes(n, bytes, value));
  return matches;
}

/* The 16 matrices of a row of tiles. */
static void touch_places(meter_kernel kernel, const od_winograd_row *row, const od_real *v) {
  for (size_t place = 0; place < 16; place++)
    TOUCH(kernel, v + place * row->pitch, row->tiles * row->channels);
}

static void metered_winograd_input(const od_winograd_row *row, const od_real *x, od_real *v) {
  if (begin_call(METER_WINOGRAD_INPUT, 0)) {
    for (size_t r = 0; r < 4; r++)
      TOUCH(METER_WINOGRAD_INPUT, x + r * row->image_row, (2 * row->tiles + 2) * row->channels);
    touch_places(METER_WINOGRAD_INPUT, row, v);
  }
  MEASURE(METER_WINOGRAD_INPUT, meter.real->winograd_input(row, x, v));
}

static void metered_winograd_output(const od_winograd_row *row, const od_real *m,
                                    const od_real *bias, bool relu, od_real *y) {
  if (begin_call(METER_WINOGRAD_OUTPUT, 0)) {
    touch_places(METER_WINOGRAD_OUTPUT, row, m);
    TOUCH(METER_WINOGRAD_OUTPUT, bias, row->channels);
    for (size_t r = 0; r < 2; r++)
      TOUCH(METER_WINOGRAD_OUTPUT, y + r * row->image_row, 2 * row->tiles * row->channels);
  }
  MEASURE(METER_WINOGRAD_OUTPUT, meter.real->winograd_output(row, m, bias, relu, y));
}

static void metered_winograd_output_pool(const od_winograd_row *row, const od_real *m,
                                         const od_real *bias, bool relu, od_real *y,
                                         uint8_t *argmax) {
  if (begin_call(METER_WINOGRAD_OUTPUT_POOL, 0)) {
    touch_places(METER_WINOGRAD_OUTPUT_POOL, row, m);
    TOUCH(METER_WINOGRAD_OUTPUT_POOL, bias, row->channels);
    TOUCH(METER_WINOGRAD_OUTPUT_POOL, y, row->tiles * row->channels);
    TOUCH(METER_WINOGRAD_OUTPUT_POOL, argmax, row->tiles * row->channels);
  }
  MEASURE(METER_WINOGRAD_OUTPUT_POOL,
          meter.real->winograd_output_pool(row, m, bias, relu, y, argmax));
}

/* Returns the number of windows whose input is not 0; all of them with several channels. */
static double nonzero_windows(const od_conv_max_pool *p, const od_real *x) {
  size_t count = 0, side = p->size + 1;
  for (size_t row = 0; row < p->rows; row++)
    for (size_t column = 0; column < p->columns; column++) {
      const od_real *corner = x + 2 * row * p->image_row + 2 * column * p->channels;
      bool nonzero = p->channels > 1;
      for (size_t at = 0; at < side * side && !nonzero; at++)
        nonzero = corner[at / side * p->image_row + at % side] != 0;
      count += nonzero;
    }
  return (double)count;
}

static size_t image_size(const od_conv_max_pool *p) {
  return (2 * p->rows + p->size - 1) * p->image_row;
}

static void metered_conv_max_pool(const od_conv_max_pool *p, const od_real *x,
                                  const od_real *kernel, const od_real *bias, od_real *y,
                                  uint8_t *argmax, uint8_t *zero_tiles) {
  size_t taps = p->size * p->size * p->channels, windows = p->rows * p->columns;
  if (meter.mode == METER_COUNTING &&
      begin_call(METER_CONV_MAX_POOL, 4 * nonzero_windows(p, x) * (double)(taps * p->units))) {
    TOUCH(METER_CONV_MAX_POOL, x, image_size(p));
    TOUCH(METER_CONV_MAX_POOL, kernel, taps * p->units);
    TOUCH(METER_CONV_MAX_POOL, bias, p->units);
    TOUCH(METER_CONV_MAX_POOL, y, windows * p->units);
    TOUCH(METER_CONV_MAX_POOL, argmax, windows * p->units);
    TOUCH(METER_CONV_MAX_POOL, zero_tiles, windows);
  }
  MEASURE(METER_CONV_MAX_POOL,
          meter.real->conv_max_pool(p, x, kernel, bias, y, argmax, zero_tiles));
}

static void metered_conv_max_pool_gradient(const od_conv_max_pool *p, const od_real *x,
                                           const od_real *dy, const uint8_t *argmax,
                                           od_real *dkernel) {
  size_t taps = p->size * p->size, windows = p->rows * p->columns;
  if (meter.mode == METER_COUNTING &&
      begin_call(METER_CONV_MAX_POOL_GRADIENT, nonzero_windows(p, x) * (double)(taps * p->units))) {
    TOUCH(METER_CONV_MAX_POOL_GRADIENT, x, image_size(p));
    TOUCH(METER_CONV_MAX_POOL_GRADIENT, dy, windows * p->units);
    TOUCH(METER_CONV_MAX_POOL_GRADIENT, argmax, windows * p->units);
    TOUCH(METER_CONV_MAX_POOL_GRADIENT, dkernel, taps * p->units);
  }
  MEASURE(METER_CONV_MAX_POOL_GRADIENT,
          meter.real->conv_max_pool_gradient(p, x, dy, argmax, dkernel));
}

static void metered_max_pool(size_t h, size_t w, size_t c, const od_real *x, od_real *y,
                             uint8_t *argmax, bool relu) {
  if (begin_call(METER_MAX_POOL, 0)) {
    TOUCH(METER_MAX_POOL, x, h * w * c);
    TOUCH(METER_MAX_POOL, y, h / 2 * (w / 2) * c);
    TOUCH(METER_MAX_POOL, argmax, h / 2 * (w / 2) * c);
  }
  MEASURE(METER_MAX_POOL, meter.real->max_pool(h, w, c, x, y, argmax, relu));
}

static void metered_max_unpool_row(size_t w, size_t c, const od_real *dy, const uint8_t *argmax,
                                   od_real *dx_top, od_real *dx_bottom) {
  if (begin_call(METER_MAX_UNPOOL_ROW, 0)) {
    TOUCH(METER_MAX_UNPOOL_ROW, dy, w / 2 * c);
    TOUCH(METER_MAX_UNPOOL_ROW, argmax, w / 2 * c);
    TOUCH(METER_MAX_UNPOOL_ROW, dx_top, w * c);
    TOUCH(METER_MAX_UNPOOL_ROW, dx_bottom, w * c);
  }
  MEASURE(METER_MAX_UNPOOL_ROW, meter.real->max_unpool_row(w, c, dy, argmax, dx_top, dx_bottom));
}

/* Counts a call over two arrays of n. */
static void count_loop(meter_kernel kernel, size_t n, const od_real *x, const od_real *y) {
  if (!begin_call(kernel, 0)) return;
  TOUCH(kernel, x, n);
  TOUCH(kernel, y, n);
}

static void metered_relu(size_t n, const od_real *x, od_real *y) {
  count_loop(METER_RELU, n, x, y);
  MEASURE(METER_RELU, meter.real->relu(n, x, y));
}

static void metered_relu_backward(size_t n, const od_real *y, od_real *dy) {
  count_loop(METER_RELU_BACKWARD, n, y, dy);
  MEASURE(METER_RELU_BACKWARD, meter.real->relu_backward(n, y, dy));
}

static void metered_add(size_t n, const od_real *x, od_real *y) {
  count_loop(METER_ADD, n, x, y);
  MEASURE(METER_ADD, meter.real->add(n, x, y));
}

static void metered_add_rows(size_t rows, size_t c, const od_real *x, od_real *sum) {
  if (begin_call(METER_ADD_ROWS, 0)) {
    TOUCH(METER_ADD_ROWS, x, rows * c);
    TOUCH(METER_ADD_ROWS, sum, c);
  }
  MEASURE(METER_ADD_ROWS, meter.real->add_rows(rows, c, x, sum));
}

static void metered_scale_shift(size_t rows, size_t c, const od_real *x, const od_real *scale,
                                const od_real *shift, od_real *y, bool relu) {
  if (begin_call(METER_SCALE_SHIFT, (double)rows * (double)c)) {
    TOUCH(METER_SCALE_SHIFT, x, rows * c);
    TOUCH(METER_SCALE_SHIFT, scale, c);
    TOUCH(METER_SCALE_SHIFT, shift, c);
    TOUCH(METER_SCALE_SHIFT, y, rows * c);
  }
  MEASURE(METER_SCALE_SHIFT, meter.real->scale_shift(rows, c, x, scale, shift, y, relu));
}

static void metered_bytes_to_real(size_t n, const uint8_t *x, od_real scale, od_real *y) {
  if (begin_call(METER_BYTES_TO_REAL, 0)) {
    TOUCH(METER_BYTES_TO_REAL, x, n);
    TOUCH(METER_BYTES_TO_REAL, y, n);
  }
  MEASURE(METER_BYTES_TO_REAL, meter.real->bytes_to_real(n, x, scale, y));
}

static double metered_squared_norm(size_t n, const od_real *x) {
  double norm;
  if (begin_call(METER_SQUARED_NORM, (double)n)) TOUCH(METER_SQUARED_NORM, x, n);
  MEASURE(METER_SQUARED_NORM, norm = meter.real->squared_norm(n, x));
  return norm;
}

static void metered_adam(size_t n, const od_adam_step *step, const od_real *gradient, od_real *mean,
                         od_real *square, od_real *weight) {
  if (begin_call(METER_ADAM, 0)) {
    TOUCH(METER_ADAM, gradient, n);
    TOUCH(METER_ADAM, mean, n);
    TOUCH(METER_ADAM, square, n);
    TOUCH(METER_ADAM, weight, n);
  }
  MEASURE(METER_ADAM, meter.real->adam(n, step, gradient, mean, square, weight));
}

static void metered_sgd(size_t n, const od_sgd_step *step, const od_real *gradient,
                        od_real *velocity, od_real *weight) {
  if (begin_call(METER_SGD, 0)) {
    TOUCH(METER_SGD, gradient, n);
    TOUCH(METER_SGD, velocity, n);
    TOUCH(METER_SGD, weight, n);
  }
  MEASURE(METER_SGD, meter.real->sgd(n, step, gradient, velocity, weight));
}

static void metered_blend(size_t n, od_real keep, const od_real *x, od_real *y) {
  count_loop(METER_BLEND, n, x, y);
  MEASURE(METER_BLEND, meter.real->blend(n, keep, x, y));
}

/* -- low-precision kernels -- */

static void metered_round(size_t n, const od_real *x, uint16_t *y) {
  if (begin_call(METER_BFLOAT16_ROUND, 0)) {
    TOUCH(METER_BFLOAT16_ROUND, x, n);
    TOUCH(METER_BFLOAT16_ROUND, y, n);
  }
  MEASURE(METER_BFLOAT16_ROUND, meter.real->bfloat16->round(n, x, y));
}

static void metered_quantize(size_t n, const od_real *x, od_real scale, od_real zero, uint8_t *y) {
  if (begin_call(METER_INT8_QUANTIZE, 0)) {
    TOUCH(METER_INT8_QUANTIZE, x, n);
    TOUCH(METER_INT8_QUANTIZE, y, n);
  }
  MEASURE(METER_INT8_QUANTIZE, meter.real->int8->quantize(n, x, scale, zero, y));
}

/* Counts a product of words of `numbers` numbers each, or with `pooled` the max-pool of one. */
static void count_gemm(meter_kernel kernel, const od_low_precision_gemm *p, size_t numbers,
                       bool pooled) {
  enum { WORD = 4 /* bytes */ };
  size_t words = p->outer * p->words, rows = p->rows * (pooled ? 2 : 1);
  double results = (double)(p->rows * p->columns) * (pooled ? 4 : 1);
  if (!begin_call(kernel, results * (double)(words * numbers))) return;
  for (size_t o = 0; o < p->outer + pooled; o++)
    for (size_t m = 0; m < rows; m++)
      touch(kernel, (const char *)p->a + m * p->a_row + o * p->a_outer, p->words, WORD);
  touch(kernel, p->b, words * p->columns, WORD);
  for (size_t m = 0; m < p->rows; m++) TOUCH(kernel, p->c + m * p->c_row, p->columns);
  TOUCH(kernel, p->bias, p->columns);
  TOUCH(kernel, p->scale, p->columns);
}

static void metered_bfloat16_gemm(const od_low_precision_gemm *p) {
  count_gemm(METER_BFLOAT16_GEMM, p, 2, false);
  MEASURE(METER_BFLOAT16_GEMM, meter.real->bfloat16->gemm(p));
}

static void metered_int8_gemm(const od_low_precision_gemm *p) {
  count_gemm(METER_INT8_GEMM, p, 4, false);
  MEASURE(METER_INT8_GEMM, meter.real->int8->gemm(p));
}

static void metered_int8_gemm_max_pool(const od_low_precision_gemm *p) {
  count_gemm(METER_INT8_GEMM_MAX_POOL, p, 4, true);
  MEASURE(METER_INT8_GEMM_MAX_POOL, meter.real->int8->gemm_max_pool(p));
}

static void metered_bfloat16_winograd_input(const od_winograd_row *row, const od_real *x,
                                            uint16_t *v) {
  const meter_kernel kernel = METER_BFLOAT16_WINOGRAD_INPUT;
  if (begin_call(kernel, 0)) {
    for (size_t r = 0; r < 4; r++)
      TOUCH(kernel, x + r * row->image_row, (2 * row->tiles + 2) * row->channels);
    for (size_t place = 0; place < 16; place++)
      TOUCH(kernel, v + place * row->pitch, row->tiles * row->channels);
  }
  MEASURE(kernel, meter.real->bfloat16->winograd_input(row, x, v));
}

static const od_bfloat16_kernels metered_bfloat16 = {metered_round, metered_bfloat16_gemm,
                                                     metered_bfloat16_winograd_input};
static const od_int8_kernels metered_int8 = {metered_quantize, metered_int8_gemm,
                                             metered_int8_gemm_max_pool};

/* -- the table -- */

od_kernels meter_table(const od_kernels *kernels, meter_mode mode) {
  od_kernels metered = *kernels; /* kernels not named below have no meter */
  metered.gemm = metered_gemm;
  metered.add_weighted = metered_add_weighted;
  metered.match_bytes = metered_match_bytes;
  metered.winograd_input = metered_winograd_input;
  metered.winograd_output = metered_winograd_output;
  metered.winograd_output_pool = metered_winograd_output_pool;
  metered.conv_max_pool = metered_conv_max_pool;
  metered.conv_max_pool_gradient = metered_conv_max_pool_gradient;
  metered.max_pool = metered_max_pool;
  metered.max_unpool_row = metered_max_unpool_row;
  metered.relu = metered_relu;
  metered.relu_backward = metered_relu_backward;
  metered.add = metered_add;
  metered.add_rows = metered_add_rows;
  metered.scale_shift = metered_scale_shift;
  metered.bytes_to_real = metered_bytes_to_real;
  metered.squared_norm = metered_squared_norm;
  metered.adam = metered_adam;
  metered.sgd = metered_sgd;
  metered.blend = metered_blend;
  metered.bfloat16 = &metered_bfloat16;
  metered.int8 = &metered_int8;

  meter_stop();
  meter.real = kernels;
  meter.mode = mode;
  meter.doubled = METER_KERNELS;
  meter.overhead = clock_overhead();
  if (mode == METER_COUNTING && !(meter.lines = od_allocate(PLACES, sizeof *meter.lines)))
    die("no memory for the meter");
  meter.call = meter.take = 1;
  return metered;
}

void meter_double(meter_kernel kernel) { meter.doubled = kernel; }

void meter_stop(void) {
  od_release(meter.lines);
  memset(&meter, 0, sizeof meter);
}

static void add_reading(const meter_reading *from, meter_reading *to) {
  to->calls += from->calls;
  to->multiply_adds += from->multiply_adds;
  to->moved += from->moved;
  to->fetched += from->touched;
  to->touched = from->touched > to->touched ? from->touched : to->touched;
  to->ticks += from->ticks;
}

void meter_take(meter_reading *readings, meter_reading *all) {
  for (int i = 0; i < METER_KERNELS; i++) add_reading(&meter.readings[i], &readings[i]);
  add_reading(&meter.readings[ANY], all);
  memset(meter.readings, 0, sizeof meter.readings);
  meter.take++;
  if (meter.used > PLACES / 4) { /* lines of earlier takes no longer count */
    memset(meter.lines, 0, PLACES * sizeof *meter.lines);
    meter.used = 0;
  }
}
