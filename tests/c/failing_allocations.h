/* Allocations that fail on command. A program that includes this is linked with
 * --wrap=od_allocate, --wrap=od_release and --wrap=pthread_create, through which all memory and
 * threads of the core come (tests/test_layout.py). */
#ifndef FAILING_ALLOCATIONS_H
#define FAILING_ALLOCATIONS_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Calls from number `first` on, counted from 1, to before `last` fail; 0: none. */
typedef struct failing {
  atomic_long calls, first, last;
} failing;

static failing allocations, thread_starts;
static atomic_long live_blocks;

static void fail_calls(failing *f, long first, long last) {
  f->calls = 0;
  f->first = first;
  f->last = last;
}

static bool call_fails(failing *f) {
  const long call = ++f->calls;
  return call >= f->first && call < f->last;
}

void *__real_od_allocate(size_t count, size_t size);
void __real_od_release(void *block);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);
void *__wrap_od_allocate(size_t count, size_t size);
void __wrap_od_release(void *block);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);

void *__wrap_od_allocate(size_t count, size_t size) {
  void *block = call_fails(&allocations) ? NULL : __real_od_allocate(count, size);
  if (block) live_blocks++;
  return block;
}

void __wrap_od_release(void *block) {
  if (block) live_blocks--;
  __real_od_release(block);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument) {
  if (call_fails(&thread_starts)) return 11; /* EAGAIN */
  return __real_pthread_create(thread, attributes, start, argument);
}

#endif
