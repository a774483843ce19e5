/* Calibration for int8: the range of every layer's input, observed on images like those to come. */
#ifndef OD_NN_CALIBRATION_H
#define OD_NN_CALIBRATION_H

#include "base/api.h"
#include "base/thread_pool.h"
#include "nn/images.h"
#include "nn/network.h"

OD_BEGIN_DECLS

/* Runs the network in float32 over the images and sets its ranges (nn/network.h), which always
 * include 0. Errors: OD_ERROR_MEMORY, OD_STOPPED; then no range has changed. */
od_status od_network_calibrate(od_network *network, const od_kernels *kernels, od_thread_pool *pool,
                               const od_images *images, od_error *error);

OD_END_DECLS

#endif
