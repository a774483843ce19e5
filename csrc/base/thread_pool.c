#include "base/thread_pool.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "base/memory.h"
#include "base/system.h"
#include "base/thread.h"

enum { SPINS = 4000 };
static const unsigned OPEN = 1u << 31;

typedef struct helper {
  od_thread thread;
  od_workers *pool;
  int worker;
  unsigned round; /* at its start */
} helper;

struct od_workers {
  int threads;
  int started;     /* running helper threads, of process `owner` */
  int owner;       /* after a fork the child has no helpers: owner is not its od_process_id() */
  atomic_int user; /* process with a current parallel run; 0: none */
  helper *helpers; /* (threads - 1) */

  od_mutex mutex; /* of the sleep of helpers and of the caller */
  od_condition wake, finished;

  /* The current run. `gate` and `round` are published last; helpers read the rest after them. */
  atomic_uint round;
  od_task *task;
  void *context;
  od_interrupt *interrupt;
  int tasks;
  atomic_int next;  /* next task */
  atomic_uint gate; /* number of helpers inside the round, and OPEN while more may enter */
  atomic_int sleeping;
  atomic_bool stop;
};

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void run_tasks(od_workers *pool, int worker) {
  for (;;) {
    int task = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
    if (task >= pool->tasks || od_interrupted(pool->interrupt)) return;
    pool->task(pool->context, task, worker);
  }
}

/* Waits until the round differs from `last`, spinning first. */
static unsigned await_round(od_workers *pool, unsigned last) {
  unsigned round;
  for (int i = 0; i < SPINS; i++) {
    round = atomic_load_explicit(&pool->round, memory_order_acquire);
    if (round != last) return round;
    pause_briefly();
  }
  od_mutex_lock(&pool->mutex);
  atomic_fetch_add(&pool->sleeping, 1);
  while ((round = atomic_load(&pool->round)) == last) od_condition_wait(&pool->wake, &pool->mutex);
  atomic_fetch_sub(&pool->sleeping, 1);
  od_mutex_unlock(&pool->mutex);
  return round;
}

/* Enters the round, unless the caller has closed it; returns whether. So the caller never waits for
 * a helper that was scheduled too late. */
static bool enter(od_workers *pool) {
  unsigned gate = atomic_load(&pool->gate);
  while (gate & OPEN)
    if (atomic_compare_exchange_weak(&pool->gate, &gate, gate + 1)) return true;
  return false;
}

/* Leaves the round; the last helper of a closed round wakes the caller. */
static void leave(od_workers *pool) {
  if (atomic_fetch_sub(&pool->gate, 1) != 1) return;
  od_mutex_lock(&pool->mutex);
  od_condition_signal(&pool->finished);
  od_mutex_unlock(&pool->mutex);
}

static void helper_main(void *argument) {
  const helper *self = argument;
  od_workers *pool = self->pool;
  unsigned round = self->round;
  for (;;) {
    round = await_round(pool, round);
    if (atomic_load(&pool->stop)) return;
    if (!enter(pool)) continue;
    run_tasks(pool, self->worker);
    leave(pool);
  }
}

/* Publishes a new round and wakes sleeping helpers. */
static void open_round(od_workers *pool) {
  atomic_fetch_add(&pool->round, 1);
  if (atomic_load(&pool->sleeping)) {
    od_mutex_lock(&pool->mutex);
    od_condition_broadcast(&pool->wake);
    od_mutex_unlock(&pool->mutex);
  }
}

/* Waits until helpers leave the round, but no longer than 10 ms. */
static void await_helpers(od_workers *pool) {
  od_mutex_lock(&pool->mutex);
  if (atomic_load(&pool->gate) != 0) od_condition_wait_for(&pool->finished, &pool->mutex, 10);
  od_mutex_unlock(&pool->mutex);
}

/* Closes the round and waits for the helpers that are inside; they end early if the call is
 * interrupted meanwhile. If that forked the process, the child has no helpers to wait for. */
static void close_round(od_workers *pool) {
  atomic_fetch_and(&pool->gate, ~OPEN);
  for (int i = 0; i < SPINS; i++) {
    if (atomic_load_explicit(&pool->gate, memory_order_acquire) == 0) return;
    pause_briefly();
  }
  while (atomic_load(&pool->gate) != 0 && pool->owner == od_process_id()) {
    await_helpers(pool);
    od_interrupted(pool->interrupt);
  }
}

/* Initializes the state without helpers; also in a forked child, where the parent's mutex may stay
 * locked. */
static void reset(od_workers *pool) {
  pool->started = 0;
  pool->owner = od_process_id();
  od_mutex_create(&pool->mutex);
  od_condition_create(&pool->wake);
  od_condition_create(&pool->finished);
  atomic_store(&pool->round, 0);
  atomic_store(&pool->gate, 0);
  atomic_store(&pool->sleeping, 0);
  atomic_store(&pool->stop, false);
}

/* Starts the missing helpers; if that fails, the run has fewer. */
static void start_helpers(od_workers *pool) {
  while (pool->started < pool->threads - 1) {
    helper *next = &pool->helpers[pool->started];
    next->pool = pool;
    next->worker = pool->started + 1;
    next->round = atomic_load(&pool->round);
    if (!od_thread_start(&next->thread, helper_main, next)) return;
    pool->started++;
  }
}

od_status od_thread_pool_create(int threads, od_thread_pool **out, od_error *error) {
  *out = NULL;
  if (threads < 1 || threads > OD_MAX_THREADS)
    return od_fail(error, OD_ERROR_ARGUMENT, "threads: got %d, expected 1 to %d", threads,
                   OD_MAX_THREADS);
  od_thread_pool *pool = od_allocate(1, sizeof *pool);
  od_workers *workers = od_allocate(1, sizeof *workers);
  helper *helpers = od_allocate((size_t)threads, sizeof *helpers);
  if (!pool || !workers || !helpers) {
    od_release(pool);
    od_release(workers);
    od_release(helpers);
    return od_fail_memory(error, "the thread pool");
  }
  workers->threads = threads;
  workers->helpers = helpers;
  reset(workers);
  pool->workers = workers;
  *out = pool;
  return OD_OK;
}

void od_thread_pool_destroy(od_thread_pool *pool) {
  if (!pool) return;
  od_workers *workers = pool->workers;
  if (workers->owner == od_process_id()) {
    atomic_store(&workers->stop, true);
    open_round(workers);
    for (int i = 0; i < workers->started; i++) od_thread_join(&workers->helpers[i].thread);
    od_mutex_destroy(&workers->mutex);
    od_condition_destroy(&workers->wake);
    od_condition_destroy(&workers->finished);
  }
  od_release(workers->helpers);
  od_release(workers);
  od_release(pool);
}

int od_thread_pool_threads(const od_thread_pool *pool) {
  return pool && pool->workers ? pool->workers->threads : 1;
}

od_thread_pool od_thread_pool_attach(const od_thread_pool *pool, bool serial,
                                     od_interrupt *interrupt) {
  return (od_thread_pool){pool && !serial ? pool->workers : NULL, interrupt};
}

od_status od_thread_pool_check(const od_thread_pool *pool) {
  return pool && od_interrupted(pool->interrupt) ? OD_STOPPED : OD_OK;
}

/* Takes the pool for one parallel run; returns false if it is in use. The first thread of a forked
 * child that takes it resets it; a current run of the parent does not count there. */
static bool take(od_workers *pool) {
  int self = od_process_id(), user = atomic_load(&pool->user);
  if (user == self || !atomic_compare_exchange_strong(&pool->user, &user, self)) return false;
  if (pool->owner != self) reset(pool);
  return true;
}

/* Runs all tasks on the caller's thread. */
static void run_serially(od_interrupt *interrupt, od_task *task, void *context, int tasks) {
  for (int i = 0; i < tasks && !od_interrupted(interrupt); i++) task(context, i, 0);
}

/* Runs tasks on the helpers and the caller's thread, which has taken the workers. */
static void run_in_parallel(od_workers *pool, od_interrupt *interrupt, od_task *task, void *context,
                            int tasks) {
  start_helpers(pool);
  pool->task = task;
  pool->context = context;
  pool->interrupt = interrupt;
  pool->tasks = tasks;
  atomic_store(&pool->next, 0);
  atomic_store(&pool->gate, OPEN); /* publishes the writes above to helpers that enter */
  open_round(pool);
  run_tasks(pool, 0);
  close_round(pool);
  atomic_store(&pool->user, 0);
}

od_status od_thread_pool_run(const od_thread_pool *pool, od_task *task, void *context, int tasks) {
  od_workers *workers = pool ? pool->workers : NULL;
  od_interrupt *interrupt = pool ? pool->interrupt : NULL;
  if (!workers || workers->threads == 1 || tasks < 2 || !take(workers))
    run_serially(interrupt, task, context, tasks);
  else
    run_in_parallel(workers, interrupt, task, context, tasks);
  return od_thread_pool_check(pool);
}
