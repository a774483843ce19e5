#define _GNU_SOURCE /* sched_getaffinity */
#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"

enum { SPINS = 4000, MAX_THREADS = 1024 };
static const unsigned OPEN = 1u << 31;

struct od_thread_pool {
  int threads;
  int started;        /* running helper threads, of process `owner` */
  pid_t owner;        /* after a fork the child has no helpers: owner != getpid() */
  atomic_int user;    /* process with a current parallel run; 0: none */
  pthread_t *helpers; /* (threads - 1) */

  pthread_mutex_t mutex; /* of the sleep of helpers and of the caller */
  pthread_cond_t wake, finished;

  /* The current run. `gate` and `round` are published last; helpers read the rest after them. */
  atomic_uint round;
  od_task *task;
  void *context;
  int tasks;
  atomic_int next;  /* next task */
  atomic_uint gate; /* number of helpers inside the round, and OPEN while more may enter */
  atomic_int sleeping;
  atomic_bool stop;
};

typedef struct helper_start {
  od_thread_pool *pool;
  int worker;
  unsigned round;
} helper_start;

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void run_tasks(od_thread_pool *pool, int worker) {
  for (;;) {
    int task = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
    if (task >= pool->tasks) return;
    pool->task(pool->context, task, worker);
  }
}

/* Waits until the round differs from `last`, spinning first. */
static unsigned await_round(od_thread_pool *pool, unsigned last) {
  unsigned round;
  for (int i = 0; i < SPINS; i++) {
    round = atomic_load_explicit(&pool->round, memory_order_acquire);
    if (round != last) return round;
    pause_briefly();
  }
  pthread_mutex_lock(&pool->mutex);
  atomic_fetch_add(&pool->sleeping, 1);
  while ((round = atomic_load(&pool->round)) == last) pthread_cond_wait(&pool->wake, &pool->mutex);
  atomic_fetch_sub(&pool->sleeping, 1);
  pthread_mutex_unlock(&pool->mutex);
  return round;
}

/* Enters the round, unless the caller has closed it; returns whether. So the caller never waits for
 * a helper that was scheduled too late. */
static bool enter(od_thread_pool *pool) {
  unsigned gate = atomic_load(&pool->gate);
  while (gate & OPEN)
    if (atomic_compare_exchange_weak(&pool->gate, &gate, gate + 1)) return true;
  return false;
}

/* Leaves the round; the last helper of a closed round wakes the caller. */
static void leave(od_thread_pool *pool) {
  if (atomic_fetch_sub(&pool->gate, 1) != 1) return;
  pthread_mutex_lock(&pool->mutex);
  pthread_cond_signal(&pool->finished);
  pthread_mutex_unlock(&pool->mutex);
}

static void *helper_main(void *argument) {
  helper_start start = *(helper_start *)argument;
  od_release(argument);
  od_thread_pool *pool = start.pool;
  unsigned round = start.round;
  for (;;) {
    round = await_round(pool, round);
    if (atomic_load(&pool->stop)) return NULL;
    if (!enter(pool)) continue;
    run_tasks(pool, start.worker);
    leave(pool);
  }
}

/* Publishes a new round and wakes sleeping helpers. */
static void open_round(od_thread_pool *pool) {
  atomic_fetch_add(&pool->round, 1);
  if (atomic_load(&pool->sleeping)) {
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
  }
}

/* Closes the round and waits for the helpers that are inside. */
static void close_round(od_thread_pool *pool) {
  atomic_fetch_and(&pool->gate, ~OPEN);
  for (int i = 0; i < SPINS; i++) {
    if (atomic_load_explicit(&pool->gate, memory_order_acquire) == 0) return;
    pause_briefly();
  }
  pthread_mutex_lock(&pool->mutex);
  while (atomic_load(&pool->gate) != 0) pthread_cond_wait(&pool->finished, &pool->mutex);
  pthread_mutex_unlock(&pool->mutex);
}

/* Initializes the state without helpers; also in a forked child, where the parent's mutex may stay
 * locked. */
static void reset(od_thread_pool *pool) {
  pool->started = 0;
  pool->owner = getpid();
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->wake, NULL);
  pthread_cond_init(&pool->finished, NULL);
  atomic_store(&pool->round, 0);
  atomic_store(&pool->gate, 0);
  atomic_store(&pool->sleeping, 0);
  atomic_store(&pool->stop, false);
}

/* Starts the missing helpers; if that fails, the run has fewer. */
static void start_helpers(od_thread_pool *pool) {
  while (pool->started < pool->threads - 1) {
    helper_start *start = od_allocate(1, sizeof *start);
    if (!start) return;
    *start = (helper_start){pool, pool->started + 1, atomic_load(&pool->round)};
    if (pthread_create(&pool->helpers[pool->started], NULL, helper_main, start)) {
      od_release(start);
      return;
    }
    pool->started++;
  }
}

od_status od_thread_pool_create(int threads, od_thread_pool **out, od_error *error) {
  *out = NULL;
  if (threads < 1 || threads > MAX_THREADS)
    return od_fail(error, OD_ERROR_ARGUMENT, "threads: got %d, expected 1 to %d", threads,
                   MAX_THREADS);
  od_thread_pool *pool = od_allocate(1, sizeof *pool);
  pthread_t *helpers = od_allocate((size_t)threads, sizeof *helpers);
  if (!pool || !helpers) {
    od_release(pool);
    od_release(helpers);
    return od_fail_memory(error, "the thread pool");
  }
  pool->threads = threads;
  pool->helpers = helpers;
  reset(pool);
  *out = pool;
  return OD_OK;
}

void od_thread_pool_destroy(od_thread_pool *pool) {
  if (!pool) return;
  if (pool->owner == getpid()) {
    atomic_store(&pool->stop, true);
    open_round(pool);
    for (int i = 0; i < pool->started; i++) pthread_join(pool->helpers[i], NULL);
    pthread_mutex_destroy(&pool->mutex);
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->finished);
  }
  od_release(pool->helpers);
  od_release(pool);
}

int od_thread_pool_threads(const od_thread_pool *pool) { return pool ? pool->threads : 1; }

/* Takes the pool for one parallel run; returns false if it is in use. The first thread of a forked
 * child that takes it resets it; a current run of the parent does not count there. */
static bool take(od_thread_pool *pool) {
  int self = (int)getpid(), user = atomic_load(&pool->user);
  if (user == self || !atomic_compare_exchange_strong(&pool->user, &user, self)) return false;
  if (pool->owner != self) reset(pool);
  return true;
}

void od_thread_pool_run(od_thread_pool *pool, od_task *task, void *context, int tasks) {
  if (!pool || pool->threads == 1 || tasks < 2 || !take(pool)) {
    for (int i = 0; i < tasks; i++) task(context, i, 0);
    return;
  }
  start_helpers(pool);
  pool->task = task;
  pool->context = context;
  pool->tasks = tasks;
  atomic_store(&pool->next, 0);
  atomic_store(&pool->gate, OPEN); /* publishes the writes above to helpers that enter */
  open_round(pool);
  run_tasks(pool, 0);
  close_round(pool);
  atomic_store(&pool->user, 0);
}

/* Returns the CPU quota of a cgroup, v2 then v1, in whole processors; 0 if unlimited. */
static int cgroup_quota(void) {
  double quota = 0, period = 0;
  FILE *file = fopen("/sys/fs/cgroup/cpu.max", "r");
  if (file) {
    if (fscanf(file, "%lf %lf", &quota, &period) != 2) quota = 0; /* "max 100000" */
    fclose(file);
  } else {
    file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r");
    if (file) {
      if (fscanf(file, "%lf", &quota) != 1) quota = 0;
      fclose(file);
    }
    file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r");
    if (file) {
      if (fscanf(file, "%lf", &period) != 1) period = 0;
      fclose(file);
    }
  }
  if (quota <= 0 || period <= 0) return 0;
  int whole = (int)(quota / period);
  return whole < 1 ? 1 : whole;
}

int od_available_processors(void) {
  int count = 0;
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) count = CPU_COUNT(&set);
#endif
  if (count < 1) count = (int)sysconf(_SC_NPROCESSORS_ONLN);
  if (count < 1) count = 1;
  int quota = cgroup_quota();
  if (quota && quota < count) count = quota;
  return count < MAX_THREADS ? count : MAX_THREADS;
}
