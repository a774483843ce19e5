/* Optimizers over one flat vector of weights.
 *
 * SGD:   v = momentum v + g;  w -= rate v   (Nesterov is not used)
 * Adam:  as Keras computes it: w -= rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon)
 *        (Kingma and Ba, 2015, the form before section 2.1)
 * AdamW: Adam, and w *= 1 - rate decay first (Loshchilov and Hutter, 2019). SGD takes
 *        the same decoupled decay. Biases and batch-norm numbers do not decay. */
#ifndef OD_TRAIN_OPTIMIZER_H
#define OD_TRAIN_OPTIMIZER_H

#include "base/api.h"
#include "kernels/kernels.h"
#include "base/thread_pool.h"
#include "nn/network.h"

OD_BEGIN_DECLS

typedef enum od_optimizer_kind { OD_SGD, OD_ADAM, OD_ADAMW } od_optimizer_kind;

typedef struct od_optimizer_config {
  od_optimizer_kind kind;
  double momentum;              /* SGD, [0, 1) */
  double beta1, beta2, epsilon; /* Adam, AdamW */
  double decay;                 /* AdamW and SGD, >= 0; Adam has none */
  double clip_norm;             /* largest global norm of the gradient; 0: no limit */
  double ema;                   /* decay of a moving average of weights and statistics, which
                                   grows to this as (1 + t) / (10 + t); 0: none */
} od_optimizer_config;

typedef struct od_optimizer od_optimizer;

od_status od_optimizer_create(const od_network *network, const od_kernels *kernels,
                              const od_optimizer_config *config, od_optimizer **optimizer,
                              od_error *error);
void od_optimizer_destroy(od_optimizer *optimizer);

/* One step with learning rate `rate` on the network's values; false, with nothing
 * changed, where the gradient is not finite or its norm is above 1e18. */
bool od_optimizer_step(od_optimizer *optimizer, od_thread_pool *pool, double rate,
                       const od_real *gradient, od_network *network);

/* The moving average of all values (total size), or NULL without one. */
const od_real *od_optimizer_average(const od_optimizer *optimizer);

OD_END_DECLS

#endif
