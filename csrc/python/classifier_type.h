/* Classifier: a Network that tells digits, with how its scores are used (digit/classifier.h). It
 * never changes, and follows the network's weights. */
#ifndef OD_PYTHON_CLASSIFIER_TYPE_H
#define OD_PYTHON_CLASSIFIER_TYPE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "digit/classifier.h"
#include "network_type.h"

typedef struct classifier_object {
  PyObject_HEAD
  PyObject *network;
  od_tta *tta; /* NULL with a threshold of 0 */
  double temperature, tta_threshold;
} classifier_object;

extern PyType_Spec classifier_type_spec;

/* The classifier of the core, for as long as the lease of its network. */
od_classifier classifier_on_lease(const classifier_object *self, const network_lease *lease);

#endif
