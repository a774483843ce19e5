/* The numbers of a plan for inference: a layer's own, with the batch norm after it folded
 * into them. Private to nn/. */
#ifndef OD_NN_FOLD_BATCH_NORM_H
#define OD_NN_FOLD_BATCH_NORM_H

#include "nn/plan.h"

/* Numbers that od_fold_batch_norm writes: `kernel`, and `bias` (0 if there is none). */
typedef struct od_folded_size {
  size_t kernel, bias;
} od_folded_size;
od_folded_size od_folded_sizes(const od_op *op);

/* Writes kernel (k, k, c, C) or (c, C) and bias (C) of a convolution or dense layer; kernel (c)
 * and bias (c) of a batch norm that is not folded, y = kernel x + bias; of other operations
 * none. */
void od_fold_batch_norm(const od_op *op, const od_network *network, od_real *kernel, od_real *bias);

#endif
