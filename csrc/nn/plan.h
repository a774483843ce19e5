/* A plan: the operations that a list of layers is run as. Flatten takes no operation; ReLU and
 * max-pool are fused into the convolution or dense layer before them; a plan for inference also
 * drops dropout and folds a batch norm into the layer before it. Private to nn/. */
#ifndef OD_NN_PLAN_H
#define OD_NN_PLAN_H

#include "nn/network.h"
#include "nn/precision.h"

typedef struct od_conv_algorithm od_conv_algorithm; /* conv/algorithm.h */

typedef struct od_op {
  od_layer_kind kind;
  int layer;        /* index of the layer it comes from */
  int norm;         /* index of the batch norm folded in, or -1 */
  od_shape in, out; /* `out` after the fused ReLU and max-pool */
  bool bias, relu, pool, same;
  od_precision precision; /* conv, dense */
  double step, zero;      /* OD_INT8: the quantization step of the input, and the step that is 0 */

  od_shape conv;                            /* conv: its output before the max-pool */
  int kernel_h, kernel_w, stride, dilation; /* conv: geometry, … */
  int groups;                               /* … 1, or in.c */
  int top, left;                 /* conv, pool, zero padding: rows and columns of padding before */
  int below, right;              /* zero padding: and after */
  int pool_h, pool_w;            /* pool not fused: its windows, … */
  int step_h, step_w;            /* … and the distances between them */
  od_activation function;        /* activation, … */
  double alpha;                  /* … and its parameter */
  double epsilon;                /* layer norm */
  od_shape padded;               /* conv: the input with its padding */
  od_shape dilated;              /* conv, backward: the gradient of `conv`, dilated by the
                                    stride and padded, … */
  int dilated_top, dilated_left; /* … which begins here */
  bool first;                    /* the gradient of its input is not needed */
  const od_conv_algorithm *forward, *backward; /* conv */
  bool finds_zero_tiles; /* conv: the first of two, which marks where its input is 0, … */
  bool skips_zero_tiles; /* … and the second, whose output there is that of an all-zero image */

  size_t kernel_at, kernel_size; /* where its numbers lie in the values of … */
  size_t bias_at, bias_size;     /* … the network, or of an inference */
} od_op;

typedef struct od_plan {
  int count;
  od_op *ops;
} od_plan;

/* Fills *plan; release with od_plan_release. If `kept` is a layer's index and not -1, an
 * operation ends with that layer: no layer after it is fused into one before. Offsets are into
 * the network's values; the caller sets the quantization steps of OD_INT8. */
od_status od_plan_make(const od_network *network, bool inference, od_precision precision, int kept,
                       od_plan *plan, od_error *error);
void od_plan_release(od_plan *plan);

/* Whether an operation of this kind has windows: pool_h and so on. */
bool od_is_pool(od_layer_kind kind);

/* Sets the sizes of a convolution that follow from its kernel, its padding, `in` and `conv`. */
void od_plan_measure(od_op *op);

/* Returns the output's shape for inputs of another height and width, of a network with a sequence
 * or a map as output; a side of 0 if the input is too small. */
od_shape od_plan_output_at(const od_plan *plan, int h, int w);

/* Writes the operations (plan->count) for inputs of a height and width with an output. */
void od_plan_fit(const od_plan *plan, int h, int w, od_op *ops);

#endif
