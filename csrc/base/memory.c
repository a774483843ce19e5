#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#if defined(_WIN32)
#include <malloc.h>
#endif

/* bytes is a multiple of OD_ALIGNMENT. */
static void *allocate_aligned(size_t bytes) {
#if defined(_WIN32)
  return _aligned_malloc(bytes, OD_ALIGNMENT);
#else
  return aligned_alloc(OD_ALIGNMENT, bytes);
#endif
}

bool od_multiply_size(size_t a, size_t b, size_t *product) {
  if (b && a > SIZE_MAX / b) return false;
  *product = a * b;
  return true;
}

void *od_allocate(size_t count, size_t size) {
  size_t bytes;
  if (!od_multiply_size(count, size, &bytes) || bytes > SIZE_MAX / 2) return NULL;
  bytes = (bytes + OD_ALIGNMENT) / OD_ALIGNMENT * OD_ALIGNMENT; /* never 0 */
  void *block = allocate_aligned(bytes);
  if (block) memset(block, 0, bytes);
  return block;
}

size_t od_round_to_alignment(size_t count) {
  const size_t line = OD_ALIGNMENT / sizeof(od_real);
  return (count + line - 1) / line * line;
}

void od_release(void *block) {
#if defined(_WIN32)
  _aligned_free(block);
#else
  free(block);
#endif
}
