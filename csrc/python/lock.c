#include "lock.h"

#include <limits.h>

#if PY_VERSION_HEX >= 0x030d0000

static bool create_parts(object_lock *lock) {
  lock->mutex = (PyMutex){0};
  return true;
}

static void destroy_parts(object_lock *lock) { (void)lock; }
static void make_free(object_lock *lock) { lock->mutex = (PyMutex){0}; }
static void acquire(object_lock *lock) { PyMutex_Lock(&lock->mutex); }
static void release(object_lock *lock) { PyMutex_Unlock(&lock->mutex); }

#else

static bool create_parts(object_lock *lock) {
  lock->entrance = PyThread_allocate_lock();
  lock->mutex = PyThread_allocate_lock();
  return lock->entrance && lock->mutex;
}

static void destroy_parts(object_lock *lock) {
  if (lock->entrance) PyThread_free_lock(lock->entrance);
  if (lock->mutex) PyThread_free_lock(lock->mutex);
}

static void make_part_free(PyThread_type_lock part) {
  PyThread_acquire_lock(part, NOWAIT_LOCK);
  PyThread_release_lock(part);
}

static void make_free(object_lock *lock) {
  make_part_free(lock->entrance);
  make_part_free(lock->mutex);
}

static void acquire_part(PyThread_type_lock part) {
  if (PyThread_acquire_lock(part, NOWAIT_LOCK)) return;
  Py_BEGIN_ALLOW_THREADS
  PyThread_acquire_lock(part, WAIT_LOCK);
  Py_END_ALLOW_THREADS
}

static void acquire(object_lock *lock) {
  acquire_part(lock->entrance);
  acquire_part(lock->mutex);
  PyThread_release_lock(lock->entrance);
}

static void release(object_lock *lock) { PyThread_release_lock(lock->mutex); }

#endif

/* The first use in a forked child, by whichever thread, releases the lock. */
static void renew_after_fork(object_lock *lock) {
  const unsigned renewing = UINT_MAX;
  unsigned forks = atomic_load(lock->forks);
  unsigned seen = atomic_load(&lock->forks_seen);
  while (seen != forks) {
    if (seen != renewing && atomic_compare_exchange_strong(&lock->forks_seen, &seen, renewing)) {
      make_free(lock);
      atomic_store(&lock->forks_seen, forks);
    }
    seen = atomic_load(&lock->forks_seen);
  }
}

bool object_lock_create(object_lock *lock, const atomic_uint *forks) {
  lock->forks = forks;
  atomic_init(&lock->forks_seen, atomic_load(forks));
  if (create_parts(lock)) return true;
  PyErr_NoMemory();
  return false;
}

void object_lock_destroy(object_lock *lock) { destroy_parts(lock); }

void object_lock_acquire(object_lock *lock) {
  renew_after_fork(lock);
  acquire(lock);
}

void object_lock_release(object_lock *lock) { release(lock); }
