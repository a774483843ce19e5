#include "train/trainer.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/math.h"
#include "nn/calibration.h"
#include "nn/ctc.h"
#include "train/trainer_checks.h"
#include "train/trainer_state.h"

/* Part of the key of each stream of random numbers. */
enum { STREAM_SHUFFLE = 1, STREAM_AUGMENT, STREAM_DROPOUT };

enum {
  VALIDATION_BLOCK = 256,    /* images per inference call, … */
  MAP_BLOCK = 8,             /* … of a network with a map as output */
  CALIBRATION_IMAGES = 1024, /* maximum, … */
  CALIBRATION_MAPS = 32,     /* … of images with a map as output, … */
  INTERRUPTED_IMAGES = 16    /* … and of both after an interrupt, which does not wait for more */
};

/* The context of the tasks that load the images of a batch. */
typedef struct batch_loader {
  const od_trainer *trainer;
  const od_train_data *data;
  const uint32_t *order; /* indices of the batch's images */
  uint64_t epoch;
  size_t first; /* position of the batch in the epoch */
} batch_loader;

static const run_position run_start = {.best = {.loss = INFINITY, .accuracy = -1}};

/* -- creation and release -- */

/* Allocate all buffers; od_trainer_destroy releases them, also after an error. */
static od_status allocate_buffers(od_trainer *t, od_error *error) {
  const od_shape in = od_network_input(t->network);
  const size_t total = od_network_total_size(t->network);
  const od_shape out = od_network_output(t->network);
  const size_t classes = (size_t)out.c;
  t->positions = (size_t)out.h * (size_t)out.w;
  t->maps = out.h > 1;
  t->sequences = t->positions > 1 && !t->maps;
  t->outputs = t->positions * classes;
  t->block = t->maps ? MAP_BLOCK : VALIDATION_BLOCK;
  t->total_bytes = total * sizeof(od_real);
  t->step_gradient = od_allocate(od_network_trainable_size(t->network), sizeof *t->step_gradient);
  t->saved_weights = od_allocate(total, sizeof *t->saved_weights);
  t->best_weights = od_allocate(total, sizeof *t->best_weights);
  if (t->config.augment.count) {
    const size_t size = od_augment_scratch_size(in.h, in.w);
    t->augment_size = (size + OD_ALIGNMENT - 1) / OD_ALIGNMENT * OD_ALIGNMENT;
  }
  t->augment_scratch = od_allocate(t->augment_size, (size_t)t->threads);
  t->scores = od_allocate((t->block + 1) * t->outputs, sizeof *t->scores);
  t->ctc_scratch = od_allocate(t->sequences ? od_ctc_scratch(t->positions, classes) : 1, 1);
  if (!t->step_gradient || !t->saved_weights || !t->best_weights || !t->augment_scratch ||
      !t->scores || !t->ctc_scratch)
    return od_fail_memory(error, "the trainer's buffers");
  return OD_OK;
}

static void release_batch(od_trainer *t) {
  od_gradient_destroy(t->gradient);
  od_release(t->labels);
  od_release(t->targets);
  t->gradient = NULL;
  t->labels = NULL;
  t->targets = NULL;
  t->capacity = 0;
}

/* Allocate what batches of n images need, unless an earlier run needed as much. */
static od_status reserve_batch(od_trainer *t, int n, od_error *error) {
  if (n <= t->capacity) return OD_OK;
  release_batch(t);
  const size_t classes = (size_t)od_network_classes(t->network);
  t->labels = od_allocate((size_t)n, t->positions);
  t->targets = od_allocate((size_t)n * classes, sizeof *t->targets);
  if (!t->labels || !t->targets) return od_fail_memory(error, "the labels of a batch");
  const od_status status = od_gradient_create(t->network, t->kernels, t->config.precision, n,
                                              t->threads, &t->gradient, error);
  if (!status) t->capacity = n;
  return status;
}

od_status od_trainer_create(od_network *network, const od_kernels *kernels, int threads,
                            const od_train_config *config, od_trainer **trainer, od_error *error) {
  *trainer = NULL;
  od_status status = od_check_train_config(network, config, error);
  if (status) return status;
  od_trainer *t = od_allocate(1, sizeof *t);
  if (!t) return od_fail_memory(error, "the trainer");
  t->network = network;
  t->kernels = kernels;
  t->config = *config;
  t->threads = threads;
  t->position = run_start;
  status = allocate_buffers(t, error);
  if (!status)
    status = od_optimizer_create(network, kernels, &config->optimizer, &t->optimizer, error);
  if (!status) status = reserve_batch(t, 1, error); /* a run reserves what its data need */
  if (status) {
    od_trainer_destroy(t);
    return status;
  }
  *trainer = t;
  return OD_OK;
}

void od_trainer_destroy(od_trainer *t) {
  if (!t) return;
  od_optimizer_destroy(t->optimizer);
  release_batch(t);
  od_workspace_destroy(t->workspace);
  od_model_destroy(t->model);
  od_release(t->step_gradient);
  od_release(t->saved_weights);
  od_release(t->best_weights);
  od_release(t->scores);
  od_release(t->ctc_scratch);
  od_release(t->augment_scratch);
  od_release(t);
}

/* -- an epoch -- */

/* One call of od_trainer_run. */
typedef struct session {
  od_trainer *trainer;
  od_thread_pool *pool; /* which may be interrupted: not for changes of the network */
  const od_train_data *train, *validation; /* validation may be NULL */
  od_callbacks callbacks;
  uint32_t *order; /* (train->images.count) */
} session;

/* Call a callback, if there is one; return whether to continue. */
static bool proceed(const session *s, od_progress_callback *callback, const od_progress *p) {
  return !callback || callback(s->callbacks.context, p);
}

/* Load and augment image `index` of the batch. Its random numbers are keyed by its position in
 * the epoch, so they do not depend on the threads. */
static void load_image(void *context, int index, int worker, od_real *pixels) {
  const batch_loader *b = context;
  const od_trainer *t = b->trainer;
  od_images_load(&b->data->images, t->kernels, b->order[index], pixels);
  if (!t->config.augment.count) return;
  od_shape in = od_network_input(t->network);
  od_rng rng;
  od_rng_seed(&rng, od_rng_mix(t->config.seed, STREAM_AUGMENT),
              od_rng_mix(b->epoch, b->first + (size_t)index));
  od_augment_image(&t->config.augment, &rng, in.h, in.w, pixels,
                   t->augment_scratch + (size_t)worker * t->augment_size);
}

/* Gather the targets of the batch's n images; NULL if the data have none. */
static const od_real *gather_targets(const od_trainer *t, const od_train_data *data,
                                     const uint32_t *order, size_t n) {
  const size_t classes = (size_t)od_network_classes(t->network);
  if (!data->targets) return NULL;
  for (size_t i = 0; i < n; i++)
    memcpy(t->targets + i * classes, data->targets + order[i] * classes,
           classes * sizeof *t->targets);
  return t->targets;
}

/* The labels of an image. */
static size_t label_count(const od_trainer *t, const od_train_data *data) {
  return t->sequences ? data->length : t->positions;
}

/* The learning rate of a step of the present epoch. */
static double step_rate(const od_trainer *t, size_t step) {
  const run_position *at = &t->position;
  return od_schedule_rate(&t->config.schedule, (size_t)at->epoch * at->steps + step,
                          (size_t)t->config.epochs * at->steps);
}

/* Train on the n images from position b->first of the epoch: gradient, then optimizer step. */
static od_status run_step(const session *s, batch_loader *b, size_t n, od_loss *loss,
                          od_error *error) {
  const od_trainer *t = s->trainer;
  const run_position *at = &t->position;
  const od_train_config *config = &t->config;
  const size_t length = label_count(t, s->train);
  b->order = s->order + b->first;
  for (size_t i = 0; i < n; i++)
    memcpy(t->labels + i * length, s->train->labels + b->order[i] * length, length);
  const od_batch batch = {
      .source = load_image,
      .context = b,
      .labels = t->labels,
      .length = length,
      .targets = gather_targets(t, s->train, b->order, n),
      .class_weights = config->class_count ? config->class_weights : NULL,
      .count = (int)n,
      .seed = od_rng_mix(od_rng_mix(config->seed, STREAM_DROPOUT), od_rng_mix(b->epoch, at->step))};
  const od_status status = od_gradient_run(t->gradient, s->pool, &batch, config->label_smoothing,
                                           t->step_gradient, loss);
  if (status) return status;
  od_thread_pool to_the_end = od_thread_pool_attach(s->pool, false, NULL);
  if (!isfinite(loss->loss) || !od_optimizer_step(t->optimizer, &to_the_end, step_rate(t, at->step),
                                                  t->step_gradient, t->network))
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "training diverged in epoch %d, step %zu (loss %g): that step was not made, and "
                   "the weights are finite; a smaller learning_rate may help",
                   at->epoch + 1, at->step + 1, loss->loss);
  od_gradient_update_statistics(t->gradient);
  return OD_OK;
}

static double mean(double sum, double count) { return count > 0 ? sum / count : 0; }

/* Describe the position of the run in *p. */
static void report(const od_trainer *t, od_progress *p) {
  const run_position *at = &t->position;
  p->epoch = at->epoch;
  p->step = at->step;
  p->loss = mean(at->sums.loss, at->sums.count);
  p->accuracy = mean(at->sums.accuracy, at->sums.count);
  p->rate = at->step ? step_rate(t, at->step - 1) : 0;
  p->seconds = at->seconds;
}

/* Shuffle the images, and return the key of the epoch's random numbers. An epoch counts as begun
 * after its first step. */
static uint64_t shuffle(const session *s) {
  const od_trainer *t = s->trainer;
  const uint64_t epoch = t->epochs_begun - (t->position.step > 0);
  const size_t count = s->train->images.count;
  od_rng rng;
  od_rng_seed(&rng, od_rng_mix(t->config.seed, STREAM_SHUFFLE), epoch);
  for (size_t i = 0; i < count; i++) s->order[i] = (uint32_t)i;
  od_rng_shuffle(&rng, s->order, count);
  return epoch;
}

/* Make the steps that are left of the epoch. */
static od_status run_steps(const session *s, od_progress *p, od_error *error) {
  od_trainer *t = s->trainer;
  run_position *at = &t->position;
  const size_t count = s->train->images.count, batch_size = (size_t)t->config.batch_size;
  const double start = od_clock_seconds() - at->seconds;
  batch_loader b = {.trainer = t, .data = s->train, .epoch = shuffle(s)};
  report(t, p);
  while (at->step < at->steps) {
    od_loss loss;
    b.first = at->step * batch_size;
    const od_status status =
        run_step(s, &b, od_min_size(count - b.first, batch_size), &loss, error);
    if (status) return status;
    if (!at->step++) t->epochs_begun++;
    at->sums.loss += loss.loss * (double)loss.counted;
    at->sums.accuracy += (double)loss.correct;
    at->sums.count += (double)loss.counted;
    at->seconds = od_clock_seconds() - start;
    report(t, p);
    if (!proceed(s, s->callbacks.on_step, p)) return OD_STOPPED;
  }
  return OD_OK;
}

/* -- validation -- */

/* Pack the network's weights into a new model, with a workspace. */
static od_status create_model(od_trainer *t, od_error *error) {
  od_workspace_destroy(t->workspace);
  od_model_destroy(t->model);
  t->workspace = NULL;
  const od_status status =
      od_model_create(t->network, t->kernels, t->config.precision, &t->model, error);
  return status ? status : od_workspace_create(t->model, t->threads, &t->workspace, error);
}

/* Add the metrics of validation image `index` with probabilities p, or of the labelled pixels of a
 * map, to *sum. */
static void measure_image(const od_trainer *t, const od_train_data *data, size_t index,
                          const od_real *p, metrics *sum) {
  const size_t classes = t->outputs / t->positions;
  const uint8_t *labels = data->labels + index * t->positions;
  for (size_t i = 0; i < t->positions; i++, p += classes) {
    const size_t label = labels[i];
    if (t->maps && label == OD_IGNORE_LABEL) continue;
    sum->count++;
    sum->accuracy += od_argmax(classes, p) == label;
    sum->loss -= log(p[label] < 1e-30f ? 1e-30 : (double)p[label]); /* NaN stays */
  }
}

/* The same of a label sequence, with the scores of its time steps. */
static void measure_sequence(const od_trainer *t, const od_train_data *data, size_t index,
                             const od_real *scores, metrics *sum) {
  const size_t classes = (size_t)od_network_classes(t->network);
  const od_ctc_args args = {.steps = t->outputs / classes,
                            .classes = classes,
                            .scores = scores,
                            .labels = data->labels + index * data->length,
                            .length = data->length,
                            .gradient = t->scores + t->block * t->outputs,
                            .scratch = t->ctc_scratch};
  bool correct;
  sum->loss += od_ctc_loss(&args, &correct);
  sum->accuracy += correct;
  sum->count++;
}

/* Add the metrics of up to t->block images from `begin` on to *sum. */
static od_status evaluate_block(const session *s, size_t begin, metrics *sum) {
  const od_trainer *t = s->trainer;
  const od_train_data *data = s->validation;
  size_t left = data->images.count - begin;
  od_images block = data->images;
  block.count = left < t->block ? left : t->block;
  if (block.bytes) block.bytes += begin * block.size;
  if (block.floats) block.floats += begin * block.size;
  const od_status status =
      od_model_run(t->model, t->workspace, s->pool, &block, !t->sequences, t->scores);
  if (status) return status;
  for (size_t i = 0; i < block.count; i++)
    (t->sequences ? measure_sequence : measure_image)(t, data, begin + i,
                                                      t->scores + i * t->outputs, sum);
  return OD_OK;
}

/* Compute mean loss and accuracy on the validation data, or return OD_STOPPED. */
static od_status evaluate(const session *s, const od_progress *p, metrics *result,
                          od_error *error) {
  size_t count = s->validation->images.count;
  metrics sum = {0};
  od_status status = create_model(s->trainer, error);
  if (status) return status;
  for (size_t begin = 0; begin < count; begin += s->trainer->block) {
    if (begin && !proceed(s, s->callbacks.on_block, p)) return OD_STOPPED;
    status = evaluate_block(s, begin, &sum);
    if (status) return status;
  }
  *result = (metrics){mean(sum.loss, sum.count), mean(sum.accuracy, sum.count), sum.count};
  return OD_OK;
}

/* Whether `a` is better than `b`: a higher accuracy, or the same at a smaller loss. */
static bool is_better(metrics a, metrics b) {
  return a.accuracy > b.accuracy || (a.accuracy == b.accuracy && a.loss < b.loss);
}

/* Validate, and save the weights if they are the best so far. */
static od_status validate(const session *s, od_progress *p, od_error *error) {
  od_trainer *t = s->trainer;
  run_position *at = &t->position;
  metrics m;
  double start = od_clock_seconds();
  od_status status = evaluate(s, p, &m, error);
  if (status) return status;
  p->val_loss = m.loss;
  p->val_accuracy = m.accuracy;
  p->seconds += od_clock_seconds() - start;
  at->since_best++;
  if (is_better(m, at->best)) {
    at->best = m;
    at->since_best = 0;
    memcpy(t->best_weights, od_network_values(t->network), t->total_bytes);
  }
  return OD_OK;
}

/* -- a run -- */

/* Save the weights and put their moving average in their place, if there is one. */
static void swap_in_average(od_trainer *t) {
  const od_real *average = od_optimizer_average(t->optimizer);
  if (!average) return;
  memcpy(t->saved_weights, od_network_values(t->network), t->total_bytes);
  memcpy(od_network_values(t->network), average, t->total_bytes);
  t->average_shown = true;
}

const od_real *od_trainer_weights(const od_trainer *t) {
  const od_real *values = od_network_values_const(t->network);
  const od_real *average = od_optimizer_average(t->optimizer);
  const bool unchanged = t->average_shown && memcmp(values, average, t->total_bytes) == 0;
  return unchanged ? t->saved_weights : values;
}

static void swap_out_average(od_trainer *t) {
  const od_real *weights = od_trainer_weights(t);
  if (weights == t->saved_weights) memcpy(od_network_values(t->network), weights, t->total_bytes);
  t->average_shown = false;
}

/* Train for what is left of an epoch, and validate. */
static od_status run_epoch(const session *s, od_progress *p, od_error *error) {
  od_trainer *t = s->trainer;
  run_position *at = &t->position;
  p->val_loss = p->val_accuracy = NAN;
  od_status status = run_steps(s, p, error);
  if (status) return status;
  swap_in_average(t);
  if (s->validation) status = validate(s, p, error);
  if (!status) {
    *at = (run_position){
        .epoch = at->epoch + 1, .steps = at->steps, .best = at->best, .since_best = at->since_best};
    if (!proceed(s, s->callbacks.on_epoch, p)) status = OD_STOPPED;
  }
  swap_out_average(t);
  return status;
}

/* Observe the activation ranges that OD_INT8 needs, with the weights that the run ends with. */
static void calibrate(od_trainer *t, od_thread_pool *pool, const od_images *images) {
  od_thread_pool to_the_end = od_thread_pool_attach(pool, false, NULL);
  size_t most = t->maps ? CALIBRATION_MAPS : CALIBRATION_IMAGES;
  if (od_thread_pool_check(pool)) most = INTERRUPTED_IMAGES;
  od_images first = *images;
  first.count = od_min_size(first.count, most);
  if (od_network_calibrate(t->network, t->kernels, &to_the_end, &first, NULL))
    od_network_clear_ranges(t->network);
}

static od_status check_run(const od_trainer *t, const od_train_data *train,
                           const od_train_data *validation, size_t steps, od_error *error) {
  od_status status = od_check_train_data(t->network, "training data", train, error);
  if (!status) status = od_check_train_targets(t->network, train, error);
  if (!status && validation)
    status = od_check_train_data(t->network, "validation data", validation, error);
  if (!status && !validation && (t->config.patience || t->config.restore_best))
    status = od_fail(error, OD_ERROR_ARGUMENT,
                     "patience and restore_best need validation data, which are missing");
  const size_t expected = t->position.steps;
  if (!status && t->restored && expected && steps != expected)
    status = od_fail(error, OD_ERROR_ARGUMENT,
                     "training data: got %zu steps in an epoch, expected the %zu of the "
                     "checkpoint",
                     steps, expected);
  return status;
}

/* Whether there is another epoch. */
static bool goes_on(const od_trainer *t) {
  const run_position *at = &t->position;
  const int patience = t->config.patience;
  return at->epoch < t->config.epochs && !(patience && at->since_best >= patience);
}

od_status od_trainer_run(od_trainer *t, od_thread_pool *pool, const od_train_data *train,
                         const od_train_data *validation, const od_callbacks *callbacks,
                         od_error *error) {
  const size_t count = train->images.count, batch = (size_t)t->config.batch_size;
  const size_t steps = (count + batch - 1) / batch;
  od_status status = check_run(t, train, validation, steps, error);
  if (!status) status = reserve_batch(t, (int)od_min_size(count, batch), error);
  if (status) return status;
  const bool serial = od_thread_pool_threads(pool) > t->threads;
  od_thread_pool fitting = od_thread_pool_attach(pool, serial, pool ? pool->interrupt : NULL);
  const session s = {.trainer = t,
                     .pool = &fitting,
                     .train = train,
                     .validation = validation,
                     .callbacks = callbacks ? *callbacks : (od_callbacks){0},
                     .order = od_allocate(count, sizeof *s.order)};
  if (!s.order) return od_fail_memory(error, "the order of the images");
  swap_out_average(t);
  if (!t->restored) t->position = run_start;
  t->restored = false;
  t->position.steps = steps;

  od_progress p = {.epochs = t->config.epochs, .steps = steps};
  while (!status && goes_on(t)) status = run_epoch(&s, &p, error);
  swap_in_average(t);
  if (!status && t->position.best.accuracy >= 0 && t->config.restore_best)
    memcpy(od_network_values(t->network), t->best_weights, t->total_bytes);
  calibrate(t, pool, &train->images);
  od_release(s.order);
  return status;
}
