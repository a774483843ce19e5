/* Checked allocation. A size that overflows is a failed allocation, never a short buffer. Images
 * (image/limits.h), networks (nn/layer.h, nn/network.c) and batches (nn/gradient_memory.c) are
 * limited so that the products of the core fit in a size_t of 32 bits, that of WebAssembly;
 * products that are compared with a limit have 64 bits. */
#ifndef OD_BASE_MEMORY_H
#define OD_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/api.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "ocrdigit needs a little-endian processor: its files of models and checkpoints are"
#endif

OD_BEGIN_DECLS

#if !defined(__wasm32__)
OD_STATIC_ASSERT(SIZE_MAX >= UINT64_MAX,
                 "ocrdigit needs a 64-bit system or WebAssembly: no other is tested");
#endif

/* The number type of weights and activations. The package uses float; tests of gradients compile
 * the scalar core with OD_DOUBLE. */
#if defined(OD_DOUBLE)
typedef double od_real;
#else
typedef float od_real;
#endif

/* Alignment of every block, in bytes: one cache line, one AVX-512 vector. */
#define OD_ALIGNMENT 64

/* Writes a * b to *product; returns false on overflow, and leaves *product unchanged. */
bool od_multiply_size(size_t a, size_t b, size_t *product);

/* Allocates count * size bytes, zeroed and aligned to OD_ALIGNMENT; returns NULL if the size
 * overflows or memory is exhausted. A count of 0 gives a valid block. */
void *od_allocate(size_t count, size_t size);

/* Rounds count up so that adjacent blocks of so many od_real are all aligned. */
size_t od_round_to_alignment(size_t count);

/* Frees a block of od_allocate, or NULL. */
void od_release(void *block);

OD_END_DECLS

#endif
