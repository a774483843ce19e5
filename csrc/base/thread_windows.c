#include "base/thread.h"

#if defined(_WIN32)

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

/* So that no other header needs windows.h. */
_Static_assert(sizeof(od_mutex) == sizeof(SRWLOCK), "a mutex is an SRWLOCK");
_Static_assert(sizeof(od_condition) == sizeof(CONDITION_VARIABLE), "a CONDITION_VARIABLE");

static SRWLOCK *lock_of(od_mutex *mutex) { return (SRWLOCK *)(void *)mutex; }
static CONDITION_VARIABLE *variable_of(od_condition *condition) {
  return (CONDITION_VARIABLE *)(void *)condition;
}

static DWORD WINAPI run(void *thread) {
  od_thread *self = thread;
  self->function(self->argument);
  return 0;
}

bool od_thread_start(od_thread *thread, od_thread_function *function, void *argument) {
  thread->function = function;
  thread->argument = argument;
  thread->handle = CreateThread(NULL, 0, run, thread, 0, NULL);
  return thread->handle != NULL;
}

void od_thread_join(od_thread *thread) {
  WaitForSingleObject(thread->handle, INFINITE);
  CloseHandle(thread->handle);
}

void od_mutex_create(od_mutex *mutex) { InitializeSRWLock(lock_of(mutex)); }
void od_mutex_destroy(od_mutex *mutex) { (void)mutex; /* owns nothing */ }
void od_mutex_lock(od_mutex *mutex) { AcquireSRWLockExclusive(lock_of(mutex)); }
void od_mutex_unlock(od_mutex *mutex) { ReleaseSRWLockExclusive(lock_of(mutex)); }

void od_condition_create(od_condition *condition) {
  InitializeConditionVariable(variable_of(condition));
}
void od_condition_destroy(od_condition *condition) { (void)condition; /* owns nothing */ }
void od_condition_wait(od_condition *condition, od_mutex *mutex) {
  SleepConditionVariableSRW(variable_of(condition), lock_of(mutex), INFINITE, 0);
}
void od_condition_wait_for(od_condition *condition, od_mutex *mutex, int milliseconds) {
  SleepConditionVariableSRW(variable_of(condition), lock_of(mutex), (DWORD)milliseconds, 0);
}
void od_condition_signal(od_condition *condition) { WakeConditionVariable(variable_of(condition)); }
void od_condition_broadcast(od_condition *condition) {
  WakeAllConditionVariable(variable_of(condition));
}

#endif
