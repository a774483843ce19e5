/* Seedable random numbers: xoshiro256** (Blackman and Vigna, 2018), seeded by
 * splitmix64 from a key of two words. A stream is 32 bytes that the caller owns.
 *
 * Work on several threads gives every image its own stream, keyed by the seed, the purpose and the
 * index of the image, so that results do not depend on the order of execution. */
#ifndef OD_BASE_RNG_H
#define OD_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

#include "base/api.h"

OD_BEGIN_DECLS

typedef struct od_rng {
  uint64_t state[4];
} od_rng;

/* Starts stream `stream` of `seed`; different keys give independent streams. */
void od_rng_seed(od_rng *rng, uint64_t seed, uint64_t stream);

/* Hashes two words into one, to make keys of several parts. */
uint64_t od_rng_mix(uint64_t a, uint64_t b);

/* Returns 64 uniform bits. */
uint64_t od_rng_next(od_rng *rng);

/* Returns a number uniform in [0, 1), 53 bits. */
double od_rng_uniform(od_rng *rng);

/* Returns a number uniform in [low, high). */
double od_rng_range(od_rng *rng, double low, double high);

/* Returns a standard normal number (Box and Muller, 1958). */
double od_rng_normal(od_rng *rng);

/* Returns an integer uniform in [0, bound), without bias; bound > 0. */
uint64_t od_rng_below(od_rng *rng, uint64_t bound);

/* Shuffles order (n) in place (Fisher and Yates). */
void od_rng_shuffle(od_rng *rng, uint32_t *order, size_t n);

OD_END_DECLS

#endif
