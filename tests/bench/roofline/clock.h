/* The clock: the processor's counter if there is one, which is read in a few nanoseconds, and
 * the duration of its ticks. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t clock_ticks(void) {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  uint64_t ticks;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#else
  return clock_nanoseconds();
#endif
}

/* The same after all instructions before it and before all after it: for work of less than a
 * microsecond, which would otherwise overlap the reading. */
static inline uint64_t clock_ticks_exact(void) {
#if defined(__x86_64__)
  __builtin_ia32_lfence();
  uint64_t ticks = __builtin_ia32_rdtsc();
  __builtin_ia32_lfence();
  return ticks;
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");
  return clock_ticks();
#else
  return clock_ticks();
#endif
}

/* Seconds of one tick, from readings of both clocks 20 ms apart. */
static inline double clock_tick_seconds(void) {
  uint64_t nanoseconds = clock_nanoseconds(), ticks = clock_ticks(), passed;
  while ((passed = clock_nanoseconds() - nanoseconds) < 20000000) continue;
  return 1e-9 * (double)passed / (double)(clock_ticks() - ticks);
}

/* Minimum of the ticks between two consecutive exact readings. */
static inline double clock_overhead(void) {
  enum { READINGS = 1000 };
  uint64_t fewest = UINT64_MAX;
  for (int i = 0; i < READINGS; i++) {
    uint64_t first = clock_ticks_exact(), between = clock_ticks_exact() - first;
    fewest = between < fewest ? between : fewest;
  }
  return (double)fewest;
}

#endif
