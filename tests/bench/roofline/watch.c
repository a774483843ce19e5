#include "watch.h"

#include <stdatomic.h>
#include <string.h>

#include "clock.h"
#include "die.h"
#include "base/math.h"
#include "nn/gradient_state.h"
#include "train/trainer.h"

enum { THREADS = 256 };

/* The current part of a thread. */
typedef struct frame {
  watch_part part;
  int place;
  uint64_t began, inner; /* inner: ticks of watched functions inside */
} frame;

static struct {
  bool on, split;
  watch_readings *readings;
  watch_sheet *sheets[THREADS]; /* of the registered threads */
  atomic_int threads;
  atomic_ullong task_ticks;
} watch;

static _Thread_local watch_sheet own;
static _Thread_local bool registered;
static _Thread_local frame now;

/* Assigns the meters' readings to the current part. */
static void take_readings(void) {
  watch_readings *r = watch.readings;
  if (r) meter_take(r->kernels[now.part][now.place], &r->all[now.part][now.place]);
}

static void register_thread(void) {
  int number = atomic_fetch_add(&watch.threads, 1);
  if (number >= THREADS) die("more than %d threads", THREADS);
  watch.sheets[number] = &own;
  registered = true;
}

static frame enter(watch_part part, int place) {
  frame outer = now;
  if (!registered) register_thread();
  if (place >= WATCH_PLACES) die("a network of more than %d layers", WATCH_PLACES);
  take_readings();
  now = (frame){part, place, clock_ticks(), 0};
  return outer;
}

/* Returns the ticks since the enter. */
static uint64_t leave(frame outer) {
  uint64_t took = clock_ticks() - now.began;
  take_readings();
  own.ticks[now.part][now.place] += (double)(took - now.inner);
  now = outer;
  now.inner += took;
  return took;
}

/* The two names that the linker gives NAME, with the type of its header. */
#define DECLARE(NAME) extern __typeof__(NAME) __real_##NAME, __wrap_##NAME

/* A wrapper: NAME with the parameters PARAMETERS and the arguments ARGUMENTS is PART. */
#define WATCHED(NAME, PART, PLACE, PARAMETERS, ARGUMENTS) \
  DECLARE(NAME);                                          \
  void __wrap_##NAME PARAMETERS {                         \
    if (!watch.on) {                                      \
      __real_##NAME ARGUMENTS;                            \
      return;                                             \
    }                                                     \
    frame outer = enter(PART, PLACE);                     \
    __real_##NAME ARGUMENTS;                              \
    leave(outer);                                         \
  }

WATCHED(od_images_load, WATCH_LOAD, 0,
        (const od_images *images, const od_kernels *kernels, size_t index, od_real *pixels),
        (images, kernels, index, pixels))

WATCHED(od_conv_pack, WATCH_PACK, op->layer,
        (const od_op *op, const od_kernels *kernels, const od_real *kernel, const od_real *bias,
         od_real *packed),
        (op, kernels, kernel, bias, packed))
WATCHED(od_dense_pack, WATCH_PACK, op->layer,
        (const od_op *op, const od_kernels *kernels, const od_real *kernel, const od_real *bias,
         od_real *packed),
        (op, kernels, kernel, bias, packed))
WATCHED(od_conv_pack_backward, WATCH_PACK, op->layer,
        (const od_op *op, const od_kernels *kernels, const od_real *kernel, od_real *packed),
        (op, kernels, kernel, packed))
WATCHED(od_dense_transpose, WATCH_PACK, op->layer,
        (const od_op *op, const od_real *kernel, od_real *transposed), (op, kernel, transposed))
WATCHED(od_conv_zero_output, WATCH_ZERO_OUTPUT, 0, (const od_conv_args pair[2], od_real *x),
        (pair, x))

WATCHED(od_conv_forward, WATCH_FORWARD, args->op->layer, (const od_conv_args *args), (args))
WATCHED(od_dense_forward, WATCH_FORWARD, args->op->layer, (const od_dense_args *args), (args))
WATCHED(od_image_op_forward, WATCH_FORWARD, args->op->layer, (const od_image_op_args *args), (args))
WATCHED(od_norm_slice_sums, WATCH_FORWARD, pass->g->plan.ops[i].layer,
        (const od_pass *pass, int i, int slice), (pass, i, slice))
WATCHED(od_norm_statistics, WATCH_FORWARD, pass->g->plan.ops[i].layer, (const od_pass *pass, int i),
        (pass, i))
WATCHED(od_norm_forward, WATCH_FORWARD, pass->g->plan.ops[i].layer,
        (const od_pass *pass, int i, int slice, od_real *scratch), (pass, i, slice, scratch))
WATCHED(od_softmax, WATCH_SOFTMAX, 0, (size_t n, const od_real *scores, od_real *probabilities),
        (n, scores, probabilities))

WATCHED(od_dense_backward, WATCH_BACKWARD, args->op->layer, (const od_dense_args *args), (args))
WATCHED(od_dense_backward_kernel, WATCH_WEIGHTS, args->op->layer,
        (const od_dense_args *args, size_t begin, size_t end), (args, begin, end))
WATCHED(od_image_op_backward, WATCH_BACKWARD, args->op->layer, (const od_image_op_args *args),
        (args))
WATCHED(od_norm_slice_gradients, WATCH_BACKWARD, pass->g->plan.ops[i].layer,
        (const od_pass *pass, int i, int slice), (pass, i, slice))
WATCHED(od_norm_gradient, WATCH_BACKWARD, pass->g->plan.ops[i].layer, (const od_pass *pass, int i),
        (pass, i))
WATCHED(od_norm_backward, WATCH_BACKWARD, pass->g->plan.ops[i].layer,
        (const od_pass *pass, int i, int slice, od_real *scratch), (pass, i, slice, scratch))

DECLARE(od_cross_entropy);
double __wrap_od_cross_entropy(size_t n, const od_real *scores, size_t label, double smoothing,
                               double weight, od_real *gradient) {
  frame outer = {0};
  if (watch.on) outer = enter(WATCH_LOSS, 0);
  double loss = __real_od_cross_entropy(n, scores, label, smoothing, weight, gradient);
  if (watch.on) leave(outer);
  return loss;
}

DECLARE(od_optimizer_step);
bool __wrap_od_optimizer_step(od_optimizer *optimizer, od_thread_pool *pool, double rate,
                              const od_real *gradient, od_network *network) {
  frame outer = {0};
  if (watch.on) outer = enter(WATCH_OPTIMIZER, 0);
  bool stepped = __real_od_optimizer_step(optimizer, pool, rate, gradient, network);
  if (watch.on) leave(outer);
  return stepped;
}

/* One operation at a time, in the order of the list: the random numbers are the same. */
DECLARE(od_augment_image);
void __wrap_od_augment_image(const od_augment *augment, od_rng *rng, int h, int w, od_real *image,
                             void *scratch) {
  if (!watch.on) {
    __real_od_augment_image(augment, rng, h, w, image, scratch);
    return;
  }
  od_augment one = {.count = 1};
  for (int i = 0; i < augment->count; i++) {
    one.steps[0] = augment->steps[i];
    frame outer = enter(WATCH_AUGMENT, i);
    __real_od_augment_image(&one, rng, h, w, image, scratch);
    leave(outer);
  }
}

DECLARE(od_conv_backward);

/* The same again for the kernel's gradient alone, into memory that is not used. */
static void split_backward(const od_conv_args *args) {
  const od_op *op = args->op;
  od_real *unused = od_allocate(op->kernel_size + op->bias_size, sizeof *unused);
  if (!unused) die("no memory for a second gradient");
  od_conv_args again = *args;
  again.dx = NULL;
  again.dkernel = unused;
  again.dbias = op->bias ? unused + op->kernel_size : NULL;
  frame outer = enter(WATCH_WEIGHTS, op->layer);
  __real_od_conv_backward(&again);
  leave(outer);
  od_release(unused);
}

void __wrap_od_conv_backward(const od_conv_args *args) {
  frame outer = {0};
  if (watch.on) outer = enter(WATCH_BACKWARD, args->op->layer);
  __real_od_conv_backward(args);
  if (!watch.on) return;
  leave(outer);
  if (watch.split) split_backward(args);
}

/* -- the pool: its tasks belong to the part that runs them -- */

typedef struct watched_run {
  od_task *task;
  void *context;
  watch_part part;
  int place;
} watched_run;

static void watched_task(void *context, int task, int worker) {
  const watched_run *run = context;
  frame outer = enter(run->part, run->place);
  run->task(run->context, task, worker);
  atomic_fetch_add(&watch.task_ticks, leave(outer));
}

DECLARE(od_thread_pool_run);
od_status __wrap_od_thread_pool_run(const od_thread_pool *pool, od_task *task, void *context,
                                    int tasks) {
  if (!watch.on) return __real_od_thread_pool_run(pool, task, context, tasks);
  watched_run run = {task, context, now.part, now.place};
  unsigned long long before = atomic_load(&watch.task_ticks);
  frame outer = enter(WATCH_OTHER, 0);
  od_status status = __real_od_thread_pool_run(pool, watched_task, &run, tasks);
  uint64_t took = clock_ticks() - now.began;
  now.inner = took; /* all of it is tasks or waiting */
  leave(outer);
  own.pool_ticks += (double)took;
  own.ticks[WATCH_WAIT][0] += (double)took * od_thread_pool_threads(pool) -
                              (double)(atomic_load(&watch.task_ticks) - before);
  return status;
}

/* -- readings -- */

void watch_start(watch_readings *readings, bool split) {
  watch.readings = readings;
  watch.split = split;
  watch_take();
  watch.on = true;
}

void watch_stop(void) {
  watch.on = false;
  watch.readings = NULL;
}

watch_sheet watch_take(void) {
  watch_sheet sum = {0};
  for (int i = 0; i < atomic_load(&watch.threads); i++) {
    watch_sheet *sheet = watch.sheets[i];
    for (int part = 0; part < WATCH_PARTS; part++)
      for (int place = 0; place < WATCH_PLACES; place++)
        sum.ticks[part][place] += sheet->ticks[part][place];
    sum.pool_ticks += sheet->pool_ticks;
    memset(sheet, 0, sizeof *sheet);
  }
  return sum;
}
