/* Inference: a network made ready to run. Batch norms are folded into the
 * convolutions before them, ReLU and max-pool are fused, all scratch memory is there
 * from the start: a run allocates nothing.
 *
 * An od_inference copies what it needs from the network, and must be refreshed after
 * the network's numbers change. One run at a time. */
#ifndef OD_NN_INFERENCE_H
#define OD_NN_INFERENCE_H

#include "base/pool.h"
#include "nn/images.h"
#include "nn/network.h"

typedef struct od_inference od_inference;

/* For pools of up to `threads` workers. Destroy with od_inference_destroy; the
 * network may go before it. */
od_status od_inference_create(const od_network *network, const od_kernels *kernels, int threads,
                              od_inference **inference, od_error *error);
void od_inference_destroy(od_inference *inference);

/* Takes over the numbers of `network`, which has the layers it was created from. */
void od_inference_refresh(od_inference *inference, const od_network *network);

/* scores (count, classes): class scores, or with `softmax` probabilities. images->size
 * must be the input's size. */
void od_inference_run(od_inference *inference, od_pool *pool, const od_images *images,
                      bool softmax, od_real *scores);

#endif
