/* Analytic gradients (od_gradient_run) of every layer and of whole small networks.
 *
 * The double build compares them with central differences of the loss, and the loss with the
 * definitions in reference.h. It can write its gradients to a file, with which the float build
 * compares its own:
 *
 *   test_gradients --write FILE        (double)
 *   test_gradients --compare FILE      (float)
 *
 * ReLU and max-pool have kinks, where a difference is not the gradient. Differences are computed
 * at two step sizes: without a kink in between they agree far better than the tolerance; otherwise
 * they do not, and the number is left out. This does not depend on the analytic gradient, and at
 * most a few numbers may be left out. Points exactly on a kink do not occur, as all biases are
 * random. */
#include "base/thread_pool.h"
#include "check.h"
#include "interrupts.h"
#include "nn/gradient.h"
#include "reference.h"
#include "tables.h"

enum { CHECKED = 16, DROPOUT_SEED = 12345 };

typedef struct subject {
  sample what;
  od_network *network;
  sample_data data;
  od_gradient *gradient;
  size_t size;     /* trainable numbers */
  od_real *values; /* (size): the gradient */
} subject;

static subject subject_create(int index, const od_kernels *kernels, int threads) {
  subject s = {0};
  od_error error = {{0}};
  sample_network(index, &s.what);
  s.network = sample_create(&s.what, (uint64_t)index + 1);
  s.data =
      data_create(s.what.input, od_network_classes(s.network), s.what.batch, (uint64_t)index + 1);
  s.size = od_network_trainable_size(s.network);
  s.values = od_allocate(s.size, sizeof *s.values);
  if (od_gradient_create(s.network, kernels, OD_FLOAT32, s.what.batch, threads, &s.gradient,
                         &error)) {
    printf("%s\n", error.message);
    exit(EXIT_FAILURE);
  }
  CHECK_CASE("%s: sample %d (%s)", kernels->name, index, s.what.name);
  return s;
}

static void subject_destroy(subject *s) {
  od_gradient_destroy(s->gradient);
  od_release(s->values);
  data_destroy(&s->data);
  od_network_destroy(s->network);
}

static od_loss run(subject *s, od_thread_pool *pool) {
  od_batch batch = {.source = data_source,
                    .context = &s->data,
                    .labels = s->data.labels,
                    .count = s->data.count,
                    .seed = DROPOUT_SEED};
  return loss_and_gradient(s->gradient, pool, &batch, s->what.smoothing, s->values);
}

/* -- the loss -- */

static bool has_dropout(const sample *s) {
  for (int i = 0; i < sample_count(s); i++)
    if (s->layers[i].kind == OD_DROPOUT && s->layers[i].rate > 0) return true;
  return false;
}

static void test_loss(void) {
  sample what;
  for (int t = 0; table(t); t++)
    for (int index = 0; sample_network(index, &what); index++) {
      if (has_dropout(&what)) continue;
      subject s = subject_create(index, table(t), 1);
      int classes = od_network_classes(s.network), n = s.data.count, correct = 0;
      double *scores = malloc((size_t)(n * classes) * sizeof *scores);
      reference_scores(s.network, true, n, s.data.pixels, scores);
      for (int k = 0; k < n; k++) {
        int best = 0;
        for (int i = 1; i < classes; i++)
          if (scores[k * classes + i] > scores[k * classes + best]) best = i;
        correct += best == s.data.labels[k];
      }
      od_loss got = run(&s, NULL);
      CHECK_NEAR(got.loss, reference_loss(classes, n, scores, s.data.labels, what.smoothing),
                 5000 * ROUNDING);
      CHECK_INT(got.correct, correct);
      free(scores);
      subject_destroy(&s);
    }
}

#if defined(OD_DOUBLE)

/* -- against central differences -- */

static double norm(size_t n, const od_real *x) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
  return sqrt(sum);
}

static double loss_at(subject *s, od_real *number, double value) {
  od_real kept = *number;
  *number = (od_real)value;
  double loss = run(s, NULL).loss;
  *number = kept;
  return loss;
}

static double difference(subject *s, od_real *number, double step) {
  double x = (double)*number;
  return (loss_at(s, number, x + step) - loss_at(s, number, x - step)) / (2 * step);
}

/* Compares the gradient of one tensor with differences, at up to CHECKED of its numbers:
 * |analytic - numeric| <= 1e-6 max(|numeric|, 1e-3 |whole gradient|) as vectors. A smooth loss
 * allows a long step, whose error term is removed by extrapolation. Where two steps disagree, a
 * kink lies within the longer: a tenth of it misses most of them, and the rest is left out. */
static void check_tensor(subject *s, const od_tensor *tensor, const od_real *analytic, double whole,
                         od_rng *rng, int *checked, int *kinks) {
  bool smooth = !sample_has_kinks(&s->what);
  double step = smooth ? 1e-3 : 1e-5, numeric[CHECKED], coarse[CHECKED], square = 0, errors = 0;
  size_t picked[CHECKED], count = tensor->size < CHECKED ? tensor->size : CHECKED;
  for (size_t i = 0; i < count; i++) {
    picked[i] = count == tensor->size ? i : (size_t)od_rng_below(rng, tensor->size);
    coarse[i] = difference(s, tensor->data + picked[i], step);
    double fine = difference(s, tensor->data + picked[i], step / 2);
    numeric[i] = smooth ? (4 * fine - coarse[i]) / 3 : fine;
    square += numeric[i] * numeric[i];
  }
  double size = fmax(sqrt(square), 1e-3 * whole);
  for (size_t i = 0; i < count; i++) {
    bool kink = !smooth && fabs(numeric[i] - coarse[i]) > 2e-7 * size;
    if (kink) {
      coarse[i] = difference(s, tensor->data + picked[i], step / 10);
      numeric[i] = difference(s, tensor->data + picked[i], step / 20);
      kink = fabs(numeric[i] - coarse[i]) > 2e-7 * size;
    }
    double error = (double)analytic[picked[i]] - numeric[i];
    *checked += !kink;
    *kinks += kink;
    if (!kink) errors += error * error;
  }
  if (sqrt(errors) > 1e-6 * size) printf("%s: ", tensor->name);
  CHECK_NEAR(sqrt(errors) / size, 0, 1e-6);
}

static void test_against_differences(void) {
  sample what;
  int checked = 0, kinks = 0;
  for (int index = 0; sample_network(index, &what); index++) {
    subject s = subject_create(index, &od_kernels_scalar, 1);
    od_rng rng;
    od_rng_seed(&rng, 9, (uint64_t)index);
    run(&s, NULL);
    od_real *analytic = od_allocate(s.size, sizeof *analytic);
    memcpy(analytic, s.values, s.size * sizeof *analytic);
    int compared = 0, left_out = 0;
    for (int t = 0; t < od_network_tensor_count(s.network); t++) {
      const od_tensor *tensor = od_network_tensor(s.network, t);
      if (tensor->trainable)
        check_tensor(&s, tensor, analytic + (tensor->data - od_network_values(s.network)),
                     norm(s.size, analytic), &rng, &compared, &left_out);
    }
    CHECK(compared >= 9 * left_out); /* at most one in ten is left out */
    checked += compared;
    kinks += left_out;
    od_release(analytic);
    subject_destroy(&s);
  }
  printf("  %d numbers against differences, %d left out at kinks\n", checked, kinks);
}

static void write_gradients(const char *path) {
  FILE *file = fopen(path, "wb");
  sample what;
  if (!file) {
    perror(path);
    exit(EXIT_FAILURE);
  }
  for (int index = 0; sample_network(index, &what); index++) {
    subject s = subject_create(index, &od_kernels_scalar, 1);
    run(&s, NULL);
    if (fwrite(s.values, sizeof *s.values, s.size, file) != s.size) {
      perror(path);
      exit(EXIT_FAILURE);
    }
    subject_destroy(&s);
  }
  if (fclose(file)) {
    perror(path);
    exit(EXIT_FAILURE);
  }
}

#else

/* -- float against double -- */

static const char *reference_path;

/* Every table's gradient of every tensor is within 1e-3 of the double build's, as vectors; mostly
 * it is far closer. */
static void test_against_double(void) {
  sample what;
  double worst = 0;
  for (int t = 0; table(t); t++) {
    FILE *file = fopen(reference_path, "rb");
    if (!CHECK(file != NULL)) return;
    for (int index = 0; sample_network(index, &what); index++) {
      subject s = subject_create(index, table(t), 1);
      double *want = malloc((s.size + 1) * sizeof *want), whole = 0;
      CHECK_INT(fread(want, sizeof *want, s.size, file), s.size);
      for (size_t i = 0; i < s.size; i++) whole += want[i] * want[i];
      run(&s, NULL);
      for (int k = 0; k < od_network_tensor_count(s.network); k++) {
        const od_tensor *tensor = od_network_tensor(s.network, k);
        if (!tensor->trainable) continue;
        size_t begin = (size_t)(tensor->data - od_network_values(s.network));
        double square = 0, errors = 0;
        for (size_t i = begin; i < begin + tensor->size; i++) {
          square += want[i] * want[i];
          errors += ((double)s.values[i] - want[i]) * ((double)s.values[i] - want[i]);
        }
        double relative = sqrt(errors) / fmax(sqrt(square), 1e-3 * sqrt(whole));
        if (!(relative <= 1e-3)) printf("%s: ", tensor->name);
        CHECK_NEAR(relative, 0, 1e-3);
        worst = fmax(worst, relative);
      }
      free(want);
      subject_destroy(&s);
    }
    CHECK_INT(fgetc(file), EOF);
    fclose(file);
  }
  printf("  the largest difference of a tensor from double is %.2g of it\n", worst);
}

#endif

/* -- properties -- */

/* The bits are the same at any thread count. */
static void test_thread_counts(void) {
  sample what;
  for (int index = 0; sample_network(index, &what); index++) {
    subject one = subject_create(index, last_table(), 1);
    od_loss alone = run(&one, NULL);
    for (int threads = 1; threads <= 3; threads++) {
      subject s = subject_create(index, last_table(), threads);
      od_thread_pool *pool;
      od_error error;
      if (!CHECK_INT(od_thread_pool_create(threads, &pool, &error), OD_OK)) return;
      od_loss loss = run(&s, pool);
      CHECK(memcmp(&loss.loss, &alone.loss, sizeof loss.loss) == 0);
      CHECK_INT(loss.correct, alone.correct);
      CHECK(memcmp(s.values, one.values, s.size * sizeof *s.values) == 0);
      CHECK(memcmp(od_network_values(s.network), od_network_values(one.network),
                   od_network_total_size(s.network) * sizeof(od_real)) == 0);
      od_thread_pool_destroy(pool);
      subject_destroy(&s);
    }
    subject_destroy(&one);
  }
}

/* A batch leaves no state for the next: an od_gradient made for larger batches, and used on another
 * batch before, gives the same results. */
static void test_reuse_and_part_batches(void) {
  sample what;
  for (int index = 0; sample_network(index, &what); index++) {
    subject fresh = subject_create(index, last_table(), 1),
            used = subject_create(index, last_table(), 1);
    od_gradient_destroy(used.gradient);
    od_error error;
    int capacity = what.batch * 2 + 5;
    if (!CHECK_INT(od_gradient_create(used.network, last_table(), OD_FLOAT32, capacity, 1,
                                      &used.gradient, &error),
                   OD_OK))
      return;
    sample_data other = data_create(what.input, od_network_classes(used.network), capacity, 99);
    od_batch batch = {.source = data_source,
                      .context = &other,
                      .labels = other.labels,
                      .count = capacity,
                      .seed = 7};
    loss_and_gradient(used.gradient, NULL, &batch, 0.3, used.values);
    od_loss want = run(&fresh, NULL), got = run(&used, NULL);
    CHECK_NEAR(got.loss, want.loss, 0);
    CHECK_INT(got.correct, want.correct);
    CHECK(memcmp(fresh.values, used.values, fresh.size * sizeof *fresh.values) == 0);
    data_destroy(&other);
    subject_destroy(&fresh);
    subject_destroy(&used);
  }
}

/* Dropout against its definition, in (1, 1, n) -> dropout -> dense: the gradient of
 * the kernel's row i is mask_i x_i / (1 - rate) times that of the bias. */
static void test_dropout(void) {
  enum { INPUTS = 1000, CLASSES = 2 };
  const double rate = 0.3;
  const od_layer layers[] = {dropout(rate), dense(CLASSES, false)};
  od_network *network;
  od_gradient *gradient;
  od_error error = {{0}};
  if (!CHECK_INT(od_network_create((od_shape){1, 1, INPUTS}, layers, 2, &network, &error), OD_OK) ||
      !CHECK_INT(
          od_gradient_create(network, &od_kernels_scalar, OD_FLOAT32, 2, 1, &gradient, &error),
          OD_OK))
    return;
  static uint8_t kept[4][INPUTS];
  static od_real values[(INPUTS + 1) * CLASSES];
  sample_data data = data_create((od_shape){1, 1, INPUTS}, CLASSES, 2, 3);
  memcpy(data.pixels + INPUTS, data.pixels, INPUTS * sizeof *data.pixels); /* equal images */
  data.labels[1] = data.labels[0];
  for (int draw = 0; draw < 4; draw++) { /* images 0 and 1 of seed 5, then of seed 6 */
    sample_data one = {1, INPUTS, data.pixels, data.labels};
    od_batch batch = {.source = data_source,
                      .context = draw % 2 ? &data : &one,
                      .labels = data.labels,
                      .count = 1 + draw % 2,
                      .seed = 5 + (uint64_t)draw / 2};
    od_real first[(INPUTS + 1) * CLASSES];
    loss_and_gradient(gradient, NULL, &batch, 0, values);
    if (draw % 2 == 0) {
      double bias = (double)values[INPUTS * CLASSES];
      int zeros = 0;
      bool equal = true;
      for (int i = 0; i < INPUTS; i++) {
        double got = (double)values[i * CLASSES],
               scaled = (double)data.pixels[i] * bias / (1 - rate);
        kept[draw][i] = got != 0;
        zeros += got == 0;
        equal = equal && (got == 0 || fabs(got - scaled) <= 8 * ROUNDING * fabs(scaled));
      }
      CHECK(equal);
      CHECK_NEAR(zeros / (double)INPUTS, rate, 5 * sqrt(rate * (1 - rate) / INPUTS));
    } else { /* both images: the second's part is the rest */
      od_batch alone = batch;
      alone.context = &one;
      alone.count = 1;
      loss_and_gradient(gradient, NULL, &alone, 0, first);
      for (int i = 0; i < INPUTS; i++)
        kept[draw][i] = fabs(2 * (double)values[i * CLASSES] - (double)first[i * CLASSES]) >
                        1e-4 * fabs((double)first[INPUTS * CLASSES] * (double)data.pixels[i]);
    }
  }
  for (int a = 0; a < 4; a++)
    for (int b = 0; b < a; b++) { /* independent masks agree with probability r^2 + (1-r)^2 */
      int equal = 0;
      for (int i = 0; i < INPUTS; i++) equal += kept[a][i] == kept[b][i];
      double expected = rate * rate + (1 - rate) * (1 - rate);
      CHECK_CASE("masks %d and %d", a, b);
      CHECK_NEAR(equal / (double)INPUTS, expected, 5 * sqrt(expected * (1 - expected) / INPUTS));
    }
  data_destroy(&data);
  od_gradient_destroy(gradient);
  od_network_destroy(network);
}

/* Batch norm's moving statistics after one step. */
static void test_moving_statistics(void) {
  const od_layer layers[] = {batch_norm(0.8), FLATTEN, dense(2, false)};
  od_network *network;
  od_gradient *gradient;
  od_error error = {{0}};
  od_shape input = {2, 3, 3};
  if (!CHECK_INT(od_network_create(input, layers, 3, &network, &error), OD_OK) ||
      !CHECK_INT(
          od_gradient_create(network, &od_kernels_scalar, OD_FLOAT32, 11, 1, &gradient, &error),
          OD_OK))
    return;
  randomize(network, 4);
  sample_data data = data_create(input, 2, 11, 4);
  double want[2][3];
  for (int c = 0; c < 3; c++) {
    double mean = 0, variance = 0;
    for (int r = 0; r < 66; r++) mean += (double)data.pixels[r * 3 + c] / 66;
    for (int r = 0; r < 66; r++) variance += pow((double)data.pixels[r * 3 + c] - mean, 2) / 66;
    want[0][c] = 0.8 * (double)reference_tensor(network, 0, "moving_mean")[c] + 0.2 * mean;
    want[1][c] = 0.8 * (double)reference_tensor(network, 0, "moving_variance")[c] + 0.2 * variance;
  }
  od_real *values = od_allocate(od_network_trainable_size(network), sizeof *values);
  od_batch batch = {.source = data_source, .context = &data, .labels = data.labels, .count = 11};
  loss_and_gradient(gradient, NULL, &batch, 0, values);
  od_gradient_update_statistics(gradient);
  for (size_t c = 0; c < 3; c++) {
    CHECK_NEAR(reference_tensor(network, 0, "moving_mean")[c], want[0][c], 8 * ROUNDING);
    CHECK_NEAR(reference_tensor(network, 0, "moving_variance")[c], want[1][c], 8 * ROUNDING);
  }
  od_release(values);
  data_destroy(&data);
  od_gradient_destroy(gradient);
  od_network_destroy(network);
}

/* Each poll may be the last, also those of a pool of more threads than the state's. */
static void test_interrupts(void) {
  od_thread_pool *pool;
  od_error error;
  if (!CHECK_INT(od_thread_pool_create(2, &pool, &error), OD_OK)) return;
  for (int index = 0; sample_network(index, &(sample){0}); index += 5) {
    subject s = subject_create(index, last_table(), 1);
    const od_batch batch = {.source = data_source,
                            .context = &s.data,
                            .labels = s.data.labels,
                            .count = s.data.count,
                            .seed = DROPOUT_SEED};
    int polls = 0;
    od_status status = OD_STOPPED;
    for (; status == OD_STOPPED; polls++) {
      countdown left = {polls};
      od_interrupt interrupt = interrupt_after(&left);
      const od_thread_pool attached = od_thread_pool_attach(pool, false, &interrupt);
      od_loss loss;
      status = od_gradient_run(s.gradient, &attached, &batch, s.what.smoothing, s.values, &loss);
    }
    CHECK_INT(status, OD_OK);
    CHECK(polls > 1);
    subject_destroy(&s);
  }
  od_thread_pool_destroy(pool);
}

int main(int argc, char **argv) {
#if defined(OD_DOUBLE)
  if (argc == 3 && strcmp(argv[1], "--write") == 0) {
    write_gradients(argv[2]);
    return EXIT_SUCCESS;
  }
  (void)argv;
#else
  if (argc != 3 || strcmp(argv[1], "--compare")) {
    printf("usage: test_gradients --compare FILE\n");
    return EXIT_FAILURE;
  }
  reference_path = argv[2];
#endif
  RUN(test_loss);
#if defined(OD_DOUBLE)
  RUN(test_against_differences);
#else
  RUN(test_against_double);
#endif
  RUN(test_thread_counts);
  RUN(test_reuse_and_part_batches);
  RUN(test_dropout);
  RUN(test_moving_statistics);
  RUN(test_interrupts);
  return check_end();
}
