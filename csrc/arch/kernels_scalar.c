/* The reference kernels: every sum as it is written down, one term at a time. */
#include "arch/kernels.h"

#include <math.h>
#if defined(OD_DOUBLE)
#define OD_SQRT sqrt
#else
#define OD_SQRT sqrtf
#endif

#include "arch/kernels_loops.h"

static void gemm(const od_gemm *p) {
  for (size_t m = 0; m < p->rows; m++)
    for (size_t n = 0; n < p->columns; n++) {
      od_real sum = 0;
      for (size_t o = 0; o < p->outer; o++)
        for (size_t i = 0; i < p->inner; i++)
          sum += p->a[m * p->a_row + o * p->a_outer + i * p->a_inner] *
                 p->b[o * p->b_outer + i * p->b_inner + n];
      od_real *c = &p->c[m * p->c_row + n];
      if (p->start == OD_START_BIAS) sum += p->bias[n];
      if (p->start == OD_START_ADD) sum += *c;
      *c = p->relu ? positive(sum) : sum;
    }
}

const od_kernels od_kernels_scalar = OD_KERNEL_TABLE("scalar", 0);
