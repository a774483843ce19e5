/* Checked allocation. A size that overflows is a failed allocation and never a short
 * buffer. Shapes are limited (nn/layer.h, nn/network.c) so that the products of the core
 * stay below 2^63; it wants a 64-bit size_t. */
#ifndef OD_BASE_MEMORY_H
#define OD_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(SIZE_MAX >= UINT64_MAX, "the limits on shapes are made for a 64-bit size_t");

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

/* count rounded up so that blocks of so many numbers, side by side, all stay aligned. */
size_t od_round_to_alignment(size_t count);

/* Frees what od_allocate gave; NULL is fine. */
void od_release(void *block);

#endif
