/* Pictures of one digit, of any numbers, shapes and channels: preprocessing gives an image within
 * 0 and 1, and the classifier probabilities. */
#include "digit/canonical.h"
#include "digit/classifier.h"
#include "digit/input.h"
#include "digit/preprocess.h"
#include "fuzz/input.h"
#include "networks.h"

enum { PIXELS = OD_DIGIT_SIDE * OD_DIGIT_SIDE, MAX_SIDE = 48 };

static void check_image(const float *image) {
  for (int i = 0; i < PIXELS; i++) require(image[i] >= 0 && image[i] <= 1);
}

/* A gray picture whose rows have a gap, with its stages. */
static void check_preprocessing(fuzz_input *in, const od_kernels *kernels) {
  const int h = take_between(in, 1, MAX_SIDE), w = take_between(in, 1, MAX_SIDE);
  const int stride = w + take_byte(in) % 9;
  const bool with_steps = take_flag(in);
  const size_t bytes = (size_t)(h - 1) * (size_t)stride + (size_t)w;
  uint8_t *picture = take_picture(in, h, w, 6), *image = block_of(bytes);
  float *result = block_of(PIXELS * sizeof *result);
  od_image_workspace workspace = {.kernels = kernels};
  od_preprocess_steps steps = {0};
  od_error error = {{0}};
  memset(image, 77, bytes);
  for (int y = 0; y < h; y++) memcpy(image + y * stride, picture + y * w, (size_t)w);
  require(succeeded(od_preprocess_digit(&workspace, h, w, stride, image, with_steps ? &steps : NULL,
                                        result, &error),
                    &error));
  check_image(result);
  od_preprocess_steps_release(&steps);
  od_image_workspace_release(&workspace);
  free(picture);
  free(image);
  free(result);
}

static float *take_floats(fuzz_input *in, size_t count, const uint8_t *levels) {
  static const float specials[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-40f, -1, 2};
  float *floats = block_of(count * sizeof *floats);
  for (size_t i = 0; i < count; i++) floats[i] = (float)levels[i] / 255;
  if (take_byte(in) % 4 == 1) floats[take_word(in) % count] = specials[take_byte(in) % 8];
  return floats;
}

/* A picture of any kind; floats that are not in 0 to 1 give any image, without an error. */
static void check_picture(fuzz_input *in, const od_kernels *kernels) {
  static const int channels[] = {1, 3, 4};
  const int h = take_between(in, 1, 40), w = take_between(in, 1, 40),
            c = channels[take_byte(in) % 3];
  const bool use_floats = take_flag(in);
  const double scale = take_byte(in) % 4 ? 1 : take_double(in);
  const size_t count = (size_t)(h * w * c);
  uint8_t *levels = take_picture(in, h, w * c, 6);
  float *floats = use_floats ? take_floats(in, count, levels) : NULL;
  const od_picture picture = {use_floats ? NULL : levels, floats, scale, h, w, c};
  float *inputs = block_of(2 * PIXELS * sizeof *inputs);
  od_error error = {{0}};
  const od_picture pictures[2] = {picture, picture};
  require(succeeded(od_pictures_to_inputs(kernels, take_pool(in), 2, pictures, inputs, &error),
                    &error));
  if (!use_floats) check_image(inputs);
  require(!memcmp(inputs, inputs + PIXELS, PIXELS * sizeof *inputs));
  if (floats) od_are_canonical_floats(1, h, w * c, 1, floats);
  od_are_canonical(1, h, w * c, levels);
  free(inputs);
  free(levels);
  free(floats);
}

/* The classifier of a digit, with TTA. */
static void check_classifier(fuzz_input *in) {
  static runner small;
  static od_tta *tta;
  const od_layer layers[] = {POOL, POOL, FLATTEN, dense(11, false)};
  if (!tta) {
    od_network *network;
    require(
        !od_network_create((od_shape){OD_DIGIT_SIDE, OD_DIGIT_SIDE, 1}, layers, 4, &network, NULL));
    randomize(network, 5);
    require(!runner_create(network, last_table(), OD_FLOAT32, 2, &small, NULL));
    require(!od_tta_create(&tta, NULL));
    od_network_destroy(network);
  }
  const od_classifier classifier = {small.model, tta, take_fraction(in), 0.01 + take_byte(in)};
  uint8_t *image = take_picture(in, OD_DIGIT_SIDE, OD_DIGIT_SIDE, 4);
  const od_images images = {.bytes = image, .count = 1, .size = PIXELS, .scale = 1 / 255.0};
  od_real probabilities[OD_DIGITS];
  int64_t digit;
  double score, confidence, sum = 0;
  od_classify(&classifier, small.workspace, NULL, &images,
              &(od_classification){&digit, probabilities, &score, &confidence, 0.5});
  for (int i = 0; i < OD_DIGITS; i++) sum += (double)probabilities[i];
  require(fabs(sum - 1) < 1e-4 && score >= 0 && score <= 1 && confidence <= 1 + 1e-6);
  require(digit >= -1 && digit < OD_DIGITS);
  free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  fuzz_input in = {bytes, size};
  const od_kernels *kernels = take_table(&in);
  const int kind = take_byte(&in) % 8;
  if (kind < 4) check_preprocessing(&in, kernels);
  if (kind >= 4 && kind < 7) check_picture(&in, kernels);
  if (kind == 7) check_classifier(&in);
  return 0;
}
