/* The kernels of image/: one row at a time, bytes side by side. As in kernels.h, one table
 * for each instruction set, and all give the same bits. They check nothing. Rows may lie
 * anywhere; results overlap no input unless it is said. */
#ifndef OD_KERNELS_IMAGE_KERNELS_H
#define OD_KERNELS_IMAGE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct od_image_kernels {
  /* gray (n) = (weights . pixels (n, 3) + 2^14) >> 15; weights add up to 2^15. */
  void (*gray)(size_t n, const uint8_t *pixels, const uint16_t weights[3], uint8_t *gray);
  /* The same of pixels (n, 4), with each channel first composited over the background:
   * (alpha channel + (255 - alpha) background + 127) / 255. */
  void (*gray_over)(size_t n, const uint8_t *pixels, const uint16_t weights[3], uint8_t background,
                    uint8_t *gray);

  /* y = x > threshold ? above : below; y may be x. */
  void (*threshold)(size_t n, const uint8_t *x, uint8_t threshold, uint8_t above, uint8_t below,
                    uint8_t *y);

  /* sums (n) += plus - minus, how column sums move one row on. */
  void (*move_sums16)(size_t n, const uint8_t *plus, const uint8_t *minus, uint16_t *sums);
  void (*move_sums32)(size_t n, const uint8_t *plus, const uint8_t *minus, uint32_t *sums);
  /* Sums of `length` numbers side by side, of x (n + length - 1): sums (n), whose memory
   * holds n + length - 1 numbers. Odd lengths from 3. */
  void (*window_sums16)(size_t n, size_t length, const uint16_t *x, uint16_t *sums);
  void (*window_sums32)(size_t n, size_t length, const uint32_t *x, uint32_t *sums);
  /* Means of sums below 2^24: (float)sum * scale, rounded half to even. */
  void (*means16)(size_t n, const uint16_t *sums, float scale, uint8_t *means);
  void (*means32)(size_t n, const uint32_t *sums, float scale, uint8_t *means);
  /* y = x - mean > bound ? above : below, -256 <= bound <= 255; y may be x or mean. */
  void (*threshold_at)(size_t n, const uint8_t *x, const uint8_t *mean, int bound, uint8_t above,
                       uint8_t below, uint8_t *y);

  /* Linear resizing across: y (n) = (x[first] * weights[0] + x[first + 1] * weights[1]) >> 4,
   * with a first and two weights, which add up to 2048, for each of n; x (w), w >= 2 or a
   * pixel more than w says. */
  void (*resize_across)(size_t n, size_t w, const uint8_t *x, const uint16_t *first,
                        const int16_t *weights, uint16_t *y);
  /* And down: each row's product with its weight, shifted by 16, then (sum + 2) >> 2. */
  void (*resize_down)(size_t n, const uint16_t *top, const uint16_t *bottom, uint16_t weight_top,
                      uint16_t weight_bottom, uint8_t *y);
  /* y (n): means of 2 x 2 pixels of two rows (2 n), rounded half up. */
  void (*halve)(size_t n, const uint8_t *top, const uint8_t *bottom, uint8_t *y);

  /* y = x * scale + shift, fused, cut to 0..255 and rounded half to even. */
  void (*scale)(size_t n, const uint8_t *x, float scale, float shift, uint8_t *y);
  /* range[0] = min(range[0], x (n)), range[1] = max(range[1], x). */
  void (*widen_range)(size_t n, const uint8_t *x, uint8_t range[2]);
  /* The sums of p, i p, i^2 p and i^3 p over pixels p of x (n), i from 0, n <= 64. */
  void (*powers)(size_t n, const uint8_t *x, uint32_t sums[4]);

  /* Where results x = first, first + 1, ... of row y come from, along one axis: the place
   * m[0] x + m[1] y + m[2], with a fused multiply-add either of x and what is left or of x
   * and m[1] y; cut to +-2^30; as the next lower whole number and the rest, 0 to 1. */
  void (*warp_places)(size_t n, size_t first, float y, const float m[3], bool fused, int32_t *place,
                      float *part);
  /* Between four pixels: first along the rows, then between them; fused, rounded half to
   * even. fours (n) hold the upper two in their low bytes, of each two the left one lower. */
  void (*mix)(size_t n, const uint32_t *fours, const float *right, const float *down, uint8_t *y);

  /* y (n): the lowest, the highest of `count` >= 1 rows, pixel by pixel. */
  void (*lowest_of)(size_t n, size_t count, const uint8_t *const *rows, uint8_t *y);
  void (*highest_of)(size_t n, size_t count, const uint8_t *const *rows, uint8_t *y);

  /* Smoothing with `taps` (odd) weights, the same from either end; half (taps / 2 + 1) has
   * them from the centre on. x (n + taps - 1) begins taps / 2 before the first result.
   *
   * In fixed point, where all weights add up to 256: the sums across, of 16 bits, apart by
   * their high and low bytes. */
  void (*blur_across)(size_t n, size_t taps, const uint8_t *x, const uint16_t *half,
                      uint16_t *high, uint16_t *low);
  /* And down: row k of `taps` is high[k], low[k] (n); y (n) rounded half up. */
  void (*blur_down)(size_t n, size_t taps, const uint16_t *const *high, const uint16_t *const *low,
                    const uint16_t *half, uint8_t *y);
  /* In floats: across, one tap after the other from the left, with fused multiply-adds. */
  void (*smooth_across)(size_t n, size_t taps, const float *x, const float *weights, float *y);
  /* Down, from the middle row (n) outward, its two neighbours added before they are
   * weighted; y (n) rounded half to even. */
  void (*smooth_down)(size_t n, size_t taps, const float *const *rows, const float *half,
                      uint8_t *y);

  /* Paper and ink (image/ink.h). first (n) += q, second (n) += q^2, third (n) += q^3, where
   * q = x - 128. */
  void (*add_powers)(size_t n, const uint8_t *x, int32_t *first, int32_t *second, int32_t *third);
  /* y (columns, size): from the middle of one node to that of the next, linear, `size` pixels
   * each, as after the last; nodes (columns) = top + part (bottom - top). size: 1, 2, 4 or 8. */
  void (*ramps)(size_t columns, size_t size, const float *top, const float *bottom, float part,
                float *y);
  /* y = level - x, cut to 0..255, rounded half up. */
  void (*below)(size_t n, const uint8_t *x, const float *level, uint8_t *y);
  /* The same over an earlier y. Where that was at most `bound`, the square of level - x is
   * added to squares[i % 16], and over[i] = 0; elsewhere over[i] is the new y. */
  void (*below_again)(size_t n, const uint8_t *x, const float *level, uint8_t bound, uint8_t *y,
                      uint8_t *over, float squares[16]);
  /* y = y * (scale / full) - shift, cut to 0..255, rounded half up. */
  void (*stretch)(size_t n, const float *full, float scale, float shift, uint8_t *y);
  /* Bit i % 64 of bits[i / 64]: whether x[i] >= level; 0 from n to the end of the last word. */
  void (*bits)(size_t n, const uint8_t *x, uint8_t level, uint64_t *bits);
} od_image_kernels;

#endif
