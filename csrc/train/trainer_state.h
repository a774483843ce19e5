/* The structure of a trainer. Private to train/. */
#ifndef OD_TRAIN_TRAINER_STATE_H
#define OD_TRAIN_TRAINER_STATE_H

#include "nn/gradient.h"
#include "nn/workspace.h"
#include "train/trainer.h"

/* Sums over images or labelled pixels, then their means: cross-entropy or CTC loss, and correct
 * answers. */
typedef struct metrics {
  double loss, accuracy;
  double count; /* of images or pixels */
} metrics;

/* The position of a run between two steps. */
typedef struct run_position {
  int epoch;      /* from 0 */
  size_t step;    /* of the epoch; steps completed */
  size_t steps;   /* in an epoch; 0 before the first run */
  metrics sums;   /* of the epoch so far */
  double seconds; /* since the start of the epoch */
  metrics best;   /* of the validations so far; accuracy -1 before the first */
  int since_best; /* epochs */
} run_position;

struct od_trainer {
  od_network *network;
  const od_kernels *kernels;
  od_train_config config;
  int threads;
  od_optimizer *optimizer;
  int capacity;            /* images of a batch that gradient, labels and targets have room for */
  od_gradient *gradient;   /* (capacity) */
  od_model *model;         /* for validation: the weights at its start, packed */
  od_workspace *workspace; /* of `model` */
  od_real *step_gradient;  /* (trainable) */
  od_real *saved_weights;  /* (total): the weights while the network holds their average */
  od_real *best_weights;   /* (total): of the best epoch */
  bool sequences;          /* the network has time steps, trained by CTC */
  bool maps;               /* the network has maps */
  size_t positions;        /* time steps or pixels of an image, or 1 */
  size_t outputs;          /* positions x classes */
  size_t block;            /* images per inference call */
  od_real *scores;         /* (block + 1, outputs); the last row is scratch */
  void *ctc_scratch;       /* od_ctc_scratch bytes */
  uint8_t *labels;         /* (capacity, positions) */
  od_real *targets;        /* (capacity, classes) */
  size_t total_bytes;      /* of all the network's values */
  size_t augment_size;     /* bytes of scratch per worker */
  unsigned char *augment_scratch;
  uint64_t epochs_begun; /* over all runs, so that later runs draw other random numbers */
  bool average_shown;    /* the network holds the average, saved_weights the weights */
  bool restored;         /* the next run continues from `position` */
  run_position position; /* of the run, or of the end of the last one */
};

/* The weights that training continues from: not their average in the network; but the network's
 * values if they were changed since the average was put there. */
const od_real *od_trainer_weights(const od_trainer *trainer);

#endif
