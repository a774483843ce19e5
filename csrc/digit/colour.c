#include "digit/colour.h"

#include <math.h>

#include "base/math.h"

enum {
  SAMPLES = 64,    /* rows and columns of the pixels whose differences are measured, at most */
  STEPS = 20,      /* pixels of a difference are 1 / STEPS of the shorter side apart, */
  MAX_APART = 8,   /* at most this */
  ITERATIONS = 30, /* of the power method */
  CHANNELS = 3
};

/* Of red, green and blue, as in od_gray. */
static const double luminance[CHANNELS] = {9798.0 / 32768, 19235.0 / 32768, 3735.0 / 32768};

/* The luminance of gray levels has a third of the variance along the axis (1, 1, 1); below this
 * proportion the projection is used. */
static const double min_luminance = 0.08;
/* Minimum mean square of the differences along the axis: below it, there is only noise. */
static const double min_variance = 12;

/* Second moments of differences. */
typedef struct scatter {
  double sums[CHANNELS][CHANNELS];
  int count;
} scatter;

static void add_difference(const uint8_t *a, const uint8_t *b, scatter *s) {
  const int d[CHANNELS] = {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
  for (int i = 0; i < CHANNELS; i++)
    for (int k = 0; k < CHANNELS; k++) s->sums[i][k] += d[i] * d[k];
  s->count++;
}

static void find_scatter(int h, int w, int channels, const uint8_t *pixels, scatter *s) {
  const int apart = od_max(1, od_min(MAX_APART, od_min(h, w) / STEPS));
  const int step_y = (h + SAMPLES - 1) / SAMPLES, step_x = (w + SAMPLES - 1) / SAMPLES;
  for (int y = 0; y < h; y += step_y)
    for (int x = 0; x < w; x += step_x) {
      const uint8_t *pixel = pixels + ((size_t)y * (size_t)w + (size_t)x) * (size_t)channels;
      if (x + apart < w) add_difference(pixel, pixel + apart * channels, s);
      if (y + apart < h)
        add_difference(pixel, pixel + (size_t)apart * (size_t)w * (size_t)channels, s);
    }
}

/* The sum of squares along an axis. */
static double squares_along(const scatter *s, const double axis[CHANNELS]) {
  double sum = 0;
  for (int i = 0; i < CHANNELS; i++)
    for (int k = 0; k < CHANNELS; k++) sum += axis[i] * axis[k] * s->sums[i][k];
  return sum;
}

/* The eigenvector of the largest eigenvalue, by the power method from the channel of the largest
 * variance on. */
static void find_principal_axis(const scatter *s, double axis[CHANNELS]) {
  int best = 0;
  for (int i = 1; i < CHANNELS; i++)
    if (s->sums[i][i] > s->sums[best][best]) best = i;
  for (int i = 0; i < CHANNELS; i++) axis[i] = i == best;
  for (int n = 0; n < ITERATIONS; n++) {
    double next[CHANNELS] = {0}, norm = 0;
    for (int i = 0; i < CHANNELS; i++) {
      for (int k = 0; k < CHANNELS; k++) next[i] += s->sums[i][k] * axis[k];
      norm += next[i] * next[i];
    }
    if (norm <= 0) return;
    for (int i = 0; i < CHANNELS; i++) axis[i] = next[i] / sqrt(norm);
  }
}

bool od_find_colour_axis(int h, int w, int channels, const uint8_t *pixels, double axis[3]) {
  scatter s = {.count = 0};
  find_scatter(h, w, channels, pixels, &s);
  find_principal_axis(&s, axis);
  const double variance = squares_along(&s, axis);
  double along = 0;
  for (int i = 0; i < CHANNELS; i++) along += axis[i] * luminance[i];
  if (along < 0)
    for (int i = 0; i < CHANNELS; i++) axis[i] = -axis[i];
  return variance > min_variance * s.count &&
         squares_along(&s, luminance) < min_luminance * variance;
}

static double project(const uint8_t *pixel, const double axis[3]) {
  return axis[0] * pixel[0] + axis[1] * pixel[1] + axis[2] * pixel[2];
}

od_status od_project_colours(const od_thread_pool *pool, int h, int w, int channels,
                             const uint8_t *pixels, const double axis[3], uint8_t *gray) {
  const size_t width = (size_t)w, step = (size_t)channels;
  double min = project(pixels, axis), max = min;
  for (size_t y = 0; y < (size_t)h; y++) {
    const uint8_t *row = pixels + y * width * step;
    if (od_thread_pool_check(pool)) return OD_STOPPED;
    for (size_t x = 0; x < width; x++) {
      const double level = project(row + x * step, axis);
      if (level < min) min = level; /* fmin and fmax in a loop crash gcc 12 for aarch64 */
      if (level > max) max = level;
    }
  }
  const double scale = max > min ? 255 / (max - min) : 0;
  for (size_t y = 0; y < (size_t)h; y++) {
    const uint8_t *row = pixels + y * width * step;
    if (od_thread_pool_check(pool)) return OD_STOPPED;
    for (size_t x = 0; x < width; x++)
      gray[y * width + x] = (uint8_t)((project(row + x * step, axis) - min) * scale + 0.5);
  }
  return OD_OK;
}
