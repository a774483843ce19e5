/* The inside of od_model and od_workspace. Private to these files:
 *
 *   model.c        packs a network's weights
 *   workspace.c    allocates scratch memory and runs
 *   map.c          runs on pictures of any size
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
  od_shape output;           /* of the scores, … */
  size_t classes, positions; /* … (positions, classes) */
  size_t slice;              /* images that go through the layers together */
  od_real *zero_output;      /* (out) of the operation that skips zero tiles */
  size_t map_size;           /* bytes of an image's map of zero tiles */
  size_t scratch_size;       /* numbers of scratch that an operation needs at most */
  size_t *map_at;            /* model of maps: (plan.count + 2) offsets of the buffers of map.c */
};

/* Rows of the input of an operation, or of the map, in a run of map.c. */
typedef struct od_map_rows {
  int begin, end; /* those in the buffer */
  int stop;       /* where the rows of a part end */
  int step;       /* new ones at a time, at most */
} od_map_rows;

struct od_workspace {
  const od_model *model;
  int threads;
  size_t worker_size; /* numbers of one worker */
  od_real *buffers;   /* (threads, worker_size) */
  od_op *fitted;     /* (threads, plan.count): the plan for a line's width or a part of a picture */
  od_op *whole;      /* model of maps: (plan.count), for a whole picture, … */
  od_map_rows *rows; /* … (threads, plan.count + 1), … */
  od_real *streams;  /* … and (threads, buffers of map.c) */
  double *observed;  /* (threads, plan.count, 2): minimum and maximum input of each operation;
                        NULL but in a calibration */
};

/* Numbers of the buffers of map.c for one worker; 0 for other models. */
static inline size_t od_map_buffers_size(const od_model *model) {
  return model->map_at ? model->map_at[model->plan.count + 1] : 0;
}

/* workspace.c: n images at x through operation op to y. The worker's other buffers are scratch. */
void od_op_forward(const od_workspace *workspace, const od_op *op, size_t n, const od_real *x,
                   od_real *y, int worker);

/* map.c: sets model->map_at, and raises model->scratch_size to what a run needs. */
od_status od_map_lay_out(od_model *model, od_error *error);

#endif
