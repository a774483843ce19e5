/* ocrdigit: the public C API, for C11 and C++, in the order of the pipeline. Each header opens
 * with its purpose and who owns what; functions fill buffers that the caller owns and return a
 * status (base/status.h). */
#ifndef OCRDIGIT_H
#define OCRDIGIT_H

/* The version, that of pyproject.toml. */
#define OCRDIGIT_VERSION "0.1.0"
#define OCRDIGIT_VERSION_MAJOR 0
#define OCRDIGIT_VERSION_MINOR 1
#define OCRDIGIT_VERSION_PATCH 0

/* Statuses, memory, random numbers, threads, processors, kernels. */
#include "base/status.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/thread_pool.h"
#include "base/system.h"
#include "kernels/cpu.h"
#include "kernels/kernels.h"

/* Images to 28x28. */
#include "image/image.h"
#include "digit/preprocess.h"
#include "digit/input.h"

/* 28x28 to scores. */
#include "nn/layer.h"
#include "nn/network.h"
#include "nn/images.h"
#include "nn/model.h"
#include "nn/workspace.h"
#include "nn/map.h"
#include "nn/calibration.h"
#include "nn/gradcam.h"

/* 28x28 to digits. */
#include "digit/classifier.h"

/* Pages to digits. */
#include "page/automaton.h"
#include "page/read.h"

/* Forms to their places on a page. */
#include "image/homography.h"
#include "page/registration.h"
#include "page/print_removal.h"

/* Training. */
#include "nn/gradient.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/augment.h"
#include "train/trainer.h"
#include "train/checkpoint.h"

#endif
