#include "shared_thread_pool.h"

#include "base/memory.h"

od_status shared_thread_pool_create(int threads, shared_thread_pool **out, od_error *error) {
  *out = NULL;
  shared_thread_pool *shared = od_allocate(1, sizeof *shared);
  if (!shared) return od_fail_memory(error, "the thread pool");
  od_status status = od_thread_pool_create(threads, &shared->pool, error);
  if (status != OD_OK) {
    od_release(shared);
    return status;
  }
  atomic_init(&shared->users, 1);
  *out = shared;
  return OD_OK;
}

void shared_thread_pool_retain(shared_thread_pool *shared) { atomic_fetch_add(&shared->users, 1); }

void shared_thread_pool_release(shared_thread_pool *shared) {
  if (!shared || atomic_fetch_sub(&shared->users, 1) != 1) return;
  od_thread_pool_destroy(shared->pool);
  od_release(shared);
}
