/* Threads that share everything: several run one model, each in a workspace of its own, while
 * another replaces the model, another the thread pool, another trains on the same pool, and others
 * save the training's state and augment images. As in Python, a mutex guards the shared pointers
 * and the network in training, and nothing else. Run by `make tsan`, too. */
#include <pthread.h>

#include "base/memory.h"
#include "base/thread_pool.h"
#include "check.h"
#include "networks.h"
#include "tables.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

/* The reference-counted owners that the Python module uses. */
#include "python/shared_model.c"
#include "python/shared_thread_pool.c"

enum { SIDE = 8, SIZE = SIDE * SIDE, CLASSES = 3, IMAGES = 70, BATCH = 16 };
enum { PREDICTORS = 4, ROUNDS = 150, VERSIONS = 2, EPOCHS = 12, MAX_POOL = 4 };

static const od_layer layers[] = {{.kind = OD_CONV2D,
                                   .units = 9,
                                   .kernel = {3, 3},
                                   .groups = 1,
                                   .stride = 1,
                                   .dilation = 1,
                                   .same = true},
                                  {.kind = OD_BATCH_NORM, .momentum = 0.9, .epsilon = 1e-3},
                                  {.kind = OD_RELU},
                                  {.kind = OD_MAX_POOL2D, .pool = {2, 2}, .step = {2, 2}},
                                  {.kind = OD_DROPOUT, .rate = 0.2},
                                  {.kind = OD_FLATTEN},
                                  {.kind = OD_DENSE, .units = CLASSES, .bias = true}};
enum { LAYERS = sizeof layers / sizeof *layers };

typedef struct stress {
  float pixels[IMAGES * SIZE];
  uint8_t labels[IMAGES];
  od_network *versions[VERSIONS];               /* of the model, never changed, … */
  od_real expected[VERSIONS][IMAGES * CLASSES]; /* … and their scores */
  pthread_mutex_t mutex;                        /* of the pointers, and of `training` */
  shared_model *model;                          /* of versions[version] */
  int version;
  shared_thread_pool *pool;
  od_network *training;
  od_trainer *trainer;
  atomic_bool over; /* the training has ended */
} stress;

static od_images images_of(const stress *s, int first, int count) {
  return (od_images){
      .floats = s->pixels + (size_t)first * SIZE, .count = (size_t)count, .size = SIZE, .scale = 1};
}

static od_network *make_network(uint64_t seed) {
  od_network *network;
  if (!CHECK_INT(od_network_create((od_shape){SIDE, SIDE, 1}, layers, LAYERS, &network, NULL),
                 OD_OK))
    exit(EXIT_FAILURE);
  od_network_initialize(network, seed);
  return network;
}

static shared_model *make_model(const od_network *network) {
  shared_model *model;
  od_error error;
  if (!CHECK_INT(shared_model_create(network, last_table(), OD_FLOAT32, &model, &error), OD_OK))
    exit(EXIT_FAILURE);
  return model;
}

static shared_thread_pool *make_pool(int threads) {
  shared_thread_pool *pool;
  od_error error;
  if (!CHECK_INT(shared_thread_pool_create(threads, &pool, &error), OD_OK)) exit(EXIT_FAILURE);
  return pool;
}

static od_trainer *make_trainer(od_network *network, int threads) {
  const od_train_config config = {
      .epochs = EPOCHS,
      .batch_size = BATCH,
      .seed = 5,
      .optimizer = {.kind = OD_ADAMW, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7, .ema = 0.9},
      .schedule = {.kind = OD_COSINE, .peak = 0.01, .divisor = 25, .final_divisor = 1e4},
      .augment = {.count = 1,
                  .steps = {{.kind = OD_AUGMENT_NOISE, .probability = 1, .range = {0, 0.1}}}}};
  od_trainer *trainer;
  od_error error = {{0}};
  if (!CHECK_INT(od_trainer_create(network, last_table(), threads, &config, &trainer, &error),
                 OD_OK)) {
    printf("%s\n", error.message);
    exit(EXIT_FAILURE);
  }
  return trainer;
}

static void run_trainer(const stress *s, od_trainer *trainer, od_thread_pool *pool,
                        const od_callbacks *callbacks) {
  const od_train_data data = {images_of(s, 0, IMAGES), s->labels, 1, NULL};
  const od_train_data validation = {images_of(s, 0, IMAGES / 2), s->labels, 1, NULL};
  CHECK_INT(od_trainer_run(trainer, pool, &data, &validation, callbacks, NULL), OD_OK);
}

/* ---- the threads ---- */

/* Runs parts of the images, and compares with the scores of the version that it took. */
static void *predict(void *argument) {
  stress *s = argument;
  for (int i = 0; i < ROUNDS; i++) {
    const int first = i * 7 % (IMAGES / 2), count = i % 3 ? 1 + i % (IMAGES / 2) : 1;
    od_real scores[IMAGES * CLASSES];
    pthread_mutex_lock(&s->mutex);
    shared_model *model = s->model;
    shared_thread_pool *pool = s->pool;
    const int version = s->version;
    shared_model_retain(model);
    shared_thread_pool_retain(pool);
    pthread_mutex_unlock(&s->mutex);
    od_workspace *workspace;
    const int threads = od_thread_pool_threads(pool->pool);
    if (CHECK_INT(shared_model_take_workspace(model, threads, &workspace, NULL), OD_OK)) {
      const od_images images = images_of(s, first, count);
      od_model_run(model->model, workspace, pool->pool, &images, false, scores);
      CHECK(memcmp(scores, s->expected[version] + first * CLASSES,
                   (size_t)count * CLASSES * sizeof *scores) == 0);
      shared_model_give_workspace(model, workspace);
    }
    shared_model_release(model);
    shared_thread_pool_release(pool);
  }
  return NULL;
}

static void *replace_model(void *argument) {
  stress *s = argument;
  for (int i = 0; i < ROUNDS; i++) {
    shared_model *fresh = make_model(s->versions[i % VERSIONS]);
    pthread_mutex_lock(&s->mutex);
    shared_model *old = s->model;
    s->model = fresh;
    s->version = i % VERSIONS;
    pthread_mutex_unlock(&s->mutex);
    shared_model_release(old);
  }
  return NULL;
}

static void *resize_pool(void *argument) {
  stress *s = argument;
  for (int i = 0; i < ROUNDS; i++) {
    shared_thread_pool *fresh = make_pool(1 + i % MAX_POOL);
    pthread_mutex_lock(&s->mutex);
    shared_thread_pool *old = s->pool;
    s->pool = fresh;
    pthread_mutex_unlock(&s->mutex);
    shared_thread_pool_release(old);
  }
  return NULL;
}

/* Between two steps the network in training is free for others, as in Python. */
static bool let_others(void *context, const od_progress *progress) {
  stress *s = context;
  (void)progress;
  pthread_mutex_unlock(&s->mutex);
  sched_yield();
  pthread_mutex_lock(&s->mutex);
  return true;
}

static void *train(void *argument) {
  stress *s = argument;
  pthread_mutex_lock(&s->mutex);
  shared_thread_pool *pool = s->pool;
  shared_thread_pool_retain(pool);
  run_trainer(s, s->trainer, pool->pool, &(od_callbacks){let_others, let_others, let_others, s});
  pthread_mutex_unlock(&s->mutex);
  shared_thread_pool_release(pool);
  atomic_store(&s->over, true);
  return NULL;
}

/* Saves the training's state, and runs a model of its present weights. */
static void *save_training(void *argument) {
  stress *s = argument;
  od_real *weights = od_allocate(od_network_total_size(s->training), sizeof *weights);
  while (!atomic_load(&s->over)) {
    od_checkpoint state;
    pthread_mutex_lock(&s->mutex);
    od_trainer_save(s->trainer, &state);
    memcpy(weights, state.weights, od_network_total_size(s->training) * sizeof *weights);
    shared_model *model = make_model(s->training);
    pthread_mutex_unlock(&s->mutex);
    CHECK(state.epoch <= EPOCHS);
    for (size_t i = 0; i < od_network_total_size(s->training); i++)
      if (!isfinite(weights[i])) CHECK(false);
    od_workspace *workspace;
    if (CHECK_INT(shared_model_take_workspace(model, 1, &workspace, NULL), OD_OK)) {
      od_real scores[CLASSES];
      const od_images images = images_of(s, 0, 1);
      od_model_run(model->model, workspace, NULL, &images, true, scores);
      CHECK_NEAR(scores[0] + scores[1] + scores[2], 1, 1e-5);
      shared_model_give_workspace(model, workspace);
    }
    shared_model_release(model);
  }
  od_release(weights);
  return NULL;
}

/* ---- the test ---- */

static stress *make_stress(void) {
  stress *s = calloc(1, sizeof *s);
  od_rng rng;
  od_rng_seed(&rng, 1, 0);
  for (int i = 0; i < IMAGES * SIZE; i++) s->pixels[i] = (float)od_rng_range(&rng, 0, 1);
  for (int i = 0; i < IMAGES; i++) s->labels[i] = (uint8_t)od_rng_below(&rng, CLASSES);
  for (int v = 0; v < VERSIONS; v++) {
    s->versions[v] = make_network((uint64_t)v);
    shared_model *model = make_model(s->versions[v]);
    od_workspace *workspace;
    CHECK_INT(shared_model_take_workspace(model, 1, &workspace, NULL), OD_OK);
    const od_images images = images_of(s, 0, IMAGES);
    od_model_run(model->model, workspace, NULL, &images, false, s->expected[v]);
    shared_model_give_workspace(model, workspace);
    shared_model_release(model);
  }
  pthread_mutex_init(&s->mutex, NULL);
  s->model = make_model(s->versions[0]);
  s->pool = make_pool(2);
  s->training = make_network(9);
  s->trainer = make_trainer(s->training, 2);
  return s;
}

static void destroy_stress(stress *s) {
  for (int v = 0; v < VERSIONS; v++) od_network_destroy(s->versions[v]);
  shared_model_release(s->model);
  shared_thread_pool_release(s->pool);
  od_trainer_destroy(s->trainer);
  od_network_destroy(s->training);
  pthread_mutex_destroy(&s->mutex);
  free(s);
}

/* The weights after a training on one thread with nothing beside it. */
static od_network *train_alone(const stress *s) {
  od_network *network = make_network(9);
  od_trainer *trainer = make_trainer(network, 1);
  run_trainer(s, trainer, NULL, NULL);
  od_trainer_destroy(trainer);
  return network;
}

static void test_threads_share_everything(void) {
  stress *s = make_stress();
  od_network *alone = train_alone(s);
  void *(*const work[])(void *) = {train, save_training, replace_model, resize_pool};
  enum { OTHERS = sizeof work / sizeof *work };
  pthread_t threads[OTHERS + PREDICTORS];
  for (int i = 0; i < OTHERS + PREDICTORS; i++)
    pthread_create(&threads[i], NULL, i < OTHERS ? work[i] : predict, s);
  for (int i = 0; i < OTHERS + PREDICTORS; i++) pthread_join(threads[i], NULL);
  CHECK(memcmp(od_network_values_const(s->training), od_network_values_const(alone),
               od_network_total_size(alone) * sizeof(od_real)) == 0);
  CHECK_INT(s->model->users, 1);
  CHECK_INT(s->pool->users, 1);
  od_network_destroy(alone);
  destroy_stress(s);
}

int main(void) {
  RUN(test_threads_share_everything);
  return check_end();
}
