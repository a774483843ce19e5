/* Seedable random numbers: xoshiro256** (Blackman and Vigna, 2018), seeded by
 * splitmix64 from a key of two words. A stream is 32 bytes that the caller owns.
 *
 * Work that runs on several threads gives every image a stream of its own, keyed
 * by (seed, what and which), so results do not depend on who draws first. */
#ifndef OD_BASE_RNG_H
#define OD_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct od_rng {
  uint64_t state[4];
} od_rng;

/* Starts the stream `stream` of `seed`; different keys give unrelated streams. */
void od_rng_seed(od_rng *rng, uint64_t seed, uint64_t stream);

/* One word that stands for two: how keys of several parts are built. */
uint64_t od_rng_mix(uint64_t a, uint64_t b);

/* 64 uniform bits. */
uint64_t od_rng_next(od_rng *rng);

/* Uniform in [0, 1), 53 bits. */
double od_rng_uniform(od_rng *rng);

/* Uniform in [low, high). */
double od_rng_range(od_rng *rng, double low, double high);

/* Standard normal (Box and Muller, 1958). */
double od_rng_normal(od_rng *rng);

/* Uniform integer in [0, bound), without bias; bound > 0. */
uint64_t od_rng_below(od_rng *rng, uint64_t bound);

/* Shuffles order (n) in place (Fisher and Yates). */
void od_rng_shuffle(od_rng *rng, uint32_t *order, size_t n);

#endif
