/* Augmentations of pixel values. */
#include <math.h>

#include "train/augment_operations.h"

static size_t pixel_count(const od_canvas *canvas) { return (size_t)canvas->h * (size_t)canvas->w; }

static od_real clip(od_real x) {
  x = x > 0 ? x : 0;
  return x < 1 ? x : 1;
}

/* Summed in eight partial sums, which the compiler vectorizes. */
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

/* Keras' RandomContrast clips to its value_range, by default (0, 255), so pixels in [0, 1] are
 * clipped from below only. */
void od_augment_contrast(const od_canvas *canvas, od_real factor) {
  const size_t n = pixel_count(canvas);
  const od_real middle = mean(n, canvas->image);
  for (size_t i = 0; i < n; i++) {
    const od_real x = (canvas->image[i] - middle) * factor + middle;
    canvas->image[i] = x > 0 ? x : 0;
  }
}

/* Grayscale dilation and erosion with a 3x3 cross (Serra, 1982). The repeated edge in `padded`
 * has no effect. Erosion is computed as the dilation of -x. */
void od_augment_stroke_width(const od_canvas *canvas, od_real amount) {
  const size_t h = (size_t)canvas->h, w = (size_t)canvas->w, stride = w + 3;
  const od_real sign = amount < 0 ? -1 : 1, weight = amount * sign;
  od_pad_edge(canvas);
  for (size_t row = 0; row < h; row++) {
    const od_real *centre = canvas->padded + (row + 1) * stride + 1;
    const od_real *above = centre - stride, *below = centre + stride;
    const od_real *before = centre - 1, *after = centre + 1;
    od_real *restrict image = canvas->image + row * w;
    for (size_t i = 0; i < w; i++) {
      const od_real x = sign * centre[i];
      const od_real left = sign * before[i], right = sign * after[i];
      const od_real top = sign * above[i], bottom = sign * below[i];
      const od_real horizontal = left > right ? left : right;
      const od_real vertical = top > bottom ? top : bottom;
      const od_real neighbours = horizontal > vertical ? horizontal : vertical;
      const od_real extreme = neighbours > x ? neighbours : x;
      image[i] = sign * (x + weight * (extreme - x));
    }
  }
}

void od_augment_brightness(const od_canvas *canvas, od_real amount) {
  const size_t n = pixel_count(canvas);
  for (size_t i = 0; i < n; i++) canvas->image[i] = clip(canvas->image[i] + amount);
}

void od_augment_invert(const od_canvas *canvas) {
  const size_t n = pixel_count(canvas);
  for (size_t i = 0; i < n; i++) canvas->image[i] = clip(1 - canvas->image[i]);
}

/* A standard normal number from 64 random bits: a polynomial of the sum of four uniform numbers,
 * after Teichroew (Knuth, The Art of Computer Programming 2, 3.4.1). The polynomial gives variance
 * 1 and kurtosis 3; the distribution function is exact to 0.002 and is cut at 4.06 sigma. */
static float normal_from_bits(uint64_t bits) {
  const uint32_t sum = (uint32_t)(bits & 0xffff) + (uint32_t)(bits >> 16 & 0xffff) +
                       (uint32_t)(bits >> 32 & 0xffff) + (uint32_t)(bits >> 48);
  const float z = ((float)(int32_t)sum - 131070.0f) * (float)(1.7320508075688772 / 65536);
  return z * (0.94903552f + 0.01864151f * z * z);
}

void od_augment_noise(const od_canvas *canvas, od_rng *rng, od_real sigma) {
  const size_t n = pixel_count(canvas);
  for (size_t i = 0; i < n; i++)
    canvas->image[i] = clip(canvas->image[i] + sigma * normal_from_bits(od_rng_next(rng)));
}

static double clamp(double x, double low, double high) {
  return x < low ? low : x > high ? high : x;
}

/* Random erasing (Zhong et al., 2020). The aspect ratio, height to width, is drawn log-uniformly
 * from 1/3 to 3, limited to rectangles that fit into the image. */
void od_augment_erase(const od_canvas *canvas, od_rng *rng, double area, od_real value) {
  const double h = canvas->h, w = canvas->w, pixels = area * h * w;
  if (pixels <= 0) return;
  const double min_aspect = pixels / (w * w), max_aspect = h * h / pixels;
  const double low = log(clamp(1.0 / 3, min_aspect, max_aspect));
  const double high = log(clamp(3, min_aspect, max_aspect));
  const double aspect = exp(od_rng_range(rng, low, high));
  const double height = clamp(round(sqrt(pixels * aspect)), ceil(pixels / w), h);
  const double width = round(pixels / height); /* at most w, as height is at least pixels / w */
  const size_t top = (size_t)od_rng_below(rng, (uint64_t)(h - height) + 1);
  const size_t left = (size_t)od_rng_below(rng, (uint64_t)(w - width) + 1);
  for (size_t row = top; row < top + (size_t)height; row++) {
    od_real *to = canvas->image + row * (size_t)canvas->w + left;
    for (size_t i = 0; i < (size_t)width; i++) to[i] = value;
  }
}

/* Blur `length` pixels that lie `step` apart; `line` (length) is scratch. */
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

void od_augment_blur(const od_canvas *canvas, double sigma) {
  enum { MAX_RADIUS = 9 }; /* three times the largest sigma */
  const int radius = (int)ceil(3 * sigma);
  od_real taps[MAX_RADIUS + 1];
  od_real line[OD_MAX_AUGMENT_SIDE];
  double sum = 0;
  if (sigma < 0.01 || radius > MAX_RADIUS) return; /* below 0.01, neighbours have no weight */
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
