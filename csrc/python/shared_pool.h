/* A thread pool with a count of its users, so that it can be replaced while some
 * still use it: the last one destroys it. */
#ifndef OD_PYTHON_SHARED_POOL_H
#define OD_PYTHON_SHARED_POOL_H

#include <stdatomic.h>

#include "base/pool.h"

typedef struct shared_pool {
  od_pool *pool;
  atomic_int users;
} shared_pool;

/* Makes one with the caller as its user. */
od_status shared_pool_create(int threads, shared_pool **shared, od_error *error);
/* One more user, who releases it in the end. */
void shared_pool_retain(shared_pool *shared);
void shared_pool_release(shared_pool *shared); /* NULL is fine */

#endif
