/* The layers of a network: a validated list, as plain data.
 *
 * Images are channels-last. A shape is (h, w, c); a flat vector of n numbers is
 * (1, 1, n). Convolution kernels are (k, k, in, out) and dense kernels (in, out), as
 * in Keras; of a depthwise convolution they are (k, k, 1, out), and output u belongs to input
 * channel u / (out / in). Softmax is not a layer: a network ends in class scores (logits), and
 * inference and the loss apply softmax to them.
 *
 * A line recognizer ends in a sequence of scores, one for each time step, from left to right:
 * (1, steps, classes). It has a map_to_sequence layer in place of flatten, and only layers that
 * do not depend on the width; zero padding adds rows only.
 *
 * A fully convolutional network ends in a map of class scores (h', w', classes), h' > 1: it labels
 * the pixels of a picture of any size. */
#ifndef OD_NN_LAYER_H
#define OD_NN_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/api.h"
#include "base/status.h"
#include "kernels/arguments.h"

OD_BEGIN_DECLS

typedef struct od_shape {
  int h, w, c;
} od_shape;

size_t od_shape_size(od_shape shape);      /* h * w * c, of a shape within the limits */
uint64_t od_shape_product(od_shape shape); /* the same of any sides, to compare with a limit */

typedef enum od_layer_kind {
  OD_CONV2D,
  OD_DENSE,
  OD_RELU,
  OD_MAX_POOL2D,
  OD_GLOBAL_AVERAGE_POOL2D,
  OD_BATCH_NORM,
  OD_DROPOUT,
  OD_FLATTEN,
  OD_MAP_TO_SEQUENCE,
  OD_ACTIVATION,
  OD_AVERAGE_POOL2D,
  OD_GLOBAL_MAX_POOL2D,
  OD_LAYER_NORM,
  OD_ZERO_PADDING2D,
  OD_LAYER_KINDS
} od_layer_kind;

typedef struct od_layer {
  od_layer_kind kind;
  int units;      /* conv: filters; dense: units */
  int kernel[2];  /* conv: height and width, 1 to OD_MAX_KERNEL */
  int groups;     /* conv: 1, or the number of input channels: then it is depthwise, and units/c
                     filters work on each channel */
  int pool[2];    /* max and average pool: height and width of the windows, … */
  int step[2];    /* … and rows and columns from one to the next */
  int stride;     /* conv: 1 to OD_MAX_STRIDE */
  int dilation;   /* conv: pixels from one kernel element to the next, 1 to 16; 1 with stride 2 */
  bool same;      /* conv, pool: "same" padding as TensorFlow places it, else "valid"; pools leave
                     padding out of the maximum and of the average */
  int padding[4]; /* zero padding: rows above, rows below, columns before, columns after */
  od_activation function; /* activation */
  double alpha;           /* activation: slope below 0 of leaky_relu, factor of elu */
  bool bias;              /* conv, dense: has a bias */
  bool relu;              /* conv, dense: ReLU after the bias */
  double rate;            /* dropout: fraction of inputs set to 0, in [0, 1) */
  double momentum;        /* batch norm: of the moving statistics, in [0, 1) */
  double epsilon;         /* batch norm, layer norm: added to the variance, > 0 */
} od_layer;

enum {
  OD_MAX_LAYERS = 256,
  OD_MAX_DIMENSION = 65536,
  OD_MAX_DILATION = 16,
  OD_MAX_KERNEL = 16,
  OD_MAX_STRIDE = 8,
  OD_MAX_PADDING = 1024, /* and side of a pool */
  OD_MAX_ALPHA = 16,
  OD_MAX_PADDED = 1 << 28 /* numbers of a convolution's input or output with its padding */
};

enum {
  OD_MAX_CLASSES = 256,
  OD_IGNORE_LABEL = 255 /* of a pixel that the loss of a map leaves out */
};

/* "conv2d", "dense", "relu", "max_pool2d", …: the names in messages and layer lists. */
const char *od_layer_kind_name(od_layer_kind kind);

/* Computes the shape after `layer`, layer number `index` of the list, for input `in`.
 * Errors: OD_ERROR_ARGUMENT names the layer, the shape of its input and the reason. */
od_status od_layer_output(const od_layer *layer, int index, od_shape in, od_shape *out,
                          od_error *error);

OD_END_DECLS

#endif
