/* The methods of Network by subject; network_type.c has the table. */
#ifndef OD_PYTHON_NETWORK_METHODS_H
#define OD_PYTHON_NETWORK_METHODS_H

#include "network_type.h"

typedef PyObject *network_method(PyObject *network, PyObject *const *arguments, Py_ssize_t count,
                                 PyObject *keywords);

/* ---- network_weights.c ---- */

network_method network_initialize, network_set_weights;
PyObject *network_weights(PyObject *network, PyObject *unused);

/* A dict of new arrays by name, of all tensors or the trainable ones; `values` is laid out as the
 * network's block, and read with `lock` held, which may be NULL. */
PyObject *network_tensors(const od_network *network, const od_real *values, bool only_trainable,
                          object_lock *lock);

/* ---- network_inference.c ---- */

network_method network_calibrate, network_predict, network_predict_proba, network_scores,
    network_layer_output;

/* ---- network_map.c ---- */

network_method network_predict_map;

/* ---- network_gradient.c ---- */

network_method network_gradient;

#endif
