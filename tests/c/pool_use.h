/* Runs of the thread pool that count what their tasks do. */
#ifndef POOL_USE_H
#define POOL_USE_H

#include "base/thread_pool.h"
#include "check.h"

enum { MAX_TASKS = 3000, MAX_WORKERS = 64 };

typedef struct tally {
  atomic_int done[MAX_TASKS];
  atomic_int inside[MAX_WORKERS]; /* tasks now running as this worker */
  atomic_int wrong;               /* workers out of range, or shared by two tasks */
  int workers;
  od_thread_pool *nested; /* run tasks from inside tasks on this pool */
  atomic_int nested_done;
} tally;

static inline void count_nested(void *context, int task, int worker) {
  (void)task;
  (void)worker;
  atomic_fetch_add(&((tally *)context)->nested_done, 1);
}

static inline void count_task(void *context, int task, int worker) {
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
static inline bool run_tally(tally *t, od_thread_pool *pool, od_thread_pool *nested, int tasks) {
  t->workers = od_thread_pool_threads(pool);
  t->nested = nested;
  od_thread_pool_run(pool, count_task, t, tasks);
  bool correct = t->wrong == 0 && t->nested_done == (nested ? 5 * tasks : 0);
  for (int i = 0; i < MAX_TASKS; i++) correct = correct && t->done[i] == (i < tasks);
  return correct;
}

static inline bool run_counts(od_thread_pool *pool, od_thread_pool *nested, int tasks) {
  tally *t = calloc(1, sizeof *t);
  bool correct = run_tally(t, pool, nested, tasks);
  free(t);
  return correct;
}

static inline od_thread_pool *make_pool(int threads) {
  od_thread_pool *pool;
  od_error error = {{0}};
  if (!CHECK_INT(od_thread_pool_create(threads, &pool, &error), OD_OK)) {
    printf("%s\n", error.message);
    exit(EXIT_FAILURE);
  }
  return pool;
}

#endif
