#include "base/memory.h"
#include "image/image.h"
#include "image/limits.h"

/* How an axis is resampled: result pixel i is the sum over k < count of
 * weights[k] * input pixel (first + k), with the numbers of tap i. */
typedef struct tap {
  int first, count;
  const double *weights;
} tap;

typedef struct taps {
  tap *of;         /* (result's length) */
  double *weights; /* of all taps, one after the other */
} taps;

/* The input under result pixel i, each pixel by its share. In units of 1 / out of an
 * input pixel, where every edge is a whole number. */
static tap area_tap(int in, int out, int i, double *weights) {
  const int begin = i * in, end = begin + in; /* at most 2^28 */
  const tap result = {begin / out, (end - 1) / out - begin / out + 1, weights};
  for (int k = 0; k < result.count; k++) {
    const int left = (result.first + k) * out, right = left + out;
    const int covered = (right < end ? right : end) - (left > begin ? left : begin);
    weights[k] = (double)covered / in;
  }
  return result;
}

/* The two input pixels around the centre of result pixel i; one at the edges. */
static tap linear_tap(int in, int out, int i, double *weights) {
  const double place = (i + 0.5) * in / out - 0.5;
  if (place <= 0 || place >= in - 1) {
    weights[0] = 1;
    return (tap){place <= 0 ? 0 : in - 1, 1, weights};
  }
  const int first = (int)place;
  weights[1] = place - first;
  weights[0] = 1 - weights[1];
  return (tap){first, 2, weights};
}

static void taps_destroy(taps *axis) {
  od_release(axis->of);
  od_release(axis->weights);
}

/* False without memory. Destroy it in either case. */
static bool taps_create(int in, int out, taps *axis) {
  axis->of = od_allocate((size_t)out, sizeof *axis->of);
  axis->weights = od_allocate((size_t)in + 2 * (size_t)out, sizeof *axis->weights);
  if (!axis->of || !axis->weights) return false;
  double *weights = axis->weights;
  for (int i = 0; i < out; i++) {
    axis->of[i] = out <= in ? area_tap(in, out, i, weights) : linear_tap(in, out, i, weights);
    weights += axis->of[i].count;
  }
  return true;
}

/* First down the columns into `row` (w), then along that row. */
static void resample(int w, const uint8_t *image, int out_h, int out_w, const taps *vertical,
                     const taps *horizontal, double *restrict row, float *result) {
  for (int y = 0; y < out_h; y++) {
    const tap *down = &vertical->of[y];
    for (int x = 0; x < w; x++) row[x] = 0;
    for (int k = 0; k < down->count; k++) {
      const uint8_t *restrict pixels = image + (size_t)(down->first + k) * (size_t)w;
      const double weight = down->weights[k];
      for (int x = 0; x < w; x++) row[x] += weight * pixels[x];
    }
    for (int x = 0; x < out_w; x++) {
      const tap *across = &horizontal->of[x];
      double sum = 0;
      for (int k = 0; k < across->count; k++) sum += across->weights[k] * row[across->first + k];
      *result++ = (float)sum;
    }
  }
}

od_status od_resize_gray(int h, int w, const uint8_t *image, int out_h, int out_w, float *result,
                         od_error *error) {
  od_status status = od_check_sides("image", h, w, error);
  if (!status) status = od_check_sides("result", out_h, out_w, error);
  if (status) return status;
  taps vertical = {0}, horizontal = {0};
  double *row = od_allocate((size_t)w, sizeof *row);
  if (taps_create(h, out_h, &vertical) && taps_create(w, out_w, &horizontal) && row)
    resample(w, image, out_h, out_w, &vertical, &horizontal, row, result);
  else
    status = od_fail_memory(error, "resizing an image");
  od_release(row);
  taps_destroy(&vertical);
  taps_destroy(&horizontal);
  return status;
}
