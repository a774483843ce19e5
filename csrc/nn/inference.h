/* Inference: a network made ready to run. Batch norms are folded into the
 * convolutions before them, ReLU and max-pool are fused, all scratch memory is there
 * from the start: a run allocates nothing.
 *
 * An od_inference copies what it needs from the network, and must be refreshed after
 * the network's numbers change. One run at a time. */
#ifndef OD_NN_INFERENCE_H
#define OD_NN_INFERENCE_H

#include "base/thread_pool.h"
#include "nn/images.h"
#include "nn/network.h"
#include "nn/precision.h"

typedef struct od_inference od_inference;

/* For pools of up to `threads` workers. Destroy with od_inference_destroy; the
 * network may go before it. Errors: OD_ERROR_ARGUMENT where OD_INT8 is asked for and the
 * network has not been calibrated; OD_ERROR_MEMORY. */
od_status od_inference_create(const od_network *network, const od_kernels *kernels,
                              od_precision precision, int threads, od_inference **inference,
                              od_error *error);
void od_inference_destroy(od_inference *inference);

/* Takes over the numbers of `network`, which has the layers it was created from. Errors:
 * OD_ERROR_ARGUMENT where that has lost the ranges which OD_INT8 wants; then all stays. */
od_status od_inference_refresh(od_inference *inference, const od_network *network,
                               od_error *error);

/* scores (count, columns, classes): class scores, or with `softmax` probabilities.
 * images->size must be the input's size. */
void od_inference_run(od_inference *inference, od_thread_pool *pool, const od_images *images,
                      bool softmax, od_real *scores);

/* A line to read: an image of the input's height and channels and of its own width. */
typedef struct od_line_image {
  const uint8_t *pixels; /* (h, width, c) */
  int width;
  od_real *scores;       /* (od_inference_columns(width), classes) */
} od_line_image;

/* The columns that a line of so many pixels comes to: 0 where it is too narrow, or wider than
 * the network's input. The network must be one that gives columns. */
int od_inference_columns(const od_inference *inference, int width);

/* Scores, or probabilities, of lines (count), each wide enough; pixels are taken times scale. */
void od_inference_run_lines(od_inference *inference, od_thread_pool *pool, size_t count,
                             const od_line_image *strips, double scale, bool softmax);

/* Runs the network in float over images like those to come, and notes the range of every
 * layer's input in it, for OD_INT8. Errors: OD_ERROR_MEMORY; then no range has changed. */
od_status od_inference_calibrate(od_network *network, const od_kernels *kernels, od_thread_pool *pool,
                                 const od_images *images, od_error *error);

#endif
