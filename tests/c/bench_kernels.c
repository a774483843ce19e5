/* How long each kernel takes, table by table, on the shapes of the seed network. */
#include "base/rng.h"
#include "check.h"
#include "tables.h"

enum { BENCH_REALS = 1 << 18 };
static od_real *bench[4]; /* (BENCH_REALS) each */

typedef struct timing {
  const char *what;
  double work; /* floating-point operations, or bytes for the loops */
  void (*run)(const od_kernels *kernels);
} timing;

/* The seed network's layers, 28 x 28 x 1 -> 32 -> pool -> 32 -> pool -> 64 -> 10. */
static void time_conv1(const od_kernels *k) {
  for (size_t y = 0; y < 28; y++)
    k->gemm(&(od_gemm){.rows = 28, .columns = 32, .outer = 3, .inner = 3, .a = bench[0] + y * 30,
                       .a_row = 1, .a_outer = 30, .a_inner = 1, .b = bench[1], .b_outer = 96,
                       .b_inner = 32, .c = bench[2] + y * 28 * 32, .c_row = 32,
                       .start = OD_START_BIAS, .bias = bench[3], .relu = true});
}
static void time_conv2(const od_kernels *k) {
  for (size_t y = 0; y < 14; y++)
    k->gemm(&(od_gemm){.rows = 14, .columns = 32, .outer = 3, .inner = 96,
                       .a = bench[0] + y * 16 * 32, .a_row = 32, .a_outer = 16 * 32, .a_inner = 1,
                       .b = bench[1], .b_outer = 96 * 32, .b_inner = 32,
                       .c = bench[2] + y * 14 * 32, .c_row = 32, .start = OD_START_BIAS,
                       .bias = bench[3], .relu = true});
}
static void time_conv2_weights(const od_kernels *k) {
  for (size_t y = 0; y < 3; y++)
    k->gemm(&(od_gemm){.rows = 96, .columns = 32, .outer = 14, .inner = 14,
                       .a = bench[0] + y * 16 * 32, .a_row = 1, .a_outer = 16 * 32, .a_inner = 32,
                       .b = bench[1], .b_outer = 14 * 32, .b_inner = 32,
                       .c = bench[2] + y * 96 * 32, .c_row = 32});
}
static void time_dense_one(const od_kernels *k) {
  k->gemm(&(od_gemm){.rows = 1, .columns = 64, .outer = 1, .inner = 1568, .a = bench[0],
                     .a_row = 1568, .a_inner = 1, .b = bench[1], .b_inner = 64, .c = bench[2],
                     .c_row = 64, .start = OD_START_BIAS, .bias = bench[3], .relu = true});
}
static void time_dense_batch(const od_kernels *k) {
  k->gemm(&(od_gemm){.rows = 32, .columns = 64, .outer = 1, .inner = 1568, .a = bench[0],
                     .a_row = 1568, .a_inner = 1, .b = bench[1], .b_inner = 64, .c = bench[2],
                     .c_row = 64, .start = OD_START_BIAS, .bias = bench[3], .relu = true});
}
static const od_winograd_row bench_row = {.tiles = 7, .channels = 32, .pitch = 49 * 32,
                                          .image_row = 16 * 32};
static void time_winograd_input(const od_kernels *k) {
  for (size_t r = 0; r < 7; r++)
    k->winograd_input(&bench_row, bench[0] + r * 16 * 32, bench[2] + r * 7 * 32);
}
static void time_winograd_output(const od_kernels *k) {
  for (size_t r = 0; r < 7; r++)
    k->winograd_output(&bench_row, bench[0] + r * 7 * 32, bench[1], true, bench[2]);
}
static void time_winograd_output_pool(const od_kernels *k) {
  for (size_t r = 0; r < 7; r++)
    k->winograd_output_pool(&bench_row, bench[0] + r * 7 * 32, bench[1], true, bench[2],
                            (uint8_t *)bench[3]);
}
static void time_add_weighted(const od_kernels *k) {
  static uint32_t offset[49];
  for (uint32_t e = 0; e < 49; e++) offset[e] = e * 64;
  for (size_t u = 0; u < 32; u++)
    for (size_t r = 0; r < 3; r++)
      k->add_weighted(49, offset, bench[1], bench[0] + r * 512, 96, bench[2] + (3 * u + r) * 96);
}
static void time_max_pool(const od_kernels *k) {
  k->max_pool(28, 28, 32, bench[0], bench[2], NULL, false);
}
static void time_max_pool_choice(const od_kernels *k) {
  k->max_pool(28, 28, 32, bench[0], bench[2], (uint8_t *)bench[3], true);
}
static void time_max_unpool(const od_kernels *k) {
  memset(bench[3], 1, 14 * 32);
  for (size_t y = 0; y < 14; y++)
    k->max_unpool_row(28, 32, bench[0], (uint8_t *)bench[3], bench[2], bench[2] + 28 * 32);
}
static const od_pooled bench_windows = {.rows = 14, .columns = 14, .size = 3, .channels = 1,
                                        .units = 32, .image_row = 30, .relu = true};
static void time_pooled_forward(const od_kernels *k) {
  k->pooled_forward(&bench_windows, bench[0], bench[1], bench[1], bench[2], (uint8_t *)bench[3], NULL);
}
static void time_pooled_gradient(const od_kernels *k) {
  memset(bench[3], 1, 196 * 32);
  k->pooled_gradient(&bench_windows, bench[0], bench[1], (uint8_t *)bench[3], bench[2]);
}
static void time_match_bytes(const od_kernels *k) {
  uint64_t matches = 0;
  for (size_t i = 0; i < 49; i++)
    matches ^= k->match_bytes(32, (uint8_t *)bench[0] + 32 * i, (uint8_t)i);
  bench[2][0] = (od_real)matches;
}
static void time_squared_norm(const od_kernels *k) {
  bench[2][0] = (od_real)k->squared_norm(110634, bench[0]);
}
static void time_relu(const od_kernels *k) { k->relu(25088, bench[0], bench[2]); }
static void time_relu_backward(const od_kernels *k) { k->relu_backward(25088, bench[0], bench[2]); }
static void time_add(const od_kernels *k) { k->add(110634, bench[0], bench[2]); }
static void time_add_rows(const od_kernels *k) { k->add_rows(784, 32, bench[0], bench[2]); }
static void time_scale_shift(const od_kernels *k) {
  k->scale_shift(784, 32, bench[0], bench[1], bench[3], bench[2], true);
}
static void time_bytes(const od_kernels *k) {
  k->bytes_to_real(784, (uint8_t *)bench[0], (od_real)(1.0 / 255), bench[2]);
}
static void time_adam(const od_kernels *k) {
  od_adam_step step = {.rate = (od_real)1e-3, .beta1 = (od_real)0.9, .beta2 = (od_real)0.999,
                       .epsilon = (od_real)1e-7, .shrink = 1, .scale = 1};
  k->adam(110634, &step, bench[0], bench[1], bench[2], bench[3]);
}
static void time_sgd(const od_kernels *k) {
  od_sgd_step step = {.rate = (od_real)1e-3, .momentum = (od_real)0.9, .shrink = 1, .scale = 1};
  k->sgd(110634, &step, bench[0], bench[1], bench[2]);
}
static void time_blend(const od_kernels *k) { k->blend(110634, (od_real)0.999, bench[0], bench[2]); }

static const timing timings[] = {
    {"gemm, first convolution", 2 * 784 * 9 * 32, time_conv1},
    {"gemm, second convolution", 2 * 196 * 288 * 32, time_conv2},
    {"gemm, its weight gradient", 2 * 196 * 288 * 32, time_conv2_weights},
    {"gemm, dense, one image", 2 * 1568 * 64, time_dense_one},
    {"gemm, dense, 32 images", 2 * 32 * 1568 * 64, time_dense_batch},
    {"add_weighted, pooled gradient", 2 * 49 * 288 * 32, time_add_weighted},
    {"winograd_input 14x14x32", 16 * 49 * 32, time_winograd_input},
    {"winograd_output 14x14x32", 16 * 49 * 32, time_winograd_output},
    {"winograd_output_pool", 16 * 49 * 32, time_winograd_output_pool},
    {"pooled_forward 28x28x1 to 32", 2 * 784 * 9 * 32, time_pooled_forward},
    {"pooled_gradient, the same", 2 * 196 * 9 * 32, time_pooled_gradient},
    {"match_bytes, 49 times 32", 49 * 32, time_match_bytes},
    {"max_pool 28x28x32", 784 * 32, time_max_pool},
    {"max_pool with choices", 784 * 32, time_max_pool_choice},
    {"max_unpool_row, 28x28x32", 784 * 32, time_max_unpool},
    {"relu, 25088", 25088, time_relu},
    {"relu_backward, 25088", 25088, time_relu_backward},
    {"add, 110634", 110634, time_add},
    {"add_rows (784, 32)", 25088, time_add_rows},
    {"scale_shift (784, 32)", 25088, time_scale_shift},
    {"bytes_to_real, 784", 784, time_bytes},
    {"squared_norm, 110634", 110634, time_squared_norm},
    {"adam, 110634", 110634, time_adam},
    {"sgd, 110634", 110634, time_sgd},
    {"blend, 110634", 110634, time_blend},
};

/* The shortest of several rounds of at least 10 ms. */
static double seconds_a_run(const timing *what, const od_kernels *kernels) {
  double best = INFINITY;
  long runs = 1;
  for (int round = 0; round < 7;) {
    double began = check_clock();
    for (long i = 0; i < runs; i++) what->run(kernels);
    double took = check_clock() - began;
    if (took < 0.01) {
      runs *= 2;
    } else {
      best = fmin(best, took / (double)runs);
      round++;
    }
  }
  return best;
}

int main(void) {
  od_rng rng;
  od_rng_seed(&rng, 1, 0);
  for (int i = 0; i < 4; i++) {
    bench[i] = od_allocate(BENCH_REALS, sizeof(od_real));
    if (!bench[i]) exit(EXIT_FAILURE);
    for (size_t k = 0; k < BENCH_REALS; k++) bench[i][k] = (od_real)od_rng_uniform(&rng);
  }
  printf("%-31s", "us (billion operations/s)");
  for (int t = 0; table(t); t++) printf("%18s", table(t)->name);
  for (size_t i = 0; i < sizeof timings / sizeof *timings; i++) {
    printf("\n%-31s", timings[i].what);
    for (int t = 0; table(t); t++) {
      double seconds = seconds_a_run(&timings[i], table(t));
      printf("%10.2f (%5.1f)", seconds * 1e6, timings[i].work / seconds * 1e-9);
      fflush(stdout);
    }
  }
  printf("\n");
  for (int i = 0; i < 4; i++) od_release(bench[i]);
  return EXIT_SUCCESS;
}

