/* Checkpoints: the state of a training between two steps as plain data, from which a trainer of the
 * same network, config and data continues as if it had not stopped, bit for bit. Random numbers are
 * keyed by the seed, the epoch and the position in it, so that there is no generator to save.
 *
 * The arrays of a checkpoint from od_trainer_save belong to the trainer and its network: copy them
 * before the next step. Files are the caller's matter. */
#ifndef OD_TRAIN_CHECKPOINT_H
#define OD_TRAIN_CHECKPOINT_H

#include "train/trainer.h"

OD_BEGIN_DECLS

typedef struct od_checkpoint {
  uint64_t epochs_begun;        /* over all runs of the trainer */
  int epoch;                    /* of the run, from 0; config.epochs after the last */
  uint64_t step, steps;         /* of the epoch; steps completed; steps 0: no run yet */
  double loss_sum, correct;     /* over the images of the epoch so far, … */
  double count;                 /* … and their number; of a map its labelled pixels */
  double seconds;               /* since the start of the epoch */
  double best_loss;             /* of the best validation so far, … */
  double best_accuracy;         /* … 0 and 0 before the first */
  int since_best;               /* epochs */
  od_optimizer_state optimizer; /* with the moving average of weights */
  const od_real *weights;       /* (total): with moving statistics; not their moving average */
  const od_real *best_weights;  /* (total): of the best validation; NULL before the first */
} od_checkpoint;

/* Describe the state of a trainer, in a callback of its run or between runs. In on_epoch it is
 * that at the start of the next epoch. */
void od_trainer_save(const od_trainer *trainer, od_checkpoint *checkpoint);

/* Copy a state into a trainer and its network; the next od_trainer_run continues from it. All of it
 * is checked first: after an error, trainer and network are unchanged. Not during a run.
 * Errors: OD_ERROR_ARGUMENT names the member. */
od_status od_trainer_restore(od_trainer *trainer, const od_checkpoint *checkpoint, od_error *error);

OD_END_DECLS

#endif
