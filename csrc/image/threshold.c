#include "image/image.h"

uint8_t od_otsu_threshold(size_t n, const uint8_t *image) {
  size_t histogram[256] = {0};
  uint64_t total = 0, below = 0; /* sums of levels */
  size_t pixels = 0;             /* at or below the threshold */
  double best = 0;
  uint8_t threshold = 0;
  for (size_t i = 0; i < n; i++) histogram[image[i]]++;
  for (size_t level = 0; level < 256; level++) total += level * histogram[level];
  for (size_t level = 0; level < 255; level++) {
    pixels += histogram[level];
    below += level * histogram[level];
    if (pixels == 0 || pixels == n) continue;
    /* The variance between the classes, p q (m1 - m0)^2, times n^2. */
    const double ink = (double)(n - pixels), paper = (double)pixels;
    const double difference = (double)total * paper - (double)below * (double)n;
    const double variance = difference * difference / (ink * paper);
    if (variance > best) {
      best = variance;
      threshold = (uint8_t)level;
    }
  }
  return threshold;
}
