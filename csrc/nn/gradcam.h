/* Grad-CAM (Selvaraju et al., 2017): which places of an image contribute to the score of a class.
 *
 * Of a layer with maps (h, w, c), the target layer, each map is weighted by the mean, over its
 * places, of the gradient of the class's score; the sum of the weighted maps, where positive, is
 * the class activation map (h, w). Batch norms use their moving statistics, as in inference.
 *
 * An od_gradcam copies what it needs from the network, which may be destroyed before it, and must
 * be created again after the network's numbers change. A run allocates nothing. One run at a
 * time. */
#ifndef OD_NN_GRADCAM_H
#define OD_NN_GRADCAM_H

#include "base/api.h"
#include "nn/images.h"
#include "nn/network.h"

OD_BEGIN_DECLS

typedef struct od_gradcam od_gradcam;

/* Returns the default target layer: the last convolution, with the norm and the activation that
 * follow it; -1 in a network without one. */
int od_gradcam_default_layer(const od_network *network);

/* Creates the state for target layer `layer`, a convolution, or a norm, activation, pool or zero
 * padding after one. Destroy with od_gradcam_destroy.
 * Errors: OD_ERROR_ARGUMENT names a layer without maps; OD_ERROR_MEMORY. */
od_status od_gradcam_create(const od_network *network, const od_kernels *kernels, int layer,
                            od_gradcam **gradcam, od_error *error);
void od_gradcam_destroy(od_gradcam *gradcam);

od_shape od_gradcam_shape(const od_gradcam *gradcam); /* (h, w, 1) of the activation map */

/* Computes the class scores (classes) of image `index` of the batch. images->size must be the
 * input's size. */
void od_gradcam_forward(od_gradcam *gradcam, const od_images *images, size_t index,
                        od_real *scores);

/* Computes the activation map (h, w) of class `digit` for the image of the last od_gradcam_forward;
 * at most once an image. */
void od_gradcam_map(od_gradcam *gradcam, int digit, od_real *map);

/* Upsamples an activation map (h, w) to the network's input (H, W), scaled to a maximum of 1:
 * every place is put at the centre of its receptive field, and values between are bilinear. */
void od_gradcam_upsample(const od_gradcam *gradcam, const od_real *map, od_real *image);

OD_END_DECLS

#endif
