#include "augmentation.h"

#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "convert.h"
#include "errors.h"
#include "fields.h"
#include "runtime.h"

static const field_choices kinds = {OD_AUGMENT_KINDS,
                                    {[OD_AUGMENT_ROTATION] = "rotation",
                                     [OD_AUGMENT_TRANSLATION] = "translation",
                                     [OD_AUGMENT_ZOOM] = "zoom",
                                     [OD_AUGMENT_CONTRAST] = "contrast",
                                     [OD_AUGMENT_SHEAR] = "shear",
                                     [OD_AUGMENT_AFFINE] = "affine",
                                     [OD_AUGMENT_ELASTIC] = "elastic",
                                     [OD_AUGMENT_STROKE] = "stroke",
                                     [OD_AUGMENT_BRIGHTNESS] = "brightness",
                                     [OD_AUGMENT_NOISE] = "noise",
                                     [OD_AUGMENT_ERASE] = "erase",
                                     [OD_AUGMENT_BLUR] = "blur",
                                     [OD_AUGMENT_BACKGROUND] = "paper",
                                     [OD_AUGMENT_TEXTURE] = "texture",
                                     [OD_AUGMENT_STRAY_STROKE] = "ink",
                                     [OD_AUGMENT_NEGATIVE] = "negative"}};
static const field_choices fills = {3,
                                    {[OD_FILL_REFLECT] = "reflect",
                                     [OD_FILL_CONSTANT] = "constant",
                                     [OD_FILL_NEAREST] = "nearest"}};

/* A new tuple of exactly `length` items, or NULL with an exception. */
static PyObject *tuple_of(PyObject *value, const char *name, Py_ssize_t length,
                          const char *expected) {
  bool sequence = PyTuple_Check(value) || PyList_Check(value);
  PyObject *tuple = sequence ? PySequence_Tuple(value) : NULL;
  if (sequence && (!tuple || PyTuple_GET_SIZE(tuple) == length)) return tuple;
  Py_XDECREF(tuple);
  return PyErr_Format(sequence ? PyExc_ValueError : PyExc_TypeError, "%s: got %.100R, expected %s",
                      name, value, expected);
}

static bool read_numbers(PyObject *value, const char *name, od_augment_step *step) {
  double *numbers[] = {&step->a, &step->b, &step->c, &step->d, &step->e};
  PyObject *tuple = tuple_of(value, name, 5, "a tuple of five numbers");
  bool read = tuple != NULL;
  for (int i = 0; read && i < 5; i++)
    read = convert_real(PyTuple_GET_ITEM(tuple, i), name, numbers[i]);
  Py_XDECREF(tuple);
  return read;
}

static bool read_step(PyObject *value, const char *name, od_augment_step *step) {
  PyObject *tuple =
      tuple_of(value, name, 5, "a tuple (name, five numbers, probability, fill, value)");
  if (!tuple) return false;
  int kind = choice_read(&kinds, PyTuple_GET_ITEM(tuple, 0), name);
  int fill = kind < 0 ? -1 : choice_read(&fills, PyTuple_GET_ITEM(tuple, 3), name);
  bool read = fill >= 0 && read_numbers(PyTuple_GET_ITEM(tuple, 1), name, step) &&
              convert_real(PyTuple_GET_ITEM(tuple, 2), name, &step->probability) &&
              convert_real(PyTuple_GET_ITEM(tuple, 4), name, &step->value);
  Py_DECREF(tuple);
  if (!read) return false;
  step->kind = (od_augment_kind)kind;
  step->fill = (od_fill)fill;
  return true;
}

bool augmentation_read(PyObject *list, const char *name, od_augment *augment) {
  if (!PyTuple_Check(list) && !PyList_Check(list)) {
    PyErr_Format(PyExc_TypeError, "%s: got %.100R, expected a list of steps", name, list);
    return false;
  }
  PyObject *items = PySequence_Tuple(list); /* nobody else can change this one */
  if (!items) return false;
  Py_ssize_t length = PyTuple_GET_SIZE(items);
  bool read = length <= OD_MAX_AUGMENT_STEPS;
  if (!read)
    PyErr_Format(PyExc_ValueError, "%s: got %zd steps, expected at most %d", name, length,
                 OD_MAX_AUGMENT_STEPS);
  *augment = (od_augment){.count = (int)length};
  for (int i = 0; read && i < length; i++) {
    char step[64];
    snprintf(step, sizeof step, "%s[%d]", name, i);
    read = read_step(PyTuple_GET_ITEM(items, i), step, &augment->steps[i]);
  }
  Py_DECREF(items);
  if (!read) return false;
  od_error error;
  od_status status = od_augment_check(augment, &error);
  if (status != OD_OK) raise_status(status, &error);
  return status == OD_OK;
}

typedef struct augment_job {
  const od_augment *augment;
  uint64_t seed;
  int h, w;
  float *images;       /* (n, h, w), in place */
  char *scratch;       /* (threads, scratch_size) */
  size_t scratch_size; /* bytes a worker */
} augment_job;

static void augment_one(void *context, int index, int worker) {
  const augment_job *job = context;
  od_rng rng;
  od_rng_seed(&rng, job->seed, (uint64_t)index);
  od_augment_image(job->augment, &rng, job->h, job->w,
                   job->images + (size_t)index * (size_t)job->h * (size_t)job->w,
                   job->scratch + (size_t)worker * job->scratch_size);
}

static od_status run_job(augment_job *job, od_thread_pool *pool, int images, od_error *error) {
  size_t size = od_augment_scratch_size(job->h, job->w);
  job->scratch_size = (size + OD_ALIGNMENT - 1) / OD_ALIGNMENT * OD_ALIGNMENT;
  job->scratch = od_allocate(job->scratch_size, (size_t)od_thread_pool_threads(pool));
  if (!job->scratch) return od_fail_memory(error, "augmentation");
  od_thread_pool_run(pool, augment_one, job, images);
  od_release(job->scratch);
  return OD_OK;
}

PyObject *augmentation_apply(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                             PyObject *keywords) {
  static const signature accepted = {"augment", 3, 3, 3, {"images", "steps", "seed"}};
  PyObject *values[3];
  od_augment augment;
  augment_job job = {.augment = &augment};
  int n;
  const float *images;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !convert_pictures(values[0], "images", &n, &job.h, &job.w, &images) ||
      !augmentation_read(values[1], "steps", &augment) ||
      !convert_seed(values[2], "seed", &job.seed))
    return NULL;
  if (job.h > OD_MAX_AUGMENT_SIDE || job.w > OD_MAX_AUGMENT_SIDE)
    return PyErr_Format(PyExc_ValueError, "images: got %d x %d pixels, expected sides up to %d",
                        job.h, job.w, OD_MAX_AUGMENT_SIDE);
  PyObject *result = new_floats(3, (int[]){n, job.h, job.w}, &job.images);
  if (!result) return NULL;
  memcpy(job.images, images, (size_t)n * (size_t)job.h * (size_t)job.w * sizeof *images);
  shared_thread_pool *pool = runtime_pool(state_of_module(module));
  od_error error;
  od_status status;
  Py_BEGIN_ALLOW_THREADS
  status = run_job(&job, pool->pool, n, &error);
  Py_END_ALLOW_THREADS
  shared_thread_pool_release(pool);
  if (status == OD_OK) return result;
  Py_DECREF(result);
  return raise_status(status, &error);
}
