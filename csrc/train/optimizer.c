#include "train/optimizer.h"

#include <math.h>
#include <string.h>

/* With a gradient of this norm a step could overflow a weight: training has diverged. */
static const double max_norm = 1e18;

enum { CHUNK = 8192 }; /* weights of one task; independent of the number of threads */

/* A range of weights of one tensor, updated by one task. */
typedef struct chunk {
  size_t begin, count;
  bool decays;
} chunk;

struct od_optimizer {
  od_optimizer_config config;
  const od_kernels *kernels;
  size_t trainable, total;
  int chunk_count;
  chunk *chunks;
  double *norms;    /* (chunk_count): squared norm of each chunk's gradient */
  od_real *mean;    /* (trainable): Adam's first moment, SGD's velocity */
  od_real *square;  /* (trainable): Adam's second moment */
  od_real *average; /* (total), with config.ema */
  bool averaging;   /* `average` holds an average */
  uint64_t steps;
};

/* The context of the tasks of one step. */
typedef struct optimizer_step {
  od_optimizer *optimizer;
  const od_real *gradient;
  od_real *values;
  double rate, scale;
} optimizer_step;

/* Count the chunks of a network and fill chunks (count), unless that is NULL. */
static int make_chunks(const od_network *network, chunk *chunks) {
  int count = 0;
  size_t begin = 0;
  for (int t = 0; t < od_network_tensor_count(network); t++) {
    const od_tensor *tensor = od_network_tensor(network, t);
    if (!tensor->trainable) break;
    for (size_t done = 0; done < tensor->size; done += CHUNK, count++) {
      size_t left = tensor->size - done;
      if (chunks)
        chunks[count] = (chunk){begin + done, left < CHUNK ? left : CHUNK, tensor->decays};
    }
    begin += tensor->size;
  }
  return count;
}

od_status od_optimizer_create(const od_network *network, const od_kernels *kernels,
                              const od_optimizer_config *config, od_optimizer **optimizer,
                              od_error *error) {
  *optimizer = NULL;
  od_optimizer *o = od_allocate(1, sizeof *o);
  if (!o) return od_fail_memory(error, "the optimizer");
  o->config = *config;
  o->kernels = kernels;
  o->trainable = od_network_trainable_size(network);
  o->total = od_network_total_size(network);
  o->chunk_count = make_chunks(network, NULL);
  o->chunks = od_allocate((size_t)o->chunk_count, sizeof *o->chunks);
  o->norms = od_allocate((size_t)o->chunk_count, sizeof *o->norms);
  o->mean = od_allocate(o->trainable, sizeof *o->mean);
  o->square = od_allocate(config->kind == OD_SGD ? 0 : o->trainable, sizeof *o->square);
  o->average = od_allocate(config->ema > 0 ? o->total : 0, sizeof *o->average);
  if (!o->chunks || !o->norms || !o->mean || !o->square || !o->average) {
    od_optimizer_destroy(o);
    return od_fail_memory(error, "the optimizer's state");
  }
  make_chunks(network, o->chunks);
  *optimizer = o;
  return OD_OK;
}

void od_optimizer_destroy(od_optimizer *o) {
  if (!o) return;
  od_release(o->chunks);
  od_release(o->norms);
  od_release(o->mean);
  od_release(o->square);
  od_release(o->average);
  od_release(o);
}

static void norm_task(void *context, int task, int worker) {
  const optimizer_step *s = context;
  (void)worker;
  const chunk *c = &s->optimizer->chunks[task];
  s->optimizer->norms[task] = s->optimizer->kernels->squared_norm(c->count, s->gradient + c->begin);
}

static void step_task(void *context, int task, int worker) {
  const optimizer_step *s = context;
  od_optimizer *o = s->optimizer;
  const chunk *c = &o->chunks[task];
  const od_optimizer_config *config = &o->config;
  (void)worker;
  bool decays = c->decays && config->kind != OD_ADAM;
  od_real shrink = (od_real)(decays ? 1 - s->rate * config->decay : 1);
  const od_real *gradient = s->gradient + c->begin;
  od_real *weight = s->values + c->begin, *mean = o->mean + c->begin;
  if (config->kind == OD_SGD) {
    od_sgd_step step = {(od_real)s->rate, (od_real)config->momentum, shrink, (od_real)s->scale};
    o->kernels->sgd(c->count, &step, gradient, mean, weight);
  } else {
    double t = (double)o->steps;
    double rate = s->rate * sqrt(1 - pow(config->beta2, t)) / (1 - pow(config->beta1, t));
    od_adam_step step = {
        (od_real)rate, (od_real)config->beta1, (od_real)config->beta2, (od_real)config->epsilon,
        shrink,        (od_real)s->scale};
    o->kernels->adam(c->count, &step, gradient, mean, o->square + c->begin, weight);
  }
}

/* The average starts as the weights after the first step. Its decay is min(ema, (1 + t) / (10 +
 * t)), so that the random initial weights lose their influence early. */
static void update_average(od_optimizer *o, const od_real *values) {
  double t = (double)o->steps, decay = fmin(o->config.ema, (1 + t) / (10 + t));
  if (o->averaging)
    o->kernels->blend(o->total, (od_real)decay, values, o->average);
  else
    memcpy(o->average, values, o->total * sizeof *values);
  o->averaging = true;
}

bool od_optimizer_step(od_optimizer *o, od_thread_pool *pool, double rate, const od_real *gradient,
                       od_network *network) {
  optimizer_step s = {o, gradient, od_network_values(network), rate, 1};
  double norm = 0;
  od_thread_pool_run(pool, norm_task, &s, o->chunk_count);
  for (int i = 0; i < o->chunk_count; i++) norm += o->norms[i];
  norm = sqrt(norm);
  if (!(norm < max_norm)) return false; /* NaN too */
  if (o->config.clip_norm > 0 && norm > o->config.clip_norm) s.scale = o->config.clip_norm / norm;
  o->steps++;
  od_thread_pool_run(pool, step_task, &s, o->chunk_count);
  if (o->config.ema > 0) update_average(o, s.values);
  return true;
}

const od_real *od_optimizer_average(const od_optimizer *o) {
  return o->config.ema > 0 && o->averaging ? o->average : NULL;
}

od_optimizer_state od_optimizer_save(const od_optimizer *o) {
  return (od_optimizer_state){.steps = o->steps,
                              .mean = o->mean,
                              .square = o->config.kind == OD_SGD ? NULL : o->square,
                              .average = od_optimizer_average(o)};
}

/* Check that an array of a state is there as the optimizer needs it, with finite numbers from `low`
 * on. */
static od_status check_array(const char *name, const od_real *values, size_t count, double low,
                             od_error *error) {
  if (!values != !count)
    return od_fail(error, OD_ERROR_ARGUMENT, count ? "%s: missing" : "%s: given, expected none",
                   name);
  for (size_t i = 0; i < count; i++)
    if (!isfinite(values[i]) || (double)values[i] < low)
      return od_fail(error, OD_ERROR_ARGUMENT, "%s: got %g, expected finite numbers%s", name,
                     (double)values[i], low < 0 ? "" : " from 0");
  return OD_OK;
}

/* Check that the next step, with moments that are finite, changes every weight by a finite number:
 * in a run, neither a moment nor its quotient with the other comes near max_norm. */
static od_status check_next_step(const od_optimizer *o, const od_optimizer_state *state,
                                 od_error *error) {
  const od_optimizer_config *config = &o->config;
  if (state->steps > OD_MAX_OPTIMIZER_STEPS)
    return od_fail(error, OD_ERROR_ARGUMENT, "optimizer steps: got %llu, expected at most %llu",
                   (unsigned long long)state->steps, (unsigned long long)OD_MAX_OPTIMIZER_STEPS);
  for (size_t i = 0; i < o->trainable; i++) {
    const double mean = fabs((double)state->mean[i]);
    const double deviation =
        config->kind == OD_SGD ? 1 : sqrt((double)state->square[i]) + config->epsilon;
    if (!(mean < max_norm && mean < max_norm * deviation))
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "mean: got %g, with which the next step would not be finite",
                     (double)state->mean[i]);
  }
  return OD_OK;
}

od_status od_optimizer_restore(od_optimizer *o, const od_optimizer_state *state, od_error *error) {
  const size_t square = o->config.kind == OD_SGD ? 0 : o->trainable;
  const size_t average = o->config.ema > 0 && state->steps ? o->total : 0;
  od_status status = check_array("mean", state->mean, o->trainable, -INFINITY, error);
  if (!status) status = check_array("square", state->square, square, 0, error);
  if (!status) status = check_array("average", state->average, average, -INFINITY, error);
  if (!status) status = check_next_step(o, state, error);
  if (status) return status;
  o->steps = state->steps;
  o->averaging = average > 0;
  memmove(o->mean, state->mean, o->trainable * sizeof *o->mean);
  if (square) memmove(o->square, state->square, square * sizeof *o->square);
  if (average) memmove(o->average, state->average, average * sizeof *o->average);
  return OD_OK;
}
