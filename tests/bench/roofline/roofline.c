/* Measures the parts of a training step and of a prediction, and the work of each
 * kernel, on one instruction set: roofline JOB ISA SECONDS PRECISION... ../roofline.py
 * writes the job (job.h), and makes a page of what this prints, lines of words between tabs:
 *
 *   instructions NAME                              for low precision, that the table uses
 *   cache, peak, bandwidth                         see probe.h
 *   layer   INDEX NAME MULTIPLY_ADDS IN_A_PLAN     forward, as direct convolution, an image
 *   whole   TASK THREADS SECONDS WATCHED POOL      an image or a step: not watched, and watched;
 *                                                  of that, in runs of the pool
 *   part    TASK THREADS PART PLACE SECONDS        see watch.h; of all threads together
 *   counted TASK PART PLACE KERNEL CALLS MULTIPLY_ADDS MOVED FETCHED TOUCHED
 *                                                  kernel "all": all of the part's
 *   timed   TASK PART PLACE KERNEL SECONDS
 *
 * TASK is "image", one at a time, or a recipe's name, a step of it; then a colon and the
 * precision, which is not int8 in training. All are for one image or step, means over the
 * fastest tenth of them. Parts of THREADS 0 are a convolution's backward pass and the
 * gradient of its kernel alone. */
#include <math.h>
#include <string.h>

#include "base/system.h"
#include "kernels/cpu.h"
#include "clock.h"
#include "die.h"
#include "job.h"
#include "nn/calibration.h"
#include "nn/workspace.h"
#include "nn/plan.h"
#include "probe.h"
#include "watch.h"

static const char *const part_names[WATCH_PARTS] = {[WATCH_OTHER] = "other",
                                                    [WATCH_LOAD] = "load",
                                                    [WATCH_AUGMENT] = "augment",
                                                    [WATCH_PACK] = "pack",
                                                    [WATCH_ZERO_OUTPUT] = "zero output",
                                                    [WATCH_FORWARD] = "forward",
                                                    [WATCH_SOFTMAX] = "softmax",
                                                    [WATCH_LOSS] = "loss",
                                                    [WATCH_BACKWARD] = "backward",
                                                    [WATCH_WEIGHTS] = "weights",
                                                    [WATCH_REDUCE] = "reduce",
                                                    [WATCH_OPTIMIZER] = "optimizer",
                                                    [WATCH_WAIT] = "wait"};

enum {
  SAMPLES = 1000,
  COUNTED = 4, /* units that are counted: that is slow */
  TIMED = 200  /* units whose kernels are timed */
};

/* Ticks of each kernel in each part, of one unit. */
typedef float kernel_ticks[WATCH_PARTS][WATCH_PLACES][METER_KERNELS];

/* One measurement of a task. A unit is a step or a group of images. */
typedef struct measurement {
  double seconds; /* duration, about */
  int max_units;
  int units;            /* taken */
  uint64_t began, last; /* nanoseconds: the first unit's end, the last one's */
  double walls[SAMPLES];
  watch_sheet *sheets;      /* (SAMPLES), or NULL */
  watch_readings *readings; /* of the units so far, or NULL, … */
  kernel_ticks *kernels;    /* (TIMED): … moved here from there, or NULL */
} measurement;

static void move_ticks(watch_readings *readings, kernel_ticks *to) {
  for (int part = 0; part < WATCH_PARTS; part++)
    for (int place = 0; place < WATCH_PLACES; place++)
      for (int k = 0; k < METER_KERNELS; k++)
        (*to)[part][place][k] = (float)readings->kernels[part][place][k].ticks;
  memset(readings, 0, sizeof *readings);
}

/* Records the end of a unit; returns false after the last one. The first unit is a warm-up. */
static bool end_unit(measurement *m) {
  uint64_t time = clock_nanoseconds();
  watch_sheet sheet = watch_take();
  if (!m->last) {
    m->began = time;
    if (m->readings) memset(m->readings, 0, sizeof *m->readings);
  } else {
    m->walls[m->units] = 1e-9 * (double)(time - m->last);
    if (m->sheets) m->sheets[m->units] = sheet;
    if (m->kernels) move_ticks(m->readings, &m->kernels[m->units]);
    m->units++;
  }
  m->last = clock_nanoseconds();
  return m->units < m->max_units && m->units < SAMPLES &&
         (m->units < COUNTED || 1e-9 * (double)(time - m->began) < m->seconds);
}

/* -- the units that count: the fastest tenth, which other processes disturbed least; as
 * means over the same units, the parts add up to the whole -- */

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The slowest wall time that counts. */
static double slowest_counted(const measurement *m) {
  double walls[SAMPLES];
  memcpy(walls, m->walls, (size_t)m->units * sizeof *walls);
  qsort(walls, (size_t)m->units, sizeof *walls, compare);
  return walls[m->units / 10];
}

/* The mean of a unit's value over those that count. */
typedef double unit_value(const measurement *m, int unit, int part, int place);
static double mean(const measurement *m, unit_value *value, int part, int place) {
  double limit = slowest_counted(m), sum = 0, counted = 0;
  for (int unit = 0; unit < m->units; unit++) {
    if (m->walls[unit] > limit) continue;
    sum += value(m, unit, part, place);
    counted++;
  }
  return sum / counted;
}

static double wall_of(const measurement *m, int unit, int part, int place) {
  (void)part, (void)place;
  return m->walls[unit];
}
static double pool_of(const measurement *m, int unit, int part, int place) {
  (void)part, (void)place;
  return m->sheets[unit].pool_ticks;
}
static double ticks_of(const measurement *m, int unit, int part, int place) {
  return m->sheets[unit].ticks[part][place];
}

/* A task with its kernels and pool. */
typedef struct subject {
  char task[64];
  job *job;
  const job_recipe *recipe; /* NULL: one image at a time */
  od_precision precision;
  const od_kernels *kernels;
  od_thread_pool *pool;
  int threads;
  double unit; /* images or steps in a unit */
} subject;

enum { GROUP = 50 /* images of a unit */ };

static void run_images(const subject *s, const od_kernels *kernels, measurement *m) {
  od_model *model;
  od_workspace *workspace;
  od_error error;
  od_real scores[256];
  if (od_model_create(s->job->network, kernels, s->precision, &model, &error) ||
      od_workspace_create(model, 1, &workspace, &error))
    die("%s", error.message);
  od_images one = s->job->images;
  size_t next = 0;
  one.count = 1;
  do {
    for (int i = 0; i < GROUP; i++, next = (next + 1) % s->job->images.count) {
      one.bytes = s->job->images.bytes + next * one.size;
      od_model_run(model, workspace, NULL, &one, true, scores);
    }
  } while (end_unit(m));
  od_workspace_destroy(workspace);
  od_model_destroy(model);
}

static bool on_step(void *context, const od_progress *progress) {
  (void)progress;
  return end_unit(context);
}

static void run_training(const subject *s, const od_kernels *kernels, measurement *m) {
  od_trainer *trainer;
  od_error error;
  od_train_config config = s->recipe->config;
  config.epochs = 1 << 20;
  config.precision = s->precision;
  od_train_data data = {.images = s->job->images, .labels = s->job->labels, .length = 1};
  data.images.count -= data.images.count % (size_t)config.batch_size; /* whole batches */
  if (od_trainer_create(s->job->network, kernels, s->threads, &config, &trainer, &error))
    die("%s", error.message);
  od_callbacks callbacks = {.on_step = on_step, .context = m};
  od_status status = od_trainer_run(trainer, s->pool, &data, NULL, &callbacks, &error);
  if (status != OD_STOPPED) die("%s", status ? error.message : "the training has ended");
  od_trainer_destroy(trainer);
}

static void run(const subject *s, const od_kernels *kernels, measurement *m) {
  if (s->recipe)
    run_training(s, kernels, m);
  else
    run_images(s, kernels, m);
}

/* -- output -- */

static void print_part(const subject *s, const measurement *m, int part, int place,
                       double tick_seconds) {
  double seconds = mean(m, ticks_of, part, place) * tick_seconds / s->unit;
  if (seconds > 0)
    printf("part\t%s\t%d\t%s\t%d\t%.6g\n", s->task, s->threads, part_names[part], place, seconds);
}

/* The whole, not watched and watched, and its parts. */
static void measure_time(const subject *s, double seconds) {
  double tick_seconds = clock_tick_seconds();
  measurement bare = {.seconds = seconds, .max_units = SAMPLES}, watched = bare;
  watched.sheets = od_allocate(SAMPLES, sizeof *watched.sheets);
  if (!watched.sheets) die("no memory for the samples");
  run(s, s->kernels, &bare);
  watch_start(NULL, false);
  run(s, s->kernels, &watched);
  watch_stop();
  printf("whole\t%s\t%d\t%.6g\t%.6g\t%.6g\n", s->task, s->threads,
         mean(&bare, wall_of, 0, 0) / s->unit, mean(&watched, wall_of, 0, 0) / s->unit,
         mean(&watched, pool_of, 0, 0) * tick_seconds / s->unit);
  for (int part = 0; part < WATCH_PARTS; part++)
    for (int place = 0; place < WATCH_PLACES; place++)
      print_part(s, &watched, part, place, tick_seconds);
  od_release(watched.sheets);
}

/* A convolution's backward pass, and the gradient of its kernel alone. */
static void measure_split(const subject *s, double seconds) {
  double tick_seconds = clock_tick_seconds();
  measurement m = {.seconds = seconds, .max_units = SAMPLES};
  m.sheets = od_allocate(SAMPLES, sizeof *m.sheets);
  if (!m.sheets) die("no memory for the samples");
  subject again = *s;
  again.threads = 0; /* marks the lines, which are not part of the sum */
  watch_start(NULL, true);
  run(s, s->kernels, &m);
  watch_stop();
  for (int place = 0; place < WATCH_PLACES; place++) {
    print_part(&again, &m, WATCH_BACKWARD, place, tick_seconds);
    print_part(&again, &m, WATCH_WEIGHTS, place, tick_seconds);
  }
  od_release(m.sheets);
}

/* The sums of the units that were counted. */
static void print_counted(const subject *s, const measurement *m, int part, int place) {
  double units = m->units * s->unit;
  for (int k = 0; k <= METER_KERNELS; k++) {
    bool all = k == METER_KERNELS;
    const meter_reading *reading =
        all ? &m->readings->all[part][place] : &m->readings->kernels[part][place][k];
    if (reading->calls > 0)
      printf("counted\t%s\t%s\t%d\t%s\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n", s->task, part_names[part],
             place, all ? "all" : meter_name((meter_kernel)k), reading->calls / units,
             reading->multiply_adds / units, reading->moved / units, reading->fetched / units,
             reading->touched);
  }
}

/* Kernels whose calls are shorter than a reading of the clock. */
static const meter_kernel short_ones[] = {METER_ADD_WEIGHTED, METER_MATCH_BYTES};

static bool is_short(meter_kernel kernel) {
  for (size_t i = 0; i < sizeof short_ones / sizeof *short_ones; i++)
    if (short_ones[i] == kernel) return true;
  return false;
}

static void print_timed(const subject *s, const measurement *m, int part, int place,
                        double tick_seconds) {
  double limit = slowest_counted(m);
  for (int k = 0; k < METER_KERNELS; k++) {
    double sum = 0, counted = 0;
    for (int unit = 0; unit < m->units; unit++) {
      if (m->walls[unit] > limit) continue;
      sum += (double)m->kernels[unit][part][place][k];
      counted++;
    }
    if (sum > 0 && !is_short((meter_kernel)k))
      printf("timed\t%s\t%s\t%d\t%s\t%.6g\n", s->task, part_names[part], place,
             meter_name((meter_kernel)k), sum / counted * tick_seconds / s->unit);
  }
}

/* The counts or the times of each kernel in each part. */
static void measure_kernels(const subject *s, meter_mode mode, double seconds) {
  bool counting = mode == METER_COUNTING;
  double tick_seconds = clock_tick_seconds();
  measurement m = {.seconds = seconds, .max_units = counting ? COUNTED : TIMED};
  m.readings = od_allocate(1, sizeof *m.readings);
  if (!counting) m.kernels = od_allocate(TIMED, sizeof *m.kernels);
  if (!m.readings || (!counting && !m.kernels)) die("no memory for the readings");
  od_kernels metered = meter_table(s->kernels, mode);
  watch_start(m.readings, false);
  run(s, &metered, &m);
  watch_stop();
  meter_stop();
  for (int part = 0; part < WATCH_PARTS; part++)
    for (int place = 0; place < WATCH_PLACES; place++) {
      if (counting)
        print_counted(s, &m, part, place);
      else
        print_timed(s, &m, part, place, tick_seconds);
    }
  od_release(m.readings);
  od_release(m.kernels);
}

/* The additional time if the kernels of short calls run twice. */
static void measure_short_calls(const subject *s, double seconds) {
  static const watch_part passes[] = {WATCH_FORWARD, WATCH_BACKWARD};
  double tick_seconds = clock_tick_seconds();
  measurement once = {.seconds = seconds, .max_units = SAMPLES}, twice;
  watch_sheet *sheets = od_allocate(2 * SAMPLES, sizeof *sheets);
  if (!sheets) die("no memory for the samples");
  once.sheets = sheets;
  od_kernels metered = meter_table(s->kernels, METER_DOUBLING);
  watch_start(NULL, false);
  run(s, &metered, &once);
  for (size_t k = 0; k < sizeof short_ones / sizeof *short_ones; k++) {
    twice = (measurement){.seconds = seconds, .max_units = SAMPLES, .sheets = sheets + SAMPLES};
    meter_double(short_ones[k]);
    run(s, &metered, &twice);
    for (size_t p = 0; p < sizeof passes / sizeof *passes; p++)
      for (int place = 0; place < WATCH_PLACES; place++) {
        double ticks =
            mean(&twice, ticks_of, passes[p], place) - mean(&once, ticks_of, passes[p], place);
        if (ticks > 0)
          printf("timed\t%s\t%s\t%d\t%s\t%.6g\n", s->task, part_names[passes[p]], place,
                 meter_name(short_ones[k]), ticks * tick_seconds / s->unit);
      }
  }
  watch_stop();
  meter_stop();
  od_release(sheets);
}

static double direct_products(const od_op *op) {
  double inputs = (double)op->kernel_size / fmax(op->out.c, 1);
  if (op->kind == OD_CONV2D) return (double)od_shape_size(op->conv) * inputs;
  return op->kind == OD_DENSE ? (double)op->out.c * inputs : 0;
}

static void print_layers(const od_network *network) {
  od_plan plan;
  od_error error;
  if (od_plan_make(network, false, OD_FLOAT32, -1, &plan, &error)) die("%s", error.message);
  for (int i = 0; i < plan.count; i++) {
    const od_op *op = &plan.ops[i];
    printf("layer\t%d\t%s\t%.0f\t%d\n", op->layer, od_network_layer_name(network, op->layer),
           direct_products(op), i);
  }
  od_plan_release(&plan);
}

static void measure(subject s, double seconds, int threads) {
  od_error error;
  s.unit = s.recipe ? 1 : GROUP;
  s.threads = 1;
  measure_time(&s, seconds);
  measure_kernels(&s, METER_COUNTING, seconds);
  measure_kernels(&s, METER_TIMING, seconds);
  measure_short_calls(&s, seconds);
  if (!s.recipe) return;
  measure_split(&s, seconds);
  if (threads < 2) return;
  s.threads = threads;
  if (od_thread_pool_create(threads, &s.pool, &error)) die("%s", error.message);
  measure_time(&s, seconds);
  od_thread_pool_destroy(s.pool);
}

static const char *const precision_names[] = {
    [OD_FLOAT32] = "float32", [OD_BFLOAT16] = "bfloat16", [OD_INT8] = "int8"};

static od_precision precision_named(const char *name) {
  for (int i = 0; i < 3; i++)
    if (strcmp(name, precision_names[i]) == 0) return (od_precision)i;
  die("precision: got '%s', expected float32, bfloat16 or int8", name);
}

static void measure_task(subject s, const char *name, double seconds) {
  snprintf(s.task, sizeof s.task, "%s:%s", name, precision_names[s.precision]);
  measure(s, seconds, od_available_processors());
}

static void measure_precision(job *j, const od_kernels *kernels, od_precision precision,
                              double seconds) {
  subject s = {.job = j, .kernels = kernels, .precision = precision};
  measure_task(s, "image", seconds);
  for (int i = 0; precision != OD_INT8 && i < j->recipe_count; i++) {
    s.recipe = &j->recipes[i];
    measure_task(s, s.recipe->name, seconds);
  }
}

static void calibrate(job *j, const od_kernels *kernels) {
  od_error error;
  if (od_network_calibrate(j->network, kernels, NULL, &j->images, &error)) die("%s", error.message);
}

static void print_instructions(const od_kernels *kernels) {
  static const struct {
    unsigned feature;
    const char *name;
  } known[] = {{OD_CPU_VNNI, "VNNI"},
               {OD_CPU_BF16, "BF16"},
               {OD_CPU_AMX, "AMX"},
               {OD_CPU_NEON_DOT, "dot products"}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (kernels->features & known[i].feature) printf("instructions\t%s\n", known[i].name);
}

int main(int count, char **arguments) {
  const od_kernels *kernels;
  od_error error;
  double seconds = count > 4 ? strtod(arguments[3], NULL) : 0;
  if (!(seconds > 0)) die("usage: roofline JOB ISA SECONDS PRECISION...");
  if (od_kernels_select(arguments[2], &kernels, &error)) die("%s", error.message);
  job j = job_read(arguments[1]);
  print_instructions(kernels);
  probe_print(kernels, seconds / 4);
  print_layers(j.network);
  calibrate(&j, kernels);
  for (int i = 4; i < count; i++)
    measure_precision(&j, kernels, precision_named(arguments[i]), seconds);
  job_release(&j);
  return EXIT_SUCCESS;
}
