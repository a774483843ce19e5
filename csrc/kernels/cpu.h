/* Detection of the instruction sets that the processor and the operating system support. */
#ifndef OD_KERNELS_CPU_H
#define OD_KERNELS_CPU_H

#include "base/api.h"

OD_BEGIN_DECLS

typedef enum od_cpu_feature {
  OD_CPU_AVX2 = 1,      /* AVX2 and FMA */
  OD_CPU_AVX512 = 2,    /* AVX-512 F, BW, DQ and VL */
  OD_CPU_NEON = 4,      /* AArch64 Advanced SIMD */
  OD_CPU_VNNI = 8,      /* AVX-512 VNNI: dot products of bytes */
  OD_CPU_BF16 = 16,     /* AVX-512 BF16: dot products of bfloat16 */
  OD_CPU_NEON_DOT = 32, /* AArch64's dot products of bytes */
  OD_CPU_AMX = 64,      /* AMX tiles and their products of bytes */
  OD_CPU_SIMD128 = 128  /* SIMD of WebAssembly */
} od_cpu_feature;

/* Returns the features as a mask. On x86 a feature needs both cpuid, for the processor, and
 * xgetbv, for the registers that the operating system saves; AMX needs a permission, for which
 * this asks Linux on behalf of the process. On AArch64 the operating system reports them. A module
 * of WebAssembly with SIMD runs only where that is supported. */
unsigned od_cpu_features(void);

OD_END_DECLS

#endif
