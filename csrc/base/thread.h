/* Threads, mutexes and condition variables: POSIX threads, or those of Windows. WASI, the system
 * interface of WebAssembly outside browsers, has none: there, no thread starts.
 *
 * The objects belong to the caller and stay at their addresses while they are in use. A mutex and
 * a condition variable are created before their first use; creating them again forgets their
 * state, as a forked child must. */
#ifndef OD_BASE_THREAD_H
#define OD_BASE_THREAD_H

#include <stdbool.h>

#if !defined(_WIN32) && !defined(__wasi__)
#include <pthread.h>
#endif

typedef void od_thread_function(void *argument);

#if defined(_WIN32)
typedef struct od_mutex {
  void *lock; /* an SRWLOCK */
} od_mutex;
typedef struct od_condition {
  void *variable; /* a CONDITION_VARIABLE */
} od_condition;
typedef void *od_thread_handle;
#elif defined(__wasi__)
typedef char od_mutex, od_condition, od_thread_handle; /* not used */
#else
typedef pthread_mutex_t od_mutex;
typedef pthread_cond_t od_condition;
typedef pthread_t od_thread_handle;
#endif

typedef struct od_thread {
  od_thread_function *function;
  void *argument;
  od_thread_handle handle;
} od_thread;

/* Starts a thread that calls function(argument); returns false if the system has no more. */
bool od_thread_start(od_thread *thread, od_thread_function *function, void *argument);

/* Waits until a started thread ends. */
void od_thread_join(od_thread *thread);

void od_mutex_create(od_mutex *mutex);
void od_mutex_destroy(od_mutex *mutex);
void od_mutex_lock(od_mutex *mutex);
void od_mutex_unlock(od_mutex *mutex);

void od_condition_create(od_condition *condition);
void od_condition_destroy(od_condition *condition);

/* Unlocks the mutex, which the caller holds, waits, and locks it again; may return early. */
void od_condition_wait(od_condition *condition, od_mutex *mutex);

/* The same, but for at most the given time. */
void od_condition_wait_for(od_condition *condition, od_mutex *mutex, int milliseconds);

/* Wakes one thread that waits, or all. */
void od_condition_signal(od_condition *condition);
void od_condition_broadcast(od_condition *condition);

#endif
