/* The kernel tables that this build has and this machine runs. */
#ifndef TABLES_H
#define TABLES_H

#include "kernels/cpu.h"
#include "kernels/kernels.h"

/* Returns table `index`, counted from 0, scalar first; NULL after the last. With EMULATE_AVX512 the
 * AVX-512 table was compiled for any x86-64 (see emulated/immintrin.h). */
static inline const od_kernels *table(int index) {
  unsigned features = od_cpu_features();
#if defined(EMULATE_AVX512)
  features = (features | OD_CPU_AVX512) & ~(unsigned)(OD_CPU_VNNI | OD_CPU_BF16 | OD_CPU_AMX);
#endif
  int count = 0;
  while (od_kernel_tables[count]) count++;
  while (count--)
    if ((od_kernel_tables[count]->features & ~features) == 0 && index-- == 0)
      return od_kernel_tables[count];
  return NULL;
}

/* Returns the fastest of them. */
static inline const od_kernels *last_table(void) {
  int last = 0;
  while (table(last + 1)) last++;
  return table(last);
}

/* The maximum relative error of one rounding of an od_real. */
#if defined(OD_DOUBLE)
#define ROUNDING 0x1p-53
#else
#define ROUNDING 0x1p-24
#endif

#endif
