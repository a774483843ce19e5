#include "base/thread.h"

#if defined(__wasi__)

bool od_thread_start(od_thread *thread, od_thread_function *function, void *argument) {
  thread->function = function;
  thread->argument = argument;
  return false;
}

void od_thread_join(od_thread *thread) { (void)thread; }

/* With a single thread, nothing is locked and nothing waits. */
void od_mutex_create(od_mutex *mutex) { (void)mutex; }
void od_mutex_destroy(od_mutex *mutex) { (void)mutex; }
void od_mutex_lock(od_mutex *mutex) { (void)mutex; }
void od_mutex_unlock(od_mutex *mutex) { (void)mutex; }

void od_condition_create(od_condition *condition) { (void)condition; }
void od_condition_destroy(od_condition *condition) { (void)condition; }
void od_condition_wait(od_condition *condition, od_mutex *mutex) { (void)condition, (void)mutex; }
void od_condition_wait_for(od_condition *condition, od_mutex *mutex, int milliseconds) {
  (void)condition, (void)mutex, (void)milliseconds;
}
void od_condition_signal(od_condition *condition) { (void)condition; }
void od_condition_broadcast(od_condition *condition) { (void)condition; }

#endif
