#include "reading.h"

#include <string.h>

#include "arguments.h"
#include "convert.h"
#include "errors.h"
#include "image/limits.h"
#include "network_type.h"
#include "read/read.h"
#include "read/strip.h"
#include "runtime.h"

enum { DIGIT_COLUMNS = 6, MOST_LENGTH = 1000, MOST_WORDS = 1 << 20 };

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

/* Digits (n, 6): line, value, left, top, width, height; and (n, 12): confidence, whether it is
 * a digit at all, the probability of each. */
static PyObject *digit_arrays(int count, const od_read_digit *digits) {
  int32_t *table;
  float *numbers;
  PyObject *rows = new_integers32((int[]){count, DIGIT_COLUMNS}, &table);
  PyObject *floats = new_floats(2, (int[]){count, 2 + OD_DIGITS}, &numbers);
  for (int i = 0; rows && floats && i < count; i++) {
    const od_read_digit *from = &digits[i];
    const int32_t row[] = {from->line,
                           from->value,
                           from->left,
                           from->top,
                           from->right - from->left,
                           from->bottom - from->top};
    memcpy(table + i * DIGIT_COLUMNS, row, sizeof row);
    float *into = numbers + i * (2 + OD_DIGITS);
    into[0] = from->confidence;
    into[1] = from->is_digit;
    memcpy(into + 2, from->probabilities, sizeof from->probabilities);
  }
  return Py_BuildValue("(NN)", rows, floats);
}

/* Whether `network` is one that reads lines. */
static bool is_reader(PyObject *module, PyObject *network) {
  if (!Py_IS_TYPE(network, state_of_module(module)->network_type)) {
    PyErr_Format(PyExc_TypeError, "network: got %.100R, expected a Network", network);
    return false;
  }
  const od_network *layers = ((network_object *)network)->network;
  const od_shape input = od_network_input(layers);
  if (input.h == OD_READ_HEIGHT && input.w == OD_READ_WIDTH && input.c == 1 &&
      od_network_columns(layers) == OD_READ_WIDTH / OD_READ_COLUMN &&
      od_network_classes(layers) == OD_READ_CLASSES)
    return true;
  PyErr_Format(PyExc_ValueError, "network: got %R, expected one from (%d, %d, 1) to %d columns of "
               "%d classes", network, OD_READ_HEIGHT, OD_READ_WIDTH,
               OD_READ_WIDTH / OD_READ_COLUMN, OD_READ_CLASSES);
  return false;
}

typedef struct reading_call {
  const od_kernels *kernels;
  picture image;
  od_read_limits limits;
  od_reading reading;
} reading_call;

static od_status run_reading(void *context, od_inference *inference, od_pool *pool,
                             od_error *error) {
  reading_call *call = context;
  const picture *image = &call->image;
  return od_read(call->kernels, image->h, image->w, image->pixels, inference, pool, &call->limits, &call->reading,
                 error);
}

PyObject *reading_read_digits(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords) {
  static const signature accepted = {
      "read_digits", 4, 2, 2, {"network", "image", "length", "words"}};
  PyObject *values[4], *result = NULL;
  reading_call call = {.kernels = state_of_module(module)->kernels};
  const char **words = NULL;
  long long length = 0;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !is_reader(module, values[0]) || !read_image(values[1], &call.image) ||
      (values[2] && !convert_int(values[2], "length", 0, MOST_LENGTH, &length)))
    return NULL;
  call.limits.length = (int)length;
  if (!values[3] || read_words(values[3], &words, &call.limits.word_count)) {
    call.limits.words = words;
    PyObject *image = Py_NewRef(values[1]);
    if (network_use(values[0], run_reading, &call))
      result = digit_arrays(call.reading.count, call.reading.digits);
    Py_DECREF(image);
  }
  PyMem_Free(words);
  od_reading_release(&call.reading);
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
  od_strip_level(size, levels);
  return result;
}
