/* Optimizers over one flat vector of weights.
 *
 * SGD:   v = momentum v + g;  w -= rate v   (without Nesterov momentum)
 * Adam:  as in Keras: w -= rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon)
 *        (Kingma and Ba, 2015, the form before section 2.1)
 * AdamW: Adam, with w *= 1 - rate decay first (Loshchilov and Hutter, 2019). SGD has the same
 *        decoupled decay. Biases and batch-norm parameters do not decay.
 *
 * An optimizer owns its state; it keeps no reference to a network. */
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
  double decay;                 /* AdamW and SGD, >= 0; ignored by Adam */
  double clip_norm;             /* maximum global norm of the gradient; 0: no limit */
  double ema;                   /* decay of an exponential moving average of weights and statistics;
                                   step t uses at most (1 + t) / (10 + t); 0: no average */
} od_optimizer_config;

/* The state of an optimizer, apart from its config. */
typedef struct od_optimizer_state {
  uint64_t steps;         /* made so far */
  const od_real *mean;    /* (trainable): Adam's first moment, SGD's velocity */
  const od_real *square;  /* (trainable): Adam's second moment; NULL with SGD */
  const od_real *average; /* (total): as od_optimizer_average */
} od_optimizer_state;

/* Doubles count up to here; the correction of Adam's moments needs the number of the next step. */
#define OD_MAX_OPTIMIZER_STEPS (1ULL << 53)

typedef struct od_optimizer od_optimizer;

od_status od_optimizer_create(const od_network *network, const od_kernels *kernels,
                              const od_optimizer_config *config, od_optimizer **optimizer,
                              od_error *error);
void od_optimizer_destroy(od_optimizer *optimizer);

/* Make one step with learning rate `rate` on the network's values. Return false, with nothing
 * changed, if the gradient is not finite or its norm is 1e18 or more. */
bool od_optimizer_step(od_optimizer *optimizer, od_thread_pool *pool, double rate,
                       const od_real *gradient, od_network *network);

/* The moving average of all values (total size), or NULL if there is none. */
const od_real *od_optimizer_average(const od_optimizer *optimizer);

/* Return the state; its arrays belong to the optimizer and change with its next step. */
od_optimizer_state od_optimizer_save(const od_optimizer *optimizer);

/* Check a state, then copy it. OD_ERROR_ARGUMENT, with nothing changed, names the member that is
 * missing, is not finite, belongs to another kind of optimizer or would make the next step one that
 * is not finite. */
od_status od_optimizer_restore(od_optimizer *optimizer, const od_optimizer_state *state,
                               od_error *error);

OD_END_DECLS

#endif
