#include "trainer_type.h"

#include <math.h>
#include <stdio.h>

#include "arguments.h"
#include "augmentation.h"
#include "base/clock.h"
#include "convert.h"
#include "core_call.h"
#include "errors.h"
#include "fields.h"
#include "precision.h"
#include "runtime.h"

/* ---- creation and release ---- */

typedef struct trainer_arguments {
  od_train_config config;
  int optimizer, schedule, precision;
} trainer_arguments;

static const field_choices optimizers = {
    3, {[OD_SGD] = "sgd", [OD_ADAM] = "adam", [OD_ADAMW] = "adamw"}};
static const field_choices schedules = {
    3, {[OD_CONSTANT] = "constant", [OD_COSINE] = "cosine", [OD_ONE_CYCLE] = "one_cycle"}};

#define IN_CONFIG(member) offsetof(trainer_arguments, config.member)
static const field trainer_fields[] = {
    {"epochs", REQUIRED, FIELD_INT, IN_CONFIG(epochs), NULL},
    {"batch_size", REQUIRED, FIELD_INT, IN_CONFIG(batch_size), NULL},
    {"seed", REQUIRED, FIELD_SEED, IN_CONFIG(seed), NULL},
    {"precision", OPTIONAL, FIELD_CHOICE, offsetof(trainer_arguments, precision),
     &precision_choices},
    {"optimizer", REQUIRED, FIELD_CHOICE, offsetof(trainer_arguments, optimizer), &optimizers},
    {"learning_rate", REQUIRED, FIELD_REAL, IN_CONFIG(schedule.peak), NULL},
    {"momentum", OPTIONAL, FIELD_REAL, IN_CONFIG(optimizer.momentum), NULL},
    {"beta_1", OPTIONAL, FIELD_REAL, IN_CONFIG(optimizer.beta1), NULL},
    {"beta_2", OPTIONAL, FIELD_REAL, IN_CONFIG(optimizer.beta2), NULL},
    {"epsilon", OPTIONAL, FIELD_REAL, IN_CONFIG(optimizer.epsilon), NULL},
    {"weight_decay", OPTIONAL, FIELD_REAL, IN_CONFIG(optimizer.decay), NULL},
    {"clip_norm", OPTIONAL, FIELD_REAL, IN_CONFIG(optimizer.clip_norm), NULL},
    {"ema", OPTIONAL, FIELD_REAL, IN_CONFIG(optimizer.ema), NULL},
    {"schedule", OPTIONAL, FIELD_CHOICE, offsetof(trainer_arguments, schedule), &schedules},
    {"warmup", OPTIONAL, FIELD_REAL, IN_CONFIG(schedule.warmup), NULL},
    {"divisor", OPTIONAL, FIELD_REAL, IN_CONFIG(schedule.divisor), NULL},
    {"final_divisor", OPTIONAL, FIELD_REAL, IN_CONFIG(schedule.final_divisor), NULL},
    {"label_smoothing", OPTIONAL, FIELD_REAL, IN_CONFIG(label_smoothing), NULL},
    {"patience", OPTIONAL, FIELD_INT, IN_CONFIG(patience), NULL},
    {"restore_best", OPTIONAL, FIELD_BOOL, IN_CONFIG(restore_best), NULL},
    FIELDS_END};

static bool read_augment(PyObject *keywords, od_augment *augment) {
  PyObject *steps = dict_take(keywords, "augment");
  if (!steps) return !PyErr_Occurred();
  bool read = augmentation_read(steps, "augment", augment);
  Py_DECREF(steps);
  return read;
}

static bool read_class_weights(PyObject *keywords, od_train_config *config) {
  PyObject *weights = dict_take(keywords, "class_weights");
  if (!weights || weights == Py_None) {
    Py_XDECREF(weights);
    return !PyErr_Occurred();
  }
  PyObject *items = PySequence_Tuple(weights);
  Py_DECREF(weights);
  if (!items) return false;
  const Py_ssize_t count = PyTuple_GET_SIZE(items);
  bool read = count >= 1 && count <= OD_MAX_CLASSES;
  if (!read)
    PyErr_Format(PyExc_ValueError, "class_weights: got %zd numbers, expected 1 to %d", count,
                 OD_MAX_CLASSES);
  for (Py_ssize_t i = 0; read && i < count; i++)
    read = convert_real(PyTuple_GET_ITEM(items, i), "class_weights", &config->class_weights[i]);
  config->class_count = (int)count;
  Py_DECREF(items);
  return read;
}

static bool read_config(PyObject *keywords, od_train_config *config) {
  trainer_arguments read = {.config = {.optimizer = {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7},
                                       .schedule = {.divisor = 25, .final_divisor = 1e4}}};
  if (!read_augment(keywords, &read.config.augment) ||
      !read_class_weights(keywords, &read.config) ||
      !fields_read(trainer_fields, keywords, "", PyExc_TypeError, &read))
    return false;
  *config = read.config;
  config->optimizer.kind = (od_optimizer_kind)read.optimizer;
  config->schedule.kind = (od_schedule_kind)read.schedule;
  config->precision = (od_precision)read.precision;
  return true;
}

/* The network, the one positional argument or a keyword, as a new reference. */
static network_object *take_network(const module_state *state, PyObject *arguments,
                                    PyObject *keywords) {
  Py_ssize_t count = PyTuple_GET_SIZE(arguments);
  PyObject *network = dict_take(keywords, "network");
  if (count + (network != NULL) != 1) {
    Py_XDECREF(network);
    PyErr_SetString(PyExc_TypeError,
                    "Trainer() takes a network and, after it, arguments by keyword only");
    return NULL;
  }
  if (count) network = Py_NewRef(PyTuple_GET_ITEM(arguments, 0));
  if (Py_IS_TYPE(network, state->network_type)) return (network_object *)network;
  PyErr_Format(PyExc_TypeError, "network: got %.100s, expected a Network",
               Py_TYPE(network)->tp_name);
  Py_DECREF(network);
  return NULL;
}

static PyObject *make_trainer(PyTypeObject *type, network_object *network,
                              const od_train_config *config) {
  trainer_object *self = (trainer_object *)type->tp_alloc(type, 0);
  if (!self) return NULL;
  module_state *state = PyType_GetModuleState(type);
  self->network = (network_object *)Py_NewRef(network);
  self->pool = runtime_pool(state);
  od_error error;
  object_lock_acquire(&network->lock);
  od_status status =
      od_trainer_create(network->network, state->kernels, od_thread_pool_threads(self->pool->pool),
                        config, &self->trainer, &error);
  object_lock_release(&network->lock);
  if (status == OD_OK) return (PyObject *)self;
  Py_DECREF(self);
  return raise_status(status, &error);
}

static PyObject *trainer_new(PyTypeObject *type, PyObject *arguments, PyObject *given) {
  PyObject *keywords = given ? PyDict_Copy(given) : PyDict_New();
  if (!keywords) return NULL;
  network_object *network = take_network(PyType_GetModuleState(type), arguments, keywords);
  od_train_config config;
  bool read = network && read_config(keywords, &config);
  PyObject *self = read ? make_trainer(type, network, &config) : NULL;
  Py_XDECREF(network);
  Py_DECREF(keywords);
  return self;
}

static int trainer_traverse(PyObject *object, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(((trainer_object *)object)->network);
  return 0;
}

static void trainer_dealloc(PyObject *object) {
  trainer_object *self = (trainer_object *)object;
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  od_trainer_destroy(self->trainer); /* before the network that it uses */
  shared_thread_pool_release(self->pool);
  Py_XDECREF(self->network);
  type->tp_free(object);
  Py_DECREF(type);
}

/* ---- a run ---- */

static const double signal_interval = 0.04; /* seconds between checks for signals */

typedef struct training_run {
  network_object *network;
  image_view images, validation_images;
  uint8_t *labels, *validation_labels;
  size_t length, validation_length; /* of a label sequence */
  PyObject *targets;                /* the array of target_numbers */
  const float *target_numbers;      /* (n, classes); both NULL for none */
  PyObject *on_step, *on_epoch;     /* NULL for none */
  double interval;
  double next_step, next_signals; /* times of the next on_step and the next check for signals */
  PyThreadState *thread;          /* of the caller, without the GIL */
  bool over;                      /* a callback or a signal has stopped the run */
  od_interrupt interrupt;
} training_run;

static PyObject *number_or_none(double number) {
  return isnan(number) ? Py_NewRef(Py_None) : PyFloat_FromDouble(number);
}

static PyObject *progress_dict(const od_progress *p) {
  return Py_BuildValue("{s:i,s:i,s:n,s:n,s:d,s:d,s:N,s:N,s:d,s:d}", "epoch", p->epoch, "epochs",
                       p->epochs, "step", (Py_ssize_t)p->step, "steps", (Py_ssize_t)p->steps,
                       "loss", p->loss, "accuracy", p->accuracy, "val_loss",
                       number_or_none(p->val_loss), "val_accuracy", number_or_none(p->val_accuracy),
                       "learning_rate", p->rate, "seconds", p->seconds);
}

/* Call a callback; return whether to continue: false if it returned False or raised. */
static bool call(PyObject *callback, const od_progress *progress) {
  PyObject *dict = progress_dict(progress);
  PyObject *result = dict ? PyObject_CallOneArg(callback, dict) : NULL;
  bool proceed = result && !is_false(result);
  Py_XDECREF(result);
  Py_XDECREF(dict);
  return proceed;
}

/* When the weights are consistent: release the network's lock, check for signals
 * and call the callback, if any. An exception stays set in the thread's state until the run has
 * stopped. */
static bool run_python(training_run *run, PyObject *callback, const od_progress *progress) {
  network_object *network = run->network;
  PyEval_RestoreThread(run->thread);
  network_values_changed(network);
  object_lock_release(&network->lock);
  run->over = core_call_handler_raises() || (callback && !call(callback, progress));
  if (PyErr_Occurred()) od_interrupt_request(&run->interrupt);
  object_lock_acquire(&network->lock);
  run->thread = PyEval_SaveThread();
  run->next_signals = od_clock_seconds() + signal_interval;
  return !run->over;
}

/* Within a step, while gradients are computed and the weights are consistent, too. */
static bool within_step(void *context) { return !run_python(context, NULL, NULL); }

static bool after_step(void *context, const od_progress *progress) {
  training_run *run = context;
  double now = od_clock_seconds();
  bool step_due = run->on_step && now >= run->next_step;
  if (!step_due && now < run->next_signals) return true;
  bool proceed = run_python(run, step_due ? run->on_step : NULL, progress);
  if (step_due) run->next_step = od_clock_seconds() + run->interval;
  return proceed;
}

/* Validation calls no callback, but a signal stops it between blocks. */
static bool between_blocks(void *context, const od_progress *progress) {
  training_run *run = context;
  return od_clock_seconds() < run->next_signals || run_python(run, NULL, progress);
}

static bool after_epoch(void *context, const od_progress *progress) {
  training_run *run = context;
  return !run->over && run_python(run, run->on_epoch, progress);
}

/* Read images and their labels; the names begin with `prefix`. */
static bool read_data(const od_network *network, PyObject *const values[2], const char *prefix,
                      double scale, image_view *view, uint8_t **labels, size_t *length) {
  char images_name[32], labels_name[32];
  snprintf(images_name, sizeof images_name, "%simages", prefix);
  snprintf(labels_name, sizeof labels_name, "%slabels", prefix);
  return convert_images(values[0], images_name, od_shape_size(od_network_input(network)), scale,
                        view) &&
         network_labels(network, values[1], labels_name, view->images.count, labels, length);
}

static bool read_targets(const network_object *network, PyObject *value, training_run *run) {
  if (!value || value == Py_None) return true;
  if (run->images.images.count > INT_MAX) {
    PyErr_Format(PyExc_ValueError, "targets: got %zu images, expected at most %d",
                 run->images.images.count, INT_MAX);
    return false;
  }
  const int shape[] = {(int)run->images.images.count, od_network_classes(network->network)};
  if (!convert_tensor(value, "targets", 2, shape, &run->target_numbers)) return false;
  run->targets = Py_NewRef(value);
  return true;
}

static bool read_callback(PyObject *value, const char *name, PyObject **callback) {
  if (!value || value == Py_None) return true;
  if (!PyCallable_Check(value)) {
    PyErr_Format(PyExc_TypeError, "%s: got %.100R, expected a function or None", name, value);
    return false;
  }
  *callback = Py_NewRef(value);
  return true;
}

static bool read_run(const network_object *network, PyObject *const *arguments, Py_ssize_t count,
                     PyObject *keywords, training_run *run) {
  static const signature accepted = {
      "run",
      9,
      3,
      5,
      {"images", "labels", "scale", "validation_images", "validation_labels", "targets", "on_step",
       "on_epoch", "interval"}};
  PyObject *values[9];
  double scale;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !convert_real(values[2], "scale", &scale) ||
      (values[8] && !convert_real(values[8], "interval", &run->interval)) ||
      !read_data(network->network, values, "", scale, &run->images, &run->labels, &run->length) ||
      !read_targets(network, values[5], run) ||
      !read_callback(values[6], "on_step", &run->on_step) ||
      !read_callback(values[7], "on_epoch", &run->on_epoch))
    return false;
  if (run->interval < 0) {
    PyErr_Format(PyExc_ValueError, "interval: got %R, expected seconds from 0", values[8]);
    return false;
  }
  bool images = values[3] && values[3] != Py_None, labels = values[4] && values[4] != Py_None;
  if (images != labels) {
    PyErr_Format(PyExc_ValueError, "%s: got None with %s given, expected both or neither",
                 images ? "validation_labels" : "validation_images",
                 images ? "validation_images" : "validation_labels");
    return false;
  }
  return !images ||
         read_data(network->network, values + 3, "validation_", scale, &run->validation_images,
                   &run->validation_labels, &run->validation_length);
}

static void release_run(training_run *run) {
  image_view_release(&run->images);
  image_view_release(&run->validation_images);
  PyMem_Free(run->labels);
  PyMem_Free(run->validation_labels);
  Py_XDECREF(run->targets);
  Py_XDECREF(run->on_step);
  Py_XDECREF(run->on_epoch);
}

/* Return True if all epochs ran, False if a callback stopped the run, or NULL with an exception. */
static PyObject *train(trainer_object *self, training_run *run) {
  network_object *network = self->network;
  od_train_data data = {run->images.images, run->labels, run->length, run->target_numbers};
  od_train_data validation = {run->validation_images.images, run->validation_labels,
                              run->validation_length, NULL};
  const bool has_signals = core_call_on_main_thread();
  if (PyErr_Occurred()) return NULL;
  object_lock_acquire(&network->lock);
  if (network->training) {
    object_lock_release(&network->lock);
    PyErr_SetString(PyExc_RuntimeError,
                    "the network is being trained: another run can start when this one has ended");
    return NULL;
  }
  network->training = true;
  run->network = network;
  run->next_signals = od_clock_seconds() + signal_interval;
  run->thread = PyEval_SaveThread();
  od_error error;
  od_callbacks callbacks = {after_step, between_blocks, after_epoch, run};
  run->interrupt = od_interrupt_begin(within_step, run);
  od_thread_pool pool =
      od_thread_pool_attach(self->pool->pool, false, has_signals ? &run->interrupt : NULL);
  od_status status = od_trainer_run(
      self->trainer, &pool, &data, run->validation_labels ? &validation : NULL, &callbacks, &error);
  PyEval_RestoreThread(run->thread);
  network->training = false;
  network_values_changed(network);
  object_lock_release(&network->lock);
  if (PyErr_Occurred()) return NULL;
  if (status != OD_OK && status != OD_STOPPED) return raise_status(status, &error);
  return PyBool_FromLong(status == OD_OK);
}

static PyObject *trainer_run(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                             PyObject *keywords) {
  trainer_object *self = (trainer_object *)object;
  training_run run = {0};
  bool read = read_run(self->network, arguments, count, keywords, &run);
  PyObject *result = read ? train(self, &run) : NULL;
  release_run(&run);
  return result;
}

/* ---- the type ---- */

static PyMethodDef methods[] = {
    {"run", FAST(trainer_run),
     PyDoc_STR("run($self, /, images, labels, scale, validation_images=None, "
               "validation_labels=None, *, targets=None, on_step=None, on_epoch=None, "
               "interval=0.0)\n--\n\n"
               "Train. Return True if all epochs ran, False if a callback returned False.")},
    {"state", trainer_state, METH_NOARGS,
     PyDoc_STR("state($self, /)\n--\n\n"
               "The state between two steps: a dict of ints, floats and float32 arrays.")},
    {"restore", trainer_restore, METH_O,
     PyDoc_STR("restore($self, state, /)\n--\n\n"
               "Set a state, from which the next run continues.")},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc,
     (void *)PyDoc_STR(
         "Trainer(network, *, epochs, batch_size, seed, precision='float32', optimizer, "
         "learning_rate, momentum=0.0, "
         "beta_1=0.9, beta_2=0.999, epsilon=1e-07, weight_decay=0.0, clip_norm=0.0, ema=0.0, "
         "schedule='constant', warmup=0.0, divisor=25.0, final_divisor=10000.0, "
         "label_smoothing=0.0, class_weights=None, augment=(), patience=0, "
         "restore_best=False)\n--\n\n"
         "Trainer of a network. Keeps the optimizer's state from one run to the next.")},
    {Py_tp_new, SLOT(trainer_new)},
    {Py_tp_traverse, SLOT(trainer_traverse)},
    {Py_tp_dealloc, SLOT(trainer_dealloc)},
    {Py_tp_methods, methods},
    {0, NULL}};

/* Without tp_clear: a network refers to no other object, so there are no cycles through it. */
PyType_Spec trainer_type_spec = {"ocrdigit._core.Trainer", sizeof(trainer_object), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_GC,
                                 slots};
