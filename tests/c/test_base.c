/* base/: statuses, checked memory, random numbers, the thread pool. */
#define _GNU_SOURCE /* sched_setaffinity */

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread_pool.h"
#include "base/rng.h"
#include "base/status.h"
#include "check.h"

/* The thread sanitizer does not support the threads of a forked child. */
#if defined(__SANITIZE_THREAD__)
#define CAN_FORK 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CAN_FORK 0
#endif
#endif
#if !defined(CAN_FORK)
#define CAN_FORK 1
#endif

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
  CHECK(!od_multiply_size((size_t)1 << 32, (size_t)1 << 32, &product));
  CHECK_INT(product, 77);
  CHECK(od_multiply_size(((size_t)1 << 32) - 1, ((size_t)1 << 32) + 1, &product));
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

enum { MAX_TASKS = 3000, MAX_WORKERS = 64 };

typedef struct tally {
  atomic_int done[MAX_TASKS];
  atomic_int inside[MAX_WORKERS]; /* tasks now running as this worker */
  atomic_int wrong;               /* workers out of range, or shared by two tasks */
  int workers;
  od_thread_pool *nested; /* run tasks from inside tasks on this pool */
  atomic_int nested_done;
} tally;

static void count_nested(void *context, int task, int worker) {
  (void)task;
  (void)worker;
  atomic_fetch_add(&((tally *)context)->nested_done, 1);
}

static void count_task(void *context, int task, int worker) {
  tally *t = context;
  if (worker < 0 || worker >= t->workers) {
    atomic_fetch_add(&t->wrong, 1);
    return;
  }
  if (atomic_fetch_add(&t->inside[worker], 1)) atomic_fetch_add(&t->wrong, 1);
  atomic_fetch_add(&t->done[task], 1);
  if (t->nested) od_thread_pool_run(t->nested, count_nested, t, 5);
  atomic_fetch_sub(&t->inside[worker], 1);
}

/* Returns whether a run of `tasks` does each exactly once and no other; t is zeroed. */
static bool run_tally(tally *t, od_thread_pool *pool, od_thread_pool *nested, int tasks) {
  t->workers = od_thread_pool_threads(pool);
  t->nested = nested;
  od_thread_pool_run(pool, count_task, t, tasks);
  bool correct = t->wrong == 0 && t->nested_done == (nested ? 5 * tasks : 0);
  for (int i = 0; i < MAX_TASKS; i++) correct = correct && t->done[i] == (i < tasks);
  return correct;
}

static bool run_counts(od_thread_pool *pool, od_thread_pool *nested, int tasks) {
  tally *t = calloc(1, sizeof *t);
  bool correct = run_tally(t, pool, nested, tasks);
  free(t);
  return correct;
}

static od_thread_pool *make_pool(int threads) {
  od_thread_pool *pool;
  od_error error = {{0}};
  if (!CHECK_INT(od_thread_pool_create(threads, &pool, &error), OD_OK)) {
    printf("%s\n", error.message);
    exit(EXIT_FAILURE);
  }
  return pool;
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
    if (round % 100 == 0) usleep(2000);
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

static void *use_pool(void *pool) {
  bool correct = true;
  for (int round = 0; round < 200; round++) correct = run_counts(pool, NULL, 20) && correct;
  return correct ? pool : NULL;
}

static void test_pool_used_by_several_threads(void) {
  enum { CALLERS = 4 };
  od_thread_pool *pool = make_pool(3);
  pthread_t callers[CALLERS];
  for (int i = 0; i < CALLERS; i++) pthread_create(&callers[i], NULL, use_pool, pool);
  for (int i = 0; i < CALLERS; i++) {
    void *answer;
    pthread_join(callers[i], &answer);
    CHECK(answer == pool);
  }
  od_thread_pool_destroy(pool);
}

static void test_pool_create_and_destroy(void) {
  for (int round = 0; round < 200; round++) {
    od_thread_pool *pool = make_pool(1 + round % 4);
    if (round % 3) run_counts(pool, NULL, 9);
    od_thread_pool_destroy(pool); /* also directly after creation, and while helpers spin */
  }
  od_thread_pool_destroy(NULL);
}

/* Returns whether child(pool) returns true in a forked child within 10 seconds. */
static bool forked(bool (*child)(od_thread_pool *), od_thread_pool *pool) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    alarm(10);
    _exit(child(pool) ? 0 : 1);
  }
  int status;
  return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

static bool use_in_child(od_thread_pool *pool) {
  bool correct = true;
  for (int i = 0; i < 20; i++) correct = run_counts(pool, NULL, 100) && correct;
  od_thread_pool_destroy(pool);
  return correct;
}

enum { HELPED_THREADS = 3 };

static void note_worker(void *context, int task, int worker) {
  atomic_bool *worked = context;
  (void)task;
  worked[worker] = true;
}

/* Runs until every helper has worked. A starting helper may hold the lock of the allocator, and
 * a sanitizer's, unlike the C library's, stays locked in a child that is forked then. */
static void start_helpers(od_thread_pool *pool) {
  atomic_bool worked[HELPED_THREADS] = {false};
  for (int worker = 1; worker < HELPED_THREADS; worker++)
    while (!worked[worker]) od_thread_pool_run(pool, note_worker, worked, 50);
}

static bool fork_in_child(od_thread_pool *pool) {
  start_helpers(pool);
  return forked(use_in_child, pool) && run_counts(pool, NULL, 100);
}

static bool destroy_in_child(od_thread_pool *pool) {
  od_thread_pool_destroy(pool);
  return true;
}

static void test_pool_survives_fork(void) {
  od_thread_pool *pool = make_pool(HELPED_THREADS);
  CHECK(forked(use_in_child, pool)); /* before any thread runs */
  start_helpers(pool);
  CHECK(forked(use_in_child, pool));
  CHECK(forked(fork_in_child, pool));
  CHECK(forked(destroy_in_child, pool));
  usleep(20000); /* helpers sleep: the child must not wait for them */
  CHECK(forked(use_in_child, pool));
  CHECK(run_counts(pool, NULL, 100));
  od_thread_pool_destroy(pool);
}

typedef struct busy_use {
  od_thread_pool *pool;
  atomic_bool started, stop;
} busy_use;

/* Allocates nothing, for the reason of start_helpers. */
static void *keep_busy(void *context) {
  static tally t;
  busy_use *use = context;
  while (!use->stop) {
    memset(&t, 0, sizeof t);
    run_tally(&t, use->pool, NULL, 50);
    use->started = true;
  }
  return NULL;
}

/* A fork while another thread is inside a run: in the child the pool is in use by a thread that
 * does not exist there. */
static void test_pool_survives_fork_while_busy(void) {
  busy_use use = {make_pool(HELPED_THREADS), false, false};
  start_helpers(use.pool);
  pthread_t thread;
  pthread_create(&thread, NULL, keep_busy, &use);
  while (!use.started) usleep(100);
  for (int i = 0; i < 20; i++) CHECK(forked(use_in_child, use.pool));
  use.stop = true;
  pthread_join(thread, NULL);
  od_thread_pool_destroy(use.pool);
}

enum { CALLERS_IN_CHILD = 3 };

typedef struct joint_use {
  od_thread_pool *pool;
  pthread_barrier_t start;
} joint_use;

static void *start_together(void *context) {
  joint_use *use = context;
  bool correct = true;
  pthread_barrier_wait(&use->start);
  for (int round = 0; round < 5; round++) correct = run_counts(use->pool, NULL, 20) && correct;
  return correct ? context : NULL;
}

static bool use_from_threads(od_thread_pool *pool) {
  joint_use use = {.pool = pool};
  pthread_t callers[CALLERS_IN_CHILD];
  bool correct = true;
  pthread_barrier_init(&use.start, NULL, CALLERS_IN_CHILD);
  for (int i = 0; i < CALLERS_IN_CHILD; i++)
    pthread_create(&callers[i], NULL, start_together, &use);
  for (int i = 0; i < CALLERS_IN_CHILD; i++) {
    void *answer;
    pthread_join(callers[i], &answer);
    correct = correct && answer != NULL;
  }
  return correct;
}

/* Several threads may be the first to use the pool in a child: only one of them may reset it.
 * (Without that rule about one child of 300 hangs.) */
static void test_pool_shared_at_once_after_fork(void) {
  od_thread_pool *pool = make_pool(HELPED_THREADS);
  start_helpers(pool);
  for (int i = 0; i < 600; i++)
    if (!CHECK(forked(use_from_threads, pool))) break;
  od_thread_pool_destroy(pool);
}

static void test_available_processors(void) {
  int before = od_available_processors();
  CHECK(before >= 1);
  CHECK(before <= sysconf(_SC_NPROCESSORS_CONF));
  cpu_set_t all, one;
  sched_getaffinity(0, sizeof all, &all);
  CPU_ZERO(&one);
  for (size_t cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT(&one); cpu++)
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
  if (CHECK_INT(sched_setaffinity(0, sizeof one, &one), 0)) {
    CHECK_INT(od_available_processors(), 1);
    sched_setaffinity(0, sizeof all, &all);
  }
  CHECK_INT(od_available_processors(), before);
}

/* ---- the clock ---- */

static void test_clock_measures_a_sleep(void) {
  const double start = od_clock_seconds();
  usleep(20000);
  const double slept = od_clock_seconds() - start;
  CHECK(slept >= 0.02 && slept < 60);
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
  RUN(test_pool_refuses_bad_counts);
  RUN(test_pool_many_rounds);
  RUN(test_pool_nested_runs);
  RUN(test_pool_used_by_several_threads);
  RUN(test_pool_create_and_destroy);
  if (CAN_FORK) {
    RUN(test_pool_survives_fork);
    RUN(test_pool_survives_fork_while_busy);
    RUN(test_pool_shared_at_once_after_fork);
  } else {
    printf("  (no forks under the thread sanitizer)\n");
  }
  RUN(test_available_processors);
  RUN(test_clock_measures_a_sleep);
  return check_end();
}
