/* Preloaded: allocations of the core that fail on command. The core allocates by aligned_alloc
 * only, which neither Python nor NumPy calls. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_long calls, first, last;

void fail_allocations(long from, long to);
long count_allocations(void);

/* Allocations from number `from` on, counted from 1, to before `to` fail; 0: none. */
void fail_allocations(long from, long to) {
  calls = 0;
  first = from;
  last = to;
}

long count_allocations(void) { return calls; }

void *aligned_alloc(size_t alignment, size_t size) {
  static void *(*real)(size_t, size_t);
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "aligned_alloc");
  const long call = ++calls;
  return call >= first && call < last ? NULL : real(alignment, size);
}
