/* A lock per object, for objects that Python threads share: the GIL is released during long work,
 * and free-threaded Python has none.
 *
 * Locks are acquired and released with the GIL held, and held only around C code. Python code may
 * use the same object or fork the process, so a lock must be released before any can run: a
 * callback, a signal handler, or the garbage collector in an allocation of Python objects. Waiting
 * for a lock releases the GIL, hence a thread that holds a lock may wait for the GIL.
 *
 * Locks are fair: a thread that releases a lock and acquires it again at once lets a waiting thread
 * in. In a forked child all locks are free, as the threads that may have held them are gone. */
#ifndef OD_PYTHON_LOCK_H
#define OD_PYTHON_LOCK_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct object_lock {
  const atomic_uint *forks; /* the number of forks that led to this process */
  atomic_uint forks_seen;   /* of these at the last reset of the lock */
#if PY_VERSION_HEX >= 0x030d0000
  PyMutex mutex;
#else
  PyThread_type_lock entrance,
      mutex; /* one thread waits for the mutex, the others at the entrance */
#endif
} object_lock;

/* Returns false with MemoryError set. `forks` must outlive the lock. */
bool object_lock_create(object_lock *lock, const atomic_uint *forks);
/* A lock of zeros, whose creation was not reached, is fine. */
void object_lock_destroy(object_lock *lock);

void object_lock_acquire(object_lock *lock);
void object_lock_release(object_lock *lock);

#endif
