#include "reading.h"

#include <string.h>

#include "arguments.h"
#include "convert.h"
#include "errors.h"
#include "image/limits.h"
#include "network_type.h"
#include "page/read.h"
#include "page/line_image.h"
#include "runtime.h"
#include "shared_thread_pool.h"

enum { DIGIT_COLUMNS = 6, MOST_LENGTH = 1000, MOST_WORDS = 1 << 20, MOST_WEIGHT = 1000000000 };

/* A picture, which stays while the GIL is released. */
typedef struct picture {
  int h, w;
  const uint8_t *pixels;
} picture;

static bool read_image(PyObject *value, picture *image) {
  if (!convert_picture(value, "image", 0, &image->h, &image->w, &image->pixels)) return false;
  if (image->h <= OD_MAX_IMAGE_SIDE && image->w <= OD_MAX_IMAGE_SIDE) return true;
  PyErr_Format(PyExc_ValueError, "image: got %d x %d pixels, expected sides up to %d", image->h,
               image->w, OD_MAX_IMAGE_SIDE);
  return false;
}

/* The words of a tuple of str, which stays: only digits, not empty. Free with PyMem_Free. */
static bool read_words(PyObject *value, const char ***words, int *count) {
  if (!PyTuple_Check(value) || PyTuple_GET_SIZE(value) > MOST_WORDS) {
    PyErr_Format(PyExc_TypeError, "words: got %.100R, expected a tuple of up to %d str", value,
                 MOST_WORDS);
    return false;
  }
  *count = (int)PyTuple_GET_SIZE(value);
  *words = PyMem_Calloc((size_t)*count + 1, sizeof **words);
  if (!*words) {
    PyErr_NoMemory();
    return false;
  }
  for (int i = 0; i < *count; i++) {
    const char *word = PyUnicode_AsUTF8(PyTuple_GET_ITEM(value, i));
    if (!word) return false;
    const size_t length = strspn(word, "0123456789");
    if (length == 0 || length > MOST_LENGTH || word[length]) {
      PyErr_Format(PyExc_ValueError, "words: got %.100R, expected 1 to %d digits",
                   PyTuple_GET_ITEM(value, i), MOST_LENGTH);
      return false;
    }
    (*words)[i] = word;
  }
  return true;
}

/* Digits (n, 6): line, value, left, top, width, height. */
static PyObject *table_of(int count, const od_read_digit *digits) {
  int32_t *table;
  PyObject *rows = new_integers32((int[]){count, DIGIT_COLUMNS}, &table);
  for (int i = 0; rows && i < count; i++) {
    const od_read_digit *from = &digits[i];
    const int32_t row[] = {from->line,
                           from->value,
                           from->left,
                           from->top,
                           from->right - from->left,
                           from->bottom - from->top};
    memcpy(table + i * DIGIT_COLUMNS, row, sizeof row);
  }
  return rows;
}

/* Digits (n, 12): confidence, whether it is a digit at all, the probability of each. */
static PyObject *numbers_of(int count, const od_read_digit *digits) {
  float *numbers;
  PyObject *rows = new_floats(2, (int[]){count, 2 + OD_DIGITS}, &numbers);
  for (int i = 0; rows && i < count; i++) {
    const od_read_digit *from = &digits[i];
    float *into = numbers + i * (2 + OD_DIGITS);
    into[0] = from->confidence;
    into[1] = from->is_digit;
    memcpy(into + 2, from->probabilities, sizeof from->probabilities);
  }
  return rows;
}

/* The layers of a Network; NULL with an exception set for what is none. */
static const od_network *layers_of(PyObject *module, PyObject *network, const char *name) {
  if (Py_IS_TYPE(network, state_of_module(module)->network_type))
    return ((network_object *)network)->network;
  PyErr_Format(PyExc_TypeError, "%s: got %.100R, expected a Network", name, network);
  return NULL;
}

/* Whether `network` is one that reads lines. */
static bool is_reader(PyObject *module, PyObject *network) {
  const od_network *layers = layers_of(module, network, "network");
  if (!layers) return false;
  const od_shape input = od_network_input(layers);
  if (input.h == OD_LINE_HEIGHT && input.w == OD_LINE_MAX_WIDTH && input.c == 1 &&
      od_network_columns(layers) == OD_LINE_MAX_WIDTH / OD_CTC_STRIDE &&
      od_network_classes(layers) == OD_CTC_CLASSES)
    return true;
  PyErr_Format(PyExc_ValueError, "network: got %R, expected one from (%d, %d, 1) to %d columns of "
               "%d classes", network, OD_LINE_HEIGHT, OD_LINE_MAX_WIDTH,
               OD_LINE_MAX_WIDTH / OD_CTC_STRIDE, OD_CTC_CLASSES);
  return false;
}

/* Whether `judge` is one that tells digits. */
static bool is_judge(PyObject *module, PyObject *judge, int *classes) {
  const od_network *layers = layers_of(module, judge, "judge");
  if (!layers) return false;
  const od_shape input = od_network_input(layers);
  *classes = od_network_classes(layers);
  if (input.h == OD_DIGIT_SIDE && input.w == OD_DIGIT_SIDE && input.c == 1 &&
      od_network_columns(layers) == 1 && (*classes == OD_DIGITS || *classes == OD_DIGITS + 1))
    return true;
  PyErr_Format(PyExc_ValueError, "judge: got %R, expected one from (%d, %d, 1) to %d or %d classes",
               judge, OD_DIGIT_SIDE, OD_DIGIT_SIDE, OD_DIGITS, OD_DIGITS + 1);
  return false;
}

static bool read_fusion(PyObject *value, od_fusion *opinions) {
  enum { NUMBERS = sizeof *opinions / sizeof(double) };
  _Static_assert(sizeof *opinions == 15 * sizeof(double), "the numbers of models.recognizer.FusionWeights");
  double numbers[NUMBERS];
  PyObject *tuple = PyTuple_Check(value) && PyTuple_GET_SIZE(value) == NUMBERS ? value : NULL;
  for (Py_ssize_t i = 0; tuple && i < NUMBERS; i++) {
    numbers[i] = PyFloat_AsDouble(PyTuple_GET_ITEM(tuple, i));
    if (PyErr_Occurred()) return false;
    if (!(numbers[i] >= -MOST_WEIGHT && numbers[i] <= MOST_WEIGHT)) tuple = NULL;
  }
  if (!tuple) {
    PyErr_Format(PyExc_ValueError,
                 "opinions: got %.100R, expected a tuple of %d numbers in -%d..%d", value,
                 (int)NUMBERS, MOST_WEIGHT, MOST_WEIGHT);
    return false;
  }
  memcpy(opinions, numbers, sizeof numbers);
  return true;
}

typedef struct reading_call {
  const od_kernels *kernels;
  PyObject *reader, *judge; /* Networks; a judge or NULL */
  int judge_classes;
  od_fusion opinions;
  picture image;
  od_read_limits limits;
  od_read_job *job;
} reading_call;

static od_status run_reader(reading_call *call, const network_lease *lease, od_error *error) {
  return od_read_lines(call->job, lease->shared->model, lease->workspace, lease->pool, error);
}

static od_status run_judge(reading_call *call, const network_lease *lease,
                           od_error *Py_UNUSED(error)) {
  od_read_verify(call->job, lease->shared->model, lease->workspace, call->judge_classes,
                 lease->pool);
  return OD_OK;
}

typedef od_status network_user(reading_call *call, const network_lease *lease, od_error *error);

static bool network_use(PyObject *network, network_user *use, reading_call *call) {
  network_lease lease;
  od_error error;
  od_status status;
  if (!network_lease_take(network, 2, &lease)) return false;
  Py_BEGIN_ALLOW_THREADS
  status = use(call, &lease, &error);
  Py_END_ALLOW_THREADS
  network_lease_release(&lease);
  if (status != OD_OK) raise_status(status, &error);
  return status == OD_OK;
}

/* The steps that use no network, each without the GIL; false with an exception set. */
typedef od_status reading_step(reading_call *call, od_thread_pool *pool, int *count, od_error *error);

static bool run_step(reading_step *step, reading_call *call, od_thread_pool *pool, int *count) {
  od_error error;
  od_status status;
  Py_BEGIN_ALLOW_THREADS
  status = step(call, pool, count, &error);
  Py_END_ALLOW_THREADS
  if (status != OD_OK) raise_status(status, &error);
  return status == OD_OK;
}

static od_status start(reading_call *call, od_thread_pool *pool, int *Py_UNUSED(count), od_error *error) {
  return od_read_start(call->kernels, call->image.h, call->image.w, call->image.pixels, pool,
                       &call->job, error);
}

/* Up to the first digits that are to be judged: *count is 0 where there are none. */
static od_status place(reading_call *call, od_thread_pool *pool, int *count, od_error *error) {
  *count = 0;
  if (!call->judge) return od_read_place(call->job, &call->limits, error);
  od_status status = od_read_place(call->job, NULL, error);
  return status ? status : od_read_crop_next(call->job, pool, count, error);
}

static od_status cut(reading_call *call, od_thread_pool *pool, int *count, od_error *error) {
  return od_read_crop_next(call->job, pool, count, error);
}

static od_status decide(reading_call *call, od_thread_pool *Py_UNUSED(pool), int *Py_UNUSED(count),
                        od_error *error) {
  return od_read_decide(call->job, &call->opinions, &call->limits, error);
}

/* Up to the digits' places, and where a judge comes next the first crops for him, *count. */
static bool run_reader_alone(reading_call *call, od_thread_pool *pool, int *count) {
  return run_step(start, call, pool, count) && network_use(call->reader, run_reader, call) &&
         run_step(place, call, pool, count);
}

/* Reads, with a network's lock held only while it runs. */
static bool run_reading(reading_call *call, od_thread_pool *pool) {
  int count = 0;
  if (!run_reader_alone(call, pool, &count)) return false;
  if (!call->judge) return true;
  while (count)
    if (!network_use(call->judge, run_judge, call) || !run_step(cut, call, pool, &count))
      return false;
  return run_step(decide, call, pool, &count);
}

static PyObject *read_picture(PyObject *module, reading_call *call) {
  od_reading reading;
  shared_thread_pool *pool = runtime_pool(state_of_module(module));
  const bool done = run_reading(call, pool->pool);
  shared_thread_pool_release(pool);
  if (done) od_read_take(call->job, &reading);
  od_read_destroy(call->job);
  if (!done) return NULL;
  PyObject *result = Py_BuildValue("(NN)", table_of(reading.count, reading.digits),
                                   numbers_of(reading.count, reading.digits));
  od_reading_release(&reading);
  return result;
}

PyObject *reading_read_digits(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords) {
  static const signature accepted = {
      "read_digits", 6, 2, 2, {"network", "image", "judge", "opinions", "length", "words"}};
  PyObject *values[6], *result = NULL;
  const char **words = NULL;
  long long length = 0;
  reading_call call = {.kernels = state_of_module(module)->kernels,
                       .opinions = {.apart = {.reader = 1, .read = 1},
                                    .close = {.reader = 1, .read = 1},
                                    .usual = 0.5,
                                    .known = MOST_WEIGHT}};
  if (!arguments_read(&accepted, arguments, count, keywords, values)) return NULL;
  PyObject *judge = values[2] && values[2] != Py_None ? values[2] : NULL;
  if (!is_reader(module, values[0]) || !read_image(values[1], &call.image) ||
      (judge && !is_judge(module, judge, &call.judge_classes)) ||
      (values[3] && !read_fusion(values[3], &call.opinions)) ||
      (values[4] && !convert_int(values[4], "length", 0, MOST_LENGTH, &length)))
    return NULL;
  call.reader = values[0];
  call.judge = judge;
  call.limits.length = (int)length;
  if (!values[5] || read_words(values[5], &words, &call.limits.word_count)) {
    call.limits.words = words;
    PyObject *image = Py_NewRef(values[1]);
    result = read_picture(module, &call);
    Py_DECREF(image);
  }
  PyMem_Free(words);
  return result;
}

static PyObject *crop_arrays(const od_read_job *job, int count) {
  float *crops;
  PyObject *pixels = new_floats(3, (int[]){count, OD_DIGIT_SIDE, OD_DIGIT_SIDE}, &crops);
  od_read_digit *digits = PyMem_Calloc((size_t)count + 1, sizeof *digits);
  if (!pixels || !digits) {
    Py_XDECREF(pixels);
    PyMem_Free(digits);
    return PyErr_NoMemory();
  }
  const size_t size = (size_t)OD_DIGIT_SIDE * OD_DIGIT_SIDE;
  for (int i = 0; i < count; i++) {
    const od_read_digit *digit;
    memcpy(crops + (size_t)i * size, od_read_crop(job, i, &digit), size * sizeof *crops);
    digits[i] = *digit;
  }
  PyObject *table = table_of(count, digits);
  PyMem_Free(digits);
  return Py_BuildValue("(NN)", table, pixels);
}

PyObject *reading_cut_digits(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                             PyObject *keywords) {
  static const signature accepted = {"crop_digits", 2, 2, 2, {"network", "image"}};
  PyObject *values[2];
  if (!arguments_read(&accepted, arguments, count, keywords, values)) return NULL;
  reading_call call = {.kernels = state_of_module(module)->kernels};
  if (!is_reader(module, values[0]) || !read_image(values[1], &call.image)) return NULL;
  call.reader = values[0];
  call.judge = values[0]; /* there is one to be asked next, but it is not */
  shared_thread_pool *pool = runtime_pool(state_of_module(module));
  int crops = 0;
  PyObject *image = Py_NewRef(values[1]);
  const bool done = run_reader_alone(&call, pool->pool, &crops);
  shared_thread_pool_release(pool);
  Py_DECREF(image);
  PyObject *result = done ? crop_arrays(call.job, crops) : NULL;
  od_read_destroy(call.job);
  return result;
}

PyObject *reading_level_strip(PyObject *Py_UNUSED(module), PyObject *value) {
  picture image;
  uint8_t *levels;
  if (!read_image(value, &image)) return NULL;
  PyObject *result = new_bytes(image.h, image.w, &levels);
  if (!result) return NULL;
  const size_t size = (size_t)image.h * (size_t)image.w;
  memcpy(levels, image.pixels, size);
  od_line_image_normalize(size, levels);
  return result;
}
