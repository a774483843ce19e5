/* The thread pool in forked processes, and processors by affinity: systems with POSIX only. */
#define _GNU_SOURCE /* sched_setaffinity */

#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/system.h"
#include "pool_use.h"

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
  atomic_int waiting; /* for the other callers */
} joint_use;

static void *start_together(void *context) {
  joint_use *use = context;
  bool correct = true;
  atomic_fetch_sub(&use->waiting, 1);
  while (use->waiting) sched_yield();
  for (int round = 0; round < 5; round++) correct = run_counts(use->pool, NULL, 20) && correct;
  return correct ? context : NULL;
}

static bool use_from_threads(od_thread_pool *pool) {
  joint_use use = {.pool = pool, .waiting = CALLERS_IN_CHILD};
  pthread_t callers[CALLERS_IN_CHILD];
  bool correct = true;
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
  CHECK(od_available_processors() <= sysconf(_SC_NPROCESSORS_CONF));
}

#if defined(__linux__)
static void test_affinity_limits_processors(void) {
  int before = od_available_processors();
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
#endif

int main(void) {
  if (CAN_FORK) {
    RUN(test_pool_survives_fork);
    RUN(test_pool_survives_fork_while_busy);
    RUN(test_pool_shared_at_once_after_fork);
  } else {
    printf("  (no forks under the thread sanitizer)\n");
  }
  RUN(test_available_processors);
#if defined(__linux__)
  RUN(test_affinity_limits_processors);
#endif
  return check_end();
}
