#include "augmentation.h"

#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "convert.h"
#include "core_call.h"
#include "errors.h"
#include "fields.h"
#include "runtime.h"

static const field_choices fills = {3,
                                    {[OD_FILL_REFLECT] = "reflect",
                                     [OD_FILL_CONSTANT] = "constant",
                                     [OD_FILL_NEAREST] = "nearest"}};
_Static_assert(sizeof(od_fill) == sizeof(int), "a fill is read as an int");

#define OFFSET(MEMBER) offsetof(od_augment_step, MEMBER)
#define PROBABILITY \
  { "probability", OPTIONAL, FIELD_REAL, OFFSET(probability), NULL }
#define FILL \
  { "fill", OPTIONAL, FIELD_CHOICE, OFFSET(fill), &fills }
#define VALUE \
  { "value", OPTIONAL, FIELD_REAL, OFFSET(value), NULL }
#define NUMBER(NAME, MEMBER) \
  { NAME, REQUIRED, FIELD_REAL, OFFSET(MEMBER), NULL }
#define RANGE(NAME, MEMBER) \
  { NAME, REQUIRED, FIELD_RANGE, OFFSET(MEMBER), NULL }

/* rotation, zoom, shear */
static const field geometric_fields[] = {RANGE("factor", range), PROBABILITY, FILL, VALUE,
                                         FIELDS_END};
static const field contrast_fields[] = {RANGE("factor", range), PROBABILITY, FIELDS_END};
/* stroke, brightness */
static const field amount_fields[] = {RANGE("amount", range), PROBABILITY, FIELDS_END};
/* noise, blur */
static const field sigma_fields[] = {RANGE("sigma", range), PROBABILITY, FIELDS_END};
static const field erase_fields[] = {RANGE("area", range), PROBABILITY, VALUE, FIELDS_END};
static const field translation_fields[] = {RANGE("height", translation.height),
                                           RANGE("width", translation.width),
                                           PROBABILITY,
                                           FILL,
                                           VALUE,
                                           FIELDS_END};
static const field affine_fields[] = {NUMBER("degrees", affine.degrees),
                                      NUMBER("translate", affine.translate),
                                      RANGE("scale", affine.scale),
                                      NUMBER("shear", affine.shear),
                                      PROBABILITY,
                                      FILL,
                                      VALUE,
                                      FIELDS_END};
static const field elastic_fields[] = {NUMBER("displacement", elastic.displacement),
                                       NUMBER("sigma", elastic.sigma),
                                       PROBABILITY,
                                       FILL,
                                       VALUE,
                                       FIELDS_END};
static const field background_fields[] = {
    RANGE("tone", background.tone), NUMBER("uneven", background.uneven), PROBABILITY, FIELDS_END};
static const field texture_fields[] = {RANGE("amount", texture.amount),
                                       NUMBER("spacing", texture.spacing), PROBABILITY, FIELDS_END};
static const field stray_stroke_fields[] = {RANGE("width", stray_stroke.width),
                                            NUMBER("reach", stray_stroke.reach), PROBABILITY, VALUE,
                                            FIELDS_END};
static const field invert_fields[] = {PROBABILITY, FIELDS_END};

static const field *const fields_of[OD_AUGMENT_KINDS] = {
    [OD_AUGMENT_ROTATION] = geometric_fields,
    [OD_AUGMENT_TRANSLATION] = translation_fields,
    [OD_AUGMENT_ZOOM] = geometric_fields,
    [OD_AUGMENT_CONTRAST] = contrast_fields,
    [OD_AUGMENT_SHEAR] = geometric_fields,
    [OD_AUGMENT_AFFINE] = affine_fields,
    [OD_AUGMENT_ELASTIC] = elastic_fields,
    [OD_AUGMENT_STROKE] = amount_fields,
    [OD_AUGMENT_BRIGHTNESS] = amount_fields,
    [OD_AUGMENT_NOISE] = sigma_fields,
    [OD_AUGMENT_ERASE] = erase_fields,
    [OD_AUGMENT_BLUR] = sigma_fields,
    [OD_AUGMENT_BACKGROUND] = background_fields,
    [OD_AUGMENT_TEXTURE] = texture_fields,
    [OD_AUGMENT_STRAY_STROKE] = stray_stroke_fields,
    [OD_AUGMENT_INVERT] = invert_fields,
};

/* Remove "type" from the dict and read it. */
static bool read_kind(PyObject *values, const char *name, od_augment_kind *kind) {
  char key[80];
  snprintf(key, sizeof key, "%s: type", name);
  PyObject *type = dict_take(values, "type");
  if (!type) {
    if (!PyErr_Occurred()) PyErr_Format(PyExc_ValueError, "%s: missing", key);
    return false;
  }
  field_choices kinds = {.count = OD_AUGMENT_KINDS};
  for (int i = 0; i < OD_AUGMENT_KINDS; i++)
    kinds.names[i] = od_augment_kind_name((od_augment_kind)i);
  const int choice = choice_read(&kinds, type, key);
  Py_DECREF(type);
  *kind = (od_augment_kind)choice;
  return choice >= 0;
}

static bool read_step(PyObject *value, const char *name, od_augment_step *step) {
  PyObject *values = convert_dict(value, name);
  if (!values) return false;
  *step = (od_augment_step){.probability = 1, .fill = OD_FILL_CONSTANT};
  bool read = read_kind(values, name, &step->kind);
  if (read) {
    char where[96];
    snprintf(where, sizeof where, "%s (%s): ", name, od_augment_kind_name(step->kind));
    read = fields_read(fields_of[step->kind], values, where, PyExc_ValueError, step);
  }
  Py_DECREF(values);
  return read;
}

bool augmentation_read(PyObject *list, const char *name, od_augment *augment) {
  if (!PyTuple_Check(list) && !PyList_Check(list)) {
    PyErr_Format(PyExc_TypeError, "%s: got %.100R, expected a list of steps", name, list);
    return false;
  }
  PyObject *items = PySequence_Tuple(list); /* not shared, unlike the list */
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
  const od_status status = od_thread_pool_run(pool, augment_one, job, images);
  od_release(job->scratch);
  return status;
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
      !augmentation_read(values[1], "steps", &augment) ||
      !convert_seed(values[2], "seed", &job.seed) ||
      !convert_pictures(values[0], "images", &n, &job.h, &job.w, &images))
    return NULL;
  if (job.h > OD_MAX_AUGMENT_SIDE || job.w > OD_MAX_AUGMENT_SIDE)
    return PyErr_Format(PyExc_ValueError, "images: got %d x %d pixels, expected sides up to %d",
                        job.h, job.w, OD_MAX_AUGMENT_SIDE);
  PyObject *result = new_floats(3, (int[]){n, job.h, job.w}, &job.images);
  if (!result) return NULL;
  memcpy(job.images, images, (size_t)n * (size_t)job.h * (size_t)job.w * sizeof *images);
  shared_thread_pool *pool = runtime_pool(state_of_module(module));
  od_error error;
  core_call call;
  core_call_begin(&call, pool->pool, false);
  od_status status = run_job(&job, &call.pool, n, &error);
  status = core_call_end(&call, status);
  shared_thread_pool_release(pool);
  if (status == OD_OK) return result;
  Py_DECREF(result);
  return raise_status(status, &error);
}
