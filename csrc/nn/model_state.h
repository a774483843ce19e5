/* The inside of od_model and od_workspace. Private to these files:
 *
 *   model.c        packs a network's weights
 *   workspace.c    allocates scratch memory and runs
 *   calibration.c  runs with a range observer */
#ifndef OD_NN_MODEL_STATE_H
#define OD_NN_MODEL_STATE_H

#include "nn/plan.h"
#include "nn/workspace.h"

struct od_model {
  const od_kernels *kernels;
  od_plan plan;
  od_real *values;           /* packed kernels, and biases, at the places in plan.ops */
  size_t input_size, widest; /* numbers of an image, at the input and at most */
  size_t classes, sequence_length;
  size_t slice;         /* images that go through the layers together */
  od_real *zero_output; /* (out) of the operation that skips zero tiles */
  size_t map_size;      /* bytes of an image's map of zero tiles */
  size_t scratch_size;  /* numbers of scratch that an operation needs at most */
};

struct od_workspace {
  const od_model *model;
  int threads;
  size_t worker_size; /* numbers of one worker */
  od_real *buffers;   /* (threads, worker_size) */
  od_op *fitted;      /* (threads, plan.count): the plan for a line's width */
  double *observed;   /* (threads, plan.count, 2): minimum and maximum input of each operation;
                         NULL but in a calibration */
};

#endif
