/* Pages of memory without access, by POSIX or Windows. WebAssembly has none: there they are memory
 * like any other. */
#ifndef PAGES_H
#define PAGES_H

#include <stdbool.h>
#include <stddef.h>

#if defined(_WIN32)
/* Of windows.h, which also defines `near` and SIZE. */
__declspec(dllimport) void *__stdcall VirtualAlloc(void *, size_t, unsigned long, unsigned long);
__declspec(dllimport) int __stdcall VirtualFree(void *, size_t, unsigned long);
enum { PAGES_COMMIT = 0x1000, PAGES_RESERVE = 0x2000, PAGES_FREE = 0x8000 };
enum { PAGES_NO_ACCESS = 0x01, PAGES_READ_WRITE = 0x04 };

static inline size_t pages_size(void) { return 4096; }

/* Returns `size` bytes that cannot be read or written, or NULL. */
static inline void *pages_reserve(size_t size) {
  return VirtualAlloc(NULL, size, PAGES_RESERVE, PAGES_NO_ACCESS);
}

/* Makes pages readable and writable; returns false if there is no memory. */
static inline bool pages_allow(void *pages, size_t size) {
  return VirtualAlloc(pages, size, PAGES_COMMIT, PAGES_READ_WRITE) != NULL;
}

static inline void pages_release(void *pages, size_t size) {
  (void)size;
  VirtualFree(pages, 0, PAGES_FREE);
}

#elif defined(__wasi__)
#include <stdlib.h>

static inline size_t pages_size(void) { return 4096; }
static inline void *pages_reserve(size_t size) { return aligned_alloc(pages_size(), size); }
static inline bool pages_allow(const void *pages, size_t size) {
  (void)size;
  return pages != NULL;
}
static inline void pages_release(void *pages, size_t size) {
  (void)size;
  free(pages);
}

#else
#include <sys/mman.h>
#include <unistd.h>

static inline size_t pages_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

/* Returns `size` bytes that cannot be read or written, or NULL. */
static inline void *pages_reserve(size_t size) {
  void *pages = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? NULL : pages;
}

/* Makes pages readable and writable; returns false if there is no memory. */
static inline bool pages_allow(void *pages, size_t size) {
  return mprotect(pages, size, PROT_READ | PROT_WRITE) == 0;
}

static inline void pages_release(void *pages, size_t size) { munmap(pages, size); }

#endif

#endif
