/* Images that are ready for the network as they lie in memory: a plain C-contiguous array of
 * uint8 or float32, of one image (28, 28) or of a batch (n, 28, 28), (n, 28, 28, 1) or
 * (n, 784), which image/image.h calls MNIST-like. They are the short way past everything
 * that ocrdigit/_inputs.py does for all others, and mean the same as there. */
#ifndef OD_PYTHON_READY_H
#define OD_PYTHON_READY_H

#include "convert.h"

/* Whether `value` is ready; then `view` is to be released, and `single` says whether it is
 * one image rather than a batch. Never sets an exception. */
bool ready_images(PyObject *value, image_view *view, bool *single);

/* canonical_scale(X): the scale that makes the values of ready images 0..1, or None. */
PyObject *canonical_scale(PyObject *module, PyObject *value);

#endif
