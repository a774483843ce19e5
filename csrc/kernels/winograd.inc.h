/* The transforms of Winograd's F(2x2, 3x3) around its matrix products, and the fused
 * max-pool, for any instruction set: one vector of channels of one tile at a time, its
 * 4x4 numbers in registers. A kernels_*.c defines its vector first (kernels_vector.h
 * says how; here vector_sub and vector_where, a > b ? x : y, are wanted too), then
 * includes this file. kernels_scalar.c does so with vectors of one number. */

#include "kernels/winograd_input.inc.h"

static void winograd_input(const od_winograd_row *row, const od_real *x, od_real *v) {
  winograd_input_tiles(row, x, v, sizeof *v);
}

/* A^T m A + bias, where A^T m is (m0 + m1 + m2, m1 - m2 - m3): the four outputs of the
 * tile in reading order. */
OD_INLINE void winograd_outputs(const od_winograd_row *row, const od_real *m, const od_real *bias,
                                vector y[4], const bool whole, mask some) {
#define LOAD(P) (whole ? vector_load(P) : vector_load_some(P, some))
  vector top[4], bottom[4], b = LOAD(bias);
  OD_UNROLL for (int k = 0; k < 4; k++) {
    vector m1 = LOAD(m + (size_t)(4 + k) * row->pitch);
    vector m2 = LOAD(m + (size_t)(8 + k) * row->pitch);
    top[k] = vector_add(LOAD(m + (size_t)k * row->pitch), vector_add(m1, m2));
    bottom[k] = vector_sub(vector_sub(m1, m2), LOAD(m + (size_t)(12 + k) * row->pitch));
  }
#undef LOAD
  y[0] = vector_add(vector_add(top[0], b), vector_add(top[1], top[2]));
  y[1] = vector_add(vector_sub(vector_sub(top[1], top[2]), top[3]), b);
  y[2] = vector_add(vector_add(bottom[0], b), vector_add(bottom[1], bottom[2]));
  y[3] = vector_add(vector_sub(vector_sub(bottom[1], bottom[2]), bottom[3]), b);
}

OD_INLINE void winograd_output_vector(const od_winograd_row *row, const od_real *m,
                                      const od_real *bias, bool relu, od_real *y,
                                      const bool whole, mask some) {
  vector outputs[4], zero = vector_zero();
  winograd_outputs(row, m, bias, outputs, whole, some);
  OD_UNROLL for (int k = 0; k < 4; k++) {
    od_real *to = y + (size_t)(k / 2) * row->image_row + (size_t)(k % 2) * row->channels;
    vector result = relu ? vector_max(outputs[k], zero) : outputs[k];
    if (whole)
      vector_store(to, result);
    else
      vector_store_some(to, result, some);
  }
}

static void winograd_output(const od_winograd_row *row, const od_real *m, const od_real *bias,
                            bool relu, od_real *y) {
  size_t c = row->channels;
  for (size_t tile = 0; tile < row->tiles; tile++, m += c, y += 2 * c) {
    size_t i = 0;
    for (; i + LANES <= c; i += LANES)
      winograd_output_vector(row, m + i, bias + i, relu, y + i, true, mask_of(0));
    if (i < c)
      winograd_output_vector(row, m + i, bias + i, relu, y + i, false, mask_of(c - i));
  }
}

static void winograd_output_pool(const od_winograd_row *row, const od_real *m, const od_real *bias,
                                 bool relu, od_real *y, uint8_t *choice) {
  size_t c = row->channels;
  for (size_t at = 0; at < row->tiles * c; at += c)
    for (size_t i = 0; i < c; i += LANES) {
      bool whole = c - i >= LANES;
      mask some = mask_of(whole ? LANES : c - i);
      vector outputs[4];
      if (whole)
        winograd_outputs(row, m + at + i, bias + i, outputs, true, some);
      else
        winograd_outputs(row, m + at + i, bias + i, outputs, false, some);
      pool_outputs(outputs, relu, c - i, y + at + i, choice ? choice + at + i : NULL);
    }
}
