#include "reading.h"

#include <string.h>

#include "arguments.h"
#include "base/memory.h"
#include "convert.h"
#include "errors.h"
#include "image/limits.h"
#include "network_type.h"
#include "read/lattice.h"
#include "runtime.h"

/* A candidate that is none by more than this needs no second opinion. */
static const float surely_none = 0.98f;

enum { CANDIDATE_COLUMNS = 7, DIGIT_COLUMNS = 6, MOST_LENGTH = 1000, MOST_WORDS = 1 << 20 };

/* A page and the picture that it is made from, which stays while the GIL is released. */
typedef struct reading {
  od_page page;
  const uint8_t *pixels;
  PyObject *image;
} reading;

static bool read_image(PyObject *value, reading *work) {
  if (!convert_picture(value, "image", 0, &work->page.h, &work->page.w, &work->pixels))
    return false;
  if (work->page.h > OD_MAX_IMAGE_SIDE || work->page.w > OD_MAX_IMAGE_SIDE) {
    PyErr_Format(PyExc_ValueError, "image: got %d x %d pixels, expected sides up to %d",
                 work->page.h, work->page.w, OD_MAX_IMAGE_SIDE);
    return false;
  }
  work->image = Py_NewRef(value);
  return true;
}

static void release(reading *work) {
  od_page_release(&work->page);
  Py_CLEAR(work->image);
}

/* From the pixels to the candidates. */
static bool find_candidates(module_state *state, reading *work) {
  shared_pool *pool = runtime_pool(state);
  od_error error;
  od_status status;
  work->page.imaging = (od_imaging){.kernels = state->kernels, .pool = pool->pool};
  Py_BEGIN_ALLOW_THREADS
  status = od_page_find_ink(&work->page, work->pixels, &error);
  if (!status) status = od_page_find_lines(&work->page, &error);
  if (!status) status = od_page_cut_pieces(&work->page, &error);
  if (!status) status = od_page_list_candidates(&work->page, pool->pool, &error);
  Py_END_ALLOW_THREADS
  shared_pool_release(pool);
  if (status) raise_status(status, &error);
  return !status;
}

/* Candidates (n, 7): line, first and last piece, left, top, right, bottom; and their pictures
 * (n, 28, 28, 2). */
static PyObject *candidate_arrays(const od_page *page) {
  const int shape[] = {page->candidate_count, 28, 28, 2};
  int32_t *table;
  float *pictures;
  PyObject *rows = new_integers32((int[]){shape[0], CANDIDATE_COLUMNS}, &table);
  PyObject *images = new_floats(4, shape, &pictures);
  if (rows && images) {
    for (int i = 0; i < page->candidate_count; i++) {
      const od_candidate *from = &page->candidates[i];
      const int32_t row[] = {from->line, from->first, from->last,  from->left,
                             from->top,  from->right, from->bottom};
      memcpy(table + i * CANDIDATE_COLUMNS, row, sizeof row);
    }
    memcpy(pictures, page->pictures, (size_t)shape[0] * OD_PICTURE * sizeof *pictures);
  }
  return Py_BuildValue("(NN)", rows, images); /* takes them over, and fails without one */
}

PyObject *reading_find_candidates(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                  PyObject *keywords) {
  static const signature accepted = {"find_candidates", 1, 1, 1, {"image"}};
  PyObject *value, *result = NULL;
  reading work = {0};
  if (!arguments_read(&accepted, arguments, count, keywords, &value) || !read_image(value, &work))
    return NULL;
  if (find_candidates(state_of_module(module), &work)) result = candidate_arrays(&work.page);
  release(&work);
  return result;
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

static PyObject *decode(const reading *work, const float *probabilities,
                        const od_read_limits *limits) {
  od_error error;
  od_status status;
  int count = 0;
  od_read_digit *digits = od_allocate((size_t)work->page.piece_count, sizeof *digits);
  if (!digits) return PyErr_NoMemory();
  Py_BEGIN_ALLOW_THREADS
  status = od_page_decode(&work->page, probabilities, limits, digits, &count, &error);
  Py_END_ALLOW_THREADS
  PyObject *result = status ? raise_status(status, &error) : digit_arrays(count, digits);
  od_release(digits);
  return result;
}

/* Mixes in what a classifier of digits says of candidates that may be some: own ink alone. */
static bool ask_classifier(PyObject *classifier, const od_page *page, float *probabilities) {
  const size_t count = (size_t)page->candidate_count, size = OD_PICTURE / 2;
  float *pictures = od_allocate(count * size, sizeof *pictures);
  float *own = od_allocate(count * OD_READ_CLASSES, sizeof *own);
  float *others = od_allocate(count * OD_DIGITS, sizeof *others);
  bool done = pictures && own && others;
  if (!done) PyErr_NoMemory();
  od_images images = {.floats = pictures, .size = size, .scale = 1};
  for (size_t i = 0; done && i < count; i++) {
    const float *from = page->pictures + i * OD_PICTURE;
    float *into = pictures + images.count * size;
    if (probabilities[i * OD_READ_CLASSES + OD_DIGITS] > surely_none) continue;
    for (size_t k = 0; k < size; k++) into[k] = from[2 * k];
    memcpy(own + images.count++ * OD_READ_CLASSES, probabilities + i * OD_READ_CLASSES,
           OD_READ_CLASSES * sizeof *own);
  }
  if (done && images.count) done = network_run(classifier, &images, true, others);
  if (done) od_mix_opinions(images.count, others, own);
  for (size_t i = 0, next = 0; done && i < count; i++) {
    float *into = probabilities + i * OD_READ_CLASSES;
    if (into[OD_DIGITS] > surely_none) continue;
    memcpy(into, own + next++ * OD_READ_CLASSES, OD_READ_CLASSES * sizeof *own);
  }
  od_release(pictures);
  od_release(own);
  od_release(others);
  return done;
}

/* The candidates' probabilities from the networks, then the lines. */
static PyObject *read_candidates(PyObject *network, PyObject *classifier, const reading *work,
                                 const od_read_limits *limits) {
  const size_t count = (size_t)work->page.candidate_count;
  const od_images images = {
      .floats = work->page.pictures, .count = count, .size = OD_PICTURE, .scale = 1};
  float *probabilities = od_allocate(count * OD_READ_CLASSES, sizeof *probabilities);
  if (!probabilities) return PyErr_NoMemory();
  PyObject *result = NULL;
  if (count == 0 || (network_run(network, &images, true, probabilities) &&
                     ask_classifier(classifier, &work->page, probabilities)))
    result = decode(work, probabilities, limits);
  od_release(probabilities);
  return result;
}

/* Whether `network` is one from (28, 28, channels) to so many classes. */
static bool is_network(PyObject *module, PyObject *network, const char *name, int channels,
                       int classes) {
  if (!Py_IS_TYPE(network, state_of_module(module)->network_type)) {
    PyErr_Format(PyExc_TypeError, "%s: got %.100R, expected a Network", name, network);
    return false;
  }
  const od_network *layers = ((network_object *)network)->network;
  const od_shape input = od_network_input(layers);
  if (input.h == 28 && input.w == 28 && input.c == channels &&
      od_network_classes(layers) == classes)
    return true;
  PyErr_Format(PyExc_ValueError, "%s: got %R, expected one from (28, 28, %d) to %d classes", name,
               network, channels, classes);
  return false;
}

PyObject *reading_read_digits(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords) {
  static const signature accepted = {
      "read_digits", 5, 3, 3, {"network", "classifier", "image", "length", "words"}};
  PyObject *values[5], *result = NULL;
  reading work = {0};
  od_read_limits limits = {0};
  const char **words = NULL;
  long long length = 0;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !is_network(module, values[0], "network", 2, OD_READ_CLASSES) ||
      !is_network(module, values[1], "classifier", 1, OD_DIGITS) ||
      (values[3] && !convert_int(values[3], "length", 0, MOST_LENGTH, &length)))
    return NULL;
  limits.length = (int)length;
  if ((!values[4] || read_words(values[4], &words, &limits.word_count)) &&
      read_image(values[2], &work)) {
    limits.words = words;
    if (find_candidates(state_of_module(module), &work))
      result = read_candidates(values[0], values[1], &work, &limits);
  }
  PyMem_Free(words);
  release(&work);
  return result;
}
