/* train/: optimizers against their formulas, schedules, and the behaviour of runs. */
#include "base/thread_pool.h"
#include "check.h"
#include "interrupts.h"
#include "nn/gradient.h"
#include "nn/calibration.h"
#include "nn/workspace.h"
#include "networks.h"
#include "tables.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

/* --- a small problem: in which quarter of a noisy 6 x 6 image is the bright spot? --- */

enum { SIDE = 6, SIZE = SIDE * SIDE, CLASSES = 4, IMAGES = 96 };

typedef struct problem {
  float pixels[IMAGES * SIZE];
  uint8_t labels[IMAGES];
  od_train_data data;
} problem;

static problem *make_problem(uint64_t seed) {
  problem *p = calloc(1, sizeof *p);
  od_rng rng;
  od_rng_seed(&rng, seed, 0);
  for (int i = 0; i < IMAGES; i++) {
    p->labels[i] = (uint8_t)od_rng_below(&rng, CLASSES);
    int top = p->labels[i] / 2 * 3 + (int)od_rng_below(&rng, 2);
    int left = p->labels[i] % 2 * 3 + (int)od_rng_below(&rng, 2);
    for (int k = 0; k < SIZE; k++) p->pixels[i * SIZE + k] = (float)od_rng_range(&rng, 0, 0.3);
    for (int k = 0; k < 4; k++) p->pixels[i * SIZE + (top + k / 2) * SIDE + left + k % 2] += 0.7f;
  }
  p->data = (od_train_data){
      {.floats = p->pixels, .count = IMAGES, .size = SIZE, .scale = 1}, p->labels, 1, NULL};
  return p;
}

static const od_layer plain_layers[] = {{.kind = OD_CONV2D,
                                         .units = 6,
                                         .kernel = {3, 3},
                                         .stride = 1,
                                         .dilation = 1,
                                         .groups = 1,
                                         .same = true,
                                         .bias = true,
                                         .relu = true},
                                        {.kind = OD_MAX_POOL2D, .pool = {2, 2}, .step = {2, 2}},
                                        {.kind = OD_FLATTEN},
                                        {.kind = OD_DENSE, .units = CLASSES, .bias = true}};
static const od_layer rich_layers[] = {{.kind = OD_CONV2D,
                                        .units = 9,
                                        .kernel = {3, 3},
                                        .stride = 1,
                                        .dilation = 1,
                                        .groups = 1,
                                        .same = true},
                                       {.kind = OD_BATCH_NORM, .momentum = 0.9, .epsilon = 1e-3},
                                       {.kind = OD_RELU},
                                       {.kind = OD_MAX_POOL2D, .pool = {2, 2}, .step = {2, 2}},
                                       {.kind = OD_CONV2D,
                                        .units = 8,
                                        .kernel = {3, 3},
                                        .stride = 1,
                                        .dilation = 1,
                                        .groups = 1,
                                        .same = true,
                                        .bias = true,
                                        .relu = true},
                                       {.kind = OD_DROPOUT, .rate = 0.2},
                                       {.kind = OD_FLATTEN},
                                       {.kind = OD_DENSE, .units = CLASSES, .bias = true}};

static od_network *make_network(const od_layer *layers, int count) {
  od_network *network;
  od_error error = {{0}};
  if (!CHECK_INT(od_network_create((od_shape){SIDE, SIDE, 1}, layers, count, &network, &error),
                 OD_OK))
    exit(EXIT_FAILURE);
  od_network_initialize(network, 3);
  return network;
}
static od_network *plain_network(void) { return make_network(plain_layers, 4); }
static od_network *rich_network(void) { return make_network(rich_layers, 8); }

static od_train_config default_config(void) {
  return (od_train_config){
      .epochs = 3,
      .batch_size = 16,
      .seed = 11,
      .optimizer = {.kind = OD_ADAM, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7},
      .schedule = {.kind = OD_CONSTANT, .peak = 0.01, .divisor = 25, .final_divisor = 1e4}};
}

static od_thread_pool *make_pool(int threads) {
  od_thread_pool *pool;
  od_error error;
  if (!CHECK_INT(od_thread_pool_create(threads, &pool, &error), OD_OK)) exit(EXIT_FAILURE);
  return pool;
}

static od_trainer *make_trainer(od_network *network, const od_train_config *config, int threads) {
  od_trainer *trainer;
  od_error error = {{0}};
  if (!CHECK_INT(od_trainer_create(network, last_table(), threads, config, &trainer, &error),
                 OD_OK)) {
    printf("%s\n", error.message);
    exit(EXIT_FAILURE);
  }
  return trainer;
}

/* A copy of all of a network's values. */
static od_real *copy_values(const od_network *network) {
  size_t size = od_network_total_size(network);
  od_real *copy = od_allocate(size, sizeof *copy);
  memcpy(copy, od_network_values_const(network), size * sizeof *copy);
  return copy;
}

static bool same_values(const od_network *network, const od_real *values) {
  return memcmp(od_network_values_const(network), values,
                od_network_total_size(network) * sizeof *values) == 0;
}

static bool all_finite(const od_network *network) {
  for (size_t i = 0; i < od_network_total_size(network); i++)
    if (!isfinite(od_network_values_const(network)[i])) return false;
  return true;
}

/* --- a record of the callbacks --- */

enum { MAX_RECORDS = 400, MAX_KEPT = 64 };

typedef struct record {
  const od_network *network;
  od_progress steps[MAX_RECORDS], epochs[MAX_RECORDS];
  int step_count, block_count, epoch_count;
  od_real *step_values[MAX_KEPT],
      *epoch_values[MAX_KEPT];                    /* the network's values at each callback */
  int stop_at_step, stop_at_block, stop_at_epoch; /* counted from 1; 0: never */
} record;

static bool on_step(void *context, const od_progress *progress) {
  record *r = context;
  if (r->step_count < MAX_KEPT) r->step_values[r->step_count] = copy_values(r->network);
  if (r->step_count < MAX_RECORDS) r->steps[r->step_count] = *progress;
  return ++r->step_count != r->stop_at_step;
}

static bool on_block(void *context, const od_progress *progress) {
  record *r = context;
  CHECK_INT(progress->step, progress->steps);
  CHECK(isnan(progress->val_loss));
  return ++r->block_count != r->stop_at_block;
}

static bool on_epoch(void *context, const od_progress *progress) {
  record *r = context;
  if (r->epoch_count < MAX_KEPT) r->epoch_values[r->epoch_count] = copy_values(r->network);
  if (r->epoch_count < MAX_RECORDS) r->epochs[r->epoch_count] = *progress;
  return ++r->epoch_count != r->stop_at_epoch;
}

static void record_destroy(record *r) {
  for (int i = 0; i < MAX_KEPT; i++) {
    od_release(r->step_values[i]);
    od_release(r->epoch_values[i]);
  }
  free(r);
}

static record *make_record(const od_network *network) {
  record *r = calloc(1, sizeof *r);
  r->network = network;
  return r;
}

static od_status run(od_trainer *trainer, od_thread_pool *pool, const problem *train,
                     const problem *validation, record *r, od_error *error) {
  return od_trainer_run(trainer, pool, &train->data, validation ? &validation->data : NULL,
                        &(od_callbacks){on_step, on_block, on_epoch, r}, error);
}

/* --- learning --- */

static void test_learns(void) {
  problem *train = make_problem(1), *validation = make_problem(2);
  const struct {
    const char *name;
    od_optimizer_config optimizer;
    od_schedule schedule;
  } ways[] = {
      {"sgd",
       {.kind = OD_SGD, .momentum = 0.9, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7},
       {.kind = OD_CONSTANT, .peak = 0.05, .divisor = 25, .final_divisor = 1e4}},
      {"adam, cosine",
       {.kind = OD_ADAM, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7},
       {.kind = OD_COSINE, .peak = 0.02, .warmup = 0.1, .divisor = 25, .final_divisor = 1e4}},
      {"adamw, one cycle, average",
       {.kind = OD_ADAMW,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .epsilon = 1e-7,
        .decay = 0.01,
        .clip_norm = 1,
        .ema = 0.9},
       {.kind = OD_ONE_CYCLE, .peak = 0.02, .warmup = 0.3, .divisor = 25, .final_divisor = 1e4}},
  };
  for (int i = 0; i < 3; i++) {
    CHECK_CASE("%s", ways[i].name);
    od_network *network = plain_network();
    od_train_config config = default_config();
    config.epochs = 25;
    config.optimizer = ways[i].optimizer;
    config.schedule = ways[i].schedule;
    od_trainer *trainer = make_trainer(network, &config, 2);
    od_thread_pool *pool = make_pool(2);
    record *r = make_record(network);
    od_error error;
    CHECK_INT(run(trainer, pool, train, validation, r, &error), OD_OK);
    CHECK_INT(r->epoch_count, 25);
    CHECK_INT(r->step_count, 25 * 6);
    CHECK(r->epochs[0].loss > 1);
    CHECK(r->epochs[24].loss < 0.2);
    CHECK(r->epochs[24].val_accuracy > 0.95);
    CHECK(r->epochs[24].val_loss < 0.2);
    record_destroy(r);
    od_thread_pool_destroy(pool);
    od_trainer_destroy(trainer);
    od_network_destroy(network);
  }
  free(train);
  free(validation);
}

static void test_progress(void) {
  problem *train = make_problem(1), *validation = make_problem(2);
  od_network *network = plain_network();
  od_train_config config = default_config();
  config.batch_size = 40; /* 40 + 40 + 16 */
  config.schedule.kind = OD_ONE_CYCLE;
  config.schedule.warmup = 0.25;
  od_trainer *trainer = make_trainer(network, &config, 1);
  record *r = make_record(network);
  od_error error;
  CHECK_INT(run(trainer, NULL, train, validation, r, &error), OD_OK);
  CHECK_INT(r->step_count, 9);
  CHECK_INT(r->epoch_count, 3);
  for (int i = 0; i < 9; i++) {
    const od_progress *p = &r->steps[i];
    CHECK_INT(p->epoch, i / 3);
    CHECK_INT(p->epochs, 3);
    CHECK_INT(p->step, i % 3 + 1);
    CHECK_INT(p->steps, 3);
    CHECK(isnan(p->val_loss) && isnan(p->val_accuracy));
    CHECK_NEAR(p->rate, od_schedule_rate(&config.schedule, (size_t)i, 9), 0);
    CHECK(p->loss > 0 && p->accuracy >= 0 && p->accuracy <= 1);
    CHECK(p->seconds >= 0 && (i % 3 == 0 || p->seconds >= r->steps[i - 1].seconds));
    double images = i % 3 == 2 ? IMAGES : 40 * (i % 3 + 1); /* accuracy is a count of them */
    CHECK_NEAR(p->accuracy * images, round(p->accuracy * images), 1e-9);
  }
  for (int i = 0; i < 3; i++) {
    const od_progress *p = &r->epochs[i], *last = &r->steps[3 * i + 2];
    CHECK_INT(p->epoch, i);
    CHECK_INT(p->step, 3);
    CHECK_NEAR(p->loss, last->loss, 0);
    CHECK_NEAR(p->accuracy, last->accuracy, 0);
    CHECK(p->seconds >= last->seconds);
    /* Validation metrics by their definitions, with the values at that callback. */
    double loss = 0;
    int right = 0;
    od_real scores[IMAGES * CLASSES];
    runner inference;
    memcpy(od_network_values(network), r->epoch_values[i],
           od_network_total_size(network) * sizeof(od_real));
    if (!CHECK_INT(runner_create(network, &od_kernels_scalar, OD_FLOAT32, 1, &inference, &error),
                   OD_OK))
      return;
    runner_run(&inference, NULL, &validation->data.images, true, scores);
    for (int k = 0; k < IMAGES; k++) {
      const od_real *s = scores + k * CLASSES;
      int best = 0;
      for (int c = 1; c < CLASSES; c++)
        if (s[c] > s[best]) best = c;
      right += best == validation->labels[k];
      loss -= log((double)s[validation->labels[k]]) / IMAGES;
    }
    CHECK_NEAR(p->val_loss, loss, 1e-5);
    CHECK_NEAR(p->val_accuracy, (double)right / IMAGES, 1e-12);
    runner_destroy(&inference);
  }
  record_destroy(r);
  od_trainer_destroy(trainer);
  od_network_destroy(network);
  free(train);
  free(validation);
}

/* --- one step by the formulas --- */

static void whole_source(void *context, int index, int worker, od_real *pixels) {
  const problem *p = context;
  (void)worker;
  for (int i = 0; i < SIZE; i++) pixels[i] = (od_real)p->pixels[index * SIZE + i];
}

/* Train three steps on the whole set as one batch, and compute the same steps in double from the
 * gradient at the network's values before each. */
static void check_steps(const char *name, const od_optimizer_config *optimizer, double rate) {
  enum { STEPS = 3 };
  problem *train = make_problem(1);
  od_network *network = plain_network(), *shadow = plain_network();
  size_t size = od_network_trainable_size(network);
  od_train_config config = default_config();
  config.epochs = STEPS;
  config.batch_size = IMAGES;
  config.optimizer = *optimizer;
  config.schedule.peak = rate;
  config.label_smoothing = 0.1;
  od_trainer *trainer = make_trainer(network, &config, 1);
  record *r = make_record(network);
  od_error error;
  od_gradient *gradient;
  CHECK_INT(run(trainer, NULL, train, NULL, r, &error), OD_OK);
  CHECK_INT(r->step_count, STEPS);
  if (!CHECK_INT(od_gradient_create(shadow, last_table(), OD_FLOAT32, IMAGES, 1, &gradient, &error),
                 OD_OK))
    return;
  od_real *g = od_allocate(size, sizeof *g), *average = od_allocate(size, sizeof *average);
  double *m = calloc(size, sizeof *m), *v = calloc(size, sizeof *v);
  for (int t = 1; t <= STEPS; t++) {
    od_batch batch = {whole_source, train, train->labels, 1, NULL, NULL, IMAGES, 0};
    CHECK_CASE("%s, step %d", name, t);
    CHECK_NEAR(r->steps[t - 1].loss,
               loss_and_gradient(gradient, NULL, &batch, config.label_smoothing, g).loss, 1e-5);
    double norm = 0, worst = 0, moved = 0;
    for (size_t i = 0; i < size; i++) norm += (double)g[i] * (double)g[i];
    double scale = 1;
    if (optimizer->clip_norm > 0 && sqrt(norm) > optimizer->clip_norm)
      scale = optimizer->clip_norm / sqrt(norm);
    for (int k = 0; k < od_network_tensor_count(shadow); k++) {
      const od_tensor *tensor = od_network_tensor(shadow, k);
      size_t begin = (size_t)(tensor->data - od_network_values(shadow));
      for (size_t i = begin; i < begin + tensor->size; i++) {
        double w = (double)od_network_values(shadow)[i], x = (double)g[i] * scale, step;
        bool kernel = strstr(tensor->name, ".kernel") != NULL;
        if (optimizer->kind == OD_SGD) {
          m[i] = optimizer->momentum * m[i] + x;
          step = rate * m[i];
        } else {
          m[i] = optimizer->beta1 * m[i] + (1 - optimizer->beta1) * x;
          v[i] = optimizer->beta2 * v[i] + (1 - optimizer->beta2) * x * x;
          step = rate * sqrt(1 - pow(optimizer->beta2, t)) / (1 - pow(optimizer->beta1, t)) * m[i] /
                 (sqrt(v[i]) + optimizer->epsilon);
        }
        bool decays = kernel && optimizer->kind != OD_ADAM;
        double after = w * (decays ? 1 - rate * optimizer->decay : 1) - step;
        moved = fmax(moved, fabs(after - w));
        worst = fmax(worst, fabs((double)r->step_values[t - 1][i] - after));
      }
    }
    CHECK(moved > 0);
    CHECK_NEAR(worst / moved, 0, 1e-3); /* float gradients, summed in another order */
    /* The moving average, from the network's values after each step. */
    double keep = fmin(optimizer->ema, (1.0 + t) / (10 + t));
    for (size_t i = 0; i < size; i++)
      average[i] = t == 1 ? r->step_values[0][i]
                          : (od_real)(keep * (double)average[i] +
                                      (1 - keep) * (double)r->step_values[t - 1][i]);
    memcpy(od_network_values(shadow), r->step_values[t - 1], size * sizeof *g);
  }
  const od_real *last = optimizer->ema > 0 ? average : r->step_values[STEPS - 1];
  double worst = 0;
  for (size_t i = 0; i < size; i++)
    worst = fmax(worst, fabs((double)od_network_values(network)[i] - (double)last[i]));
  CHECK_NEAR(worst, 0, optimizer->ema > 0 ? 8 * ROUNDING : 0);
  free(m);
  free(v);
  od_release(g);
  od_release(average);
  od_gradient_destroy(gradient);
  record_destroy(r);
  od_trainer_destroy(trainer);
  od_network_destroy(network);
  od_network_destroy(shadow);
  free(train);
}

static void test_optimizers_by_formula(void) {
  const od_optimizer_config adam = {.kind = OD_ADAM, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3};
  od_optimizer_config o = adam;
  check_steps("adam", &o, 0.01);
  o.clip_norm = 0.05;
  check_steps("adam, clipped", &o, 0.01);
  o.clip_norm = 1e6;
  check_steps("adam, not clipped", &o, 0.01);
  o = adam;
  o.decay = 0.5;
  check_steps("adam, which ignores decay", &o, 0.02);
  o.kind = OD_ADAMW;
  check_steps("adamw", &o, 0.02);
  o.ema = 0.1;
  check_steps("adamw, short average", &o, 0.02);
  o.ema = 0.999;
  check_steps("adamw, long average", &o, 0.02);
  o = (od_optimizer_config){.kind = OD_SGD, .beta1 = 0.9, .beta2 = 0.9, .epsilon = 1};
  check_steps("sgd", &o, 0.1);
  o.momentum = 0.7;
  o.decay = 0.3;
  check_steps("sgd, momentum and decay", &o, 0.1);
  o.clip_norm = 0.1;
  check_steps("sgd, clipped", &o, 0.1);
}

/* --- schedules --- */

static void test_schedules(void) {
  const size_t steps = 101;
  od_schedule s = {.kind = OD_CONSTANT, .peak = 0.3, .divisor = 10, .final_divisor = 100};
  for (size_t i = 0; i < steps; i++) CHECK_NEAR(od_schedule_rate(&s, i, steps), 0.3, 0);
  s.kind = OD_COSINE;
  CHECK_NEAR(od_schedule_rate(&s, 0, steps), 0.3, 1e-12);
  CHECK_NEAR(od_schedule_rate(&s, 50, steps), (0.3 + 0.003) / 2, 1e-12);
  CHECK_NEAR(od_schedule_rate(&s, 100, steps), 0.003, 1e-12);
  s.warmup = 0.2; /* rises to the peak at step 20 */
  CHECK_NEAR(od_schedule_rate(&s, 20, steps), 0.3, 1e-12);
  CHECK_NEAR(od_schedule_rate(&s, 100, steps), 0.003, 1e-12);
  s.kind = OD_ONE_CYCLE; /* 0.03 up to 0.3 at step 20, down to 0.0003 */
  CHECK_NEAR(od_schedule_rate(&s, 0, steps), 0.03, 1e-12);
  CHECK_NEAR(od_schedule_rate(&s, 10, steps), (0.03 + 0.3) / 2, 1e-12);
  CHECK_NEAR(od_schedule_rate(&s, 20, steps), 0.3, 1e-12);
  CHECK_NEAR(od_schedule_rate(&s, 60, steps), (0.3 + 0.0003) / 2, 1e-12);
  CHECK_NEAR(od_schedule_rate(&s, 100, steps), 0.0003, 1e-12);
  /* Up, then down, within bounds, for runs of any length. */
  for (int kind = OD_CONSTANT; kind <= OD_ONE_CYCLE; kind++)
    for (size_t n = 1; n < 40; n++)
      for (int w = 0; w < 100; w += 9) {
        od_schedule any = {.kind = (od_schedule_kind)kind,
                           .peak = 1,
                           .warmup = w / 100.0,
                           .divisor = 25,
                           .final_divisor = 1e4};
        bool fell = false;
        double before = 0;
        CHECK_CASE("schedule %d, %zu steps, warm-up %d %%", kind, n, w);
        for (size_t i = 0; i < n; i++) {
          double rate = od_schedule_rate(&any, i, n);
          if (!CHECK(rate > 0 && rate <= 1 + 1e-12)) return;
          if (i && rate > before + 1e-12) CHECK(!fell);
          if (i && rate < before - 1e-12) fell = true;
          before = rate;
        }
      }
}

/* --- stopping and continuing --- */

static void test_stops_at_a_step(void) {
  problem *train = make_problem(1);
  od_train_config config = default_config();
  od_network *whole = rich_network();
  od_trainer *trainer = make_trainer(whole, &config, 1);
  record *all = make_record(whole);
  od_error error;
  CHECK_INT(run(trainer, NULL, train, NULL, all, &error), OD_OK);
  for (int stop = 1; stop <= 18; stop += 4) {
    CHECK_CASE("stopped after step %d", stop);
    od_network *network = rich_network();
    od_trainer *stopped = make_trainer(network, &config, 1);
    record *r = make_record(network);
    r->stop_at_step = stop;
    CHECK_INT(run(stopped, NULL, train, NULL, r, &error), OD_STOPPED);
    CHECK_INT(r->step_count, stop);
    CHECK_INT(r->epoch_count, (stop - 1) / 6);
    CHECK(same_values(network, all->step_values[stop - 1]));
    record_destroy(r);
    od_trainer_destroy(stopped);
    od_network_destroy(network);
  }
  record_destroy(all);
  od_trainer_destroy(trainer);
  od_network_destroy(whole);
  free(train);
}

/* A step that is interrupted at any poll leaves the network and the optimizer as they were before
 * it: the next run gives what one without the interrupt gives. */
static void test_interrupts(void) {
  problem *train = make_problem(1);
  od_train_config config = default_config();
  od_network *whole = rich_network();
  od_trainer *trainer = make_trainer(whole, &config, 1);
  record *all = make_record(whole);
  od_error error;
  CHECK_INT(run(trainer, NULL, train, NULL, all, &error), OD_OK);
  for (int polls = 0; polls < 300; polls += 7) {
    od_network *network = rich_network();
    od_trainer *stopped = make_trainer(network, &config, 1);
    record *r = make_record(network);
    countdown left = {polls};
    od_interrupt interrupt = interrupt_after(&left);
    od_thread_pool attached = od_thread_pool_attach(NULL, true, &interrupt);
    CHECK_CASE("after %d polls", polls);
    CHECK_INT(run(stopped, &attached, train, NULL, r, &error), OD_STOPPED);
    if (r->step_count)
      CHECK(same_values(network, all->step_values[r->step_count - 1]));
    else
      CHECK_INT(r->epoch_count, 0);
    record_destroy(r);
    od_trainer_destroy(stopped);
    od_network_destroy(network);
  }
  record_destroy(all);
  od_trainer_destroy(trainer);
  od_network_destroy(whole);
  free(train);
}

static void test_stops_at_an_epoch(void) {
  problem *train = make_problem(1);
  od_train_config config = default_config();
  od_network *network = plain_network();
  od_trainer *trainer = make_trainer(network, &config, 1);
  record *r = make_record(network);
  od_error error;
  r->stop_at_epoch = 2;
  CHECK_INT(run(trainer, NULL, train, NULL, r, &error), OD_STOPPED);
  CHECK_INT(r->step_count, 12);
  CHECK_INT(r->epoch_count, 2);
  CHECK(same_values(network, r->step_values[11]));
  record_destroy(r);
  od_trainer_destroy(trainer);
  od_network_destroy(network);
  free(train);
}

/* A validation of 700 images can be stopped at two places between blocks. The network then has the
 * values after all steps of the epoch, or their average, and the next run continues from there. */
static void check_stops_in_validation(double ema, int stop) {
  problem *train = make_problem(1);
  float *pixels = calloc(700, SIZE * sizeof *pixels);
  uint8_t *labels = calloc(700, 1);
  od_train_data many = {
      {.floats = pixels, .count = 700, .size = SIZE, .scale = 1}, labels, 1, NULL};
  od_train_config config = default_config();
  config.epochs = 2;
  config.optimizer.ema = ema;
  od_network *stopped = rich_network(), *once = rich_network();
  od_trainer *trainer = make_trainer(stopped, &config, 1), *whole = make_trainer(once, &config, 1);
  record *r = make_record(stopped), *all = make_record(once);
  od_callbacks calls = {on_step, on_block, on_epoch, r};
  od_error error;
  CHECK_CASE("average %g, block %d", ema, stop);
  r->stop_at_block = stop;
  CHECK_INT(od_trainer_run(trainer, NULL, &train->data, &many, &calls, &error), OD_STOPPED);
  CHECK_INT(r->block_count, stop);
  CHECK_INT(r->step_count, (stop + 1) / 2 * 6);
  CHECK_INT(r->epoch_count, (stop - 1) / 2);
  calls.context = all;
  CHECK_INT(od_trainer_run(whole, NULL, &train->data, &many, &calls, &error), OD_OK);
  CHECK_INT(all->block_count, 4);
  CHECK_INT(all->epoch_count, 2);
  /* Without a stop the network is the same at the end of that epoch, and after two more. */
  CHECK(same_values(stopped, all->epoch_values[(stop - 1) / 2]));
  CHECK_INT(od_trainer_run(trainer, NULL, &train->data, NULL, NULL, &error), OD_OK);
  if (stop > 2) {
    CHECK_INT(od_trainer_run(whole, NULL, &train->data, NULL, NULL, &error), OD_OK);
    CHECK(same_values(stopped, od_network_values(once)));
  }
  record_destroy(r);
  record_destroy(all);
  od_trainer_destroy(trainer);
  od_trainer_destroy(whole);
  od_network_destroy(stopped);
  od_network_destroy(once);
  free(pixels);
  free(labels);
  free(train);
}

static void test_stops_in_validation(void) {
  for (int stop = 1; stop <= 4; stop++) {
    check_stops_in_validation(0, stop);
    check_stops_in_validation(0.9, stop);
  }
}

/* With a constant rate, two runs of two epochs give the bits of one run of four, also with a moving
 * average, which the network holds between the runs. */
static void check_continues(double ema) {
  problem *train = make_problem(1);
  od_train_config config = default_config();
  od_network *once = rich_network(), *twice = rich_network();
  od_error error;
  CHECK_CASE("average %g", ema);
  config.optimizer.ema = ema;
  config.epochs = 4;
  od_trainer *long_run = make_trainer(once, &config, 1);
  config.epochs = 2;
  od_trainer *short_runs = make_trainer(twice, &config, 1);
  CHECK_INT(od_trainer_run(long_run, NULL, &train->data, NULL, NULL, &error), OD_OK);
  CHECK_INT(od_trainer_run(short_runs, NULL, &train->data, NULL, NULL, &error), OD_OK);
  CHECK(!same_values(twice, od_network_values(once)));
  CHECK_INT(od_trainer_run(short_runs, NULL, &train->data, NULL, NULL, &error), OD_OK);
  CHECK(same_values(twice, od_network_values(once)));
  od_trainer_destroy(long_run);
  od_trainer_destroy(short_runs);
  od_network_destroy(once);
  od_network_destroy(twice);
  free(train);
}

static void test_continues(void) {
  check_continues(0);
  check_continues(0.95);
}

/* All validation labels are wrong: validation accuracy falls while the network learns, so one of
 * the first epochs is the best, and the run stops `patience` epochs later. */
static void check_early_stopping(double ema, bool restore) {
  problem *train = make_problem(1), *wrong = make_problem(2);
  for (int i = 0; i < IMAGES; i++) wrong->labels[i] = (uint8_t)((wrong->labels[i] + 1) % CLASSES);
  od_train_config config = default_config();
  config.epochs = 40;
  config.patience = 3;
  config.restore_best = restore;
  config.optimizer.ema = ema;
  od_network *network = plain_network();
  od_trainer *trainer = make_trainer(network, &config, 1);
  record *r = make_record(network);
  od_error error;
  CHECK_CASE("average %g, restore %d", ema, restore);
  CHECK_INT(run(trainer, NULL, train, wrong, r, &error), OD_OK);
  int best = 0;
  for (int i = 1; i < r->epoch_count; i++) {
    const od_progress *a = &r->epochs[i], *b = &r->epochs[best];
    if (a->val_accuracy > b->val_accuracy ||
        (a->val_accuracy == b->val_accuracy && a->val_loss < b->val_loss))
      best = i;
  }
  CHECK(r->epoch_count < 40);
  CHECK_INT(r->epoch_count, best + 1 + 3);
  CHECK(same_values(network, r->epoch_values[restore ? best : r->epoch_count - 1]));
  record_destroy(r);
  od_trainer_destroy(trainer);
  od_network_destroy(network);
  free(train);
  free(wrong);
}

static void test_early_stopping(void) {
  check_early_stopping(0, true);
  check_early_stopping(0, false);
  check_early_stopping(0.8, true);
  check_early_stopping(0.8, false);
}

/* restore_best without patience: all epochs run, then the best weights are restored. */
static void test_restores_the_best(void) {
  problem *train = make_problem(1), *wrong = make_problem(2);
  for (int i = 0; i < IMAGES; i++) wrong->labels[i] = (uint8_t)((wrong->labels[i] + 1) % CLASSES);
  od_train_config config = default_config();
  config.epochs = 8;
  config.restore_best = true;
  od_network *network = plain_network();
  od_trainer *trainer = make_trainer(network, &config, 1);
  record *r = make_record(network);
  od_error error;
  CHECK_INT(run(trainer, NULL, train, wrong, r, &error), OD_OK);
  CHECK_INT(r->epoch_count, 8);
  CHECK(!same_values(network, r->epoch_values[7]));
  int matches = 0;
  for (int i = 0; i < 8; i++) matches += same_values(network, r->epoch_values[i]);
  CHECK_INT(matches, 1);
  record_destroy(r);
  od_trainer_destroy(trainer);
  od_network_destroy(network);
  free(train);
  free(wrong);
}

/* --- checkpoints --- */

/* A config whose result depends on all of a trainer's state. */
static od_train_config config_with_state(od_optimizer_kind kind, double ema) {
  od_train_config config = default_config();
  config.epochs = 4;
  config.batch_size = 40; /* 3 steps */
  config.optimizer.kind = kind;
  config.optimizer.momentum = 0.9;
  config.optimizer.decay = 0.01;
  config.optimizer.ema = ema;
  config.schedule.kind = OD_ONE_CYCLE;
  config.schedule.warmup = 0.25;
  config.augment = (od_augment){
      .count = 1, .steps = {{.kind = OD_AUGMENT_NOISE, .probability = 0.5, .range = {0.1, 0.1}}}};
  config.patience = 2;
  config.restore_best = true;
  return config;
}

/* Stop a run at a callback, and continue from its checkpoint in another trainer, on other threads:
 * values and progress are those of a run that did not stop. */
static void check_resumes(const od_train_config *config, const problem *train,
                          const problem *validation, int step, int block, int epoch) {
  od_network *whole = rich_network(), *part = rich_network(), *rest = rich_network();
  od_network_initialize(rest, 99);
  od_trainer *first = make_trainer(whole, config, 1), *second = make_trainer(part, config, 1);
  od_trainer *third = make_trainer(rest, config, 2);
  od_thread_pool *pool = make_pool(2);
  record *want = make_record(whole), *stopped = make_record(part), *got = make_record(rest);
  od_checkpoint checkpoint;
  od_error error = {{0}};
  stopped->stop_at_step = step;
  stopped->stop_at_block = block;
  stopped->stop_at_epoch = epoch;
  CHECK_INT(run(first, NULL, train, validation, want, &error), OD_OK);
  CHECK_INT(run(second, NULL, train, validation, stopped, &error), OD_STOPPED);
  od_trainer_save(second, &checkpoint);
  CHECK_INT(od_trainer_restore(third, &checkpoint, &error), OD_OK);
  CHECK_INT(run(third, pool, train, validation, got, &error), OD_OK);
  CHECK(same_values(rest, od_network_values(whole)));
  CHECK_INT(stopped->step_count + got->step_count, want->step_count);
  CHECK_INT(stopped->epoch_count + got->epoch_count, want->epoch_count);
  for (int i = 0; i < got->step_count; i++) {
    const od_progress *a = &got->steps[i], *b = &want->steps[stopped->step_count + i];
    CHECK(a->epoch == b->epoch && a->step == b->step && a->rate == b->rate);
    CHECK(a->loss == b->loss && a->accuracy == b->accuracy);
  }
  for (int i = 0; i < got->epoch_count; i++) {
    const od_progress *a = &got->epochs[i], *b = &want->epochs[stopped->epoch_count + i];
    CHECK(a->epoch == b->epoch && a->rate == b->rate && a->loss == b->loss);
    CHECK(a->val_loss == b->val_loss && a->val_accuracy == b->val_accuracy);
  }
  record_destroy(want);
  record_destroy(stopped);
  record_destroy(got);
  od_thread_pool_destroy(pool);
  od_trainer_destroy(first);
  od_trainer_destroy(second);
  od_trainer_destroy(third);
  od_network_destroy(whole);
  od_network_destroy(part);
  od_network_destroy(rest);
}

static void test_resumes(void) {
  problem *train = make_problem(1), *validation = make_problem(2);
  for (int kind = OD_SGD; kind <= OD_ADAMW; kind++)
    for (int averaged = 0; averaged < 2; averaged++) {
      const od_train_config config = config_with_state((od_optimizer_kind)kind, averaged ? 0.9 : 0);
      for (int at = 1; at <= 8; at++) {
        CHECK_CASE("optimizer %d, average %d, step %d", kind, averaged, at);
        check_resumes(&config, train, validation, at, 0, 0);
      }
      for (int at = 1; at <= 2; at++) {
        CHECK_CASE("optimizer %d, average %d, epoch %d", kind, averaged, at);
        check_resumes(&config, train, validation, 0, 0, at);
      }
    }
  free(train);
  free(validation);
}

/* Validation that was stopped is done again. */
static void test_resumes_in_validation(void) {
  problem *train = make_problem(1), *validation = make_problem(2);
  const od_train_config config = config_with_state(OD_ADAM, 0.9);
  /* Repeat the images, as there are callbacks between blocks of 256. */
  enum { TIMES = 3 };
  float *pixels = malloc(TIMES * sizeof validation->pixels);
  uint8_t *labels = malloc(TIMES * sizeof validation->labels);
  for (int i = 0; i < TIMES; i++) {
    memcpy(pixels + i * IMAGES * SIZE, validation->pixels, sizeof validation->pixels);
    memcpy(labels + i * IMAGES, validation->labels, sizeof validation->labels);
  }
  validation->data.images.floats = pixels;
  validation->data.images.count = TIMES * IMAGES;
  validation->data.labels = labels;
  for (int at = 1; at <= 2; at++) {
    CHECK_CASE("block %d", at);
    check_resumes(&config, train, validation, 0, at, 0);
  }
  free(pixels);
  free(labels);
  free(train);
  free(validation);
}

/* A run from a checkpoint of a run's end makes no step and gives the same values; the run after it
 * begins anew. A checkpoint restores the trainer that it was taken from, too. */
static void test_resumes_at_the_end(void) {
  problem *train = make_problem(1), *validation = make_problem(2);
  const od_train_config config = config_with_state(OD_ADAMW, 0.9);
  od_network *network = rich_network();
  od_trainer *trainer = make_trainer(network, &config, 1);
  record *r = make_record(network), *again = make_record(network);
  od_checkpoint checkpoint;
  od_error error = {{0}};
  CHECK_INT(run(trainer, NULL, train, validation, r, &error), OD_OK);
  od_real *values = copy_values(network);
  od_trainer_save(trainer, &checkpoint);
  CHECK_INT(od_trainer_restore(trainer, &checkpoint, &error), OD_OK);
  CHECK_INT(run(trainer, NULL, train, validation, again, &error), OD_OK);
  CHECK_INT(again->step_count, 0);
  CHECK(same_values(network, values));
  CHECK_INT(run(trainer, NULL, train, validation, again, &error), OD_OK);
  CHECK(again->step_count > 0);
  od_release(values);
  record_destroy(r);
  record_destroy(again);
  od_trainer_destroy(trainer);
  od_network_destroy(network);
  free(train);
  free(validation);
}

/* A trainer after four steps, and its checkpoint. */
typedef struct stopped_run {
  problem *train, *validation;
  od_network *network;
  od_trainer *trainer;
  od_checkpoint checkpoint;
} stopped_run;

static stopped_run make_stopped_run(od_optimizer_kind kind, double ema) {
  const od_train_config config = config_with_state(kind, ema);
  stopped_run s = {make_problem(1), make_problem(2), rich_network(), NULL, {0}};
  s.trainer = make_trainer(s.network, &config, 1);
  record *r = make_record(s.network);
  od_error error;
  r->stop_at_step = 4;
  CHECK_INT(run(s.trainer, NULL, s.train, s.validation, r, &error), OD_STOPPED);
  od_trainer_save(s.trainer, &s.checkpoint);
  record_destroy(r);
  return s;
}

static void stopped_run_destroy(stopped_run *s) {
  od_trainer_destroy(s->trainer);
  od_network_destroy(s->network);
  free(s->train);
  free(s->validation);
}

/* Restoring `checkpoint` fails with `part` in the message, and changes nothing. */
static void check_refused(const stopped_run *s, const od_checkpoint *checkpoint, const char *part) {
  const size_t total = od_network_total_size(s->network) * sizeof(od_real);
  od_checkpoint after;
  od_error error = {{0}};
  od_real *values = copy_values(s->network);
  od_real *average = od_allocate(1, total);
  memcpy(average, s->checkpoint.optimizer.average, total);
  CHECK_CASE("%s", part);
  CHECK_INT(od_trainer_restore(s->trainer, checkpoint, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, part);
  od_trainer_save(s->trainer, &after);
  CHECK(same_values(s->network, values));
  CHECK(memcmp(average, after.optimizer.average, total) == 0);
  CHECK(after.epoch == s->checkpoint.epoch && after.step == s->checkpoint.step);
  CHECK(after.weights == s->checkpoint.weights);
  CHECK_INT((long long)after.optimizer.steps, (long long)s->checkpoint.optimizer.steps);
  od_release(values);
  od_release(average);
}

#define REFUSED(MEMBER, VALUE, PART)      \
  do {                                    \
    od_checkpoint changed = s.checkpoint; \
    changed.MEMBER = VALUE;               \
    check_refused(&s, &changed, PART);    \
  } while (0)

static void test_refused_checkpoints(void) {
  stopped_run s = make_stopped_run(OD_ADAM, 0.9);
  od_real *spoiled = copy_values(s.network);
  REFUSED(epoch, -1, "epoch: got -1");
  REFUSED(epoch, 5, "epoch: got 5");
  REFUSED(epoch, 4, "step: got 1"); /* after the last epoch */
  REFUSED(step, 4, "step: got 4");
  REFUSED(steps, 0, "steps: got 0");
  REFUSED(steps, UINT64_MAX, "steps: got");
  REFUSED(epochs_begun, 1, "epochs_begun: got 1");
  REFUSED(since_best, -1, "since_best: got -1");
  REFUSED(since_best, 2, "since_best: got 2");
  REFUSED(loss_sum, NAN, "loss_sum");
  REFUSED(count, -1, "count");
  REFUSED(correct, 41, "correct: got 41");
  REFUSED(seconds, INFINITY, "seconds");
  REFUSED(best_accuracy, 1.5, "best_accuracy");
  REFUSED(optimizer.mean, NULL, "mean: missing");
  REFUSED(optimizer.square, NULL, "square: missing");
  REFUSED(optimizer.average, NULL, "average: missing");
  REFUSED(optimizer.steps, 0, "average: given");
  REFUSED(optimizer.steps, UINT64_MAX, "optimizer steps: got 18446744073709551615");
  spoiled[0] = -1;
  REFUSED(optimizer.square, spoiled, "square: got -1, expected finite numbers from 0");
  spoiled[od_network_trainable_size(s.network) - 1] = (od_real)NAN;
  REFUSED(weights, spoiled, "weights");
  REFUSED(best_weights, spoiled, "best_weights");
  REFUSED(optimizer.mean, spoiled, "mean");
  REFUSED(optimizer.average, spoiled, "average");
  memset(spoiled, 0, od_network_total_size(s.network) * sizeof *spoiled);
  spoiled[0] = (od_real)1e18;
  REFUSED(optimizer.mean, spoiled, "mean: got 1e+18");
  spoiled[0] = (od_real)9e17; /* over a deviation below 0.9 */
  REFUSED(optimizer.mean, spoiled, "the next step would not be finite");
  od_release(spoiled);
  stopped_run_destroy(&s);
}

/* A checkpoint of another optimizer, and a run on data with other steps. */
static void test_checkpoints_of_other_trainings(void) {
  stopped_run sgd = make_stopped_run(OD_SGD, 0), adam = make_stopped_run(OD_ADAM, 0.9);
  od_error error = {{0}};
  CHECK_CASE("other optimizers");
  check_refused(&adam, &sgd.checkpoint, "square: missing");
  CHECK_INT(od_trainer_restore(sgd.trainer, &adam.checkpoint, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "square: given, expected none");
  CHECK_INT(od_trainer_restore(adam.trainer, &adam.checkpoint, &error), OD_OK);
  record *r = make_record(adam.network);
  od_real *values = copy_values(adam.network);
  adam.train->data.images.count = 80; /* 2 steps */
  CHECK_INT(run(adam.trainer, NULL, adam.train, adam.validation, r, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "got 2 steps in an epoch, expected the 3 of the checkpoint");
  CHECK(same_values(adam.network, values));
  adam.train->data.images.count = IMAGES;
  CHECK_INT(run(adam.trainer, NULL, adam.train, adam.validation, r, &error), OD_OK);
  CHECK_INT(r->steps[0].epoch, 1);
  CHECK_INT(r->steps[0].step, 2);
  od_release(values);
  record_destroy(r);
  stopped_run_destroy(&sgd);
  stopped_run_destroy(&adam);
}

/* --- divergence --- */

static void test_not_a_number_in_data(void) {
  problem *train = make_problem(1);
  train->pixels[77 * SIZE + 5] = NAN;
  od_train_config config = default_config();
  od_network *network = rich_network();
  od_trainer *trainer = make_trainer(network, &config, 2);
  od_thread_pool *pool = make_pool(2);
  record *r = make_record(network);
  od_error error = {{0}};
  od_real *start = copy_values(network);
  CHECK_INT(run(trainer, pool, train, NULL, r, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "diverged");
  CHECK(r->step_count < 6); /* in the first epoch */
  CHECK(all_finite(network));
  /* The failed step changed nothing, including the moving statistics. */
  CHECK(same_values(network, r->step_count ? r->step_values[r->step_count - 1] : start));
  od_release(start);
  record_destroy(r);
  od_thread_pool_destroy(pool);
  od_trainer_destroy(trainer);
  od_network_destroy(network);
  free(train);
}

static void test_divergence(void) {
  const double rates[] = {30, 1000};
  for (int rich = 0; rich < 2; rich++)
    for (int i = 0; i < 2; i++)
      for (int ema = 0; ema < 2; ema++) {
        problem *train = make_problem(1);
        for (int k = 0; k < IMAGES * SIZE; k++) train->pixels[k] *= 1e12f;
        od_train_config config = default_config();
        config.epochs = 40;
        config.optimizer.kind = OD_SGD;
        config.optimizer.momentum = 0.9;
        config.optimizer.ema = ema * 0.9;
        config.schedule.peak = rates[i];
        od_network *network = rich ? rich_network() : plain_network();
        od_trainer *trainer = make_trainer(network, &config, 1);
        record *r = make_record(network);
        od_error error = {{0}};
        CHECK_CASE("rate %g, %s network, average %d", rates[i], rich ? "rich" : "plain", ema);
        od_status status = run(trainer, NULL, train, train, r, &error);
        if (!rich) { /* batch norm may hold it together */
          CHECK_INT(status, OD_ERROR_ARGUMENT);
          CHECK_CONTAINS(error.message, "diverged");
        }
        CHECK(all_finite(network));
        if (status == OD_ERROR_ARGUMENT && !ema && r->step_count && r->step_count <= MAX_KEPT)
          CHECK(same_values(network, r->step_values[r->step_count - 1]));
        record_destroy(r);
        od_trainer_destroy(trainer);
        od_network_destroy(network);
        free(train);
      }
}

/* --- determinism --- */

static od_train_config random_config(void) {
  od_train_config config = default_config();
  config.epochs = 2;
  config.batch_size = 20; /* 4 x 20 + 16: slices and batches with remainders */
  config.optimizer.clip_norm = 0.5;
  config.optimizer.ema = 0.9;
  config.label_smoothing = 0.1;
  config.augment.count = 3;
  config.augment.steps[0] = (od_augment_step){
      .kind = OD_AUGMENT_AFFINE, .probability = 1, .affine = {20, 0.1, {0.9, 1.1}, 5}};
  config.augment.steps[1] =
      (od_augment_step){.kind = OD_AUGMENT_ELASTIC, .probability = 0.5, .elastic = {1, 2}};
  config.augment.steps[2] =
      (od_augment_step){.kind = OD_AUGMENT_NOISE, .probability = 0.9, .range = {0, 0.1}};
  return config;
}

static od_real *train_values(uint64_t seed, int threads, bool pooled) {
  problem *train = make_problem(1), *validation = make_problem(2);
  od_train_config config = random_config();
  config.seed = seed;
  od_network *network = rich_network();
  od_trainer *trainer = make_trainer(network, &config, threads);
  od_thread_pool *pool = pooled ? make_pool(threads) : NULL;
  record *r = make_record(network);
  od_error error;
  CHECK_INT(run(trainer, pool, train, validation, r, &error), OD_OK);
  od_real *values = copy_values(network);
  record_destroy(r);
  od_thread_pool_destroy(pool);
  od_trainer_destroy(trainer);
  od_network_destroy(network);
  free(train);
  free(validation);
  return values;
}

static void test_determinism(void) {
  od_network *network = rich_network();
  size_t bytes = od_network_total_size(network) * sizeof(od_real);
  od_network_destroy(network);
  od_real *want = train_values(1, 1, false);
  for (int threads = 1; threads <= 3; threads++)
    for (int again = 0; again < 2; again++) {
      CHECK_CASE("%d threads", threads);
      od_real *values = train_values(1, threads, true);
      CHECK(memcmp(values, want, bytes) == 0);
      od_release(values);
    }
  od_real *other = train_values(2, 1, false);
  CHECK(memcmp(other, want, bytes) != 0);
  od_release(other);
  od_release(want);
}

/* --- invalid arguments --- */

static void check_invalid_config(const od_train_config *config, const char *part) {
  od_network *network = plain_network();
  od_trainer *trainer = (od_trainer *)&trainer;
  od_error error = {{0}};
  CHECK_CASE("%s", part);
  CHECK_INT(od_trainer_create(network, last_table(), 1, config, &trainer, &error),
            OD_ERROR_ARGUMENT);
  CHECK(trainer == NULL);
  CHECK_CONTAINS(error.message, part);
  od_network_destroy(network);
}

#define INVALID(FIELD, VALUE, PART)            \
  do {                                         \
    od_train_config config = default_config(); \
    config.FIELD = VALUE;                      \
    check_invalid_config(&config, PART);       \
  } while (0)

static void test_invalid_configs(void) {
  INVALID(epochs, 0, "epochs");
  INVALID(epochs, -1, "epochs");
  INVALID(batch_size, 0, "batch_size");
  INVALID(batch_size, -5, "batch_size");
  INVALID(batch_size, 2147483647, "batch_size");
  const double never[] = {-1, NAN, INFINITY, -INFINITY};
  for (int i = 0; i < 4; i++) {
    INVALID(schedule.peak, never[i], "learning_rate");
    INVALID(schedule.warmup, never[i], "warmup");
    INVALID(schedule.divisor, never[i], "divisor");
    INVALID(schedule.final_divisor, never[i], "final_divisor");
    INVALID(optimizer.momentum, never[i], "momentum");
    INVALID(optimizer.beta1, never[i], "beta_1");
    INVALID(optimizer.beta2, never[i], "beta_2");
    INVALID(optimizer.epsilon, never[i], "epsilon");
    INVALID(optimizer.decay, never[i], "weight_decay");
    INVALID(optimizer.clip_norm, never[i], "clip_norm");
    INVALID(optimizer.ema, never[i], "ema");
    INVALID(label_smoothing, never[i], "label_smoothing");
  }
  INVALID(schedule.peak, 0, "learning_rate");
  INVALID(schedule.divisor, 0.5, "divisor");
  INVALID(optimizer.momentum, 1, "momentum");
  INVALID(optimizer.beta1, 1, "beta_1");
  INVALID(optimizer.beta2, 1, "beta_2");
  INVALID(optimizer.epsilon, 0, "epsilon");
  INVALID(optimizer.decay, 200, "weight_decay"); /* would change the sign of the weights */
  INVALID(optimizer.ema, 1, "ema");
  INVALID(label_smoothing, 1, "label_smoothing");
  INVALID(patience, -1, "patience");
  INVALID(optimizer.kind, (od_optimizer_kind)3, "optimizer");
  INVALID(optimizer.kind, (od_optimizer_kind)-1, "optimizer");
  INVALID(schedule.kind, (od_schedule_kind)3, "schedule");
  od_train_config config = default_config();
  config.augment.count = 1;
  config.augment.steps[0] =
      (od_augment_step){.kind = OD_AUGMENT_NOISE, .probability = 1, .range = {NAN, 0}};
  check_invalid_config(&config, "noise");
}

/* patience and restore_best need validation data. */
static void test_missing_validation_data(void) {
  problem *train = make_problem(1);
  for (int restore = 0; restore < 2; restore++) {
    od_train_config config = default_config();
    config.restore_best = restore;
    config.patience = !restore;
    od_network *network = plain_network();
    od_trainer *trainer = make_trainer(network, &config, 1);
    od_error error = {{0}};
    CHECK_INT(od_trainer_run(trainer, NULL, &train->data, NULL, NULL, &error), OD_ERROR_ARGUMENT);
    CHECK_CONTAINS(error.message, restore ? "restore_best" : "patience");
    CHECK_CONTAINS(error.message, "validation");
    od_trainer_destroy(trainer);
    od_network_destroy(network);
  }
  free(train);
}

static void test_invalid_data(void) {
  problem *train = make_problem(1), *other = make_problem(2);
  od_train_config config = default_config();
  od_network *network = plain_network();
  od_trainer *trainer = make_trainer(network, &config, 1);
  od_real *start = copy_values(network);
  od_error error = {{0}};
  record *r = make_record(network);
  other->data.images.count = 0;
  CHECK_INT(run(trainer, NULL, other, NULL, r, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "0 images");
  other->data.images.count = IMAGES;
  other->data.images.size = SIZE - 1;
  CHECK_INT(run(trainer, NULL, train, other, r, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "validation");
  CHECK_CONTAINS(error.message, "35");
  other->data.images.size = SIZE;
  other->labels[90] = CLASSES;
  CHECK_INT(run(trainer, NULL, other, NULL, r, &error), OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "label 4");
  CHECK_CONTAINS(error.message, "90");
  CHECK_INT(r->step_count, 0);
  CHECK(same_values(network, start));
  od_release(start);
  record_destroy(r);
  od_trainer_destroy(trainer);
  od_network_destroy(network);
  free(train);
  free(other);
}

/* Augmentation supports one channel only. */
static void test_augmentation_of_colours(void) {
  const od_layer layers[] = {FLATTEN, dense(CLASSES, false)};
  od_network *network;
  od_trainer *trainer;
  od_error error = {{0}};
  od_train_config config = random_config();
  if (!CHECK_INT(od_network_create((od_shape){SIDE, SIDE, 3}, layers, 2, &network, &error), OD_OK))
    return;
  CHECK_INT(od_trainer_create(network, last_table(), 1, &config, &trainer, &error),
            OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "augment");
  CHECK_CONTAINS(error.message, "(6, 6, 3)");
  od_network_destroy(network);
}

/* Batches larger than the data, and batches of one. */
static void test_batch_sizes(void) {
  const int sizes[] = {1, 7, 96, 97, 1000};
  for (int i = 0; i < 5; i++) {
    problem *train = make_problem(1);
    od_network *network = rich_network();
    od_train_config config = default_config();
    config.epochs = 1;
    config.batch_size = sizes[i];
    od_trainer *trainer = make_trainer(network, &config, 2);
    od_thread_pool *pool = make_pool(2);
    record *r = make_record(network);
    od_error error;
    CHECK_CASE("batches of %d", sizes[i]);
    CHECK_INT(run(trainer, pool, train, NULL, r, &error), OD_OK);
    CHECK_INT(r->step_count, (IMAGES + sizes[i] - 1) / sizes[i]);
    CHECK(all_finite(network));
    record_destroy(r);
    od_thread_pool_destroy(pool);
    od_trainer_destroy(trainer);
    od_network_destroy(network);
    free(train);
  }
}

/* Trains on few images, on all and on few again; the trainer makes room for as many as there are.
 */
static void train_on_more_and_more(od_network *network, int threads) {
  const size_t counts[] = {7, IMAGES, 7};
  problem *train = make_problem(1);
  od_train_config config = default_config();
  config.batch_size = 1000;
  od_trainer *trainer = make_trainer(network, &config, threads);
  od_thread_pool *pool = make_pool(threads);
  od_error error;
  for (int i = 0; i < 3; i++) {
    train->data.images.count = counts[i];
    CHECK_INT(od_trainer_run(trainer, pool, &train->data, NULL, NULL, &error), OD_OK);
  }
  od_thread_pool_destroy(pool);
  od_trainer_destroy(trainer);
  free(train);
}

static void test_room_for_batches(void) {
  od_network *one = rich_network(), *two = rich_network();
  train_on_more_and_more(one, 1);
  train_on_more_and_more(two, 2);
  CHECK(all_finite(one));
  CHECK(same_values(two, od_network_values_const(one)));
  od_network_destroy(one);
  od_network_destroy(two);
}

int main(void) {
  RUN(test_learns);
  RUN(test_progress);
  RUN(test_optimizers_by_formula);
  RUN(test_schedules);
  RUN(test_stops_at_a_step);
  RUN(test_interrupts);
  RUN(test_stops_at_an_epoch);
  RUN(test_stops_in_validation);
  RUN(test_continues);
  RUN(test_early_stopping);
  RUN(test_restores_the_best);
  RUN(test_resumes);
  RUN(test_resumes_in_validation);
  RUN(test_resumes_at_the_end);
  RUN(test_refused_checkpoints);
  RUN(test_checkpoints_of_other_trainings);
  RUN(test_not_a_number_in_data);
  RUN(test_divergence);
  RUN(test_determinism);
  RUN(test_invalid_configs);
  RUN(test_missing_validation_data);
  RUN(test_invalid_data);
  RUN(test_augmentation_of_colours);
  RUN(test_batch_sizes);
  RUN(test_room_for_batches);
  return check_end();
}
