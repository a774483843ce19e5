/* The kernel tables that this build has and this machine runs. */
#ifndef TABLES_H
#define TABLES_H

#include "arch/cpu.h"
#include "arch/kernels.h"

/* Table `index`, counted from 0, scalar first; NULL after the last. EMULATE_AVX512 says
 * that the AVX-512 table was compiled for any x86-64 (see emulated/immintrin.h). */
static inline const od_kernels *table(int index) {
  static const od_kernels *const all[] = {
      &od_kernels_scalar,
#if !defined(OD_DOUBLE) && defined(__x86_64__)
      &od_kernels_avx2,   &od_kernels_avx512,
#elif !defined(OD_DOUBLE) && defined(__aarch64__)
      &od_kernels_neon,
#endif
  };
  unsigned features = od_cpu_features();
#if defined(EMULATE_AVX512)
  features |= OD_CPU_AVX512;
#endif
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if ((all[i]->feature & ~features) == 0 && index-- == 0) return all[i];
  return NULL;
}

/* The fastest of them. */
static inline const od_kernels *last_table(void) {
  int last = 0;
  while (table(last + 1)) last++;
  return table(last);
}

/* What one rounding of an od_real may be off, relative to the result. */
#if defined(OD_DOUBLE)
#define ROUNDING 0x1p-53
#else
#define ROUNDING 0x1p-24
#endif

#endif
