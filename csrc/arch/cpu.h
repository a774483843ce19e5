/* Which instruction sets this processor has and the operating system saves. */
#ifndef OD_ARCH_CPU_H
#define OD_ARCH_CPU_H

typedef enum od_cpu_feature {
  OD_CPU_AVX2 = 1,     /* AVX2 and FMA */
  OD_CPU_AVX512 = 2,   /* AVX-512 F, BW, DQ and VL */
  OD_CPU_NEON = 4      /* AArch64 Advanced SIMD */
} od_cpu_feature;

/* The features as a mask. On x86: cpuid for the processor and xgetbv for the
 * registers that the operating system saves; both must agree. */
unsigned od_cpu_features(void);

#endif
