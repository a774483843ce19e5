#include "base/rng.h"

#include <math.h>

static uint64_t splitmix(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

uint64_t od_rng_mix(uint64_t a, uint64_t b) {
  uint64_t state = a;
  state = splitmix(&state) ^ b;
  return splitmix(&state);
}

void od_rng_seed(od_rng *rng, uint64_t seed, uint64_t stream) {
  uint64_t state = od_rng_mix(seed, stream);
  for (int i = 0; i < 4; i++) rng->state[i] = splitmix(&state);
}

static uint64_t rotate_left(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

uint64_t od_rng_next(od_rng *rng) {
  uint64_t *s = rng->state;
  uint64_t result = rotate_left(s[1] * 5, 7) * 9;
  uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate_left(s[3], 45);
  return result;
}

double od_rng_uniform(od_rng *rng) { return (double)(od_rng_next(rng) >> 11) * 0x1p-53; }

double od_rng_range(od_rng *rng, double low, double high) {
  return low + (high - low) * od_rng_uniform(rng);
}

double od_rng_normal(od_rng *rng) {
  double radius = sqrt(-2.0 * log(1.0 - od_rng_uniform(rng)));
  return radius * cos(6.283185307179586 * od_rng_uniform(rng));
}

uint64_t od_rng_below(od_rng *rng, uint64_t bound) {
  /* Words below 2^64 mod bound would make small results more likely: draw again. */
  uint64_t rejected = (0 - bound) % bound, word;
  do word = od_rng_next(rng);
  while (word < rejected);
  return word % bound;
}

void od_rng_shuffle(od_rng *rng, uint32_t *order, size_t n) {
  for (size_t i = n; i > 1; i--) {
    size_t j = (size_t)od_rng_below(rng, i);
    uint32_t swapped = order[i - 1];
    order[i - 1] = order[j];
    order[j] = swapped;
  }
}
