/* A reference-counted thread pool, so that it can be replaced while it is used: the last user
 * destroys it. */
#ifndef OD_PYTHON_SHARED_THREAD_POOL_H
#define OD_PYTHON_SHARED_THREAD_POOL_H

#include <stdatomic.h>

#include "base/thread_pool.h"

typedef struct shared_thread_pool {
  od_thread_pool *pool;
  atomic_int users;
} shared_thread_pool;

/* Creates one with the caller as its user. */
od_status shared_thread_pool_create(int threads, shared_thread_pool **shared, od_error *error);
/* Adds a user, who must release it. */
void shared_thread_pool_retain(shared_thread_pool *shared);
void shared_thread_pool_release(shared_thread_pool *shared); /* NULL is fine */

#endif
