#include "job.h"

#include <string.h>

#include "die.h"

/* Reads by scanf's format; exits if there are not `count` values. */
#define READ(file, count, ...)                                     \
  do {                                                             \
    if (fscanf(file, __VA_ARGS__) != (count)) bad(file, __LINE__); \
  } while (0)

__attribute__((noreturn)) static void bad(FILE *file, int line) {
  die("the job's file does not match job.h, at byte %ld (job.c:%d)", ftell(file), line);
}

/* Returns the index of the file's next word in names (count). */
static int read_name(FILE *file, const char *const *names, int count) {
  char word[32];
  READ(file, 1, "%31s", word);
  for (int i = 0; i < count; i++)
    if (strcmp(word, names[i]) == 0) return i;
  die("the job's file has '%s', expected '%s' or another of its kind", word, names[0]);
}

static void read_word(FILE *file, const char *word) { (void)read_name(file, &word, 1); }

/* Reads n * size bytes after one character of space. */
static void read_bytes(FILE *file, void *bytes, size_t n, size_t size) {
  if (fgetc(file) == EOF || fread(bytes, size, n, file) != n) bad(file, __LINE__);
}

static od_layer read_layer(FILE *file) {
  const char *kinds[OD_LAYER_KINDS];
  int same, bias, relu;
  for (int i = 0; i < OD_LAYER_KINDS; i++) kinds[i] = od_layer_kind_name((od_layer_kind)i);
  od_layer layer = {.kind = (od_layer_kind)read_name(file, kinds, OD_LAYER_KINDS)};
  READ(file, 10, "%d %d %d %d %d %d %d %lf %lf %lf", &layer.units, &layer.kernel[0], &layer.stride,
       &layer.dilation, &same, &bias, &relu, &layer.rate, &layer.momentum, &layer.epsilon);
  layer.same = same;
  layer.bias = bias;
  layer.relu = relu;
  layer.kernel[1] = layer.kernel[0]; /* square ones, and pools of 2x2 */
  layer.groups = 1;
  layer.pool[0] = layer.pool[1] = layer.step[0] = layer.step[1] = 2;
  return layer;
}

static od_network *read_network(FILE *file) {
  od_shape input;
  od_layer layers[OD_MAX_LAYERS];
  od_network *network;
  od_error error;
  int count;
  read_word(file, "network");
  READ(file, 4, "%d %d %d %d", &input.h, &input.w, &input.c, &count);
  if (count < 1 || count > OD_MAX_LAYERS) bad(file, __LINE__);
  for (int i = 0; i < count; i++) layers[i] = read_layer(file);
  if (od_network_create(input, layers, count, &network, &error)) die("%s", error.message);

  read_word(file, "tensors");
  READ(file, 1, "%d", &count);
  if (count != od_network_tensor_count(network)) bad(file, __LINE__);
  const char *names[OD_MAX_LAYERS];
  if (count > OD_MAX_LAYERS) die("more than %d tensors", OD_MAX_LAYERS);
  for (int i = 0; i < count; i++) names[i] = od_network_tensor(network, i)->name;
  for (int i = 0; i < count; i++) {
    const od_tensor *tensor = od_network_tensor(network, read_name(file, names, count));
    size_t size;
    READ(file, 1, "%zu", &size);
    if (size != tensor->size) bad(file, __LINE__);
    read_bytes(file, tensor->data, size, sizeof *tensor->data);
  }
  return network;
}

static void read_range(FILE *file, od_range *range) {
  READ(file, 2, "%lf %lf", &range->low, &range->high);
}

/* Reads the parameters of step->kind, in the order of their declaration. */
static void read_parameters(FILE *file, od_augment_step *step) {
  switch (step->kind) {
    case OD_AUGMENT_TRANSLATION:
      read_range(file, &step->translation.height);
      read_range(file, &step->translation.width);
      break;
    case OD_AUGMENT_AFFINE:
      READ(file, 2, "%lf %lf", &step->affine.degrees, &step->affine.translate);
      read_range(file, &step->affine.scale);
      READ(file, 1, "%lf", &step->affine.shear);
      break;
    case OD_AUGMENT_ELASTIC:
      READ(file, 2, "%lf %lf", &step->elastic.displacement, &step->elastic.sigma);
      break;
    case OD_AUGMENT_BACKGROUND:
      read_range(file, &step->background.tone);
      READ(file, 1, "%lf", &step->background.uneven);
      break;
    case OD_AUGMENT_TEXTURE:
      read_range(file, &step->texture.amount);
      READ(file, 1, "%lf", &step->texture.spacing);
      break;
    case OD_AUGMENT_STRAY_STROKE:
      read_range(file, &step->stray_stroke.width);
      READ(file, 1, "%lf", &step->stray_stroke.reach);
      break;
    case OD_AUGMENT_INVERT:
      break;
    default:
      read_range(file, &step->range);
  }
}

static od_augment_step read_augmentation(FILE *file) {
  static const char *const fills[] = {[OD_FILL_REFLECT] = "reflect",
                                      [OD_FILL_CONSTANT] = "constant",
                                      [OD_FILL_NEAREST] = "nearest"};
  const char *kinds[OD_AUGMENT_KINDS];
  for (int i = 0; i < OD_AUGMENT_KINDS; i++) kinds[i] = od_augment_kind_name((od_augment_kind)i);
  od_augment_step step = {.kind = (od_augment_kind)read_name(file, kinds, OD_AUGMENT_KINDS)};
  READ(file, 1, "%lf", &step.probability);
  step.fill = (od_fill)read_name(file, fills, 3);
  READ(file, 1, "%lf", &step.value);
  read_parameters(file, &step);
  return step;
}

static job_recipe read_recipe(FILE *file) {
  static const char *const optimizers[] = {
      [OD_SGD] = "sgd", [OD_ADAM] = "adam", [OD_ADAMW] = "adamw"};
  job_recipe recipe = {
      .config = {
          .epochs = 1,
          .seed = 1,
          .schedule = {.kind = OD_CONSTANT, .peak = 1e-7, .divisor = 1, .final_divisor = 1}}};
  od_train_config *config = &recipe.config;
  od_optimizer_config *optimizer = &config->optimizer;
  READ(file, 2, "%31s %d", recipe.name, &config->batch_size);
  optimizer->kind = (od_optimizer_kind)read_name(file, optimizers, 3);
  READ(file, 9, "%lf %lf %lf %lf %lf %lf %lf %lf %d", &optimizer->beta1, &optimizer->beta2,
       &optimizer->epsilon, &optimizer->momentum, &optimizer->decay, &optimizer->clip_norm,
       &optimizer->ema, &config->label_smoothing, &config->augment.count);
  if (config->augment.count < 0 || config->augment.count > OD_MAX_AUGMENT_STEPS)
    bad(file, __LINE__);
  for (int i = 0; i < config->augment.count; i++)
    config->augment.steps[i] = read_augmentation(file);
  return recipe;
}

job job_read(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) die("%s cannot be read", path);
  job j = {.network = read_network(file)};
  read_word(file, "recipes");
  READ(file, 1, "%d", &j.recipe_count);
  if (j.recipe_count < 0 || j.recipe_count > JOB_RECIPES) bad(file, __LINE__);
  for (int i = 0; i < j.recipe_count; i++) j.recipes[i] = read_recipe(file);
  read_word(file, "images");
  READ(file, 2, "%zu %zu", &j.images.count, &j.images.size);
  if (j.images.size != od_shape_size(od_network_input(j.network))) bad(file, __LINE__);
  j.pixels = od_allocate(j.images.count, j.images.size);
  j.labels = od_allocate(j.images.count, 1);
  if (!j.pixels || !j.labels) die("no memory for %zu images", j.images.count);
  read_bytes(file, j.pixels, j.images.count, j.images.size);
  read_word(file, "labels");
  read_bytes(file, j.labels, j.images.count, 1);
  j.images.bytes = j.pixels;
  j.images.scale = 1.0 / 255;
  fclose(file);
  return j;
}

void job_release(job *j) {
  od_network_destroy(j->network);
  od_release(j->pixels);
  od_release(j->labels);
}
