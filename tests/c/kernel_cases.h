/* Shared parts of the tests of kernels: random cases, guarded blocks, tolerances.
 *
 * Two computations of a sum of k products, in whatever order and with whatever fused
 * operations, each differ from the exact sum by at most (k + 1) u (|start| + sum of |a b|)
 * to first order, where u is half a unit in the last place of 1 (Higham, Accuracy and
 * Stability of Numerical Algorithms, section 3.1). That is the tolerance of these tests:
 * it follows from the number of terms and is not tuned. It applies to the scalar table like to
 * the others; any two of them differ by at most twice that. */
#ifndef KERNEL_CASES_H
#define KERNEL_CASES_H

#include "base/rng.h"
#include "check.h"
#include "guard.h"
#include "tables.h"

enum { MAX_REALS = 1 << 18 };

static od_rng rng;
static guard guard_a, guard_b, guard_c, guard_d, guard_e; /* (MAX_REALS) numbers each */

static inline void cases_begin(void) {
  guard *guards[] = {&guard_a, &guard_b, &guard_c, &guard_d, &guard_e};
  for (int i = 0; i < 5; i++) *guards[i] = guard_create(MAX_REALS * sizeof(od_real));
  for (int t = 0; table(t); t++) printf("  table %s (%x)\n", table(t)->name, table(t)->features);
}

/* Returns a table like table(t), and begins its random cases: they do not depend on which tables
 * the processor has. */
static inline const od_kernels *cases_of(int t) {
  od_rng_seed(&rng, 20, 0);
  return table(t);
}

static inline int cases_end(void) {
  guard *guards[] = {&guard_a, &guard_b, &guard_c, &guard_d, &guard_e};
  for (int i = 0; i < 5; i++) guard_destroy(guards[i]);
  return check_end();
}

static inline size_t draw(size_t low, size_t high) { /* both included */
  return low + (size_t)od_rng_below(&rng, high - low + 1);
}
static inline bool coin(void) { return draw(0, 1); }
static inline guard_side side(void) { return coin() ? GUARD_BELOW : GUARD_ABOVE; }

static inline void fill(od_real *x, size_t n, double low, double high) {
  for (size_t i = 0; i < n; i++) x[i] = (od_real)od_rng_range(&rng, low, high);
}

static inline od_real *block_of(guard *g, size_t n) {
  return guard_block(g, n * sizeof(od_real), side());
}

static inline od_real *random_block(guard *g, size_t n) {
  od_real *x = block_of(g, n);
  fill(x, n, -1, 1);
  return x;
}

static inline bool same_bits(const void *a, const void *b, size_t bytes) {
  return memcmp(a, b, bytes) == 0;
}

/* Numbers with many ties among them, or none. */
static inline void fill_with_ties(od_real *x, size_t n) {
  bool ties = coin();
  for (size_t i = 0; i < n; i++)
    x[i] = ties ? (od_real)draw(0, 4) - 2 : (od_real)od_rng_range(&rng, -1, 1);
}

/* A type more precise than od_real, for exact sums. */
#if defined(OD_DOUBLE)
typedef long double fine;
#else
typedef double fine;
#endif

/* A sum in `fine`, and the sum of the absolute values of its terms. */
typedef struct fine_sum {
  fine value, magnitude;
  size_t terms;
} fine_sum;

static inline fine_sum fine_start(od_real start) {
  return (fine_sum){(fine)start, fabs((double)start), 0};
}

static inline void fine_add(fine_sum *sum, od_real a, od_real b) {
  fine term = (fine)a * (fine)b;
  sum->value += term;
  sum->magnitude += term < 0 ? -term : term;
  sum->terms++;
}

/* The error bound of a sum of products. */
static inline double fine_bound(const fine_sum *sum) {
  return (double)(sum->terms + 1) * ROUNDING * (double)sum->magnitude;
}

/* The error of `got` in units of its bound; infinite if it is not a number. */
static inline double fine_error(const fine_sum *sum, od_real got) {
  double off = fabs((double)((fine)got - sum->value)), bound = fine_bound(sum);
  if (off == 0) return 0;
  return isfinite(off) && bound > 0 ? off / bound : INFINITY;
}

#endif
