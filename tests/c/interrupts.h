/* An interrupt that comes at the k-th poll, whenever that is. */
#ifndef INTERRUPTS_H
#define INTERRUPTS_H

#include "base/interrupt.h"

typedef struct countdown {
  int polls_left;
} countdown;

static inline bool count_down(void *context) {
  countdown *left = context;
  return left->polls_left-- == 0;
}

/* Every question whether the call is to end is a poll. */
static inline od_interrupt interrupt_after(countdown *left) {
  od_interrupt interrupt = od_interrupt_begin(count_down, left);
  interrupt.interval = interrupt.next_poll = 0;
  return interrupt;
}

#endif
