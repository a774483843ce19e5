/* A model: a network prepared for inference. Batch norms are folded into the convolutions before
 * them, ReLU and max-pool are fused, and all weights are packed once for the kernels.
 *
 * An od_model never changes, so any number of threads may run it at the same time, each with a
 * workspace of its own (nn/workspace.h). It copies what it needs: the network may be destroyed
 * or trained on. After the network's values have changed, create another model. */
#ifndef OD_NN_MODEL_H
#define OD_NN_MODEL_H

#include "base/api.h"
#include "kernels/kernels.h"
#include "nn/network.h"
#include "nn/precision.h"

OD_BEGIN_DECLS

typedef struct od_model od_model;

/* Destroy with od_model_destroy. Errors: OD_ERROR_ARGUMENT where OD_INT8 is asked for and the
 * network has not been calibrated (nn/calibration.h), or windows of a network that labels pixels
 * reach so far that a part of a picture takes too much memory; OD_ERROR_MEMORY. */
od_status od_model_create(const od_network *network, const od_kernels *kernels,
                          od_precision precision, od_model **model, od_error *error);
void od_model_destroy(od_model *model); /* NULL is fine */

const od_kernels *od_model_kernels(const od_model *model);
od_shape od_model_input(const od_model *model);
int od_model_classes(const od_model *model);
od_shape od_model_output(const od_model *model);     /* see od_network_output */
int od_model_sequence_length(const od_model *model); /* time steps of a sequence, or 1 */

/* Returns the time steps for a line image of this width: 0 if it is too narrow, or wider than the
 * network's input. The network must be a line recognizer. */
int od_model_sequence_length_at(const od_model *model, int width);

/* Returns the shape of the map (h', w', classes) of a picture (h, w), of a model with a map as
 * output; h' or w' is 0 if the picture is too small. */
od_shape od_model_map_shape(const od_model *model, int h, int w);

OD_END_DECLS

#endif
