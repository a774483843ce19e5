/* For the files that are built on vectors: loops over registers, known to the compiler. */
#if defined(__clang__)
#define OD_UNROLL _Pragma("clang loop unroll(full)")
#else
#define OD_UNROLL _Pragma("GCC unroll 16")
#endif
#define OD_INLINE static inline __attribute__((always_inline))

