/* A lock per object, so that Python threads can share it: with the GIL released
 * around real work, or in a Python without one, nothing else orders them.
 *
 * Locks are taken and let go with the GIL held, and held only around C code. Python
 * code can do anything, use the same object or fork the process, so whoever is about
 * to run some (a callback, a signal handler, the garbage collector in an allocation
 * of Python objects) lets go of the lock first. Waiting for a lock releases the GIL,
 * hence a thread that holds a lock may wait for the GIL.
 *
 * Locks are fair: a thread that lets go and takes the lock again at once lets in
 * another that waits. In a forked child all locks are free, as the threads that
 * may have held them are gone. */
#ifndef OD_PYTHON_LOCK_H
#define OD_PYTHON_LOCK_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct object_lock {
  const atomic_uint *forks; /* how often this process is a child of a fork */
  atomic_uint forks_seen;   /* when the lock was made free */
#if PY_VERSION_HEX >= 0x030d0000
  PyMutex mutex;
#else
  PyThread_type_lock entrance, mutex; /* one thread waits for the mutex, others to enter */
#endif
} object_lock;

/* False, with MemoryError set, when there is no memory. `forks` outlives the lock. */
bool object_lock_create(object_lock *lock, const atomic_uint *forks);
/* Also for a lock that is all zeros because its creation was never reached. */
void object_lock_destroy(object_lock *lock);

void object_lock_acquire(object_lock *lock);
void object_lock_release(object_lock *lock);

#endif
