/* The number type of the products of convolutions and dense layers. Sums have 32 bits in any
 * case, and activations between layers are float. */
#ifndef OD_NN_PRECISION_H
#define OD_NN_PRECISION_H

typedef enum od_precision {
  OD_FLOAT32,
  OD_BFLOAT16, /* weights and inputs rounded to 8 significant bits; in training also in the
                  backward pass of Winograd's algorithm */
  OD_INT8      /* weights quantized to -127..127 steps per channel, inputs to 0..127 steps of
                  the calibrated range; for inference only */
} od_precision;

#endif
