#include "page/verification.h"

#include "base/math.h"
#include "base/memory.h"
#include "page/symbol_crop.h"

enum { BATCH = 128 };

/* A page on which fewer than one in so many symbols is a probable digit is noise or texture. */
enum { MIN_DIGITS = 10 };

/* A symbol whose probability of non-digit is below this is a probable digit. */
static const float max_non_digit = 0.1f;

/* Memory of a batch. */
typedef struct batch {
  int count;
  int *indices;           /* (BATCH): of symbols */
  float *crops;           /* (BATCH, OD_CROP_SIZE) */
  od_real *probabilities; /* (BATCH, classes) */
} batch;

static void batch_release(batch *work) {
  od_release(work->indices);
  od_release(work->crops);
  od_release(work->probabilities);
}

/* Classifies a batch; adds its probable digits to *digits. */
static od_status verify_batch(const od_page *page, const od_symbols *symbols,
                              const od_reader *reader, od_thread_pool *pool, batch *work,
                              float *probabilities, int *digits, od_error *error) {
  const int classes = od_model_classes(reader->classifier->model);
  if (!work->count) return OD_OK;
  od_status status =
      od_crop_symbols(page, symbols->results, work->count, work->indices, pool, work->crops, error);
  if (status) return status;
  const od_images images = {
      .floats = work->crops, .count = (size_t)work->count, .size = OD_CROP_SIZE, .scale = 1};
  status = od_classify_all(reader->classifier, reader->classifier_workspace, pool, &images,
                           work->probabilities);
  if (status) return status;
  for (int i = 0; i < work->count; i++) {
    const od_real *from = work->probabilities + i * classes;
    float *to = probabilities + (size_t)work->indices[i] * OD_CLASSIFIER_CLASSES;
    for (int c = 0; c < classes; c++) to[c] = (float)from[c];
    *digits += to[OD_NON_DIGIT] < max_non_digit;
  }
  return OD_OK;
}

od_status od_verify_symbols(const od_page *page, const od_symbols *symbols, const od_reader *reader,
                            od_thread_pool *pool, od_verification *verification, od_error *error) {
  const int batches = (symbols->count + BATCH - 1) / BATCH;
  const size_t size = (size_t)od_min(symbols->count, BATCH);
  batch work = {
      .indices = od_allocate(size, sizeof *work.indices),
      .crops = od_allocate(size, OD_CROP_SIZE * sizeof *work.crops),
      .probabilities = od_allocate(size, OD_CLASSIFIER_CLASSES * sizeof *work.probabilities)};
  verification->has_non_digit = od_model_classes(reader->classifier->model) > OD_DIGITS;
  verification->probabilities = od_allocate(
      (size_t)symbols->count, OD_CLASSIFIER_CLASSES * sizeof *verification->probabilities);
  od_status status = OD_OK;
  if (!work.indices || !work.crops || !work.probabilities || !verification->probabilities)
    status = od_fail_memory(error, "the verification of symbols");
  int verified = 0, digits = 0;
  for (int k = 0; k < batches && !status && MIN_DIGITS * digits >= verified; k++) {
    work.count = 0;
    for (int i = k; i < symbols->count; i += batches)
      if (symbols->ranges[i].count && od_is_digit(&symbols->decoded[i]))
        work.indices[work.count++] = i;
    status = verify_batch(page, symbols, reader, pool, &work, verification->probabilities, &digits,
                          error);
    verified += work.count;
  }
  batch_release(&work);
  return status;
}

void od_verification_release(od_verification *verification) {
  od_release(verification->probabilities);
  *verification = (od_verification){0};
}

const float *od_verified_probabilities(const od_verification *verification, int index) {
  return verification->probabilities + (size_t)index * OD_CLASSIFIER_CLASSES;
}

bool od_is_verified(const od_verification *verification, int index) {
  const float *probabilities = od_verified_probabilities(verification, index);
  for (int c = 0; c < OD_CLASSIFIER_CLASSES; c++)
    if (probabilities[c] > 0) return true;
  return false;
}
