/* Grad-CAM (Selvaraju et al., 2017): which places of an image speak for a class.
 *
 * Of a layer with maps (h, w, c), each map is weighted by the mean, over its places, of the
 * gradient of the class's score; the sum of the weighted maps, where positive, is the class's
 * activation map (h, w). The batch norms go by their moving statistics, as in inference.
 *
 * An od_gradcam copies what it needs from the network, which may go before it, and is made
 * anew after the network's numbers change. A run allocates nothing. One run at a time. */
#ifndef OD_NN_GRADCAM_H
#define OD_NN_GRADCAM_H

#include "nn/images.h"
#include "nn/network.h"

typedef struct od_gradcam od_gradcam;

/* The layer to look at where nobody says which: the last convolution, with the batch norm
 * and the ReLU that follow it; -1 in a network without one. */
int od_gradcam_default_layer(const od_network *network);

/* Looks at the output of layer `layer`, a convolution, or a batch norm, ReLU or max-pool after
 * one. Destroy with od_gradcam_destroy.
 * Errors: OD_ERROR_ARGUMENT names a layer without maps; OD_ERROR_MEMORY. */
od_status od_gradcam_create(const od_network *network, const od_kernels *kernels, int layer,
                            od_gradcam **gradcam, od_error *error);
void od_gradcam_destroy(od_gradcam *gradcam);

od_shape od_gradcam_shape(const od_gradcam *gradcam); /* (h, w, 1) of the activation map */

/* Runs image `index` of the batch: its class scores (classes). images->size must be the input's
 * size. */
void od_gradcam_forward(od_gradcam *gradcam, const od_images *images, size_t index,
                        od_real *scores);

/* The activation map (h, w) of class `digit` for the image of the last od_gradcam_forward; once
 * an image. */
void od_gradcam_map(od_gradcam *gradcam, int digit, od_real *map);

/* An activation map (h, w) as a picture of the network's input, heat (H, W): its largest value
 * made 1, every place put where the middle of what it sees lies in the image, linear between. */
void od_gradcam_upsample(const od_gradcam *gradcam, const od_real *map, od_real *heat);

#endif
