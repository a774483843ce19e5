#include "digit/classifier.h"

#include <math.h>

#include "base/math.h"
#include "digit/tta.h"

enum { SIZE = OD_DIGIT_SIDE * OD_DIGIT_SIDE, MAX_CLASSES = OD_DIGITS + 1 };

_Static_assert((int)OD_TTA_WARPS <= (int)OD_MODEL_SLICE, "the warped copies run in one slice");

bool od_is_classifier(od_shape input, int classes, int steps) {
  return input.h == OD_DIGIT_SIDE && input.w == OD_DIGIT_SIDE && input.c == 1 && steps == 1 &&
         (classes == OD_DIGITS || classes == OD_DIGITS + 1);
}

static void apply_temperature(const od_classifier *classifier, size_t count, od_real *scores) {
  if (!(classifier->temperature < 1 || classifier->temperature > 1)) return;
  for (size_t i = 0; i < count; i++)
    scores[i] = (od_real)((double)scores[i] / classifier->temperature);
}

/* Runs the first n images of the worker's slice: scores (n, classes), with the temperature
 * applied. */
static void run_slice(const od_classifier *classifier, od_workspace *workspace, int worker,
                      size_t n, od_real *scores) {
  od_model_run_slice(classifier->model, workspace, worker, n, scores);
  apply_temperature(classifier, n * (size_t)od_model_classes(classifier->model), scores);
}

/* The probability that the scores (11) are of a digit. In double: those of most digits would
 * all be 1 in float. */
static double digit_score(const od_real *scores) {
  double log_sum = (double)scores[0];
  for (int d = 1; d < OD_DIGITS; d++) log_sum = od_log_add_exp(log_sum, (double)scores[d]);
  return exp(-od_log_add_exp(0, (double)scores[OD_NON_DIGIT] - log_sum));
}

static bool is_uniform(const od_real *pixels) {
  for (int i = 1; i < SIZE; i++)
    if (pixels[i] < pixels[0] || pixels[i] > pixels[0]) return false;
  return true;
}

typedef struct classify_run {
  const od_classifier *classifier;
  od_workspace *workspace;
  const od_images *images;
  const od_classification *result;
  size_t slice; /* images of a task */
} classify_run;

/* Test-time augmentation of image `index`: improves its probabilities (10). */
static void augment(const classify_run *run, size_t index, int worker, od_real *probabilities) {
  od_real image[SIZE], scores[OD_TTA_WARPS * MAX_CLASSES], of_warps[OD_TTA_WARPS * OD_DIGITS];
  const size_t classes = (size_t)od_model_classes(run->classifier->model);
  od_images unscaled = *run->images;
  unscaled.scale = 1;
  od_images_load(&unscaled, od_model_kernels(run->classifier->model), index, image);
  od_tta_warp(run->classifier->tta, image, (od_real)run->images->scale,
              od_workspace_input(run->workspace, worker));
  run_slice(run->classifier, run->workspace, worker, OD_TTA_WARPS, scores);
  for (size_t k = 0; k < OD_TTA_WARPS; k++)
    od_softmax(OD_DIGITS, scores + k * classes, of_warps + k * OD_DIGITS);
  od_tta_average(of_warps, probabilities);
}

/* Image `index` from its scores (classes) to the result. */
static void finish(const classify_run *run, size_t index, int worker, const od_real *scores,
                   bool uniform) {
  const od_classification *result = run->result;
  const bool has_score = od_model_classes(run->classifier->model) > OD_DIGITS;
  const bool needs_score = result->digit_scores || result->confidences || result->reject > 0;
  const double score = !has_score || !needs_score ? 1 : uniform ? 0 : digit_score(scores);
  od_real probabilities[OD_DIGITS];
  if (result->digit_scores) result->digit_scores[index] = score;
  if (!result->digits && !result->probabilities && !result->confidences) return;
  od_softmax(OD_DIGITS, scores, probabilities);
  size_t digit = od_argmax(OD_DIGITS, probabilities);
  if (run->classifier->tta && (double)probabilities[digit] < run->classifier->tta_threshold) {
    augment(run, index, worker, probabilities);
    digit = od_argmax(OD_DIGITS, probabilities);
  }
  const double confidence = (double)probabilities[digit] * score;
  if (result->digits) result->digits[index] = confidence < result->reject ? -1 : (int64_t)digit;
  if (result->confidences) result->confidences[index] = confidence;
  for (int d = 0; result->probabilities && d < OD_DIGITS; d++)
    result->probabilities[index * OD_DIGITS + (size_t)d] = probabilities[d];
}

static void classify_slice(void *context, int task, int worker) {
  const classify_run *run = context;
  const size_t begin = (size_t)task * run->slice;
  const size_t n = od_min_size(run->images->count - begin, run->slice);
  const size_t classes = (size_t)od_model_classes(run->classifier->model);
  od_real scores[OD_MODEL_SLICE * MAX_CLASSES];
  bool uniform[OD_MODEL_SLICE];
  od_real *input = od_workspace_input(run->workspace, worker);
  for (size_t i = 0; i < n; i++) {
    od_real *pixels = input + i * SIZE;
    od_images_load(run->images, od_model_kernels(run->classifier->model), begin + i, pixels);
    uniform[i] = is_uniform(pixels);
  }
  run_slice(run->classifier, run->workspace, worker, n, scores);
  for (size_t i = 0; i < n; i++) finish(run, begin + i, worker, scores + i * classes, uniform[i]);
}

od_status od_classify(const od_classifier *classifier, od_workspace *workspace,
                      od_thread_pool *pool, const od_images *images,
                      const od_classification *result) {
  if (!images->count) return OD_OK;
  pool = od_workspace_pool(workspace, pool);
  const size_t threads = (size_t)od_thread_pool_threads(pool);
  /* Few images are spread over all threads, as each may need test-time augmentation. */
  const size_t even = (images->count + threads - 1) / threads;
  const size_t slice = od_min_size(even, OD_MODEL_SLICE);
  classify_run run = {classifier, workspace, images, result, slice};
  return od_thread_pool_run(pool, classify_slice, &run, (int)((images->count + slice - 1) / slice));
}

od_status od_classify_all(const od_classifier *classifier, od_workspace *workspace,
                          od_thread_pool *pool, const od_images *images, od_real *probabilities) {
  const size_t classes = (size_t)od_model_classes(classifier->model);
  const od_status status =
      od_model_run(classifier->model, workspace, pool, images, false, probabilities);
  if (status) return status;
  apply_temperature(classifier, images->count * classes, probabilities);
  for (size_t i = 0; i < images->count; i++, probabilities += classes)
    od_softmax(classes, probabilities, probabilities);
  return OD_OK;
}
