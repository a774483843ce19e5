/* The loss of a network on a batch and its gradient.
 *
 * The batch is cut into slices of a few images. Within a stage (the layers between
 * two batch norms, which need the statistics of the whole batch) a slice goes
 * through all layers on one thread. Each slice sums its gradients in a place of its
 * own and these are added in order, so the thread count changes no bit. */
#ifndef OD_NN_GRADIENT_H
#define OD_NN_GRADIENT_H

#include "base/thread_pool.h"
#include "nn/images.h"
#include "nn/network.h"
#include "nn/precision.h"

typedef struct od_gradient od_gradient;

/* Fills pixels (size) of batch image `index`; called from several threads. This is
 * where a trainer loads and augments. */
typedef void od_image_source(void *context, int index, int worker, od_real *pixels);

typedef struct od_batch {
  od_image_source *source;
  void *context;
  const uint8_t *labels; /* (count), each below the number of classes; of a network that gives
                            columns (count, length), each line's ended by the blank, the last
                            class */
  size_t length;         /* of a line's labels, at most; they fit into the columns */
  const od_real *targets; /* (count, classes), each row with sum 1, for the loss in the labels'
                             place; or NULL, as of lines */
  int count;             /* 1 to the capacity */
  uint64_t seed;         /* of dropout; a new one each step */
} od_batch;

typedef struct od_loss {
  double loss;   /* mean softmax cross-entropy, or of lines CTC loss */
  int correct;   /* images whose largest score is the label's, or lines read right */
} od_loss;

/* For batches of up to `capacity` images of this network, whose values it reads at
 * each call. In OD_BFLOAT16 the products of the forward pass go in narrow numbers; weights,
 * activations, all sums and the backward pass stay float. Destroy before the network.
 * Errors: OD_ERROR_ARGUMENT where such a batch would take more than 8 GiB, and for OD_INT8,
 * which has no gradient; OD_ERROR_MEMORY. */
od_status od_gradient_create(od_network *network, const od_kernels *kernels,
                             od_precision precision, int capacity, int threads,
                             od_gradient **gradient, od_error *error);
void od_gradient_destroy(od_gradient *gradient);

/* Moves the moving statistics of all batch norms towards those of the last run's batch;
 * a trainer does it after each step that it takes. */
void od_gradient_update_statistics(od_gradient *gradient);

/* Loss, and into `values` (trainable size) its gradient. label_smoothing in [0, 1)
 * takes that share of the target from the label and spreads it over all classes. */
od_loss od_gradient_run(od_gradient *gradient, od_thread_pool *pool, const od_batch *batch,
                        double label_smoothing, od_real *values);

#endif
