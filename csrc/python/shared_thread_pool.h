/* A thread pool with a count of its users, so that it can be replaced while some
 * still use it: the last one destroys it. */
#ifndef OD_PYTHON_SHARED_THREAD_POOL_H
#define OD_PYTHON_SHARED_THREAD_POOL_H

#include <stdatomic.h>

#include "base/thread_pool.h"

typedef struct shared_thread_pool {
  od_thread_pool *pool;
  atomic_int users;
} shared_thread_pool;

/* Makes one with the caller as its user. */
od_status shared_thread_pool_create(int threads, shared_thread_pool **shared, od_error *error);
/* One more user, who releases it in the end. */
void shared_thread_pool_retain(shared_thread_pool *shared);
void shared_thread_pool_release(shared_thread_pool *shared); /* NULL is fine */

#endif
