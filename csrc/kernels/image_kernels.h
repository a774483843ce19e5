/* The table of kernels of image/, and of the background estimate of digit/: one row at a
 * time, on contiguous bytes. As in kernels.h there is one table for each instruction set, and
 * all give the same bits. They check nothing. Rows need no alignment; results overlap no
 * input unless stated.
 *
 * image_loops.inc.h has the reference, which the compiler vectorizes; image_vector.inc.h and
 * image_x86.inc.h have the versions with vectors. */
#ifndef OD_KERNELS_IMAGE_KERNELS_H
#define OD_KERNELS_IMAGE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/api.h"

OD_BEGIN_DECLS

typedef struct od_image_kernels {
  /* -- colours -- */

  /* gray (n) = (weights . pixels (n, 3) + 2^14) >> 15; weights add up to 2^15. */
  void (*gray)(size_t n, const uint8_t *pixels, const uint16_t weights[3], uint8_t *gray);
  /* The same of pixels (n, 4), with each channel first composited over the background:
   * (alpha channel + (255 - alpha) background + 127) / 255. */
  void (*gray_over)(size_t n, const uint8_t *pixels, const uint16_t weights[3], uint8_t background,
                    uint8_t *gray);

  /* -- thresholds -- */

  /* y = x > threshold ? above : below; y may be x. */
  void (*threshold)(size_t n, const uint8_t *x, uint8_t threshold, uint8_t above, uint8_t below,
                    uint8_t *y);
  /* y = x - mean > bound ? above : below, -256 <= bound <= 255; y may be x or mean. */
  void (*adaptive_threshold)(size_t n, const uint8_t *x, const uint8_t *mean, int bound,
                             uint8_t above, uint8_t below, uint8_t *y);
  /* Bit i % 64 of bits[i / 64]: whether x[i] >= level; 0 from n to the end of the last word. */
  void (*threshold_bits)(size_t n, const uint8_t *x, uint8_t level, uint64_t *bits);

  /* -- box filter -- */

  /* sums (n) += plus - minus: moves column sums one row on. */
  void (*move_sums16)(size_t n, const uint8_t *plus, const uint8_t *minus, uint16_t *sums);
  void (*move_sums32)(size_t n, const uint8_t *plus, const uint8_t *minus, uint32_t *sums);
  /* Sums of `length` contiguous numbers of x (n + length - 1): sums (n), whose memory holds
   * n + length - 1 numbers. Odd lengths from 3. */
  void (*window_sums16)(size_t n, size_t length, const uint16_t *x, uint16_t *sums);
  void (*window_sums32)(size_t n, size_t length, const uint32_t *x, uint32_t *sums);
  /* Means of sums below 2^24: (float)sum * scale, rounded half to even. */
  void (*means16)(size_t n, const uint16_t *sums, float scale, uint8_t *means);
  void (*means32)(size_t n, const uint32_t *sums, float scale, uint8_t *means);

  /* -- resize and warp -- */

  /* Linear, horizontal: y (n) = (x[first] * weights[0] + x[first + 1] * weights[1]) >> 4,
   * with a first and two weights, which add up to 2048, for each of n; x (w), w >= 2, or
   * w + 1 readable pixels. */
  void (*resize_horizontal)(size_t n, size_t w, const uint8_t *x, const uint16_t *first,
                            const int16_t *weights, uint16_t *y);
  /* Linear, vertical: each row's product with its weight, shifted by 16, then (sum + 2) >> 2. */
  void (*resize_vertical)(size_t n, const uint16_t *top, const uint16_t *bottom,
                          uint16_t weight_top, uint16_t weight_bottom, uint8_t *y);
  /* y (n): means of 2 x 2 pixels of two rows (2 n), rounded half up. */
  void (*halve)(size_t n, const uint8_t *top, const uint8_t *bottom, uint8_t *y);
  /* Source coordinates of the results x = first, first + 1, ... of row y along one axis:
   * m[0] x + m[1] y + m[2], with a fused multiply-add either of x and the rest or of x
   * and m[1] y; clipped to +-2^30; as the floor and the remaining part, 0 to 1. */
  void (*warp_coordinates)(size_t n, size_t first, float y, const float m[3], bool fused,
                           int32_t *place, float *part);
  /* Bilinear interpolation between four pixels, first horizontal, then vertical; fused,
   * rounded half to even. fours (n) hold the upper two in their low bytes, of each two the
   * left one lower; weights of the right and of the lower pixels. */
  void (*bilinear)(size_t n, const uint32_t *fours, const float *right, const float *lower,
                   uint8_t *y);

  /* -- levels -- */

  /* y = x * scale + shift, fused, clipped to 0..255 and rounded half to even. */
  void (*scale)(size_t n, const uint8_t *x, float scale, float shift, uint8_t *y);
  /* range[0] = min(range[0], x (n)), range[1] = max(range[1], x). */
  void (*min_max)(size_t n, const uint8_t *x, uint8_t range[2]);

  /* -- moments and morphology -- */

  /* The sums of p, i p, i^2 p and i^3 p over pixels p of x (n), i from 0, n <= 64. */
  void (*moments)(size_t n, const uint8_t *x, uint32_t sums[4]);
  /* y (n): the minimum, the maximum of `count` >= 1 rows, pixel by pixel. */
  void (*min_of_rows)(size_t n, size_t count, const uint8_t *const *rows, uint8_t *y);
  void (*max_of_rows)(size_t n, size_t count, const uint8_t *const *rows, uint8_t *y);

  /* -- Gaussian filter: `taps` (odd) symmetric weights; half (taps / 2 + 1) has them from the
   * centre on; x (n + taps - 1) begins taps / 2 before the first result -- */

  /* In fixed point, where all weights add up to 256. Horizontal: sums of 16 bits, split into
   * their high and low bytes. */
  void (*blur_fixed_horizontal)(size_t n, size_t taps, const uint8_t *x, const uint16_t *half,
                                uint16_t *high, uint16_t *low);
  /* Vertical: row k of `taps` is high[k], low[k] (n); y (n) rounded half up. */
  void (*blur_fixed_vertical)(size_t n, size_t taps, const uint16_t *const *high,
                              const uint16_t *const *low, const uint16_t *half, uint8_t *y);
  /* In floats. Horizontal: one tap after the other from the left, with fused multiply-adds. */
  void (*blur_float_horizontal)(size_t n, size_t taps, const float *x, const float *weights,
                                float *y);
  /* Vertical: from the middle row (n) outward, its two neighbours added before they are
   * weighted; y (n) rounded half to even. */
  void (*blur_float_vertical)(size_t n, size_t taps, const float *const *rows, const float *half,
                              uint8_t *y);

  /* -- background estimate (digit/foreground.h) -- */

  /* first (n) += q, second (n) += q^2, third (n) += q^3, where q = x - 128. */
  void (*add_powers)(size_t n, const uint8_t *x, int32_t *first, int32_t *second, int32_t *third);
  /* Linear interpolation between the nodes of a coarse grid: y (columns, size), `size` pixels
   * from the centre of one node to that of the next, as after the last;
   * nodes (columns) = top + part (bottom - top). size: 1, 2, 4 or 8. */
  void (*interpolate_nodes)(size_t columns, size_t size, const float *top, const float *bottom,
                            float part, float *y);
  /* y = level - x, clipped to 0..255, rounded half up. */
  void (*subtract_from)(size_t n, const uint8_t *x, const float *level, uint8_t *y);
  /* The same over an earlier y. Where that was at most `bound`, the square of level - x is
   * added to squares[i % 16], and over[i] = 0; elsewhere over[i] is the new y. */
  void (*subtract_again)(size_t n, const uint8_t *x, const float *level, uint8_t bound, uint8_t *y,
                         uint8_t *over, float squares[16]);
  /* y = y * (scale / full) - shift, clipped to 0..255, rounded half up. */
  void (*normalize_contrast)(size_t n, const float *full, float scale, float shift, uint8_t *y);
} od_image_kernels;

OD_END_DECLS

#endif
