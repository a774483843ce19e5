#include "base/interrupt.h"

#include "base/clock.h"

static const double poll_interval = 0.05; /* seconds */

/* An address that identifies the present thread. */
static const void *this_thread(void) {
  static _Thread_local char mark;
  return &mark;
}

od_interrupt od_interrupt_begin(od_interrupt_poll *poll, void *context) {
  const double next = od_clock_seconds() + poll_interval;
  return (od_interrupt){poll, context, this_thread(), poll_interval, next, 0};
}

void od_interrupt_request(od_interrupt *interrupt) {
  __atomic_store_n(&interrupt->requested, 1, __ATOMIC_RELAXED);
}

bool od_interrupted(od_interrupt *interrupt) {
  if (!interrupt) return false;
  if (__atomic_load_n(&interrupt->requested, __ATOMIC_RELAXED)) return true;
  if (interrupt->thread != this_thread() || od_clock_seconds() < interrupt->next_poll) return false;
  const bool requested = interrupt->poll(interrupt->context);
  interrupt->next_poll = od_clock_seconds() + interrupt->interval;
  if (requested) od_interrupt_request(interrupt);
  return requested;
}
