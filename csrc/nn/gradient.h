/* The loss of a network on a batch and its gradient.
 *
 * The batch is cut into slices of a few images. Within a stage (the layers between
 * two batch norms, which need the statistics of the whole batch) one thread runs a slice
 * through all layers. Each slice sums its gradients separately, and these sums are
 * added in order, so that the results do not depend on the number of threads. */
#ifndef OD_NN_GRADIENT_H
#define OD_NN_GRADIENT_H

#include "base/api.h"
#include "base/thread_pool.h"
#include "nn/images.h"
#include "nn/network.h"
#include "nn/precision.h"

OD_BEGIN_DECLS

typedef struct od_gradient od_gradient;

/* Fills pixels (size) of batch image `index`; called from several threads. A trainer loads and
 * augments here. */
typedef void od_image_source(void *context, int index, int worker, od_real *pixels);

typedef struct od_batch {
  od_image_source *source;
  void *context;
  /* (count), each below the number of classes; of a network with a sequence as output
   * (count, length), each ended by the blank, the last class; with a map as output (count, h', w'),
   * where OD_IGNORE_LABEL marks pixels without a loss */
  const uint8_t *labels;
  size_t length; /* labels of a sequence, at most; od_ctc_min_steps of them are available */
  /* (count, classes), each row with sum 1, for the loss in place of labels; or NULL, as for
   * sequences and maps */
  const od_real *targets;
  /* (classes), at least 0: of the loss of a map's pixels, by their labels; or NULL, 1 for all */
  const double *class_weights;
  int count;     /* 1 to the capacity */
  uint64_t seed; /* of dropout; a new one each step */
} od_batch;

typedef struct od_loss {
  double loss;    /* mean softmax cross-entropy over images, or over the labelled pixels of maps,
                     weighted by class; or mean CTC loss of sequences; 0 without a labelled pixel */
  size_t counted; /* images, or labelled pixels */
  size_t correct; /* of them, whose label has the largest score, or sequences decoded correctly */
} od_loss;

/* Creates the state for batches of up to `capacity` images of this network, whose values each
 * run reads. In OD_BFLOAT16 the products of the forward pass are in low precision; weights,
 * activations, all sums and the backward pass stay float. Destroy before the network.
 * Errors: OD_ERROR_ARGUMENT if such a batch would take more than 8 GiB, and for OD_INT8,
 * which has no gradient; OD_ERROR_MEMORY. */
od_status od_gradient_create(od_network *network, const od_kernels *kernels, od_precision precision,
                             int capacity, int threads, od_gradient **gradient, od_error *error);
void od_gradient_destroy(od_gradient *gradient);

/* Moves the moving statistics of all batch norms towards those of the last run's batch; called
 * after each training step. */
void od_gradient_update_statistics(od_gradient *gradient);

/* Writes the loss into *loss and its gradient into `values` (trainable size). label_smoothing in
 * [0, 1) is the part of the target that is distributed over all classes. A pool of more threads
 * than the state was created for is used as one of a single thread. Returns OD_STOPPED if the call
 * was interrupted. */
od_status od_gradient_run(od_gradient *gradient, const od_thread_pool *pool, const od_batch *batch,
                          double label_smoothing, od_real *values, od_loss *loss);

OD_END_DECLS

#endif
