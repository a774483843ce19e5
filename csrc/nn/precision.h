/* The numbers that convolutions and dense layers multiply. Sums are 32 bits wide in any
 * case, and what flows between layers is float. */
#ifndef OD_NN_PRECISION_H
#define OD_NN_PRECISION_H

typedef enum od_precision {
  OD_FLOAT32,
  OD_BFLOAT16, /* weights and inputs rounded to 8 significant bits; what Winograd's algorithm
                  takes back in training too */
  OD_INT8      /* weights to -127..127 steps, a channel at a time, inputs to 0..127 steps of
                  the range that a calibration has seen; for inference only */
} od_precision;

#endif
