/* Checkpoints of any numbers: either they are refused and trainer and network stay as they were, or
 * training goes on from them. */
#include "fuzz/input.h"
#include "networks.h"
#include "train/checkpoint.h"

enum { IMAGES = 5, PIXELS = 4 * 4, EPOCHS = 3 };

static od_network *make_network(void) {
  const od_layer layers[] = {conv(2, 3, 1, true, false), batch_norm(0.9), AVERAGE, dense(2, false)};
  od_network *network;
  require(!od_network_create((od_shape){4, 4, 1}, layers, 4, &network, NULL));
  randomize(network, 1);
  return network;
}

static od_train_config take_config(fuzz_input *in) {
  const int flags = take_byte(in);
  return (od_train_config){.epochs = EPOCHS,
                           .batch_size = 2,
                           .optimizer = {(od_optimizer_kind)(flags % 3), 0.9, 0.9, 0.999, 1e-7, 0,
                                         0, flags & 8 ? 0.9 : 0},
                           .schedule = {OD_CONSTANT, 0.01, 0, 1, 1},
                           .restore_best = flags & 16};
}

static uint64_t take_count(fuzz_input *in) {
  const int byte = take_byte(in);
  return byte < 250 ? (uint64_t)byte % 8 : (uint64_t)take_word(in) << 32 | take_word(in);
}

/* Weights (count), NULL now and then where that is allowed; one of them may be any number. */
static od_real *take_weights(fuzz_input *in, size_t count, bool optional) {
  if (optional && take_flag(in)) return NULL;
  od_real *weights = block_of(count * sizeof *weights);
  for (size_t i = 0; i < count; i++) weights[i] = (od_real)((double)(i % 7) / 8);
  if (take_byte(in) % 8 == 7) weights[take_word(in) % count] = (od_real)take_double(in);
  return weights;
}

typedef struct arrays {
  od_real *mean, *square, *average, *weights, *best;
} arrays;

static od_checkpoint take_checkpoint(fuzz_input *in, const od_network *network, arrays *a) {
  const size_t trainable = od_network_trainable_size(network),
               total = od_network_total_size(network);
  *a = (arrays){take_weights(in, trainable, true), take_weights(in, trainable, true),
                take_weights(in, total, true), take_weights(in, total, false),
                take_weights(in, total, true)};
  return (od_checkpoint){.epochs_begun = take_count(in),
                         .epoch = take_number(in) % 64,
                         .step = take_count(in),
                         .steps = take_count(in),
                         .loss_sum = take_fraction(in),
                         .correct = take_fraction(in),
                         .count = take_byte(in) % 8 ? 4 : take_double(in),
                         .seconds = take_fraction(in),
                         .best_loss = take_fraction(in),
                         .best_accuracy = take_fraction(in),
                         .since_best = take_number(in) % 64,
                         .optimizer = {take_count(in), a->mean, a->square, a->average},
                         .weights = a->weights,
                         .best_weights = a->best};
}

static void train_on(od_trainer *trainer) {
  uint8_t pixels[IMAGES * PIXELS];
  const uint8_t labels[IMAGES] = {0, 1, 1, 0, 1};
  for (int i = 0; i < IMAGES * PIXELS; i++) pixels[i] = (uint8_t)(i * 41);
  const od_train_data data = {
      .images = {.bytes = pixels, .count = IMAGES, .size = PIXELS, .scale = 1 / 255.0},
      .labels = labels};
  od_error error = {{0}};
  succeeded(od_trainer_run(trainer, NULL, &data, &data, NULL, &error), &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  fuzz_input in = {bytes, size};
  od_network *network = make_network();
  const od_train_config config = take_config(&in);
  od_trainer *trainer;
  require(!od_trainer_create(network, take_table(&in), 1, &config, &trainer, NULL));
  const size_t weight_bytes = od_network_total_size(network) * sizeof(od_real);
  od_real *before = block_of(weight_bytes);
  memcpy(before, od_network_values(network), weight_bytes);
  arrays a;
  const od_checkpoint checkpoint = take_checkpoint(&in, network, &a);
  od_error error = {{0}};
  if (!succeeded(od_trainer_restore(trainer, &checkpoint, &error), &error))
    require(!memcmp(before, od_network_values(network), weight_bytes));
  train_on(trainer);
  for (size_t i = 0; i < weight_bytes / sizeof(od_real); i++)
    require(isfinite(od_network_values(network)[i]));
  free(before);
  free(a.mean);
  free(a.square);
  free(a.average);
  free(a.weights);
  free(a.best);
  od_trainer_destroy(trainer);
  od_network_destroy(network);
  return 0;
}
