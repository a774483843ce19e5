#define _POSIX_C_SOURCE 199309L /* clock_gettime */
#include "train/trainer.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "nn/gradient.h"
#include "nn/calibration.h"
#include "nn/workspace.h"
#include "nn/ctc.h"

/* What the streams of random numbers are for; part of each stream's key. */
enum { STREAM_SHUFFLE = 1, STREAM_AUGMENT, STREAM_DROPOUT };

enum { EVALUATED = 256 }; /* validation images scored at a time */
enum { CALIBRATED = 1024 }; /* training images, at most, that a run ends with a look at */

struct od_trainer {
  od_network *network;
  const od_kernels *kernels;
  od_train_config config;
  int threads;
  od_optimizer *optimizer;
  od_gradient *gradient;
  od_model *model;         /* for validation: of the weights at its begin … */
  od_workspace *workspace; /* … with its scratch memory */
  od_real *values;         /* (trainable): the gradient of a step */
  od_real *held;           /* (total): weights put aside while the average is in place */
  od_real *best;           /* (total): weights of the best epoch */
  bool lines;              /* the network gives columns */
  size_t outputs;          /* columns x classes of an image */
  od_real *scores;         /* (EVALUATED + 1, outputs): the last for what nobody wants */
  void *line_scratch;      /* of od_ctc_scratch bytes */
  uint8_t *labels;         /* (batch_size, columns) */
  od_real *targets;        /* (batch_size, classes) */
  size_t total_bytes;      /* of all the network's numbers */
  size_t augment_size;     /* bytes of scratch a worker */
  unsigned char *augment_scratch;
  uint64_t epochs_begun;   /* over all runs: later runs draw other numbers */
  bool shown;              /* the network holds the average since the last run */
};

/* An epoch under way, as the tasks that load images see it. */
typedef struct epoch {
  const od_trainer *trainer;
  const od_train_data *data;
  const uint32_t *order; /* of this batch: which images */
  uint64_t number;
  size_t first;          /* position of the batch in the epoch */
} epoch;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* -- checks -- */

static od_status refuse(od_error *error, const char *name, double value, const char *expected) {
  return od_fail(error, OD_ERROR_ARGUMENT, "%s: got %g, expected %s", name, value, expected);
}

static od_status check_config(const od_train_config *c, od_error *error) {
  const od_optimizer_config *o = &c->optimizer;
  const od_schedule *s = &c->schedule;
  if ((unsigned)o->kind > OD_ADAMW) return refuse(error, "optimizer", o->kind, "sgd, adam or adamw");
  if ((unsigned)s->kind > OD_ONE_CYCLE)
    return refuse(error, "schedule", s->kind, "constant, cosine or one_cycle");
  if (c->epochs < 1) return refuse(error, "epochs", c->epochs, "at least 1");
  if (c->batch_size < 1 || c->batch_size > 65536)
    return refuse(error, "batch_size", c->batch_size, "1 to 65536");
  if (!(s->peak > 0 && s->peak <= 1e3))
    return refuse(error, "learning_rate", s->peak, "0 < learning_rate <= 1000");
  if (!(s->warmup >= 0 && s->warmup < 1))
    return refuse(error, "warmup", s->warmup, "0 <= warmup < 1");
  if (!(s->divisor >= 1 && isfinite(s->divisor)))
    return refuse(error, "divisor", s->divisor, "at least 1");
  if (!(s->final_divisor >= 1 && isfinite(s->final_divisor)))
    return refuse(error, "final_divisor", s->final_divisor, "at least 1");
  if (!(o->momentum >= 0 && o->momentum < 1))
    return refuse(error, "momentum", o->momentum, "0 <= momentum < 1");
  if (!(o->beta1 >= 0 && o->beta1 < 1))
    return refuse(error, "beta_1", o->beta1, "0 <= beta_1 < 1");
  if (!(o->beta2 >= 0 && o->beta2 < 1))
    return refuse(error, "beta_2", o->beta2, "0 <= beta_2 < 1");
  if (!(o->epsilon > 0 && o->epsilon <= 1))
    return refuse(error, "epsilon", o->epsilon, "0 < epsilon <= 1");
  if (!(o->decay >= 0 && o->decay * s->peak < 1))
    return refuse(error, "weight_decay", o->decay, "at least 0, and below 1 / learning_rate");
  if (!(o->clip_norm >= 0 && isfinite(o->clip_norm)))
    return refuse(error, "clip_norm", o->clip_norm, "at least 0");
  if (!(o->ema >= 0 && o->ema < 1)) return refuse(error, "ema", o->ema, "0 <= ema < 1");
  if (!(c->label_smoothing >= 0 && c->label_smoothing < 1))
    return refuse(error, "label_smoothing", c->label_smoothing, "0 <= label_smoothing < 1");
  if (c->patience < 0) return refuse(error, "patience", c->patience, "at least 0");
  return od_augment_check(&c->augment, error);
}

static od_status check_shape(const od_network *network, const od_train_config *config,
                             od_error *error) {
  od_shape in = od_network_input(network);
  if (config->augment.count && (in.c != 1 || in.h > OD_MAX_AUGMENT_SIDE || in.w > OD_MAX_AUGMENT_SIDE))
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "augment: images are (%d, %d, %d), expected one channel and sides up to %d",
                   in.h, in.w, in.c, OD_MAX_AUGMENT_SIDE);
  return OD_OK;
}

/* Whether the columns have room for each line's labels. */
static od_status check_lines(const od_trainer *t, const char *what, const od_train_data *data,
                             od_error *error) {
  const size_t columns = (size_t)od_network_columns(t->network);
  for (size_t i = 0; i < data->images.count; i++) {
    const size_t wanted = od_ctc_min_columns(data->labels + i * data->length, data->length,
                                          od_network_classes(t->network) - 1);
    if (wanted > columns)
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "%s: the labels at index %zu want %zu columns, the network gives %zu", what, i,
                     wanted, columns);
  }
  return OD_OK;
}

static od_status check_data(const od_trainer *t, const char *what, const od_train_data *data,
                            od_error *error) {
  int classes = od_network_classes(t->network);
  size_t expected = od_shape_size(od_network_input(t->network));
  if (!data->images.count || data->images.count > UINT32_MAX)
    return od_fail(error, OD_ERROR_ARGUMENT, "%s: got %zu images, expected 1 to 4294967295", what,
                   data->images.count);
  if (data->images.size != expected)
    return od_fail(error, OD_ERROR_ARGUMENT, "%s: images of %zu numbers, expected %zu", what,
                   data->images.size, expected);
  const size_t columns = (size_t)od_network_columns(t->network);
  const size_t length = columns > 1 ? data->length : 1;
  if (!length || length > columns)
    return od_fail(error, OD_ERROR_ARGUMENT, "%s: up to %zu labels a line, expected 1 to %zu", what,
                   length, columns);
  for (size_t i = 0; i < data->images.count * length; i++)
    if (data->labels[i] >= classes)
      return od_fail(error, OD_ERROR_ARGUMENT, "%s: label %d at index %zu, expected 0 to %d", what,
                     data->labels[i], i / length, classes - 1);
  return columns > 1 ? check_lines(t, what, data, error) : OD_OK;
}

/* Each row must be probabilities; rounded ones will do. */
static od_status check_targets(const od_trainer *t, const od_train_data *data, od_error *error) {
  size_t classes = (size_t)od_network_classes(t->network);
  if (data->targets && t->lines)
    return od_fail(error, OD_ERROR_ARGUMENT, "targets: the network reads lines, expected none");
  for (size_t i = 0; data->targets && i < data->images.count; i++) {
    const od_real *row = data->targets + i * classes;
    double sum = 0;
    bool positive = true;
    for (size_t k = 0; k < classes; k++) {
      positive = positive && row[k] >= 0;
      sum += (double)row[k];
    }
    if (!positive || !(fabs(sum - 1) <= 1e-3))
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "targets: row %zu has sum %g, expected probabilities with sum 1", i, sum);
  }
  return OD_OK;
}

/* -- making and releasing -- */

od_status od_trainer_create(od_network *network, const od_kernels *kernels, int threads,
                            const od_train_config *config, od_trainer **trainer,
                            od_error *error) {
  *trainer = NULL;
  od_status status = check_config(config, error);
  if (!status) status = check_shape(network, config, error);
  if (status) return status;
  od_trainer *t = od_allocate(1, sizeof *t);
  if (!t) return od_fail_memory(error, "the trainer");
  od_shape in = od_network_input(network);
  size_t total = od_network_total_size(network);
  t->network = network;
  t->kernels = kernels;
  t->config = *config;
  t->threads = threads;
  t->total_bytes = total * sizeof(od_real);
  t->values = od_allocate(od_network_trainable_size(network), sizeof *t->values);
  t->held = od_allocate(total, sizeof *t->held);
  t->best = od_allocate(total, sizeof *t->best);
  if (config->augment.count) {
    size_t size = od_augment_scratch_size(in.h, in.w);
    t->augment_size = (size + OD_ALIGNMENT - 1) / OD_ALIGNMENT * OD_ALIGNMENT;
  }
  t->augment_scratch = od_allocate(t->augment_size, (size_t)threads);
  const size_t classes = (size_t)od_network_classes(network);
  const size_t columns = (size_t)od_network_columns(network);
  t->lines = columns > 1;
  t->outputs = columns * classes;
  t->scores = od_allocate((EVALUATED + 1) * t->outputs, sizeof *t->scores);
  t->line_scratch = od_allocate(columns > 1 ? od_ctc_scratch(columns, classes) : 1, 1);
  t->labels = od_allocate((size_t)config->batch_size, columns);
  t->targets = od_allocate((size_t)config->batch_size * classes, sizeof *t->targets);
  if (!t->values || !t->held || !t->best || !t->augment_scratch || !t->scores ||
      !t->line_scratch || !t->labels || !t->targets)
    status = od_fail_memory(error, "the trainer's buffers");
  if (!status)
    status = od_optimizer_create(network, kernels, &config->optimizer, &t->optimizer, error);
  if (!status)
    status = od_gradient_create(network, kernels, config->precision, config->batch_size, threads,
                                &t->gradient, error);
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
  od_gradient_destroy(t->gradient);
  od_workspace_destroy(t->workspace);
  od_model_destroy(t->model);
  od_release(t->values);
  od_release(t->held);
  od_release(t->best);
  od_release(t->scores);
  od_release(t->line_scratch);
  od_release(t->labels);
  od_release(t->targets);
  od_release(t->augment_scratch);
  od_release(t);
}

/* -- an epoch -- */

typedef struct measure {
  double loss, accuracy;
} measure;

/* One call of od_trainer_run. */
typedef struct session {
  od_trainer *trainer;
  od_thread_pool *pool;
  const od_train_data *train, *validation; /* validation NULL for none */
  od_callbacks callbacks;
  uint32_t *order; /* (train->images.count) */
  measure best;    /* of the epochs so far */
  int since_best;  /* epochs */
} session;

static bool proceed(const session *s, od_progress_callback *callback, const od_progress *p) {
  return !callback || callback(s->callbacks.context, p);
}

/* Loads and augments image `index` of the batch; its random numbers are keyed by its
 * place in the epoch, so no thread's pace changes them. */
static void load_image(void *context, int index, int worker, od_real *pixels) {
  const epoch *e = context;
  const od_trainer *t = e->trainer;
  od_images_load(&e->data->images, t->kernels, e->order[index], pixels);
  if (!t->config.augment.count) return;
  od_shape in = od_network_input(t->network);
  od_rng rng;
  od_rng_seed(&rng, od_rng_mix(t->config.seed, STREAM_AUGMENT),
              od_rng_mix(e->number, e->first + (size_t)index));
  od_augment_image(&t->config.augment, &rng, in.h, in.w, pixels,
                   t->augment_scratch + (size_t)worker * t->augment_size);
}

/* Puts the average in the weights' place; true if there is one. */
static bool show_average(od_trainer *t) {
  const od_real *average = od_optimizer_average(t->optimizer);
  if (!average) return false;
  memcpy(t->held, od_network_values(t->network), t->total_bytes);
  memcpy(od_network_values(t->network), average, t->total_bytes);
  return true;
}

static void hide_average(od_trainer *t) {
  memcpy(od_network_values(t->network), t->held, t->total_bytes);
}

/* A run goes on from the weights that the one before ended with, not from their average
 * that it left in the network; unless somebody has changed that since. */
static void take_back_average(od_trainer *t) {
  const od_real *average = od_optimizer_average(t->optimizer);
  if (t->shown && memcmp(od_network_values(t->network), average, t->total_bytes) == 0)
    hide_average(t);
  t->shown = false;
}

/* Notes the ranges that OD_INT8 wants, with the numbers that the run ends with. */
static void calibrate(od_trainer *t, od_thread_pool *pool, const od_images *images) {
  od_images first = *images;
  if (first.count > CALIBRATED) first.count = CALIBRATED;
  if (od_network_calibrate(t->network, t->kernels, pool, &first, NULL))
    od_network_clear_ranges(t->network);
}

/* What the loss asks for of the batch's n images. */
static const od_real *gather_targets(const od_trainer *t, const od_train_data *data,
                                     const uint32_t *order, size_t n) {
  size_t classes = (size_t)od_network_classes(t->network);
  if (!data->targets) return NULL;
  for (size_t i = 0; i < n; i++)
    memcpy(t->targets + i * classes, data->targets + order[i] * classes,
           classes * sizeof *t->targets);
  return t->targets;
}

static od_status run_epoch(session *s, od_progress *p, od_error *error) {
  od_trainer *t = s->trainer;
  const od_train_config *config = &t->config;
  size_t count = s->train->images.count, batch_size = (size_t)config->batch_size, seen = 0;
  double start = now(), loss = 0, right = 0;
  epoch e = {.trainer = t, .data = s->train, .number = t->epochs_begun++};
  od_rng rng;
  od_rng_seed(&rng, od_rng_mix(config->seed, STREAM_SHUFFLE), e.number);
  for (size_t i = 0; i < count; i++) s->order[i] = (uint32_t)i;
  od_rng_shuffle(&rng, s->order, count);
  for (p->step = 0; p->step < p->steps;) {
    size_t begin = p->step * batch_size, n = count - begin < batch_size ? count - begin : batch_size;
    e.order = s->order + begin;
    e.first = begin;
    const size_t length = t->lines ? s->train->length : 1;
    for (size_t i = 0; i < n; i++)
      memcpy(t->labels + i * length, s->train->labels + e.order[i] * length, length);
    od_batch batch = {.source = load_image,
                      .context = &e,
                      .labels = t->labels,
                      .length = length,
                      .targets = gather_targets(t, s->train, e.order, n),
                      .count = (int)n,
                      .seed = od_rng_mix(od_rng_mix(config->seed, STREAM_DROPOUT),
                                         od_rng_mix(e.number, p->step))};
    od_loss step = od_gradient_run(t->gradient, s->pool, &batch, config->label_smoothing, t->values);
    p->rate = od_schedule_rate(&config->schedule, (size_t)p->epoch * p->steps + p->step,
                               (size_t)p->epochs * p->steps);
    if (!isfinite(step.loss) ||
        !od_optimizer_step(t->optimizer, s->pool, p->rate, t->values, t->network))
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "training diverged in epoch %d, step %zu (loss %g): the weights before it "
                     "are kept; a smaller learning_rate may help",
                     p->epoch + 1, p->step + 1, step.loss);
    od_gradient_update_statistics(t->gradient);
    seen += n;
    loss += step.loss * (double)n;
    right += step.correct;
    p->step++;
    p->loss = loss / (double)seen;
    p->accuracy = right / (double)seen;
    p->seconds = now() - start;
    if (!proceed(s, s->callbacks.on_step, p)) return OD_STOPPED;
  }
  return OD_OK;
}

/* -- a run -- */

/* Packs the network's weights of now. */
static od_status create_model(od_trainer *t, od_error *error) {
  od_workspace_destroy(t->workspace);
  od_model_destroy(t->model);
  t->workspace = NULL;
  const od_status status =
      od_model_create(t->network, t->kernels, t->config.precision, &t->model, error);
  return status ? status : od_workspace_create(t->model, t->threads, &t->workspace, error);
}

/* Adds to *sum what image `index` of the validation data gives, with probabilities p. */
static void measure_image(const od_trainer *t, const od_train_data *data, size_t index,
                          const od_real *p, measure *sum) {
  size_t label = data->labels[index], best = 0;
  for (size_t k = 1; k < t->outputs; k++)
    if (p[k] > p[best]) best = k;
  sum->accuracy += best == label;
  sum->loss -= log(p[label] < 1e-30f ? 1e-30 : (double)p[label]); /* NaN stays */
}

static void measure_line(const od_trainer *t, const od_train_data *data, size_t index,
                         const od_real *scores, measure *sum) {
  const size_t classes = (size_t)od_network_classes(t->network);
  bool right;
  sum->loss += od_ctc_loss(t->outputs / classes, classes, scores,
                            data->labels + index * data->length, data->length, 0,
                            t->scores + EVALUATED * t->outputs, t->line_scratch, &right);
  sum->accuracy += right;
}

/* Scores images begin..begin + EVALUATED, or to the end; adds to the sums in *sum. */
static void evaluate_block(const session *s, size_t begin, measure *sum) {
  const od_trainer *t = s->trainer;
  const od_train_data *data = s->validation;
  size_t left = data->images.count - begin;
  od_images block = data->images;
  block.count = left < EVALUATED ? left : EVALUATED;
  if (block.bytes) block.bytes += begin * block.size;
  if (block.floats) block.floats += begin * block.size;
  od_model_run(t->model, t->workspace, s->pool, &block, !t->lines, t->scores);
  for (size_t i = 0; i < block.count; i++)
    (t->lines ? measure_line : measure_image)(t, data, begin + i, t->scores + i * t->outputs, sum);
}

/* The validation images' mean loss and share of right ones, or OD_STOPPED. */
static od_status evaluate(const session *s, const od_progress *p, measure *result,
                          od_error *error) {
  size_t count = s->validation->images.count;
  measure sum = {0, 0};
  od_status status = create_model(s->trainer, error);
  if (status) return status;
  for (size_t begin = 0; begin < count; begin += EVALUATED) {
    if (begin && !proceed(s, s->callbacks.on_block, p)) return OD_STOPPED;
    evaluate_block(s, begin, &sum);
  }
  *result = (measure){sum.loss / (double)count, sum.accuracy / (double)count};
  return OD_OK;
}

/* Whether `a` is better than `b`: more right, or as many at a smaller loss. */
static bool better(measure a, measure b) {
  return a.accuracy > b.accuracy || (a.accuracy == b.accuracy && a.loss < b.loss);
}

/* Validates, and keeps the weights if they are the best so far. */
static od_status validate(session *s, od_progress *p, od_error *error) {
  od_trainer *t = s->trainer;
  measure m;
  double start = now();
  od_status status = evaluate(s, p, &m, error);
  if (status) return status;
  p->val_loss = m.loss;
  p->val_accuracy = m.accuracy;
  p->seconds += now() - start;
  s->since_best++;
  if (better(m, s->best)) {
    s->best = m;
    s->since_best = 0;
    memcpy(t->best, od_network_values(t->network), t->total_bytes);
  }
  return OD_OK;
}

od_status od_trainer_run(od_trainer *t, od_thread_pool *pool, const od_train_data *train,
                         const od_train_data *validation, const od_callbacks *callbacks,
                         od_error *error) {
  od_status status = check_data(t, "training data", train, error);
  if (!status) status = check_targets(t, train, error);
  if (!status && validation) status = check_data(t, "validation data", validation, error);
  if (status) return status;
  if (!validation && (t->config.patience || t->config.restore_best))
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "patience and restore_best want validation data, which are missing");
  size_t count = train->images.count, batch = (size_t)t->config.batch_size;
  session s = {.trainer = t,
               .pool = od_thread_pool_threads(pool) > t->threads ? NULL : pool,
               .train = train,
               .validation = validation,
               .callbacks = callbacks ? *callbacks : (od_callbacks){0},
               .order = od_allocate(count, sizeof *s.order),
               .best = {.loss = INFINITY, .accuracy = -1}};
  if (!s.order) return od_fail_memory(error, "the order of the images");
  take_back_average(t);

  od_progress p = {.epochs = t->config.epochs, .steps = (count + batch - 1) / batch};
  for (p.epoch = 0; p.epoch < p.epochs && !status; p.epoch++) {
    p.val_loss = p.val_accuracy = NAN;
    status = run_epoch(&s, &p, error);
    if (status) break;
    bool averaged = show_average(t);
    if (validation) status = validate(&s, &p, error);
    if (!status && !proceed(&s, s.callbacks.on_epoch, &p)) status = OD_STOPPED;
    if (averaged) hide_average(t);
    if (t->config.patience && s.since_best >= t->config.patience) break;
  }
  t->shown = show_average(t);
  if (!status && s.best.accuracy >= 0 && t->config.restore_best)
    memcpy(od_network_values(t->network), t->best, t->total_bytes);
  calibrate(t, pool, &train->images);
  od_release(s.order);
  return status;
}
