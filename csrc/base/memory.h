/* Checked allocation. Every size product of the core goes through here, so an
 * overflow is a failed allocation and never a short buffer. */
#ifndef OD_BASE_MEMORY_H
#define OD_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* The number type of weights and activations. Every build of the package uses
 * float; the gradient checks compile the scalar core with OD_DOUBLE. */
#if defined(OD_DOUBLE)
typedef double od_real;
#else
typedef float od_real;
#endif

/* Alignment of every block, in bytes: one cache line, one AVX-512 vector. */
#define OD_ALIGNMENT 64

/* a * b into *product; false on overflow (then *product is untouched). */
bool od_multiply_size(size_t a, size_t b, size_t *product);

/* count * size bytes, zeroed and aligned to OD_ALIGNMENT; NULL when that
 * overflows or there is no memory. A count of 0 gives a valid block. */
void *od_allocate(size_t count, size_t size);

/* Frees what od_allocate gave; NULL is fine. */
void od_release(void *block);

#endif
