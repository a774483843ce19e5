/* The state of an od_gradcam. Private to these files:
 *
 *   gradcam.c         a run: forward, backward to the target, the weighted sum of its maps
 *   gradcam_memory.c  the target layer, the plan, allocation
 */
#ifndef OD_NN_GRADCAM_STATE_H
#define OD_NN_GRADCAM_STATE_H

#include "nn/cam_upsampling.h"
#include "nn/fold_batch_norm.h"
#include "nn/gradcam.h"
#include "nn/ops.h"

/* What an operation keeps of an image. */
typedef struct od_cam_state {
  od_real *packed;          /* its kernel for the forward pass */
  od_real *packed_backward; /* its kernel for the backward pass, after the target */
  od_real *bias;            /* (C), or (0) */
  od_real *y;               /* (out) */
  uint8_t *argmax;          /* (out): of a max-pool, after the target */
} od_cam_state;

struct od_gradcam {
  const od_kernels *kernels;
  od_plan plan;
  od_cam_state *states; /* (plan.count) */
  int target;           /* the operation whose output are the maps */
  int stop;             /* the backward pass ends at the output of this operation, … */
  int summed;      /* … or at the input of this one, whose sum is computed without it; or stop */
  bool unpooled;   /* `target` has a fused max-pool, which the maps come before */
  od_op target_op; /* `target`, if `unpooled` without its max-pool */
  uint8_t *zero_map; /* of an operation that finds zero tiles for one that skips them, … */
  od_cam_state zero; /* … and the output of that for a zero image: y and argmax */
  od_cam_upsampling upsampling;
  size_t classes;
  od_real *pixels;      /* (input) */
  od_real *gradient[2]; /* (widest): of an output and of an input, alternately */
  uint32_t *rows;       /* (widest): of a dense kernel, those with a gradient, … */
  od_real *values;      /* … and their gradients */
  od_real *weights;     /* (c): of the maps */
  od_real *scratch;
};

/* The bias (C) of operation i, or NULL. */
static inline const od_real *od_cam_bias(const od_gradcam *cam, int i) {
  return od_folded_sizes(&cam->plan.ops[i]).bias ? cam->states[i].bias : NULL;
}

/* The arguments of both passes of convolution i that do not depend on the image. */
static inline od_conv_args od_cam_conv_args(const od_gradcam *cam, int i) {
  return (od_conv_args){.op = &cam->plan.ops[i],
                        .kernels = cam->kernels,
                        .packed = cam->states[i].packed,
                        .bias = od_cam_bias(cam, i),
                        .y = cam->states[i].y,
                        .argmax = cam->states[i].argmax,
                        .scratch = cam->scratch};
}

#endif
