/* base/: statuses, checked memory, random numbers, the thread pool, the clock. What
 * needs processes is in test_processes.c. */
#include <stdint.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/status.h"
#include "base/system.h"
#include "base/thread.h"
#include "interrupts.h"
#include "pool_use.h"

/* -- status -- */

static void test_status_writes_the_message(void) {
  od_error error = {{0}};
  CHECK_INT(od_fail(&error, OD_ERROR_ARGUMENT, "rate: got %g", 2.5), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "rate: got 2.5");
  CHECK_INT(od_fail_memory(&error, "the moon"), OD_ERROR_MEMORY);
  CHECK_CONTAINS(error.message, "the moon");
  CHECK_INT(od_fail(NULL, OD_ERROR_UNAVAILABLE, "no error struct"), OD_ERROR_UNAVAILABLE);
}

static void test_status_truncates_a_long_message(void) {
  struct {
    od_error error;
    char after[8];
  } held;
  memset(&held, '!', sizeof held);
  char text[1000];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = 0;
  od_fail(&held.error, OD_ERROR_ARGUMENT, "%s", text);
  CHECK_INT(strlen(held.error.message), sizeof held.error.message - 1);
  CHECK(held.after[0] == '!');
}

/* -- memory -- */

static void test_multiply_size(void) {
  size_t product = 77;
  CHECK(od_multiply_size(3, 5, &product));
  CHECK_INT(product, 15);
  CHECK(od_multiply_size(0, SIZE_MAX, &product));
  CHECK_INT(product, 0);
  CHECK(od_multiply_size(SIZE_MAX, 1, &product));
  CHECK(product == SIZE_MAX);
  CHECK(od_multiply_size(1, SIZE_MAX, &product));
  product = 77;
  CHECK(!od_multiply_size(SIZE_MAX, 2, &product));
  CHECK(!od_multiply_size(2, SIZE_MAX, &product));
  CHECK(!od_multiply_size(SIZE_MAX / 2 + 1, 2, &product));
  const size_t root = (size_t)1 << sizeof(size_t) * 8 / 2; /* of SIZE_MAX + 1 */
  CHECK(!od_multiply_size(root, root, &product));
  CHECK_INT(product, 77);
  CHECK(od_multiply_size(root - 1, root + 1, &product));
  CHECK(product == SIZE_MAX);
}

static void test_allocation_refuses_overflow(void) {
  CHECK(od_allocate(SIZE_MAX, 1) == NULL);
  CHECK(od_allocate(SIZE_MAX, 8) == NULL);
  CHECK(od_allocate(SIZE_MAX / 8 + 2, 8) == NULL);            /* 8 bytes if unchecked */
  CHECK(od_allocate(SIZE_MAX - OD_ALIGNMENT + 2, 1) == NULL); /* rounding up would wrap */
  CHECK(od_allocate(SIZE_MAX / 2 + 1, 1) == NULL);
}

static void test_allocation_is_zeroed_and_aligned(void) {
  for (size_t n = 0; n < 300; n++) {
    unsigned char *block = od_allocate(n, 3);
    if (!CHECK(block != NULL)) return;
    CHECK((uintptr_t)block % OD_ALIGNMENT == 0);
    bool zero = true;
    for (size_t i = 0; i < 3 * n; i++) zero = zero && block[i] == 0;
    CHECK(zero);
    memset(block, 0xAA, 3 * n); /* the next block must be zeroed again */
    od_release(block);
  }
  od_release(NULL);
}

/* -- random numbers -- */

/* The first words of xoshiro256** from the state {1, 2, 3, 4}, computed from its definition with
 * unbounded integers. */
static void test_rng_reference_words(void) {
  static const uint64_t want[] = {11520u,
                                  0u,
                                  1509978240u,
                                  1215971899390074240u,
                                  1216172134540287360u,
                                  607988272756665600u,
                                  16172922978634559625u,
                                  8476171486693032832u,
                                  10595114339597558777u,
                                  2904607092377533576u};
  od_rng rng = {{1, 2, 3, 4}};
  for (size_t i = 0; i < sizeof want / sizeof *want; i++) CHECK_WORD(od_rng_next(&rng), want[i]);
}

/* Seeding must not change from one release to the next, or trained models would not be
 * reproducible. */
static void test_rng_seeding_reference(void) {
  CHECK_WORD(od_rng_mix(0, 0), 0xa706dd2f4d197e6fu);
  CHECK_WORD(od_rng_mix(1, 2), 0xbcd9dbb49673066bu);
  CHECK_WORD(od_rng_mix(2, 1), 0xe06dd043328bd285u);
  od_rng rng;
  od_rng_seed(&rng, 42, 7);
  CHECK_WORD(rng.state[0], 0x55be888977820befu);
  CHECK_WORD(rng.state[1], 0x62cd1d983d0525e0u);
  CHECK_WORD(rng.state[2], 0x8e84170f6aab06ebu);
  CHECK_WORD(rng.state[3], 0xe9b758b15aa0d753u);
  CHECK_WORD(od_rng_next(&rng), 0x0719e15cf3d4342fu);
}

static void test_rng_streams_differ(void) {
  enum { SEEDS = 16, STREAMS = 64 };
  uint64_t words[SEEDS * STREAMS];
  for (int seed = 0; seed < SEEDS; seed++)
    for (int stream = 0; stream < STREAMS; stream++) {
      od_rng rng;
      od_rng_seed(&rng, (uint64_t)seed, (uint64_t)stream);
      words[seed * STREAMS + stream] = od_rng_next(&rng);
    }
  int equal = 0;
  for (int i = 0; i < SEEDS * STREAMS; i++)
    for (int j = 0; j < i; j++) equal += words[i] == words[j];
  CHECK_INT(equal, 0);
}

/* Adjacent streams, which adjacent images use, are not correlated. */
static void test_rng_streams_are_independent(void) {
  enum { STREAMS = 20000 };
  double product = 0, sum = 0;
  for (int stream = 0; stream < STREAMS; stream++) {
    od_rng a, b;
    od_rng_seed(&a, 5, (uint64_t)stream);
    od_rng_seed(&b, 5, (uint64_t)stream + 1);
    double x = od_rng_uniform(&a) - 0.5, y = od_rng_uniform(&b) - 0.5;
    product += x * y;
    sum += x;
  }
  /* Standard deviations: 1/12 and sqrt(1/12), over sqrt(STREAMS); allow five. */
  CHECK_NEAR(product / STREAMS, 0, 5.0 / 12 / sqrt(STREAMS));
  CHECK_NEAR(sum / STREAMS, 0, 5 * sqrt(1.0 / 12 / STREAMS));
}

static void test_rng_uniform_moments(void) {
  enum { DRAWS = 400000 };
  od_rng rng;
  od_rng_seed(&rng, 1, 0);
  double sum = 0, square = 0, low = 1, high = 0;
  for (int i = 0; i < DRAWS; i++) {
    double x = od_rng_uniform(&rng);
    low = fmin(low, x);
    high = fmax(high, x);
    sum += x;
    square += x * x;
  }
  CHECK(low >= 0 && high < 1);
  CHECK(low < 1e-4 && high > 1 - 1e-4);
  CHECK_NEAR(sum / DRAWS, 0.5, 5 * sqrt(1.0 / 12 / DRAWS));
  CHECK_NEAR(square / DRAWS, 1.0 / 3, 5 * sqrt(4.0 / 45 / DRAWS));
}

static void test_rng_range(void) {
  od_rng rng;
  od_rng_seed(&rng, 2, 0);
  double low = 1e9, high = -1e9;
  for (int i = 0; i < 20000; i++) {
    double x = od_rng_range(&rng, -3, 5);
    low = fmin(low, x);
    high = fmax(high, x);
  }
  CHECK(low >= -3 && low < -2.99);
  CHECK(high < 5 && high > 4.99);
  CHECK_NEAR(od_rng_range(&rng, 2.5, 2.5), 2.5, 0);
}

static void test_rng_normal_moments(void) {
  enum { DRAWS = 400000 };
  od_rng rng;
  od_rng_seed(&rng, 3, 0);
  double moment[5] = {0};
  int beyond_two = 0;
  for (int i = 0; i < DRAWS; i++) {
    double x = od_rng_normal(&rng), power = 1;
    if (!isfinite(x)) CHECK(isfinite(x));
    beyond_two += fabs(x) > 2;
    for (int k = 1; k < 5; k++) moment[k] += power *= x;
  }
  /* The variance of a mean of x^k is (E x^2k - (E x^k)^2) / n. */
  CHECK_NEAR(moment[1] / DRAWS, 0, 5 * sqrt(1.0 / DRAWS));
  CHECK_NEAR(moment[2] / DRAWS, 1, 5 * sqrt(2.0 / DRAWS));
  CHECK_NEAR(moment[3] / DRAWS, 0, 5 * sqrt(15.0 / DRAWS));
  CHECK_NEAR(moment[4] / DRAWS, 3, 5 * sqrt(96.0 / DRAWS));
  CHECK_NEAR(beyond_two / (double)DRAWS, 0.0455003, 5 * sqrt(0.0455 / DRAWS));
}

/* Chi-square over `bins`; its mean is bins - 1 and its variance twice that. */
static void check_uniform_counts(const int *counts, int bins, int draws) {
  double expected = (double)draws / bins, chi = 0;
  for (int i = 0; i < bins; i++) chi += (counts[i] - expected) * (counts[i] - expected) / expected;
  CHECK_NEAR(chi, bins - 1, 6 * sqrt(2.0 * (bins - 1)));
}

static void test_rng_below(void) {
  od_rng rng;
  od_rng_seed(&rng, 4, 0);
  for (int bound = 1; bound <= 40; bound++) {
    CHECK_CASE("bound %d", bound);
    int counts[40] = {0};
    for (int i = 0; i < 4000; i++) {
      uint64_t x = od_rng_below(&rng, (uint64_t)bound);
      if (x >= (uint64_t)bound) {
        CHECK(x < (uint64_t)bound);
        return;
      }
      counts[x]++;
    }
    check_uniform_counts(counts, bound, 4000);
  }
  /* With a bound of 3/4 of the range a plain remainder would draw the first third of the
   * results twice as often: half of them instead of a third. */
  uint64_t bound = (uint64_t)3 << 62;
  int first_third = 0;
  for (int i = 0; i < 30000; i++) first_third += od_rng_below(&rng, bound) < bound / 3;
  CHECK_NEAR(first_third / 30000.0, 1.0 / 3, 0.02);
}

static void test_rng_shuffle(void) {
  od_rng rng;
  od_rng_seed(&rng, 6, 0);
  uint32_t order[1000];
  for (size_t n = 0; n <= 1000; n += n < 10 ? 1 : 330) {
    for (uint32_t i = 0; i < n; i++) order[i] = i;
    od_rng_shuffle(&rng, order, n);
    uint8_t seen[1000] = {0};
    for (size_t i = 0; i < n; i++) seen[order[i]]++;
    bool permutation = true;
    for (size_t i = 0; i < n; i++) permutation = permutation && seen[i] == 1;
    CHECK(permutation);
  }
  int counts[256] = {0}, permutations[24], found = 0; /* all orders of four are equally likely */
  for (int i = 0; i < 24000; i++) {
    uint32_t four[] = {0, 1, 2, 3};
    od_rng_shuffle(&rng, four, 4);
    counts[four[0] * 64 + four[1] * 16 + four[2] * 4 + four[3]]++;
  }
  for (int i = 0; i < 256; i++)
    if (counts[i] && found < 24) permutations[found++] = counts[i];
  if (CHECK_INT(found, 24)) check_uniform_counts(permutations, 24, 24000);
}

/* -- thread pool -- */

/* By another clock than the one that is tested. */
static void wait_seconds(double seconds) {
  struct timespec start, now;
  timespec_get(&start, TIME_UTC);
  do timespec_get(&now, TIME_UTC);
  while ((double)(now.tv_sec - start.tv_sec) + 1e-9 * (double)(now.tv_nsec - start.tv_nsec) <
         seconds);
}

static void test_pool_runs_every_task_once(void) {
  static const int threads[] = {1, 2, 3, 5, 32}, tasks[] = {0, 1, 2, 3, 7, 64, 1000, MAX_TASKS};
  for (int i = 0; i < 5; i++) {
    od_thread_pool *pool = make_pool(threads[i]);
    CHECK_INT(od_thread_pool_threads(pool), threads[i]);
    for (int j = 0; j < 8; j++) {
      CHECK_CASE("%d threads, %d tasks", threads[i], tasks[j]);
      CHECK(run_counts(pool, NULL, tasks[j]));
    }
    od_thread_pool_destroy(pool);
  }
  CHECK_CASE("no pool");
  CHECK_INT(od_thread_pool_threads(NULL), 1);
  CHECK(run_counts(NULL, NULL, 100));
}

typedef struct endless {
  atomic_int done;
} endless;

static void count_done(void *context, int task, int worker) {
  (void)task;
  (void)worker;
  atomic_fetch_add(&((endless *)context)->done, 1);
}

/* A run ends after the poll that asks for it, and with it all later runs of the call. */
static void test_pool_interrupts(void) {
  for (int threads = 1; threads < 4; threads++)
    for (int polls = 0; polls < 5; polls++) {
      od_thread_pool *pool = make_pool(threads);
      countdown left = {polls};
      od_interrupt interrupt = interrupt_after(&left);
      const od_thread_pool attached = od_thread_pool_attach(pool, polls == 4, &interrupt);
      endless counted = {0};
      CHECK_CASE("%d threads, %d polls", threads, polls);
      CHECK_INT(od_thread_pool_threads(&attached), polls == 4 ? 1 : threads);
      CHECK_INT(od_thread_pool_run(&attached, count_done, &counted, 1 << 28), OD_STOPPED);
      CHECK_INT(left.polls_left, -1);
      const int done = counted.done;
      CHECK_INT(od_thread_pool_run(&attached, count_done, &counted, 2), OD_STOPPED);
      CHECK_INT(counted.done, done);
      CHECK_INT(od_thread_pool_check(&attached), OD_STOPPED);
      CHECK_INT(od_thread_pool_run(pool, count_done, &counted, 2), OD_OK);
      CHECK_INT(counted.done, done + 2);
      od_thread_pool_destroy(pool);
    }
  CHECK(!od_interrupted(NULL));
  countdown at_once = {0};
  od_interrupt later = od_interrupt_begin(count_down, &at_once);
  CHECK(!od_interrupted(&later)); /* not yet */
}

static void test_pool_refuses_bad_counts(void) {
  static const int bad[] = {0, -1, -2147483647 - 1, 1025, 2147483647};
  for (int i = 0; i < 5; i++) {
    od_thread_pool *pool = (od_thread_pool *)&pool;
    od_error error = {{0}};
    CHECK_CASE("%d threads", bad[i]);
    CHECK_INT(od_thread_pool_create(bad[i], &pool, &error), OD_ERROR_ARGUMENT);
    CHECK(pool == NULL);
    CHECK_CONTAINS(error.message, "threads");
  }
}

/* Pauses make workers both spin and sleep between rounds. */
static void test_pool_many_rounds(void) {
  od_thread_pool *pool = make_pool(3);
  for (int round = 0; round < 3000; round++) {
    CHECK_CASE("round %d", round);
    if (!CHECK(run_counts(pool, NULL, 2 + round % 5))) break;
    if (round % 100 == 0) wait_seconds(0.002);
  }
  od_thread_pool_destroy(pool);
}

static void test_pool_nested_runs(void) {
  od_thread_pool *pool = make_pool(3), *other = make_pool(2);
  for (int round = 0; round < 30; round++) {
    CHECK(run_counts(pool, pool, 50));
    CHECK(run_counts(pool, other, 50));
  }
  od_thread_pool_destroy(pool);
  od_thread_pool_destroy(other);
}

#if !defined(__wasi__) /* it has no threads */
typedef struct pool_caller {
  od_thread thread;
  od_thread_pool *pool;
  bool started, correct;
} pool_caller;

static void use_pool(void *context) {
  pool_caller *caller = context;
  caller->correct = true;
  for (int round = 0; round < 200; round++)
    caller->correct = run_counts(caller->pool, NULL, 20) && caller->correct;
}

static void test_pool_used_by_several_threads(void) {
  enum { CALLERS = 4 };
  od_thread_pool *pool = make_pool(3);
  pool_caller callers[CALLERS];
  for (int i = 0; i < CALLERS; i++) {
    callers[i].pool = pool;
    callers[i].started = od_thread_start(&callers[i].thread, use_pool, &callers[i]);
    CHECK(callers[i].started);
  }
  for (int i = 0; i < CALLERS; i++) {
    if (!callers[i].started) continue;
    od_thread_join(&callers[i].thread);
    CHECK(callers[i].correct);
  }
  od_thread_pool_destroy(pool);
}
#endif

static void test_pool_create_and_destroy(void) {
  for (int round = 0; round < 200; round++) {
    od_thread_pool *pool = make_pool(1 + round % 4);
    if (round % 3) run_counts(pool, NULL, 9);
    od_thread_pool_destroy(pool); /* also directly after creation, and while helpers spin */
  }
  od_thread_pool_destroy(NULL);
}

static void test_available_processors(void) {
  const int count = od_available_processors();
  CHECK(count >= 1);
  CHECK_INT(od_available_processors(), count);
}

/* ---- the clock ---- */

static void test_clock_measures_a_wait(void) {
  const double start = od_clock_seconds();
  wait_seconds(0.02);
  const double waited = od_clock_seconds() - start;
  CHECK(waited >= 0.01 && waited < 60); /* the two clocks may differ a little */
}

int main(void) {
  RUN(test_status_writes_the_message);
  RUN(test_status_truncates_a_long_message);
  RUN(test_multiply_size);
  RUN(test_allocation_refuses_overflow);
  RUN(test_allocation_is_zeroed_and_aligned);
  RUN(test_rng_reference_words);
  RUN(test_rng_seeding_reference);
  RUN(test_rng_streams_differ);
  RUN(test_rng_streams_are_independent);
  RUN(test_rng_uniform_moments);
  RUN(test_rng_range);
  RUN(test_rng_normal_moments);
  RUN(test_rng_below);
  RUN(test_rng_shuffle);
  RUN(test_pool_runs_every_task_once);
  RUN(test_pool_interrupts);
  RUN(test_pool_refuses_bad_counts);
  RUN(test_pool_many_rounds);
  RUN(test_pool_nested_runs);
#if !defined(__wasi__)
  RUN(test_pool_used_by_several_threads);
#endif
  RUN(test_pool_create_and_destroy);
  RUN(test_available_processors);
  RUN(test_clock_measures_a_wait);
  return check_end();
}
