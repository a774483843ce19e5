/* Mini-batch training. A trainer keeps the optimizer's state between runs, so a
 * second run goes on where the first ended. */
#ifndef OD_TRAIN_TRAINER_H
#define OD_TRAIN_TRAINER_H

#include "base/api.h"
#include "nn/images.h"
#include "nn/network.h"
#include "nn/precision.h"
#include "train/augment.h"
#include "train/optimizer.h"
#include "train/schedule.h"

OD_BEGIN_DECLS

/* What a callback sees. Losses and accuracies of the epoch are means over the images
 * it has trained on so far; val_* are NAN before an epoch's end and without
 * validation data. */
typedef struct od_progress {
  int epoch, epochs;        /* from 0 */
  size_t step, steps;       /* of the epoch; steps done, so 1 after the first */
  double loss, accuracy;
  double val_loss, val_accuracy; /* val_loss without label smoothing */
  double rate;              /* learning rate of the last step */
  double seconds;           /* since the epoch began */
} od_progress;

/* Return false to stop: the run ends with OD_STOPPED after the step just made.
 * Called on the thread that called od_trainer_run. */
typedef bool od_progress_callback(void *context, const od_progress *progress);

/* Any may be NULL. */
typedef struct od_callbacks {
  od_progress_callback *on_step;  /* after each step */
  od_progress_callback *on_block; /* during a validation, between blocks of a few hundred
                                     images; the progress is that of the last step */
  od_progress_callback *on_epoch; /* after each epoch and its validation */
  void *context;
} od_callbacks;

typedef struct od_train_config {
  int epochs, batch_size;
  od_precision precision;        /* of the products: OD_FLOAT32 or OD_BFLOAT16 */
  uint64_t seed;                 /* of shuffling, augmentation and dropout */
  od_optimizer_config optimizer;
  od_schedule schedule;          /* runs over all epochs of one od_trainer_run */
  double label_smoothing;        /* [0, 1) */
  od_augment augment;            /* count 0: none */
  int patience;                  /* epochs without a better val_accuracy (val_loss breaks
                                    ties) before stopping early; 0: never */
  bool restore_best;             /* a run that is not stopped ends with the weights of its best
                                    epoch */
} od_train_config;

typedef struct od_train_data {
  od_images images;
  const uint8_t *labels; /* (images.count); of a network that gives columns (images.count,
                            length), each line's ended by the blank, the last class */
  size_t length;         /* of a line's labels, at most: 1 to the columns */
  const od_real *targets; /* (images.count, classes): what the loss asks for where one label says
                             too little, as a teacher's probabilities; NULL: the labels. Each row
                             has sum 1. The accuracy, and validation, go by the labels. */
} od_train_data;

typedef struct od_trainer od_trainer;

/* A trainer for `network`, which must outlive it. The config is copied and checked.
 * Errors: OD_ERROR_ARGUMENT names the field; OD_ERROR_MEMORY. */
od_status od_trainer_create(od_network *network, const od_kernels *kernels, int threads,
                            const od_train_config *config, od_trainer **trainer,
                            od_error *error);
void od_trainer_destroy(od_trainer *trainer);

/* Trains. `validation` and `callbacks` may be NULL. With a moving average of weights, the
 * network holds it during validation, on_block and on_epoch, and ends with it.
 * Returns OD_OK, OD_STOPPED (a callback asked; the network keeps the last finished
 * step, or the average as of it), or OD_ERROR_ARGUMENT for bad data, for patience or
 * restore_best without validation, and where the loss stopped being finite (the network
 * keeps its last finite weights, or their average). */
od_status od_trainer_run(od_trainer *trainer, od_thread_pool *pool, const od_train_data *train,
                         const od_train_data *validation, const od_callbacks *callbacks,
                         od_error *error);

OD_END_DECLS

#endif
