/* Lists of augmentations: any list either fails its check, or gives images of finite numbers, and
 * the same ones for the same seed. */
#include "fuzz/input.h"
#include "train/augment.h"

enum { MAX_STEPS = 6, MAX_SIDE = 48 };

/* Mostly a number that the checks accept. */
static double take_parameter(fuzz_input *in) {
  const int byte = take_byte(in);
  if (byte < 200) return (byte - 100) / 100.0;
  return byte < 240 ? byte - 200 : take_double(in);
}

static od_augment_step take_step(fuzz_input *in) {
  od_augment_step step = {.kind = (od_augment_kind)(take_byte(in) % (OD_AUGMENT_KINDS + 1)),
                          .probability = take_fraction(in),
                          .fill = (od_fill)(take_byte(in) % 4),
                          .value = take_fraction(in)};
  double numbers[5];
  for (int i = 0; i < 5; i++) numbers[i] = take_parameter(in);
  if (numbers[0] > numbers[1] && take_flag(in)) { /* a range in order */
    const double high = numbers[0];
    numbers[0] = numbers[1], numbers[1] = high;
  }
  const od_range range = {numbers[0], numbers[1]}, other = {numbers[2], numbers[3]};
  if (step.kind == OD_AUGMENT_TRANSLATION)
    step.translation = (od_translation_parameters){range, other};
  else if (step.kind == OD_AUGMENT_AFFINE)
    step.affine = (od_affine_parameters){numbers[2], numbers[3], range, numbers[4]};
  else if (step.kind == OD_AUGMENT_ELASTIC)
    step.elastic = (od_elastic_parameters){numbers[0], numbers[1]};
  else if (step.kind == OD_AUGMENT_BACKGROUND)
    step.background = (od_background_parameters){range, numbers[2]};
  else if (step.kind == OD_AUGMENT_TEXTURE)
    step.texture = (od_texture_parameters){range, numbers[2]};
  else if (step.kind == OD_AUGMENT_STRAY_STROKE)
    step.stray_stroke = (od_stray_stroke_parameters){range, numbers[2]};
  else
    step.range = range;
  return step;
}

static void augment_image(const od_augment *augment, uint64_t seed, int h, int w, od_real *image) {
  od_rng rng;
  od_rng_seed(&rng, seed, 0);
  void *scratch = od_allocate(od_augment_scratch_size(h, w), 1);
  require(scratch != NULL);
  for (int i = 0; i < h * w; i++) image[i] = (od_real)(i * 37 % 256) / 255;
  od_augment_image(augment, &rng, h, w, image, scratch);
  od_release(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  fuzz_input in = {bytes, size};
  const int h = take_between(&in, 1, MAX_SIDE), w = take_between(&in, 1, MAX_SIDE);
  const uint64_t seed = (uint64_t)take_byte(&in);
  od_augment augment = {.count = take_byte(&in) % 16 == 15 ? take_number(&in)
                                                           : 1 + take_byte(&in) % MAX_STEPS};
  for (int i = 0; i < augment.count && i < MAX_STEPS; i++) augment.steps[i] = take_step(&in);
  od_error error = {{0}};
  if (!succeeded(od_augment_check(&augment, &error), &error)) return 0;
  const size_t count = (size_t)(h * w);
  od_real *images[2] = {block_of(count * sizeof(od_real)), block_of(count * sizeof(od_real))};
  for (int k = 0; k < 2; k++) augment_image(&augment, seed, h, w, images[k]);
  for (size_t i = 0; i < count; i++) require(isfinite(images[0][i]));
  require(!memcmp(images[0], images[1], count * sizeof(od_real)));
  free(images[0]);
  free(images[1]);
  return 0;
}
