#include "classifier_type.h"

#include "arguments.h"
#include "canonical_input.h"
#include "convert.h"
#include "core_call.h"
#include "module.h"

/* ---- life ---- */

static bool is_temperature(double value, PyObject *object) {
  if (value >= 1e-3 && value <= 1e3) return true;
  PyErr_Format(PyExc_ValueError, "temperature: got %.100R, expected a number in 0.001..1000",
               object);
  return false;
}

static bool is_fraction(double value, PyObject *object, const char *name) {
  if (value >= 0 && value <= 1) return true;
  PyErr_Format(PyExc_ValueError, "%s: got %.100R, expected a number in 0..1", name, object);
  return false;
}

static bool read_network(PyTypeObject *type, PyObject *value) {
  const module_state *state = PyType_GetModuleState(type);
  if (!Py_IS_TYPE(value, state->network_type)) {
    PyErr_Format(PyExc_TypeError, "network: got %.100R, expected a Network", value);
    return false;
  }
  const od_network *network = ((network_object *)value)->network;
  if (od_is_classifier(od_network_input(network), od_network_classes(network),
                       od_network_sequence_length(network)))
    return true;
  PyErr_Format(PyExc_ValueError,
               "network: got %R, expected one from (%d, %d, 1) to %d or %d classes", value,
               OD_DIGIT_SIDE, OD_DIGIT_SIDE, OD_DIGITS, OD_DIGITS + 1);
  return false;
}

static PyObject *classifier_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
  static char *names[] = {"network", "temperature", "tta_threshold", NULL};
  PyObject *network, *temperature = NULL, *tta_threshold = NULL;
  classifier_object read = {.temperature = 1};
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|$OO:Classifier", names, &network,
                                   &temperature, &tta_threshold) ||
      !read_network(type, network) ||
      (temperature && (!convert_real(temperature, "temperature", &read.temperature) ||
                       !is_temperature(read.temperature, temperature))) ||
      (tta_threshold && (!convert_real(tta_threshold, "tta_threshold", &read.tta_threshold) ||
                         !is_fraction(read.tta_threshold, tta_threshold, "tta_threshold"))))
    return NULL;
  classifier_object *self = (classifier_object *)type->tp_alloc(type, 0);
  if (!self) return NULL;
  self->network = Py_NewRef(network);
  self->temperature = read.temperature;
  self->tta_threshold = read.tta_threshold;
  if (self->tta_threshold > 0 && od_tta_create(&self->tta, NULL)) {
    Py_DECREF(self);
    return PyErr_NoMemory();
  }
  return (PyObject *)self;
}

static void classifier_dealloc(PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  Py_XDECREF(((classifier_object *)object)->network);
  od_tta_destroy(((classifier_object *)object)->tta);
  type->tp_free(object);
  Py_DECREF(type);
}

static PyObject *get_network(PyObject *object, void *Py_UNUSED(closure)) {
  return Py_NewRef(((classifier_object *)object)->network);
}

static PyObject *get_temperature(PyObject *object, void *Py_UNUSED(closure)) {
  return PyFloat_FromDouble(((classifier_object *)object)->temperature);
}

static PyObject *get_tta_threshold(PyObject *object, void *Py_UNUSED(closure)) {
  return PyFloat_FromDouble(((classifier_object *)object)->tta_threshold);
}

/* ---- runs ---- */

od_classifier classifier_on_lease(const classifier_object *self, const network_lease *lease) {
  return (od_classifier){lease->shared->model, self->tta, self->tta_threshold, self->temperature};
}

/* False with an exception set. */
static bool classify(const classifier_object *self, const od_images *images,
                     const od_classification *result) {
  network_lease lease;
  if (!network_lease_take(self->network, images->count, &lease)) return false;
  const od_classifier classifier = classifier_on_lease(self, &lease);
  od_status status;
  if (lease.keeps_gil) {
    status = od_classify(&classifier, lease.workspace, lease.pool, images, result);
  } else {
    core_call call;
    core_call_begin(&call, lease.pool, false);
    status = od_classify(&classifier, lease.workspace, &call.pool, images, result);
    status = core_call_end(&call, status);
  }
  network_lease_release(&lease);
  return status == OD_OK;
}

typedef struct batch_call {
  image_view view;
  double reject;
} batch_call;

static bool read_batch(const char *function, PyObject *const *arguments, Py_ssize_t count,
                       PyObject *keywords, bool rejects, batch_call *call) {
  const signature accepted = {
      function, rejects ? 3 : 2, 2, rejects ? 3 : 2, {"images", "scale", "reject"}};
  PyObject *values[3] = {NULL};
  double scale;
  *call = (batch_call){0};
  return arguments_read(&accepted, arguments, count, keywords, values) &&
         convert_real(values[1], "scale", &scale) &&
         (!values[2] || (convert_real(values[2], "reject", &call->reject) &&
                         is_fraction(call->reject, values[2], "reject"))) &&
         convert_images(values[0], "images", (size_t)OD_DIGIT_SIDE * OD_DIGIT_SIDE, scale,
                        &call->view);
}

static PyObject *digits_of(const classifier_object *self, const batch_call *call) {
  od_classification result = {.reject = call->reject};
  PyObject *digits = new_integers(call->view.images.count, &result.digits);
  if (digits && !classify(self, &call->view.images, &result)) Py_CLEAR(digits);
  return digits;
}

static PyObject *probabilities_of(const classifier_object *self, const batch_call *call) {
  od_classification result = {0};
  PyObject *rows = new_float_rows(call->view.images.count, OD_DIGITS, &result.probabilities);
  if (rows && !classify(self, &call->view.images, &result)) Py_CLEAR(rows);
  return rows;
}

/* ---- methods ---- */

static PyObject *classifier_predict(PyObject *self, PyObject *const *arguments, Py_ssize_t count,
                                    PyObject *keywords) {
  batch_call call;
  if (!read_batch("predict", arguments, count, keywords, true, &call)) return NULL;
  PyObject *digits = digits_of((classifier_object *)self, &call);
  image_view_release(&call.view);
  return digits;
}

static PyObject *classifier_predict_proba(PyObject *self, PyObject *const *arguments,
                                          Py_ssize_t count, PyObject *keywords) {
  batch_call call;
  if (!read_batch("predict_proba", arguments, count, keywords, false, &call)) return NULL;
  PyObject *rows = probabilities_of((classifier_object *)self, &call);
  image_view_release(&call.view);
  return rows;
}

static PyObject *classifier_digit_score(PyObject *self, PyObject *const *arguments,
                                        Py_ssize_t count, PyObject *keywords) {
  batch_call call;
  od_classification result = {0};
  if (!read_batch("digit_score", arguments, count, keywords, false, &call)) return NULL;
  PyObject *scores = new_double_vector(call.view.images.count, &result.digit_scores);
  if (scores && !classify((classifier_object *)self, &call.view.images, &result)) Py_CLEAR(scores);
  image_view_release(&call.view);
  return scores;
}

static PyObject *classifier_confidence(PyObject *self, PyObject *const *arguments, Py_ssize_t count,
                                       PyObject *keywords) {
  batch_call call;
  od_classification result = {0};
  if (!read_batch("confidence", arguments, count, keywords, false, &call)) return NULL;
  PyObject *scores = new_double_vector(call.view.images.count, &result.confidences);
  if (scores && !classify((classifier_object *)self, &call.view.images, &result)) Py_CLEAR(scores);
  image_view_release(&call.view);
  return scores;
}

static PyObject *classifier_predict_canonical(PyObject *object, PyObject *value) {
  batch_call call = {0};
  bool single;
  PyObject *answer = NULL;
  if (!canonical_images(value, &call.view, &single)) Py_RETURN_NONE;
  if (single) {
    int64_t digit;
    const od_classification result = {.digits = &digit};
    if (classify((classifier_object *)object, &call.view.images, &result))
      answer = PyLong_FromLongLong(digit);
  } else {
    answer = digits_of((classifier_object *)object, &call);
  }
  image_view_release(&call.view);
  return answer;
}

static PyObject *classifier_predict_proba_canonical(PyObject *object, PyObject *value) {
  batch_call call = {0};
  bool single;
  PyObject *answer;
  if (!canonical_images(value, &call.view, &single)) Py_RETURN_NONE;
  if (single) {
    const int classes = OD_DIGITS;
    od_classification result = {0};
    answer = new_floats(1, &classes, &result.probabilities);
    if (answer && !classify((classifier_object *)object, &call.view.images, &result))
      Py_CLEAR(answer);
  } else {
    answer = probabilities_of((classifier_object *)object, &call);
  }
  image_view_release(&call.view);
  return answer;
}

/* ---- the type ---- */

static PyMethodDef methods[] = {
    {"predict", FAST(classifier_predict),
     PyDoc_STR("predict($self, /, images, scale, reject=0)\n--\n\n"
               "The digit of every image, int64 (n,); -1 where the confidence is below reject.")},
    {"predict_proba", FAST(classifier_predict_proba),
     PyDoc_STR("predict_proba($self, /, images, scale)\n--\n\n"
               "The probabilities of the ten digits, float32 (n, 10).")},
    {"digit_score", FAST(classifier_digit_score),
     PyDoc_STR("digit_score($self, /, images, scale)\n--\n\n"
               "The probability that an image shows a digit, float64 (n,).")},
    {"confidence", FAST(classifier_confidence),
     PyDoc_STR("confidence($self, /, images, scale)\n--\n\n"
               "The largest probability times the digit score, float64 (n,).")},
    {"predict_canonical", classifier_predict_canonical, METH_O,
     PyDoc_STR("predict_canonical($self, images, /)\n--\n\n"
               "The digit of one canonical image, an int, or of every image of a batch, int64 "
               "(n,); None for other input.")},
    {"predict_proba_canonical", classifier_predict_proba_canonical, METH_O,
     PyDoc_STR("predict_proba_canonical($self, images, /)\n--\n\n"
               "The probabilities of canonical input, float32 (10,) or (n, 10); None for other "
               "input.")},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef attributes[] = {
    {"network", get_network, NULL, PyDoc_STR("The network."), NULL},
    {"temperature", get_temperature, NULL,
     PyDoc_STR("All scores are divided by it before softmax."), NULL},
    {"tta_threshold", get_tta_threshold, NULL,
     PyDoc_STR("Images with a smaller maximum probability get test-time augmentation."), NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc,
     (void *)PyDoc_STR("Classifier(network, *, temperature=1.0, tta_threshold=0.0)\n--\n\n"
                       "A network of ten digits, or these and non-digit, as a classifier.")},
    {Py_tp_new, SLOT(classifier_new)},
    {Py_tp_dealloc, SLOT(classifier_dealloc)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL}};

/* No part in garbage collection: it refers only to a Network, which refers to nothing. */
PyType_Spec classifier_type_spec = {"ocrdigit._core.Classifier", sizeof(classifier_object), 0,
                                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};
