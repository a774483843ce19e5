/* Interrupts: how the caller of a long function of the core ends it early.
 *
 * The caller attaches an od_interrupt to the thread pool that it passes (thread_pool.h). Functions
 * that may take long ask od_interrupted now and then, on any of the pool's threads; on the caller's
 * own thread that calls `poll`, as the thread that may run signal handlers is often that one. Once
 * `poll` has returned true, all of them end with OD_STOPPED, and their results are undefined. */
#ifndef OD_BASE_INTERRUPT_H
#define OD_BASE_INTERRUPT_H

#include <stdbool.h>

#include "base/api.h"

OD_BEGIN_DECLS

/* Whether to end the call. It is not called again after it has returned true. */
typedef bool od_interrupt_poll(void *context);

/* An interrupt of one call; on the caller's stack. Private but for the first two, and
 * `interval`, which may be changed. */
typedef struct od_interrupt {
  od_interrupt_poll *poll;
  void *context;
  const void *thread; /* identifies that of the caller */
  double interval;    /* seconds between polls */
  double next_poll;
  int requested; /* atomic */
} od_interrupt;

/* Begins an interrupt for calls of the present thread, polled every 0.05 s. */
od_interrupt od_interrupt_begin(od_interrupt_poll *poll, void *context);

/* Ends the call, as if `poll` had returned true. */
void od_interrupt_request(od_interrupt *interrupt);

/* Whether the call is to end; NULL: it is not. Takes about 30 ns. */
bool od_interrupted(od_interrupt *interrupt);

OD_END_DECLS

#endif
