/* Canonical input, the fast path: images that a classifier takes as they lie in memory. That is a
 * plain C-contiguous array of uint8 or float32, of one image (28, 28) or of a batch (n, 28, 28),
 * (n, 28, 28, 1) or (n, 784), with light strokes on black (digit/canonical.h). All other input
 * passes through ocrdigit/_inputs.py, which gives these the same meaning. */
#ifndef OD_PYTHON_CANONICAL_INPUT_H
#define OD_PYTHON_CANONICAL_INPUT_H

#include "convert.h"

/* Whether `value` is canonical; then `view` is to be released, and `single` tells one image from
 * a batch. Never sets an exception. */
bool canonical_images(PyObject *value, image_view *view, bool *single);

/* canonical_scale(X): the scale that maps the values of canonical images to 0..1, or None. */
PyObject *canonical_scale(PyObject *module, PyObject *value);

/* are_canonical(images): whether a batch (n, 28, 28) of uint8 is canonical. */
PyObject *are_canonical(PyObject *module, PyObject *value);

#endif
