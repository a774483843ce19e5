/* Guarded memory for code under test. A block ends at a page without access, so that a read or a
 * write past that side faults, in any build and for any instruction; on the other side, and in the
 * gaps that a test leaves, are canaries that a test can check. */
#ifndef GUARD_H
#define GUARD_H

#include <stdint.h>

#include "check.h"
#include "pages.h"

typedef enum guard_side { GUARD_BELOW, GUARD_ABOVE } guard_side;

typedef struct guard {
  unsigned char *pages; /* the accessible part, (size) */
  size_t size;
  unsigned char *block; /* what the test uses, (used), at one end of it */
  size_t used;
  unsigned char *watched; /* canaries on its open side, (watch) */
  size_t watch;
} guard;

/* Four or eight canaries are a float or double that no test computes. */
enum { GUARD_CANARY = 0xFB, GUARD_WATCH = 1024 };

/* Pages for blocks of up to `size` bytes. */
static inline guard guard_create(size_t size) {
  size_t page = pages_size();
  size = (size + GUARD_WATCH + page) / page * page;
  unsigned char *pages = pages_reserve(size + 2 * page);
  if (!pages || !pages_allow(pages + page, size)) {
    fprintf(stderr, "guard: no pages for %zu bytes\n", size);
    exit(EXIT_FAILURE);
  }
  return (guard){.pages = pages + page, .size = size};
}

static inline void guard_destroy(guard *g) {
  size_t page = pages_size();
  pages_release(g->pages - page, g->size + 2 * page);
}

/* A block of `used` bytes against the guard page on `side`; it and GUARD_WATCH bytes on
 * its other side become canaries. */
static inline void *guard_block(guard *g, size_t used, guard_side side) {
  if (used > g->size) {
    fprintf(stderr, "guard: a block of %zu bytes in %zu\n", used, g->size);
    exit(EXIT_FAILURE);
  }
  size_t beside = g->size - used;
  g->used = used;
  g->watch = beside < GUARD_WATCH ? beside : GUARD_WATCH;
  g->block = side == GUARD_BELOW ? g->pages : g->pages + beside;
  g->watched = side == GUARD_BELOW ? g->block + used : g->block - g->watch;
  memset(g->block, GUARD_CANARY, used);
  memset(g->watched, GUARD_CANARY, g->watch);
  return g->block;
}

static inline bool guard_is_canary(const void *bytes, size_t n) {
  for (const unsigned char *p = bytes; n; n--, p++)
    if (*p != GUARD_CANARY) return false;
  return true;
}

/* Whether the bytes beside the block are as guard_block left them. */
static inline bool guard_intact(const guard *g) { return guard_is_canary(g->watched, g->watch); }

#endif
