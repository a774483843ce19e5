/* What the templates *.inc.h need of the file that includes them.
 *
 * avx2.c, avx512.c, neon.c and simd128.c define a vector of floats and its operations as static
 * inline functions; scalar.c defines vectors of one number. Each group of operations ends with a
 * macro, which the templates check:
 *
 * OD_HAS_VECTOR
 *   vector                      a register of LANES floats
 *   mask, mask_of(n)            a mask for the first n <= LANES lanes
 *   vector_zero()               all 0
 *   vector_load(p), vector_store(p, v), and _some(..., mask) for the masked lanes only
 *   vector_broadcast(p)         *p in every lane
 *   vector_fma(a, b, c)         a * b + c, rounded once (twice in scalar.c and simd128.c)
 *   vector_add(a, b), vector_sub(a, b), vector_max(a, b)
 *   vector_where(a, b, x, y)    a > b ? x : y, lane by lane
 *   vector_store_bytes(p, v)    small whole numbers as LANES bytes
 *
 * OD_HAS_PICK
 *   places, places_load(p, n)   n <= LANES bytes 0..3, one a lane; 4 may stand for any
 *   vector_pick(p, q, places)   in each lane p[0], p[1], q[0] or q[1], by its byte
 *
 * OD_HAS_ROUNDING
 *   vector_multiply(a, b)
 *   vector_min(a, b)            a < b ? a : b, so b where one is not a number
 *   vector_store_rounded(p, v)  rounded half to even and clipped to 0..255, as bytes; NaN as 0
 *   vector_broadcast_word(p)    the 4 bytes at p, of any alignment, in every lane
 *   vector_from_int32(v)        integers of 32 bits as floats
 *   vector_max_int32(a, b)      the larger integer of 32 bits in every lane
 *
 * OD_HAS_INT8, if the file makes int8 kernels (also scalar.c)
 *   vector_dot_int8(s, a, b)    s + a . b of words of four, integers of 32 bits in every lane
 *
 * OD_HAS_BFLOAT16, if the file makes bfloat16 kernels (also scalar.c)
 *   vector_dot_bfloat16(s, a, b)    s + a . b of words of two, floats in every lane
 *   vector_store_bfloat16(p, v)     rounded to nearest, ties to even, as LANES bfloat16
 *
 * OD_HAS_IMAGE_VECTORS
 *   words                       a register of WORDS numbers of 16 bits
 *   words_from_bytes(p)         WORDS bytes, widened
 *   words_load(p), words_store(p, v), words_set(x)
 *   words_add(a, b), words_multiply(a, b)    modulo 2^16
 *   words_high(v), words_low(v)    the high and the low byte of each
 *   words_store_bytes(p, v)     numbers up to 255, as bytes
 *   bytes                       a register of BYTES bytes
 *   bytes_load(p), bytes_store(p, v), bytes_set(x), bytes_min(a, b), bytes_max(a, b)
 *   bytes_compare(a, b)         bit i: whether byte i of a is at least that of b
 *   vector_from_bytes(p)        LANES bytes as floats
 *   vector_divide(a, b)
 *   vector_fma_once(a, b, c)    a * b + c, rounded once on all instruction sets, as fmaf
 *
 * Templates have constant arguments, such as the rows of a block, in functions that are
 * always inlined; their loops are unrolled. */
#ifndef OD_KERNELS_VECTOR_H
#define OD_KERNELS_VECTOR_H

#if defined(__clang__)
#define OD_UNROLL _Pragma("clang loop unroll(full)")
#else
#define OD_UNROLL _Pragma("GCC unroll 16")
#endif
#define OD_INLINE static inline __attribute__((always_inline))

#endif
