/* Mini-batch training. A trainer owns the optimizer's state and its buffers and keeps them from
 * one run to the next, so that a second run continues where the first one ended. */
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

/* Progress of a run. Loss and accuracy are means over the images of the epoch trained on so far, of
 * a network with a map as output over their labelled pixels;
 * val_* are NAN before the end of the epoch and without validation data. */
typedef struct od_progress {
  int epoch, epochs;  /* from 0 */
  size_t step, steps; /* of the epoch; steps completed, so 1 after the first */
  double loss, accuracy;
  double val_loss, val_accuracy; /* val_loss is without label smoothing */
  double rate;                   /* learning rate of the last step */
  double seconds;                /* since the start of the epoch */
} od_progress;

/* Return false to stop: the run then ends with OD_STOPPED. Called on the thread that called
 * od_trainer_run. */
typedef bool od_progress_callback(void *context, const od_progress *progress);

/* Any may be NULL. */
typedef struct od_callbacks {
  od_progress_callback *on_step;  /* after each step */
  od_progress_callback *on_block; /* during validation, between blocks of a few hundred images,
                                     with the progress of the last step */
  od_progress_callback *on_epoch; /* after each epoch and its validation */
  void *context;
} od_callbacks;

typedef struct od_train_config {
  int epochs, batch_size;
  od_precision precision; /* of matrix products: OD_FLOAT32 or OD_BFLOAT16 */
  uint64_t seed;          /* of shuffling, augmentation and dropout */
  od_optimizer_config optimizer;
  od_schedule schedule;                 /* over all epochs of one od_trainer_run */
  double label_smoothing;               /* [0, 1) */
  od_augment augment;                   /* count 0: none; of a network with a map as output none */
  int class_count;                      /* of class_weights; 0: all classes have weight 1 */
  double class_weights[OD_MAX_CLASSES]; /* weights of the classes in the loss of a map, >= 0 */
  int patience;      /* epochs without a better val_accuracy (val_loss breaks ties)
                        before early stopping; 0: no early stopping */
  bool restore_best; /* end with the weights of the best epoch, unless stopped */
} od_train_config;

typedef struct od_train_data {
  od_images images;
  const uint8_t *labels;  /* (images.count); for a network with a sequence as output (images.count,
                             length),  each sequence ended by the CTC blank, the last class; with a
                             map as output (images.count, h', w'), OD_IGNORE_LABEL for pixels that
                             do not count */
  size_t length;          /* maximum length of a label sequence: 1 to the number of time steps */
  const od_real *targets; /* (images.count, classes), or NULL: class probabilities that replace the
                             labels in the loss, for example of a teacher; each row sums to 1.
                             Accuracy and validation use the labels. */
} od_train_data;

typedef struct od_trainer od_trainer;

/* Create a trainer for `network`, which must outlive it. The config is copied and checked. Memory
 * for batches is allocated by runs, for as many images as the smaller of batch and data has.
 * Errors: OD_ERROR_ARGUMENT names the field; OD_ERROR_MEMORY. */
od_status od_trainer_create(od_network *network, const od_kernels *kernels, int threads,
                            const od_train_config *config, od_trainer **trainer, od_error *error);
void od_trainer_destroy(od_trainer *trainer);

/* Train; after od_trainer_restore (checkpoint.h) from the restored position on, else from epoch 0.
 * `validation` and `callbacks` may be NULL. With a moving average of weights, the network
 * holds the average during validation, on_block and on_epoch, and after the run.
 * Returns OD_OK; OD_STOPPED if a callback returned false or the pool was interrupted (the network
 * has the weights after the last completed step, or their average); or OD_ERROR_ARGUMENT for
 * invalid data, for patience or restore_best without validation data, if a batch would take more
 * than 8 GiB, and if the loss or the gradient is not finite (the network has the weights before
 * that step, or their average); or OD_ERROR_MEMORY, with the weights after the last
 * completed step, or their average. The network is calibrated for int8, on few images after an
 * interrupt; without memory for that it is left without ranges. */
od_status od_trainer_run(od_trainer *trainer, od_thread_pool *pool, const od_train_data *train,
                         const od_train_data *validation, const od_callbacks *callbacks,
                         od_error *error);

OD_END_DECLS

#endif
