/* A plan: the operations that a list of layers comes to. Flatten is nothing, ReLU and
 * max-pool join the convolution or dense layer before them; a plan for inference also
 * drops dropout and folds a batch norm into the layer before it. Private to nn/. */
#ifndef OD_NN_PLAN_H
#define OD_NN_PLAN_H

#include "nn/network.h"
#include "nn/precision.h"

typedef struct od_op {
  od_layer_kind kind;
  int layer;          /* index of the layer it comes from */
  int norm;           /* index of the batch norm folded in, or -1 */
  od_shape in, out;   /* `out` after the fused ReLU and max-pool */
  bool bias, relu, pool, same;
  od_precision precision; /* conv, dense */
  double step, zero;  /* OD_INT8: what a step of the input is worth, and which step is 0 */

  od_shape conv;      /* conv: its output before the max-pool */
  int kernel_h, kernel_w, stride, top, left; /* conv: geometry; rows and columns of zeros before */
  int pool_w;         /* max-pool of its own: the width of its windows, 2 high */
  od_shape padded;    /* conv: the input with its zeros */
  od_shape spread;    /* conv, backward: the gradient of `conv`, `stride` apart, … */
  int spread_top, spread_left; /* … from here on, in zeros */
  bool first;         /* nothing before it wants a gradient */
  bool winograd;      /* conv: forward, and back where there is no max-pool, by Winograd's algorithm */
  bool by_argmax;     /* conv: the backward pass goes over the places the max-pool chose */
  bool finds_zero_tiles;   /* conv: the first of two, which says where its input was 0, … */
  bool skips_zero_tiles;   /* … and the second, whose output there is that of a blank image */

  size_t kernel_at, kernel_size; /* where its numbers lie in the values of … */
  size_t bias_at, bias_size;     /* … the network, or of an inference */
} od_op;

typedef struct od_plan {
  int count;
  od_op *ops;
} od_plan;

/* Fills *plan; release with od_plan_release. Where `kept` is a layer's index and not -1, an
 * operation ends with that layer: nothing after it joins what lies before. Offsets are into the network's values; the
 * steps of OD_INT8 are left to whoever knows the inputs' ranges. */
od_status od_plan_make(const od_network *network, bool inference, od_precision precision,
                       int kept, od_plan *plan, od_error *error);
void od_plan_release(od_plan *plan);

/* The width of the output for inputs of another width, of a network that reads lines; 0 where
 * that is too narrow. */
int od_plan_output_width(const od_plan *plan, int width);

/* The operations (plan->count) for inputs of a width for which there is an output. */
void od_plan_fit(const od_plan *plan, int width, od_op *ops);

#endif
