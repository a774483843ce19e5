#include "base/rng.h"
#include "nn/ops.h"

void od_dropout(size_t n, double rate, uint64_t seed, const od_real *x, od_real *y) {
  od_real kept = (od_real)(1 / (1 - rate));
  od_rng rng;
  od_rng_seed(&rng, seed, 0);
  for (size_t i = 0; i < n; i++) y[i] = od_rng_uniform(&rng) < rate ? 0 : x[i] * kept;
}
