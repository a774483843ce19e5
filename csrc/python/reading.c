#include "reading.h"

#include <string.h>

#include "arguments.h"
#include "automaton_type.h"
#include "classifier_type.h"
#include "convert.h"
#include "core_call.h"
#include "errors.h"
#include "fields.h"
#include "module.h"
#include "network_type.h"
#include "page/line_image.h"
#include "page/page.h"
#include "page/read.h"

enum { SYMBOL_COLUMNS = 6, PROBABILITY_COLUMNS = 2 + OD_SYMBOLS, QUALITY_COLUMNS = 4 };

/* ---- arguments ---- */

#define WEIGHT(prefix, member) \
  { #prefix "_" #member, REQUIRED, FIELD_REAL, offsetof(od_fusion, prefix.member), NULL }
#define WEIGHTS(prefix)                                                         \
  WEIGHT(prefix, recognizer), WEIGHT(prefix, classifier), WEIGHT(prefix, bias), \
      WEIGHT(prefix, recognizer_odds), WEIGHT(prefix, classifier_odds),         \
      WEIGHT(prefix, foreground), WEIGHT(prefix, detector_odds), WEIGHT(prefix, surroundings_odds)
#define PARAMETER(member) \
  { #member, REQUIRED, FIELD_REAL, offsetof(od_fusion, member), NULL }

/* The fields of ocrdigit.models.recognizer.FusionWeights. */
static const field fusion_fields[] = {WEIGHTS(isolated),          WEIGHTS(touching),
                                      PARAMETER(prior_mean),      PARAMETER(prior_strength),
                                      PARAMETER(min_probability), FIELDS_END};

static bool read_fusion(PyObject *value, od_fusion *fusion) {
  PyObject *fields = convert_dict(value, "fusion");
  const bool read =
      fields && fields_read(fusion_fields, fields, "fusion: ", PyExc_ValueError, fusion);
  Py_XDECREF(fields);
  return read;
}

#define SHORTCUT(member) \
  { #member, OPTIONAL, FIELD_BOOL, offsetof(od_shortcuts, member), NULL }

/* The keys of ocrdigit._recognizers.RECOGNIZERS. */
static const field shortcut_fields[] = {SHORTCUT(one_scale), SHORTCUT(one_reading), FIELDS_END};

static bool read_shortcuts(PyObject *value, od_shortcuts *shortcuts) {
  PyObject *fields = convert_dict(value, "shortcuts");
  const bool read =
      fields && fields_read(shortcut_fields, fields, "shortcuts: ", PyExc_ValueError, shortcuts);
  Py_XDECREF(fields);
  return read;
}

/* An image, valid as long as its array. */
typedef struct gray_image {
  int h, w;
  const uint8_t *pixels;
} gray_image;

static bool read_image(PyObject *value, gray_image *image) {
  return convert_picture(value, "image", 0, &image->h, &image->w, &image->pixels) &&
         sides_are_allowed("image", image->h, image->w);
}

/* ---- calls ---- */

/* A call of the core and the objects it uses. */
typedef struct reading_call {
  PyObject *array;
  PyObject *recognizer;                /* a Network */
  PyObject *detector;                  /* a Network or NULL */
  const classifier_object *classifier; /* or NULL */
  PyObject *automaton;                 /* an Automaton or NULL */
  bool serial;                         /* on the thread of the caller alone */
  od_reader reader;
  od_fusion fusion;
  gray_image image;
  od_read_options options;
  od_reading reading;
  od_symbol_crops crops;
  od_symbol_features features;
} reading_call;

static bool is_instance(PyObject *value, PyTypeObject *type, const char *name) {
  if (Py_IS_TYPE(value, type)) return true;
  PyErr_Format(PyExc_TypeError, "%s: got %.100R, expected a %s", name, value,
               strrchr(type->tp_name, '.') + 1);
  return false;
}

static PyObject *none_is_null(PyObject *value) { return value == Py_None ? NULL : value; }

/* Reads the networks and the image; `classifier` and `detector` may be NULL or None. */
static bool read_call(PyObject *module, PyObject *recognizer, PyObject *image, PyObject *classifier,
                      PyObject *detector, reading_call *call) {
  const module_state *state = state_of_module(module);
  *call = (reading_call){.array = image,
                         .recognizer = recognizer,
                         .detector = none_is_null(detector),
                         .classifier = (const classifier_object *)none_is_null(classifier),
                         .reader.kernels = state->kernels};
  return is_instance(recognizer, state->network_type, "recognizer") &&
         (!call->detector || is_instance(call->detector, state->network_type, "detector")) &&
         (!call->classifier ||
          is_instance((PyObject *)call->classifier, state->classifier_type, "classifier"));
}

/* Reads the fusion weights, the automaton and the shortcuts, which may be NULL or None, and how
 * many alternatives of a line it is to give. */
static bool read_options(PyObject *module, PyObject *fusion, PyObject *automaton,
                         PyObject *shortcuts, int alternatives, reading_call *call) {
  call->automaton = none_is_null(automaton);
  if (none_is_null(fusion)) {
    if (!read_fusion(fusion, &call->fusion)) return false;
    call->reader.fusion = &call->fusion;
  }
  if (none_is_null(shortcuts) && !read_shortcuts(shortcuts, &call->reader.shortcuts)) return false;
  if (!call->automaton) return true;
  call->options.alternatives = alternatives;
  if (!is_instance(call->automaton, state_of_module(module)->automaton_type, "automaton"))
    return false;
  call->options.automaton = ((automaton_object *)call->automaton)->automaton;
  return true;
}

/* A function of the core. */
typedef od_status reading_function(reading_call *call, od_thread_pool *pool, od_error *error);

static od_status run_read(reading_call *call, od_thread_pool *pool, od_error *error) {
  return od_read(&call->reader, call->image.h, call->image.w, call->image.pixels, &call->options,
                 pool, &call->reading, error);
}

static od_status run_crops(reading_call *call, od_thread_pool *pool, od_error *error) {
  return od_read_crops(&call->reader, call->image.h, call->image.w, call->image.pixels, pool,
                       &call->crops, error);
}

static od_status run_features(reading_call *call, od_thread_pool *pool, od_error *error) {
  return od_read_features(&call->reader, call->image.h, call->image.w, call->image.pixels, pool,
                          &call->features, error);
}

/* Leases of the networks of a call. */
typedef struct call_leases {
  network_lease recognizer, detector, classifier;
} call_leases;

static void release_leases(call_leases *leases) {
  network_lease_release(&leases->classifier);
  network_lease_release(&leases->detector);
  network_lease_release(&leases->recognizer);
}

static bool take_leases(const reading_call *call, call_leases *leases) {
  const size_t images = call->serial ? 1 : 2; /* one is not run in parallel */
  *leases = (call_leases){0};
  if (!network_lease_take(call->recognizer, images, &leases->recognizer)) return false;
  if ((!call->detector || network_lease_take(call->detector, images, &leases->detector)) &&
      (!call->classifier ||
       network_lease_take(call->classifier->network, images, &leases->classifier)))
    return true;
  release_leases(leases);
  return false;
}

/* Runs a call with leases of the networks, without the GIL and without a lock. False with an
 * exception set. */
static bool run_call(reading_function *run, reading_call *call) {
  call_leases leases;
  od_classifier on_lease;
  od_reader *reader = &call->reader;
  od_error error;
  core_call running;
  if (!read_image(call->array, &call->image) || !take_leases(call, &leases)) return false;
  reader->recognizer = leases.recognizer.shared->model;
  reader->recognizer_workspace = leases.recognizer.workspace;
  if (call->detector) {
    reader->detector = leases.detector.shared->model;
    reader->detector_workspace = leases.detector.workspace;
  }
  if (call->classifier) {
    on_lease = classifier_on_lease(call->classifier, &leases.classifier);
    reader->classifier = &on_lease;
    reader->classifier_workspace = leases.classifier.workspace;
  }
  Py_INCREF(call->array);
  Py_XINCREF((PyObject *)call->classifier);
  Py_XINCREF(call->automaton);
  core_call_begin(&running, leases.recognizer.pool, false);
  od_status status = run(call, &running.pool, &error);
  status = core_call_end(&running, status);
  Py_DECREF(call->array);
  Py_XDECREF((PyObject *)call->classifier);
  Py_XDECREF(call->automaton);
  release_leases(&leases);
  if (status != OD_OK) raise_status(status, &error);
  return status == OD_OK;
}

/* ---- results ---- */

/* Reads how a page is read: on several threads, by default; and the dict for the seconds of stages,
 * NULL without one. */
static bool read_run(PyObject *parallel, PyObject *seconds, reading_call *call,
                     PyObject **seconds_dict) {
  bool is_parallel = true;
  *seconds_dict = none_is_null(seconds);
  if (*seconds_dict && !PyDict_Check(*seconds_dict)) {
    PyErr_Format(PyExc_TypeError, "seconds: got %.100R, expected a dict", seconds);
    return false;
  }
  if (parallel && !convert_bool(parallel, "parallel", &is_parallel)) return false;
  call->serial = !is_parallel;
  return true;
}

static bool set_seconds(PyObject *dict, const char *stage, double seconds) {
  PyObject *number = PyFloat_FromDouble(seconds);
  const bool set = number && PyDict_SetItemString(dict, stage, number) == 0;
  Py_XDECREF(number);
  return set;
}

/* Sets the seconds of each stage in a dict, which may be NULL. */
static bool write_seconds(const od_read_seconds *seconds, PyObject *dict) {
  return !dict || (set_seconds(dict, "segment", seconds->segment) &&
                   set_seconds(dict, "recognize", seconds->recognize) &&
                   set_seconds(dict, "classify", seconds->classify));
}

/* Symbols (n, 6): line, value, left, top, width, height. */
static PyObject *symbol_table(int count, const od_symbol *symbols) {
  int32_t *table;
  PyObject *array = new_integers32((int[]){count, SYMBOL_COLUMNS}, &table);
  for (int i = 0; array && i < count; i++) {
    const od_symbol *s = &symbols[i];
    const int32_t row[] = {s->line, s->value,           s->left,
                           s->top,  s->right - s->left, s->bottom - s->top};
    memcpy(table + i * SYMBOL_COLUMNS, row, sizeof row);
  }
  return array;
}

/* Symbols (n, 18): confidence, probability of being a symbol, probability of each symbol. */
static PyObject *probability_table(int count, const od_symbol *symbols) {
  float *table;
  PyObject *array = new_floats(2, (int[]){count, PROBABILITY_COLUMNS}, &table);
  for (int i = 0; array && i < count; i++) {
    const od_symbol *s = &symbols[i];
    float *row = table + i * PROBABILITY_COLUMNS;
    row[0] = s->confidence;
    row[1] = s->symbol_probability;
    memcpy(row + 2, s->probabilities, sizeof s->probabilities);
  }
  return array;
}

/* Qualities of lines (n, 4): those of od_line_quality. */
static PyObject *quality_table(const od_reading *reading) {
  double *table;
  PyObject *array = new_doubles((int[]){reading->line_count, QUALITY_COLUMNS}, &table);
  for (int i = 0; array && i < reading->line_count; i++) {
    const od_line_quality *q = &reading->qualities[i];
    const double row[] = {q->dropped, q->foreground, q->agreement, q->truncated};
    memcpy(table + (size_t)i * QUALITY_COLUMNS, row, sizeof row);
  }
  return array;
}

/* Alternatives, a list of (line, length, log probability). */
static PyObject *alternative_list(const od_reading *reading) {
  PyObject *list = PyList_New(reading->alternative_count);
  for (int i = 0; list && i < reading->alternative_count; i++) {
    const od_alternative *a = &reading->alternatives[i];
    PyObject *item = Py_BuildValue("(iid)", a->line, a->length, a->log_probability);
    if (item)
      PyList_SET_ITEM(list, i, item);
    else
      Py_CLEAR(list);
  }
  return list;
}

/* A member of od_fusion_features: a flag, or numbers of OD_DIGITS columns or one. */
typedef struct feature {
  const char *name;
  enum { FLAG, NUMBER, ROW } type;
  size_t offset;
} feature;

#define FEATURE(type, member) \
  { #member, type, offsetof(od_fusion_features, member) }
static const feature feature_table[] = {FEATURE(ROW, recognizer),
                                        FEATURE(ROW, classifier),
                                        FEATURE(NUMBER, recognizer_odds),
                                        FEATURE(NUMBER, classifier_odds),
                                        FEATURE(NUMBER, foreground),
                                        FEATURE(NUMBER, detector_odds),
                                        FEATURE(NUMBER, surroundings_odds),
                                        FEATURE(FLAG, isolated),
                                        FEATURE(FLAG, verified)};

/* A feature of all symbols: (n, 10) or (n,) of float64, or (n,) of bool. */
static PyObject *feature_array(const od_symbol_features *found, const feature *f) {
  const int n = found->count;
  void *data;
  PyObject *array = f->type == FLAG     ? new_bools((size_t)n, (bool **)&data)
                    : f->type == NUMBER ? new_double_vector((size_t)n, (double **)&data)
                                        : new_doubles((int[]){n, OD_DIGITS}, (double **)&data);
  const size_t size = f->type == FLAG     ? sizeof(bool)
                      : f->type == NUMBER ? sizeof(double)
                                          : OD_DIGITS * sizeof(double);
  for (int i = 0; array && i < n; i++)
    memcpy((char *)data + (size_t)i * size, (const char *)&found->features[i] + f->offset, size);
  return array;
}

/* Symbols and features by name. */
static PyObject *feature_dict(const od_symbol_features *found) {
  PyObject *dict = Py_BuildValue("{sN}", "symbols", symbol_table(found->count, found->symbols));
  for (size_t i = 0; dict && i < sizeof feature_table / sizeof *feature_table; i++) {
    PyObject *array = feature_array(found, &feature_table[i]);
    if (!array || PyDict_SetItemString(dict, feature_table[i].name, array) < 0) Py_CLEAR(dict);
    Py_XDECREF(array);
  }
  return dict;
}

/* ---- functions ---- */

PyObject *reading_read_symbols(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                               PyObject *keywords) {
  static const signature accepted = {"read_symbols",
                                     9,
                                     2,
                                     2,
                                     {"recognizer", "image", "classifier", "fusion", "automaton",
                                      "detector", "shortcuts", "parallel", "seconds"}};
  PyObject *values[9], *seconds, *result = NULL;
  reading_call call;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !read_call(module, values[0], values[1], values[2], values[5], &call) ||
      !read_options(module, values[3], values[4], values[6], 1, &call) ||
      !read_run(values[7], values[8], &call, &seconds) || !run_call(run_read, &call))
    return NULL;
  if (write_seconds(&call.reading.seconds, seconds))
    result = Py_BuildValue("(NNN)", symbol_table(call.reading.count, call.reading.symbols),
                           probability_table(call.reading.count, call.reading.symbols),
                           quality_table(&call.reading));
  od_reading_release(&call.reading);
  return result;
}

PyObject *reading_read_alternatives(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                    PyObject *keywords) {
  static const signature accepted = {"read_alternatives",
                                     10,
                                     4,
                                     2,
                                     {"recognizer", "image", "automaton", "count", "classifier",
                                      "fusion", "detector", "shortcuts", "parallel", "seconds"}};
  PyObject *values[10], *seconds, *result = NULL;
  long long alternatives;
  reading_call call;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !read_call(module, values[0], values[1], values[4], values[6], &call) ||
      !convert_int(values[3], "count", 1, OD_MAX_ALTERNATIVES, &alternatives) ||
      !is_instance(values[2], state_of_module(module)->automaton_type, "automaton") ||
      !read_options(module, values[5], values[2], values[7], (int)alternatives, &call) ||
      !read_run(values[8], values[9], &call, &seconds) || !run_call(run_read, &call))
    return NULL;
  if (write_seconds(&call.reading.seconds, seconds))
    result = Py_BuildValue("(NNNN)", symbol_table(call.reading.count, call.reading.symbols),
                           probability_table(call.reading.count, call.reading.symbols),
                           quality_table(&call.reading), alternative_list(&call.reading));
  od_reading_release(&call.reading);
  return result;
}

PyObject *reading_crop_digits(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords) {
  static const signature accepted = {"crop_digits", 3, 2, 2, {"recognizer", "image", "detector"}};
  PyObject *values[3], *result = NULL;
  reading_call call;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !read_call(module, values[0], values[1], NULL, values[2], &call) ||
      !run_call(run_crops, &call))
    return NULL;
  const int n = call.crops.count;
  float *crops;
  PyObject *array = new_floats(3, (int[]){n, OD_DIGIT_SIDE, OD_DIGIT_SIDE}, &crops);
  if (array) {
    memcpy(crops, call.crops.crops, (size_t)n * OD_DIGIT_SIDE * OD_DIGIT_SIDE * sizeof *crops);
    result = Py_BuildValue("(NN)", symbol_table(n, call.crops.symbols), array);
  }
  od_symbol_crops_release(&call.crops);
  return result;
}

PyObject *reading_fusion_features(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                  PyObject *keywords) {
  static const signature accepted = {
      "fusion_features", 4, 3, 2, {"recognizer", "image", "classifier", "detector"}};
  PyObject *values[4];
  reading_call call;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !read_call(module, values[0], values[1], values[2], values[3], &call) ||
      !run_call(run_features, &call))
    return NULL;
  PyObject *result = feature_dict(&call.features);
  od_symbol_features_release(&call.features);
  return result;
}

PyObject *reading_normalize_line_image(PyObject *Py_UNUSED(module), PyObject *value) {
  gray_image image;
  uint8_t *levels;
  if (!read_image(value, &image)) return NULL;
  PyObject *result = new_bytes(image.h, image.w, &levels);
  if (!result) return NULL;
  const size_t size = (size_t)image.h * (size_t)image.w;
  memcpy(levels, image.pixels, size);
  od_line_image_normalize(size, levels);
  return result;
}

PyObject *reading_page_foreground(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                  PyObject *keywords) {
  static const signature accepted = {"page_foreground", 2, 1, 1, {"image", "dark"}};
  PyObject *values[2];
  core_call call;
  od_image_workspace workspace = {.kernels = state_of_module(module)->kernels, .pool = &call.pool};
  gray_image image;
  uint8_t *foreground;
  bool dark = false;
  od_error error;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !read_image(values[0], &image))
    return NULL;
  const bool known = values[1] && values[1] != Py_None;
  if (known && !convert_bool(values[1], "dark", &dark)) return NULL;
  const od_polarity polarity = !known ? OD_POLARITY_UNKNOWN
                               : dark ? OD_DARK_FOREGROUND
                                      : OD_LIGHT_FOREGROUND;
  PyObject *result = new_bytes(image.h, image.w, &foreground);
  if (!result) return NULL;
  const od_foreground_maps maps = {.foreground = foreground, .polarity = polarity};
  core_call_begin(&call, NULL, true);
  od_status status =
      od_find_page_foreground(&workspace, image.h, image.w, image.pixels, &maps, &dark, &error);
  od_image_workspace_release(&workspace);
  status = core_call_end(&call, status);
  if (status == OD_OK) return Py_BuildValue("(NO)", result, dark ? Py_True : Py_False);
  Py_DECREF(result);
  return raise_status(status, &error);
}
