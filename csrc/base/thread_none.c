#include "base/thread.h"

#if defined(OD_NO_THREADS)

/* One thread never waits for another: the pool has no helper to wait for. */

bool od_thread_start(od_thread *thread, od_thread_function *function, void *argument) {
  *thread = (od_thread){function, argument, 0};
  return false;
}

void od_thread_join(od_thread *thread) { (void)thread; }

void od_mutex_create(od_mutex *mutex) { *mutex = 0; }
void od_mutex_destroy(od_mutex *mutex) { (void)mutex; }
void od_mutex_lock(od_mutex *mutex) { (void)mutex; }
void od_mutex_unlock(od_mutex *mutex) { (void)mutex; }

void od_condition_create(od_condition *condition) { *condition = 0; }
void od_condition_destroy(od_condition *condition) { (void)condition; }
void od_condition_wait(od_condition *condition, od_mutex *mutex) {
  (void)condition;
  (void)mutex;
}
void od_condition_wait_for(od_condition *condition, od_mutex *mutex, int milliseconds) {
  (void)condition;
  (void)mutex;
  (void)milliseconds;
}
void od_condition_signal(od_condition *condition) { (void)condition; }
void od_condition_broadcast(od_condition *condition) { (void)condition; }

#endif
