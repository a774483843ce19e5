/* A network: its layers and its numbers. Inference (inference.h) and gradients (gradient.h) are
 * computed elsewhere.
 *
 * All trainable numbers lie in one block, so that an optimizer updates one vector; the moving
 * statistics of batch norms follow in the same block. Tensors are named views. */
#ifndef OD_NN_NETWORK_H
#define OD_NN_NETWORK_H

#include <stdint.h>

#include "base/api.h"
#include "base/memory.h"
#include "nn/layer.h"

OD_BEGIN_DECLS

typedef struct od_network od_network;

/* The role of a tensor in its layer. */
typedef enum od_role {
  OD_KERNEL,
  OD_BIAS,
  OD_GAMMA,       /* batch norm: its scale, … */
  OD_BETA,        /* … its shift, … */
  OD_MOVING_MEAN, /* … and the statistics of the training batches */
  OD_MOVING_VARIANCE,
  OD_ROLES
} od_role;

/* A named view into the network's block; it lives as long as the network. */
typedef struct od_tensor {
  char name[48]; /* "conv2d_1.kernel": kind, number among its kind, role */
  int layer;     /* index in the list */
  od_role role;
  int rank; /* 1, 2 or 4 */
  int shape[4];
  size_t size; /* product of the shape */
  od_real *data;
  bool trainable; /* false for moving_mean and moving_variance */
  bool decays;    /* weight decay applies: kernels only */
} od_tensor;

/* Creates a network for images of shape `input` from `count` layers (copied). All
 * kernels start at 0: see od_network_initialize. The last layer must give 2 to 256 class scores,
 * or 255 at most for each pixel of a map, without ReLU: a flat vector, or one for each time step or
 * pixel. A network of time steps has no zero padding of columns, one of pixels none at all. Destroy
 * with od_network_destroy.
 * Errors: OD_ERROR_ARGUMENT names the layer that does not fit; OD_ERROR_MEMORY. */
od_status od_network_create(od_shape input, const od_layer *layers, int count, od_network **network,
                            od_error *error);
void od_network_destroy(od_network *network);

/* Counts the numbers of all tensors of such a network, before memory is allocated for them: layers
 * from a file may claim any size. Errors: as od_network_create. */
od_status od_network_count_weights(od_shape input, const od_layer *layers, int count,
                                   size_t *weights, od_error *error);

/* Creates a copy of a network that ends with layer `last`: its class scores are the flattened
 * output (h, w, c) of that layer. It serves to inspect a network, and is only run: it has no
 * loss. Errors: OD_ERROR_MEMORY. */
od_status od_network_create_until(const od_network *whole, int last, od_network **network,
                                  od_error *error);

/* Sets Glorot-uniform kernels (Glorot and Bengio, 2010), as Keras does; biases and batch-norm
 * shifts 0, scales 1, moving mean 0 and variance 1. */
void od_network_initialize(od_network *network, uint64_t seed);

od_shape od_network_input(const od_network *network);
/* The shape of the class scores: (1, 1, classes), (1, steps, classes) of a sequence or (h', w',
 * classes), h' > 1, of a map. */
od_shape od_network_output(const od_network *network);
int od_network_classes(const od_network *network);
int od_network_sequence_length(const od_network *network); /* time steps of a sequence, or 1 */
int od_network_layer_count(const od_network *network);
const od_layer *od_network_layer(const od_network *network, int index);
od_shape od_network_shape_after(const od_network *network, int index);   /* output of layer index */
const char *od_network_layer_name(const od_network *network, int index); /* "conv2d_1" */

int od_network_tensor_count(const od_network *network);
const od_tensor *od_network_tensor(const od_network *network, int index);
/* Returns the tensor with this role in layer `layer`, or NULL. */
const od_tensor *od_network_find(const od_network *network, int layer, od_role role);

/* The range of a layer's input as calibrated (inference.h); low <= 0 <= high. Returns false if
 * there is none. A range is valid for the numbers it was calibrated with: after a change of them,
 * clear it or calibrate again. */
bool od_network_range(const od_network *network, int layer, double *low, double *high);
void od_network_set_range(od_network *network, int layer, double low, double high);
void od_network_clear_ranges(od_network *network);

/* The block: trainable numbers first, then moving statistics. */
od_real *od_network_values(od_network *network);
const od_real *od_network_values_const(const od_network *network);
size_t od_network_trainable_size(const od_network *network);
size_t od_network_total_size(const od_network *network);

OD_END_DECLS

#endif
