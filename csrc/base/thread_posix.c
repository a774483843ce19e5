#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "base/thread.h"

#if !defined(_WIN32) && !defined(__wasi__)

#include <stddef.h>
#include <time.h>

static void *run(void *thread) {
  od_thread *self = thread;
  self->function(self->argument);
  return NULL;
}

bool od_thread_start(od_thread *thread, od_thread_function *function, void *argument) {
  thread->function = function;
  thread->argument = argument;
  return pthread_create(&thread->handle, NULL, run, thread) == 0;
}

void od_thread_join(od_thread *thread) { pthread_join(thread->handle, NULL); }

void od_mutex_create(od_mutex *mutex) { pthread_mutex_init(mutex, NULL); }
void od_mutex_destroy(od_mutex *mutex) { pthread_mutex_destroy(mutex); }
void od_mutex_lock(od_mutex *mutex) { pthread_mutex_lock(mutex); }
void od_mutex_unlock(od_mutex *mutex) { pthread_mutex_unlock(mutex); }

void od_condition_create(od_condition *condition) { pthread_cond_init(condition, NULL); }
void od_condition_destroy(od_condition *condition) { pthread_cond_destroy(condition); }
void od_condition_wait(od_condition *condition, od_mutex *mutex) {
  pthread_cond_wait(condition, mutex);
}
void od_condition_wait_for(od_condition *condition, od_mutex *mutex, int milliseconds) {
  enum { SECOND = 1000000000 };
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += milliseconds / 1000;
  until.tv_nsec += milliseconds % 1000 * 1000000;
  if (until.tv_nsec >= SECOND) {
    until.tv_sec++;
    until.tv_nsec -= SECOND;
  }
  pthread_cond_timedwait(condition, mutex, &until);
}
void od_condition_signal(od_condition *condition) { pthread_cond_signal(condition); }
void od_condition_broadcast(od_condition *condition) { pthread_cond_broadcast(condition); }

#endif
