/* A thread pool: runs a function for task numbers 0..tasks-1 on a few threads.
 *
 * Threads start at the first parallel run, and again in a child process after a
 * fork. The caller's thread works too, as worker 0. Idle workers spin briefly, as
 * training has a run every few hundred microseconds, then sleep.
 *
 * The assignment of tasks to workers is not defined; code that must give the same bits at
 * any thread count writes the results of each task to separate places. */
#ifndef OD_BASE_THREAD_POOL_H
#define OD_BASE_THREAD_POOL_H

#include "base/api.h"
#include "base/interrupt.h"
#include "base/status.h"

OD_BEGIN_DECLS

/* The threads of a pool. */
typedef struct od_workers od_workers;

/* A pool, or one as a call uses it that can be interrupted: plain data. */
typedef struct od_thread_pool {
  od_workers *workers;     /* NULL: only the caller's thread */
  od_interrupt *interrupt; /* of the call; NULL: it runs to its end */
} od_thread_pool;

enum { OD_MAX_THREADS = 1024 };

/* A task: `context` is that of od_thread_pool_run; 0 <= worker < threads is different for tasks
 * that run at the same time, and selects scratch memory. */
typedef void od_task(void *context, int task, int worker);

/* Creates a pool of `threads` workers, 1 to OD_MAX_THREADS, including the caller; starts no thread
 * yet. Destroy with od_thread_pool_destroy. */
od_status od_thread_pool_create(int threads, od_thread_pool **pool, od_error *error);
void od_thread_pool_destroy(od_thread_pool *pool);

/* Returns the number of workers, 1 for NULL. */
int od_thread_pool_threads(const od_thread_pool *pool);

/* Returns the pool, which may be NULL, for a call that `interrupt` ends; with `serial` without its
 * threads. */
od_thread_pool od_thread_pool_attach(const od_thread_pool *pool, bool serial,
                                     od_interrupt *interrupt);

/* Returns OD_STOPPED if the call of the pool is to end, else OD_OK. */
od_status od_thread_pool_check(const od_thread_pool *pool);

/* Runs task(context, i, worker) for every 0 <= i < tasks and returns when all are
 * done. With one task, one worker, a NULL pool, or while another thread uses
 * the pool, the caller runs them all in order as worker 0. Returns OD_STOPPED if the call was
 * interrupted: tasks that had not begun are left out. */
od_status od_thread_pool_run(const od_thread_pool *pool, od_task *task, void *context, int tasks);

OD_END_DECLS

#endif
