#include <math.h>
#include <string.h>

#include "train/augment_operations.h"

static size_t pixel_count(const od_canvas *canvas) { return (size_t)canvas->h * (size_t)canvas->w; }

static od_real clip(od_real x) {
  x = x > 0 ? x : 0;
  return x < 1 ? x : 1;
}

/* In eight partial sums, side by side in vector registers. */
static od_real mean(size_t n, const od_real *x) {
  enum { LANES = 8 };
  od_real sums[LANES] = {0}, sum = 0;
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t lane = 0; lane < LANES; lane++) sums[lane] += x[i + lane];
  for (; i < n; i++) sum += x[i];
  for (size_t lane = 0; lane < LANES; lane++) sum += sums[lane];
  return sum / (od_real)n;
}

/* Keras' RandomContrast clips to its value_range, (0, 255) unless told otherwise, so
 * pixels in [0, 1] are clipped from below only. */
void od_scale_contrast(const od_canvas *canvas, od_real factor) {
  const size_t n = pixel_count(canvas);
  const od_real middle = mean(n, canvas->image);
  for (size_t i = 0; i < n; i++) {
    const od_real x = (canvas->image[i] - middle) * factor + middle;
    canvas->image[i] = x > 0 ? x : 0;
  }
}

/* Grayscale dilation and erosion with a 3x3 cross (Serra, 1982). The repeated edge
 * of `padded` is neutral: each edge pixel meets itself. */
void od_change_stroke_width(const od_canvas *canvas, od_real amount) {
  const size_t h = (size_t)canvas->h, w = (size_t)canvas->w, stride = w + 3;
  /* Erosion is the dilation of the negative. */
  const od_real sign = amount < 0 ? -1 : 1, share = amount * sign;
  od_pad_edge(canvas);
  for (size_t row = 0; row < h; row++) {
    const od_real *here = canvas->padded + (row + 1) * stride + 1;
    const od_real *above = here - stride, *below = here + stride;
    od_real *restrict image = canvas->image + row * w;
    for (size_t i = 0; i < w; i++) {
      const od_real x = sign * here[i];
      const od_real left = sign * here[i - 1], right = sign * here[i + 1];
      const od_real up = sign * above[i], down = sign * below[i];
      const od_real across = left > right ? left : right, along = up > down ? up : down;
      const od_real most = across > along ? across : along;
      const od_real extreme = most > x ? most : x;
      image[i] = sign * (x + share * (extreme - x));
    }
  }
}

void od_add_brightness(const od_canvas *canvas, od_real amount) {
  const size_t n = pixel_count(canvas);
  for (size_t i = 0; i < n; i++) canvas->image[i] = clip(canvas->image[i] + amount);
}

void od_invert(const od_canvas *canvas) {
  const size_t n = pixel_count(canvas);
  for (size_t i = 0; i < n; i++) canvas->image[i] = clip(1 - canvas->image[i]);
}

/* A standard normal from 64 random bits: the sum of four uniform numbers, bent by a
 * polynomial, after Teichroew (Knuth, The Art of Computer Programming 2, 3.4.1). This
 * polynomial makes variance 1 and kurtosis 3; the distribution function is right to
 * 0.002 and ends at 4.06 sigma. */
static float normal_from_bits(uint64_t bits) {
  const uint32_t sum = (uint32_t)(bits & 0xffff) + (uint32_t)(bits >> 16 & 0xffff) +
                       (uint32_t)(bits >> 32 & 0xffff) + (uint32_t)(bits >> 48);
  const float z = ((float)(int32_t)sum - 131070.0f) * (float)(1.7320508075688772 / 65536);
  return z * (0.94903552f + 0.01864151f * z * z);
}

void od_add_noise(const od_canvas *canvas, od_rng *rng, od_real sigma) {
  const size_t n = pixel_count(canvas);
  for (size_t i = 0; i < n; i++)
    canvas->image[i] = clip(canvas->image[i] + sigma * normal_from_bits(od_rng_next(rng)));
}

static double clamp(double x, double low, double high) {
  return x < low ? low : x > high ? high : x;
}

/* Random erasing (Zhong et al., 2020). The aspect ratio, height to width, is drawn evenly
 * on a log scale from 1/3 to 3, as far as such a rectangle fits into the image. */
void od_erase(const od_canvas *canvas, od_rng *rng, double share, od_real value) {
  const double h = canvas->h, w = canvas->w, area = share * h * w;
  if (area <= 0) return;
  const double flattest = area / (w * w), tallest = h * h / area;
  const double low = log(clamp(1.0 / 3, flattest, tallest));
  const double high = log(clamp(3, flattest, tallest));
  const double aspect = exp(od_rng_range(rng, low, high));
  const double height = clamp(round(sqrt(area * aspect)), ceil(area / w), h);
  const double width = round(area / height); /* at most w, as height is at least area / w */
  const size_t top = (size_t)od_rng_below(rng, (uint64_t)(h - height) + 1);
  const size_t left = (size_t)od_rng_below(rng, (uint64_t)(w - width) + 1);
  for (size_t row = top; row < top + (size_t)height; row++) {
    od_real *pixels = canvas->image + row * (size_t)canvas->w + left;
    for (size_t i = 0; i < (size_t)width; i++) pixels[i] = value;
  }
}

/* One axis of the blur: `length` pixels, `step` apart, `line` (length) is scratch. */
static void blur_line(int length, size_t step, int radius, const od_real *taps, od_real *pixels,
                      od_real *line) {
  for (int i = 0; i < length; i++) line[i] = pixels[(size_t)i * step];
  for (int i = 0; i < length; i++) {
    od_real sum = taps[0] * line[i];
    for (int k = 1; k <= radius; k++) {
      const int before = i > k ? i - k : 0, after = i + k < length ? i + k : length - 1;
      sum += taps[k] * (line[before] + line[after]);
    }
    pixels[(size_t)i * step] = sum;
  }
}

void od_blur(const od_canvas *canvas, double sigma) {
  enum { MOST = 9 }; /* three times the largest sigma */
  const int radius = (int)ceil(3 * sigma);
  od_real taps[MOST + 1];
  od_real line[OD_MAX_AUGMENT_SIDE];
  double sum = 0;
  if (sigma < 0.01 || radius > MOST) return; /* so narrow that no neighbour would count */
  for (int k = 0; k <= radius; k++) {
    const double tap = exp(-k * k / (2 * sigma * sigma));
    taps[k] = (od_real)tap;
    sum += k ? 2 * tap : tap;
  }
  for (int k = 0; k <= radius; k++) taps[k] = (od_real)((double)taps[k] / sum);
  for (int y = 0; y < canvas->h; y++)
    blur_line(canvas->w, 1, radius, taps, canvas->image + (size_t)y * (size_t)canvas->w, line);
  for (int x = 0; x < canvas->w; x++)
    blur_line(canvas->h, (size_t)canvas->w, radius, taps, canvas->image + x, line);
}
