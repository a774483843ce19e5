/* A thread pool: run a function over task numbers 0..tasks-1 on a few threads.
 *
 * Threads start at the first parallel run, and again in a child process after a
 * fork. The caller's thread works too, as worker 0. Idle workers spin briefly, as
 * training hands out work every few hundred microseconds, then sleep.
 *
 * Which worker runs which task is left open; code that must give the same bits at
 * any thread count writes the results of each task to places of the task's own. */
#ifndef OD_BASE_THREAD_POOL_H
#define OD_BASE_THREAD_POOL_H

#include "base/status.h"

typedef struct od_thread_pool od_thread_pool;

/* A task: `context` as handed to od_thread_pool_run; 0 <= worker < threads names scratch
 * memory that no other task uses at the same time. */
typedef void od_task(void *context, int task, int worker);

/* Makes a pool of `threads` >= 1 workers, the caller's included. Destroy it with
 * od_thread_pool_destroy; starts no thread yet. */
od_status od_thread_pool_create(int threads, od_thread_pool **pool, od_error *error);
void od_thread_pool_destroy(od_thread_pool *pool);

/* Number of workers. */
int od_thread_pool_threads(const od_thread_pool *pool);

/* Runs task(context, i, worker) for every 0 <= i < tasks and returns when all are
 * done. With one task, one worker, a NULL pool, or while another thread is using
 * the pool, the caller runs them all in order as worker 0. */
void od_thread_pool_run(od_thread_pool *pool, od_task *task, void *context, int tasks);

/* Processors this process may use: affinity and cgroup CPU quota respected. */
int od_available_processors(void);

#endif
