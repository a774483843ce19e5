/* Network.explain: Grad-CAM (nn/gradcam.h). */
#ifndef OD_PYTHON_GRADCAM_H
#define OD_PYTHON_GRADCAM_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyObject *network_explain(PyObject *network, PyObject *const *arguments, Py_ssize_t count,
                          PyObject *keywords);

#endif
